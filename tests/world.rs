//! What a story plays in: a namespace of the shared control plane, an emulator of its own, the operator as shipped, and
//! an auditor that judges every stored version.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use devkit::{
    auditor::{Auditor, profiling_groups},
    cargo, chart,
    controlplane::{Audit, ControlPlane, Options},
    deployed::Deployed,
    emulator::{Account, Emulator},
    faultproxy::FaultProxy,
    helm::Helm,
    operator::{Operator, Start},
    paths, wait,
};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::phases;

pub const REGION: &str = "eu-west-1";
/// The operator's binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_codeguru-profiler-operator");
pub const LIMIT: Duration = Duration::from_mins(1);
const ACCOUNT: &str = "111122223333";
/// No log, event or status may hold it.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const REQUESTED_AT: &str = "codeguruprofiler.dev/reconcile-requested-at";
pub const SYSTEM: &str = "codeguru-profiler-system";
const KIND: &str = "crd/profilinggroups.codeguruprofiler.dev";
const OPERATOR: &str = "codeguru-profiler-operator";
pub const OPERATOR_USER: &str = "system:serviceaccount:codeguru-profiler-system:codeguru-profiler-operator";

pub struct World {
    pub plane: Arc<ControlPlane>,
    pub emulator: Emulator,
    pub aws: Account,
    pub namespace: String,
    pub groups: Api<DynamicObject>,
    pub client: kube::Client,
    /// The operator as the chart has installed it.
    deployed: Deployed,
    audit_from: u64,
    auditor: Auditor,
    judged: bool,
}

impl World {
    pub async fn new() -> Self {
        static KIND: OnceCell<()> = OnceCell::const_new();
        let plane = ControlPlane::shared().await.unwrap();
        KIND.get_or_init(async || install(&plane).await).await;
        Self::on(plane).await
    }

    /// A world whose API server may be stopped.
    pub async fn apart() -> Self {
        Self::apart_with(Options::default()).await
    }

    pub async fn apart_with(options: Options) -> Self {
        let plane = Arc::new(ControlPlane::start(options).await.unwrap());
        install(&plane).await;
        Self::on(plane).await
    }

    async fn on(plane: Arc<ControlPlane>) -> Self {
        let namespace = plane.namespace("story").await.unwrap();
        Self::within(plane, namespace).await
    }

    /// A world in this namespace, where the operator is installed already.
    pub async fn within(plane: Arc<ControlPlane>, namespace: String) -> Self {
        static EMULATOR: OnceCell<PathBuf> = OnceCell::const_new();
        let program = EMULATOR.get_or_init(async || cargo::dev("codeguru-profiler-emulator").await.unwrap()).await;
        let emulator = Emulator::start_program(program).await.unwrap();
        let aws = emulator.account(ACCOUNT);
        let client = plane.client().await.unwrap();
        Self {
            groups: Api::namespaced_with(client.clone(), &namespace, &profiling_groups()),
            auditor: Auditor::start_in(client.clone(), &namespace).await.unwrap(),
            deployed: Deployed::read(&client, SYSTEM, OPERATOR).await.unwrap(),
            audit_from: plane.audit().await.unwrap().position(),
            judged: false,
            plane,
            emulator,
            aws,
            namespace,
            client,
        }
    }

    /// The operator as the chart has installed it, for this story's namespace and AWS.
    pub async fn operator(&self) -> Start {
        self.operator_with(&self.kubeconfig().await)
    }

    pub fn operator_with(&self, kubeconfig: &Path) -> Start {
        self.operator_without_aws(kubeconfig).aws(&self.emulator, &self.aws).env("AWS_SECRET_ACCESS_KEY", SECRET)
    }

    /// An operator that has neither an endpoint nor credentials. It has no rivals: stories share the installation, but no Lease.
    pub fn operator_without_aws(&self, kubeconfig: &Path) -> Start {
        Start::deployed(Path::new(PROGRAM), &self.deployed, kubeconfig)
            .flag("--leader-election", "false")
            .flag("--namespace", &self.namespace)
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// A way to the API server that may be disturbed, and an operator about to take it.
    pub async fn behind_a_proxy(&self) -> (FaultProxy, Start) {
        let proxy = FaultProxy::start(&self.plane).await.unwrap();
        let kubeconfig = self.plane.kubeconfig_through(proxy.url(), &self.token().await).unwrap();
        let start = self.operator_with(&kubeconfig);
        (proxy, start)
    }

    /// What the chart allows the operator in this namespace where `operator.allowedFacets` holds `delete`.
    pub async fn allow_finalizers(&self) {
        self.allow(&format!("watchNamespaces={{{}}},operator.allowedFacets={{delete}}", self.namespace)).await;
    }

    /// The same in every namespace: what is in a namespace goes with it.
    pub async fn allow_finalizers_everywhere(&self) {
        self.allow("operator.allowedFacets={delete}").await;
    }

    async fn allow(&self, values: &str) {
        let rbac = ["--set", values, "--show-only", "templates/rbac.yaml"];
        let helm = Helm::offline().await.unwrap();
        self.plane.apply(&helm.template(OPERATOR, SYSTEM, &rbac).await.unwrap()).await.unwrap();
    }

    pub async fn kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig_for(&self.token().await).unwrap()
    }

    pub async fn token(&self) -> String {
        let Deployed { namespace, service_account, token_seconds, .. } = &self.deployed;
        self.plane.token(namespace, service_account, *token_seconds).await.unwrap()
    }

    pub async fn start(&self) -> Operator {
        self.operator().await.start().await.unwrap()
    }

    /// Makes a resource `name` for the group `name`.
    pub async fn create(&self, name: &str, enabled: bool, more: Value) -> Value {
        let mut spec = json!({ "profilingGroupName": name, "profilingEnabled": enabled });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.try_create(name, spec).await.unwrap()
    }

    pub async fn try_create(&self, name: &str, spec: Value) -> Result<Value, kube::Error> {
        let object = json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
            "metadata": { "name": name.to_lowercase().replace('_', "-") }, "spec": spec,
        });
        let object = serde_json::from_value(object).unwrap();
        let made = self.groups.create(&PostParams::default(), &object).await?;
        Ok(serde_json::to_value(made).unwrap())
    }

    pub async fn patch(&self, name: &str, patch: Value) {
        self.try_patch(name, patch).await.unwrap();
    }

    pub async fn try_patch(&self, name: &str, patch: Value) -> Result<DynamicObject, kube::Error> {
        self.groups.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    pub async fn patch_status(&self, name: &str, status: Value) {
        let patch = json!({ "status": status });
        self.groups.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        self.groups.delete(name, &DeleteParams::default()).await.unwrap();
        self.eventually("it is gone", async || self.groups.get_opt(name).await.unwrap().is_none().then_some(())).await;
    }

    pub async fn get(&self, name: &str) -> Value {
        serde_json::to_value(self.groups.get(name).await.unwrap()).unwrap()
    }

    pub async fn status(&self, name: &str) -> Value {
        self.get(name).await["status"].take()
    }

    /// Waits for a condition with this status and reason, of the newest generation; answers the whole status.
    pub async fn condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> Value {
        self.until(name, &format!("{kind}={status} ({reason})"), |object| {
            let found = condition(&object["status"], kind);
            found["status"] == status
                && found["reason"] == reason
                && found["observedGeneration"] == object["metadata"]["generation"]
        })
        .await
    }

    /// Waits until the resource is like this; answers its status.
    pub async fn until(&self, name: &str, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let end = tokio::time::Instant::now() + LIMIT;
        while tokio::time::Instant::now() < end {
            last = self.get(name).await;
            if like(&last) {
                return last["status"].take();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{name} never got {what}: {last:#}");
    }

    pub async fn eventually<T>(&self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        let probe = &probe;
        wait::until(what, LIMIT, move || probe()).await.unwrap()
    }

    /// Waits until the operator has listed AWS so often again, each time from begin to end.
    pub async fn lists(&self, times: usize) {
        let before = self.finished_lists().await;
        self.eventually("another List", async || (self.finished_lists().await >= before + times).then_some(())).await;
    }

    /// Waits until the journal holds a List from begin to end.
    pub async fn listed(&self) {
        self.eventually("a List", async || (self.finished_lists().await > 0).then_some(())).await;
    }

    async fn finished_lists(&self) -> usize {
        let journal = self.aws.journal().await.unwrap();
        journal.iter().filter(|entry| entry.is("ListProfilingGroups") && entry.ended_at.is_some()).count()
    }

    /// How often AWS was called so about one group.
    pub async fn calls_for(&self, operation: &str, group: &str) -> usize {
        let journal = self.aws.journal().await.unwrap();
        journal.iter().filter(|entry| entry.is(operation) && entry.group.as_deref() == Some(group)).count()
    }

    /// How often AWS was called so.
    pub async fn calls(&self, operation: &str) -> usize {
        self.aws.journal().await.unwrap().iter().filter(|entry| entry.is(operation)).count()
    }

    /// The status writes that the API server has accepted from the operator in this namespace.
    pub async fn status_writes(&self) -> usize {
        self.audit().await.resource("profilinggroups").subresource("status").accepted().count()
    }

    pub async fn audit(&self) -> Audit {
        self.audit_of(OPERATOR_USER).await
    }

    /// What this user has changed in this namespace, or tried to.
    pub async fn audit_of(&self, user: &str) -> Audit {
        let all = self.plane.audit_since(self.audit_from).await.unwrap();
        all.writes_by(user).namespace(&self.namespace)
    }

    pub async fn enabled(&self, group: &str) -> Option<bool> {
        self.aws.group(REGION, group).await.unwrap()?["agentOrchestrationConfig"]["profilingEnabled"].as_bool()
    }

    pub async fn tags(&self, group: &str) -> Value {
        self.aws.group(REGION, group).await.unwrap().map_or(Value::Null, |group| group["tags"].clone())
    }

    /// The principals and the topics of a group.
    pub async fn details(&self, group: &str) -> Value {
        let group = self.aws.group(REGION, group).await.unwrap().unwrap_or_default();
        json!({ "principals": group["principals"], "topics": group["topics"] })
    }

    pub async fn flip(&self, group: &str, enabled: bool) {
        self.aws.put_group(REGION, group, json!({ "profilingEnabled": enabled })).await.unwrap();
    }

    /// The reasons and notes of the events about a resource, the oldest first.
    pub async fn events(&self, name: &str) -> Vec<(String, String)> {
        let events = self.raw_events(name).await.into_iter();
        events.map(|e| (e.reason.unwrap_or_default(), e.note.unwrap_or_default())).collect()
    }

    /// The reasons of the warnings about a resource, the oldest first.
    pub async fn warnings(&self, name: &str) -> Vec<String> {
        let events = self.raw_events(name).await.into_iter();
        events.filter(|e| e.type_.as_deref() == Some("Warning")).map(|e| e.reason.unwrap_or_default()).collect()
    }

    async fn raw_events(&self, name: &str) -> Vec<Event> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut events = events.list(&ListParams::default()).await.unwrap().items;
        events.retain(|event| event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(name));
        events.sort_by_key(|event| event.metadata.creation_timestamp.as_ref().map(|time| time.0));
        events
    }

    /// Asks for a look at AWS now, as a user does once the cause is gone.
    pub async fn request(&self, name: &str, token: &str) {
        self.patch(name, json!({ "metadata": { "annotations": { REQUESTED_AT: token } } })).await;
    }

    pub async fn has_event(&self, name: &str, reason: &str) -> String {
        self.eventually(&format!("the event {reason}"), async || {
            self.events(name).await.into_iter().find(|(found, _)| found == reason).map(|(_, note)| note)
        })
        .await
    }

    /// The end of every story: nobody's rules were broken by any stored version, and the last ones hold at rest.
    pub async fn judge(self) {
        self.judge_all_but(|_| false).await;
    }

    /// The same, where others have written conditions that break rules.
    pub async fn judge_all_but(mut self, theirs: impl Fn(&str) -> bool) {
        let mut violations = self.auditor.final_check().await.unwrap();
        violations.retain(|violation| !theirs(&violation.rule));
        assert!(violations.is_empty(), "{}", list(&violations));
        self.judge_words().await;
        phases::judge(self.auditor.all_versions().iter());
        self.judged = true;
    }

    /// No condition ever held a secret, or an id that is another one at every attempt.
    async fn judge_words(&self) {
        let journal = self.aws.journal().await.unwrap();
        let ids: Vec<_> = journal.iter().filter_map(|entry| entry.request_id.as_deref()).collect();
        for object in self.groups.list(&ListParams::default()).await.unwrap() {
            for version in self.auditor.versions(&self.namespace, &object.name_any()) {
                let text = version["status"].to_string();
                assert!(!text.contains(SECRET), "{text}");
                assert!(!ids.iter().any(|id| text.contains(id)), "{text}");
            }
        }
    }
}

/// A story that forgets its judge would pass whatever it has stored.
impl Drop for World {
    fn drop(&mut self) {
        assert!(self.judged || std::thread::panicking(), "a story ends with `world.judge().await`");
    }
}

/// What a user types first; the operator lists AWS every two seconds. There is no node: the story itself starts what the Deployment has.
pub async fn install(plane: &ControlPlane) {
    let helm = Helm::of(plane.kubeconfig()).await.unwrap();
    let chart = chart::directory();
    let install = ["install", OPERATOR, chart.to_str().unwrap(), "--namespace", SYSTEM, "--create-namespace"];
    let region = format!("operator.region={REGION}");
    helm.ok(&[&install[..], &["--set", &region, "--set", "operator.pollInterval=2s"]].concat()).await.unwrap();
    let established = ["wait", "--for=condition=Established", "--timeout=60s", KIND];
    let output = plane.kubectl(&established).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The condition of this type, or null.
pub fn condition(status: &Value, kind: &str) -> Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

/// The message of the condition of this type.
pub fn message(status: &Value, kind: &str) -> String {
    condition(status, kind)["message"].as_str().unwrap_or_default().to_owned()
}

/// The field, the observed and the desired value of the first correction that the status records.
pub fn correction(status: &Value) -> [String; 3] {
    let correction = &status["drift"]["recentCorrections"][0];
    ["field", "observed", "desired"].map(|member| correction[member].as_str().unwrap().to_owned())
}

/// The spec of an example in `examples/facets`.
pub fn example(name: &str) -> Value {
    let path = paths::workspace().join(format!("examples/facets/{name}.yaml"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str::<Value>(&text).unwrap()["spec"].clone()
}
