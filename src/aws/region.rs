//! The form of a region's code. Pure.

/// Whether it has the form of a region's code, the one that the resource's `region` has: lower-case words and a number
/// at the end.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let word =
        |part: &str, longest| (2..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = text.split('-').collect();
    match parts.as_slice() {
        [area, words @ .., last] => {
            word(area, 4) && (1..=3).contains(&words.len()) && words.iter().all(|part| word(part, 12)) && number(last)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_the_form_of_one() {
        for text in ["eu-west-1", "us-gov-east-1", "ap-southeast-2", "us-isob-east-1"] {
            assert!(is_region(text), "{text}");
        }
        for text in [
            "",
            "eu",
            "eu-west",
            "eu-1",
            "EU-WEST-1",
            "eu-west-1a",
            "eu-west-1 ",
            "eu-west-1\n",
            "eu--1",
            "eu-west-100",
            "e-west-1",
            "../eu-west-1",
        ] {
            assert!(!is_region(text), "{text:?}");
        }
    }
}
