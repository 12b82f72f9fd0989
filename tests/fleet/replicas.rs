//! Replicas that compete for one Lease, each with a ServiceAccount and an access key of its own: both services can distinguish them.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use devkit::{
    operator::{Operator, Start},
    process::Signal,
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

use crate::{
    accounts::{PUBLISH, READ, WRITE_STATUS, account},
    world::{OPERATOR_USER, SYSTEM, World},
};

pub const USE_LEASES: &str =
    "{ apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create, get, list, update, watch] }";
/// What a finalizer needs.
const PATCH: &str = "{ apiGroups: [codeguruprofiler.dev], resources: [profilinggroups], verbs: [patch] }";
/// What ProfilerAccounts need, in the whole cluster.
const USE_ACCOUNTS: &str = "{ apiGroups: [codeguruprofiler.dev], resources: [profileraccounts, profileraccounts/status], verbs: [get, list, watch, update] }";
pub const ALL: [&str; 5] = [READ, WRITE_STATUS, PATCH, PUBLISH, USE_LEASES];

/// The times of an election.
#[derive(Clone, Copy)]
pub struct Terms {
    pub lease: Duration,
    pub retry: Duration,
    flags: &'static [(&'static str, &'static str)],
}

pub const SHORT: Terms = Terms {
    lease: Duration::from_secs(3),
    retry: Duration::from_millis(500),
    flags: &[
        ("--leader-election-lease-duration", "3s"),
        ("--leader-election-renew-deadline", "2s"),
        ("--leader-election-retry-period", "500ms"),
        ("--aws-timeout", "1s"),
        ("--aws-connect-timeout", "500ms"),
    ],
};
/// Those of the flags that nobody gives.
pub const DEFAULT: Terms = Terms { lease: Duration::from_secs(15), retry: Duration::from_secs(2), flags: &[] };

impl Terms {
    /// How long after the death of the leader another one acts at the latest.
    pub fn takeover(self) -> Duration {
        self.lease + self.retry + Duration::from_secs(2)
    }
}

/// The replicas of one story.
pub struct Fleet<'a> {
    pub world: &'a World,
    pub terms: Terms,
    /// `--owner-id`, if there is one.
    owner: Option<&'a str>,
    /// Where the Lease is, and what it is called.
    lease: (String, &'static str),
    started: AtomicUsize,
}

/// A replica about to be started.
pub struct Candidate {
    pub name: String,
    pub user: String,
    start: Start,
}

/// A running replica.
pub struct Replica {
    pub name: String,
    /// The API server's name for it.
    pub user: String,
    pub operator: Operator,
}

impl<'a> Fleet<'a> {
    /// Replicas with the permissions that a story gives them, and a Lease in its namespace.
    pub fn new(world: &'a World) -> Self {
        Self {
            world,
            terms: SHORT,
            owner: None,
            lease: (world.namespace.clone(), "fleet"),
            started: AtomicUsize::new(0),
        }
    }

    /// The same with this owner id.
    #[must_use]
    pub fn marking(self, owner: Option<&'a str>) -> Self {
        Self { owner, ..self }
    }

    /// Replicas as the chart has installed them, with its permissions and its Lease. Only one story at a time.
    pub fn installed(world: &'a World) -> Self {
        let lease = (SYSTEM.to_owned(), "codeguru-profiler-operator");
        Self { world, terms: DEFAULT, owner: None, lease, started: AtomicUsize::new(0) }
    }

    /// One more replica, as it is started.
    pub async fn replica(&self) -> Replica {
        self.candidate().await.start().await
    }

    /// The leader, and one that stands by.
    pub async fn pair(&self) -> (Replica, Replica) {
        let leader = self.replica().await;
        self.until_leads(&leader).await;
        (leader, self.replica().await)
    }

    pub async fn candidate(&self) -> Candidate {
        let name = self.next_name();
        if self.lease.0 == SYSTEM {
            return self.with(name, OPERATOR_USER.to_owned(), &self.world.kubeconfig().await);
        }
        let (user, kubeconfig) = account(self.world, &name, &ALL).await;
        allow_accounts(self.world, &name).await;
        self.with(name, user, &kubeconfig)
    }

    /// A replica that takes another way to the API server than straight there.
    pub async fn candidate_through(&self, url: &str) -> Candidate {
        let name = self.next_name();
        let (user, _) = account(self.world, &name, &ALL).await;
        allow_accounts(self.world, &name).await;
        let token = self.world.plane.token(&self.world.namespace, &name, 3600).await.unwrap();
        self.with(name, user, &self.world.plane.kubeconfig_through(url, &token).unwrap())
    }

    fn next_name(&self) -> String {
        format!("replica-{}", 1 + self.started.fetch_add(1, Ordering::Relaxed))
    }

    fn with(&self, name: String, user: String, kubeconfig: &Path) -> Candidate {
        let start = self.world.operator_with(kubeconfig);
        let start = self.terms.flags.iter().fold(start, |start, (flag, value)| start.flag(flag, value));
        let start = start
            .flag("--allowed-facets", "create,delete,tags,permissions,notifications")
            .flag("--allowed-principals", "*")
            .flag("--allowed-topics", "*")
            .flag("--leader-election", "true")
            .flag("--leader-election-namespace", &self.lease.0)
            .flag("--leader-election-lease-name", self.lease.1)
            .flag("--pod-name", &name)
            .flag("--pod-namespace", &self.lease.0)
            .env("AWS_ACCESS_KEY_ID", &access_key(&name, self.world.aws.id()));
        let start = self.owner.iter().fold(start, |start, id| start.flag("--owner-id", id));
        Candidate { name, user, start }
    }

    /// Who holds the Lease.
    pub async fn leader(&self) -> Option<String> {
        let leases: Api<Lease> = Api::namespaced(self.world.client.clone(), &self.lease.0);
        let holder = leases.get_opt(self.lease.1).await.unwrap()?.spec?.holder_identity?;
        holder.split_once('_').map(|(name, _)| name.to_owned())
    }

    pub async fn until_leads(&self, replica: &Replica) {
        let what = format!("{} leads", replica.name);
        self.world
            .eventually(&what, async || (self.leader().await.as_ref() == Some(&replica.name)).then_some(()))
            .await;
    }
}

/// The access key that shows who calls; the digits at its end are the account.
pub fn access_key(name: &str, account: &str) -> String {
    format!("{}{account}", name.replace('-', "").to_uppercase())
}

impl Candidate {
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        self.start = self.start.flag(flag, value);
        self
    }

    pub async fn start(self) -> Replica {
        Replica { name: self.name, user: self.user, operator: self.start.start().await.unwrap() }
    }
}

impl Replica {
    pub fn signal(&self, signal: Signal) {
        self.operator.process().signal(signal).unwrap();
    }

    /// The exit code, once it has ended.
    pub fn ended(&self) -> Option<i32> {
        self.operator.process().ended().map(|status| status.code().unwrap_or(-1))
    }
}

/// Lets the story's ServiceAccount `name` use ProfilerAccounts, which are cluster-scoped.
async fn allow_accounts(world: &World, name: &str) {
    let of = &world.namespace;
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{ name: {of}-{name} }}
rules: [{USE_ACCOUNTS}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{ name: {of}-{name} }}
roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {of}-{name} }}
subjects: [{{ kind: ServiceAccount, name: {name}, namespace: {of} }}]
"
    );
    world.plane.apply(&role).await.unwrap();
}
