//! The CRDs in the chart are the operator's own.

use codeguru_profiler_operator::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::json;

use crate::rendered::Rendered;

const KIND: &str = "CustomResourceDefinition";

#[tokio::test]
async fn the_crds_are_those_that_the_operator_prints_and_stay_when_the_release_goes() {
    let rendered = Rendered::with(&[]).await;
    assert_eq!(rendered.all(KIND).count(), api::crds().len());
    for own in api::crds() {
        let rendered = rendered.all(KIND).find(|crd| crd["metadata"]["name"] == json!(own.metadata.name)).unwrap();
        let rendered: CustomResourceDefinition = serde_json::from_value(rendered.clone()).unwrap();
        assert_eq!(rendered.spec, own.spec);
        assert_eq!(json!(rendered.metadata.annotations), json!({ "helm.sh/resource-policy": "keep" }));
    }
}

#[tokio::test]
async fn the_crds_go_with_the_release_only_when_requested_and_can_be_left_to_others() {
    let rendered = Rendered::with(&["--set", "crds.keep=false"]).await;
    assert!(rendered.all(KIND).all(|crd| crd["metadata"].get("annotations").is_none()));
    let rendered = Rendered::with(&["--set", "crds.enabled=false"]).await;
    assert_eq!(rendered.all(KIND).count(), 0);
}
