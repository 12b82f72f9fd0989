//! What the proxy does to which requests: no I/O.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

/// What happens to a request that a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Answered with this status as the API server would, and not passed on.
    Answer {
        /// The HTTP status.
        code: u16,
        /// The seconds of a `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// A watch that is accepted and reports an error in its first event, as an API server does whose history has been compacted (410).
    WatchError(u16),
    /// Passed on after this time.
    Delay(Duration),
    /// Passed on; the answer comes in pieces of so many bytes, with a pause before each.
    Split {
        /// The bytes of a piece.
        bytes: usize,
        /// The pause before each.
        pause: Duration,
    },
    /// The connection is closed without an answer, and the request is not passed on.
    Cut,
    /// The request is passed on, and the connection is closed instead of answering: the client can't know.
    LoseAnswer,
    /// The request is passed on, and its answer kept back.
    HoldAnswer,
    /// Neither passed on nor answered.
    Hang,
}

/// Which requests, how many of them, and what happens to them.
#[derive(Debug, Clone)]
pub struct Rule {
    method: Option<Method>,
    path: String,
    watches: Option<bool>,
    times: Option<u32>,
    /// How many requests that match are left alone first.
    skipped: u32,
    pub(super) effect: Effect,
    hits: u32,
}

impl Rule {
    /// Every request, for ever.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self { method: None, path: String::new(), watches: None, times: None, skipped: 0, effect, hits: 0 }
    }

    /// Only with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only with this in the path or the query.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        part.clone_into(&mut self.path);
        self
    }

    /// Only watches, or only what is none.
    #[must_use]
    pub fn watches(mut self, only: bool) -> Self {
        self.watches = Some(only);
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only after so many have been left alone.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.skipped = requests;
        self
    }

    fn matches(&self, method: &Method, uri: &str) -> bool {
        self.method.as_ref().is_none_or(|own| own == method)
            && uri.contains(&self.path)
            && self.watches.is_none_or(|only| only == is_watch(uri))
            && self.times.is_none_or(|times| self.hits < times)
    }
}

/// Whether a path and query request a watch.
pub(super) fn is_watch(uri: &str) -> bool {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|part| part == "watch=true" || part == "watch=1" || part == "watch")
}

/// The rules in force, the first that matches decides.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<(u64, Rule)>,
    next: u64,
}

impl Rules {
    pub(super) fn add(&mut self, rule: Rule) -> u64 {
        self.next += 1;
        self.rules.push((self.next, rule));
        self.next
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.rules.retain(|(own, _)| *own != id);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn hits(&self, id: u64) -> u32 {
        self.rules.iter().find(|(own, _)| *own == id).map_or(0, |(_, rule)| rule.hits)
    }

    /// What happens to this request; counts it.
    pub(super) fn decide(&mut self, method: &Method, uri: &str) -> Option<Effect> {
        for (_, rule) in &mut self.rules {
            if !rule.matches(method, uri) {
                continue;
            }
            if rule.skipped > 0 {
                rule.skipped -= 1;
                continue;
            }
            rule.hits += 1;
            return Some(rule.effect.clone());
        }
        None
    }
}

/// A failure in the API server's own words.
pub(super) fn failure(code: u16) -> Value {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("the fault proxy returns {reason}"), "reason": reason, "code": code,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_takes_only_what_it_names_and_only_so_often() {
        let mut rules = Rules::default();
        let id = rules.add(Rule::new(Effect::Cut).method(Method::PUT).path("/status").times(1));
        assert_eq!(rules.decide(&Method::GET, "/a/status"), None);
        assert_eq!(rules.decide(&Method::PUT, "/a"), None);
        assert_eq!(rules.decide(&Method::PUT, "/a/status"), Some(Effect::Cut));
        assert_eq!(rules.decide(&Method::PUT, "/a/status"), None);
        assert_eq!(rules.hits(id), 1);
    }

    #[test]
    fn a_rule_leaves_the_first_requests_alone() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Effect::Hang).after(2).times(1));
        let decided = [(); 4].map(|()| rules.decide(&Method::GET, "/a").is_some());
        assert_eq!(decided, [false, false, true, false]);
    }

    #[test]
    fn a_watch_is_distinguished_from_a_list() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Effect::Hang).watches(true));
        assert_eq!(rules.decide(&Method::GET, "/pods?limit=5"), None);
        assert_eq!(rules.decide(&Method::GET, "/pods?limit=5&watch=true"), Some(Effect::Hang));
    }
}
