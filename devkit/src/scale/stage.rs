//! What a measurement runs on: a control plane of its own, a fresh emulator, and the operator as users run it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use devkit::auditor::{Auditor, profiling_groups};
use devkit::controlplane::{ControlPlane, Options, Programs};
use devkit::emulator::{Account, Emulator, Entry};
use devkit::operator::{self, Operator, Start};
use devkit::{Error, cargo, kstatus, wait};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

pub const REGION: &str = "eu-west-1";
pub const INTERVAL: Duration = Duration::from_mins(1);

const ACCOUNT: &str = "111122223333";
/// The prefix of the groups' names in AWS and of the resources' names, which are the same.
const PREFIX: &str = "g";
/// How many requests of ours the API server has at once.
const PARALLEL: usize = 16;
/// For whatever has to happen: the next List comes within an interval, and a slow machine gets another.
const LIMIT: Duration = Duration::from_mins(3);
const BETWEEN_PROGRESS: Duration = Duration::from_secs(5);
/// The operator is at rest when it has hardly used the processor for this long.
const QUIET: Duration = Duration::from_secs(1);
const HARDLY: f64 = 0.025;

pub struct Stage {
    pub plane: ControlPlane,
    pub aws: Account,
    pub auditor: Auditor,
    pub groups: usize,
    pub program: PathBuf,
    emulator: Emulator,
    namespace: String,
    resources: Api<DynamicObject>,
    kubeconfig: PathBuf,
    started: Instant,
}

impl Stage {
    pub async fn set(groups: usize) -> Result<Self, Error> {
        let started = Instant::now();
        println!("build the operator, the emulator and a control plane, as far as they are not built yet");
        let (_, release) = tokio::try_join!(Programs::ready(), cargo::release())?;
        let emulator = Emulator::start_program(&release.emulator).await?;
        let aws = emulator.account(ACCOUNT);
        aws.seed(REGION, groups, PREFIX, true).await?;

        let plane = ControlPlane::start(Options::default()).await?;
        let access = plane.kubectl(&["kustomize", &operator::access()]).await?;
        plane.apply(&String::from_utf8_lossy(&access.stdout)).await?;
        let namespace = plane.namespace("scale").await?;
        let client = plane.client().await?;
        let token = plane.token(operator::NAMESPACE, operator::NAME, 24 * 3600).await?;
        Ok(Self {
            auditor: Auditor::start_in(client.clone(), &namespace).await?,
            resources: Api::namespaced_with(client, &namespace, &profiling_groups()),
            kubeconfig: plane.kubeconfig_for(&token)?,
            program: release.operator,
            plane,
            aws,
            groups,
            emulator,
            namespace,
            started,
        })
    }

    /// Tells how far the measurement is.
    pub fn say(&self, text: &str) {
        println!("[{:>6.1} s] {text}", self.started.elapsed().as_secs_f64());
    }

    /// Starts the operator.
    pub async fn start(&self) -> Result<Operator, Error> {
        let interval = format!("{}s", INTERVAL.as_secs());
        Start::new(&self.program, &self.kubeconfig)
            .aws(&self.emulator, &self.aws)
            .flag("--region", REGION)
            .flag("--namespace", &self.namespace)
            .flag("--poll-interval", &interval)
            .start()
            .await
    }

    /// Ends the operator as Kubernetes would.
    pub async fn stop(&self, operator: &Operator) -> Result<(), Error> {
        let status = operator.stop_gracefully().await?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Unexpected(format!("the operator ended with {status} on SIGTERM")))
    }

    /// Makes the resource of every group.
    pub async fn apply_all(&self) -> Result<(), Error> {
        self.say(&format!("apply {} resources", self.groups));
        let make = async |name: String| {
            let object = json!({
                "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": name },
                "spec": { "profilingGroupName": name, "profilingEnabled": true },
            });
            let object = serde_json::from_value(object).map_err(|error| Error::Unexpected(error.to_string()))?;
            let made = self.resources.create(&PostParams::default(), &object).await;
            made.map(|_| ()).map_err(Error::kube(format!("make {name}")))
        };
        stream::iter(self.names()).map(make).buffer_unordered(PARALLEL).try_collect().await
    }

    /// Edits every resource: profiling is to be off.
    pub async fn turn_off_all(&self) -> Result<(), Error> {
        let patch = &Patch::Merge(json!({ "spec": { "profilingEnabled": false } }));
        let edit = async |name: String| {
            let edited = self.resources.patch(&name, &PatchParams::default(), patch).await;
            edited.map(|_| ()).map_err(Error::kube(format!("edit {name}")))
        };
        stream::iter(self.names()).map(edit).buffer_unordered(PARALLEL).try_collect().await
    }

    /// Waits until every resource is like this, and tells how many are.
    pub async fn all(&self, operator: &Operator, word: &str, like: impl Fn(&Value) -> bool) -> Result<(), Error> {
        let (like, mut told) = (&like, Instant::now());
        self.until(operator, &format!("all resources are {word}"), LIMIT, || {
            let count = self.auditor.count(like);
            let all = count == self.groups;
            if all || told.elapsed() >= BETWEEN_PROGRESS {
                self.say(&format!("  {count} of {} are {word}", self.groups));
                told = Instant::now();
            }
            async move { Ok(all.then_some(())) }
        })
        .await
    }

    /// Waits until the first List after this call has ended.
    pub async fn first_list(&self, operator: &Operator, after: u64) -> Result<(), Error> {
        self.until(operator, "the first List", LIMIT, || async {
            let journal = self.aws.journal_since(after).await?;
            let listed = |entry: &Entry| entry.is("ListProfilingGroups") && entry.ended_at.is_some();
            Ok(journal.iter().any(listed).then_some(()))
        })
        .await
    }

    /// Waits until the operator has nothing more to do: then whatever a phase causes has been written.
    pub async fn quiet(&self, operator: &Operator) -> Result<(), Error> {
        let mut since = Instant::now();
        let mut used = operator.process().cpu_seconds()?;
        self.until(operator, "the operator is at rest", LIMIT, || {
            let now = operator.process().cpu_seconds();
            let quiet = now.map(|now| {
                if now - used > HARDLY {
                    (since, used) = (Instant::now(), now);
                }
                (since.elapsed() >= QUIET).then_some(())
            });
            async move { quiet }
        })
        .await
    }

    /// Leaves the operator alone for this long, and tells once an interval how long it has been.
    pub async fn rest(&self, operator: &Operator, rest: Duration) -> Result<(), Error> {
        let (started, mut told) = (Instant::now(), Instant::now());
        self.until(operator, "the end of the rest", rest + LIMIT, || {
            if told.elapsed() >= INTERVAL {
                told = Instant::now();
                self.say(&format!("  {} s of {} s", started.elapsed().as_secs(), rest.as_secs()));
            }
            let over = started.elapsed() >= rest;
            async move { Ok(over.then_some(())) }
        })
        .await
    }

    /// Waits for an answer, and gives up at once on an error or when the operator has ended.
    async fn until<T, F: Future<Output = Result<Option<T>, Error>>>(
        &self,
        operator: &Operator,
        what: &str,
        limit: Duration,
        mut probe: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let waited = wait::until(what, limit, || {
            let (ended, answer) = (operator.process().ended(), probe());
            async move {
                match (answer.await, ended) {
                    (Ok(None), Some(status)) => Some(Err(format!("the operator ended with {status}"))),
                    (Ok(answer), _) => answer.map(Ok),
                    (Err(error), _) => Some(Err(error.to_string())),
                }
            }
        });
        let failure = match waited.await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) => failure,
            Err(error) => error.to_string(),
        };
        let tail = operator.process().tail();
        Err(Error::Unexpected(format!("{what}: {failure}; the end of the operator's log:\n{tail}")))
    }

    fn names(&self) -> impl Iterator<Item = String> {
        (0..self.groups).map(|number| format!("{PREFIX}-{number:05}"))
    }
}

/// Whether a resource says of its newest spec that AWS is as it wants.
pub fn in_sync(object: &Value) -> bool {
    kstatus::find(object, "Ready").is_some_and(|ready| {
        ready["status"] == "True"
            && ready["reason"] == "InSync"
            && ready["observedGeneration"] == object["metadata"]["generation"]
    })
}
