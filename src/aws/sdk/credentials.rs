//! The SDK's usual sources of credentials: which one is in effect, and what is checked before and after it is used.
//! Reads the environment, the profile and the token file.

use std::{
    env,
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_config::profile;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::{failure, keys};
use crate::{
    aws::error::party::{KeyPart, KeyProblem, Source, TokenFileProblem},
    domain::failure::FailureReason,
};

/// The SDK repeats what the container's endpoint answers with 500, but not with 429.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// How long a failure answers the calls that waited for it: each would request credentials again, one after the other,
/// until the last ones time out. Shorter than any pause before the next attempt.
const ECHO: Duration = Duration::from_millis(250);

/// The source in effect, as the environment and the profile configure it. It stays the same while the process lives:
/// the SDK tries the next source only if one is not configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Configured {
    pub(super) source: Source,
    token_file: Option<PathBuf>,
    sts_region: String,
}

impl Configured {
    /// STS, as the sources find it.
    pub(super) fn sts(&self) -> Source {
        Source::Sts(self.sts_region.clone())
    }

    /// A role that is assumed at STS of `region`.
    pub(super) fn role(region: &str) -> Self {
        Self { source: Source::Sts(region.to_owned()), token_file: None, sts_region: region.to_owned() }
    }

    /// In the SDK's order. `region` is where it finds STS.
    pub(super) fn from(
        region: &str,
        variable: impl Fn(&str) -> Option<String>,
        profile: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let has = |name| variable(name).is_some_and(|text| !text.trim().is_empty());
        let sts = || Source::Sts(region.to_owned());
        let has_secret = has("AWS_SECRET_ACCESS_KEY") || has("SECRET_ACCESS_KEY");
        let (source, token_file) = if has("AWS_ACCESS_KEY_ID") && has_secret {
            (Source::Environment, None)
        } else if profile("role_arn").is_some() {
            (sts(), profile("web_identity_token_file"))
        } else if profile("aws_access_key_id").is_some() {
            (Source::Profile, None)
        } else if let (Some(file), Some(_)) = (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")) {
            (sts(), Some(file))
        } else if variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
            || variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some()
        {
            (Source::ContainerEndpoint, variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
        } else {
            (Source::InstanceMetadata, None)
        };
        Self { source, token_file: token_file.map(Into::into), sts_region: region.to_owned() }
    }

    /// From this process's environment and the profile it selects; refuses an access key there that can't be sent.
    pub(super) async fn load(region: &str) -> Result<Self, KeyProblem> {
        let variable = |name: &str| env::var(name).ok();
        let profile = selected_profile().await;
        let profile = |name: &str| profile.as_ref()?.get(name).map(str::to_owned);
        let configured = Self::from(region, variable, profile);
        configured.check_key(variable, profile)?;
        Ok(configured)
    }

    /// Checks an access key that is written down, which the SDK takes as it is but for the session token's ends.
    fn check_key(
        &self,
        variable: impl Fn(&str) -> Option<String>,
        profile: impl Fn(&str) -> Option<String>,
    ) -> Result<(), KeyProblem> {
        let [id, secret, token] = match self.source {
            Source::Environment => ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(variable),
            Source::Profile => ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"].map(profile),
            Source::Sts(_) | Source::ContainerEndpoint | Source::InstanceMetadata => return Ok(()),
        };
        let token = token.map(|token| token.trim().to_owned());
        for (part, text) in [(KeyPart::Id, id), (KeyPart::Secret, secret), (KeyPart::SessionToken, token)] {
            keys::check_part(part, &text.unwrap_or_default(), &self.source)?;
        }
        Ok(())
    }
}

/// What can't be read is ignored: the SDK reads it again, and reports it.
#[expect(clippy::default_trait_access, reason = "these types are the SDK's own and have no name to import")]
async fn selected_profile() -> Option<profile::ProfileSet> {
    profile::load(&Default::default(), &Default::default(), &Default::default(), None).await.ok()
}

/// Requests credentials from the configured source, and returns only what can be signed with.
#[derive(Debug)]
pub(super) struct Checked {
    configured: Configured,
    provider: SharedCredentialsProvider,
    failed: Mutex<Option<(Instant, Echo)>>,
}

/// A failure that several calls get.
#[derive(Clone, Debug)]
struct Echo(Arc<CredentialsError>);

impl ProvideCredentials for Checked {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

impl Checked {
    pub(super) fn new(configured: Configured, provider: SharedCredentialsProvider) -> Self {
        Self { configured, provider, failed: Mutex::default() }
    }

    async fn credentials(&self) -> provider::Result {
        let failed = self.failed.lock().clone();
        if let Some((_, echo)) = failed.filter(|(at, _)| at.elapsed() < ECHO) {
            return Err(CredentialsError::provider_error(echo));
        }
        self.fetch().await.map_err(|error| {
            let echo = Echo(Arc::new(error));
            *self.failed.lock() = Some((Instant::now(), echo.clone()));
            CredentialsError::provider_error(echo)
        })
    }

    async fn fetch(&self) -> provider::Result {
        let Configured { source, token_file, .. } = &self.configured;
        if let Some(path) = token_file {
            readable(path, source).await.map_err(CredentialsError::invalid_configuration)?;
        }
        let credentials = self.fetched().await?;
        keys::check(&credentials, source).map_err(CredentialsError::invalid_configuration)?;
        Ok(credentials)
    }

    async fn fetched(&self) -> provider::Result {
        for pause in PAUSES {
            match self.provider.provide_credentials().await {
                Err(error) if failure::container_reason(&error) == Some(FailureReason::Throttled) => {
                    sleep(pause).await;
                }
                answer => return answer,
            }
        }
        self.provider.provide_credentials().await
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Echo {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// The SDK does not report which file it could not read, and sends an empty token.
async fn readable(path: &Path, source: &Source) -> Result<(), TokenFileProblem> {
    let problem = |problem| TokenFileProblem { path: path.to_owned(), problem };
    let token = tokio::fs::read_to_string(path).await.map_err(|error| {
        problem(match error.kind() {
            std::io::ErrorKind::NotFound => "does not exist",
            std::io::ErrorKind::PermissionDenied => "may not be read by the operator",
            _ => "can't be read",
        })
    })?;
    if token.trim().is_empty() {
        return Err(problem("is empty"));
    }
    // The endpoint is sent the token as a header, STS in the body.
    match (source, keys::foreign(&token)) {
        (Source::ContainerEndpoint, Some(_)) => Err(problem("holds what no token does, such as a line break")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |wanted| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, text)| (*text).to_owned())
    }

    #[test]
    fn the_source_in_effect_is_the_first_that_is_configured() {
        const IRSA: [(&str, &str); 2] = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/irsa"), ("AWS_ROLE_ARN", "arn")];
        const POD_IDENTITY: [(&str, &str); 2] = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/pod"),
        ];
        const KEY: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let sts = || Source::Sts("eu-west-1".into());
        for (variables, profile, source, token_file) in [
            (&[][..], &[][..], Source::InstanceMetadata, None),
            (&KEY, &[], Source::Environment, None),
            (&KEY[..1], &[], Source::InstanceMetadata, None),
            (&[("AWS_ACCESS_KEY_ID", " "), KEY[1]], &[], Source::InstanceMetadata, None),
            (&IRSA, &[], sts(), Some("/irsa")),
            (&IRSA[..1], &[], Source::InstanceMetadata, None),
            (&POD_IDENTITY, &[], Source::ContainerEndpoint, Some("/pod")),
            (&POD_IDENTITY[..1], &[], Source::ContainerEndpoint, None),
            (&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2")], &[], Source::ContainerEndpoint, None),
            (&[IRSA, POD_IDENTITY].concat(), &[], sts(), Some("/irsa")),
            (&[&KEY[..], &IRSA[..]].concat(), &[("role_arn", "arn")], Source::Environment, None),
            (&POD_IDENTITY, &[("role_arn", "arn"), ("source_profile", "base")], sts(), None),
            (&IRSA, &[("role_arn", "arn"), ("web_identity_token_file", "/profile")], sts(), Some("/profile")),
            (&IRSA, &[("aws_access_key_id", "AKIA")], Source::Profile, None),
            (&IRSA, &[("region", "eu-west-1")], sts(), Some("/irsa")),
        ] {
            let configured = Configured::from("eu-west-1", of(variables), of(profile));
            let token_file = token_file.map(PathBuf::from);
            assert_eq!((configured.source, configured.token_file), (source, token_file), "{variables:?} {profile:?}");
        }
    }

    #[test]
    fn a_key_that_is_written_down_is_checked_where_it_is_in_effect() {
        let variables = |id, secret, token| {
            vec![("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", token)]
        };
        let profile = |id, secret, token| {
            vec![("aws_access_key_id", id), ("aws_secret_access_key", secret), ("aws_session_token", token)]
        };
        for (variables, profile, expected) in [
            (
                variables("AKIA\n", "s", "t"),
                vec![],
                Some("ID in the environment variable AWS_ACCESS_KEY_ID holds a line"),
            ),
            (
                variables("AKIA", "s\r", "t"),
                vec![],
                Some("environment variable AWS_SECRET_ACCESS_KEY holds a line break"),
            ),
            (variables("AKIA", "s", "t\nt"), vec![], Some("environment variable AWS_SESSION_TOKEN holds a line break")),
            (variables("AKIA", "s", "t\n"), vec![], None),
            (variables("\n", "s", ""), vec![], None),
            (vec![], profile("AKIA\u{a0}", "s", "t"), Some("the access key ID from the AWS profile holds a character")),
            (vec![], profile("AKIA", "a b", "t"), Some("secret access key from the AWS profile holds white space")),
            (vec![], profile("AKIA", "s", "a\tb"), Some("session token from the AWS profile holds white space")),
            (variables("AKIA", "s", ""), profile("AK IA", "s", ""), None),
        ] {
            let configured = Configured::from("eu-west-1", of(&variables), of(&profile));
            let found = configured.check_key(of(&variables), of(&profile)).err().map(|problem| problem.to_string());
            assert_eq!(found.is_some(), expected.is_some(), "{variables:?} {profile:?}: {found:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{variables:?} {profile:?}");
        }
    }
}
