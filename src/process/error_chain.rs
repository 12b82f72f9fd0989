//! Puts an error and all its causes on one line. Pure.

use std::error::Error;

/// The error and its causes, outermost first, joined by `": "`, without line breaks.
///
/// A cause whose text already stands there is not said twice: several libraries repeat their source.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = one_line(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = one_line(&error.to_string());
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (first, rest) = texts.split_first().expect("at least one");
        Layer { text: first, source: (!rest.is_empty()).then(|| Box::new(layers(rest))) }
    }

    #[test]
    fn causes_follow_their_effect_on_one_line() {
        let error = layers(&["can't start", "can't listen on :80", "permission\ndenied"]);
        assert_eq!(error_chain(&error), "can't start: can't listen on :80: permission denied");
    }

    #[test]
    fn a_cause_that_its_parent_already_tells_is_not_repeated() {
        let error = layers(&["can't start: no file", "no file", "really"]);
        assert_eq!(error_chain(&error), "can't start: no file: really");
    }
}
