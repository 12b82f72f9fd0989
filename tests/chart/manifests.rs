//! What is installed: the pod, its permissions, and what can be switched on.

use std::collections::{BTreeMap, BTreeSet};

use devkit::{chart, helm::Helm};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule},
};
use serde_json::{Value, json};

use crate::rendered::{FILES, NAME, Rendered, SYSTEM, values_file};

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    let helm = Helm::offline().await.unwrap();
    let directory = chart::directory().display().to_string();
    for file in FILES {
        let text = helm.ok(&["lint", "--strict", &directory, "--values", &values_file(file)]).await.unwrap();
        assert!(text.contains("1 chart(s) linted, 0 chart(s) failed"), "{file}: {text}");
        assert!(!text.contains("[WARNING]"), "{file}: {text}");
    }
}

#[tokio::test]
async fn the_chart_is_of_the_operators_version() {
    let text = std::fs::read_to_string(chart::directory().join("Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    let deployment: Deployment = Rendered::with(&[]).await.typed("Deployment");
    let container = deployment.spec.unwrap().template.spec.unwrap().containers.remove(0);
    assert_eq!(container.image.unwrap(), format!("{NAME}:{}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn roles_and_identity_can_be_left_to_others() {
    let values = "rbac.create=false,serviceAccount.create=false,serviceAccount.name=mine";
    let rendered = Rendered::with(&["--set", values]).await;
    for kind in ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"] {
        assert!(rendered.all(kind).next().is_none(), "{kind}");
    }
    let deployment: Deployment = rendered.typed("Deployment");
    assert_eq!(deployment.spec.unwrap().template.spec.unwrap().service_account_name.as_deref(), Some("mine"));
}

#[tokio::test]
async fn changing_the_role_rolls_the_pod() {
    let mut pods = Vec::new();
    for role in ["one", "other", "one"] {
        let value = format!("serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={role}");
        let rendered = Rendered::with(&["--set", &value]).await;
        pods.push(rendered.one("Deployment")["spec"]["template"].clone());
    }
    assert_ne!(pods[0], pods[1]);
    assert_eq!(pods[0], pods[2]);
}

#[tokio::test]
async fn the_token_is_short_lived_and_where_a_client_in_a_pod_looks_for_it() {
    let rendered = Rendered::with(&[]).await;
    let account: ServiceAccount = rendered.typed("ServiceAccount");
    assert_eq!(account.automount_service_account_token, Some(false));
    let deployment: Deployment = rendered.typed("Deployment");
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    let mount = pod.containers[0].volume_mounts.as_ref().unwrap()[0].clone();
    assert_eq!(mount.mount_path, "/var/run/secrets/kubernetes.io/serviceaccount");
    let volume = pod.volumes.unwrap().into_iter().find(|volume| volume.name == mount.name).unwrap();
    let sources = volume.projected.unwrap().sources.unwrap();
    let token = sources[0].service_account_token.as_ref().unwrap();
    assert_eq!((token.path.as_str(), token.expiration_seconds), ("token", Some(3607)));
    let certificate = &sources[1].config_map.as_ref().unwrap().items.as_ref().unwrap()[0];
    assert_eq!(certificate.path, "ca.crt");
    let namespace = &sources[2].downward_api.as_ref().unwrap().items.as_ref().unwrap()[0];
    assert_eq!(namespace.path, "namespace");
}

#[tokio::test]
async fn files_can_be_mounted_beside_the_token() {
    let deployment: Deployment = Rendered::file("everything").await.typed("Deployment");
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    let volumes: Vec<_> = pod.volumes.unwrap().into_iter().map(|volume| volume.name).collect();
    assert_eq!(volumes, ["kubernetes-access", "certificates"]);
    let mounts = pod.containers[0].volume_mounts.clone().unwrap();
    let mounts: Vec<_> = mounts.iter().map(|mount| (mount.name.as_str(), mount.mount_path.as_str())).collect();
    let expected = [
        ("kubernetes-access", "/var/run/secrets/kubernetes.io/serviceaccount"),
        ("certificates", "/etc/ssl/private-ca"),
    ];
    assert_eq!(mounts, expected);
}

#[tokio::test]
async fn every_reference_between_objects_leads_somewhere() {
    for file in FILES {
        let rendered = Rendered::file(file).await;
        let deployment: Deployment = rendered.typed("Deployment");
        let spec = deployment.spec.unwrap();
        let (labels, pod) = (spec.template.metadata.unwrap().labels.unwrap(), spec.template.spec.unwrap());
        let account = rendered.one("ServiceAccount");
        assert_eq!(account["metadata"]["name"], pod.service_account_name.clone().unwrap(), "{file}");
        let is_the_pods = |selector: &Value| {
            selector.as_object().unwrap().iter().all(|(name, value)| labels.get(name).is_some_and(|it| value == it))
        };
        assert!(is_the_pods(&json!(spec.selector.match_labels)), "{file}");
        for service in rendered.all("Service") {
            let service: Service = serde_json::from_value(service.clone()).unwrap();
            let spec = service.spec.unwrap();
            assert!(is_the_pods(&json!(spec.selector)), "{file}");
            assert_eq!(
                json!(spec.ports.unwrap()[0].target_port),
                json!(pod.containers[0].ports.as_ref().unwrap()[0].name)
            );
            for monitor in rendered.all("ServiceMonitor") {
                let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
                let found = service.metadata.labels.as_ref().unwrap();
                assert!(wanted.iter().all(|(name, value)| found.get(name).is_some_and(|it| value == it)), "{file}");
            }
        }
        for policy in rendered.all("NetworkPolicy") {
            let policy: NetworkPolicy = serde_json::from_value(policy.clone()).unwrap();
            assert!(is_the_pods(&json!(policy.spec.unwrap().pod_selector.unwrap().match_labels)), "{file}");
        }
        for binding in rendered.all("RoleBinding").chain(rendered.all("ClusterRoleBinding")) {
            assert_eq!(binding["subjects"][0]["name"], account["metadata"]["name"], "{file}");
            assert_eq!(binding["subjects"][0]["namespace"], account["metadata"]["namespace"], "{file}");
            let kind = binding["roleRef"]["kind"].as_str().unwrap();
            let role = rendered.all(kind).find(|role| role["metadata"]["name"] == binding["roleRef"]["name"]);
            assert!(role.is_some(), "{file}: {}", binding["roleRef"]);
        }
    }
}

/// Where all namespaces are meant.
const EVERYWHERE: &str = "";

/// What the roles allow, by namespace.
fn allowed(rendered: &Rendered) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for role in rendered.all("Role").chain(rendered.all("ClusterRole")) {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or(EVERYWHERE);
        let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).unwrap();
        let allowed = all.entry(namespace.to_owned()).or_default();
        for rule in rules {
            for resource in rule.resources.iter().flatten() {
                allowed.extend(rule.verbs.iter().map(|verb| format!("{verb} {resource}")));
            }
        }
    }
    all
}

const GROUPS: [&str; 4] =
    ["get profilinggroups", "list profilinggroups", "update profilinggroups/status", "watch profilinggroups"];
/// Through which accounts AWS is called, in the whole cluster.
const ACCOUNTS: [&str; 6] = [
    "get profileraccounts",
    "list profileraccounts",
    "watch profileraccounts",
    "update profileraccounts/status",
    "list namespaces",
    "watch namespaces",
];
/// Where its pod is, it publishes events about that pod.
const EVENTS: [&str; 1] = ["create events"];
const LEASES: [&str; 5] = ["create leases", "get leases", "list leases", "update leases", "watch leases"];
const NO_USERS: &str = "rbac.aggregateToView=false,rbac.aggregateToEdit=false";

/// As [`allowed`], from lists.
fn expected(all: &[(&str, &[&[&str]])]) -> BTreeMap<String, BTreeSet<String>> {
    let sets = all
        .iter()
        .map(|(namespace, lists)| ((*namespace).to_owned(), lists.concat().into_iter().map(str::to_owned).collect()));
    sets.collect()
}

#[tokio::test]
async fn the_operator_may_read_write_the_status_publish_events_and_hold_a_lease_and_nothing_else() {
    let rendered = Rendered::with(&["--set", NO_USERS]).await;
    assert_eq!(allowed(&rendered), expected(&[(EVERYWHERE, &[&GROUPS, &EVENTS, &ACCOUNTS]), (SYSTEM, &[&LEASES])]));
    let role: ClusterRole = rendered.typed("ClusterRole");
    let binding: ClusterRoleBinding = rendered.typed("ClusterRoleBinding");
    assert_eq!(binding.role_ref.name, role.metadata.name.unwrap());
}

#[tokio::test]
async fn only_where_a_deletion_may_change_aws_the_operator_may_patch_for_its_finalizer() {
    for facets in ["{restore}", "{create,delete}"] {
        let rendered = Rendered::with(&["--set", &format!("operator.allowedFacets={facets},{NO_USERS}")]).await;
        let groups = [&GROUPS[..], &["patch profilinggroups"]].concat();
        assert_eq!(
            allowed(&rendered),
            expected(&[(EVERYWHERE, &[&groups, &EVENTS, &ACCOUNTS]), (SYSTEM, &[&LEASES])]),
            "{facets}"
        );
    }
    let rendered = Rendered::with(&["--set", &format!("operator.allowedFacets={{create,tags}},{NO_USERS}")]).await;
    assert_eq!(allowed(&rendered), expected(&[(EVERYWHERE, &[&GROUPS, &EVENTS, &ACCOUNTS]), (SYSTEM, &[&LEASES])]));
}

#[tokio::test]
async fn with_namespaces_given_there_are_no_permissions_in_any_other() {
    let rendered = Rendered::file("locked-down").await;
    let watched: &[&[&str]] = &[&GROUPS, &EVENTS];
    assert_eq!(allowed(&rendered), expected(&[("shop", watched), ("search", watched), (SYSTEM, &[&EVENTS, &LEASES])]));
    assert_eq!(rendered.all("RoleBinding").count(), rendered.all("Role").count());
}

#[tokio::test]
async fn the_namespace_of_the_release_can_be_one_that_is_watched() {
    let rendered = Rendered::with(&["--set", &format!("watchNamespaces={{{SYSTEM}}},{NO_USERS}")]).await;
    assert_eq!(allowed(&rendered), expected(&[(SYSTEM, &[&GROUPS, &EVENTS, &LEASES])]));
}

#[tokio::test]
async fn releases_of_one_name_in_two_namespaces_share_no_name_but_the_crds() {
    let names = |rendered: &Rendered| -> BTreeSet<String> {
        let cluster_wide = rendered.0.iter().filter(|object| object["metadata"].get("namespace").is_none());
        cluster_wide.map(|object| format!("{} {}", object["kind"], object["metadata"]["name"])).collect()
    };
    let one = names(&Rendered::release("operator", "one", &[]).await);
    let two = names(&Rendered::release("operator", "two", &[]).await);
    assert_eq!(one.len(), 6);
    let shared: Vec<_> = one.intersection(&two).collect();
    let crds = ["profileraccounts", "profilinggroups"]
        .map(|kind| format!("\"CustomResourceDefinition\" \"{kind}.codeguruprofiler.dev\""));
    assert!(shared.into_iter().eq(&crds), "{crds:?}");
}

#[tokio::test]
async fn a_digest_wins_over_the_tag() {
    let image =
        |rendered: &Rendered| rendered.one("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let everything = Rendered::file("everything").await;
    let digest = format!("registry.example.com/platform/{NAME}@sha256:{}", "0".repeat(64));
    assert_eq!(image(&everything), digest);
    let tagged = Rendered::with(&["--set", "image.repository=a.example/b,image.tag=1.2.3"]).await;
    assert_eq!(image(&tagged), "a.example/b:1.2.3");
}

#[tokio::test]
async fn the_notes_warn_when_nothing_sets_the_region() {
    let helm = Helm::offline().await.unwrap();
    let directory = chart::directory().display().to_string();
    for (set, warned) in [
        ("crds.keep=true", true),
        ("operator.region=eu-west-1", false),
        ("extraEnv[0].name=AWS_REGION,extraEnv[0].value=eu-west-1", false),
        ("extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=a", true),
    ] {
        let text = helm.ok(&["install", "x", &directory, "--dry-run=client", "--set", set]).await.unwrap();
        assert_eq!(text.contains("WARNING: no region is set"), warned, "{set}: {text}");
        assert!(text.contains("rollout status deployment/x-codeguru-profiler-operator"), "{text}");
    }
}
