//! One operator process: the real controller with a clock, chance and tasks of the simulation, which can be stopped,
//! paused and killed.

use std::{
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use codeguru_profiler_operator::{
    api::Grant,
    aws::metrics::AwsMetrics,
    controller::{
        self, Health, Surroundings,
        instruments::Instruments,
        settings::{Pod, Settings},
    },
    domain::{account::Users, desired::Allowed, election::Terms, glob::Glob, owner::OwnerId},
    election::{Candidate, ElectionMetrics, ElectionSettings},
    process::{
        head_timeout::HeadTimeoutLayer,
        health::{Liveness, Readiness},
        kube_client::HEAD_WITHIN,
        metrics::Metrics,
        permit::Permits,
        rest_client::RestClientLayer,
        system::System,
    },
};
use futures::future::BoxFuture;
use k8s_openapi::jiff::SignedDuration;
use kube::Client;
use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use crate::{
    aws::{AWS_TIMEOUT, Route, Service},
    kubernetes::Transport,
    oracle::{FORMER, OURS},
    sdk,
    world::World,
};

/// Where the Lease is.
pub const LEASE_NAMESPACE: &str = "system";
/// Its name.
pub const LEASE: &str = "operator";
/// The times of the election.
const TERMS: Terms =
    Terms { lease: Duration::from_secs(15), renew_deadline: Duration::from_secs(10), retry: Duration::from_secs(2) };
/// So many times in a row is the clock never read while no time passes, by 30 resources.
const MOST_READS: u64 = 100_000;
/// How long a status write may take.
pub const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// One process; a handle, cheap to clone.
#[derive(Clone)]
pub struct Process(Arc<Shared>);

struct Shared {
    id: u64,
    started: Duration,
    name: &'static str,
    options: Options,
    world: World,
    running: AtomicBool,
    paused: AtomicBool,
    lost: AtomicBool,
    resumed: Notify,
    resumed_at: Mutex<Duration>,
    /// What its wall clock is ahead of the true time, in milliseconds.
    offset: AtomicI64,
    /// At which time the clock was read last, and how many times in a row.
    read: Mutex<(Duration, u64)>,
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
    stop: CancellationToken,
    ended: Mutex<Option<String>>,
    ready: Readiness,
    metrics: std::sync::OnceLock<Metrics>,
}

/// How an operator is started.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Options {
    /// `--namespace`; all when empty.
    pub namespaces: Vec<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--observe-only`.
    pub observe_only: bool,
    /// `--poll-interval`.
    pub poll_interval: Duration,
    /// `--details-interval`.
    pub details_interval: Duration,
    /// `--aws-calls-per-second`.
    pub calls_per_second: u32,
    /// Whether groups are marked with an owner id.
    pub marks: bool,
    /// `--accounts`.
    pub accounts: bool,
    /// Whether replicas elect a leader; else permits are the world's.
    pub elects: bool,
    /// Whether the AWS SDK makes the calls; else they are made without HTTP, which is faster.
    pub sdk: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            region: Some("eu-west-1".into()),
            observe_only: false,
            poll_interval: Duration::from_mins(1),
            details_interval: Duration::from_mins(2),
            calls_per_second: 100,
            marks: false,
            accounts: false,
            elects: false,
            sdk: false,
        }
    }
}

impl Process {
    /// Starts an operator.
    pub fn start(world: &World, name: &'static str, options: &Options) -> Self {
        let readiness = Readiness::waiting_for("the first list");
        let process = Self(Arc::new(Shared {
            id: world.oracle().new_process(),
            started: world.elapsed(),
            name,
            options: options.clone(),
            world: world.clone(),
            running: AtomicBool::new(true),
            paused: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            resumed: Notify::new(),
            resumed_at: Mutex::default(),
            offset: AtomicI64::new(0),
            read: Mutex::default(),
            tasks: Mutex::default(),
            stop: CancellationToken::new(),
            ended: Mutex::default(),
            ready: readiness.clone(),
            metrics: std::sync::OnceLock::new(),
        }));
        world.trace(name, "starts");
        let mut metrics = Metrics::new();
        let aws_metrics = Arc::new(AwsMetrics::register(metrics.registry()));
        let instruments = Instruments::register(metrics.registry(), Arc::clone(&aws_metrics));
        let layer = RestClientLayer::register(metrics.registry(), "simulated".into());
        let transport = layer.layer(HeadTimeoutLayer(HEAD_WITHIN).layer(Transport::new(world, &process)));
        let client = Client::new(transport, "default");
        let (candidate, permits) = if options.elects {
            let client = Client::new(Transport::new(world, &process), "default");
            let lease = ElectionSettings { namespace: LEASE_NAMESPACE.into(), name: LEASE.into(), terms: TERMS };
            let election = ElectionMetrics::register(metrics.registry(), LEASE);
            let (candidate, permits) = Candidate::new(client, lease, &process.identity(), election, process.system());
            (Some(candidate), permits)
        } else {
            (None, Permits::granted_until(world.permits()))
        };
        drop(process.0.metrics.set(metrics));
        let (for_connect, connect_world) = (process.clone(), world.clone());
        let settings = Settings {
            namespaces: options.namespaces.clone(),
            default_region: options.region.clone(),
            poll_interval: options.poll_interval,
            status_refresh: Duration::from_mins(15),
            agent_stale_after: Duration::from_mins(20),
            details_interval: options.details_interval,
            observe_only: options.observe_only,
            owner: options.marks.then(|| OwnerId { id: OURS.into(), takes_over_from: Some(FORMER.into()) }),
            allowed: Allowed {
                grants: Grant::ALL.to_vec(),
                principals: vec![Glob::new("*:role/*")],
                topics: vec![Glob::new("*")],
            },
            own_users: Users::default(),
            accounts: options.accounts,
            aws_timeout: AWS_TIMEOUT,
            status_timeout: STATUS_TIMEOUT,
            pod: Some(Pod { namespace: "system".into(), name: name.into() }),
            calls_per_second: NonZeroU32::new(options.calls_per_second).unwrap(),
        };
        let health = Health { liveness: Liveness::new(), readiness };
        let system = process.system();
        let surroundings = Surroundings {
            client,
            connect: if options.sdk {
                let services = sdk::services(world, &process, aws_metrics);
                Box::new(move |lane| {
                    for_connect.connects(&Route::of(lane));
                    services.for_lane(lane)
                })
            } else {
                Box::new(move |lane| {
                    for_connect.connects(&Route::of(lane));
                    Service::connect(&connect_world, &for_connect, Route::of(lane))
                })
            },
            permits,
            system: system.clone(),
            stop: process.0.stop.clone(),
        };
        let run = controller::run(surroundings, settings, instruments, health);
        let done = process.clone();
        drop(system.spawn(async move {
            let work = async { Some(run.await) };
            let ended = match candidate {
                Some(candidate) => candidate.accompany(work).await,
                None => Ok(work.await),
            };
            done.0.lost.store(ended.is_err(), Ordering::Relaxed);
            done.end(format!("{ended:?}"));
        }));
        process
    }

    fn system(&self) -> System {
        let (clock, chance, tasks) = (self.clone(), self.0.world.clone(), self.clone());
        System::new(
            move || {
                clock.notice_spinning();
                clock.0.world.now() + SignedDuration::from_millis(clock.0.offset.load(Ordering::Relaxed))
            },
            move || chance.chance(),
            move |future| tasks.spawn(future),
        )
    }

    /// A process that reads the clock again and again while no time passes would do so for ever.
    fn notice_spinning(&self) {
        let now = self.0.world.elapsed();
        let mut read = self.0.read.lock();
        *read = if read.0 == now { (now, read.1 + 1) } else { (now, 0) };
        if read.1 == MOST_READS {
            self.0.world.oracle().spins(self);
            self.kill();
        }
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) -> JoinHandle<()> {
        let task = tokio::spawn(Gate { process: self.clone(), future, waiting: None });
        let mut tasks = self.0.tasks.lock();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task.abort_handle());
        task
    }

    /// The name in the trace.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How the Lease begins to name it.
    pub fn identity(&self) -> String {
        format!("{}-{}", self.0.name, self.0.id)
    }

    /// Whether another one has become the leader in its place, and it has ended for it.
    pub fn lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// A number of its own.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// When it started.
    pub fn started(&self) -> Duration {
        self.0.started
    }

    /// How it was started.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Where it runs.
    pub fn world(&self) -> &World {
        &self.0.world
    }

    fn connects(&self, route: &Route) {
        self.0.world.oracle().connected(self, route);
    }

    /// Since when neither a pause nor the lack of a permit has held it back.
    pub fn free_since(&self) -> Duration {
        self.0.world.permits_granted_at().max(*self.0.resumed_at.lock())
    }

    /// Waits until it has ended by itself; false when it has not within `limit`.
    pub async fn exits_within(&self, limit: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + limit;
        while self.is_running() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        !self.is_running()
    }

    /// Whether it was neither killed nor has ended.
    pub fn is_running(&self) -> bool {
        self.0.running.load(Ordering::Relaxed)
    }

    /// Whether its first list is complete.
    pub fn is_ready(&self) -> bool {
        self.0.ready.missing().is_none()
    }

    /// What `/metrics` shows.
    pub fn metrics(&self) -> String {
        self.0.metrics.get().map(|metrics| metrics.encode().unwrap()).unwrap_or_default()
    }

    /// How it ended by itself, if it has.
    pub fn ended(&self) -> Option<String> {
        self.0.ended.lock().clone()
    }

    fn end(&self, how: String) {
        self.0.world.trace(self.0.name, format!("ends: {how}"));
        *self.0.ended.lock() = Some(how);
        self.kill_quietly();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.0.world.trace(self.0.name, "SIGTERM");
        self.0.stop.cancel();
    }

    /// kill -9.
    pub fn kill(&self) {
        if self.is_running() {
            self.0.world.trace(self.0.name, "kill -9");
            self.kill_quietly();
        }
    }

    fn kill_quietly(&self) {
        self.0.running.store(false, Ordering::Relaxed);
        self.0.tasks.lock().drain(..).for_each(|task| task.abort());
        self.resume_quietly();
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.0.world.trace(self.0.name, "SIGSTOP");
        self.0.paused.store(true, Ordering::Relaxed);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.0.world.trace(self.0.name, "SIGCONT");
        *self.0.resumed_at.lock() = self.0.world.elapsed();
        self.resume_quietly();
    }

    fn resume_quietly(&self) {
        self.0.paused.store(false, Ordering::Relaxed);
        self.0.resumed.notify_waiters();
    }

    /// Sets its wall clock ahead (or back) of the true time.
    pub fn set_clock(&self, offset_ms: i64) {
        self.0.world.trace(self.0.name, format!("its clock is {offset_ms} ms off"));
        self.0.offset.store(offset_ms, Ordering::Relaxed);
    }
}

/// A task of a process: not polled while the process is paused.
struct Gate {
    process: Process,
    future: BoxFuture<'static, ()>,
    waiting: Option<BoxFuture<'static, ()>>,
}

impl Future for Gate {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if let Some(waiting) = &mut this.waiting {
                if waiting.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.waiting = None;
            }
            if !this.process.0.paused.load(Ordering::Relaxed) {
                return this.future.as_mut().poll(cx);
            }
            let process = this.process.clone();
            this.waiting = Some(Box::pin(async move { process.0.resumed.notified().await }));
        }
    }
}
