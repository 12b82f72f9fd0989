//! Who calls, and where: account, region and service read from the Authorization header. Signatures are not verified. Pure.

use crate::hash::fnv1a;

/// The caller as the SigV4 credential names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub access_key: String,
    pub account: String,
    pub region: String,
    /// The scope's service; it decides which API the request is for.
    pub service: String,
}

/// Why there is no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCaller {
    Unsigned,
    Malformed,
}

/// Reads `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
pub fn caller(authorization: Option<&str>) -> Result<Caller, NoCaller> {
    let header = authorization.filter(|text| !text.trim().is_empty()).ok_or(NoCaller::Unsigned)?;
    let parameters = header.trim_start().strip_prefix("AWS4-HMAC-SHA256").ok_or(NoCaller::Malformed)?;
    let credential = parameters
        .split(',')
        .find_map(|parameter| parameter.trim().strip_prefix("Credential="))
        .ok_or(NoCaller::Malformed)?;
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [key, _date, region, service, "aws4_request"] if [key, region, service].iter().all(|part| !part.is_empty()) => {
            Ok(Caller {
                access_key: (*key).to_owned(),
                account: account_of(key),
                region: (*region).to_owned(),
                service: (*service).to_owned(),
            })
        }
        _ => Err(NoCaller::Malformed),
    }
}

/// An access key that ends in twelve digits belongs to the account of that number, any other to a number made from the key.
fn account_of(access_key: &str) -> String {
    let tail = access_key.len().checked_sub(12).and_then(|start| access_key.get(start..));
    match tail {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.to_owned(),
        _ => format!("{:012}", fnv1a(access_key.as_bytes()) % 1_000_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(credential: &str) -> Result<Caller, NoCaller> {
        caller(Some(&format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")))
    }

    #[test]
    fn the_digits_at_the_end_of_the_key_are_the_account() {
        let caller = signed("AKIA111122223333/20260101/eu-west-1/codeguru-profiler/aws4_request").unwrap();
        assert_eq!((caller.account.as_str(), caller.region.as_str()), ("111122223333", "eu-west-1"));
        assert_eq!(caller.service, "codeguru-profiler");
    }

    #[test]
    fn any_other_key_has_a_stable_account_of_twelve_digits() {
        assert_eq!(account_of("AKIDEXAMPLE"), account_of("AKIDEXAMPLE"));
        assert_ne!(account_of("AKIDEXAMPLE"), account_of("AKIDEXAMPLF"));
        for key in ["a", "AKIDEXAMPLE", "ключ-доступа-к-облаку"] {
            let account = account_of(key);
            assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()), "{key}: {account}");
        }
    }

    #[test]
    fn a_missing_header_is_not_a_malformed_one() {
        assert_eq!(caller(None), Err(NoCaller::Unsigned));
        assert_eq!(caller(Some(" ")), Err(NoCaller::Unsigned));
        for header in
            ["Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=a/b/c"]
        {
            assert_eq!(caller(Some(header)), Err(NoCaller::Malformed), "{header}");
        }
        assert_eq!(signed("key/20260101//sts/aws4_request"), Err(NoCaller::Malformed));
    }
}
