//! Patterns in which `*` stands for any characters, and `?` for one. Pure.

use std::fmt;

/// A pattern for whole texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(String);

impl Glob {
    /// The pattern `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether one of these patterns matches.
    #[must_use]
    pub fn any(patterns: &[Self], text: &str) -> bool {
        patterns.iter().any(|pattern| pattern.matches(text))
    }

    /// Whether the whole of `text` matches. Takes time in proportion to the product of both lengths at most.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Behind the last `*`, and how far it has reached in the text.
        let mut star = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    p += 1;
                    star = Some((p, t));
                }
                Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
                _ => {
                    let Some((behind, reached)) = star else { return false };
                    star = Some((behind, reached + 1));
                    (p, t) = (behind, reached + 1);
                }
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_texts() {
        for (pattern, matching, others) in [
            ("a", &["a"][..], &["", "aa", "b"][..]),
            ("*", &["", "a", "a/b:c"], &[]),
            ("a*", &["a", "ab", "a*"], &["", "ba"]),
            ("*a", &["a", "ba", "aa"], &["ab"]),
            ("a*b*c", &["abc", "axbxc", "abbcc", "abcbc"], &["acb", "ab"]),
            ("a?c", &["abc", "a?c"], &["ac", "abbc"]),
            ("arn:aws:iam::*:role/agents/*", &["arn:aws:iam::1:role/agents/x"], &["arn:aws:iam::1:role/other"]),
            ("ä*", &["ä", "äö"], &["a"]),
            ("", &[""], &["a"]),
        ] {
            let glob = Glob::new(pattern);
            assert!(matching.iter().all(|text| glob.matches(text)), "{pattern}");
            assert!(!others.iter().any(|text| glob.matches(text)), "{pattern}");
        }
    }
}
