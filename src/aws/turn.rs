//! Permission for one AWS call of a lane. Calls AWS.

use std::sync::Arc;

use futures::TryFutureExt;

use super::{
    error::{AwsError, Effect},
    inventory::{Detail, Ended},
    lane::{GroupGuard, Lane},
    limiter::{Outcome, Pass},
    service::Page,
};
use crate::{
    domain::{
        facet::Step,
        failure::{Failure, FailureReason},
        permissions::Policy,
    },
    process::permit::Permit,
};

/// One call that the limiter of a lane has let through. One that is not made is there for another one.
pub struct Turn {
    lane: Arc<Lane>,
    pass: Pass,
    outcome: Outcome,
}

impl Turn {
    pub(super) fn new(lane: Arc<Lane>, pass: Pass) -> Self {
        Self { lane, pass, outcome: Outcome::Unknown }
    }

    /// The lane that it belongs to.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// One page of the List.
    pub(super) async fn list_page(self, token: Option<String>) -> Result<Page, AwsError> {
        let lane = Arc::clone(&self.lane);
        self.make(lane.service().list_page(token)).await
    }

    /// The account, from STS: what becomes of this call means nothing for the others.
    pub(super) async fn account(mut self) -> Result<String, AwsError> {
        self.lane.sent(&mut self.pass);
        self.lane.service().account().await
    }

    /// One Describe of the group `name`.
    pub async fn describe(self, name: &str) -> Result<(), Failure> {
        let lane = Arc::clone(&self.lane);
        lane.describe(name, self.make(lane.service().describe(name))).await
    }

    /// The tags of the group `name`, whose ARN is `arn`.
    pub async fn list_tags(self, name: &str, arn: &str) -> Result<(), Failure> {
        let lane = Arc::clone(&self.lane);
        let call = self.make(lane.service().list_tags(name, arn));
        lane.read(call, |state, tags, began| state.tags_read(name, tags, began)).await
    }

    /// The policy of the group `name`.
    pub async fn policy(self, name: &str) -> Result<(), Failure> {
        let lane = Arc::clone(&self.lane);
        let call = async {
            match self.make(lane.service().policy(name)).await {
                // The model has no other answer where there is no policy. That there is no group is for Lists to show.
                Err(error) if error.reason == FailureReason::GroupNotFound => Ok(Detail::Policy(Policy::default())),
                answer => answer.map(Detail::Policy),
            }
        };
        lane.read(call, |state, policy, began| state.detail_read(name, policy, began)).await
    }

    /// The notification channels of the group `name`.
    pub async fn channels(self, name: &str) -> Result<(), Failure> {
        let lane = Arc::clone(&self.lane);
        let call = self.make(lane.service().channels(name)).map_ok(Detail::Channels);
        lane.read(call, |state, channels, began| state.detail_read(name, channels, began)).await
    }

    /// One change of the guarded group, whose ARN is `arn`. Returns the failure with whether AWS may have carried it out.
    pub async fn write(
        self,
        guard: GroupGuard,
        permit: Permit,
        step: &Step,
        arn: &str,
    ) -> Result<(), (Failure, Effect)> {
        let lane = Arc::clone(&self.lane);
        let (service, name) = (lane.service(), guard.name());
        let call = self.make(async {
            match step {
                Step::Create(group) => service.create(name, group).await.map(Ended::Answered),
                Step::Delete => service.delete(name).await.map(|()| Ended::Deleted),
                Step::Switch(to) => service.update(name, *to).await.map(Ended::Answered),
                Step::Mark(tags) | Step::Tag(tags) => {
                    service.tag(name, arn, tags).await.map(|()| Ended::Done(step.clone()))
                }
                Step::Unmark(keys) | Step::Untag(keys) => {
                    service.untag(name, arn, keys).await.map(|()| Ended::Done(step.clone()))
                }
                Step::PutPermission { principals, revision } => {
                    let policy = service.put_permission(name, principals, revision.as_deref()).await?;
                    Ok(Ended::Detail(Detail::Put(principals.clone(), policy)))
                }
                Step::RemovePermission { revision } => {
                    let policy = service.remove_permission(name, revision).await?;
                    Ok(Ended::Detail(Detail::Policy(policy)))
                }
                Step::AddChannels(topics) => {
                    let channels = service.add_channels(name, topics).await?;
                    Ok(Ended::Detail(Detail::Channels(channels)))
                }
                Step::RemoveChannel { id, .. } => {
                    let channels = service.remove_channel(name, id).await?;
                    Ok(Ended::Detail(Detail::Channels(channels)))
                }
            }
        });
        lane.write(&guard, permit, step.facet(), call).await
    }

    async fn make<T>(mut self, call: impl Future<Output = Result<T, AwsError>>) -> Result<T, AwsError> {
        self.lane.sent(&mut self.pass);
        let answer = call.await;
        self.outcome = Outcome::of(&answer);
        answer
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lane.over(&self.pass, &self.outcome);
    }
}
