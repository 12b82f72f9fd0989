//! One pod is active, others stand by: how many there are, where, how they replace each other, and the Lease that decides.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::Deployment,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{PolicyRule, Role, RoleBinding},
};
use serde_json::{Value, json};

use crate::rendered::{NAME, Rendered, SYSTEM};

fn spec(rendered: &Rendered) -> Value {
    rendered.one("Deployment")["spec"].clone()
}

#[tokio::test]
async fn two_pods_on_different_nodes_replace_each_other_without_a_gap() {
    let rendered = Rendered::with(&[]).await;
    let spec = spec(&rendered);
    assert_eq!(spec["replicas"], 2);
    let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } });
    assert_eq!(spec["strategy"], strategy);
    let constraints = spec["template"]["spec"]["topologySpreadConstraints"].as_array().unwrap();
    let keys: Vec<_> = constraints.iter().map(|constraint| constraint["topologyKey"].as_str().unwrap()).collect();
    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    for constraint in constraints {
        assert_eq!(constraint["whenUnsatisfiable"], "ScheduleAnyway", "one node is enough");
        assert_eq!(constraint["labelSelector"], spec["selector"]);
        assert_eq!(
            constraint["matchLabelKeys"],
            json!(["pod-template-hash"]),
            "those of the former version don't count"
        );
    }
    let budget: PodDisruptionBudget = rendered.typed("PodDisruptionBudget");
    let budget = budget.spec.unwrap();
    assert_eq!(json!(budget.max_unavailable), 1);
    assert_eq!(json!(budget.selector), spec["selector"]);
    assert_eq!(budget.unhealthy_pod_eviction_policy.as_deref(), Some("AlwaysAllow"));
}

#[tokio::test]
async fn each_of_it_can_be_replaced_or_left_out() {
    let everything = Rendered::file("everything").await;
    let spec_of_everything = spec(&everything);
    assert_eq!(spec_of_everything["replicas"], 3);
    let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "50%", "maxSurge": 0 } });
    assert_eq!(spec_of_everything["strategy"], strategy);
    let constraints = &spec_of_everything["template"]["spec"]["topologySpreadConstraints"];
    assert_eq!(constraints[0]["labelSelector"], json!({ "matchLabels": { "tier": "control" } }));
    let budget = &everything.one("PodDisruptionBudget")["spec"];
    assert_eq!((&budget["minAvailable"], budget.get("maxUnavailable")), (&json!("50%"), None));

    let values = "replicaCount=1,podDisruptionBudget.enabled=false,topologySpreadConstraints=null";
    let alone = Rendered::with(&["--set", values]).await;
    assert_eq!(alone.all("PodDisruptionBudget").count(), 0);
    assert!(spec(&alone)["template"]["spec"].get("topologySpreadConstraints").is_none());
    assert_eq!(spec(&alone)["strategy"]["type"], "RollingUpdate", "two pods overlap, and the Lease decides");
    assert!(alone.args().iter().all(|arg| arg != "--leader-election=false"));
}

#[tokio::test]
async fn an_upgrade_from_a_version_without_leases_can_end_the_old_pod_first() {
    let rendered = Rendered::with(&["--set", "strategy.type=Recreate"]).await;
    assert_eq!(spec(&rendered)["strategy"], json!({ "type": "Recreate" }));
}

#[tokio::test]
async fn without_leader_election_there_is_one_pod_which_ends_before_the_next_starts() {
    let rendered = Rendered::with(&["--set", "leaderElection.enabled=false,replicaCount=1"]).await;
    let deployment: Deployment = rendered.typed("Deployment");
    let spec = deployment.spec.unwrap();
    assert_eq!((spec.replicas, spec.strategy.unwrap().type_.as_deref()), (Some(1), Some("Recreate")));
    assert!(rendered.args().contains(&"--leader-election=false".to_owned()));
    assert!(rendered.args().iter().all(|arg| !arg.starts_with("--leader-election-")), "{:?}", rendered.args());
    assert_eq!(rendered.all("Role").count(), 0);
}

fn lease_name(rendered: &Rendered) -> String {
    let args = rendered.args();
    let name = args.iter().find_map(|arg| arg.strip_prefix("--leader-election-lease-name="));
    name.unwrap().to_owned()
}

#[tokio::test]
async fn each_release_has_a_lease_of_its_own() {
    let of = async |release: &str, args: &[&str]| lease_name(&Rendered::release(release, SYSTEM, args).await);
    assert_eq!(of("shop", &[]).await, format!("shop-{NAME}"));
    assert_eq!(of("search", &[]).await, format!("search-{NAME}"));
    assert_eq!(of(NAME, &[]).await, NAME);
    assert_eq!(of("a", &["--set", "fullnameOverride=b"]).await, "b");
    assert_eq!(of("a", &["--set", "leaderElection.leaseName=c"]).await, "c");
}

#[tokio::test]
async fn the_pod_may_hold_its_own_lease_in_its_own_namespace_and_no_other() {
    for args in [&[][..], &["--set", "watchNamespaces={shop}"], &["--set", "namespaceOverride=other"]] {
        let rendered = Rendered::with(args).await;
        let is_the_leases = |object: &&Value| object["metadata"]["name"] == format!("{NAME}:leader-election");
        let role: Role = serde_json::from_value(rendered.all("Role").find(is_the_leases).unwrap().clone()).unwrap();
        let binding: RoleBinding =
            serde_json::from_value(rendered.all("RoleBinding").find(is_the_leases).unwrap().clone()).unwrap();
        assert_eq!(role.metadata.namespace, binding.metadata.namespace);
        assert_eq!(json!(role.metadata.namespace), rendered.one("Deployment")["metadata"]["namespace"]);
        let rules = role.rules.unwrap();
        assert!(rules.iter().all(|rule| rule.resources == Some(vec!["leases".to_owned()])));
        let allowed = |rule: &PolicyRule| (rule.resource_names.clone(), rule.verbs.join(" "));
        let allowed: BTreeSet<_> = rules.iter().map(allowed).collect();
        let named = Some(vec![lease_name(&rendered)]);
        assert_eq!(allowed, [(None, "create".to_owned()), (named, "get list update watch".to_owned())].into());
    }
}
