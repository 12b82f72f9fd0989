//! The guarantees of the inventory, one by one.

use super::{Ended, Inventory, Moment};
use crate::{
    api::{ProfilingStatus, Timestamp},
    aws::error::Effect,
    domain::{
        facet::{Facet, Step, Tags},
        fixtures::tags,
        observation::Observation,
        situation::Presence,
    },
};

const A: &str = "a";
const FIVE_MINUTES: u64 = 300_000;

fn time(second: u8) -> Timestamp {
    format!("2026-06-01T00:00:{second:02}Z").parse().unwrap()
}

/// `a` as AWS describes it in full.
fn group(on: bool, updated: u8) -> Observation {
    Observation {
        name: A.into(),
        arn: Some("arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a".into()),
        created_at: Some(time(0)),
        updated_at: Some(time(updated)),
        profiling_enabled: Some(on),
        profiling_status: Some(ProfilingStatus::default()),
        ..Default::default()
    }
}

fn called(name: &str, group: Observation) -> Observation {
    Observation { name: name.into(), ..group }
}

fn without_switch(group: Observation) -> Observation {
    Observation { profiling_enabled: None, ..group }
}

fn without_agents(group: Observation) -> Observation {
    Observation { profiling_status: None, ..group }
}

fn name_only(name: &str) -> Observation {
    Observation { name: name.into(), ..Default::default() }
}

/// A complete List of one page.
fn list(inventory: &mut Inventory, began: u64, groups: impl IntoIterator<Item = Observation>) {
    let mut listing = inventory.begin_list(Moment(began));
    inventory.page(&mut listing, Moment(began), groups.into_iter().collect());
    inventory.end_list(&listing);
}

fn describe(inventory: &mut Inventory, began: u64, group: Observation) {
    inventory.described(&group.name.clone(), group, Moment(began));
}

fn update(inventory: &mut Inventory, ended: Ended, at: u64) {
    inventory.begin_mutation(A);
    inventory.end_mutation(A, ended, Moment(at));
}

fn listed(began: u64, groups: impl IntoIterator<Item = Observation>) -> Inventory {
    let mut inventory = Inventory::default();
    list(&mut inventory, began, groups);
    inventory
}

fn switch(inventory: &Inventory) -> Option<bool> {
    match inventory.presence(A) {
        Presence::Present(observation) => observation.profiling_enabled,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_known_before_the_first_complete_list() {
    let mut inventory = Inventory::default();
    let mut listing = inventory.begin_list(Moment(1));
    inventory.page(&mut listing, Moment(1), vec![called("b", group(true, 1))]);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::NotListed, false));
    inventory.end_list(&listing);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, true));
}

#[test]
fn a_read_that_overlaps_a_mutation_is_ignored() {
    let mut inventory = listed(1, [group(false, 1)]);
    inventory.begin_mutation(A);
    list(&mut inventory, 2, [group(false, 9)]);
    assert_eq!(inventory.as_of(A), Some(Moment(1)), "a read that ends while it is under way");
    inventory.end_mutation(A, Ended::Answered(group(true, 2)), Moment(5));
    describe(&mut inventory, 4, group(false, 9));
    list(&mut inventory, 4, []);
    inventory.described_missing(A, Moment(4));
    assert_eq!(
        (switch(&inventory), inventory.as_of(A)),
        (Some(true), Some(Moment(5))),
        "one that began before it ended"
    );
    describe(&mut inventory, 6, group(false, 9));
    assert_eq!(switch(&inventory), Some(false));
}

#[test]
fn a_mutation_under_way_wants_no_describe() {
    let mut inventory = listed(1, []);
    inventory.begin_mutation(A);
    assert!(!inventory.wants_describe(A));
}

#[test]
fn an_unclear_mutation_leaves_the_switch_unknown_until_a_later_read() {
    let mut inventory = listed(1, [group(false, 1)]);
    update(&mut inventory, Ended::failed(Effect::Unclear, false, Facet::Switch), 5);
    assert_eq!((switch(&inventory), inventory.wants_describe(A)), (None, true));
    list(&mut inventory, 4, [group(false, 1)]);
    assert_eq!(switch(&inventory), None, "an overlapping List");
    describe(&mut inventory, 6, group(false, 1));
    assert_eq!((switch(&inventory), inventory.wants_describe(A)), (Some(false), false));
}

#[test]
fn an_unclear_mutation_of_a_group_that_was_missing_leaves_that_open() {
    let mut inventory = listed(1, []);
    inventory.described_missing(A, Moment(2));
    update(&mut inventory, Ended::Unclear(Facet::Switch), 3);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, true));
}

#[test]
fn an_answer_without_the_switch_leaves_it_unknown() {
    let mut inventory = listed(1, [group(false, 1)]);
    update(&mut inventory, Ended::Answered(without_switch(group(true, 2))), 3);
    assert_eq!((switch(&inventory), inventory.wants_describe(A)), (None, true));
    describe(&mut inventory, 4, group(true, 2));
    assert_eq!(switch(&inventory), Some(true));
}

#[test]
fn a_read_that_began_earlier_loses_to_one_that_began_later() {
    let mut inventory = listed(5, [group(true, 1)]);
    describe(&mut inventory, 4, group(false, 2));
    inventory.described_missing(A, Moment(4));
    list(&mut inventory, 4, []);
    assert_eq!(switch(&inventory), Some(true));
}

#[test]
fn a_stale_read_is_ignored_if_it_began_within_five_minutes_of_our_mutation() {
    for stale in [group(false, 1), group(false, 2), Observation { updated_at: None, ..group(false, 1) }] {
        for (began, believed) in [(101, false), (99 + FIVE_MINUTES, false), (100 + FIVE_MINUTES, true)] {
            let mut inventory = listed(1, [group(false, 1)]);
            update(&mut inventory, Ended::Answered(group(true, 2)), 100);
            describe(&mut inventory, began, stale.clone());
            assert_eq!(switch(&inventory), Some(!believed), "{began} {stale:?}");
        }
    }
}

#[test]
fn a_read_with_a_later_updated_at_is_never_stale() {
    let mut inventory = listed(1, [group(false, 1)]);
    update(&mut inventory, Ended::Answered(group(true, 2)), 100);
    describe(&mut inventory, 101, group(false, 3));
    assert_eq!(switch(&inventory), Some(false));
}

#[test]
fn a_stale_read_is_not_taken_for_drift_after_a_restart_either() {
    for (began, believed) in [(101, false), (99 + FIVE_MINUTES, false), (100 + FIVE_MINUTES, true)] {
        let mut inventory = Inventory::default();
        inventory.remember(&A.into(), (&group(true, 2)).into(), Moment(100));
        list(&mut inventory, began, [group(false, 1)]);
        let expected = if believed { Presence::Present(group(false, 1)) } else { Presence::Unconfirmed };
        assert_eq!(inventory.presence(A), expected, "{began}");
    }
}

#[test]
fn what_a_status_remembers_replaces_nothing_that_is_known_but_makes_an_older_read_unknown() {
    for (remembered, kept) in
        [(group(true, 3), true), (group(false, 1), true), (group(false, 2), false), (group(false, 3), false)]
    {
        let mut inventory = listed(1, [group(true, 2)]);
        let known = inventory.clone();
        inventory.remember(&A.into(), (&remembered).into(), Moment(2));
        if kept {
            assert_eq!(inventory.presence(A), known.presence(A), "{remembered:?}");
        } else {
            assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, true));
        }
    }
}

#[test]
fn a_stale_describe_is_not_repeated_before_the_next_list() {
    let mut inventory = Inventory::default();
    inventory.remember(&A.into(), (&group(true, 2)).into(), Moment(1));
    list(&mut inventory, 2, [group(false, 1)]);
    assert!(inventory.wants_describe(A));
    describe(&mut inventory, 3, group(false, 1));
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, false));
    list(&mut inventory, 4, []);
    assert!(inventory.wants_describe(A));
}

#[test]
fn a_read_whose_updated_at_went_back_is_ignored_for_five_minutes() {
    for (began, believed) in [(101, false), (99 + FIVE_MINUTES, false), (100 + FIVE_MINUTES, true)] {
        let mut inventory = listed(100, [group(true, 2)]);
        describe(&mut inventory, began, group(false, 1));
        assert_eq!(switch(&inventory), Some(!believed), "{began}");
    }
}

fn tagged(text: &str) -> Observation {
    Observation { arn: Some("arn".into()), tags: Some(tags(text)), ..group(true, 1) }
}

fn known_tags(inventory: &Inventory) -> Option<Tags> {
    match inventory.presence(A) {
        Presence::Present(known) => known.tags,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_that_does_not_know_of_our_change_of_tags_is_not_believed_and_a_read_of_the_tags_decides() {
    let mut inventory = listed(1, [tagged("team=old stage=old")]);
    update(&mut inventory, Ended::Done(Step::Tag(tags("team=new"))), 5);
    update(&mut inventory, Ended::Done(Step::Untag(["stage".to_owned()].into())), 6);
    assert_eq!((known_tags(&inventory), inventory.tags_due(A)), (Some(tags("team=new")), None));
    list(&mut inventory, 7, [tagged("team=new stage=old")]);
    assert_eq!((known_tags(&inventory), inventory.tags_due(A)), (None, Some(Moment(0))));
    inventory.tags_read(A, tags("team=new"), Moment(8));
    assert_eq!((known_tags(&inventory), inventory.tags_due(A)), (Some(tags("team=new")), None));
    list(&mut inventory, 9, [tagged("team=new more=theirs")]);
    assert_eq!(known_tags(&inventory), Some(tags("team=new more=theirs")), "keys of others are believed at once");

    list(&mut inventory, 10, [tagged("team=theirs")]);
    inventory.tags_read(A, tags("team=theirs"), Moment(11));
    list(&mut inventory, 12, [tagged("team=theirs")]);
    assert_eq!(known_tags(&inventory), Some(tags("team=theirs")), "somebody else has changed them");
}

#[test]
fn after_five_minutes_a_list_of_other_tags_is_believed() {
    let mut inventory = listed(1, [tagged("team=old")]);
    update(&mut inventory, Ended::Done(Step::Tag(tags("team=new"))), 5);
    list(&mut inventory, 5 + FIVE_MINUTES, [tagged("team=old")]);
    assert_eq!(known_tags(&inventory), Some(tags("team=old")));
}

#[test]
fn tags_are_read_where_lists_leave_them_out_and_a_read_that_began_before_our_change_is_ignored() {
    let without = || Observation { tags: None, ..tagged("") };
    let mut inventory = listed(1, [without()]);
    assert_eq!(inventory.tags_due(A), Some(Moment(0)));
    inventory.tags_read(A, tags("team=old"), Moment(2));
    assert_eq!(inventory.tags_due(A), Some(Moment(2 + 600_000)));
    list(&mut inventory, 3, [without()]);
    assert_eq!(known_tags(&inventory), Some(tags("team=old")), "what is omitted erases nothing");
    update(&mut inventory, Ended::Done(Step::Tag(tags("team=new"))), 9);
    inventory.tags_read(A, tags("team=old"), Moment(8));
    assert_eq!(known_tags(&inventory), Some(tags("team=new")));
    update(&mut inventory, Ended::Unclear(Facet::Tags), 12);
    assert_eq!((known_tags(&inventory), inventory.tags_due(A)), (None, Some(Moment(0))));
    assert_eq!(switch(&inventory), Some(true), "the switch is as known as before");
}

#[test]
fn tags_that_we_have_changed_are_confirmed_by_a_read_that_began_later_and_by_no_other() {
    let mut inventory = listed(1, [tagged("team=old")]);
    assert!(!inventory.tags_unconfirmed(A));
    update(&mut inventory, Ended::Done(Step::Mark(tags("owner=here"))), 10);
    assert_eq!((known_tags(&inventory), inventory.tags_unconfirmed(A)), (Some(tags("team=old owner=here")), true));
    inventory.tags_read(A, tags("team=old owner=here"), Moment(9));
    list(&mut inventory, 9, [tagged("team=old owner=here")]);
    list(&mut inventory, 11, [group(true, 1)]);
    assert!(inventory.tags_unconfirmed(A), "a List that leaves the tags out");
    let mut other = inventory.clone();
    list(&mut inventory, 12, [tagged("team=old owner=here")]);
    other.tags_read(A, tags("owner=them"), Moment(12));
    assert_eq!((inventory.tags_unconfirmed(A), other.tags_unconfirmed(A)), (false, false));
    assert_eq!(known_tags(&other), Some(tags("owner=them")));
}

#[test]
fn a_group_that_exists_although_it_was_to_be_created_is_described() {
    let mut inventory = listed(1, []);
    inventory.described_missing(A, Moment(2));
    update(&mut inventory, Ended::Exists, 5);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, true));
    describe(&mut inventory, 6, group(true, 1));
    assert_eq!(switch(&inventory), Some(true));
}

/// What was missing for long once was taken for what had not been read for long.
#[test]
fn a_list_confirms_that_a_group_is_missing() {
    let mut inventory = listed(1, []);
    inventory.described_missing(A, Moment(2));
    list(&mut inventory, 9, []);
    assert_eq!((inventory.presence(A), inventory.as_of(A)), (Presence::Missing, Some(Moment(9))));
    assert!(!inventory.wants_describe(A));
}

#[test]
fn a_group_is_missing_only_after_a_later_complete_list_and_then_a_describe() {
    let mut inventory = listed(5, [group(true, 1)]);
    list(&mut inventory, 4, []);
    assert_eq!(switch(&inventory), Some(true), "a List that began earlier");
    let mut listing = inventory.begin_list(Moment(6));
    inventory.page(&mut listing, Moment(6), vec![called("b", group(true, 1))]);
    assert_eq!(switch(&inventory), Some(true), "an incomplete List");
    list(&mut inventory, 7, []);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, true));
    inventory.described_missing(A, Moment(8));
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Missing, false));
    list(&mut inventory, 9, []);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Missing, false));
}

#[test]
fn a_missing_group_that_is_seen_again_is_present() {
    let mut inventory = listed(1, []);
    inventory.described_missing(A, Moment(2));
    list(&mut inventory, 3, [group(true, 3)]);
    assert_eq!(inventory.presence(A), Presence::Present(group(true, 3)));
}

#[test]
fn a_missing_group_that_a_list_names_without_its_switch_is_described() {
    let mut inventory = listed(1, []);
    inventory.described_missing(A, Moment(2));
    list(&mut inventory, 3, [without_switch(group(true, 1))]);
    assert!(inventory.wants_describe(A));
    describe(&mut inventory, 4, group(true, 1));
    assert_eq!((switch(&inventory), inventory.wants_describe(A)), (Some(true), false));
}

#[test]
fn a_group_that_no_list_names_is_described_once_after_each_until_its_end_is_known() {
    let mut inventory = listed(1, [group(false, 1)]);
    update(&mut inventory, Ended::Answered(group(true, 2)), 2);
    list(&mut inventory, 3, []);
    describe(&mut inventory, 4, group(false, 1));
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Unconfirmed, false), "it was stale");
    list(&mut inventory, 5, []);
    assert!(inventory.wants_describe(A));
    inventory.described_missing(A, Moment(6));
    assert_eq!(inventory.presence(A), Presence::Missing);
}

#[test]
fn an_update_that_finds_no_group_makes_it_missing() {
    let mut inventory = listed(1, [group(true, 1)]);
    update(&mut inventory, Ended::failed(Effect::Refused, true, Facet::Switch), 2);
    assert_eq!((inventory.presence(A), inventory.wants_describe(A)), (Presence::Missing, false));
}

#[test]
fn a_refused_mutation_changes_nothing() {
    let mut inventory = listed(1, [group(true, 1)]);
    let known = inventory.clone();
    update(&mut inventory, Ended::failed(Effect::Refused, false, Facet::Switch), 2);
    assert_eq!(inventory, known);
}

#[test]
fn absent_members_do_not_erase_known_ones() {
    let mut inventory = listed(1, [group(true, 1)]);
    list(&mut inventory, 2, [name_only(A)]);
    assert_eq!(inventory.presence(A), Presence::Present(group(true, 1)));
    assert_eq!(inventory.account().as_deref(), Some("111122223333"));
}

#[test]
fn a_half_described_group_is_described_once() {
    let thin = |inventory: &mut Inventory, began, half: &Observation| {
        list(inventory, began, [half.clone()]);
    };
    for half in [without_switch(group(true, 1)), without_agents(group(true, 1)), name_only(A)] {
        let mut inventory = Inventory::default();
        thin(&mut inventory, 1, &half);
        assert!(inventory.wants_describe(A), "{half:?}");
        describe(&mut inventory, 2, half.clone());
        assert!(!inventory.wants_describe(A), "a Describe reports no more: {half:?}");
        thin(&mut inventory, 3, &half);
        assert!(!inventory.wants_describe(A), "a Describe reports no more: {half:?}");
    }
}

/// A group was created after a Describe had found none, and its switch stayed unknown.
#[test]
fn a_half_described_group_that_was_missing_before_is_described_too() {
    let mut inventory = listed(1, []);
    inventory.described_missing(A, Moment(2));
    list(&mut inventory, 3, [without_switch(group(true, 1))]);
    assert!(inventory.wants_describe(A));
    inventory.described_missing(A, Moment(2));
    assert!(inventory.wants_describe(A), "that one began before the List");
    describe(&mut inventory, 4, without_switch(group(true, 1)));
    assert!(!inventory.wants_describe(A));
}

#[test]
fn a_lane_whose_describes_return_more_describes_once_after_each_list() {
    for half in [without_switch(group(true, 1)), without_agents(group(true, 1)), name_only(A)] {
        let other = || called("b", half.clone());
        let mut inventory = listed(1, [half.clone(), other()]);
        describe(&mut inventory, 2, group(true, 1));
        assert!(!inventory.wants_describe(A));
        describe(&mut inventory, 2, other());
        list(&mut inventory, 3, [half.clone(), other()]);
        assert!(inventory.wants_describe(A) && inventory.wants_describe("b"), "{half:?}");
        describe(&mut inventory, 4, group(false, 2));
        assert_eq!((switch(&inventory), inventory.wants_describe(A)), (Some(false), false));
    }
}

#[test]
fn a_describe_from_before_the_first_thin_list_shows_that_it_is_thin() {
    let mut inventory = listed(1, []);
    describe(&mut inventory, 2, group(true, 1));
    list(&mut inventory, 3, [without_switch(group(true, 1))]);
    assert!(inventory.wants_describe(A));
}

#[test]
fn where_some_groups_have_agents_none_of_the_others_is_described() {
    let mut inventory = Inventory::default();
    let mut listing = inventory.begin_list(Moment(1));
    inventory.page(&mut listing, Moment(1), vec![without_agents(group(true, 1))]);
    assert!(!inventory.wants_describe(A), "nobody knows yet of the next page");
    inventory.page(&mut listing, Moment(2), vec![called("b", group(true, 1))]);
    inventory.end_list(&listing);
    assert!(!inventory.wants_describe(A) && !inventory.wants_describe("b"));
}

#[test]
fn only_names_that_no_resource_needs_and_that_are_not_there_are_forgotten() {
    let mut inventory = listed(1, [group(true, 1)]);
    inventory.described_missing("gone", Moment(2));
    inventory.described_missing("wanted", Moment(2));
    inventory.begin_mutation("busy");
    inventory.retain(|name| name == "wanted");
    let names: Vec<_> = inventory.entries.keys().map(|name| &**name).collect();
    assert_eq!(names, [A, "busy", "wanted"]);
}

/// Found by the simulation: the Describe that had found no group counted as the one that describes it.
#[test]
fn a_group_that_appears_in_thin_lists_after_a_describe_found_none_is_described() {
    let mut inventory = Inventory::default();
    list(&mut inventory, 10, []);
    inventory.described_missing(A, Moment(11));
    assert_eq!(inventory.presence(A), Presence::Missing);
    list(&mut inventory, 20, [without_switch(group(true, 1))]);
    assert!(inventory.wants_describe(A));
    describe(&mut inventory, 21, group(true, 1));
    assert!(!inventory.wants_describe(A));
}
