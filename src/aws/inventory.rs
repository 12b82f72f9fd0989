//! What is known about every group of one lane, and how overlapping reads and mutations are ordered. No I/O, no clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

mod details;
mod tagged;

pub use self::details::Detail;
use self::{details::Details, tagged::Tagged};
use super::error::Effect;
use crate::{
    api::Timestamp,
    domain::{
        facet::{Facet, Step, Tags},
        moment::Moment,
        notifications::Channels,
        observation::Observation,
        permissions::Policy,
        situation::Presence,
    },
};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// How long a read that seems older than what is known is distrusted.
const STALE_READS_LAST: Duration = Duration::from_mins(5);
/// How long tags are believed that the Lists leave out.
const TAGS_HOLD: Duration = Duration::from_mins(10);

/// How a mutation ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// AWS answered with the group.
    Answered(Observation),
    /// AWS did it, and answered nothing.
    Done(Step),
    /// AWS has deleted the group.
    Deleted,
    /// AWS answered with what is in no List.
    Detail(Detail),
    /// AWS did not create the group: there is one already.
    Exists,
    /// AWS did not do it.
    Refused {
        /// Because there is no such group.
        missing: bool,
    },
    /// It is not known whether AWS did it; what is unknown for that is this facet.
    Unclear(Facet),
}

impl Ended {
    /// How a failed mutation ended.
    #[must_use]
    pub fn failed(effect: Effect, missing: bool, facet: Facet) -> Self {
        match effect {
            Effect::Refused => Self::Refused { missing },
            Effect::Unclear => Self::Unclear(facet),
        }
    }
}

/// What is known about every group of one lane.
///
/// Guarantees:
/// * Reads rank by the time their request began, mutations by the time their answer came: a read that began before a
///   mutation of that name had ended is ignored for that name.
/// * A name is gone only if a complete List, or a Describe, began after everything known of it.
/// * A read that shows another switch than our last mutation answered, and whose `updatedAt` is not later, is stale and
///   ignored if it began within five minutes of the answer.
/// * So is any read whose `updatedAt` is earlier than one already known, within five minutes of that.
/// * A group that appears is described once where Lists describe it by half, though a Describe found none before.
/// * A mutation whose end is unclear leaves its facet unknown until a later read.
/// * What no List has is of the group that is known: a group that goes, or is another one, takes it along.
/// * Within five minutes of our change of tags, a List or Describe that shows other ones leaves the tags unknown: changing
///   tags need not move `updatedAt`, so that a call for the tags alone has to decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inventory {
    /// Boxed: half of a map's places are empty.
    entries: BTreeMap<Arc<str>, Box<Entry>>,
    last_complete_list: Option<Moment>,
    /// Names about which something has changed since they were last taken.
    changed: BTreeSet<Arc<str>>,
    /// Whether a Describe has returned what the Lists leave out.
    thin: Thin,
    /// Whether the last List left anything to a Describe.
    incomplete: bool,
    /// Whether a List has begun and not ended.
    listing: bool,
    /// Whether an answer has shown that PutPermission adds.
    puts_add: bool,
}

/// Which members the Lists leave out although AWS knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Thin {
    switch: bool,
    agents: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Entry {
    presence: Option<Known>,
    /// The rank of what is known: reads that began earlier are ignored.
    as_of: Moment,
    in_flight: bool,
    /// When a mutation last changed what is known.
    settled: Moment,
    ours: Option<Ours>,
    newest: Option<Newest>,
    listed: Listed,
    /// Whether the List under way has named it, and what it left out.
    named: Option<Listed>,
    described: Option<Described>,
    /// When the read of the tags that are known began.
    tags_as_of: Moment,
    /// Whether AWS has not reported the tags since our last change of them.
    tags_unconfirmed: bool,
    /// Our last change of tags.
    tagged: Option<Box<Tagged>>,
    /// What no List has: read for resources that manage it.
    details: Option<Box<Details>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "nearly all are present")]
enum Known {
    Present(Observation),
    Missing,
}

/// What the last complete List left out of the group, if it named it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Listed {
    without_switch: bool,
    without_agents: bool,
    without_tags: bool,
}

/// The last mutation of ours that AWS accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ours {
    ended: Moment,
    answer: Answer,
}

/// What AWS answered to a mutation, as far as reads are compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// `agentOrchestrationConfig.profilingEnabled`.
    pub profiling_enabled: Option<bool>,
    /// `updatedAt`.
    pub updated_at: Option<Timestamp>,
}

impl From<&Observation> for Answer {
    fn from(answer: &Observation) -> Self {
        Self { profiling_enabled: answer.profiling_enabled, updated_at: answer.updated_at }
    }
}

/// The latest `updatedAt` known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Newest {
    updated_at: Timestamp,
    as_of: Moment,
}

/// The last Describe that found the group, believed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Described {
    began: Moment,
    says_switch: bool,
    says_agents: bool,
}

/// A List under way.
#[derive(Debug)]
pub struct Listing {
    began: Moment,
    says_agents: bool,
}

impl Inventory {
    /// What is known about `name`.
    #[must_use]
    pub fn presence(&self, name: &str) -> Presence {
        match self.entries.get(name).and_then(|entry| entry.presence.as_ref()) {
            Some(Known::Present(observation)) => Presence::Present(observation.clone()),
            Some(Known::Missing) => Presence::Missing,
            None if self.last_complete_list.is_some() => Presence::Unconfirmed,
            None => Presence::NotListed,
        }
    }

    /// The group `name` as AWS last described it.
    #[must_use]
    pub fn observation(&self, name: &str) -> Option<&Observation> {
        match self.entries.get(name)?.presence.as_ref()? {
            Known::Present(observation) => Some(observation),
            Known::Missing => None,
        }
    }

    /// When the newest accepted read of `name` began, or the newest answer came.
    #[must_use]
    pub fn as_of(&self, name: &str) -> Option<Moment> {
        self.entries.get(name).filter(|entry| entry.presence.is_some()).map(|entry| entry.as_of)
    }

    /// Whether a Describe of `name` would return what the Lists leave out: once for a half-described group, and once
    /// after each List for an unconfirmed one, or while Describes are known to return more.
    #[must_use]
    pub fn wants_describe(&self, name: &str) -> bool {
        let Some(entry) = self.entries.get(name) else { return self.last_complete_list.is_some() };
        if entry.in_flight {
            return false;
        }
        let described_since = |moment: Moment| entry.described.is_some_and(|described| described.began >= moment);
        match &entry.presence {
            Some(Known::Present(observation)) => {
                let unclear = observation.profiling_enabled.is_none() && !described_since(entry.settled);
                let Listed { without_switch, without_agents, .. } = entry.listed;
                let refresh = (without_switch && self.thin.switch) || (without_agents && self.thin.agents);
                let never = (without_switch || without_agents) && entry.described.is_none();
                unclear || never || (refresh && !self.last_complete_list.is_none_or(described_since))
            }
            Some(Known::Missing) => false,
            None => self.last_complete_list.is_some_and(|list| !described_since(list.max(entry.settled))),
        }
    }

    /// When the tags of `name` are to be read by a call of their own: at once where they are unknown, and from time to time
    /// where the Lists leave them out. Some services omit tags where there are none.
    #[must_use]
    pub fn tags_due(&self, name: &str) -> Option<Moment> {
        let entry = self.entries.get(name).filter(|entry| !entry.in_flight)?;
        let Some(Known::Present(Observation { arn: Some(_), tags, .. })) = &entry.presence else { return None };
        match tags {
            None => Some(Moment(0)),
            Some(_) => entry.listed.without_tags.then(|| entry.tags_as_of.plus(TAGS_HOLD)),
        }
    }

    /// Whether the tags of `name` are known from our own change alone: AWS has not reported them since.
    #[must_use]
    pub fn tags_unconfirmed(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.tags_unconfirmed)
    }

    /// What is known of the policy of `name`, and since when.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&(Policy, Moment)> {
        self.entries.get(name)?.details.as_ref()?.policy.as_ref()
    }

    /// What is known of the notification channels of `name`, and since when.
    #[must_use]
    pub fn channels(&self, name: &str) -> Option<&(Channels, Moment)> {
        self.entries.get(name)?.details.as_ref()?.channels.as_ref()
    }

    /// Whether PutPermission is known to add, and not to replace.
    #[must_use]
    pub fn puts_add(&self) -> bool {
        self.puts_add
    }

    /// How many groups there are, as far as is known.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.entries.values().filter(|entry| entry.is_present()).count()
    }

    /// Whether there is the group `name`, as far as is known.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.is_present())
    }

    /// The accounts that the ARNs name: one, unless AWS answers for several.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        self.entries.values().find_map(|entry| match &entry.presence {
            Some(Known::Present(observation)) => observation.account().map(Into::into),
            _ => None,
        })
    }

    /// Takes what a status remembers about our last mutation, so that stale reads are not taken for drift after a restart,
    /// too: also one that was taken before the status was known. Returns whether there was one; it is forgotten.
    pub fn remember(&mut self, name: &Arc<str>, answer: Answer, now: Moment) -> bool {
        let entry = self.entries.entry(Arc::clone(name)).or_default();
        let ours = Ours { ended: now, answer };
        let read_was_stale = match &entry.presence {
            _ if entry.ours.is_some() => return false,
            Some(Known::Missing) => return false,
            Some(Known::Present(read)) if read.updated_at > answer.updated_at => return false,
            Some(Known::Present(read)) => ours.makes_stale(read, entry.as_of),
            None => false,
        };
        if read_was_stale {
            entry.presence = None;
        }
        entry.newest(answer.updated_at, now);
        entry.ours = Some(ours);
        read_was_stale
    }

    /// A resource needs `name`: a List that does not name it leaves it to a Describe.
    pub fn want(&mut self, name: &Arc<str>) {
        self.entries.entry(Arc::clone(name)).or_default();
    }

    /// The names about which Lists have shown a change since the last call.
    pub fn take_changed(&mut self) -> BTreeSet<Arc<str>> {
        mem::take(&mut self.changed)
    }

    /// Forgets names that no resource needs and no List has named.
    pub fn retain(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        self.entries
            .retain(|name, entry| entry.in_flight || matches!(entry.presence, Some(Known::Present(_))) || wanted(name));
    }

    /// A List begins at `began`. One that has begun before and did not end means nothing.
    pub fn begin_list(&mut self, began: Moment) -> Listing {
        if mem::replace(&mut self.listing, true) {
            self.entries.values_mut().for_each(|entry| entry.named = None);
        }
        Listing { began, says_agents: false }
    }

    /// One page of it arrived; its request had begun at `began`.
    pub fn page(&mut self, listing: &mut Listing, began: Moment, groups: Vec<Observation>) {
        for observation in groups {
            let listed = Listed {
                without_switch: observation.profiling_enabled.is_none(),
                without_agents: observation.profiling_status.is_none(),
                without_tags: observation.tags.is_none(),
            };
            listing.says_agents |= !listed.without_agents;
            let Some(entry) = self.entries.get_mut(&*observation.name) else {
                let name: Arc<str> = (&*observation.name).into();
                let mut entry = Box::new(Entry { named: Some(listed), ..Entry::default() });
                entry.read(observation, began);
                self.entries.insert(Arc::clone(&name), entry);
                self.changed.insert(name);
                continue;
            };
            entry.named = Some(listed);
            if entry.read(observation, began)
                && let Some(Known::Present(known)) = &entry.presence
            {
                self.changed.insert((&*known.name).into());
            }
        }
    }

    /// The List has ended, and was complete.
    pub fn end_list(&mut self, listing: &Listing) {
        let Listing { began, says_agents } = *listing;
        (self.listing, self.incomplete) = (false, false);
        self.thin.agents &= !says_agents;
        for (name, entry) in &mut self.entries {
            let named = entry.named.take();
            entry.listed = named.unwrap_or_default();
            // If some groups come with agents, the others have none: nothing was left out.
            entry.listed.without_agents &= !says_agents;
            if named.is_none() && entry.not_listed(began) {
                self.changed.insert(Arc::clone(name));
            }
            self.thin.learn(entry);
            let Listed { without_switch, without_agents, .. } = entry.listed;
            self.incomplete |= without_switch || without_agents || entry.presence.is_none();
        }
        self.last_complete_list = self.last_complete_list.max(Some(began));
    }

    /// Whether a Describe may be needed after the last List.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// A Describe of `name` that began at `began` was answered.
    pub fn described(&mut self, name: &str, observation: Observation, began: Moment) {
        let entry = self.entries.entry(name.into()).or_default();
        entry.described(Described {
            began,
            says_switch: observation.profiling_enabled.is_some(),
            says_agents: observation.profiling_status.is_some(),
        });
        self.thin.learn(entry);
        entry.read(observation, began);
    }

    /// A Describe of `name` that began at `began` found no such group.
    pub fn described_missing(&mut self, name: &str, began: Moment) {
        let entry = self.entries.entry(name.into()).or_default();
        if entry.outranks(began) {
            entry.presence = Some(Known::Missing);
            entry.as_of = began;
            // What a Describe returned was of a group that is gone.
            entry.described = None;
            entry.details = None;
        }
    }

    /// A call for the tags of `name` alone that began at `began` was answered.
    pub fn tags_read(&mut self, name: &str, tags: Tags, began: Moment) {
        let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.may_learn_tags(began)) else { return };
        if entry.tagged.as_ref().is_some_and(|tagged| tagged.is_unlike(&tags, began)) {
            // Someone else has changed them since.
            entry.tagged = None;
        }
        if let Some(Known::Present(known)) = &mut entry.presence {
            known.tags = Some(tags);
            entry.tags_as_of = began;
            entry.tags_unconfirmed = false;
        }
    }

    /// A call that reads what no List has of `name`, and began at `began`, was answered.
    pub fn detail_read(&mut self, name: &str, detail: Detail, began: Moment) {
        if let Some(entry) = self.entries.get_mut(name).filter(|entry| !entry.in_flight) {
            entry.details.get_or_insert_default().read(detail, began);
        }
    }

    /// A mutation of `name` is about to be sent.
    pub fn begin_mutation(&mut self, name: &str) {
        self.entries.entry(name.into()).or_default().in_flight = true;
    }

    /// The mutation of `name` ended at `now`.
    pub fn end_mutation(&mut self, name: &str, ended: Ended, now: Moment) {
        let entry = self.entries.entry(name.into()).or_default();
        entry.in_flight = false;
        match ended {
            Ended::Answered(answer) => {
                entry.ours = Some(Ours { ended: now, answer: Answer::from(&answer) });
                entry.newest(answer.updated_at, now);
                entry.settle(now, |known| {
                    // The switch was written: if the answer lacks it, it is unknown, not what it was before.
                    let profiling_enabled = answer.profiling_enabled;
                    Some(Known::Present(Observation { profiling_enabled, ..answer.absorb(known) }))
                });
            }
            Ended::Done(step) => {
                entry.tagged = Some(Box::new(Tagged::by(&step, entry.tagged.take(), now)));
                entry.tags_unconfirmed = true;
                entry.settle(now, |known| {
                    let mut known = known?.clone();
                    if let Some(tags) = &mut known.tags {
                        step.change_tags(tags);
                    }
                    Some(Known::Present(known))
                });
                entry.tags_as_of = now;
            }
            Ended::Detail(detail) => {
                self.puts_add |= entry.details.get_or_insert_default().changed(detail, now);
            }
            Ended::Exists => entry.settle(now, |_| None),
            Ended::Deleted | Ended::Refused { missing: true } => {
                entry.details = None;
                entry.settle(now, |_| Some(Known::Missing));
            }
            Ended::Refused { missing: false } => {}
            Ended::Unclear(facet) if Facet::DETAILS.contains(&facet) => {
                entry.details.get_or_insert_default().forget(facet, now);
            }
            Ended::Unclear(facet) => {
                match facet {
                    Facet::Existence | Facet::Permissions | Facet::Notifications => {}
                    Facet::Switch => entry.ours = None,
                    Facet::Owner | Facet::Tags => entry.tagged = None,
                }
                entry.settle(now, |known| {
                    let mut known = known?.clone();
                    match facet {
                        Facet::Existence => return None,
                        Facet::Switch => known.profiling_enabled = None,
                        Facet::Owner | Facet::Tags => known.tags = None,
                        Facet::Permissions | Facet::Notifications => {}
                    }
                    Some(Known::Present(known))
                });
                entry.tags_as_of = now;
            }
        }
    }
}

impl Thin {
    fn learn(&mut self, Entry { listed, described, .. }: &Entry) {
        self.switch |= listed.without_switch && described.is_some_and(|described| described.says_switch);
        self.agents |= listed.without_agents && described.is_some_and(|described| described.says_agents);
    }
}

impl Entry {
    fn is_present(&self) -> bool {
        matches!(self.presence, Some(Known::Present(_)))
    }

    fn outranks(&self, began: Moment) -> bool {
        !self.in_flight && began >= self.as_of
    }

    /// Returns whether something has changed.
    fn read(&mut self, observation: Observation, began: Moment) -> bool {
        let makes_stale = |ours: &Ours| ours.makes_stale(&observation, began);
        let went_back = |newest: &Newest| newest.makes_stale(&observation, began);
        if !self.outranks(began)
            || self.ours.as_ref().is_some_and(makes_stale)
            || self.newest.as_ref().is_some_and(went_back)
        {
            return false;
        }
        self.newest(observation.updated_at, began);
        self.as_of = began;
        let known = match &self.presence {
            Some(Known::Present(known)) => Some(known),
            _ => None,
        };
        let older = known.filter(|known| !observation.is_another_group(known.created_at));
        if known.is_some() && older.is_none() {
            self.details = None;
        }
        let unlike =
            observation.tags.as_ref().map(|tags| self.tagged.as_ref().is_some_and(|it| it.is_unlike(tags, began)));
        let mut observation = observation.absorb(known);
        match unlike {
            None if began >= self.tags_as_of => {}
            Some(false) if began >= self.tags_as_of => self.tags_unconfirmed = false,
            Some(true) if began >= self.tags_as_of => observation.tags = None,
            Some(false) if older.is_none() => {}
            // Only a call for the tags alone can have begun later than this read.
            _ => observation.tags = older.and_then(|older| older.tags.clone()),
        }
        if unlike.is_some() {
            self.tags_as_of = self.tags_as_of.max(began);
        }
        let read = Some(Known::Present(observation));
        let changed = self.presence != read;
        // What has not changed stays in place: replacing it would take most of the time of a List.
        if changed {
            self.presence = read;
        }
        changed
    }

    /// Whether a call for the tags alone that began at `began` returned something newer than what is known.
    fn may_learn_tags(&self, began: Moment) -> bool {
        !self.in_flight && began >= self.settled && began >= self.tags_as_of
    }

    fn newest(&mut self, updated_at: Option<Timestamp>, as_of: Moment) {
        self.newest = updated_at.map(|updated_at| Newest { updated_at, as_of }).or(self.newest);
    }

    fn described(&mut self, described: Described) {
        if self.described.is_none_or(|known| described.began >= known.began) {
            self.described = Some(described);
        }
    }

    /// One Describe is needed, unless it is known to be missing already. Returns whether something has changed.
    fn not_listed(&mut self, began: Moment) -> bool {
        if self.presence.is_none() || !self.outranks(began) {
            return false;
        }
        self.as_of = began;
        // If it comes back, it may be another group.
        self.details = None;
        let gone = self.presence.take_if(|known| matches!(known, Known::Present(_)));
        gone.is_some()
    }

    fn settle(&mut self, now: Moment, known: impl FnOnce(Option<&Observation>) -> Option<Known>) {
        self.presence = match &self.presence {
            Some(Known::Present(observation)) => known(Some(observation)),
            _ => known(None),
        };
        self.as_of = now;
        self.settled = now;
    }
}

impl Ours {
    fn makes_stale(&self, read: &Observation, began: Moment) -> bool {
        let differs =
            matches!((read.profiling_enabled, self.answer.profiling_enabled), (Some(read), Some(ours)) if read != ours);
        let is_later = matches!((read.updated_at, self.answer.updated_at), (Some(read), Some(ours)) if read > ours);
        differs && !is_later && began.since(self.ended) < STALE_READS_LAST
    }
}

impl Newest {
    fn makes_stale(&self, read: &Observation, began: Moment) -> bool {
        read.updated_at.is_some_and(|read| read < self.updated_at) && began.since(self.as_of) < STALE_READS_LAST
    }
}
