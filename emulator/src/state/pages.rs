//! Page tokens: short and opaque, although a name can be longer than a token may be. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Refusal;
use crate::hash::fnv1a;
use crate::moment::Moment;

/// Enough for the pages of more groups than an account can have.
const REMEMBERED: usize = 10_000;

/// Which last entry of which list each token stands for. A page continues after it, so entries that come or go in between shift
/// nothing.
#[derive(Debug, Default)]
pub(super) struct PageTokens {
    issued: BTreeMap<String, Issued>,
    oldest_first: VecDeque<String>,
}

#[derive(Debug)]
struct Issued {
    scope: String,
    last: String,
    at: Duration,
}

impl PageTokens {
    pub fn issue(&mut self, scope: &str, last: &str, now: Moment) -> String {
        let token = format!("p-{:016x}", fnv1a(format!("{scope}/{last}").as_bytes()));
        let issued = Issued { scope: scope.to_owned(), last: last.to_owned(), at: now.tick };
        if self.issued.insert(token.clone(), issued).is_none() {
            self.oldest_first.push_back(token.clone());
        }
        if self.oldest_first.len() > REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.issued.remove(&oldest);
        }
        token
    }

    /// The last entry of the page that gave the token. `life`: how long after; none for ever.
    pub fn redeem(&self, token: &str, scope: &str, life: Option<Duration>, now: Moment) -> Result<&str, Refusal> {
        self.issued
            .get(token)
            .filter(|issued| issued.scope == scope)
            .filter(|issued| life.is_none_or(|life| now.tick <= issued.at + life))
            .map(|issued| issued.last.as_str())
            .ok_or(Refusal::UnknownPageToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment { stamp: crate::moment::Stamp::new(jiff::Timestamp::UNIX_EPOCH), tick: Duration::from_millis(millis) }
    }

    #[test]
    fn a_token_stands_for_the_name_it_was_made_for() {
        let mut tokens = PageTokens::default();
        let name = "n".repeat(255);
        let token = tokens.issue("", &name, at(0));
        assert_eq!(tokens.redeem(&token, "", None, at(0)), Ok(name.as_str()));
        assert!(crate::patterns::WORD.matches(&token) && token.len() <= 64);
        assert_eq!(tokens.redeem("p-0000000000000000", "", None, at(0)), Err(Refusal::UnknownPageToken));
    }

    #[test]
    fn a_token_of_one_list_is_none_of_another() {
        let mut tokens = PageTokens::default();
        let token = tokens.issue("times", "1", at(0));
        assert_eq!(tokens.redeem(&token, "", None, at(0)), Err(Refusal::UnknownPageToken));
    }

    #[test]
    fn a_token_expires_when_it_has_a_life() {
        let mut tokens = PageTokens::default();
        let token = tokens.issue("", "a", at(10));
        let life = Some(Duration::from_millis(5));
        assert_eq!(tokens.redeem(&token, "", life, at(15)), Ok("a"));
        assert_eq!(tokens.redeem(&token, "", life, at(16)), Err(Refusal::UnknownPageToken));
    }

    #[test]
    fn only_so_many_tokens_are_remembered() {
        let mut tokens = PageTokens::default();
        let first = tokens.issue("", "first", at(0));
        for number in 0..REMEMBERED {
            tokens.issue("", &number.to_string(), at(0));
        }
        assert!(tokens.redeem(&first, "", None, at(0)).is_err());
        assert_eq!((tokens.issued.len(), tokens.oldest_first.len()), (REMEMBERED, REMEMBERED));
    }
}
