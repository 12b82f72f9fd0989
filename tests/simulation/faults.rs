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
    /// Watches say nothing any more.
    WatchSilent,
    /// Watch frames come twice.
    WatchDoubled,
    /// AWS throttles every call.
    AwsThrottles,
    /// AWS answers 500.
    AwsFails,
    /// AWS answers late.
    AwsSlow,
    /// Calls take effect, and their answers are lost.
    AwsAnswersLost,
    /// Nothing answers.
    AwsHangs,
    /// ListProfilingGroups is denied.
    ListDenied,
    /// UpdateProfilingGroup is denied.
    UpdateDenied,
    /// The credentials are those of another account.
    OtherAccount,
    /// The AWS client panics.
    AwsPanics,
    /// Permits are not granted to the operator.
    PermitsRefused,
}

/// Every kind of fault.
pub const ALL: [Fault; 20] = [
    Fault::KubeFails,
    Fault::KubeThrottles,
    Fault::KubeUnreachable,
    Fault::KubeSlow,
    Fault::KubeAnswersLost,
    Fault::StatusWritesFail,
    Fault::StatusWritesHang,
    Fault::WatchDelayed,
    Fault::WatchCut,
    Fault::WatchSilent,
    Fault::WatchDoubled,
    Fault::AwsThrottles,
    Fault::AwsFails,
    Fault::AwsSlow,
    Fault::AwsAnswersLost,
    Fault::AwsHangs,
    Fault::ListDenied,
    Fault::UpdateDenied,
    Fault::OtherAccount,
    Fault::AwsPanics,
];

/// The faults in force.
#[derive(Default)]
pub struct Faults {
    until: BTreeMap<Fault, Duration>,
    met: Counts,
}

impl Faults {
    /// `fault` holds until then.
    pub fn begin(&mut self, fault: Fault, until: Duration) {
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

    /// When `fault` ends, if it holds.
    pub fn until(&self, fault: Fault, now: Duration) -> Option<Duration> {
        self.until.get(&fault).copied().filter(|until| now < *until)
    }

    /// How often each was met.
    pub fn met(&self) -> &Counts {
        &self.met
    }
}
