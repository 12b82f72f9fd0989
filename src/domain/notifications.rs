//! Where the anomalies of a group are reported to: its channels, compared with what the spec requests. Pure.

use std::collections::BTreeMap;

use super::{
    arns::{Arns, ArnsView},
    facet::{Facet, Step},
};

/// A group has no more channels.
const MOST_CHANNELS: usize = 2;

/// The channels of a group: the ARN of each topic, and the channel's id.
pub type Channels = BTreeMap<String, String>;

/// What a resource that manages notifications makes of them.
#[derive(Clone, Copy, Debug)]
pub struct Notifications<'a> {
    /// The topics of `spec.anomalyNotifications`.
    pub desired: &'a Arns,
    /// Those that AWS last confirmed.
    pub applied: Option<&'a Arns>,
    /// What AWS has.
    pub channels: &'a Channels,
    /// Whether a write of ours has begun that is not confirmed.
    pub unfinished: bool,
}

impl<'a> Notifications<'a> {
    /// In sync are equal sets.
    #[must_use]
    pub fn view(self) -> ArnsView<'a> {
        let Self { desired, applied, channels, unfinished } = self;
        ArnsView {
            facet: Facet::Notifications,
            desired,
            applied,
            observed: channels.keys().map(String::as_str).collect(),
            agrees: channels.keys().eq(desired),
            tolerated: false,
            unfinished,
            step: self.step(),
        }
    }

    /// Adds before it removes, so that no anomaly is missed, unless there is no room.
    fn step(&self) -> Option<Step> {
        let Self { desired, channels, .. } = self;
        let missing: Arns = desired.iter().filter(|topic| !channels.contains_key(*topic)).cloned().collect();
        if !missing.is_empty() && channels.len() + missing.len() <= MOST_CHANNELS {
            return Some(Step::AddChannels(missing));
        }
        let (topic, id) = channels.iter().find(|(topic, _)| !desired.contains(*topic))?;
        Some(Step::RemoveChannel { id: id.clone(), topic: topic.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{fixtures::arns, plan::Cause};

    #[allow(clippy::unnecessary_wraps, reason = "as a view has it")]
    fn add(topics: &str) -> Option<Step> {
        Some(Step::AddChannels(arns(topics)))
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a view has it")]
    fn remove(topic: &str) -> Option<Step> {
        Some(Step::RemoveChannel { id: format!("id-of-{topic}"), topic: topic.into() })
    }

    #[test]
    fn the_channels_are_managed_as_a_whole() {
        #[rustfmt::skip]
        let rows = [
            // desired, applied, channels: why they are written, and how.
            ("in sync", "a b", Some("a b"), "b a", None, None),
            ("none yet", "a b", None, "", Some(Cause::Adoption), add("a b")),
            ("another one: added first", "b", Some("a"), "a", Some(Cause::Edit), add("b")),
            ("then the former is removed", "b", Some("a"), "a b", Some(Cause::Edit), remove("a")),
            ("both are used: removed first", "a c", Some("a b"), "a b", Some(Cause::Edit), remove("b")),
            ("then added", "a c", Some("a b"), "a", Some(Cause::Edit), add("c")),
            ("two for one: no room for both", "b c", Some("a"), "a", Some(Cause::Edit), remove("a")),
            ("all are removed", "", Some("a"), "a", Some(Cause::Edit), remove("a")),
            ("removed externally", "a", Some("a"), "", Some(Cause::Drift), add("a")),
            ("added externally", "a", Some("a"), "a theirs", Some(Cause::Drift), remove("theirs")),
        ];
        for (name, desired, applied, channels, cause, step) in rows {
            let (desired, applied) = (arns(desired), applied.map(arns));
            let channels: Channels = arns(channels).into_iter().map(|it| (it.clone(), format!("id-of-{it}"))).collect();
            let (applied, unfinished) = (applied.as_ref(), false);
            let view = Notifications { desired: &desired, applied, channels: &channels, unfinished }.view();
            assert_eq!((view.cause(), view.step), (cause, step), "{name}");
        }
    }

    #[test]
    fn every_change_ends_with_what_is_desired_within_the_limit() {
        let sets = ["", "a", "b", "a b", "a c", "b c", "c d"].map(arns);
        for (from, to) in sets.iter().flat_map(|from| sets.iter().map(move |to| (from, to))) {
            let mut channels: Channels = from.iter().map(|it| (it.clone(), it.clone())).collect();
            let mut calls = 0;
            loop {
                let view = Notifications { desired: to, applied: None, channels: &channels, unfinished: false };
                match view.step() {
                    Some(Step::AddChannels(topics)) => channels.extend(topics.into_iter().map(|it| (it.clone(), it))),
                    Some(Step::RemoveChannel { topic, .. }) => drop(channels.remove(&topic)),
                    _ => break,
                }
                calls += 1;
                assert!(channels.len() <= MOST_CHANNELS && calls <= 3, "{from:?} {to:?}: {channels:?}");
            }
            assert!(channels.keys().eq(to), "{from:?} {to:?}: {channels:?}");
        }
    }
}
