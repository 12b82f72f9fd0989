//! The Prometheus operator's own CRDs, made from its Go types, accept what the chart makes for it.

use devkit::{
    chart,
    controlplane::{ControlPlane, Options},
    definitions,
    helm::Helm,
};
use serde_json::{Value, json};

const TYPES: &str = "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1";
/// The others are large, and the chart makes none of them.
const KINDS: [&str; 2] = ["PrometheusRule", "ServiceMonitor"];

fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// What the API server returns for these objects. Unknown members are refused, defaults and validation take place, nothing is stored.
async fn judged(plane: &ControlPlane, objects: &[Value]) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string()).unwrap();
    let all = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", file.path().to_str().unwrap()];
    let output = plane.kubectl(&all).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[tokio::test]
async fn the_prometheus_operators_definitions_accept_what_the_chart_makes_and_refuse_what_is_wrong() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    for definition in documents(&definitions::of(&[TYPES]).await.unwrap()) {
        if KINDS.iter().any(|kind| definition["spec"]["names"]["kind"] == *kind) {
            plane.apply(&definition.to_string()).await.unwrap();
        }
    }
    let helm = Helm::offline().await.unwrap();
    let everything = chart::directory().join("ci/everything-values.yaml").display().to_string();
    let plainly = "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true";
    for values in [["--values", &everything], ["--set", plainly]] {
        let rendered = documents(&helm.template("profiler", "default", &values).await.unwrap());
        let theirs = |object: &Value| KINDS.iter().any(|kind| object["kind"] == *kind);
        let mut objects: Vec<Value> = rendered.into_iter().filter(theirs).collect();
        let text = judged(&plane, &objects).await.unwrap();
        assert_eq!((objects.len(), text.lines().count()), (KINDS.len(), KINDS.len()), "{values:?}: {text}");

        let monitor = objects.iter_mut().find(|object| object["kind"] == "ServiceMonitor").unwrap();
        monitor["spec"]["endpoints"][0]["interval"] = json!("often");
        let refusal = judged(&plane, &objects).await.unwrap_err();
        assert!(refusal.contains("spec.endpoints[0].interval"), "{refusal}");
    }
}
