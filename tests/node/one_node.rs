//! The operator in a pod of a real node, from `helm install` to `helm uninstall`.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use devkit::{
    auditor::profiling_groups,
    cargo, chart, cluster, controlplane,
    emulator::{Account, Emulator},
    helm::{self, Helm},
    http, image, kstatus, operator, paths,
    process::kib_to_mib,
    wait,
};
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{Event, Pod},
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams},
};
use serde_json::{Value, json};

use crate::{container::Container, devkit, flips::Flips, names, report::Report};

const NAME: &str = "one_node::the_operator_runs_in_a_pod_from_helm_install_to_uninstall";
/// Where the archive of the image is: shows the test that it is in the cluster already.
const ARCHIVE: &str = "ONE_NODE_IMAGE_ARCHIVE";
const LIMIT: Duration = Duration::from_mins(2);
const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "111122223333";
const SYSTEM: &str = "codeguru-profiler-system";
const TEAM: &str = "team";
const KIND: &str = "customresourcedefinition/profilinggroups.codeguruprofiler.dev";
/// As the chart has it.
const REPLICAS: usize = 2;
/// So many edits before, between and after what happens to the pod.
const SOME_EDITS: usize = 5;

// The edits go on while kubectl runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_runs_in_a_pod_from_helm_install_to_uninstall() {
    if let Some(archive) = env::var_os(ARCHIVE) {
        return story(Path::new(&archive)).await;
    }
    let mut report = Report::begin();
    let image = image::operator().await.unwrap();
    helm::MODULE.built().await.unwrap();
    report.step("Built, as far as it was not before");
    println!("{image}");
    let mut command = Command::new(devkit().await);
    command.args(["cluster", "--"]).arg(env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]);
    let status = command.env(ARCHIVE, &image.archive).status().unwrap();
    assert!(status.success(), "{status}");
    report.step("From no cluster to no cluster, with all above");
}

async fn story(archive: &Path) {
    let mut report = Report::begin();
    cluster::import(archive).await.unwrap();
    report.step("Import the image");
    let world = World::new().await;
    report.step("Emulator, namespaces, credentials");

    world.helm("install", "installed").await;
    report.step("helm install --wait: two pods are ready");
    let installed = world.ready_pods("installed", |_| true).await;
    admitted(&installed[0]);
    for pod in &installed {
        confined(pod);
        probed(&world, pod).await;
    }
    report.step("The pods as admitted, what is in them, their probes");

    let examples = paths::workspace().join("examples").display().to_string();
    kubectl(&["apply", "-n", TEAM, "-f", &examples]);
    world.ready("checkout", "InSync").await;
    let status = world.resource("checkout").await["status"].clone();
    assert!(status["arn"].is_string() && status["profilingEnabled"] == true, "{status:#}");
    println!("{}", kubectl(&["get", "profgroup", "-n", TEAM, "-o", "wide"]));
    report.step("kubectl apply -f examples/: AWS as requested, status filled");

    let updates_before = world.updates().await;
    let mut flips = Flips::start(world.groups.clone(), "checkout", world.aws.clone(), REGION, "Checkout_Service");
    flips.more(SOME_EDITS).await;
    let mut peaks: Vec<u64> = installed.iter().map(|pod| Container::of(pod).peak_memory_kib()).collect();
    let leader = world.leader().await;
    kubectl(&["delete", "pod", "-n", SYSTEM, &leader]);
    world.another_leads(&leader).await;
    flips.more(SOME_EDITS).await;
    let replaced = world.ready_pods("replaced", |pod| pod.name_any() != leader).await;
    report.step("kubectl delete pod of the leader, edits going on");
    peaks.extend(replaced.iter().map(|pod| Container::of(pod).peak_memory_kib()));
    drained(&world, &mut flips).await;
    report.step("kubectl drain: the budget keeps a pod, edits going on");
    let former: Vec<_> =
        world.ready_pods("after the drain", |_| true).await.iter().map(ResourceExt::name_any).collect();
    world.helm("upgrade", "upgraded").await;
    let upgraded = world.ready_pods("upgraded", |pod| !former.contains(&pod.name_any())).await;
    assert!(upgraded.iter().all(|pod| pod.annotations()["story"] == "upgraded"));
    flips.more(SOME_EDITS).await;
    report.step("helm upgrade --wait, edits going on");
    let took = flips.stop().await;
    world.ready("checkout", "InSync").await;
    not_lost(&world, updates_before, took.len()).await;

    peaks.extend(upgraded.iter().map(|pod| Container::of(pod).peak_memory_kib()));
    let container = Container::of(&upgraded[0]);
    let peak = peaks.into_iter().max().unwrap();
    assert!(peak < container.memory_limit_kib(), "the limit was reached");
    let longest = took.iter().max().unwrap();
    report.figure("Edits, each followed by exactly one Update", took.len().to_string());
    report.duration("Longest until AWS followed, the leader being away", *longest);
    report.figure("Median until AWS followed", format!("{} ms", median(&took).as_millis()));
    report.figure("Image", format!("{:.1} MiB", kib_to_mib(archive.metadata().unwrap().len() / 1024)));
    report.figure("Peak memory charged to the container's control group", format!("{:.1} MiB", kib_to_mib(peak)));
    let resident = container.peak_resident_kib();
    report.figure(
        "Peak resident set of its process, the program's pages included",
        format!("{:.1} MiB", kib_to_mib(resident)),
    );
    report.figure("Its limit", format!("{:.0} MiB", kib_to_mib(container.memory_limit_kib())));
    report.step("No edit lost");

    world.helm.ok(&["uninstall", operator::NAME, "--namespace", SYSTEM, "--wait"]).await.unwrap();
    kept(&world).await;
    report.step("helm uninstall: resources and CRDs kept");
    report.print();
}

struct World {
    helm: Helm,
    client: kube::Client,
    aws: Account,
    values: tempfile::NamedTempFile,
    groups: Api<DynamicObject>,
    pods: Api<Pod>,
    _emulator: Emulator,
}

impl World {
    async fn new() -> Self {
        let kubeconfig = PathBuf::from(env::var_os("KUBECONFIG").unwrap());
        let program = cargo::release().await.unwrap().emulator;
        let emulator = Emulator::start_program_on(&program, cluster::ADDRESS).await.unwrap();
        names::serve(cluster::ADDRESS).await;
        let aws = emulator.account(ACCOUNT);
        for (name, enabled) in [("Checkout_Service", false), ("Search", true), ("Billing", false), ("Inventory", true)]
        {
            aws.put_group(REGION, name, json!({ "profilingEnabled": enabled })).await.unwrap();
        }
        let client = controlplane::client_from(&kubeconfig).await.unwrap();
        let namespaces = format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {SYSTEM}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}}}
---
{{apiVersion: v1, kind: Namespace, metadata: {{name: {TEAM}}}}}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: aws, namespace: {SYSTEM}}}, stringData: {{AWS_ACCESS_KEY_ID: {}, AWS_SECRET_ACCESS_KEY: secret}}}}",
            aws.access_key()
        );
        controlplane::apply(&client, "default", &namespaces).await.unwrap();
        // The chart's defaults, and where this AWS is: by name, as AWS is.
        let url = emulator.service_url().replace(&cluster::ADDRESS.to_string(), names::AWS);
        let values = json!({
            "operator": { "endpointUrl": url, "allowPlainHttpEndpoint": true, "region": REGION },
            "extraEnvFrom": [{ "secretRef": { "name": "aws" } }],
            "extraEnv": [{ "name": "AWS_ENDPOINT_URL_STS", "value": url }],
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), values.to_string()).unwrap();
        Self {
            helm: Helm::of(&kubeconfig).await.unwrap(),
            groups: Api::namespaced_with(client.clone(), TEAM, &profiling_groups()),
            pods: Api::namespaced(client.clone(), SYSTEM),
            client,
            aws,
            values: file,
            _emulator: emulator,
        }
    }

    /// Installs or upgrades, and waits as Helm does; the pod carries this word.
    async fn helm(&self, command: &str, word: &str) {
        let (chart, values) = (chart::directory().display().to_string(), self.values.path().display().to_string());
        let annotation = format!("podAnnotations.story={word}");
        let args = [
            command,
            operator::NAME,
            &chart,
            "--namespace",
            SYSTEM,
            "--wait",
            "--values",
            &values,
            "--set",
            &annotation,
        ];
        if let Err(error) = self.helm.ok(&args).await {
            panic!("{error}\n{}", kubectl(&["describe", "pods", "-n", SYSTEM]));
        }
    }

    /// The operator's two pods, once both are ready and no other one is left.
    async fn ready_pods(&self, what: &str, wanted: impl Fn(&Pod) -> bool) -> Vec<Pod> {
        wait::until(&format!("two ready pods, {what}"), LIMIT, || async {
            let pods = self.pods.list(&ListParams::default()).await.unwrap().items;
            let all = pods.iter().all(|pod| wanted(pod) && pod.metadata.deletion_timestamp.is_none() && is_ready(pod));
            (all && pods.len() == REPLICAS).then_some(pods)
        })
        .await
        .unwrap()
    }

    /// The pod that holds the Lease.
    async fn leader(&self) -> String {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), SYSTEM);
        let holder = leases.get(operator::NAME).await.unwrap().spec.unwrap().holder_identity.unwrap();
        holder.split('_').next().unwrap().to_owned()
    }

    async fn another_leads(&self, former: &str) {
        wait::until("another pod leads", LIMIT, || async { (self.leader().await != former).then_some(()) })
            .await
            .unwrap();
    }

    async fn resource(&self, name: &str) -> Value {
        serde_json::to_value(self.groups.get(name).await.unwrap()).unwrap()
    }

    async fn ready(&self, name: &str, reason: &str) {
        let what = format!("{name} is {reason}");
        let waited = wait::until(&what, LIMIT, || async {
            let object = self.resource(name).await;
            let ready = kstatus::find(&object, "Ready")?;
            let newest = ready["observedGeneration"] == object["metadata"]["generation"];
            (newest && ready["reason"] == reason).then_some(())
        });
        if let Err(error) = waited.await {
            panic!("{error}: {:#}", self.resource(name).await);
        }
    }

    /// What each Update of the group has requested, in order.
    async fn updates(&self) -> Vec<bool> {
        let journal = self.aws.journal().await.unwrap();
        let ours = journal.iter().filter(|entry| entry.is("UpdateProfilingGroup"));
        ours.map(|entry| {
            assert_eq!((entry.group.as_deref(), entry.http_status), (Some("Checkout_Service"), Some(200)), "{entry:?}");
            entry.request["agentOrchestrationConfig"]["profilingEnabled"].as_bool().unwrap()
        })
        .collect()
    }
}

/// The namespace lets only restricted pods in, and this is how it let ours in.
fn admitted(pod: &Pod) {
    let spec = pod.spec.as_ref().unwrap();
    let security = json!({ "pod": spec.security_context, "container": spec.containers[0].security_context });
    println!("security context as admitted: {security:#}");
    let (admitted, text) = kubectl_as_it_is(&["run", "careless", "-n", SYSTEM, "--image=any"]);
    assert!(!admitted && text.contains(r#"violates PodSecurity "restricted"#), "{text}");
}

/// No shell, no privileges, nothing to write to.
fn confined(pod: &Pod) {
    let container = Container::of(pod);
    for (name, expected) in [
        ("Uid", "65532 65532 65532 65532"),
        // Of a user that only the image names, as on OpenShift: no file there is the group's to write.
        ("Gid", "0 0 0 0"),
        ("CapEff", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ] {
        let status = container.status();
        assert!(status.contains(&(name.to_owned(), expected.to_owned())), "{name} {expected} in {status:#?}");
    }
    let options = container.root_options();
    assert!(options.split(',').any(|option| option == "ro"), "{options}");
    assert_eq!(container.files(), ["/codeguru-profiler-operator", "/etc/ssl/certs/ca-certificates.crt"]);
    for shell in ["sh", "/bin/sh", "bash"] {
        let (ran, text) = kubectl_as_it_is(&["exec", "-n", SYSTEM, &pod.name_any(), "--", shell, "-c", "true"]);
        let missing = text.contains("no such file or directory") || text.contains("not found in $PATH");
        assert!(!ran && missing, "{text}");
    }
}

/// The probes are there and answer us, and the kubelet never had to start the container again.
async fn probed(world: &World, pod: &Pod) {
    let ip = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap();
    for probe in ["livez", "readyz"] {
        assert_eq!(http::get(&format!("http://{ip}:8080/{probe}")).await.unwrap().status, 200, "{probe}");
    }
    let container = &pod.spec.as_ref().unwrap().containers[0];
    assert!(container.liveness_probe.is_some() && container.readiness_probe.is_some());
    let restarts = pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0].restart_count;
    assert_eq!(restarts, 0);
    let events: Api<Event> = Api::namespaced(world.client.clone(), SYSTEM);
    let events = events.list(&ListParams::default()).await.unwrap().items;
    let reasons: Vec<_> = events.iter().filter_map(|event| event.reason.as_deref()).collect();
    assert!(reasons.contains(&"Started"), "{reasons:?}");
    println!("events of the pod: {}", reasons.join(", "));
}

/// A drain of the node evicts one pod, and the budget keeps the other one, because nothing can take the place of the first.
async fn drained(world: &World, flips: &mut Flips) {
    let node = kubectl(&["get", "nodes", "-o", "name"]);
    let (node, ours) = (node.trim(), format!("app.kubernetes.io/name={}", operator::NAME));
    let (drained, text) = kubectl_as_it_is(&["drain", node, "--pod-selector", &ours, "--timeout=15s"]);
    assert!(!drained && text.contains("would violate the pod's disruption budget"), "{text}");
    let pods = world.pods.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(pods.iter().filter(|pod| is_ready(pod)).count(), REPLICAS - 1);
    flips.more(SOME_EDITS).await;
    kubectl(&["uncordon", node]);
}

/// Every edit was sent once, in its order, and AWS ends as the spec requests.
async fn not_lost(world: &World, before: Vec<bool>, edits: usize) {
    let after = world.updates().await;
    let sent = &after[before.len()..];
    let expected: Vec<bool> = (0..edits).map(|edit| edit % 2 == 1).collect();
    assert_eq!(sent, expected, "one Update for each edit");
    let spec = world.resource("checkout").await["spec"]["profilingEnabled"].clone();
    let group = world.aws.group(REGION, "Checkout_Service").await.unwrap().unwrap();
    assert_eq!(group["agentOrchestrationConfig"]["profilingEnabled"], spec);
}

async fn kept(world: &World) {
    kubectl(&["get", KIND]);
    let groups = world.groups.list(&ListParams::default()).await.unwrap().items;
    let examples = Path::new(&paths::workspace()).join("examples").read_dir().unwrap();
    let files = examples.filter(|entry| entry.as_ref().unwrap().path().is_file());
    assert_eq!(groups.len(), files.count());
    assert!(groups.iter().all(|group| group.metadata.deletion_timestamp.is_none()));
    wait::until("the pod is gone", LIMIT, || async {
        world.pods.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(())
    })
    .await
    .unwrap();
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn kubectl(args: &[&str]) -> String {
    let (worked, text) = kubectl_as_it_is(args);
    assert!(worked, "kubectl {args:?}: {text}");
    text
}

/// Whether it worked, and what it printed.
fn kubectl_as_it_is(args: &[&str]) -> (bool, String) {
    let output = Command::new("kubectl").args(args).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
