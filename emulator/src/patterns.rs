//! The regular expressions of the two services' models, as code: so few need no engine. Each is compared with the model by its source.

use serde::{Serialize, Serializer};

/// A constraint on a whole string, as AWS applies patterns.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    matches: fn(&str) -> bool,
}

impl Pattern {
    pub fn source(&self) -> &'static str {
        self.source
    }

    pub fn matches(&self, text: &str) -> bool {
        (self.matches)(text)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.source)
    }
}

pub static WORD: Pattern =
    Pattern { source: r"^[\w-]+$", matches: |text| !text.is_empty() && text.chars().all(|c| word(c) || c == '-') };

pub static UUID: Pattern = Pattern {
    source: "[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
    matches: |text| {
        let hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let parts: Vec<&str> = text.split('-').collect();
        parts.iter().all(|part| hex(part)) && parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
    },
};

pub static ROLE_ARN: Pattern = Pattern {
    source: r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+",
    matches: |text| {
        !text.is_empty() && text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{85}') || !c.is_control())
    },
};

pub static SESSION_NAME: Pattern =
    Pattern { source: r"[\w+=,.@-]*", matches: |text| text.chars().all(|c| word(c) || "+=,.@-".contains(c)) };

pub static EXTERNAL_ID: Pattern =
    Pattern { source: r"[\w+=,.@:\/-]*", matches: |text| text.chars().all(|c| word(c) || "+=,.@:/-".contains(c)) };

pub static SERIAL_NUMBER: Pattern =
    Pattern { source: r"[\w+=/:,.@-]*", matches: |text| text.chars().all(|c| word(c) || "+=/:,.@-".contains(c)) };

pub static DIGITS: Pattern =
    Pattern { source: r"[\d]*", matches: |text| text.bytes().all(|byte| byte.is_ascii_digit()) };

pub static POLICY: Pattern = Pattern {
    source: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    matches: |text| !text.is_empty() && text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')),
};

pub static TAG_KEY: Pattern =
    Pattern { source: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", matches: |text| !text.is_empty() && text.chars().all(tag) };

pub static TAG_VALUE: Pattern =
    Pattern { source: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", matches: |text| text.chars().all(tag) };

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn tag(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_for_the_whole_string() {
        for (pattern, text, expected) in [
            (&WORD, "a_B-1", true),
            (&WORD, "", false),
            (&WORD, "a b", false),
            (&WORD, "é", false),
            (&UUID, "01234567-89ab-cdef-0123-456789abcdef", true),
            (&UUID, "01234567-89AB-cdef-0123-456789abcdef", false),
            (&UUID, "x01234567-89ab-cdef-0123-456789abcdef", false),
            (&UUID, "01234567-89ab-cdef-0123-456789abcde", false),
            (&UUID, "", false),
            (&SESSION_NAME, "me@example.org", true),
            (&SESSION_NAME, "me/you", false),
            (&EXTERNAL_ID, "a/b:c", true),
            (&EXTERNAL_ID, "a b", false),
            (&DIGITS, "012345", true),
            (&DIGITS, "12a", false),
            (&ROLE_ARN, "arn:aws:iam::1:role/a", true),
            (&ROLE_ARN, "arn\u{0}", false),
            (&POLICY, "{}", true),
            (&POLICY, "\u{100}", false),
            (&TAG_KEY, "Größe 1", true),
            (&TAG_KEY, "a\tb", false),
            (&TAG_VALUE, "", true),
            (&SERIAL_NUMBER, "arn:aws:iam::1:mfa/u", true),
        ] {
            assert_eq!(pattern.matches(text), expected, "{} {text:?}", pattern.source());
        }
    }
}
