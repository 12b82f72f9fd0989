//! What Helm makes of the chart, as objects.

use devkit::helm::Helm;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub const NAME: &str = "codeguru-profiler-operator";
pub const SYSTEM: &str = "codeguru-profiler-system";
/// The values files that are kept with the chart.
pub const FILES: [&str; 3] = ["default", "locked-down", "everything"];

pub struct Rendered(pub Vec<Value>);

impl Rendered {
    /// As the documentation installs it, with these arguments.
    pub async fn with(args: &[&str]) -> Self {
        Self::release(NAME, SYSTEM, args).await
    }

    pub async fn file(name: &str) -> Self {
        Self::with(&["--values", &values_file(name)]).await
    }

    pub async fn release(release: &str, namespace: &str, args: &[&str]) -> Self {
        let yaml = Helm::offline().await.unwrap().template(release, namespace, args).await.unwrap();
        Self(documents(&yaml))
    }

    pub fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    /// The only object of a kind.
    pub fn one(&self, kind: &str) -> &Value {
        let found: Vec<_> = self.all(kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        found[0]
    }

    /// The only object of a kind, in the form that Kubernetes gives it.
    pub fn typed<T: DeserializeOwned>(&self, kind: &str) -> T {
        serde_json::from_value(self.one(kind).clone()).unwrap()
    }

    /// The operator's arguments.
    pub fn args(&self) -> Vec<String> {
        let args = &self.one("Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
        serde_json::from_value(args.clone()).unwrap()
    }
}

pub fn values_file(name: &str) -> String {
    devkit::chart::directory().join(format!("ci/{name}-values.yaml")).display().to_string()
}

pub fn documents(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}
