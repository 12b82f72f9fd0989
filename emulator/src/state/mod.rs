//! The state of one account in one region and its rules. Pure: no I/O, every method that needs the time takes it.

mod arn;
mod channels;
mod group;
mod history;
mod pages;
mod policy;
mod profiles;
mod tags;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::arn::{group_named_by, of_group as arn_of_group};
pub use self::channels::Channel;
pub use self::group::{BehindTheBack, Description, Group, NewGroup, ThinList, Truth};
pub use self::history::HISTORY;
use self::history::History;
use self::pages::PageTokens;
pub use self::policy::{Policy, Put};
use self::profiles::Profiles;
pub use self::profiles::{AggregationPeriod, TimeRange};
pub use self::tags::{TagLimits, Tags};
use crate::moment::{Moment, Stamp};

/// Why the state refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Profiling group {0} already exists")]
    NameTaken(String),
    #[error("The client token was used before by a different request")]
    TokenUsed,
    #[error("The account has reached its limit of {0} profiling groups in this region")]
    QuotaReached(usize),
    #[error("The profiling group {0} does not exist")]
    NoSuchGroup(String),
    #[error("The profiling group with the ARN {0} does not exist")]
    NoSuchArn(String),
    #[error("Value '{0}' at 'resourceArn' failed to satisfy constraint: Member must be the ARN of a profiling group")]
    NotAnArn(String),
    #[error(
        "Value at 'nextToken' failed to satisfy constraint: Member must be a token returned by a List in this region"
    )]
    UnknownPageToken,
    #[error("The profiling group was changed recently; read it again and retry")]
    ChangedMeanwhile,
    #[error("The revision id is not that of the current policy; read it again")]
    OtherRevision,
    #[error("The profiling group has no policy")]
    NoPolicy,
    #[error("Value '{0}' at 'principals' failed to satisfy constraint: Member must be an ARN without wildcards")]
    NotAPrincipal(String),
    #[error("Value '{0}' at 'channels' failed to satisfy constraint: Member must be the ARN of an SNS topic")]
    NotATopic(String),
    #[error("A channel with this id or uri already exists: {0}")]
    ChannelExists(String),
    #[error("A profiling group has at most {0} notification channels")]
    ChannelQuotaReached(usize),
    #[error("The notification channel {0} does not exist")]
    NoSuchChannel(String),
    #[error("Value at 'tags' failed to satisfy constraint: {0}")]
    TagLimit(&'static str),
    #[error("Profiling is disabled for the group, so it accepts no profiles")]
    Disabled,
}

/// What a request does whose client token was used before, by the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SameToken {
    /// It gets the first answer again.
    FirstAnswer,
    /// It conflicts.
    Conflict,
}

/// By which readings of AWS's documentation groups are made.
#[derive(Clone, Copy, Debug)]
pub struct CreateRules {
    pub quota: usize,
    pub same_token: SameToken,
    pub tag_limits: TagLimits,
    /// Whether profiling is enabled when the request leaves it out.
    pub enabled: bool,
}

/// By which readings of AWS's documentation groups are updated.
#[derive(Clone, Copy, Debug)]
pub struct UpdateRules {
    /// updatedAt moves even when the value is the one that was there.
    pub always_touch: bool,
    /// An Update so soon after the last change of the group conflicts.
    pub conflict_within: Duration,
}

/// By which readings of AWS's documentation groups are tagged.
#[derive(Clone, Copy, Debug)]
pub struct TagRules {
    pub limits: TagLimits,
    /// updatedAt moves.
    pub touch: bool,
}

/// Which part of the profile times a page shows.
#[derive(Clone, Copy, Debug)]
pub struct TimesQuery {
    pub period: AggregationPeriod,
    pub range: TimeRange,
    pub descending: bool,
}

/// The scope of the page tokens of a List of groups.
const LIST: &str = "";

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
    created: BTreeMap<String, Created>,
    page_tokens: PageTokens,
    profiles: BTreeMap<String, Profiles>,
}

impl Region {
    pub fn new(account: String, name: String) -> Self {
        Self {
            account,
            name,
            groups: BTreeMap::new(),
            living: 0,
            graves: VecDeque::new(),
            created: BTreeMap::new(),
            page_tokens: PageTokens::default(),
            profiles: BTreeMap::new(),
        }
    }

    /// Guarantee: a token that is known gives the first answer again, or a refusal, never a change.
    pub fn create(
        &mut self,
        token: &str,
        input: NewGroup,
        rules: CreateRules,
        now: Moment,
    ) -> Result<Arc<Group>, Refusal> {
        if let Some(earlier) = self.created.get(token) {
            let again = rules.same_token == SameToken::FirstAnswer && earlier.input == input;
            return if again { Ok(Arc::clone(&earlier.answer)) } else { Err(Refusal::TokenUsed) };
        }
        if self.truth(&input.profiling_group_name).is_some() {
            return Err(Refusal::NameTaken(input.profiling_group_name));
        }
        if self.living >= rules.quota {
            return Err(Refusal::QuotaReached(rules.quota));
        }
        rules.tag_limits.check(input.tags.as_ref().unwrap_or(&Tags::new()))?;
        let mut group = self.born(&input.profiling_group_name, now);
        group.compute_platform = input.compute_platform.clone().unwrap_or(group.compute_platform);
        group.profiling_enabled =
            input.agent_orchestration_config.map_or(rules.enabled, |config| config.profiling_enabled);
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

    pub fn update(
        &mut self,
        name: &str,
        enabled: bool,
        rules: UpdateRules,
        now: Moment,
    ) -> Result<Arc<Group>, Refusal> {
        let current = self.existing(name)?;
        if !rules.conflict_within.is_zero() && now.stamp < current.updated_at.later(rules.conflict_within) {
            return Err(Refusal::ChangedMeanwhile);
        }
        if current.profiling_enabled == enabled && !rules.always_touch {
            return Ok(Arc::clone(current));
        }
        self.change(name, now, |group| {
            group.profiling_enabled = enabled;
            group.updated_at = now.stamp;
            Ok(())
        })
    }

    /// The token that created the group is forgotten with it, or not: `token_stays`.
    pub fn delete(&mut self, name: &str, token_stays: bool, now: Moment) -> Result<(), Refusal> {
        let gone = Arc::clone(self.existing(name)?);
        if let Some(token) = gone.client_token.as_ref().filter(|_| !token_stays) {
            self.created.remove(token);
        }
        if let Some(history) = self.groups.get_mut(name) {
            history.push(None, now.tick);
        }
        self.profiles.remove(name);
        self.living -= 1;
        self.graves.push_back((now.tick, name.to_owned()));
        self.bury(now);
        Ok(())
    }

    /// `token_life`: how long a page's token is valid; none for ever.
    pub fn list(
        &mut self,
        token: Option<&str>,
        limit: usize,
        token_life: Option<Duration>,
        at: ReadAt,
    ) -> Result<Page, Refusal> {
        let after = match token {
            Some(token) => Some(self.page_tokens.redeem(token, LIST, token_life, at.now)?),
            None => None,
        };
        let mut rest = self
            .groups
            .range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded))
            .filter_map(|(_, history)| history.seen(at));
        let groups: Vec<_> = rest.by_ref().take(limit).cloned().collect();
        let more = rest.next().is_some();
        let next_token = groups.last().filter(|_| more).map(|last| self.page_tokens.issue(LIST, &last.name, at.now));
        Ok(Page { groups, next_token })
    }

    pub fn change_tags(
        &mut self,
        name: &str,
        rules: TagRules,
        change: impl FnOnce(&mut Tags),
        now: Moment,
    ) -> Result<(), Refusal> {
        self.change(name, now, |group| {
            change(&mut group.tags);
            if rules.touch {
                group.updated_at = now.stamp;
            }
            rules.limits.check(&group.tags)
        })?;
        Ok(())
    }

    /// Permissions do not move updatedAt, which speaks of the group's configuration.
    pub fn put_permission(
        &mut self,
        name: &str,
        put: Put<'_>,
        revision: String,
        now: Moment,
    ) -> Result<Arc<Group>, Refusal> {
        self.change(name, now, |group| {
            group.policy = Some(Policy::put(group.policy.as_ref(), put, revision)?);
            Ok(())
        })
    }

    /// Answers the empty policy that is left; from then on the group has none, as before the first Put.
    pub fn remove_permission(
        &mut self,
        name: &str,
        on_top_of: &str,
        revision: String,
        now: Moment,
    ) -> Result<(Arc<Group>, Policy), Refusal> {
        let current = self.existing(name)?.policy.clone();
        let left = Policy::removed(current.as_ref(), on_top_of, revision)?;
        let group = self.change(name, now, |group| {
            group.policy = None;
            Ok(())
        })?;
        Ok((group, left))
    }

    /// All of the channels are added, or none.
    pub fn add_channels(
        &mut self,
        name: &str,
        added: Vec<Channel>,
        new_id: impl Fn() -> String,
        now: Moment,
    ) -> Result<Arc<Group>, Refusal> {
        self.change(name, now, |group| channels::add(&mut group.channels, added, new_id))
    }

    pub fn remove_channel(&mut self, name: &str, id: &str, now: Moment) -> Result<Arc<Group>, Refusal> {
        self.change(name, now, |group| channels::remove(&mut group.channels, id))
    }

    /// An agent calls ConfigureAgent. Returns whether it should profile.
    pub fn orchestrate(&mut self, name: &str, now: Moment) -> Result<bool, Refusal> {
        let group = self.change(name, now, |group| {
            group.orchestrated_at = Some(now.stamp);
            Ok(())
        })?;
        Ok(group.profiling_enabled)
    }

    /// An agent reports a profile. One whose token was seen before is taken for a repetition, and changes nothing.
    pub fn report(
        &mut self,
        name: &str,
        token: Option<&str>,
        disabled_takes_profiles: bool,
        now: Moment,
    ) -> Result<(), Refusal> {
        if !self.existing(name)?.profiling_enabled && !disabled_takes_profiles {
            return Err(Refusal::Disabled);
        }
        if let Some(aggregate) = self.profiles.entry(name.to_owned()).or_default().take(token, now.stamp) {
            self.change(name, now, |group| {
                group.reported_at = Some(now.stamp);
                group.aggregated = Some(aggregate);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The starts of the profiles that agents reported for, a page of them.
    pub fn profile_times(
        &mut self,
        name: &str,
        query: TimesQuery,
        token: Option<&str>,
        limit: usize,
        token_life: Option<Duration>,
        now: Moment,
    ) -> Result<(Vec<Stamp>, Option<String>), Refusal> {
        self.existing(name)?;
        let scope = format!("{name}/{:?}/{}", query.period, query.descending);
        let after: Option<i64> = match token {
            Some(token) => {
                let millis = self.page_tokens.redeem(token, &scope, token_life, now)?;
                Some(millis.parse().map_err(|_| Refusal::UnknownPageToken)?)
            }
            None => None,
        };
        let mut starts: Vec<Stamp> = match self.profiles.get(name) {
            Some(profiles) => profiles.starts(query.period, query.range, now.stamp).collect(),
            None => Vec::new(),
        };
        if query.descending {
            starts.reverse();
        }
        if let Some(after) = after {
            starts.retain(|start| if query.descending { start.as_millis() < after } else { start.as_millis() > after });
        }
        let more = starts.len() > limit;
        starts.truncate(limit);
        let last = starts.last().filter(|_| more).map(|last| last.as_millis().to_string());
        let next = last.map(|last| self.page_tokens.issue(&scope, &last, now));
        Ok((starts, next))
    }

    /// The group as it is, or the refusal of a request for it.
    pub fn existing(&self, name: &str) -> Result<&Arc<Group>, Refusal> {
        self.truth(name).ok_or_else(|| Refusal::NoSuchGroup(name.to_owned()))
    }

    /// The group as it is, whatever the read lag.
    pub fn truth(&self, name: &str) -> Option<&Arc<Group>> {
        self.groups.get(name).and_then(History::current)
    }

    /// Changes a group, or makes it, without a client's request: quota and tokens play no part.
    pub fn put(
        &mut self,
        name: &str,
        change: BehindTheBack,
        new_id: impl FnMut() -> String,
        now: Moment,
    ) -> Arc<Group> {
        let mut group = self.truth(name).map_or_else(|| self.born(name, now), |group| Group::clone(group));
        change.apply(&mut group, new_id, now.stamp);
        self.write(group, now)
    }

    /// Makes groups `prefix-00000`, `prefix-00001` and so on; those that exist stay as they are. Answers how many were made.
    pub fn seed(&mut self, prefix: &str, count: usize, change: &BehindTheBack, now: Moment) -> usize {
        let before = self.living;
        for number in 0..count {
            let name = format!("{prefix}-{number:05}");
            if self.truth(&name).is_none() {
                self.put(&name, change.clone(), String::new, now);
            }
        }
        self.living - before
    }

    /// Turns profiling the other way in every group whose name begins with the prefix. Answers how many there were.
    pub fn flip(&mut self, prefix: &str, now: Moment) -> usize {
        let matching: Vec<Arc<Group>> = self.matching(prefix).cloned().collect();
        for group in &matching {
            let mut group = Group::clone(group);
            group.profiling_enabled = !group.profiling_enabled;
            group.updated_at = now.stamp;
            self.write(group, now);
        }
        matching.len()
    }

    /// The groups whose name begins with the prefix, in order.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        self.matching(prefix).map(|group| group.name.clone()).collect()
    }

    fn matching(&self, prefix: &str) -> impl Iterator<Item = &Arc<Group>> {
        self.groups
            .range::<str, _>((Included(prefix), Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter_map(|(_, history)| history.current())
    }

    fn born(&self, name: &str, now: Moment) -> Group {
        Group::born(name, arn::of_group(&self.account, &self.name, name), now.stamp)
    }

    /// Writes a changed copy, unless the change is refused.
    fn change(
        &mut self,
        name: &str,
        now: Moment,
        change: impl FnOnce(&mut Group) -> Result<(), Refusal>,
    ) -> Result<Arc<Group>, Refusal> {
        let mut group = Group::clone(self.existing(name)?);
        change(&mut group)?;
        Ok(self.write(group, now))
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
