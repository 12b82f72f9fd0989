//! The faults in force, by kind and until when; what each does is decided where a request passes. Plain data.

use std::{collections::BTreeMap, time::Duration};

use crate::world::Counts;

/// What goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Requests to the API server are refused with 500.
    KubeFails,
    /// Requests to the API server are refused with 429 and Retry-After.
    KubeThrottles,
    /// No connection to the API server.
    KubeUnreachable,
    /// The API server takes seconds to answer.
    KubeSlow,
    /// The API server's answers come late: what they show may be old by then.
    KubeAnswersLate,
    /// Requests to the API server take effect, and their answers are lost.
    KubeAnswersLost,
    /// Status writes are refused with 500.
    StatusWritesFail,
    /// Status writes hang.
    StatusWritesHang,
    /// Watch frames come late.
    WatchDelayed,
    /// Watches are cut at random.
    WatchCut,
    /// Watches are silent.
    WatchSilent,
    /// The rival's watch of resources is silent.
    RivalsWatchSilent,
    /// Watch frames come twice.
    WatchDoubled,
    /// AWS throttles every call.
    AwsThrottles,
    /// AWS answers 500.
    AwsFails,
    /// AWS answers late.
    AwsSlow,
    /// What AWS returns to List and Describe comes late: it may be old by then.
    AwsReadsLate,
    /// Calls take effect, and their answers are lost.
    AwsAnswersLost,
    /// Nothing answers.
    AwsHangs,
    /// Nothing answers in regions other than the first one.
    OtherRegionsHang,
    /// The credentials have expired.
    CredentialsExpired,
    /// ListProfilingGroups is denied.
    ListDenied,
    /// UpdateProfilingGroup is answered with 500.
    UpdatesFail,
    /// UpdateProfilingGroup is denied.
    UpdateDenied,
    /// An operator that starts now has the credentials of another account, until they are put right.
    OtherAccount,
    /// STS refuses the roles of ProfilerAccounts.
    RolesRefused,
    /// The AWS client panics.
    AwsPanics,
    /// Permits are not granted to the operator.
    PermitsRefused,
    /// Status writes are forbidden.
    StatusWritesForbidden,
    /// Events are forbidden.
    EventsForbidden,
    /// One of the namespaces may not be listed.
    NamespaceForbidden,
}

/// Every kind of fault.
pub const ALL: [Fault; 31] = [
    Fault::KubeFails,
    Fault::KubeThrottles,
    Fault::KubeUnreachable,
    Fault::KubeSlow,
    Fault::KubeAnswersLate,
    Fault::KubeAnswersLost,
    Fault::StatusWritesFail,
    Fault::StatusWritesHang,
    Fault::WatchDelayed,
    Fault::WatchCut,
    Fault::WatchSilent,
    Fault::RivalsWatchSilent,
    Fault::WatchDoubled,
    Fault::AwsThrottles,
    Fault::AwsFails,
    Fault::AwsSlow,
    Fault::AwsReadsLate,
    Fault::AwsAnswersLost,
    Fault::AwsHangs,
    Fault::OtherRegionsHang,
    Fault::CredentialsExpired,
    Fault::ListDenied,
    Fault::UpdatesFail,
    Fault::UpdateDenied,
    Fault::OtherAccount,
    Fault::RolesRefused,
    Fault::AwsPanics,
    Fault::PermitsRefused,
    Fault::StatusWritesForbidden,
    Fault::EventsForbidden,
    Fault::NamespaceForbidden,
];

/// The faults in force.
#[derive(Default)]
pub struct Faults {
    since: BTreeMap<Fault, Duration>,
    until: BTreeMap<Fault, Duration>,
    met: Counts,
}

impl Faults {
    /// `fault` holds from now until then.
    pub fn begin(&mut self, fault: Fault, now: Duration, until: Duration) {
        self.since.insert(fault, now);
        self.until.insert(fault, until);
    }

    /// No fault holds any more.
    pub fn end_all(&mut self) {
        self.until.clear();
    }

    /// Whether `fault` holds; counts that something met it.
    pub fn meets(&mut self, fault: Fault, now: Duration) -> bool {
        let holds = self.until.get(&fault).is_some_and(|until| now < *until);
        if holds {
            *self.met.entry(format!("{fault:?}")).or_default() += 1;
        }
        holds
    }

    /// Whether something that began at `start` met `fault` from its beginning, and it still holds.
    pub fn met_at(&mut self, fault: Fault, start: Duration, now: Duration) -> bool {
        self.since.get(&fault).is_some_and(|since| *since <= start) && self.meets(fault, now)
    }

    /// Whether `fault` holds, without counting.
    pub fn holds(&self, fault: Fault, now: Duration) -> bool {
        self.until(fault, now).is_some()
    }

    /// When `fault` ends, if it holds.
    pub fn until(&self, fault: Fault, now: Duration) -> Option<Duration> {
        self.until.get(&fault).copied().filter(|until| now < *until)
    }

    /// How often each was met.
    pub fn met(&self) -> &Counts {
        &self.met
    }
}
