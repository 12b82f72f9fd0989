//! The credentials of a ProfilerAccount's role, which the operator assumes with its own identity. Calls STS.

use std::{fmt, sync::Arc};

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::{
    error::SdkError,
    operation::assume_role::AssumeRoleError,
    types::{Credentials as Session, Tag},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::APP_NAME;
use crate::domain::account::Role;

/// How the SDK calls the source of such credentials.
const PROVIDER: &str = "ProfilerAccount";

/// Assumes one role. What becomes of it is cached, and renewed before it expires, by the call that needs it.
#[derive(Debug)]
pub(super) struct AssumedRole {
    role: Arc<Role>,
    region: String,
    sts: aws_sdk_sts::Client,
}

/// STS gives no session of the role of a ProfilerAccount.
#[derive(Debug)]
pub(super) struct NoSession {
    /// The ProfilerAccount.
    pub(super) account: Arc<str>,
    /// Of which region STS is.
    pub(super) region: String,
    error: Box<SdkError<AssumeRoleError, HttpResponse>>,
}

impl fmt::Display for NoSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no session of the role of ProfilerAccount {} from STS in {}", self.account, self.region)
    }
}

impl std::error::Error for NoSession {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

impl AssumedRole {
    /// `sts` has the operator's own credentials, and is the one of `region`.
    pub(super) fn new(role: Arc<Role>, region: &str, sts: aws_sdk_sts::Client) -> Self {
        Self { role, region: region.to_owned(), sts }
    }

    async fn session(&self) -> provider::Result {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags: Result<Vec<_>, _> = self.role.session_tags.iter().map(tag).collect();
        let tags = tags.map_err(CredentialsError::invalid_configuration)?;
        let request = self
            .sts
            .assume_role()
            .role_arn(&self.role.arn)
            .role_session_name(APP_NAME)
            .set_external_id(self.role.external_id.clone())
            .set_tags((!tags.is_empty()).then_some(tags));
        let answer = request.send().await.map_err(|error| {
            let (account, region) = (Arc::clone(&self.role.account), self.region.clone());
            CredentialsError::provider_error(NoSession { account, region, error: Box::new(error) })
        })?;
        let session =
            answer.credentials.ok_or_else(|| CredentialsError::unhandled("the response holds no credentials"))?;
        credentials(session)
    }
}

fn credentials(
    Session { access_key_id, secret_access_key, session_token, expiration, .. }: Session,
) -> provider::Result {
    let expires = expiration.try_into().map_err(CredentialsError::unhandled)?;
    Ok(Credentials::new(access_key_id, secret_access_key, Some(session_token), Some(expires), PROVIDER))
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.session())
    }
}
