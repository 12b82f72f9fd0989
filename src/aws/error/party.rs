//! Who failed, and what was found there. Pure.

use std::{fmt, path::PathBuf};

/// Who failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Party {
    /// The service that was called.
    #[default]
    Service,
    /// Who should have given the credentials for the call.
    Credentials(Source),
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment, which holds an access key.
    Environment,
    /// The AWS profile, which holds an access key.
    Profile,
    /// STS of this region, for a role.
    Sts(String),
    /// The endpoint that gives a container its credentials, such as EKS Pod Identity's agent.
    ContainerEndpoint,
    /// The instance's metadata: the last resort, used when nothing else is configured.
    InstanceMetadata,
}

/// What was found, where the reason alone does not determine what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The certificate is not valid for this server now, or is signed by an authority that is not trusted.
    Certificate(CertificateProblem),
    /// The access key can't be sent.
    Key(KeyProblem),
    /// The file with the token, with which credentials are requested, can't be used.
    TokenFile(TokenFileProblem),
}

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateProblem {
    /// No trusted authority has signed it.
    UnknownAuthority,
    /// It is for another time, another name or another purpose.
    Invalid,
}

/// A part of an access key that can't be sent, because it holds what no access key does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {part} {} holds {holds}", origin(.source_of_it, *.part))]
pub struct KeyProblem {
    /// Which part.
    pub part: KeyPart,
    /// Where it comes from.
    pub source_of_it: Source,
    /// What it holds: a line break, for one.
    pub holds: &'static str,
}

/// The parts of an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// Its id.
    Id,
    /// Its secret.
    Secret,
    /// Its session token.
    SessionToken,
}

/// A file with a token that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token file {} {problem}", path.display())]
pub struct TokenFileProblem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "access key ID",
            Self::Secret => "secret access key",
            Self::SessionToken => "session token",
        })
    }
}

/// Where a part of a key comes from, to be read after the part.
fn origin(source: &Source, part: KeyPart) -> String {
    match source {
        Source::Environment => format!(
            "in the environment variable {}",
            match part {
                KeyPart::Id => "AWS_ACCESS_KEY_ID",
                KeyPart::Secret => "AWS_SECRET_ACCESS_KEY",
                KeyPart::SessionToken => "AWS_SESSION_TOKEN",
            }
        ),
        other => format!("from {other}"),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment"),
            Self::Profile => f.write_str("the AWS profile"),
            Self::Sts(region) => write!(f, "AWS STS in {region}"),
            Self::ContainerEndpoint => f.write_str("the container credential endpoint (EKS Pod Identity)"),
            Self::InstanceMetadata => f.write_str("the instance metadata"),
        }
    }
}
