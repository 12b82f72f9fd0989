//! The calls that the operator makes to Amazon CodeGuru Profiler, in its own types. No I/O here.

use std::collections::BTreeSet;

use futures::future::BoxFuture;

use super::error::AwsError;
use crate::domain::{
    arns::Arns,
    facet::{NewGroup, Tags},
    notifications::Channels,
    observation::Observation,
    permissions::Policy,
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

    /// `GetPolicy`; a policy without a revision where there is none, or `GroupNotFound`.
    fn policy<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>>;

    /// `PutPermission` of agents, based on a revision of the policy; returns the policy.
    fn put_permission<'a>(
        &'a self,
        name: &'a str,
        principals: &'a Arns,
        revision: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Policy, AwsError>>;

    /// `RemovePermission` of agents, based on a revision of the policy; returns the policy.
    fn remove_permission<'a>(&'a self, name: &'a str, revision: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>>;

    /// `GetNotificationConfiguration`.
    fn channels<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>>;

    /// `AddNotificationChannels` for anomalies with these topics; returns all channels.
    fn add_channels<'a>(&'a self, name: &'a str, topics: &'a Arns) -> BoxFuture<'a, Result<Channels, AwsError>>;

    /// `RemoveNotificationChannel` with this id; returns the channels that are left.
    fn remove_channel<'a>(&'a self, name: &'a str, id: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>>;

    /// STS `GetCallerIdentity`: the account id.
    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>>;
}
