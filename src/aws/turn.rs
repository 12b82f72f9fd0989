//! Permission for one AWS call of a lane. Calls AWS.

use std::sync::Arc;

use super::{
    error::{AwsError, Effect},
    lane::{GroupGuard, Lane},
    limiter::{Outcome, Pass},
    service::Page,
};
use crate::{
    domain::{failure::Failure, observation::Observation},
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

    /// One Update of the guarded group. Returns the failure with whether AWS may have carried it out.
    pub async fn update(self, guard: GroupGuard, permit: Permit, to: bool) -> Result<Observation, (Failure, Effect)> {
        let lane = Arc::clone(&self.lane);
        let call = lane.service().update(guard.name(), to);
        lane.update(&guard, permit, self.make(call)).await
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
