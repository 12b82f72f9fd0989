//! kustomize and Helm install the same.

use devkit::{controlplane::Program, operator, paths};
use serde_json::Value;

use crate::rendered::{Rendered, documents};

async fn built(directory: &str) -> Vec<Value> {
    let kubectl = Program::built().await.unwrap().kubectl();
    let path = paths::workspace().join(directory);
    let output = tokio::process::Command::new(kubectl).arg("kustomize").arg(path).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

/// Without what only Helm writes, in an order of its own.
fn comparable(objects: Vec<Value>) -> Vec<Value> {
    let mut objects: Vec<Value> = objects
        .into_iter()
        .map(|mut object| {
            let metadata = &mut object["metadata"];
            if let Some(labels) = metadata["labels"].as_object_mut() {
                labels.retain(|name, _| !["helm.sh/chart", "app.kubernetes.io/managed-by"].contains(&name.as_str()));
            }
            let metadata = metadata.as_object_mut().unwrap();
            metadata.remove("annotations");
            object
        })
        .collect();
    objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    objects
}

#[tokio::test]
async fn the_base_is_the_chart_with_default_values_and_a_namespace() {
    let mut base = built("deploy/kustomize/base").await;
    let namespace = base.iter().position(|object| object["kind"] == "Namespace").unwrap();
    let namespace = base.swap_remove(namespace);
    assert_eq!(namespace["metadata"]["name"], operator::NAMESPACE);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    let (base, chart) = (comparable(base), comparable(Rendered::with(&[]).await.0));
    for (ours, theirs) in base.iter().zip(&chart) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(base.len(), chart.len());
}

#[tokio::test]
async fn access_is_the_base_without_what_runs_in_the_cluster() {
    let access = comparable(built("deploy/kustomize/access").await);
    let mut base = comparable(built("deploy/kustomize/base").await);
    base.retain(|object| object["kind"] != "Deployment" && object["kind"] != "Service");
    assert_eq!(access, base);
    assert_eq!(access.len(), 7);
}

#[tokio::test]
async fn the_overlay_to_start_from_names_image_region_and_identity() {
    let objects = built("deploy/kustomize/example").await;
    let one = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
    let container = &one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(container["image"], format!("registry.example.com/codeguru-profiler-operator:{version}"));
    let args: Vec<String> = serde_json::from_value(container["args"].clone()).unwrap();
    assert_eq!(args[2..], ["--region=eu-west-1", "--observe-only"]);
    let role = &one("ServiceAccount")["metadata"]["annotations"]["eks.amazonaws.com/role-arn"];
    assert!(role.as_str().unwrap().starts_with("arn:aws:iam::"), "{role}");
}
