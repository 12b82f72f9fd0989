//! The definition in the chart is the operator's own.

use codeguru_profiler_operator::api::crd_yaml;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::json;

use crate::rendered::Rendered;

const KIND: &str = "CustomResourceDefinition";

#[tokio::test]
async fn the_crd_is_the_one_that_the_operator_prints_and_stays_when_the_release_goes() {
    let own: CustomResourceDefinition = serde_saphyr::from_str(&crd_yaml()).unwrap();
    let rendered: CustomResourceDefinition = Rendered::with(&[]).await.typed(KIND);
    assert_eq!(rendered.spec, own.spec);
    assert_eq!(rendered.metadata.name, own.metadata.name);
    assert_eq!(json!(rendered.metadata.annotations), json!({ "helm.sh/resource-policy": "keep" }));
}

#[tokio::test]
async fn the_crd_goes_with_the_release_only_when_asked_and_can_be_left_to_others() {
    let rendered = Rendered::with(&["--set", "crds.keep=false"]).await;
    assert_eq!(rendered.one(KIND)["metadata"].get("annotations"), None);
    let rendered = Rendered::with(&["--set", "crds.enabled=false"]).await;
    assert_eq!(rendered.all(KIND).count(), 0);
}
