//! Which operator a group belongs to by its tags, as each process has read it, and what may be written then.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::Value;

use super::ACTS_WITHIN;

/// The owner id of the simulated operators.
pub const OURS: &str = "ours";
/// The owner id from which they take over.
pub const FORMER: &str = "former";
/// The tag with the owner id.
pub const OWNER_ID: &str = "codeguruprofiler.dev/owner-id";
/// The tag with the resource.
pub const OWNER_RESOURCE: &str = "codeguruprofiler.dev/owner-resource";

/// What a process is about to do to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It marks the group.
    Mark,
    /// It removes its mark.
    Unmark,
    /// It changes something else.
    Change {
        /// For a resource that is being deleted.
        ending: bool,
    },
}

/// What a process has learned of the owner id of a group.
struct Learned {
    /// When the request was sent, or the answer to a change came.
    sent: Duration,
    got: Duration,
    owner: Option<String>,
    /// From the answer to its own change of tags.
    own: bool,
}

#[derive(Default)]
pub struct Marks {
    learned: BTreeMap<(u64, String, String), VecDeque<Learned>>,
    /// Reads that were sent before the last mutation ended are not believed.
    ended: BTreeMap<(u64, String, String), Duration>,
    /// Where reads lag behind, processes rightly disbelieve some of them.
    lags: bool,
}

impl Marks {
    /// Reads lag behind from now on.
    pub fn lag(&mut self) {
        self.lags = true;
    }

    /// Whether reads lag behind.
    pub fn lag_behind(&self) -> bool {
        self.lags
    }

    /// A process got the tags of a group by a request that it had sent at `sent`.
    pub fn read(&mut self, process: u64, region: &str, group: &str, tags: &Value, sent: Duration, now: Duration) {
        if tags.is_object() {
            let owner = tags[OWNER_ID].as_str().map(str::to_owned);
            self.learn(process, region, group, Learned { sent, got: now, owner, own: false });
        }
    }

    /// AWS has answered to a process's change of a group.
    pub fn changed(&mut self, process: u64, region: &str, group: &str, now: Duration) {
        self.ended.insert((process, region.into(), group.into()), now);
    }

    /// AWS has answered to a process's change of the owner id of a group.
    pub fn marked(&mut self, process: u64, region: &str, group: &str, owner: Option<&str>, now: Duration) {
        self.changed(process, region, group, now);
        let owner = owner.map(str::to_owned);
        self.learn(process, region, group, Learned { sent: now, got: now, owner, own: true });
    }

    fn learn(&mut self, process: u64, region: &str, group: &str, learned: Learned) {
        let key = (process, region.to_owned(), group.to_owned());
        let ended = self.ended.get(&key).copied().unwrap_or_default();
        let known = self.learned.entry(key).or_default();
        if learned.sent < ended || known.back().is_some_and(|last| learned.sent < last.sent) {
            return;
        }
        known.push_back(learned);
        if known.len() > 8 {
            known.pop_front();
        }
    }

    /// Whether what the process knows, or knew a moment ago, allows it.
    pub fn allow(&self, process: u64, region: &str, group: &str, deed: Deed, now: Duration) -> Result<(), String> {
        let known = self.learned.get(&(process, region.to_owned(), group.to_owned()));
        let Some(known) = known else { return Err(format!("{deed:?} before its tags were read")) };
        let until = known.iter().skip(1).map(|next| next.got).chain([Duration::MAX]);
        let recent = known.iter().zip(until).filter(|(_, until)| now.saturating_sub(*until) < ACTS_WITHIN);
        let allows = |learned: &Learned| match (deed, learned.owner.as_deref()) {
            (Deed::Mark, owner) => owner.is_none_or(|owner| owner == OURS || owner == FORMER),
            (Deed::Change { ending: true }, None) => true,
            (Deed::Unmark | Deed::Change { .. }, owner) => {
                owner == Some(OURS) && !(learned.own && deed != Deed::Unmark)
            }
        };
        if self.lags || recent.map(|(learned, _)| learned).any(allows) {
            return Ok(());
        }
        let last = known.back().map(|last| (&last.owner, last.own));
        Err(format!("{deed:?}, although its tags showed {last:?}"))
    }
}
