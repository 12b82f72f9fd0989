use super::*;

const TERMS: Terms =
    Terms { lease: Duration::from_secs(15), renew_deadline: Duration::from_secs(10), retry: Duration::from_secs(2) };

fn candidate() -> Election {
    Election::new("me".into(), TERMS)
}

fn record(version: u64, holder: &str) -> Record {
    let holder = (!holder.is_empty()).then(|| holder.into());
    Record { version, holder, lease: TERMS.lease }
}

fn at(seconds: u64) -> Moment {
    Moment(seconds * 1000)
}

#[test]
fn a_record_that_is_absent_is_created_and_renewed_every_two_seconds() {
    let mut me = candidate();
    assert_eq!(me.next(at(0)), Step::Read);
    me.observe(None, at(0));
    assert_eq!(me.next(at(0)), Step::Create);
    me.won(1, at(0), at(1));
    assert_eq!((me.next(at(1)), me.next(at(3))), (Step::Wait(at(3)), Step::Replace));
    assert_eq!(me.granted_until(), Some(at(15)), "counted from before the request was sent");
}

#[test]
fn another_holder_is_replaced_only_after_its_record_was_unchanged_for_the_whole_lease() {
    let mut me = candidate();
    me.observe(Some(record(7, "other")), at(0));
    assert_eq!(me.next(at(15)), Step::Wait(Moment(15_001)));
    me.observe(Some(record(8, "other")), at(10));
    me.observe(Some(record(8, "other")), at(20));
    assert_eq!((me.next(at(25)), me.next(at(26))), (Step::Wait(Moment(25_001)), Step::Replace));
}

#[test]
fn a_holder_that_counts_on_a_longer_lease_is_given_it() {
    let mut me = candidate();
    let longer = Record { lease: Duration::from_mins(1), ..record(7, "other") };
    me.observe(Some(longer), at(0));
    assert_eq!(me.next(at(60)), Step::Wait(Moment(60_001)));
}

#[test]
fn a_record_that_was_released_is_taken_at_once() {
    let mut me = candidate();
    me.observe(Some(record(7, "other")), at(0));
    me.observe(Some(record(8, "")), at(1));
    assert_eq!(me.next(at(1)), Step::Replace);
}

#[test]
fn an_answer_from_a_server_that_lags_behind_changes_nothing() {
    let mut me = candidate();
    me.observe(Some(record(6, "other")), at(0));
    me.won(7, at(20), at(20));
    me.observe(Some(record(6, "other")), at(21));
    assert!(!me.is_lost() && me.held() == Some(7));
}

#[test]
fn after_an_attempt_without_an_answer_the_record_is_read_again_and_the_grant_stays() {
    let mut me = candidate();
    me.won(7, at(0), at(0));
    me.failed(at(3), 0.5);
    assert_eq!((me.next(at(3)), me.next(at(6))), (Step::Wait(Moment(5_200)), Step::Read));
    assert_eq!(me.granted_until(), Some(at(15)));
    me.observe(Some(record(8, "me")), at(6));
    assert_eq!(me.next(at(6)), Step::Replace, "the write had been carried out");
}

#[test]
fn a_read_in_between_does_not_begin_the_wait_for_another_holder_again() {
    let mut me = candidate();
    me.observe(Some(record(7, "other")), at(0));
    me.doubt();
    assert_eq!(me.next(at(10)), Step::Read);
    me.observe(Some(record(7, "other")), at(10));
    assert_eq!(me.next(at(16)), Step::Replace);
}

#[test]
fn a_leader_counts_as_one_until_the_renew_deadline() {
    let mut me = candidate();
    assert!(!me.leads(at(0)));
    me.won(7, at(0), at(1));
    assert_eq!((me.leads(at(9)), me.leads(at(10))), (true, false));
}

#[test]
fn who_has_led_and_sees_another_holder_or_none_has_lost() {
    for seen in [Some(record(9, "other")), Some(record(9, "")), None] {
        let mut me = candidate();
        me.won(7, at(0), at(0));
        me.observe(seen.clone(), at(1));
        assert!(me.is_lost() && !me.leads(at(1)), "{seen:?}");
    }
    let mut never = candidate();
    never.observe(Some(record(9, "other")), at(1));
    assert!(!never.is_lost());
}
