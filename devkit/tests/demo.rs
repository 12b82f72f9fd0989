//! The demo, where it must not take place.
#![allow(clippy::unwrap_used)] // In what the tests share too.

use std::path::Path;
use std::process::Output;

use devkit::controlplane::{ControlPlane, Options};
use devkit::{operator, paths};
use tokio::process::Command;

async fn demo(kubeconfig: &Path) -> Output {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_devkit"));
    demo.args(["demo", "--kubeconfig"]).arg(kubeconfig).kill_on_drop(true).output().await.unwrap()
}

/// The demo once took away a namespace, with all that was in it, that had been there before.
#[tokio::test]
async fn a_cluster_that_has_the_kind_or_the_operators_namespace_is_refused_and_left_as_it_is() {
    let kind = std::fs::read_to_string(paths::workspace().join("crds/profilinggroups.codeguruprofiler.dev.yaml"));
    let namespace = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {}}}}}", operator::NAMESPACE);
    let installed = [
        (kind.unwrap(), "customresourcedefinition.apiextensions.k8s.io/profilinggroups.codeguruprofiler.dev"),
        (namespace, "namespace/codeguru-profiler-system"),
    ];
    for (manifest, name) in installed {
        let plane = ControlPlane::start(Options { controller_manager: false, ..Options::default() }).await.unwrap();
        plane.apply(&manifest).await.unwrap();
        let before = plane.audit().await.unwrap().position();

        let refused = demo(plane.kubeconfig()).await;
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{text}");
        for part in [name, "Nothing was changed", "leave out --kubeconfig"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let requests = plane.audit_since(before).await.unwrap().by("admin");
        assert!(requests.count() > 0, "it has looked");
        assert_eq!(requests.writes().events, []);
    }
}
