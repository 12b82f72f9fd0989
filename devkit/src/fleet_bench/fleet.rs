//! What is measured: a control plane of its own, a fresh emulator, resources over ten regions, and the operator as users run it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use devkit::auditor::profiling_groups;
use devkit::cargo::Programs;
use devkit::controlplane::{self, ControlPlane, Options};
use devkit::emulator::{Account, Emulator};
use devkit::operator::{self, Operator, Start};
use devkit::{Error, wait};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;

use super::cell::{Cell, Shape};
use super::observer::Observer;

pub const REGIONS: [&str; 10] = [
    "eu-west-1",
    "eu-west-2",
    "eu-central-1",
    "eu-north-1",
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
];

/// How many requests of ours the API server has at once: as many as the operator sends.
pub const PARALLEL: usize = 24;
/// For whatever has to happen: the largest fleet takes minutes.
const LIMIT: Duration = Duration::from_mins(15);
const BETWEEN_PROGRESS: Duration = Duration::from_secs(10);
/// The operator is at rest when it has hardly used the processor for this long.
const QUIET: Duration = Duration::from_secs(1);
const HARDLY: f64 = 0.025;
const ACCOUNT: &str = "111122223333";

/// One resource, and its group in AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The resource's name.
    pub name: String,
    /// The group's region.
    pub region: &'static str,
    /// The group's name.
    pub group: String,
}

pub struct Fleet {
    pub plane: ControlPlane,
    pub aws: Account,
    pub members: Vec<Member>,
    pub resources: Api<DynamicObject>,
    pub observer: Observer,
    programs: Programs,
    emulator: Emulator,
    namespace: String,
    kubeconfig: PathBuf,
    started: Instant,
}

impl Fleet {
    /// Groups that are on, and as many resources that want them so; nothing runs yet.
    pub async fn set(cell: &Cell, programs: Programs) -> Result<Self, Error> {
        let started = Instant::now();
        let emulator = Emulator::start_program(&programs.emulator).await?;
        let aws = emulator.account(ACCOUNT);
        let members = members(cell.shape, cell.resources);
        for region in REGIONS {
            aws.settings(region, json!({ "latencyMs": cell.latency_ms })).await?;
            let groups = members.iter().filter(|member| member.region == region);
            let count = groups.map(|member| &member.group).collect::<std::collections::BTreeSet<_>>().len();
            if count > 0 {
                aws.seed(region, count, "g", true).await?;
            }
        }
        let plane = ControlPlane::start(Options::default()).await?;
        let access = plane.kubectl(&["kustomize", &operator::access()]).await?;
        plane.apply(&String::from_utf8_lossy(&access.stdout)).await?;
        let namespace = plane.namespace("fleet").await?;
        let client = plane.client().await?;
        let token = plane.token(operator::NAMESPACE, operator::NAME, 24 * 3600).await?;
        let resources: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &profiling_groups());
        let fleet = Self {
            observer: Observer::start(resources.clone()),
            kubeconfig: plane.kubeconfig_for(&token)?,
            plane,
            aws,
            members,
            resources,
            programs,
            emulator,
            namespace,
            started,
        };
        fleet.report(&format!("create {} resources", fleet.members.len()));
        stream::iter(&fleet.members)
            .map(|member| fleet.create(member))
            .buffer_unordered(PARALLEL)
            .try_collect::<()>()
            .await?;
        Ok(fleet)
    }

    /// Reports how far the measurement is.
    pub fn report(&self, text: &str) {
        println!("[{:>6.1} s] {text}", self.started.elapsed().as_secs_f64());
    }

    /// Creates the resource of one member, with profiling on.
    pub async fn create(&self, member: &Member) -> Result<(), Error> {
        let object = json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": member.name },
            "spec": { "profilingGroupName": member.group, "region": member.region, "profilingEnabled": true },
        });
        let object = serde_json::from_value(object).map_err(|error| Error::Unexpected(error.to_string()))?;
        let created = self.resources.create(&PostParams::default(), &object).await;
        created.map(|_| ()).map_err(Error::kube(format!("create {}", member.name)))
    }

    /// Turns the switch of one member's resource over. Returns the new generation.
    pub async fn edit(&self, member: &Member) -> Result<i64, Error> {
        let enabled = self.observer.of(&member.name).generation % 2 == 0;
        let patch = Patch::Merge(json!({ "spec": { "profilingEnabled": enabled } }));
        let edited = self.resources.patch(&member.name, &PatchParams::default(), &patch).await;
        let edited = edited.map_err(Error::kube(format!("edit {}", member.name)))?;
        Ok(edited.metadata.generation.unwrap_or_default())
    }

    /// Starts the operator with these flags beside those that each run has.
    pub async fn start(&self, flags: &[(&str, &str)]) -> Result<Operator, Error> {
        let start = Start::new(&self.programs.operator, &self.kubeconfig)
            .aws(&self.emulator, &self.aws)
            .flag("--namespace", &self.namespace);
        flags.iter().fold(start, |start, (flag, value)| start.flag(flag, value)).start().await
    }

    /// Ends the operator as Kubernetes would.
    pub async fn stop(&self, operator: Operator) -> Result<(), Error> {
        let status = operator.stop_gracefully().await?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::Unexpected(format!("the operator ended with {status} on SIGTERM")))
        }
    }

    /// A client that pretends to be nobody: for the floor.
    pub async fn client(&self) -> Result<kube::Client, Error> {
        controlplane::client_from(self.plane.kubeconfig()).await
    }

    /// Waits until `there` has counted this many.
    pub async fn until(
        &self,
        operator: &Operator,
        count: usize,
        what: &str,
        there: impl Fn(&Observer) -> usize,
    ) -> Result<(), Error> {
        let mut reported = Instant::now();
        self.wait(operator, what, || {
            let there = there(&self.observer);
            if reported.elapsed() >= BETWEEN_PROGRESS {
                self.report(&format!("  {there} of {count} are {what}"));
                reported = Instant::now();
            }
            async move { Ok((there >= count).then_some(())) }
        })
        .await
    }

    /// Waits until the operator has nothing more to do: then whatever a phase causes has been written.
    pub async fn quiet(&self, operator: &Operator) -> Result<(), Error> {
        let mut since = Instant::now();
        let mut used = operator.process().cpu_seconds()?;
        self.wait(operator, "at rest", || {
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

    /// Waits for an answer, and gives up at once on an error or when the operator has ended.
    async fn wait<F: Future<Output = Result<Option<()>, Error>>>(
        &self,
        operator: &Operator,
        what: &str,
        mut probe: impl FnMut() -> F,
    ) -> Result<(), Error> {
        let waited = wait::until(what, LIMIT, || {
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
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(error) => error.to_string(),
        };
        let tail = operator.process().tail();
        Err(Error::Unexpected(format!("{what}: {failure}; the end of the operator's log:\n{tail}")))
    }
}

fn members(shape: Shape, count: usize) -> Vec<Member> {
    let member = |number: usize| match shape {
        Shape::OneEach | Shape::Busy { .. } => {
            let (region, number) = (number % REGIONS.len(), number / REGIONS.len());
            Member { name: format!("r{region}-{number:05}"), region: REGIONS[region], group: format!("g-{number:05}") }
        }
        Shape::OneForAll => Member { name: format!("r-{number:05}"), region: REGIONS[0], group: "g-00000".to_owned() },
    };
    (0..count).map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_spread_over_all_regions_and_every_resource_has_a_group_of_its_own() {
        let fleet = members(Shape::OneEach, 25);
        let distinct: std::collections::BTreeSet<_> =
            fleet.iter().map(|member| (member.region, &member.group)).collect();
        assert_eq!((distinct.len(), fleet[24].group.as_str(), fleet[24].region), (25, "g-00002", REGIONS[4]));
        assert!(members(Shape::OneForAll, 3).iter().all(|member| member.group == "g-00000"));
    }
}
