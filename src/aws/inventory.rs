//! What is known of every group of one lane, and how reads and mutations that overlap are put in order. No I/O, no clock.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use super::error::Effect;
use crate::domain::{observation::Observation, situation::Presence};

/// A point on the lane's monotonic clock: milliseconds since the lane began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// For so long a read that seems older than our own mutation is not believed.
const STALE_READS_LAST: Duration = Duration::from_secs(5 * 60);

/// How a mutation ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// AWS answered with the group.
    Answered(Observation),
    /// AWS did not do it.
    Refused {
        /// Because there is no such group.
        missing: bool,
    },
    /// Nobody knows whether AWS did it.
    Unclear,
}

impl Ended {
    /// How a failed mutation ended.
    #[must_use]
    pub fn failed(effect: Effect, missing: bool) -> Self {
        match effect {
            Effect::Refused => Self::Refused { missing },
            Effect::Unclear => Self::Unclear,
        }
    }
}

/// What is known of every group of one lane.
///
/// Guarantees:
/// * Reads rank by the time their request began, mutations by the time their answer came: a read that began before a
///   mutation of that name had ended is ignored for that name.
/// * A name is gone only if a complete List, or a Describe, began after everything known of it.
/// * A read that shows another switch than our last mutation answered, and whose `updatedAt` is not later, is stale and
///   ignored, for at most five minutes.
/// * A mutation whose end is unclear leaves the switch unknown until a later read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    entries: HashMap<String, Entry>,
    last_complete_list: Option<Moment>,
    /// Whether a Describe has told what the Lists leave out.
    thin: Thin,
}

/// Which members the Lists leave out although AWS knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Thin {
    switch: bool,
    agents: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    presence: Option<Known>,
    /// The rank of what is known.
    as_of: Moment,
    in_flight: bool,
    /// Reads that began before are ignored.
    floor: Moment,
    ours: Option<Ours>,
    listed: Listed,
    described: Option<Moment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Present(Observation),
    Unconfirmed,
    Missing,
}

/// What the last List that named the group left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Listed {
    without_switch: bool,
    without_agents: bool,
}

/// The last mutation of ours to which AWS agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ours {
    ended: Moment,
    answer: Observation,
}

/// A List under way: the names seen so far.
#[derive(Debug)]
pub struct Listing {
    began: Moment,
    names: BTreeSet<String>,
    says_agents: bool,
}

impl Inventory {
    /// What is known of `name`.
    #[must_use]
    pub fn presence(&self, name: &str) -> Presence {
        match self.entries.get(name).and_then(|entry| entry.presence.as_ref()) {
            Some(Known::Present(observation)) => Presence::Present(observation.clone()),
            Some(Known::Unconfirmed) => Presence::Unconfirmed,
            Some(Known::Missing) => Presence::Missing,
            None if self.last_complete_list.is_some() => Presence::Unconfirmed,
            None => Presence::NotListed,
        }
    }

    /// When the newest accepted read of `name` began, or the newest answer came.
    #[must_use]
    pub fn as_of(&self, name: &str) -> Option<Moment> {
        self.entries.get(name).filter(|entry| entry.presence.is_some()).map(|entry| entry.as_of)
    }

    /// Whether a Describe of `name` would tell what the Lists do not: once for a missing or half-described group, and
    /// once after each List while Describes are known to say more.
    #[must_use]
    pub fn wants_describe(&self, name: &str) -> bool {
        let Some(entry) = self.entries.get(name).filter(|entry| !entry.in_flight) else {
            return self.presence(name) == Presence::Unconfirmed;
        };
        let described_since = |moment: Moment| entry.described.is_some_and(|described| described >= moment);
        match &entry.presence {
            Some(Known::Present(observation)) => {
                let unclear = observation.profiling_enabled.is_none() && !described_since(entry.floor);
                let Listed { without_switch, without_agents } = entry.listed;
                let refresh = (without_switch && self.thin.switch) || (without_agents && self.thin.agents);
                let never = (without_switch || without_agents) && entry.described.is_none();
                unclear || never || (refresh && !self.last_complete_list.is_none_or(described_since))
            }
            Some(Known::Unconfirmed) => !described_since(entry.as_of),
            Some(Known::Missing) => false,
            None => self.last_complete_list.is_some(),
        }
    }

    /// The accounts that the ARNs name: one, unless AWS answers for several.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        self.entries.values().find_map(|entry| match &entry.presence {
            Some(Known::Present(observation)) => observation.account().map(Into::into),
            _ => None,
        })
    }

    /// Takes what a status remembers of our last mutation, so that stale reads are told from drift after a restart too.
    pub fn remember(&mut self, name: &str, answer: Observation, now: Moment) {
        let entry = self.entries.entry(name.into()).or_default();
        if entry.ours.is_none() && entry.presence.is_none() {
            entry.ours = Some(Ours { ended: now, answer });
        }
    }

    /// Forgets names that nobody asks for and that no List has named.
    pub fn retain(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        self.entries
            .retain(|name, entry| entry.in_flight || matches!(entry.presence, Some(Known::Present(_))) || wanted(name));
    }

    /// A List begins at `began`.
    #[must_use]
    pub fn begin_list(began: Moment) -> Listing {
        Listing { began, names: BTreeSet::new(), says_agents: false }
    }

    /// One page of it arrived at `now`; its request had begun at `began`.
    pub fn page(&mut self, listing: &mut Listing, began: Moment, groups: Vec<Observation>, now: Moment) {
        for observation in groups {
            let listed = Listed {
                without_switch: observation.profiling_enabled.is_none(),
                without_agents: observation.profiling_status.is_none(),
            };
            listing.names.insert(observation.name.clone());
            listing.says_agents |= !listed.without_agents;
            let entry = self.entries.entry(observation.name.clone()).or_default();
            if entry.read(observation, began, now) {
                entry.listed = listed;
            }
        }
    }

    /// The List has ended, and was complete.
    pub fn end_list(&mut self, listing: Listing) {
        let Listing { began, names, says_agents } = listing;
        for (name, entry) in &mut self.entries {
            if names.contains(name) {
                // Where some groups have agents to tell of, the others have none: nothing was left out.
                entry.listed.without_agents &= !says_agents;
            } else {
                entry.not_listed(began);
            }
        }
        if says_agents {
            self.thin.agents = false;
        }
        self.last_complete_list = self.last_complete_list.max(Some(began));
    }

    /// A Describe of `name` that began at `began` was answered at `now`.
    pub fn described(&mut self, name: &str, observation: Observation, began: Moment, now: Moment) {
        let entry = self.entries.entry(name.into()).or_default();
        self.thin.switch |= entry.listed.without_switch && observation.profiling_enabled.is_some();
        self.thin.agents |= entry.listed.without_agents && observation.profiling_status.is_some();
        entry.described = entry.described.max(Some(began));
        entry.read(observation, began, now);
    }

    /// A Describe of `name` that began at `began` found no such group.
    pub fn described_missing(&mut self, name: &str, began: Moment) {
        let entry = self.entries.entry(name.into()).or_default();
        entry.described = entry.described.max(Some(began));
        if entry.outranks(began) {
            entry.presence = Some(Known::Missing);
            entry.as_of = began;
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
                entry.ours = Some(Ours { ended: now, answer: answer.clone() });
                entry.settle(now, |known| Some(Known::Present(answer.absorb(known))));
            }
            Ended::Refused { missing: true } => entry.settle(now, |_| Some(Known::Missing)),
            Ended::Refused { missing: false } => {}
            Ended::Unclear => {
                entry.ours = None;
                entry.settle(now, |known| {
                    known.map(|known| Known::Present(Observation { profiling_enabled: None, ..known.clone() }))
                });
            }
        }
    }
}

impl Entry {
    fn outranks(&self, began: Moment) -> bool {
        !self.in_flight && began >= self.floor && began >= self.as_of
    }

    /// Whether the read was believed.
    fn read(&mut self, observation: Observation, began: Moment, now: Moment) -> bool {
        if !self.outranks(began) || self.ours.as_ref().is_some_and(|ours| ours.makes_stale(&observation, now)) {
            return false;
        }
        let known = match self.presence.take() {
            Some(Known::Present(known)) => Some(known),
            _ => None,
        };
        self.presence = Some(Known::Present(observation.absorb(known.as_ref())));
        self.as_of = began;
        true
    }

    fn not_listed(&mut self, began: Moment) {
        if self.outranks(began) && matches!(self.presence, Some(Known::Present(_))) {
            self.presence = Some(Known::Unconfirmed);
            self.as_of = began;
        }
    }

    fn settle(&mut self, now: Moment, known: impl FnOnce(Option<&Observation>) -> Option<Known>) {
        self.presence = match &self.presence {
            Some(Known::Present(observation)) => known(Some(observation)),
            _ => known(None),
        };
        self.as_of = now;
        self.floor = now;
    }
}

impl Ours {
    fn makes_stale(&self, read: &Observation, now: Moment) -> bool {
        let differs = read.profiling_enabled.is_some_and(|on| Some(on) != self.answer.profiling_enabled);
        let is_later = matches!((read.updated_at, self.answer.updated_at), (Some(read), Some(ours)) if read > ours);
        differs && !is_later && now.since(self.ended) < STALE_READS_LAST
    }
}
