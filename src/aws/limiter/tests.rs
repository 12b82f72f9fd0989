//! What the parts of a limiter do together.

use super::*;
use crate::{
    aws::error::{Effect, Operation},
    domain::fixtures::failure,
};

fn limiter(calls_per_second: u32) -> Limiter {
    Limiter::new(NonZeroU32::new(calls_per_second).unwrap(), Moment(0))
}

fn classes(classes: &[Class]) -> BTreeSet<Class> {
    classes.iter().copied().collect()
}

/// Sends a call of the class whose turn it is.
fn send(limiter: &mut Limiter, waiting: &[Class], now: u64) -> Result<(Class, Pass), Option<Moment>> {
    let (class, mut pass) = limiter.take(&classes(waiting), Moment(now))?;
    limiter.sent(&mut pass, Moment(now));
    Ok((class, pass))
}

fn fail(limiter: &mut Limiter, now: u64) -> Option<Change> {
    let (_, pass) = send(limiter, &[Class::Edit], now).unwrap();
    limiter.over(&pass, &Outcome::Failed(failure(FailureReason::TimedOut)), Moment(now), 1.0)
}

#[test]
fn every_reason_of_a_failure_means_one_thing_for_the_next_calls() {
    use FailureReason::{
        AccessDenied, Conflict, CredentialsExpired, CredentialsInvalid, CredentialsMissing, GroupNotFound,
        InternalError, InvalidRequest, MalformedAnswer, QuotaExceeded, ServiceUnavailable, SignatureRejected,
        Throttled, TimedOut, Unreachable,
    };
    for (reasons, expected) in [
        (&[AccessDenied, GroupNotFound, InvalidRequest, QuotaExceeded, Conflict, MalformedAnswer][..], "answered"),
        (&[Throttled], "throttled"),
        (&[ServiceUnavailable, Unreachable, TimedOut], "failed"),
        (&[CredentialsExpired, CredentialsInvalid, CredentialsMissing, SignatureRejected], "failed"),
        (&[InternalError], "unknown"),
    ] {
        for reason in reasons {
            let error = AwsError::new(Operation::Update, "eu-west-1", Some("a"), *reason, Effect::Refused);
            let meant = match Outcome::of::<()>(&Err(error)) {
                Outcome::Answered => "answered",
                Outcome::Throttled(_) => "throttled",
                Outcome::Failed(failure) => {
                    assert_eq!(failure.reason, *reason);
                    "failed"
                }
                Outcome::Unknown => "unknown",
            };
            assert_eq!(meant, expected, "{reason:?}");
        }
    }
    assert_eq!(Outcome::of(&Ok(())), Outcome::Answered);
}

#[test]
fn an_edit_goes_before_everything_that_waits() {
    let mut limiter = limiter(1);
    assert_eq!(send(&mut limiter, &[Class::Adopt], 0).unwrap().0, Class::Adopt);
    assert_eq!(send(&mut limiter, &[Class::Adopt], 0).unwrap_err(), Some(Moment(1000)));
    assert_eq!(send(&mut limiter, &[Class::Adopt, Class::Edit], 1000).unwrap().0, Class::Edit);
}

#[test]
fn describes_have_a_limit_of_their_own_that_holds_nothing_else_up() {
    let mut limiter = limiter(100);
    for _ in 0..10 {
        assert_eq!(send(&mut limiter, &[Class::Describe], 0).unwrap().0, Class::Describe);
    }
    assert_eq!(send(&mut limiter, &[Class::Describe], 0).unwrap_err(), Some(Moment(100)));
    assert_eq!(send(&mut limiter, &[Class::Describe, Class::Correct], 0).unwrap().0, Class::Correct);
}

#[test]
fn a_list_that_waits_goes_next_and_takes_a_quarter_of_the_calls_at_most() {
    let mut limiter = limiter(4);
    for _ in 0..4 {
        drop(send(&mut limiter, &[Class::Edit], 0).unwrap());
    }
    assert_eq!(limiter.take_list(Moment(0)).unwrap_err(), Some(Moment(250)));
    let mut turns = Vec::new();
    for now in (250..4250).step_by(250) {
        if let Ok(mut list) = limiter.take_list(Moment(now)) {
            limiter.sent(&mut list, Moment(now));
            turns.push("list");
        } else if send(&mut limiter, &[Class::Edit], now).is_ok() {
            turns.push("edit");
        }
    }
    assert_eq!(turns, ["list", "edit", "edit", "edit"].repeat(4));
}

#[test]
fn a_list_that_stops_waiting_holds_nothing_up() {
    let mut limiter = limiter(1);
    drop(send(&mut limiter, &[Class::Edit], 0).unwrap());
    limiter.take_list(Moment(0)).unwrap_err();
    assert_eq!(send(&mut limiter, &[Class::Edit], 1000).unwrap_err(), Some(Moment(2000)), "the List goes first");
    limiter.list_stops_waiting();
    assert!(send(&mut limiter, &[Class::Edit], 1000).is_ok());
}

#[test]
fn a_call_that_is_not_sent_is_there_for_another_one() {
    let mut limiter = limiter(1);
    let (_, pass) = limiter.take(&classes(&[Class::Adopt]), Moment(0)).unwrap();
    assert_eq!(send(&mut limiter, &[Class::Edit], 0).unwrap_err(), None);
    limiter.over(&pass, &Outcome::Unknown, Moment(0), 0.0);
    assert!(send(&mut limiter, &[Class::Edit], 0).is_ok());
}

#[test]
fn while_the_circuit_is_open_one_call_is_tried_and_lists_go_on() {
    let mut limiter = limiter(100);
    let opened: Vec<_> = (0..5).filter_map(|_| fail(&mut limiter, 0)).collect();
    assert_eq!(opened, [Change::Opened(failure(FailureReason::TimedOut))]);
    assert_eq!(send(&mut limiter, &[Class::Edit], 0).unwrap_err(), Some(Moment(1000)));
    let mut list = limiter.take_list(Moment(0)).unwrap();
    limiter.sent(&mut list, Moment(0));
    let (class, probe) = send(&mut limiter, &[Class::Edit, Class::Correct], 1000).unwrap();
    assert_eq!(class, Class::Edit);
    assert_eq!(send(&mut limiter, &[Class::Correct], 1000).unwrap_err(), None, "until the probe has ended");
    assert_eq!(limiter.over(&list, &Outcome::Failed(failure(FailureReason::TimedOut)), Moment(1000), 1.0), None);
    assert_eq!(limiter.over(&probe, &Outcome::Answered, Moment(1000), 1.0), Some(Change::Closed { answered: true }));
    assert!(send(&mut limiter, &[Class::Correct], 1000).is_ok());
}

#[test]
fn a_refusal_of_one_group_opens_nothing_and_closes_what_is_open() {
    let mut limiter = limiter(100);
    for _ in 0..20 {
        let (_, pass) = send(&mut limiter, &[Class::Edit], 0).unwrap();
        assert_eq!(limiter.over(&pass, &Outcome::Answered, Moment(0), 1.0), None);
    }
    for _ in 0..5 {
        fail(&mut limiter, 0);
    }
    let (_, pass) = send(&mut limiter, &[Class::Edit], 1000).unwrap();
    assert_eq!(
        limiter.over(&pass, &Outcome::Throttled(None), Moment(1000), 1.0),
        Some(Change::Closed { answered: true })
    );
    assert!((limiter.snapshot().rate - 50.0).abs() < 0.01, "AWS is there, and throttles");
}

#[test]
fn a_probe_that_panics_is_followed_by_another() {
    let mut limiter = limiter(100);
    for _ in 0..5 {
        fail(&mut limiter, 0);
    }
    let (_, pass) = send(&mut limiter, &[Class::Edit], 1000).unwrap();
    limiter.over(&pass, &Outcome::Unknown, Moment(1000), 1.0);
    assert_eq!(send(&mut limiter, &[Class::Edit], 1000).unwrap_err(), Some(Moment(2000)));
    assert!(send(&mut limiter, &[Class::Edit], 2000).is_ok());
}
