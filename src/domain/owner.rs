//! Which operator a group belongs to, by its tags: several clusters may manage groups of one AWS account. Pure.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{
    facet::{Facet, Step, Tags},
    situation::{Presence, Situation},
};
use crate::api::{FieldDifference, OwnerStatus, Timestamp};

/// The tag that holds the owner id of the operator.
const OWNER_ID: &str = "codeguruprofiler.dev/owner-id";
/// The tag that names the resource, as `namespace/name`.
const OWNER_RESOURCE: &str = "codeguruprofiler.dev/owner-resource";
/// AWS's limit for the value of a tag, in characters.
const LONGEST_VALUE: usize = 256;
/// The length of what stands for the rest of a value that is cut.
const DIGEST: usize = 17;

/// By which owner id the operator marks its groups: the flags `--owner-id` and `--take-over-from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerId {
    /// The operator's own.
    pub id: String,
    /// Another one, whose groups this operator takes over, each of them once.
    pub takes_over_from: Option<String>,
}

/// How a resource marks its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The operator's owner id.
    pub owner: OwnerId,
    /// The resource, as the tag names it.
    pub resource: String,
}

/// Whose a group is, as its tags show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned<'a> {
    /// AWS has not reported the tags.
    Unknown,
    /// Our own change of the tags shows this resource, and AWS has not reported them since: another operator may have changed
    /// them at the same time.
    Unconfirmed,
    /// This resource's.
    Ours,
    /// No other operator's: it has no mark, or one that another resource of this operator has left.
    Free,
    /// That of another operator, from which this one takes over.
    ToTakeOver(&'a str),
    /// Another operator's.
    Other(&'a str),
}

impl Mark {
    /// That of the resource `name`.
    #[must_use]
    pub fn new(owner: &OwnerId, namespace: &str, name: &str) -> Self {
        let mut resource = format!("{namespace}/{name}");
        if resource.len() > LONGEST_VALUE {
            let digest =
                Sha256::digest(&resource).iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte));
            // The names of Kubernetes are ASCII.
            resource.truncate(LONGEST_VALUE - DIGEST);
            resource = format!("{resource}-{digest:016x}");
        }
        Self { owner: owner.clone(), resource }
    }

    /// The tags that mark a group.
    #[must_use]
    pub fn tags(&self) -> Tags {
        [(OWNER_ID, &self.owner.id), (OWNER_RESOURCE, &self.resource)]
            .map(|(key, value)| (key.into(), value.clone()))
            .into()
    }

    /// Whether these tags mark a group as that of this resource.
    #[must_use]
    pub fn is_in(&self, tags: &Tags) -> bool {
        self.tags().iter().all(|(key, value)| tags.get(key) == Some(value))
    }
}

/// The keys of the tags that mark a group.
#[must_use]
pub fn keys() -> BTreeSet<String> {
    [OWNER_ID, OWNER_RESOURCE].map(Into::into).into()
}

impl Situation {
    /// How this resource marks its group; `None` where groups are not marked, or AWS is only observed.
    #[must_use]
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_deref().filter(|_| self.desired.manages)
    }

    /// Whose the group is; `None` where that does not matter.
    #[must_use]
    pub fn owned(&self) -> Option<Owned<'_>> {
        let mark = self.mark()?;
        let Presence::Present(observation) = &self.knowledge.presence else { return Some(Owned::Unknown) };
        let Some(tags) = &observation.tags else { return Some(Owned::Unknown) };
        Some(match tags.get(OWNER_ID) {
            Some(id) if *id != mark.owner.id && self.takes_over_from(id) => Owned::ToTakeOver(id),
            Some(id) if *id != mark.owner.id => Owned::Other(id),
            _ if !mark.is_in(tags) => Owned::Free,
            _ if self.knowledge.tags_unconfirmed => Owned::Unconfirmed,
            _ => Owned::Ours,
        })
    }

    /// A group that the other operator has marked again was given back to it: there would be no end.
    fn takes_over_from(&self, id: &str) -> bool {
        let takes_over = self.mark().is_some_and(|mark| mark.owner.takes_over_from.as_deref() == Some(id));
        takes_over && !self.has_taken_over_from(id)
    }

    /// Whether this resource has taken its group over from this operator before.
    #[must_use]
    pub fn has_taken_over_from(&self, id: &str) -> bool {
        self.recorded_owner().is_some_and(|owner| owner.taken_over_from.as_deref() == Some(id))
    }

    /// The record that the group was marked with the operator's present owner id.
    fn recorded_owner(&self) -> Option<&OwnerStatus> {
        let mark = self.mark.as_deref()?;
        self.remembered.owner.as_deref().filter(|owner| owner.id == mark.owner.id)
    }

    /// Whether the group had been marked before as that of this operator.
    #[must_use]
    pub(super) fn was_ours(&self) -> bool {
        self.recorded_owner().is_some()
    }

    /// The resource that another operator's mark names.
    #[must_use]
    pub fn other_resource(&self) -> Option<&str> {
        self.observation()?.tags.as_ref()?.get(OWNER_RESOURCE).map(String::as_str)
    }

    /// The step that marks the group.
    pub(super) fn marking(&self) -> Option<Step> {
        Some(Step::Mark(self.mark()?.tags()))
    }

    /// The mark, if AWS has reported the tags and it is not there.
    #[must_use]
    pub fn owner_difference(&self) -> Option<FieldDifference> {
        let Some(Owned::Free | Owned::ToTakeOver(_)) = self.owned() else { return None };
        let tags = self.observation()?.tags.as_ref()?;
        let shown = |tags: &Tags| {
            let known = [OWNER_ID, OWNER_RESOURCE].map(|key| tags.get(key).map_or("none", String::as_str));
            known.join(" ")
        };
        Some(FieldDifference {
            field: Facet::Owner.name().into(),
            observed: shown(tags),
            desired: shown(&self.mark()?.tags()),
        })
    }

    /// The record of the owner as it is to be stored: from the first time on that AWS shows this resource's mark.
    #[must_use]
    pub fn owner_record(&self) -> Option<OwnerStatus> {
        let mark = self.mark().filter(|_| self.owned() == Some(Owned::Ours));
        let found = |mark: &Mark| OwnerStatus { id: mark.owner.id.clone(), since: self.now, taken_over_from: None };
        self.recorded_owner().cloned().or_else(|| mark.map(found))
    }

    /// The record of the owner once AWS has taken this resource's mark.
    pub(super) fn marked(&self, now: Timestamp) -> Option<OwnerStatus> {
        let id = self.mark()?.owner.id.clone();
        Some(match (self.owned(), self.recorded_owner()) {
            (Some(Owned::ToTakeOver(from)), _) => {
                OwnerStatus { id, since: now, taken_over_from: Some(from.to_owned()) }
            }
            (_, Some(recorded)) => recorded.clone(),
            (_, None) => OwnerStatus { id, since: now, taken_over_from: None },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::DeletionPolicy,
        domain::{
            deletion::Release,
            failure::FailureReason,
            fixtures::{found, minute, new, restarted, summary, synced},
            observation::Observation,
            plan::{Cause, Plan, State, plan},
        },
    };

    fn mark(cause: Cause) -> Plan {
        Plan::Write { step: Step::Mark(new().marks().mark().unwrap().tags()), cause }
    }

    fn switch(to: bool, cause: Cause) -> Plan {
        Plan::Write { step: Step::Switch(to), cause }
    }

    /// Found as requested, marked, confirmed and reported.
    fn owned() -> Situation {
        ours(found(true).marks()).reported()
    }

    fn ours(situation: Situation) -> Situation {
        situation.marked_by("ours", "shop/checkout")
    }

    fn theirs(situation: Situation) -> Situation {
        situation.marked_by("theirs", "them/it")
    }

    fn unmarked(situation: Situation) -> Situation {
        situation.sees_tags(Some("team=shop"))
    }

    fn takes_what_is_planned(situation: Situation) -> Situation {
        let Plan::Write { step, cause } = plan(&situation) else { panic!("nothing is written") };
        situation.takes(&step, cause)
    }

    #[test]
    fn the_mark_decides_what_is_done() {
        let taken_over = || takes_what_is_planned(found(false).marks().marked_by("former", "old/it")).confirms_tags();
        #[rustfmt::skip]
        let rows = vec![
            // The mark comes first, is read again, and only then the switch is written.
            ("found, unmarked", unmarked(found(false).marks()), mark(Cause::Adoption)),
            ("found as requested, unmarked", unmarked(found(true).marks()), mark(Cause::Adoption)),
            ("marked, and not read again", takes_what_is_planned(unmarked(found(false).marks())), Plan::ReadTags),
            ("marked, and read again", takes_what_is_planned(unmarked(found(false).marks())).confirms_tags(), switch(true, Cause::Adoption)),
            ("marked, and others have marked it at the same time", theirs(takes_what_is_planned(unmarked(found(false).marks()))).confirms_tags(), Plan::Rest),
            ("marked before", ours(found(false).marks()), switch(true, Cause::Adoption)),
            ("marked by another resource of this operator", found(true).marks().marked_by("ours", "old/checkout"), mark(Cause::Adoption)),
            ("the tags are unknown", found(false).marks().sees_tags(None).with_tags_due(100), Plan::ReadTags),
            ("the tags are unknown, and can't be read now", found(false).marks().sees_tags(None).with_tags_due(100).throttled(), Plan::Rest),
            // Others'.
            ("others'", theirs(found(false).marks()), Plan::Rest),
            ("others', edited", theirs(owned()).edited_to(false), Plan::Rest),
            ("others', Lists without tags", theirs(found(false).marks()).with_tags_due(100), Plan::ReadTags),
            ("others', only observed", theirs(found(false).marks()).observes(), Plan::Rest),
            ("unmarked, only observed", unmarked(found(false).marks()).observes(), Plan::Rest),
            ("unmarked, suspended", unmarked(found(false).marks()).suspended(), Plan::Rest),
            // Taken over, once.
            ("to be taken over", found(false).marks().marked_by("former", "old/it"), mark(Cause::Adoption)),
            ("taken over", taken_over(), switch(true, Cause::Adoption)),
            ("taken over, and marked by the other again", taken_over().marked_by("former", "old/it"), Plan::Rest),
            // Edits wait for the tags: the group may be others' by now.
            ("edited", owned().edited_to(false), switch(false, Cause::Edit)),
            ("edited while away", Situation { mark: owned().mark, ..restarted() }.edited_to(false).lane(|lane| lane.account = Some("111122223333".into())), Plan::Rest),
            ("edited, and the mark is gone", unmarked(owned()).edited_to(false), mark(Cause::Edit)),
            // The mark is compared like anything else.
            ("the mark was removed", unmarked(owned()), mark(Cause::Drift)),
            ("the mark was removed, Report", unmarked(owned()).reports_drift(), Plan::Rest),
            ("the mark was removed, Report, edited", unmarked(owned()).reports_drift().edited_to(false), mark(Cause::Edit)),
            ("the mark was removed, in a fight", unmarked(owned()).slowed_down(1, 102, 98), Plan::Rest),
            ("in sync", owned(), Plan::Rest),
        ];
        for (name, situation, expected) in rows {
            assert_eq!(plan(&situation), expected, "{name}");
        }
    }

    #[test]
    fn a_group_of_others_is_stalled_and_names_them() {
        for situation in [
            theirs(found(false).marks()),
            theirs(owned().edited_to(false)),
            theirs(owned()).failed(FailureReason::Throttled, 99),
        ] {
            assert_eq!(situation.state(), State::OwnedByAnother("theirs"));
            let status = situation.report();
            assert!(summary(&status).contains(&"Stalled=True/OwnedByAnother".to_owned()), "{status:?}");
            let message = &status.conditions[0].message;
            assert!(
                message.contains("theirs (resource them/it)") && message.contains("--take-over-from=theirs"),
                "{message}"
            );
        }
        let given_back =
            takes_what_is_planned(found(false).marks().marked_by("former", "old/it")).marked_by("former", "old/it");
        let message = given_back.report().conditions[0].message.clone();
        assert!(message.contains("remove the tag codeguruprofiler.dev/owner-id"), "{message}");
    }

    #[test]
    fn the_record_holds_since_when_and_from_whom() {
        let record = |situation: &Situation| situation.report().managed.and_then(|managed| managed.owner);
        let found_ours = OwnerStatus { id: "ours".into(), since: minute(100), taken_over_from: None };
        assert_eq!(record(&owned()), Some(found_ours.clone()));
        assert_eq!(record(&unmarked(owned()).at(200)), Some(found_ours), "it outlasts the mark");
        let taken_over = takes_what_is_planned(found(true).marks().marked_by("former", "old/it"));
        assert_eq!(record(&taken_over).unwrap().taken_over_from.as_deref(), Some("former"));
        assert_eq!(record(&theirs(found(true).marks())), None);
        assert_eq!(record(&synced()), None);
    }

    #[test]
    fn a_group_is_marked_when_it_is_created() {
        let pending = new().misses().creates().marks().reported();
        let Plan::Write { step: Step::Create(group), .. } = plan(&pending) else { panic!("{:?}", plan(&pending)) };
        assert!(pending.mark().unwrap().is_in(&group.tags.clone().unwrap()));
        let created = pending.takes(&Step::Create(group.clone()), Cause::Adoption).sees_tags(None);
        assert_eq!(created.remembered.tags, None, "tags of the spec are not managed");
    }

    #[test]
    fn at_the_end_a_group_of_others_is_left_as_it_is() {
        let disables = |situation: Situation| situation.with_finalizer().ends_with(DeletionPolicy::Disable).goes();
        assert_eq!(plan(&disables(owned())), switch(false, Cause::Edit));
        assert_eq!(plan(&disables(unmarked(owned()))), switch(false, Cause::Edit));
        assert_eq!(plan(&disables(owned().sees_tags(None))), Plan::ReadTags);
        // What can't be done is not planned: it would be tried without end.
        let without_arn = Observation { arn: None, tags: None, ..owned().observation().unwrap().clone() };
        let nameless = disables(owned()).sees_all(without_arn);
        assert_eq!((plan(&nameless), plan(&nameless.wants_describe())), (Plan::Rest, Plan::Describe));
        for left in [theirs(owned()), owned().marked_by("former", "old/it")] {
            let released = Some(super::super::deletion::Finalizer::Release(Release::OwnedByAnother));
            assert_eq!((plan(&disables(left.clone())), disables(left).finalizer()), (Plan::Rest, released));
        }
    }

    #[test]
    fn a_name_that_is_too_long_for_a_tag_is_cut_and_stays_distinct() {
        let owner = OwnerId { id: "ours".into(), takes_over_from: None };
        let named = |name: &str| Mark::new(&owner, &"n".repeat(63), name).resource;
        assert_eq!(named("checkout"), format!("{}/checkout", "n".repeat(63)));
        let long = "a".repeat(252);
        let (one, other) = (named(&format!("{long}1")), named(&format!("{long}2")));
        assert_eq!((one.len(), one.len() == other.len(), one == other), (256, true, false));
        // Groups are marked with it: it must be the same in each release.
        assert!(one.ends_with("aaa-d3e5fd94a4cbfee2"), "{one}");
    }
}
