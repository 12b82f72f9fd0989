//! What a cluster's own rules require: other namespaces, annotations, containers, objects, users without names.

use std::{collections::BTreeSet, fs};

use devkit::paths;
use k8s_openapi::api::{
    apps::v1::Deployment,
    networking::v1::NetworkPolicy,
    rbac::v1::{PolicyRule, Role},
};
use serde_json::{Value, json};

use crate::rendered::{NAME, Rendered, SYSTEM};

/// Installed by the chart, and not what `extraObjects` adds.
fn own(rendered: &Rendered) -> impl Iterator<Item = &Value> {
    rendered.0.iter().filter(|object| object["metadata"]["labels"].is_object())
}

#[tokio::test]
async fn all_resources_go_to_another_namespace_together() {
    let rendered = Rendered::with(&["--set", "namespaceOverride=other,networkPolicy.enabled=true"]).await;
    let cluster_scoped = ["CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"];
    for object in &rendered.0 {
        let namespace = &object["metadata"]["namespace"];
        if cluster_scoped.iter().any(|kind| object["kind"] == *kind) {
            assert!(namespace.is_null(), "{object}");
        } else {
            assert_eq!(namespace, "other", "{object}");
        }
    }
    let binding = rendered.one("ClusterRoleBinding");
    assert_eq!(binding["metadata"]["name"], format!("other:{NAME}"));
    assert_eq!(binding["subjects"][0]["namespace"], "other");
}

#[tokio::test]
async fn common_annotations_are_on_every_resource_and_replace_none_of_its_own() {
    let everything = Rendered::file("everything").await;
    for object in own(&everything) {
        assert_eq!(object["metadata"]["annotations"]["example.com/owner"], "platform", "{object}");
    }
    let annotations = |kind: &str| everything.one(kind)["metadata"]["annotations"].clone();
    assert_eq!(annotations("Deployment")["example.com/reload"], "true");
    assert_eq!(annotations("Service")["example.com/port"], "http");
    for crd in everything.all("CustomResourceDefinition") {
        assert_eq!(crd["metadata"]["annotations"]["argocd.argoproj.io/sync-options"], "ServerSideApply=true");
    }

    let values =
        "commonAnnotations.a=common,deploymentAnnotations.a=own,crds.annotations.helm\\.sh/resource-policy=none";
    let rendered = Rendered::with(&["--set", values]).await;
    assert_eq!(rendered.one("Deployment")["metadata"]["annotations"], json!({ "a": "own" }));
    let kept = json!({ "a": "common", "helm.sh/resource-policy": "keep" });
    for crd in rendered.all("CustomResourceDefinition") {
        assert_eq!(crd["metadata"]["annotations"], kept, "crds.keep decides");
    }
}

#[tokio::test]
async fn common_labels_are_on_every_resource_and_replace_none_of_its_own() {
    let everything = Rendered::file("everything").await;
    for object in own(&everything) {
        assert_eq!(object["metadata"]["labels"]["team"], "platform", "{object}");
    }
    let values = "commonLabels.a=common,metrics.service.labels.a=own,commonLabels.app\\.kubernetes\\.io/name=none";
    let labels = Rendered::with(&["--set", values]).await.one("Service")["metadata"]["labels"].clone();
    assert_eq!((&labels["a"], &labels["app.kubernetes.io/name"]), (&json!("own"), &json!(NAME)));
}

#[tokio::test]
async fn other_containers_run_beside_and_before_the_operator() {
    let deployment: Deployment = Rendered::file("everything").await.typed("Deployment");
    let spec = deployment.spec.unwrap();
    assert_eq!(spec.revision_history_limit, Some(0));
    let pod = spec.template.spec.unwrap();
    let names = |containers: Vec<_>| -> Vec<String> {
        containers.into_iter().map(|container: k8s_openapi::api::core::v1::Container| container.name).collect()
    };
    assert_eq!(names(pod.containers), ["operator", "proxy"]);
    assert_eq!(names(pod.init_containers.unwrap()), ["wait"]);
    assert_eq!(pod.dns_policy.as_deref(), Some("None"));
    assert_eq!(pod.dns_config.unwrap().nameservers.unwrap(), ["192.0.2.1"]);
}

#[tokio::test]
async fn the_pod_goes_only_to_linux_nodes_and_a_selector_adds_to_that() {
    let selector = |rendered: &Rendered| rendered.one("Deployment")["spec"]["template"]["spec"]["nodeSelector"].clone();
    assert_eq!(selector(&Rendered::with(&[]).await), json!({ "kubernetes.io/os": "linux" }));
    let expected = json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" });
    assert_eq!(selector(&Rendered::file("everything").await), expected);
}

#[tokio::test]
async fn extra_objects_are_templates_whether_given_as_objects_or_as_text() {
    let everything = Rendered::file("everything").await;
    for form in ["as-object", "as-text"] {
        let name = format!("{NAME}-{form}");
        assert!(everything.all("ConfigMap").any(|map| map["metadata"]["name"] == name), "{name}");
    }
}

#[tokio::test]
async fn the_service_monitor_and_the_dashboard_can_be_where_others_look_for_them() {
    let everything = Rendered::file("everything").await;
    let monitor = everything.one("ServiceMonitor");
    assert_eq!(monitor["metadata"]["namespace"], "default");
    assert_eq!(monitor["spec"]["namespaceSelector"], json!({ "matchNames": [SYSTEM] }));
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["honorLabels"], true);
    assert_eq!(endpoint["relabelings"][0]["targetLabel"], "cluster");
    assert_eq!(endpoint["metricRelabelings"][0]["action"], "drop");
    let dashboard = everything.all("ConfigMap").find(|map| map["data"].is_object()).unwrap();
    assert_eq!(dashboard["metadata"]["namespace"], "default");

    let near = Rendered::with(&["--set", "metrics.serviceMonitor.enabled=true"]).await;
    assert_eq!(near.one("ServiceMonitor")["metadata"]["namespace"], SYSTEM);
    assert!(near.one("ServiceMonitor")["spec"].get("namespaceSelector").is_none());
}

#[tokio::test]
async fn in_watched_namespaces_users_get_roles_to_be_bound_and_nothing_is_cluster_wide() {
    let rendered = Rendered::with(&["--set", "watchNamespaces={shop,search},crds.enabled=false"]).await;
    assert!(rendered.0.iter().all(|object| object["metadata"]["namespace"].is_string()));
    let of_users =
        |role: &&Value| [":view", ":edit"].iter().any(|end| role["metadata"]["name"].as_str().unwrap().ends_with(end));
    let found: BTreeSet<_> = rendered
        .all("Role")
        .filter(of_users)
        .map(|role| {
            let role: Role = serde_json::from_value(role.clone()).unwrap();
            let labels = role.metadata.labels.unwrap();
            assert!(labels.keys().all(|label| !label.contains("aggregate")), "{labels:?}");
            let PolicyRule { verbs, .. } = role.rules.unwrap().remove(0);
            (role.metadata.namespace.unwrap(), role.metadata.name.unwrap(), verbs.join(" "))
        })
        .collect();
    let expected = ["search", "shop"].iter().flat_map(|namespace| {
        let name = |role: &str| format!("{SYSTEM}:{NAME}:{role}");
        [
            ((*namespace).to_owned(), name("edit"), "create delete deletecollection patch update".to_owned()),
            ((*namespace).to_owned(), name("view"), "get list watch".to_owned()),
        ]
    });
    assert_eq!(found, expected.collect());
}

/// OpenShift assigns a user to each namespace and refuses any other; elsewhere, the kubelet checks the image's.
#[tokio::test]
async fn the_chart_names_no_user_and_the_image_a_numeric_one_that_is_not_root() {
    let deployment: Deployment = Rendered::with(&[]).await.typed("Deployment");
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    let security = pod.security_context.unwrap();
    assert_eq!((security.run_as_user, security.run_as_group, security.fs_group), (None, None, None));
    assert_eq!(security.run_as_non_root, Some(true));
    assert_eq!(pod.containers[0].security_context.as_ref().unwrap().run_as_user, None);
    let file = fs::read_to_string(paths::workspace().join("deploy/image/Containerfile")).unwrap();
    let user = file.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0, "{user}:{group}");
}

#[tokio::test]
async fn the_network_policy_lets_through_every_source_of_credentials_over_both_ip_families() {
    let policy: NetworkPolicy = Rendered::file("locked-down").await.typed("NetworkPolicy");
    let rules = policy.spec.unwrap().egress.unwrap();
    let peers = rules.into_iter().filter_map(|rule| rule.to).flatten();
    let blocks: BTreeSet<_> = peers.map(|peer| peer.ip_block.unwrap().cidr).collect();
    let expected = ["169.254.169.254/32", "169.254.170.23/32", "fd00:ec2::23/128", "fd00:ec2::254/128"];
    assert!(blocks.iter().eq(expected.iter()), "{blocks:?}");
}
