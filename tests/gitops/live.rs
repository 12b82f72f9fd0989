//! Argo CD and the operator on one control plane, each from a git repository of its own.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use devkit::{
    argocd::ArgoCd,
    chart,
    controlplane::{ControlPlane, Options},
    helm, paths,
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};

use crate::{
    applications::{Applications, is},
    repository::Repository,
    world::World,
};

/// The team's resources, as deploy/argocd calls the Application.
pub const TEAM: &str = "profiling";
/// The operator's chart.
pub const OPERATOR: &str = "codeguru-profiler-operator";

pub struct Live {
    pub world: World,
    pub argo: ArgoCd,
    pub applications: Applications,
    /// The team's.
    pub repository: Repository,
}

impl Live {
    /// Both Applications are made at once; so the team's resources are there before the kind is, and nobody looks at them yet.
    pub async fn start(examples: &[&str]) -> Self {
        let plane = Arc::new(ControlPlane::start(Options::default()).await.unwrap());
        let helm = helm::MODULE.built().await.unwrap();
        let began = SystemTime::now();
        let settings = paths::workspace().join("deploy/argocd/argocd-cm.yaml");
        let argo = ArgoCd::start(&plane, &settings, &[helm]).await.unwrap();
        say("Argo CD is ready", since(began));
        let applications = Applications::watch(plane.client().await.unwrap());

        let repository = Repository::new(&plane.directory("team").unwrap());
        for example in examples {
            repository.write_example(example);
        }
        let resources = repository.push("Profile our services");
        let namespace = plane.namespace("story").await.unwrap();
        let team = application("application-resources.yaml", &repository, |spec| {
            spec["destination"]["namespace"] = json!(namespace);
        });
        plane.apply(&team).await.unwrap();
        let fails = |version: &Value| version["status"]["operationState"]["retryCount"].as_u64() > Some(0);
        applications.until(TEAM, began, "no such kind yet", fails).await;

        let repository_of_chart = Repository::new(&plane.directory("operator").unwrap());
        repository_of_chart.copy(&chart::directory(), Path::new("charts"));
        let chart = repository_of_chart.push("The chart");
        let operator = application("application.yaml", &repository_of_chart, |spec| {
            let values = &mut spec["source"]["helm"]["valuesObject"]["operator"];
            values["observeOnly"] = json!(false);
            values["pollInterval"] = json!("2s");
        });
        let applied = SystemTime::now();
        plane.apply(&operator).await.unwrap();
        // Progressing: there is no node that would start the pod, nor anybody else who looks at the resources.
        for (name, revision) in [(OPERATOR, chart), (TEAM, resources)] {
            let there = |version: &Value| is(version, &revision, "Progressing");
            let (at, _) = applications.until(name, began, "Synced", there).await;
            say(&format!("both Applications made → {name} Synced"), at.duration_since(applied).unwrap());
        }
        let world = World::within(plane, namespace).await;
        Self { world, argo, applications, repository }
    }

    /// Pushes, and notifies Argo CD as a webhook does; the commit, and when it was pushed.
    pub async fn push(&self, message: &str) -> (String, SystemTime) {
        let revision = self.repository.push(message);
        let pushed = SystemTime::now();
        self.applications.refresh(TEAM).await;
        (revision, pushed)
    }

    pub async fn until_healthy(&self, revision: &str, pushed: SystemTime) -> Duration {
        self.until_is(revision, pushed, "Healthy").await
    }

    /// Waits until the commit is there, in this health; how long after the push that was seen.
    pub async fn until_is(&self, revision: &str, pushed: SystemTime, health: &str) -> Duration {
        let what = format!("{revision} Synced and {health}");
        let (at, _) = self.applications.until(TEAM, pushed, &what, |version| is(version, revision, health)).await;
        at.duration_since(pushed).unwrap()
    }

    pub async fn until_sync_reports(&self, since: SystemTime, words: &str) {
        let reports = |version: &Value| {
            version["status"]["operationState"]["message"].as_str().is_some_and(|message| message.contains(words))
        };
        self.applications.until(TEAM, since, words, reports).await;
    }

    pub async fn run_action(&self, action: &str, resource: &str) {
        let args = ["app", "actions", "run", TEAM, action, "--kind", "ProfilingGroup", "--resource-name", resource];
        self.argo.run(&args).await.unwrap();
    }

    /// When the last Update of this group arrived at AWS.
    pub async fn updated_at(&self, group: &str) -> SystemTime {
        let journal = self.world.aws.journal().await.unwrap();
        let update = |entry: &&devkit::emulator::Entry| {
            entry.is("UpdateProfilingGroup") && entry.group.as_deref() == Some(group)
        };
        let last = journal.iter().rfind(update).unwrap();
        last.started_at.parse::<Timestamp>().unwrap().into()
    }

    /// Deletes an Application; how long until it was gone.
    pub async fn delete(&self, application: &str) -> Duration {
        let (began, api) = (SystemTime::now(), &self.applications.api);
        api.delete(application, &DeleteParams::default()).await.unwrap();
        let gone = async || api.get_opt(application).await.unwrap().is_none().then_some(());
        self.world.eventually("the Application is gone", gone).await;
        since(began)
    }

    /// The names of the ProfilingGroups that are there.
    pub async fn groups(&self) -> Vec<String> {
        let groups = self.world.groups.list(&ListParams::default()).await.unwrap();
        groups.iter().map(ResourceExt::name_any).collect()
    }
}

/// An Application as shipped, with this repository, and what this changes of its `spec`.
fn application(file: &str, repository: &Repository, change: impl FnOnce(&mut Value)) -> String {
    let shipped = std::fs::read_to_string(paths::workspace().join("deploy/argocd").join(file)).unwrap();
    let mut application: Value = serde_saphyr::from_str(&shipped).unwrap();
    application["spec"]["source"]["repoURL"] = json!(repository.url());
    change(&mut application["spec"]);
    application.to_string()
}

pub fn since(time: SystemTime) -> Duration {
    time.elapsed().unwrap_or_default()
}

pub fn say(what: &str, took: Duration) {
    println!("{what:<60} {:>6} ms", took.as_millis());
}
