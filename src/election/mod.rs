//! Takes part in the election of the process that may act: reads, watches and writes the Lease, and keeps the permits
//! in step with it. The rules are in `domain::election`.

mod lease;
mod metrics;

use std::{pin::pin, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    api::{PostParams, WatchEvent, WatchParams},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

pub use self::metrics::ElectionMetrics;
use crate::{
    domain::{
        election::{Election, Step, Terms},
        moment::Moment,
    },
    process::{error_chain::error_chain, permit::Permits, system::System},
};

/// After so long the API server ends a watch by itself.
const WATCH_SECONDS: u32 = 290;
/// How long the release of the Lease may delay the end.
const RELEASED_WITHIN: Duration = Duration::from_secs(2);
/// How often a Lease that someone writes at the same time is released again.
const RELEASE_ATTEMPTS: usize = 3;

/// The Lease, and the times that its candidates agree on.
#[derive(Clone, Debug)]
pub struct ElectionSettings {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The times.
    pub terms: Terms,
}

/// This process held the Lease, and another one holds it now, or may.
#[derive(Debug, thiserror::Error)]
#[error("the Lease {lease} was lost{}: this process must not act any more", holder.as_ref().map(|it| format!(" to {it}")).unwrap_or_default())]
pub struct LeaseLost {
    lease: String,
    holder: Option<String>,
}

/// A process that takes part in an election.
pub struct Candidate {
    api: Api<Lease>,
    settings: ElectionSettings,
    me: String,
    election: Election,
    /// As last read or written.
    lease: Option<Lease>,
    watch: Option<BoxStream<'static, kube::Result<WatchEvent<Lease>>>>,
    permits: watch::Sender<Instant>,
    metrics: ElectionMetrics,
    system: System,
    leads: bool,
    trouble: Option<String>,
}

impl Candidate {
    /// A candidate, and the permits of the process. `process` names it for people; its identity is unique even so.
    #[must_use]
    pub fn new(
        client: Client,
        settings: ElectionSettings,
        process: &str,
        metrics: ElectionMetrics,
        system: System,
    ) -> (Self, Permits) {
        let me = format!("{process}_{:016x}", system.chance().to_bits());
        let (permits, until) = watch::channel(Instant::now());
        let candidate = Self {
            api: Api::namespaced(client, &settings.namespace),
            election: Election::new(me.clone(), settings.terms),
            settings,
            me,
            lease: None,
            watch: None,
            permits,
            metrics,
            system,
            leads: false,
            trouble: None,
        };
        (candidate, Permits::granted_until(until))
    }

    /// Takes part beside `work`, and releases the Lease once that has ended in good order. Where it was cut (`None`), a
    /// call may be under way, and the Lease runs out by itself. Fails at once when the Lease is lost.
    pub async fn accompany<T>(self, work: impl Future<Output = Option<T>>) -> Result<Option<T>, LeaseLost> {
        let release = CancellationToken::new();
        let mut election = pin!(self.run(release.clone()));
        let done = tokio::select! {
            biased;
            ended = &mut election => return ended.map(|()| None),
            done = work => done,
        };
        if done.is_some() {
            release.cancel();
            drop(timeout(RELEASED_WITHIN, election).await);
        }
        Ok(done)
    }

    /// Takes part until `release` is cancelled, and then releases the Lease if it is held: nothing of this process may
    /// be under way any more. Fails when the Lease was held and is lost. While the API server can't be reached, or
    /// denies permission, it goes on trying.
    async fn run(mut self, release: CancellationToken) -> Result<(), LeaseLost> {
        loop {
            self.publish();
            if self.election.is_lost() {
                let holder = self.election.holder().map(ToOwned::to_owned);
                return Err(LeaseLost { lease: self.name(), holder });
            }
            let step = self.election.next(self.moment());
            tokio::select! {
                biased;
                () = release.cancelled() => break,
                () = self.carry_out(step) => {}
            }
        }
        if self.election.granted_until().is_some()
            && let Err(error) = self.release().await
        {
            tracing::warn!(error = error_chain(&error), "can't release the Lease {}: it runs out", self.name());
        }
        Ok(())
    }

    async fn carry_out(&mut self, step: Step) {
        match step {
            Step::Read => self.read().await,
            Step::Create | Step::Replace => self.write().await,
            Step::Wait(until) => {
                let until = self.instant(until);
                if self.election.holder().is_some_and(|holder| holder != self.me) {
                    tokio::select! {
                        biased;
                        () = sleep_until(until) => {}
                        () = self.changed() => {}
                    }
                } else {
                    self.watch = None;
                    sleep_until(until).await;
                }
            }
        }
    }

    async fn read(&mut self) {
        let name = self.settings.name.clone();
        match bounded(self.settings.terms, self.api.get_opt(&name)).await {
            Ok(lease) => {
                self.trouble = None;
                self.observe(lease);
            }
            Err(error) => self.failed("read", &error),
        }
    }

    async fn write(&mut self) {
        let (now, terms) = (self.system.now(), self.settings.terms);
        let lease = lease::held(&self.settings.name, self.lease.as_ref(), &self.me, terms.lease, now);
        let began = self.moment();
        let params = PostParams::default();
        let written = if self.lease.is_some() {
            bounded(self.settings.terms, self.api.replace(&self.settings.name, &params, &lease)).await
        } else {
            bounded(self.settings.terms, self.api.create(&params, &lease)).await
        };
        match written {
            Ok(lease) => {
                self.trouble = None;
                if let Some(record) = lease::record(&lease) {
                    self.election.won(record.version, began, self.moment());
                }
                self.lease = Some(lease);
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                self.election.doubt();
            }
            Err(error) => self.failed("write", &error),
        }
    }

    /// Waits until the watch reports something, or has failed for a while: then the Lease is read.
    async fn changed(&mut self) {
        if self.watch.is_none() {
            let params =
                WatchParams::default().fields(&format!("metadata.name={}", self.settings.name)).timeout(WATCH_SECONDS);
            let version = self.lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
            match bounded(self.settings.terms, self.api.watch(&params, version.as_deref().unwrap_or("0"))).await {
                Ok(stream) => self.watch = Some(stream.boxed()),
                Err(error) => tracing::debug!(error = error_chain(&error), "can't watch the Lease"),
            }
        }
        let event = match &mut self.watch {
            Some(stream) => stream.next().await,
            None => None,
        };
        match event {
            Some(Ok(WatchEvent::Added(lease) | WatchEvent::Modified(lease))) => self.observe(Some(lease)),
            Some(Ok(WatchEvent::Deleted(_))) => self.observe(None),
            Some(Ok(WatchEvent::Bookmark(_))) => {}
            Some(Ok(WatchEvent::Error(_)) | Err(_)) | None => {
                self.watch = None;
                sleep(self.settings.terms.retry).await;
                self.election.doubt();
            }
        }
    }

    fn observe(&mut self, lease: Option<Lease>) {
        if self.election.observe(lease.as_ref().and_then(lease::record), self.moment()) {
            self.lease = lease;
        }
    }

    async fn release(&mut self) -> kube::Result<()> {
        for attempt in 1..=RELEASE_ATTEMPTS {
            let found = bounded(self.settings.terms, self.api.get_opt(&self.settings.name)).await?;
            let held = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
            let Some(lease) = found.filter(|lease| held(lease).as_ref() == Some(&self.me)) else { return Ok(()) };
            let lease = lease::released(lease, self.system.now());
            match bounded(self.settings.terms, self.api.replace(&self.settings.name, &PostParams::default(), &lease))
                .await
            {
                Err(kube::Error::Api(status)) if status.is_conflict() && attempt < RELEASE_ATTEMPTS => {}
                written => {
                    written?;
                    tracing::info!("released the Lease {}", self.name());
                    self.metrics.leads(false);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn failed(&mut self, what: &str, error: &kube::Error) {
        self.election.failed(self.moment(), self.system.chance());
        let denied = matches!(error, kube::Error::Api(status) if status.is_forbidden());
        let advice =
            if denied { ": allow the ServiceAccount get, create, update and watch on leases there" } else { "" };
        let trouble = format!("can't {what} the Lease {}{advice}: {}", self.name(), error_chain(error));
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::warn!("{trouble}");
            self.trouble = Some(trouble);
        }
    }

    /// Hands on until when this process may act, and whether it leads.
    fn publish(&mut self) {
        if let Some(until) = self.election.granted_until() {
            let until = self.instant(until);
            self.permits.send_if_modified(|known| std::mem::replace(known, until) != until);
            self.metrics.renewed(until - self.settings.terms.lease);
        }
        let leads = self.election.leads(self.moment());
        if leads != self.leads {
            self.leads = leads;
            self.metrics.leads(leads);
            if leads {
                tracing::info!(identity = self.me, "leads: holds the Lease {}", self.name());
            } else {
                tracing::warn!("can't renew the Lease {} in time: nothing is changed until it can", self.name());
            }
        }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.name)
    }

    fn moment(&self) -> Moment {
        Moment::after(self.system.elapsed())
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.system.instant(Duration::from_millis(moment.0))
    }
}

async fn bounded<T>(terms: Terms, request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let bound = terms.request_timeout();
    let late = || kube::Error::Service(format!("no answer within {}", humantime::format_duration(bound)).into());
    timeout(bound, request).await.unwrap_or_else(|_| Err(late()))
}
