//! The state of one account in one region and its rules. Pure: no I/O, every method that needs the time takes it.

mod arn;
mod group;
mod history;
mod pages;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::time::Duration;

pub use self::arn::group_named_by;
pub use self::group::{BehindTheBack, Description, Group, NewGroup, Tags, ThinList};
pub use self::history::HISTORY;
use self::history::History;
use self::pages::PageTokens;
use crate::moment::Moment;

/// Why the state refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Profiling group {0} already exists")]
    NameTaken(String),
    #[error("The client token was used before for another request")]
    TokenUsed,
    #[error("The account has reached its limit of {0} profiling groups in this region")]
    QuotaReached(usize),
    #[error("No profiling group named {0}")]
    NoSuchGroup(String),
    #[error("No profiling group with the ARN {0}")]
    NoSuchArn(String),
    #[error("Value '{0}' at 'resourceArn' failed to satisfy constraint: Member must be the ARN of a profiling group")]
    NotAnArn(String),
    #[error(
        "Value at 'nextToken' failed to satisfy constraint: Member must be a token that a List of this region gave"
    )]
    UnknownPageToken,
}

/// How far behind the truth a read is, and when it happens.
#[derive(Clone, Copy, Debug)]
pub struct ReadAt {
    pub now: Moment,
    pub lag: Duration,
}

/// One page of a List, in the order of names.
#[derive(Debug)]
pub struct Page {
    pub groups: Vec<Arc<Group>>,
    pub next_token: Option<String>,
}

/// The answer that a client token already got.
#[derive(Debug)]
struct Created {
    input: NewGroup,
    answer: Arc<Group>,
}

/// All groups of one account in one region.
#[derive(Debug)]
pub struct Region {
    account: String,
    name: String,
    groups: BTreeMap<String, History>,
    living: usize,
    /// Deleted names with the tick of the deletion: kept while a lagging read can still see the group.
    graves: VecDeque<(Duration, String)>,
    created: HashMap<String, Created>,
    page_tokens: PageTokens,
}

impl Region {
    pub fn new(account: String, name: String) -> Self {
        Self {
            account,
            name,
            groups: BTreeMap::new(),
            living: 0,
            graves: VecDeque::new(),
            created: HashMap::new(),
            page_tokens: PageTokens::default(),
        }
    }

    /// Guarantee: a token that created a group which still exists gives the first answer again, or a refusal, never a change.
    pub fn create(&mut self, token: &str, input: NewGroup, quota: usize, now: Moment) -> Result<Arc<Group>, Refusal> {
        if let Some(earlier) = self.created.get(token) {
            return if earlier.input == input { Ok(Arc::clone(&earlier.answer)) } else { Err(Refusal::TokenUsed) };
        }
        if self.truth(&input.profiling_group_name).is_some() {
            return Err(Refusal::NameTaken(input.profiling_group_name));
        }
        if self.living >= quota {
            return Err(Refusal::QuotaReached(quota));
        }
        let mut group = self.born(&input.profiling_group_name, now);
        group.compute_platform = input.compute_platform.clone().unwrap_or(group.compute_platform);
        group.profiling_enabled =
            input.agent_orchestration_config.map_or(group.profiling_enabled, |config| config.profiling_enabled);
        group.tags = input.tags.clone().unwrap_or_default();
        group.client_token = Some(token.to_owned());
        let answer = self.write(group, now);
        self.created.insert(token.to_owned(), Created { input, answer: Arc::clone(&answer) });
        Ok(answer)
    }

    pub fn describe(&self, name: &str, at: ReadAt) -> Result<Arc<Group>, Refusal> {
        let history = self.groups.get(name);
        history.and_then(|history| history.seen(at)).cloned().ok_or_else(|| Refusal::NoSuchGroup(name.to_owned()))
    }

    /// `always_touch`: updatedAt moves even when the value is the one that was there.
    pub fn update(
        &mut self,
        name: &str,
        enabled: bool,
        always_touch: bool,
        now: Moment,
    ) -> Result<Arc<Group>, Refusal> {
        let current = self.truth(name).ok_or_else(|| Refusal::NoSuchGroup(name.to_owned()))?;
        if current.profiling_enabled == enabled && !always_touch {
            return Ok(Arc::clone(current));
        }
        let mut group = Group::clone(current);
        group.profiling_enabled = enabled;
        group.updated_at = now.stamp;
        Ok(self.write(group, now))
    }

    /// The token that created the group is forgotten with it, so that a caller with fixed tokens can create it anew.
    pub fn delete(&mut self, name: &str, now: Moment) -> Result<(), Refusal> {
        let gone = self.truth(name).cloned().ok_or_else(|| Refusal::NoSuchGroup(name.to_owned()))?;
        if let Some(token) = &gone.client_token {
            self.created.remove(token);
        }
        if let Some(history) = self.groups.get_mut(name) {
            history.push(None, now.tick);
        }
        self.living -= 1;
        self.graves.push_back((now.tick, name.to_owned()));
        self.bury(now);
        Ok(())
    }

    pub fn list(&mut self, token: Option<&str>, limit: usize, at: ReadAt) -> Result<Page, Refusal> {
        let after = token.map(|token| self.page_tokens.name(token).ok_or(Refusal::UnknownPageToken)).transpose()?;
        let mut rest = self
            .groups
            .range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded))
            .filter_map(|(_, history)| history.seen(at));
        let groups: Vec<_> = rest.by_ref().take(limit).cloned().collect();
        let more = rest.next().is_some();
        let next_token = groups.last().filter(|_| more).map(|last| self.page_tokens.issue(&last.name));
        Ok(Page { groups, next_token })
    }

    /// Tags don't move updatedAt, which speaks of the group's configuration.
    pub fn change_tags(&mut self, name: &str, change: impl FnOnce(&mut Tags), now: Moment) -> Option<()> {
        let mut group = Group::clone(self.truth(name)?);
        change(&mut group.tags);
        self.write(group, now);
        Some(())
    }

    /// The group as it is, whatever the read lag.
    pub fn truth(&self, name: &str) -> Option<&Arc<Group>> {
        self.groups.get(name).and_then(History::current)
    }

    /// Changes a group, or makes it, without a client's request: quota and tokens play no part.
    pub fn put(&mut self, name: &str, change: BehindTheBack, now: Moment) -> Arc<Group> {
        let mut group = self.truth(name).map_or_else(|| self.born(name, now), |group| Group::clone(group));
        change.apply(&mut group, now.stamp);
        self.write(group, now)
    }

    /// Makes groups `prefix-00000`, `prefix-00001` and so on; those that exist stay as they are. Answers how many were made.
    pub fn seed(&mut self, prefix: &str, count: usize, change: &BehindTheBack, now: Moment) -> usize {
        let before = self.living;
        for number in 0..count {
            let name = format!("{prefix}-{number:05}");
            if self.truth(&name).is_none() {
                self.put(&name, change.clone(), now);
            }
        }
        self.living - before
    }

    /// Turns profiling the other way in every group whose name begins with the prefix. Answers how many there were.
    pub fn flip(&mut self, prefix: &str, now: Moment) -> usize {
        let matching: Vec<Arc<Group>> = self
            .groups
            .range::<str, _>((Included(prefix), Unbounded))
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter_map(|(_, history)| history.current().cloned())
            .collect();
        for group in &matching {
            let mut group = Group::clone(group);
            group.profiling_enabled = !group.profiling_enabled;
            group.updated_at = now.stamp;
            self.write(group, now);
        }
        matching.len()
    }

    fn born(&self, name: &str, now: Moment) -> Group {
        Group::born(name, arn::of_group(&self.account, &self.name, name), now.stamp)
    }

    fn write(&mut self, group: Group, now: Moment) -> Arc<Group> {
        self.bury(now);
        let group = Arc::new(group);
        let history = self.groups.entry(group.name.clone()).or_default();
        if history.current().is_none() {
            self.living += 1;
        }
        history.push(Some(Arc::clone(&group)), now.tick);
        group
    }

    /// Forgets deleted groups that no lagging read can see any more.
    fn bury(&mut self, now: Moment) {
        while self.graves.front().is_some_and(|(deleted, _)| *deleted + HISTORY < now.tick) {
            if let Some((_, name)) = self.graves.pop_front()
                && self.groups.get(&name).is_some_and(|history| history.is_over(now.tick))
            {
                self.groups.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
