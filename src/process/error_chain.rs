//! Walks an error and all its causes, and puts them on one line. Pure.

use std::{error::Error, io, iter};

/// The error and its causes, outermost first.
///
/// What an I/O error wraps is one of its causes: its `source` skips it.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|error| error as _).or_else(|| error.source())
    })
}

/// The first of them that is of this type.
#[must_use]
pub fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The error and its causes, outermost first, joined by `": "`, without line breaks.
///
/// A cause whose text already stands there is not repeated: several libraries repeat their source.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    for text in causes(error).map(|error| one_line(&error.to_string())) {
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
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
    fn a_cause_that_its_parent_already_contains_is_not_repeated() {
        let error = layers(&["can't start: no file", "no file", "really"]);
        assert_eq!(error_chain(&error), "can't start: no file: really");
    }

    #[test]
    fn what_an_io_error_wraps_is_among_its_causes() {
        let error = io::Error::new(io::ErrorKind::InvalidData, layers(&["bad certificate", "unknown issuer"]));
        assert_eq!(find::<Layer>(&error).map(|layer| layer.text), Some("bad certificate"));
        assert_eq!(error_chain(&error), "bad certificate: unknown issuer");
    }
}
