//! The regular expressions of the two services' models. Each is compared with the model by its source.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Serialize, Serializer};

/// What is written otherwise for the engine: AWS's `\w` and `\d` are ASCII, and its STS escapes what lies beyond the Basic Multilingual Plane with
/// more digits than an escape has.
const TRANSLATION: [(&str, &str); 3] =
    [(r"\w", "0-9A-Za-z_"), (r"\d", "0-9"), (r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF")];

/// A constraint on a whole string, as AWS applies patterns.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    compiled: LazyLock<Regex>,
}

/// A pattern by its source in the model.
macro_rules! patterns {
    ($($name:ident = $source:literal;)*) => {
        $(pub static $name: Pattern = Pattern { source: $source, compiled: LazyLock::new(|| compile($source)) };)*

        #[cfg(test)]
        static ALL: &[&Pattern] = &[$(&$name),*];
    };
}

patterns! {
    WORD = r"^[\w-]+$";
    UUID = "[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}";
    ROLE_ARN = r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+";
    SESSION_NAME = r"[\w+=,.@-]*";
    EXTERNAL_ID = r"[\w+=,.@:\/-]*";
    SERIAL_NUMBER = r"[\w+=/:,.@-]*";
    DIGITS = r"[\d]*";
    POLICY = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
    TAG_KEY = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+";
    TAG_VALUE = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*";
}

fn compile(source: &str) -> Regex {
    let translated = TRANSLATION.into_iter().fold(source.to_owned(), |text, (aws, ours)| text.replace(aws, ours));
    Regex::new(&format!(r"\A(?:{translated})\z")).expect("a test compiles every pattern")
}

impl Pattern {
    pub fn source(&self) -> &'static str {
        self.source
    }

    pub fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.source)
    }
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
            (&WORD, "a\n", false),
        ] {
            assert_eq!(pattern.matches(text), expected, "{} {text:?}", pattern.source());
        }
    }

    #[test]
    fn a_tag_has_letters_separators_and_numbers_of_every_script_and_no_marks_or_symbols() {
        for text in ["é", "ß", "漢", "क", "\u{a0}", "\u{2028}", "٣", "Ⅷ", "½", "_.:/=+-@"] {
            assert!(TAG_KEY.matches(text) && TAG_VALUE.matches(text), "{text:?}");
        }
        // A vowel sign, a combining mark and an encircled letter: alphabetic, but no letters.
        for text in ["\u{93e}", "\u{345}", "\u{24b6}", "\t", "\u{85}", "a,b", "{"] {
            assert!(!TAG_KEY.matches(text) && !TAG_VALUE.matches(text), "{text:?}");
        }
    }

    #[test]
    fn a_role_arn_has_the_characters_of_xml() {
        for text in ["\t\n\r ~", "\u{85}", "\u{a0}\u{d7ff}", "\u{e000}\u{fffd}", "\u{10000}\u{10ffff}"] {
            assert!(ROLE_ARN.matches(text), "{text:?}");
        }
        for text in ["\u{b}", "\u{7f}", "\u{9f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!ROLE_ARN.matches(text), "{text:?}");
        }
    }

    #[test]
    fn every_pattern_is_one_that_the_engine_takes() {
        for pattern in ALL {
            assert!(!pattern.matches("\u{ffff}"), "{}", pattern.source());
        }
    }
}
