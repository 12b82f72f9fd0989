//! The calls that the operator makes to Amazon CodeGuru Profiler, in its own types. No I/O here.

use std::collections::BTreeSet;

use futures::future::BoxFuture;

use super::error::AwsError;
use crate::domain::{
    facet::{NewGroup, Tags},
    observation::Observation,
};

/// One page of `ListProfilingGroups` with `includeDescription`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The groups; a bare name (AWS answered names only) is an observation of nothing else.
    pub groups: Vec<Observation>,
    /// Where the next page starts.
    pub next_token: Option<String>,
}

/// The calls that the operator makes, each for one identity and region, each bounded in time. None is retried here.
pub trait ProfilerService: Send + Sync {
    /// `ListProfilingGroups` with `includeDescription=true`, the largest page.
    fn list_page(&self, next_token: Option<String>) -> BoxFuture<'_, Result<Page, AwsError>>;

    /// `DescribeProfilingGroup`.
    fn describe(&self, name: &str) -> BoxFuture<'_, Result<Observation, AwsError>>;

    /// `CreateProfilingGroup`; returns the group. One call with the token of an earlier one creates nothing.
    fn create<'a>(&'a self, name: &'a str, group: &'a NewGroup) -> BoxFuture<'a, Result<Observation, AwsError>>;

    /// `DeleteProfilingGroup`.
    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), AwsError>>;

    /// `UpdateProfilingGroup`; answers the group as it is afterwards, with the switch known.
    fn update(&self, name: &str, profiling_enabled: bool) -> BoxFuture<'_, Result<Observation, AwsError>>;

    /// `ListTagsForResource` of the group `name`, whose ARN is `arn`.
    fn list_tags<'a>(&'a self, name: &'a str, arn: &'a str) -> BoxFuture<'a, Result<Tags, AwsError>>;

    /// `TagResource`: sets these tags, and leaves all others alone.
    fn tag<'a>(&'a self, name: &'a str, arn: &'a str, tags: &'a Tags) -> BoxFuture<'a, Result<(), AwsError>>;

    /// `UntagResource`: removes the tags with these keys.
    fn untag<'a>(
        &'a self,
        name: &'a str,
        arn: &'a str,
        keys: &'a BTreeSet<String>,
    ) -> BoxFuture<'a, Result<(), AwsError>>;

    /// STS `GetCallerIdentity`: the account id.
    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>>;
}
