//! Over which version of an object a process writes its status: over the newest that it got. Pure bookkeeping.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::key;

/// A status that is only for people is written over the version of a second ago.
const WRITES_WITHIN: Duration = Duration::from_millis(1200);
/// So many refusals of one version, without a read in between, happen when reports for people are among them.
const MOST_REFUSALS: u32 = 3;

/// What each process got and wrote over.
#[derive(Default)]
pub struct Versions {
    /// By process and uid: the versions it got, with the time when it could first act on each.
    got: BTreeMap<(u64, String), Vec<(u64, Duration)>>,
    /// By process, namespace and name: the version that was refused last, and how many times since the last read.
    refused: BTreeMap<(u64, String), (u64, u32)>,
}

impl Versions {
    /// A process got this version of an object.
    pub fn got(&mut self, process: u64, object: &Value, now: Duration) {
        let Some((uid, version)) = identity(object) else { return };
        let got = self.got.entry((process, uid)).or_default();
        if got.last().is_none_or(|(newest, _)| *newest < version) {
            got.push((version, now));
            // Only the newest of those that are old enough is needed.
            let old_enough = got.iter().rposition(|(_, at)| now.saturating_sub(*at) > WRITES_WITHIN);
            got.drain(..old_enough.unwrap_or(0));
        }
    }

    /// A process sends a status over the version that `body` names, and could have sent it since `free_since`.
    pub fn writes(&self, process: u64, body: &Value, free_since: Duration, now: Duration) -> Result<(), String> {
        let Some((uid, version)) = identity(body) else { return Ok(()) };
        let got = self.got.get(&(process, uid)).into_iter().flatten();
        let known = got.filter(|(_, at)| now.saturating_sub(free_since.max(*at)) > WRITES_WITHIN);
        match known.map(|(known, _)| *known).max().filter(|known| *known > version) {
            Some(newer) => Err(format!("a status is written over version {version}, though {newer} was known")),
            None => Ok(()),
        }
    }

    /// A process learned that its write over the version that `body` names was refused: there is a newer one.
    pub fn refused(&mut self, process: u64, body: &Value) -> Result<(), String> {
        let Some((_, version)) = identity(body) else { return Ok(()) };
        let refused = self.refused.entry((process, key(body))).or_default();
        *refused = if refused.0 == version { (version, refused.1 + 1) } else { (version, 1) };
        if refused.1 == MOST_REFUSALS + 1 {
            return Err(format!("version {version} was refused as old {} times, and not read again", refused.1));
        }
        Ok(())
    }

    /// A process reads an object again.
    pub fn reads(&mut self, process: u64, key: &str) {
        self.refused.remove(&(process, key.to_owned()));
    }
}

fn identity(object: &Value) -> Option<(String, u64)> {
    let metadata = &object["metadata"];
    Some((metadata["uid"].as_str()?.to_owned(), metadata["resourceVersion"].as_str()?.parse().ok()?))
}
