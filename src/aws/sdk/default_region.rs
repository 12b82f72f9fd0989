//! The region of resources without one, from AWS's usual sources. Reads the environment, the profile and the
//! instance's metadata.

use std::{env, time::Duration};

use aws_config::{imds, meta::region::ProvideRegion, profile::ProfileFileRegionProvider};

use super::ConfigurationError;
use crate::aws::region::is_region;

/// The first source that names one, with shorter timeouts for the instance's metadata than the SDK's.
pub(super) async fn usual() -> Result<Option<String>, ConfigurationError> {
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = accept(variable, env::var(variable).ok().as_deref())? {
            return Ok(Some(region));
        }
    }
    let profile = ProfileFileRegionProvider::builder().build().region().await;
    if let Some(region) = accept("the AWS profile", profile.as_ref().map(AsRef::as_ref))? {
        return Ok(Some(region));
    }
    let metadata = imds::region::ImdsRegionProvider::builder().imds_client(impatient(imds::Client::builder())).build();
    accept("the instance metadata", metadata.region().await.as_ref().map(AsRef::as_ref))
}

/// A blank one counts as not set, and white space around it as a slip: Secrets and files like to end with a line break.
fn accept(origin: &'static str, found: Option<&str>) -> Result<Option<String>, ConfigurationError> {
    match found.map(str::trim) {
        None | Some("") => Ok(None),
        Some(region) if is_region(region) => Ok(Some(region.to_owned())),
        Some(_) => Err(ConfigurationError::Region(origin)),
    }
}

/// Pods usually can't reach the instance's metadata, where packets are dropped, not refused.
fn impatient(metadata: imds::client::Builder) -> imds::Client {
    let timeout = Duration::from_secs(1);
    metadata
        .max_attempts(1)
        .connect_timeout(timeout)
        .read_timeout(timeout)
        .operation_attempt_timeout(2 * timeout)
        .operation_timeout(2 * timeout)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_region_is_none_and_white_space_around_one_is_nothing() {
        for (found, region) in [
            (None, None),
            (Some(""), None),
            (Some(" \n"), None),
            (Some("eu-west-1"), Some("eu-west-1")),
            (Some("eu-west-1\n"), Some("eu-west-1")),
            (Some("\t eu-west-1 \r\n"), Some("eu-west-1")),
        ] {
            let accepted = accept("AWS_REGION", found).unwrap();
            assert_eq!(accepted.as_deref(), region, "{found:?}");
        }
        for found in ["Ireland", "eu-west-1a", "eu-west-1\neu-west-2", "${AWS_REGION}"] {
            let error = accept("AWS_REGION", Some(found)).unwrap_err().to_string();
            assert!(error.starts_with("AWS_REGION is not an AWS region; give its code"), "{error}");
            assert!(!error.contains(found), "{error}");
        }
    }

    #[tokio::test]
    async fn the_instances_metadata_is_not_waited_for_long() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let client = impatient(imds::Client::builder().endpoint(url).unwrap());
        let start = std::time::Instant::now();
        assert!(client.get("/latest/meta-data/placement/region").await.is_err());
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}
