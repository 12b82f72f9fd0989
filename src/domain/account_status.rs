//! What is reported of a ProfilerAccount, and whether that is worth a write. Pure.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    conditions::{self, Status},
    failure::{Class, Failure, FailureReason},
};
use crate::api::{ConditionType, ProfilerAccountStatus, Reason, RegionStatus, Timestamp};

/// The reason of a role that can be used.
const SUCCEEDED: &str = "Succeeded";
/// The reason of an account that no resource uses.
const NOT_IN_USE: &str = "NotInUse";

/// What is known of an account.
#[derive(Debug)]
pub struct AccountView {
    /// `metadata.generation`.
    pub generation: i64,
    /// The AWS account, or why the spec can't be read.
    pub account_id: Result<String, String>,
    /// Whether a resource uses the role that no lane works for yet.
    pub waits: bool,
    /// Its lanes, by region.
    pub lanes: Vec<LaneReport>,
}

/// What is known of one lane.
#[derive(Debug)]
pub struct LaneReport {
    /// What the status has of it.
    pub region: RegionStatus,
    /// Why Lists fail, or calls wait.
    pub failure: Option<Failure>,
}

struct Word {
    ready: Status,
    reason: &'static str,
    message: String,
    beside: Option<(ConditionType, &'static str)>,
}

/// The whole next status; as it was where nothing new is known of this generation.
#[must_use]
pub fn next_account_status(
    view: &AccountView,
    previous: &ProfilerAccountStatus,
    now: Timestamp,
) -> ProfilerAccountStatus {
    let unlisted = |lane: &LaneReport| lane.region.last_listed_at.is_none() && lane.failure.is_none();
    let waits = view.account_id.is_ok() && (view.waits || view.lanes.iter().any(unlisted));
    let failed = view.lanes.iter().filter_map(|lane| lane.failure.as_ref());
    let failure = failed.max_by_key(|failure| failure.reason.class() == Class::FixMe);
    if waits && failure.is_none() && previous.observed_generation == Some(view.generation) {
        return previous.clone();
    }
    let Word { ready, reason, message, beside } = word(view, failure, waits);
    let beside = beside.map(|(kind, reason)| (kind, Status::True, reason));
    let condition = |(kind, status, reason)| {
        let before = conditions::find(&previous.conditions, kind);
        conditions::write(before, kind, (status, reason, message.clone()), view.generation, now)
    };
    let conditions: Vec<Condition> =
        [(ConditionType::Ready, ready, reason)].into_iter().chain(beside).map(condition).collect();
    ProfilerAccountStatus {
        observed_generation: Some(view.generation),
        account_id: view.account_id.clone().ok(),
        regions: view.lanes.iter().map(|lane| lane.region.clone()).collect(),
        conditions,
    }
}

fn word(view: &AccountView, failure: Option<&Failure>, waits: bool) -> Word {
    let stalled = |reason: &'static str, message: String| Word {
        ready: Status::False,
        reason,
        message,
        beside: Some((ConditionType::Stalled, reason)),
    };
    if let Err(why) = &view.account_id {
        return stalled(Reason::AccountNotReady.as_str(), format!("The spec can't be read: {why}. Correct it."));
    }
    if let Some(Failure { reason, message, .. }) = failure {
        return match (reason, reason.class()) {
            (FailureReason::AccessDenied, _) => stalled(Reason::ListDenied.as_str(), message.clone()),
            (_, Class::FixMe) => stalled(reason.as_str(), message.clone()),
            _ => Word {
                ready: Status::False,
                reason: reason.as_str(),
                message: message.clone(),
                beside: Some((ConditionType::Reconciling, Reason::ProgressingWithRetry.as_str())),
            },
        };
    }
    if waits {
        let progressing = Reason::Progressing.as_str();
        return Word {
            ready: Status::Unknown,
            reason: progressing,
            message: "Waiting for the first read from AWS.".into(),
            beside: Some((ConditionType::Reconciling, progressing)),
        };
    }
    let (reason, message) = if view.lanes.is_empty() {
        (NOT_IN_USE, "No ProfilingGroup uses the role, so it has not been assumed.")
    } else {
        (SUCCEEDED, "The role was assumed, and AWS lists the groups of every region in use.")
    };
    Word { ready: Status::True, reason, message: message.into(), beside: None }
}

/// Whether `next` is to be written over `stored` now: what moves by itself only once in `refresh`.
#[must_use]
pub fn is_worth_a_write(
    next: &ProfilerAccountStatus,
    stored: &ProfilerAccountStatus,
    refresh: Duration,
    now: Timestamp,
) -> bool {
    let newest = stored.regions.iter().filter_map(|region| region.last_listed_at).max();
    if newest.is_none_or(|newest| newest.plus(refresh) <= now) {
        return next != stored;
    }
    let steady = |status: &ProfilerAccountStatus| {
        let regions: Vec<_> = status.regions.iter().map(|region| region.region.clone()).collect();
        (status.observed_generation, status.account_id.clone(), regions, status.conditions.clone())
    };
    steady(next) != steady(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::{failure, minute};

    const REFRESH: Duration = Duration::from_mins(15);

    fn lane(listed: Option<i64>, failed: Option<FailureReason>) -> LaneReport {
        let region =
            RegionStatus { region: "eu-west-1".into(), last_listed_at: listed.map(minute), ..RegionStatus::default() };
        LaneReport { region, failure: failed.map(failure) }
    }

    fn view(lanes: Vec<LaneReport>) -> AccountView {
        AccountView { generation: 1, account_id: Ok("111122223333".into()), waits: false, lanes }
    }

    fn next(view: &AccountView, previous: &ProfilerAccountStatus) -> ProfilerAccountStatus {
        next_account_status(view, previous, minute(100))
    }

    /// The conditions as `Ready=True/Succeeded`.
    fn shown(status: &ProfilerAccountStatus) -> Vec<String> {
        status.conditions.iter().map(|it| format!("{}={}/{}", it.type_, it.status, it.reason)).collect()
    }

    #[test]
    fn an_account_is_ready_when_every_region_in_use_can_be_listed() {
        let unreadable = AccountView { account_id: Err("no".into()), ..view(vec![]) };
        let waits = AccountView { waits: true, ..view(vec![]) };
        for (view, expected) in [
            (view(vec![]), &["Ready=True/NotInUse"][..]),
            (view(vec![lane(Some(99), None)]), &["Ready=True/Succeeded"]),
            (view(vec![lane(None, None)]), &["Ready=Unknown/Progressing", "Reconciling=True/Progressing"]),
            (waits, &["Ready=Unknown/Progressing", "Reconciling=True/Progressing"]),
            (unreadable, &["Ready=False/AccountNotReady", "Stalled=True/AccountNotReady"]),
            (
                view(vec![
                    lane(Some(9), Some(FailureReason::Throttled)),
                    lane(None, Some(FailureReason::AccountNotReady)),
                ]),
                &["Ready=False/AccountNotReady", "Stalled=True/AccountNotReady"],
            ),
            (
                view(vec![lane(Some(9), Some(FailureReason::AccessDenied))]),
                &["Ready=False/ListDenied", "Stalled=True/ListDenied"],
            ),
            (
                view(vec![lane(Some(9), Some(FailureReason::Unreachable)), lane(Some(99), None)]),
                &["Ready=False/Unreachable", "Reconciling=True/ProgressingWithRetry"],
            ),
        ] {
            assert_eq!(shown(&next(&view, &ProfilerAccountStatus::default())), expected, "{view:?}");
        }
    }

    #[test]
    fn after_a_restart_what_was_reported_holds_until_something_is_known() {
        let reported = next(&view(vec![lane(Some(99), None)]), &ProfilerAccountStatus::default());
        assert_eq!(next(&view(vec![lane(None, None)]), &reported), reported);
        let edited = AccountView { generation: 2, ..view(vec![lane(None, None)]) };
        assert_eq!(shown(&next(&edited, &reported))[0], "Ready=Unknown/Progressing");
    }

    #[test]
    fn what_moves_by_itself_is_written_once_in_a_while_and_a_condition_at_once() {
        let reported = next(&view(vec![lane(Some(99), None)]), &ProfilerAccountStatus::default());
        let later = next(&view(vec![lane(Some(100), None)]), &reported);
        let worth = |next: &ProfilerAccountStatus, at| is_worth_a_write(next, &reported, REFRESH, minute(at));
        assert!(!worth(&later, 113) && worth(&later, 114) && !worth(&reported, 200));
        assert!(worth(&next(&view(vec![lane(Some(99), Some(FailureReason::TimedOut))]), &reported), 100));
        assert!(worth(&next(&view(vec![]), &reported), 100), "a region is no longer in use");
    }
}
