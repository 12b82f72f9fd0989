//! Whether a request was signed with the secret of the key that it names, recently, and with a session that is still valid.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::claim::Claim;
use super::keys::{KeyBook, Known};
use crate::moment::Stamp;

/// As documented: a signature older or younger than that is not taken.
const SKEW: Duration = Duration::from_mins(5);

/// Why a claim is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrue {
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("The security token included in the request is expired")]
    Expired,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    OtherSignature,
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)")]
    SignedLongAgo { signed: String, earliest: String, now: String },
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + 5 min.)")]
    SignedInTheFuture { signed: String, latest: String, now: String },
    #[error("{0}")]
    Incomplete(&'static str),
}

impl KeyBook {
    /// Guarantee: of a key whose secret is known, only requests signed with it pass.
    pub fn verify(&self, claim: &Claim, parts: &Parts, body: &[u8], now: Stamp) -> Result<(), Untrue> {
        let secret = match self.find(&claim.access_key).ok_or(Untrue::UnknownKey)? {
            Known::Anyone => return Ok(()),
            Known::Key(key) => key.secret(),
            Known::Session(session) => {
                if header(parts, "x-amz-security-token") != Some(session.token.as_str()) {
                    return Err(Untrue::UnknownKey);
                }
                if now >= session.expires {
                    return Err(Untrue::Expired);
                }
                &session.secret
            }
        };
        let text = header(parts, "x-amz-date")
            .ok_or(Untrue::Incomplete("Authorization header requires existence of either a 'X-Amz-Date' header."))?;
        let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", text)
            .and_then(|date| date.to_zoned(TimeZone::UTC))
            .map(|date| date.timestamp())
            .map_err(|_| Untrue::Incomplete("Date must be in ISO-8601 'basic format'."))?;
        fresh(Stamp::new(signed), now)?;
        if !text.starts_with(&claim.date) || claim.date.len() != 8 {
            return Err(Untrue::Incomplete("Date in Credential scope does not match that of the request"));
        }
        if !claim.signed_headers.iter().any(|name| name == "host") {
            return Err(Untrue::Incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization."));
        }
        let expected = signature(claim, secret, parts, body, signed).ok_or(Untrue::OtherSignature)?;
        if expected == claim.signature { Ok(()) } else { Err(Untrue::OtherSignature) }
    }
}

fn fresh(signed: Stamp, now: Stamp) -> Result<(), Untrue> {
    let [signed_text, now_text] = [signed.basic(), now.basic()];
    if signed < now.earlier(SKEW) {
        let earliest = now.earlier(SKEW).basic();
        Err(Untrue::SignedLongAgo { signed: signed_text, earliest, now: now_text })
    } else if signed > now.later(SKEW) {
        let latest = now.later(SKEW).basic();
        Err(Untrue::SignedInTheFuture { signed: signed_text, latest, now: now_text })
    } else {
        Ok(())
    }
}

/// The signature that the request would have if the secret had signed it; none when it can't be signed at all.
fn signature(claim: &Claim, secret: &str, parts: &Parts, body: &[u8], signed: Timestamp) -> Option<String> {
    let identity = Credentials::new(&claim.access_key, secret, None, None, "emulator").into();
    let mut settings = SigningSettings::default();
    // What the client signed decides, not what a client usually signs.
    settings.excluded_headers = None;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&claim.region)
        .name(&claim.service)
        .time(signed.into())
        .settings(settings)
        .build()
        .ok()?
        .into();
    let headers: Vec<(&str, &str)> =
        claim.signed_headers.iter().map(|name| Some((name.as_str(), header(parts, name)?))).collect::<Option<_>>()?;
    let url = format!("http://{}{}", header(parts, "host")?, parts.uri.path_and_query()?);
    let body = match header(parts, "x-amz-content-sha256") {
        Some("UNSIGNED-PAYLOAD") => SignableBody::UnsignedPayload,
        _ => SignableBody::Bytes(body),
    };
    let request = SignableRequest::new(parts.method.as_str(), url, headers.into_iter(), body).ok()?;
    Some(sign(request, &params).ok()?.signature().to_owned())
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}
