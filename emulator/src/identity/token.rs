//! The web identity token that a pod shows to STS: what a JWT claims of whom, without its signature, which only the issuer's keys could verify.
//! Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::moment::Stamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    pub subject: String,
    pub audience: String,
    pub issuer: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    Malformed,
    Expired,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Audience,
    iss: String,
    exp: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl WebIdentity {
    pub fn read(token: &str, now: Stamp) -> Result<Self, BadToken> {
        let parts: Vec<&str> = token.split('.').collect();
        let [_, payload, _] = parts.as_slice() else { return Err(BadToken::Malformed) };
        let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| BadToken::Malformed)?;
        let claims: Claims = serde_json::from_slice(&bytes).map_err(|_| BadToken::Malformed)?;
        if now.as_millis() / 1000 >= claims.exp {
            return Err(BadToken::Expired);
        }
        let audience = match claims.aud {
            Audience::One(one) => Some(one),
            Audience::Several(several) => several.into_iter().next(),
        };
        let audience = audience.ok_or(BadToken::Malformed)?;
        Ok(Self { subject: claims.sub, audience, issuer: claims.iss })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(claims: &Value) -> String {
        format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn at(seconds: i64) -> Stamp {
        Stamp::new(jiff::Timestamp::from_second(seconds).unwrap())
    }

    #[test]
    fn a_token_shows_whose_it_is_until_it_expires() {
        let claims =
            json!({"sub": "system:serviceaccount:ns:app", "aud": ["sts.amazonaws.com"], "iss": "i", "exp": 100});
        let identity = WebIdentity::read(&token(&claims), at(99)).unwrap();
        assert_eq!(
            (identity.subject.as_str(), identity.audience.as_str()),
            ("system:serviceaccount:ns:app", "sts.amazonaws.com")
        );
        assert_eq!(WebIdentity::read(&token(&claims), at(100)), Err(BadToken::Expired));
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "a.b",
            "a.!.c",
            "a.b.c.d",
            &token(&json!({})),
            &token(&json!({"sub": "s", "aud": [], "iss": "i", "exp": 9})),
        ] {
            assert_eq!(WebIdentity::read(text, at(0)), Err(BadToken::Malformed), "{text}");
        }
    }
}
