//! kustomize and Helm install the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use devkit::{controlplane::Programs, operator, paths};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rendered::{Rendered, documents};

async fn built(directory: &str) -> Vec<Value> {
    built_at(&paths::workspace().join(directory)).await
}

async fn built_at(path: &Path) -> Vec<Value> {
    let kubectl = Programs::ready().await.unwrap().kubectl();
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
    let runs = ["Deployment", "PodDisruptionBudget", "Service"];
    base.retain(|object| !runs.iter().any(|kind| object["kind"] == *kind));
    assert_eq!(access, base);
    assert_eq!(access.len(), 10);
}

#[tokio::test]
async fn the_component_for_deletion_is_the_chart_with_what_it_needs() {
    let component = comparable(overlaid(json!({ "components": ["deletion"] })).await);
    let chart = comparable(Rendered::with(&["--set", "operator.allowedFacets={restore,delete}"]).await.0);
    let one = |objects: &[Value], kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap().clone();
    for kind in ["ClusterRole", "Deployment"] {
        let part = if kind == "Deployment" { "/spec/template/spec/containers/0/args" } else { "/rules" };
        let sorted = |objects: &[Value]| {
            let object = one(objects, kind);
            let mut items = object.pointer(part).unwrap().as_array().unwrap().clone();
            items.sort_by_key(Value::to_string);
            items
        };
        assert_eq!(sorted(&component), sorted(&chart), "{kind}");
    }
}

#[derive(Deserialize)]
struct RoleRef {
    kind: String,
    name: String,
}

/// What a person's own overlay makes of the base: kustomize takes only relative paths to it.
async fn overlaid(change: Value) -> Vec<Value> {
    let overlay = tempfile::tempdir().unwrap();
    let directory = overlay.path().canonicalize().unwrap();
    let up: PathBuf = directory.components().skip(1).map(|_| "..").collect();
    let part = |name: &str| up.join(paths::workspace().join("deploy/kustomize").join(name).strip_prefix("/").unwrap());
    let mut kustomization = change;
    kustomization["resources"] = json!([part("base")]);
    for component in kustomization["components"].as_array_mut().into_iter().flatten() {
        *component = json!(part(component.as_str().unwrap()));
    }
    fs::write(directory.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    built_at(&directory).await
}

#[tokio::test]
async fn an_overlay_with_another_namespace_and_prefix_gives_the_permissions_to_the_account_that_the_pod_has() {
    for (change, account) in [
        (json!({ "namespace": "profiler" }), "codeguru-profiler-operator"),
        (json!({ "namePrefix": "team-" }), "team-codeguru-profiler-operator"),
        (json!({ "namespace": "profiler", "namePrefix": "team-" }), "team-codeguru-profiler-operator"),
    ] {
        let namespace = change["namespace"].as_str().unwrap_or(operator::NAMESPACE).to_owned();
        let objects = overlaid(change).await;
        let one = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
        let subject = json!({ "kind": "ServiceAccount", "name": account, "namespace": namespace });
        for binding in [one("ClusterRoleBinding"), one("RoleBinding")] {
            assert_eq!(binding["subjects"], json!([subject]));
            let RoleRef { kind, name } = serde_json::from_value(binding["roleRef"].clone()).unwrap();
            let role = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
            assert_eq!(role.unwrap()["metadata"]["namespace"], binding["metadata"]["namespace"], "{kind} {name}");
        }
        assert_eq!(one("ServiceAccount")["metadata"]["name"], account);
        for kind in ["ServiceAccount", "Deployment", "Service", "Role"] {
            assert_eq!(one(kind)["metadata"]["namespace"], namespace, "{kind}");
        }
        assert_eq!(one("Deployment")["spec"]["template"]["spec"]["serviceAccountName"], account);
        assert_eq!(one("Namespace")["metadata"]["name"], namespace);
    }
}

#[tokio::test]
async fn the_overlay_to_start_from_names_image_region_and_identity() {
    let objects = built("deploy/kustomize/example").await;
    let one = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
    let container = &one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(container["image"], format!("registry.example.com/codeguru-profiler-operator:{version}"));
    let args: Vec<String> = serde_json::from_value(container["args"].clone()).unwrap();
    assert_eq!(args[3..], ["--region=eu-west-1", "--observe-only"]);
    let role = &one("ServiceAccount")["metadata"]["annotations"]["eks.amazonaws.com/role-arn"];
    assert!(role.as_str().unwrap().starts_with("arn:aws:iam::"), "{role}");
}
