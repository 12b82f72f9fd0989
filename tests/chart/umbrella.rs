//! The chart as a dependency of a parent chart.

use std::{fs, os::unix::fs::symlink};

use devkit::{chart, helm::Helm};
use serde_json::{Value, json};

use crate::rendered::{NAME, Rendered, SYSTEM, documents};

/// What the parent renders with these values, the operator's own chart its only content.
async fn rendered(values: Value) -> Rendered {
    let parent = tempfile::tempdir().unwrap();
    let condition = format!("{NAME}.enabled");
    let dependency = json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION"), "condition": condition });
    let chart = json!({ "apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency] });
    fs::write(parent.path().join("Chart.yaml"), chart.to_string()).unwrap();
    fs::write(parent.path().join("values.yaml"), values.to_string()).unwrap();
    fs::create_dir(parent.path().join("charts")).unwrap();
    symlink(chart::directory(), parent.path().join("charts").join(NAME)).unwrap();
    let path = parent.path().display().to_string();
    let helm = Helm::offline().await.unwrap();
    Rendered(documents(&helm.ok(&["template", "parent", &path, "--namespace", SYSTEM]).await.unwrap()))
}

fn pod(rendered: &Rendered) -> &Value {
    &rendered.one("Deployment")["spec"]["template"]["spec"]
}

#[tokio::test]
async fn its_condition_switches_the_operator_on_and_off() {
    for (values, installed) in
        [(json!({}), 1), (json!({ NAME: { "enabled": true } }), 1), (json!({ NAME: { "enabled": false } }), 0)]
    {
        assert_eq!(rendered(values.clone()).await.all("Deployment").count(), installed, "{values}");
    }
}

#[tokio::test]
async fn the_registry_of_all_its_charts_holds_for_the_image() {
    let version = env!("CARGO_PKG_VERSION");
    for (repository, expected) in [
        ("", format!("registry.example.com/mirror/{NAME}:{version}")),
        ("platform/operator", format!("registry.example.com/mirror/platform/operator:{version}")),
        ("public.example.com/platform/operator", format!("registry.example.com/mirror/platform/operator:{version}")),
        ("localhost:5000/operator", format!("registry.example.com/mirror/operator:{version}")),
    ] {
        let mut values = json!({ "global": { "imageRegistry": "registry.example.com/mirror" }, NAME: {} });
        if !repository.is_empty() {
            values[NAME] = json!({ "image": { "repository": repository } });
        }
        assert_eq!(pod(&rendered(values).await)["containers"][0]["image"], expected, "{repository}");
    }
}

#[tokio::test]
async fn the_pull_secrets_of_all_its_charts_are_used_besides_the_operators_own() {
    let global = json!({ "imagePullSecrets": [{ "name": "shared" }, "mirror", "own"], "storageClass": "for others" });
    let values = json!({ "global": global, NAME: { "imagePullSecrets": [{ "name": "own" }] } });
    let expected = json!([{ "name": "own" }, { "name": "shared" }, { "name": "mirror" }]);
    assert_eq!(pod(&rendered(values).await)["imagePullSecrets"], expected);
}
