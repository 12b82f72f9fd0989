//! Finds what no access key holds before the SDK signs with it: it can't be sent as a header, and the SDK panics. Pure.

use aws_credential_types::Credentials;

use crate::aws::error::party::{KeyPart, KeyProblem, Source};

/// Every part of the key that `source` gave.
pub(super) fn check(credentials: &Credentials, source: &Source) -> Result<(), KeyProblem> {
    let token = credentials.session_token().map(|token| (KeyPart::SessionToken, token));
    [(KeyPart::Id, credentials.access_key_id()), (KeyPart::Secret, credentials.secret_access_key())]
        .into_iter()
        .chain(token)
        .try_for_each(|(part, text)| check_part(part, text, source))
}

/// One part of it.
pub(super) fn check_part(part: KeyPart, text: &str, source: &Source) -> Result<(), KeyProblem> {
    match foreign(text) {
        None => Ok(()),
        Some(holds) => Err(KeyProblem { part, source_of_it: source.clone(), holds }),
    }
}

/// What is neither a letter, a digit nor a sign of ASCII.
pub(super) fn foreign(text: &str) -> Option<&'static str> {
    let first = text.chars().find(|c| !c.is_ascii_graphic())?;
    Some(match first {
        '\n' | '\r' => "a line break",
        ' ' | '\t' => "white space",
        c if c.is_control() => "a control character",
        _ => "a character that is not ASCII",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_is_letters_digits_and_signs() {
        for (text, found) in [
            ("AKIAIOSFODNN7EXAMPLE", None),
            ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY==", None),
            ("", None),
            ("AKIA\n", Some("a line break")),
            ("\rAKIA", Some("a line break")),
            ("AK IA", Some("white space")),
            ("AKIA\t", Some("white space")),
            ("AKIA\0", Some("a control character")),
            ("AKIA\u{7f}", Some("a control character")),
            ("AKIÄ", Some("a character that is not ASCII")),
            ("\u{feff}AKIA", Some("a character that is not ASCII")),
        ] {
            assert_eq!(foreign(text), found, "{text:?}");
        }
    }

    #[test]
    fn the_part_and_where_it_comes_from_are_named_and_the_key_is_not() {
        let source = Source::Sts("eu-west-1".into());
        for (id, secret, token, expected) in [
            ("AKIA\n", "s", None, "the access key ID from AWS STS in eu-west-1 holds a line break"),
            ("AKIA", "s ", None, "the secret access key from AWS STS in eu-west-1 holds white space"),
            ("AKIA", "s", Some("t\0"), "the session token from AWS STS in eu-west-1 holds a control character"),
        ] {
            let credentials = Credentials::new(id, secret, token.map(str::to_owned), None, "test");
            assert_eq!(check(&credentials, &source).unwrap_err().to_string(), expected);
        }
        assert_eq!(check(&Credentials::new("AKIA", "s", Some("t".into()), None, "test"), &source), Ok(()));
        let variable = check_part(KeyPart::Secret, "s\n", &Source::Environment).unwrap_err().to_string();
        assert_eq!(
            variable,
            "the secret access key in the environment variable AWS_SECRET_ACCESS_KEY holds a line break"
        );
    }
}
