//! The record of an election as a `Lease` of `coordination.k8s.io/v1` has it. Pure.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Resource, ResourceExt};

use crate::domain::election::Record;

/// A released Lease shows the shortest duration that the API server accepts, as client-go's does.
const RELEASED: i32 = 1;

/// What candidates need of a Lease; `None` when it has no version that can be compared.
pub fn record(lease: &Lease) -> Option<Record> {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default();
    Some(Record {
        version: lease.resource_version()?.parse().ok()?,
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        lease: Duration::from_secs(seconds),
    })
}

/// The Lease with `me` as the holder from now on; a new one when there is none.
pub fn held(name: &str, known: Option<&Lease>, me: &str, duration: Duration, now: Timestamp) -> Lease {
    let mut lease = known.cloned().unwrap_or_default();
    lease.meta_mut().name = Some(name.to_owned());
    lease.meta_mut().managed_fields = None;
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(me) {
        let transitions = spec.lease_transitions.unwrap_or_default();
        spec.lease_transitions = Some(if known.is_some() { transitions.saturating_add(1) } else { transitions });
        spec.acquire_time = Some(MicroTime(now));
    }
    spec.holder_identity = Some(me.to_owned());
    spec.lease_duration_seconds = Some(whole_seconds(duration));
    spec.renew_time = Some(MicroTime(now));
    lease
}

/// The Lease without a holder.
pub fn released(mut lease: Lease, now: Timestamp) -> Lease {
    lease.meta_mut().managed_fields = None;
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(RELEASED),
        lease_transitions: transitions,
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        ..LeaseSpec::default()
    });
    lease
}

/// Rounded up, so that others never wait for less.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIFTEEN: Duration = Duration::from_secs(15);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn stored(mut lease: Lease, version: &str) -> Lease {
        lease.meta_mut().resource_version = Some(version.into());
        lease
    }

    #[test]
    fn a_lease_that_is_made_renewed_released_and_taken_shows_it() {
        let made = stored(held("l", None, "a", FIFTEEN, at(0)), "7");
        let holder = Some("a".to_owned());
        assert_eq!(record(&made), Some(Record { version: 7, holder, lease: FIFTEEN }));

        let renewed = held("l", Some(&made), "a", FIFTEEN, at(2)).spec.unwrap();
        assert_eq!((renewed.acquire_time, renewed.renew_time), (Some(MicroTime(at(0))), Some(MicroTime(at(2)))));
        assert_eq!(renewed.lease_transitions, Some(0));

        let free = stored(released(made, at(3)), "8");
        assert_eq!(record(&free), Some(Record { version: 8, holder: None, lease: Duration::from_secs(1) }));

        let taken = held("l", Some(&free), "b", FIFTEEN, at(4)).spec.unwrap();
        assert_eq!((taken.acquire_time, taken.lease_transitions), (Some(MicroTime(at(4))), Some(1)));
    }

    #[test]
    fn a_part_of_a_second_is_a_whole_one() {
        assert_eq!([0, 1, 999, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms))), [0, 1, 1, 1, 2]);
    }
}
