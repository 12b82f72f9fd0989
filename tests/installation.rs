//! The chart on a real API server: what it installs is accepted and enough, an upgrade changes it, and its end leaves what it should.

use std::{fs, path::Path};

use devkit::{
    chart,
    controlplane::{ControlPlane, Options},
    deployed::Deployed,
    helm::Helm,
    operator::{self, Start},
    paths,
};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Namespace, Pod},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{LIMIT, PROGRAM, REGION, SECRET, World, install};

const RELEASE: &str = "codeguru-profiler-operator";
const KIND: &str = "profilinggroups.codeguruprofiler.dev";
const PAUSE: &str = "operator.pollInterval=5m";

/// Runs kubectl as an administrator; returns its output.
async fn kubectl(plane: &ControlPlane, args: &[&str]) -> String {
    let output = plane.kubectl(args).await.unwrap();
    assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn there(plane: &ControlPlane, what: &str) -> bool {
    plane.kubectl(&["get", what, "--namespace", operator::NAMESPACE]).await.unwrap().status.success()
}

/// Waits until something is gone from the release's namespace.
async fn gone(plane: &ControlPlane, what: &str) {
    kubectl(plane, &["wait", "--for=delete", "--timeout=60s", "--namespace", operator::NAMESPACE, what]).await;
}

async fn group(plane: &ControlPlane) {
    let yaml = "{apiVersion: codeguruprofiler.dev/v1alpha1, kind: ProfilingGroup, metadata: {name: kept}, spec: {profilingGroupName: Kept, profilingEnabled: true}}";
    plane.apply(yaml).await.unwrap();
}

async fn definition(client: &Client) -> CustomResourceDefinition {
    Api::all(client.clone()).get(KIND).await.unwrap()
}

async fn arguments(client: &Client) -> Vec<String> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), operator::NAMESPACE);
    let pod = deployments.get(RELEASE).await.unwrap().spec.unwrap().template.spec.unwrap();
    pod.containers[0].args.clone().unwrap()
}

/// The chart as its next version might be: the CRD has another description.
fn next_version(directory: &Path) {
    for file in ["Chart.yaml", "values.yaml", "values.schema.json"] {
        fs::copy(chart::directory().join(file), directory.join(file)).unwrap();
    }
    for part in ["templates", "files"] {
        fs::create_dir(directory.join(part)).unwrap();
        for entry in fs::read_dir(chart::directory().join(part)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), directory.join(part).join(entry.file_name())).unwrap();
        }
    }
    let path = directory.join(format!("files/{KIND}.yaml"));
    let old = fs::read_to_string(&path).unwrap();
    let new = old.replace("Status of the Ready condition.", "Whether all is well.");
    assert_ne!(old, new);
    fs::write(path, new).unwrap();
}

#[tokio::test]
async fn an_upgrade_changes_the_crd_and_the_pod_and_uninstalling_keeps_the_resources() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let (client, helm) = (plane.client().await.unwrap(), Helm::of(plane.kubeconfig()).await.unwrap());
    install(&plane).await;
    group(&plane).await;

    let next = tempfile::tempdir().unwrap();
    next_version(next.path());
    let next = next.path().display().to_string();
    let namespace = ["--namespace", operator::NAMESPACE];
    helm.ok(&[&["upgrade", RELEASE, &next, "--reuse-values", "--set", PAUSE], &namespace[..]].concat()).await.unwrap();
    assert!(arguments(&client).await.contains(&"--poll-interval=5m".to_owned()));
    assert!(arguments(&client).await.contains(&format!("--region={REGION}")), "what was set stays so");
    let columns = definition(&client).await.spec.versions[0].additional_printer_columns.clone().unwrap();
    assert_eq!(columns[0].description.as_deref(), Some("Whether all is well."));

    helm.ok(&[&["uninstall", RELEASE], &namespace[..]].concat()).await.unwrap();
    for what in ["deployment", "serviceaccount", "service"] {
        gone(&plane, &format!("{what}/{RELEASE}")).await;
    }
    assert_eq!(
        kubectl(&plane, &["get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/name", "-o", "name"])
            .await,
        ""
    );
    assert!(kubectl(&plane, &["get", "profilinggroups", "-o", "name"]).await.contains("kept"));

    // Another release has to request the CRD; the same one takes it up again.
    let chart = chart::directory().display().to_string();
    let other = helm.run(&[&["install", "other", &chart], &namespace[..]].concat()).await.unwrap();
    let text = String::from_utf8(other.stderr).unwrap();
    assert!(!other.status.success() && text.contains("invalid ownership metadata"), "{text}");
    assert!(!there(&plane, "deployment/other-codeguru-profiler-operator").await);
    install(&plane).await;
    let columns = definition(&client).await.spec.versions[0].additional_printer_columns.clone().unwrap();
    assert_eq!(columns[0].description.as_deref(), Some("Status of the Ready condition."));
    assert!(there(&plane, &format!("deployment/{RELEASE}")).await);

    helm.ok(&[&["upgrade", RELEASE, &chart, "--set", "crds.keep=false"], &namespace[..]].concat()).await.unwrap();
    helm.ok(&[&["uninstall", RELEASE], &namespace[..]].concat()).await.unwrap();
    gone(&plane, &format!("crd/{KIND}")).await;
}

#[tokio::test]
async fn installed_for_one_namespace_with_credentials_from_a_secret_it_works_there_and_has_no_permissions_elsewhere() {
    let world = World::new().await;
    let (namespace, helm) = (&world.namespace, Helm::of(world.plane.kubeconfig()).await.unwrap());
    let key = format!("--from-literal=AWS_ACCESS_KEY_ID={}", world.aws.access_key());
    let secret = format!("--from-literal=AWS_SECRET_ACCESS_KEY={SECRET}");
    kubectl(&world.plane, &["create", "secret", "generic", "aws", "--namespace", namespace, &key, &secret]).await;
    let url = world.emulator.service_url();
    let values = json!({
        "crds": { "enabled": false },
        "watchNamespaces": [namespace],
        "operator": { "region": REGION, "pollInterval": "2s", "endpointUrl": url },
        "extraEnvFrom": [{ "secretRef": { "name": "aws" } }],
        "extraEnv": [{ "name": "AWS_ENDPOINT_URL_STS", "value": url }],
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), values.to_string()).unwrap();
    let chart = chart::directory().display().to_string();
    let args = ["install", RELEASE, &chart, "--namespace", namespace, "--values", file.path().to_str().unwrap()];
    helm.ok(&args).await.unwrap();

    let deployed = Deployed::read(&world.client, namespace, RELEASE).await.unwrap();
    let token = world.plane.token(namespace, &deployed.service_account, deployed.token_seconds).await.unwrap();
    let kubeconfig = world.plane.kubeconfig_for(&token).unwrap();
    let operator = Start::deployed(Path::new(PROGRAM), &deployed, &kubeconfig).start().await.unwrap();
    world.flip("a", false).await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.has_event("a", "Updated").await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert!(!operator.logs().contains("can't publish an event"), "{}", operator.logs());

    let user = format!("--as=system:serviceaccount:{namespace}:{RELEASE}");
    let list = async |namespace: &str| {
        let output = world.plane.kubectl(&["auth", "can-i", "list", "profilinggroups", "-n", namespace, &user]).await;
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    };
    assert_eq!((list(namespace).await, list("default").await), ("yes".to_owned(), "no".to_owned()));

    // The release of the same name in the other namespace has its own permissions.
    helm.ok(&["uninstall", RELEASE, "--namespace", namespace]).await.unwrap();
    assert!(there(&world.plane, &format!("clusterrole/{}:{RELEASE}", operator::NAMESPACE)).await);
    assert!(there(&world.plane, &format!("deployment/{RELEASE}")).await);
    world.judge().await;
}

#[tokio::test]
async fn the_operator_may_hold_its_own_lease_and_finds_it_by_name_but_reads_and_deletes_none() {
    let world = World::new().await;
    let (namespace, helm) = (&world.namespace, Helm::of(world.plane.kubeconfig()).await.unwrap());
    let (chart, values) = (chart::directory().display().to_string(), format!("watchNamespaces={{{namespace}}}"));
    let values = ["--namespace", namespace, "--set", "crds.enabled=false", "--set", &values];
    helm.ok(&[&["install", RELEASE, &chart], &values[..]].concat()).await.unwrap();
    let user = format!("--as=system:serviceaccount:{namespace}:{RELEASE}");
    let can = async |args: &[&str]| {
        let args = [args, &["--namespace", namespace, &user]].concat();
        world.plane.kubectl(&args).await.unwrap().status.success()
    };
    let with_lease = async |verb: &str, name: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": name }, "spec": {} });
        fs::write(file.path(), lease.to_string()).unwrap();
        can(&[verb, "-f", file.path().to_str().unwrap()]).await
    };
    let creates = (with_lease("create", RELEASE).await, with_lease("create", "other").await);
    assert_eq!(creates, (true, true), "creating can't be limited to a name");
    assert_eq!((with_lease("replace", RELEASE).await, with_lease("replace", "other").await), (true, false));
    let find = async |name: &str| can(&["get", "leases", "--field-selector", &format!("metadata.name={name}")]).await;
    assert_eq!((find(RELEASE).await, find("other").await), (true, false));
    assert!(!can(&["get", "leases"]).await);
    assert!(!can(&["delete", "lease", RELEASE]).await);
    helm.ok(&["uninstall", RELEASE, "--namespace", namespace]).await.unwrap();
    world.judge().await;
}

#[tokio::test]
async fn the_api_server_accepts_every_object_of_every_values_file_and_of_kustomize() {
    let world = World::new().await;
    let (namespace, helm) = (&world.namespace, Helm::offline().await.unwrap());
    for watched in ["shop", "search"] {
        world
            .plane
            .apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {watched}}}}}"))
            .await
            .unwrap();
    }
    // `all` is what one writes into a cluster: unknown members are refused, defaults and validation take place, nothing is stored.
    let all = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"];
    for file in ["default", "locked-down", "everything"] {
        let values = chart::directory().join(format!("ci/{file}-values.yaml")).display().to_string();
        let rendered = helm.template(RELEASE, namespace, &["--values", &values]).await.unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
        // Prometheus's kinds are not installed here; tests/monitoring holds them to their CRDs.
        let ours = |object: &&Value| !object["apiVersion"].as_str().unwrap_or_default().starts_with("monitoring.");
        let items: Vec<&Value> = objects.iter().filter(|object| !object.is_null()).filter(ours).collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        fs::write(path.path(), json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()).unwrap();
        let text = kubectl(&world.plane, &[&all[..], &["-f", path.path().to_str().unwrap()]].concat()).await;
        assert!(items.len() > 5 && text.lines().count() == items.len(), "{file}: {text}");
    }
    let base = paths::workspace().join("deploy/kustomize/base").display().to_string();
    let text = kubectl(&world.plane, &[&all[..], &["-k", &base]].concat()).await;
    assert_eq!(text.lines().count(), 13, "{text}");
    world.judge().await;
}

#[tokio::test]
async fn the_pod_is_admitted_where_only_restricted_pods_are() {
    let world = World::new().await;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let label = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    namespaces.patch(&world.namespace, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    let helm = Helm::offline().await.unwrap();
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), &world.namespace);
    for (set, admitted) in [("crds.enabled=false", true), ("securityContext.allowPrivilegeEscalation=true", false)] {
        let args = ["--set", set, "--set", "serviceAccount.create=false", "--show-only", "templates/deployment.yaml"];
        let rendered = helm.template(RELEASE, &world.namespace, &args).await.unwrap();
        let deployment: Value = serde_saphyr::from_str(&rendered).unwrap();
        let mut pod = deployment["spec"]["template"].clone();
        pod["metadata"]["name"] = json!("operator");
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let made = pods.create(&PostParams { dry_run: true, ..PostParams::default() }, &pod).await;
        match made {
            Ok(_) => assert!(admitted, "{set}"),
            Err(error) => {
                let text = error.to_string();
                assert!(!admitted && text.contains("violates PodSecurity \"restricted"), "{set}: {text}");
            }
        }
    }
    world.judge().await;
}

#[tokio::test]
async fn who_may_edit_a_namespace_may_edit_its_profiling_groups_and_who_may_view_it_only_reads() {
    let world = World::new().await;
    let namespace = &world.namespace;
    for role in ["view", "edit"] {
        let (binding, user) = (format!("--clusterrole={role}"), format!("--user={role}er"));
        kubectl(&world.plane, &["create", "rolebinding", role, "--namespace", namespace, &binding, &user]).await;
    }
    let may = async |user: &str, verb: &str, part: &str| {
        let (user, part) = (format!("--as={user}"), format!("--subresource={part}"));
        let asked = ["auth", "can-i", verb, "profilinggroups", &part, "--namespace", namespace, &user];
        let output = world.plane.kubectl(&asked).await;
        String::from_utf8(output.unwrap().stdout).unwrap().trim() == "yes"
    };
    let editor = async || may("editer", "update", "").await.then_some(());
    devkit::wait::until("the roles are aggregated", LIMIT, editor).await.unwrap();
    assert!(may("viewer", "list", "").await);
    assert!(may("editer", "list", "").await);
    assert!(!may("viewer", "update", "").await);
    assert!(!may("editer", "update", "status").await);
    world.judge().await;
}
