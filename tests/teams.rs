//! The recipe of one operator for many teams: an admission policy that ties the names of groups to namespaces.

use devkit::{
    controlplane::{ControlPlane, Options},
    paths, wait,
};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use serde_json::json;

use crate::world::{LIMIT, install};

const PREFIX: &str = "example.com/profiling-group-prefix";

#[tokio::test]
async fn a_team_names_only_groups_with_the_prefix_of_its_namespace() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    install(&plane).await;
    let kubectl = async |args: &[&str]| {
        let output = plane.kubectl(args).await.unwrap();
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let policy = paths::workspace().join("examples/teams/admission-policy.yaml").display().to_string();
    kubectl(&["apply", "-f", &policy]).await;
    let client = plane.client().await.unwrap();
    // Nothing is stored: what a team would see.
    let answer = async |namespace: &str, group: &str| {
        let groups: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), namespace, &devkit::auditor::profiling_groups());
        let object = json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": "a" },
            "spec": { "profilingGroupName": group, "profilingEnabled": true },
        });
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        let made = groups.create(&parameters, &serde_json::from_value(object).unwrap()).await;
        made.map(drop).map_err(|error| error.to_string())
    };
    for namespace in ["shop", "other"] {
        kubectl(&["create", "namespace", namespace]).await;
    }
    kubectl(&["annotate", "namespace", "shop", &format!("{PREFIX}=Shop_")]).await;
    let refused = async || answer("other", "Shop_Checkout").await.err();
    let message = wait::until("the policy is in force", LIMIT, refused).await.unwrap();
    assert!(message.contains("this namespace may name no profiling group") && message.contains(PREFIX), "{message}");
    answer("shop", "Shop_Checkout").await.unwrap();
    let message = answer("shop", "Search").await.unwrap_err();
    assert!(message.contains("profilingGroupName must begin with Shop_ in this namespace"), "{message}");
}
