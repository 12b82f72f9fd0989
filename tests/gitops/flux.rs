//! Flux's own CRDs, made from its Go types by the generator that Flux uses, accept what is shipped for it.

use devkit::{
    controlplane::{ControlPlane, Options},
    definitions,
    helm::Helm,
    paths,
};
use serde_json::Value;

const TYPES: [&str; 3] = [
    "github.com/fluxcd/helm-controller/api/v2",
    "github.com/fluxcd/kustomize-controller/api/v1",
    "github.com/fluxcd/source-controller/api/v1",
];

#[tokio::test]
async fn what_is_shipped_for_flux_is_accepted_by_its_crds() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.apply(&definitions::of(&TYPES).await.unwrap()).await.unwrap();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: flux-system }\n";
    plane.apply(namespace).await.unwrap();
    for file in ["operator", "resources"] {
        let path = paths::workspace().join(format!("deploy/flux/{file}.yaml"));
        // As a person does: kubectl refuses members that no CRD knows.
        let applied =
            plane.kubectl(&["apply", "--validate=strict", "--filename", path.to_str().unwrap()]).await.unwrap();
        assert!(applied.status.success(), "{file}: {}", String::from_utf8_lossy(&applied.stderr));
    }
    let wrong = std::fs::read_to_string(paths::workspace().join("deploy/flux/resources.yaml")).unwrap();
    let wrong = wrong.replace("interval: 10m", "interval: often");
    assert!(plane.apply(&wrong).await.is_err(), "the same eyes see what is wrong");
}

#[tokio::test]
async fn the_values_that_are_shipped_for_flux_are_ones_that_the_chart_takes() {
    let shipped = std::fs::read_to_string(paths::workspace().join("deploy/flux/operator.yaml")).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&shipped).unwrap();
    let release = objects.iter().find(|object| object["kind"] == "HelmRelease").unwrap();
    let mut values = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&mut values, &release["spec"]["values"]).unwrap();
    let helm = Helm::offline().await.unwrap();
    let name = release["spec"]["releaseName"].as_str().unwrap();
    let made = helm.template(name, "any", &["--values", values.path().to_str().unwrap()]).await.unwrap();
    assert!(made.contains("--observe-only") && made.contains("eks.amazonaws.com/role-arn"), "{made}");
}
