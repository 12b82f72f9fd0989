//! Decides which AWS endpoints may be used. Pure: the environment is given.

use std::{fmt, net::IpAddr, str::FromStr};

use http::Uri;

/// The variables by which AWS's SDKs take an endpoint, as far as they concern the services that are called here.
const VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CODEGURUPROFILER", "AWS_ENDPOINT_URL_STS"];

/// The URL of an AWS endpoint: `http` or `https`, a host, and at most a path. No credentials, no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Uri);

/// Why an endpoint may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It isn't a URL of an endpoint. The text is not repeated: it may hold a password.
    #[error(
        "not an endpoint; give a URL such as https://host or http://127.0.0.1:8000, without user, password and query"
    )]
    NotAnEndpoint,
    /// What the variable holds isn't a URL of an endpoint.
    #[error("the endpoint in the environment variable {0} can't be used")]
    Variable(&'static str, #[source] Box<EndpointError>),
    /// Signed requests, and what they answer, would cross the network in the clear.
    #[error(
        "the endpoint {0} uses plain HTTP to another machine: use https, or allow it with --allow-plain-http-endpoint"
    )]
    PlainHttp(Endpoint),
}

impl Endpoint {
    /// Whether requests to it leave this machine without encryption. A name is this machine only when it is
    /// `localhost`: any other may resolve to anything.
    fn is_plain_and_remote(&self) -> bool {
        self.0.scheme_str() == Some("http") && !self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let host = self.0.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let uri: Uri = text.parse().map_err(|_| EndpointError::NotAnEndpoint)?;
        let usable = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.query().is_none();
        if usable { Ok(Self(uri)) } else { Err(EndpointError::NotAnEndpoint) }
    }
}

impl fmt::Display for Endpoint {
    /// As the SDK takes it: without the slash that an empty path would end with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

/// Refuses plain http to another machine, in the flag as in AWS's own variables, unless it is allowed.
///
/// A variable that is empty counts as not set. `variable` reads the environment.
pub(super) fn check(
    flag: Option<&Endpoint>,
    allow_plain_http: bool,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), EndpointError> {
    let check = |endpoint: &Endpoint| {
        if endpoint.is_plain_and_remote() && !allow_plain_http {
            return Err(EndpointError::PlainHttp(endpoint.clone()));
        }
        Ok(())
    };
    flag.map_or(Ok(()), check)?;
    for name in VARIABLES {
        let Some(text) = variable(name).filter(|text| !text.is_empty()) else {
            continue;
        };
        text.parse()
            .and_then(|endpoint| check(&endpoint))
            .map_err(|error| EndpointError::Variable(name, Box::new(error)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_set(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (text, fine) in [
            ("https://codeguru-profiler.eu-west-1.amazonaws.com", true),
            ("https://10.77.0.1:8443/base", true),
            ("http://127.0.0.1:8000", true),
            ("http://127.8.9.10", true),
            ("http://[::1]:8000", true),
            ("http://localhost:8000", true),
            ("http://LOCALHOST", true),
            ("HTTP://10.77.0.1", false),
            ("http://10.77.0.1:8000", false),
            ("http://0.0.0.0:8000", false),
            ("http://[::]:8000", false),
            ("http://[::ffff:10.0.0.1]", false),
            ("http://emulator", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://127.1", false),
            ("http://169.254.169.254/latest", false),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(check(Some(&endpoint), false, nothing_set).is_ok(), fine, "{text}");
            assert_eq!(check(Some(&endpoint), true, nothing_set), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_not_the_url_of_an_endpoint_is_refused_without_repeating_it() {
        for text in [
            "",
            "localhost:8000",
            "127.0.0.1",
            "/path",
            "ftp://host",
            "http://",
            "https://user:secret@host",
            "http://localhost@10.0.0.1",
            "https://host/?secret=1",
            "https://ho st",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error, EndpointError::NotAnEndpoint, "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn the_refusal_explains_what_to_do() {
        let endpoint: Endpoint = "http://emulator:8000".parse().unwrap();
        let error = check(Some(&endpoint), false, nothing_set).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the endpoint http://emulator:8000 uses plain HTTP to another machine: use https, or allow it with \
             --allow-plain-http-endpoint"
        );
    }

    #[test]
    fn the_variables_that_the_sdk_reads_are_under_the_same_rule() {
        for name in VARIABLES {
            let plain = |asked: &str| (asked == name).then(|| "http://10.0.0.1".to_owned());
            let error = check(None, false, plain).unwrap_err();
            assert!(matches!(error, EndpointError::Variable(found, _) if found == name));
            assert_eq!(check(None, true, plain), Ok(()));

            let broken = |asked: &str| (asked == name).then(|| "10.0.0.1".to_owned());
            assert!(check(None, true, broken).is_err());

            let empty = |asked: &str| (asked == name).then(String::new);
            assert_eq!(check(None, false, empty), Ok(()));
        }
    }

    #[test]
    fn an_endpoint_is_written_as_it_was_given() {
        for text in ["http://127.0.0.1:8000", "https://host/base"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }
}
