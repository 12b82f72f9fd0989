//! Page tokens: short and opaque, although a name can be longer than a token may be. Pure.

use std::collections::{HashMap, VecDeque};

use crate::hash::fnv1a;

/// Enough for the pages of more groups than an account can have.
const REMEMBERED: usize = 10_000;

/// Which name each token stands for. A page continues after that name, so groups that come or go in between shift nothing.
#[derive(Debug, Default)]
pub(super) struct PageTokens {
    names: HashMap<String, String>,
    oldest_first: VecDeque<String>,
}

impl PageTokens {
    pub fn issue(&mut self, last_name: &str) -> String {
        let token = format!("p-{:016x}", fnv1a(last_name.as_bytes()));
        if self.names.insert(token.clone(), last_name.to_owned()).is_none() {
            self.oldest_first.push_back(token.clone());
        }
        if self.oldest_first.len() > REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.names.remove(&oldest);
        }
        token
    }

    pub fn name(&self, token: &str) -> Option<&str> {
        self.names.get(token).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_for_the_name_it_was_made_for() {
        let mut tokens = PageTokens::default();
        let name = "n".repeat(255);
        let token = tokens.issue(&name);
        assert_eq!(tokens.name(&token), Some(name.as_str()));
        assert!(token.len() <= 64 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        assert_eq!(tokens.name("p-0000000000000000"), None);
    }

    #[test]
    fn only_so_many_tokens_are_remembered() {
        let mut tokens = PageTokens::default();
        let first = tokens.issue("first");
        for number in 0..REMEMBERED {
            tokens.issue(&number.to_string());
        }
        assert_eq!(tokens.name(&first), None);
        assert_eq!((tokens.names.len(), tokens.oldest_first.len()), (REMEMBERED, REMEMBERED));
    }
}
