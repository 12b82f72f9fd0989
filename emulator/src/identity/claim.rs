//! Who a request claims to be from, read from its Authorization header. Nothing is verified here. Pure.

/// The header `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, SignedHeaders=…, Signature=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub access_key: String,
    /// The day of the credential's scope, such as `20260101`.
    pub date: String,
    pub region: String,
    /// The scope's service; it decides which API the request is for.
    pub service: String,
    /// In lower case, in the order of the header.
    pub signed_headers: Vec<String>,
    pub signature: String,
}

/// Why a request does not name who it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoClaim {
    Unsigned,
    Malformed,
}

impl Claim {
    pub fn read(authorization: Option<&str>) -> Result<Self, NoClaim> {
        let header = authorization.filter(|text| !text.trim().is_empty()).ok_or(NoClaim::Unsigned)?;
        let parameters = header.trim_start().strip_prefix("AWS4-HMAC-SHA256").ok_or(NoClaim::Malformed)?;
        let parameter = |name: &str| {
            parameters.split(',').find_map(|parameter| parameter.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let credential = parameter("Credential").ok_or(NoClaim::Malformed)?;
        let parts: Vec<&str> = credential.split('/').collect();
        let [key, date, region, service, "aws4_request"] = parts.as_slice() else { return Err(NoClaim::Malformed) };
        if [key, region, service].iter().any(|part| part.is_empty()) {
            return Err(NoClaim::Malformed);
        }
        Ok(Self {
            access_key: (*key).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers: parameter("SignedHeaders")
                .unwrap_or_default()
                .split(';')
                .map(str::to_ascii_lowercase)
                .collect(),
            signature: parameter("Signature").unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(credential: &str) -> Result<Claim, NoClaim> {
        Claim::read(Some(&format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")))
    }

    #[test]
    fn every_part_of_the_header_is_read() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/sts/aws4_request, SignedHeaders=Host;x-amz-date, Signature=ab";
        let claim = Claim::read(Some(header)).unwrap();
        assert_eq!((claim.access_key.as_str(), claim.date.as_str()), ("AKIA", "20260101"));
        assert_eq!((claim.region.as_str(), claim.service.as_str()), ("eu-west-1", "sts"));
        assert_eq!((claim.signed_headers, claim.signature.as_str()), (vec!["host".into(), "x-amz-date".into()], "ab"));
    }

    #[test]
    fn a_missing_header_is_not_a_malformed_one() {
        assert_eq!(Claim::read(None), Err(NoClaim::Unsigned));
        assert_eq!(Claim::read(Some(" ")), Err(NoClaim::Unsigned));
        for header in
            ["Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=a/b/c"]
        {
            assert_eq!(Claim::read(Some(header)), Err(NoClaim::Malformed), "{header}");
        }
        assert_eq!(signed("key/20260101//sts/aws4_request"), Err(NoClaim::Malformed));
    }
}
