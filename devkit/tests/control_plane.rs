//! The control plane, the supervisor and the fault proxy do what the stories rely on.
#![allow(clippy::unwrap_used)] // In what the tests share too.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devkit::auditor::{Auditor, profiling_groups};
use devkit::controlplane::{ControlPlane, Options};
use devkit::faultproxy::{Effect, FaultProxy, Rule};
use devkit::kstatus::Status;
use devkit::process::{Signal, Spawn};
use devkit::{controlplane, wait};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchParams};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(20);

const KIND: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.devkit.test }
spec:
  group: devkit.test
  scope: Namespaced
  names: { plural: things, singular: thing, kind: Thing }
  versions:
  - name: v1
    served: true
    storage: true
    schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
";

/// A namespace with a service account that may read config maps and change nothing, and its user name.
async fn reader(control_plane: &ControlPlane) -> (String, String) {
    let namespace = control_plane.namespace("devkit").await.unwrap();
    let rights = "
apiVersion: v1
kind: ServiceAccount
metadata: { name: reader }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [''], resources: [configmaps], verbs: [get, list, watch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: reader }]
";
    control_plane.apply_in(&namespace, rights).await.unwrap();
    let user = format!("system:serviceaccount:{namespace}:reader");
    (namespace, user)
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap()
}

fn code(error: kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_defined_kind_is_served_and_its_writes_are_counted() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let namespace = control_plane.namespace("devkit").await.unwrap();
    let thing = "{apiVersion: devkit.test/v1, kind: Thing, metadata: {name: one}, spec: {size: 1}}";
    control_plane.apply_in(&namespace, &format!("{KIND}\n---\n{thing}")).await.unwrap();

    let audit = control_plane.audit().await.unwrap();
    let writes = audit.writes_by("admin").resource("things").namespace(&namespace).name("one");
    assert_eq!(writes.accepted().count(), 1, "{:#?}", writes.events);
    assert_eq!(writes.events[0].verb, "patch");

    control_plane.apply_in(&namespace, &thing.replace("size: 1", "size: 2")).await.unwrap();
    let since = control_plane.audit_since(audit.position()).await.unwrap();
    assert_eq!(since.writes().resource("things").namespace(&namespace).count(), 1);
}

#[tokio::test]
async fn kubectl_works_and_a_wrong_command_fails() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let version = control_plane.kubectl(&["version"]).await.unwrap();
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(version.status.success() && text.contains("Server Version: v1.36"), "{version:?}");

    let wrong = control_plane.kubectl(&["get", "nonsense"]).await.unwrap();
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("doesn't have a resource type"), "{wrong:?}");
}

#[tokio::test]
async fn a_service_account_does_what_its_role_allows_and_nothing_else() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let (namespace, user) = reader(&control_plane).await;
    let token = control_plane.token(&namespace, "reader", 600).await.unwrap();
    let kubeconfig = control_plane.kubeconfig_for(&token).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(controlplane::client_from(&kubeconfig).await.unwrap(), &namespace);

    maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(code(maps.create(&PostParams::default(), &config_map("a")).await.unwrap_err()), 403);

    let audit = control_plane.audit().await.unwrap().by(&user);
    assert_eq!(audit.verb("list").accepted().count(), 1);
    assert_eq!((audit.writes().count(), audit.writes().accepted().count()), (1, 0));
    assert_eq!(audit.writes().events[0].code, 403);
}

#[tokio::test]
async fn a_namespace_gets_its_service_account_and_goes_when_it_is_deleted() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let name = control_plane.namespace("devkit").await.unwrap();
    let client = control_plane.client().await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &name);
    wait::until("the default service account", LIMIT, || async { accounts.get_opt("default").await.unwrap() })
        .await
        .unwrap();
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(&name, &kube::api::DeleteParams::default()).await.unwrap();
    wait::until("the namespace has gone", LIMIT, || async {
        namespaces.get_opt(&name).await.unwrap().is_none().then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_fault_proxy_refuses_delays_and_loses_what_its_rules_name() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let namespace = control_plane.namespace("devkit").await.unwrap();
    let proxy = FaultProxy::start(&control_plane).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(through(&control_plane, &proxy).await, &namespace);

    let refused = proxy.add(Rule::new(Effect::Answer { code: 429, retry_after: Some(1) }).path("/configmaps").times(1));
    let started = Instant::now();
    // A client either reports it or obeys `Retry-After` itself.
    let listed = maps.list(&ListParams::default()).await;
    assert!(listed.is_err() || started.elapsed() >= Duration::from_secs(1), "{listed:?}");
    assert_eq!(proxy.hits(refused), 1);
    maps.list(&ListParams::default()).await.unwrap();

    proxy.add(Rule::new(Effect::Answer { code: 409, retry_after: None }).method(::http::Method::POST).times(1));
    assert_eq!(code(maps.create(&PostParams::default(), &config_map("a")).await.unwrap_err()), 409);
    assert!(maps.get_opt("a").await.unwrap().is_none());

    proxy.add(Rule::new(Effect::Delay(Duration::from_millis(300))).times(1));
    let started = Instant::now();
    maps.create(&PostParams::default(), &config_map("a")).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));

    proxy.add(Rule::new(Effect::Cut).method(::http::Method::POST).times(1));
    maps.create(&PostParams::default(), &config_map("b")).await.unwrap_err();
    assert!(maps.get_opt("b").await.unwrap().is_none());

    proxy.add(Rule::new(Effect::LoseAnswer).method(::http::Method::POST).times(1));
    maps.create(&PostParams::default(), &config_map("b")).await.unwrap_err();
    assert!(maps.get_opt("b").await.unwrap().is_some());
}

#[tokio::test]
async fn a_watch_streams_through_the_fault_proxy_until_it_is_cut() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let namespace = control_plane.namespace("devkit").await.unwrap();
    let proxy = FaultProxy::start(&control_plane).await.unwrap();
    let client = through(&control_plane, &proxy).await;
    let request = kube::core::Request::new(format!("/api/v1/namespaces/{namespace}/configmaps"))
        .watch(&WatchParams::default(), "0")
        .unwrap();
    let mut lines = Box::pin(client.request_stream(request).await.unwrap()).lines();

    let maps: Api<ConfigMap> = Api::namespaced(control_plane.client().await.unwrap(), &namespace);
    let patch = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "seen" }, "data": { "seen": "through the proxy" } });
    maps.patch("seen", &PatchParams::apply("devkit"), &Patch::Apply(patch)).await.unwrap();
    let seen = async { while !lines.try_next().await.unwrap().unwrap().contains("through the proxy") {} };
    tokio::time::timeout(LIMIT, seen).await.expect("the event comes while the watch is open");

    proxy.cut_watches();
    let broken = tokio::time::timeout(LIMIT, lines.try_next()).await.expect("the watch ends");
    assert!(!matches!(broken, Ok(Some(_))), "{broken:?}");
}

#[tokio::test]
async fn every_stored_version_of_a_resource_is_judged() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let namespace = control_plane.namespace("devkit").await.unwrap();
    let definition = devkit::paths::workspace().join("crds/profilinggroups.codeguruprofiler.dev.yaml");
    control_plane.apply(&std::fs::read_to_string(definition).unwrap()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    let auditor = Auditor::start_in(client.clone(), &namespace).await.unwrap();
    let resource = "{apiVersion: codeguruprofiler.dev/v1alpha1, kind: ProfilingGroup, metadata: {name: one}, spec: {profilingGroupName: One, profilingEnabled: true}}";
    control_plane.apply_in(&namespace, resource).await.unwrap();
    assert!(auditor.final_check().await.unwrap().is_empty());

    let groups: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &profiling_groups());
    let ready_and = |kind: &str| {
        let condition = |kind: &str| {
            json!({ "type": kind, "status": "True", "reason": "Test", "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z" })
        };
        let conditions = [condition("Ready"), condition(kind)];
        Patch::Merge(json!({ "status": { "observedGeneration": 1, "conditions": conditions } }))
    };
    for kind in ["Stalled", "Reconciling"] {
        groups.patch_status("one", &PatchParams::default(), &ready_and(kind)).await.unwrap();
    }
    let broken = auditor.final_check().await.unwrap();
    let broken: Vec<_> = broken.iter().map(|broken| broken.rule.as_str()).collect();
    let expected = [
        "Negative polarity condition cannot be True when Ready condition is True: [Stalled]",
        "Ready condition must be False when Stalled condition is True",
        "Negative polarity condition present when Ready condition is True: [Stalled]",
        "Negative polarity condition cannot be True when Ready condition is True: [Reconciling]",
        "Ready condition must be False when Reconciling condition is True",
        "Negative polarity condition present when Ready condition is True: [Reconciling]",
    ];
    assert_eq!(broken, expected);
    assert_eq!(auditor.words(&namespace, "one"), [Status::InProgress, Status::Failed, Status::InProgress]);
}

async fn through(control_plane: &ControlPlane, proxy: &FaultProxy) -> Client {
    let kubeconfig = std::fs::read_to_string(control_plane.kubeconfig()).unwrap();
    let kubeconfig: serde_json::Value = serde_json::from_str(&kubeconfig).unwrap();
    let token = kubeconfig["users"][0]["user"]["token"].as_str().unwrap();
    let path = control_plane.kubeconfig_through(proxy.url(), token).unwrap();
    controlplane::client_from(&path).await.unwrap()
}

#[tokio::test]
async fn an_api_server_that_was_stopped_comes_back_with_what_it_held() {
    let options = Options { controller_manager: false, ..Options::default() };
    let control_plane = ControlPlane::start(options).await.unwrap();
    let namespace = control_plane.namespace("devkit").await.unwrap();
    control_plane.stop_api_server();
    let client = control_plane.client().await.unwrap();
    assert!(client.apiserver_version().await.is_err());
    control_plane.start_api_server().await.unwrap();
    let namespaces: Api<Namespace> = Api::all(control_plane.client().await.unwrap());
    namespaces.get(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_supervised_program_is_watched_measured_and_signalled() {
    let program = Spawn::new("sh")
        .args(["-c", "trap 'echo \"told to end\"; exit 7' TERM; echo \"$WORD\"; while :; do sleep 0.05; done"])
        .env("WORD", "ready")
        .start()
        .await
        .unwrap();
    let first = |text: &str| text.lines().next().map(str::to_owned);
    assert_eq!(program.output_with("its first line", LIMIT, first).await.unwrap(), "ready");
    assert!(program.rss_kib().unwrap() > 100);
    assert!(program.cpu_seconds().unwrap() >= 0.0);
    program.signal(Signal::TERM).unwrap();
    assert_eq!(program.wait(LIMIT).await.unwrap().code(), Some(7));
    assert!(program.output().contains("told to end"));
}

#[tokio::test]
async fn a_program_that_ends_too_early_is_named_with_its_output() {
    let program = Spawn::new("sh").args(["-c", "echo no configuration; exit 3"]).start().await.unwrap();
    let error = program.output_with("it listens", LIMIT, |_| None::<()>).await.unwrap_err().to_string();
    assert!(error.contains("no configuration") && error.contains("sh ended"), "{error}");
    assert!(Spawn::new("no-such-program").start().await.is_err());
}

#[tokio::test]
async fn a_program_that_is_dropped_is_gone() {
    let program = Spawn::new("sleep").arg("1000").start().await.unwrap();
    let pid = program.pid();
    drop(program);
    wait::until("the program has gone", LIMIT, || async { (!runs(pid)).then_some(()) }).await.unwrap();
}

#[test]
fn a_directory_of_kubebuilder_assets_that_lacks_the_programs_is_reported() {
    let empty = tempfile::tempdir().unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_devkit"))
        .args(["controlplane", "--", "true"])
        .env("KUBEBUILDER_ASSETS", empty.path())
        .output()
        .unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && text.contains("has no etcd, kube-apiserver, kubectl"), "{text}");
}

/// The worst end of all: nobody is left to clean up.
#[tokio::test]
async fn nothing_is_left_when_the_parent_is_killed() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_devkit"))
        .args(["controlplane", "--", "sh", "-c", "echo $PPID; echo $$; echo $KUBECONFIG; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The command ends with this pipe: it has the terminal of whoever started it, and so no supervisor.
    let held = parent.stdin.take();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), parent.id().to_string());
    let own: u32 = lines.next().unwrap().parse().unwrap();
    let state = lines.next().unwrap();
    let state = Path::new(&state).parent().unwrap().to_owned();
    let started = descendants(parent.id());
    // Three servers, each under its supervisor, and the command.
    assert!(state.is_dir() && started.len() >= 7, "{started:?}");

    parent.kill().unwrap();
    parent.wait().unwrap();
    let servers: Vec<u32> = started.into_iter().filter(|pid| *pid != own).collect();
    let left = || servers.iter().copied().filter(|pid| runs(*pid)).collect::<Vec<_>>();
    wait::until("all servers and their state have gone", LIMIT, || async {
        (left().is_empty() && !state.exists()).then_some(())
    })
    .await
    .unwrap_or_else(|error| panic!("{error}: processes {:?}, state {}", left(), state.exists()));
    drop(held);
}

fn descendants(parent: u32) -> Vec<u32> {
    let children = children(parent);
    children.iter().copied().chain(children.iter().flat_map(|child| descendants(*child))).collect()
}

fn children(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        fields.nth(1) == Some(parent.to_string().as_str())
    };
    let names = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_string_lossy().parse().ok()).filter(is_child).collect()
}

/// Whether a process runs; one that has ended and was not waited for yet does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
