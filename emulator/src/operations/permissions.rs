//! The resource-based policy of a group.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::{Context, Named, Output};
use crate::errors::ApiError;
use crate::settings::MissingPolicy;
use crate::state::{self, Policy, Refusal, Region};
use crate::world::lock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    profiling_group_name: String,
    principals: Vec<String>,
    revision_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    profiling_group_name: String,
    revision_id: String,
}

pub(super) fn get(named: &Named, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let group = lock(region).existing(&named.profiling_group_name)?.clone();
    match (&group.policy, context.settings.missing_policy) {
        (Some(policy), _) => shown(policy, &group.arn),
        (None, MissingPolicy::Empty) => super::json(&json!({})),
        (None, MissingPolicy::NotFound) => Err(Refusal::NoPolicy.into()),
    }
}

pub(super) fn put(put: Put, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let Put { profiling_group_name, principals, revision_id } = put;
    let merges = context.settings.put_permission_merges;
    let put = state::Put { principals, on_top_of: revision_id.as_deref(), merges };
    let revision = context.world.ids.uuid();
    let group = lock(region).put_permission(&profiling_group_name, put, revision, context.now)?;
    match &group.policy {
        Some(policy) => shown(policy, &group.arn),
        None => Err(Refusal::NoPolicy.into()),
    }
}

pub(super) fn remove(remove: &Remove, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let Remove { profiling_group_name, revision_id } = remove;
    let revision = context.world.ids.uuid();
    let (group, left) = lock(region).remove_permission(profiling_group_name, revision_id, revision, context.now)?;
    shown(&left, &group.arn)
}

fn shown(policy: &Policy, arn: &str) -> Result<Output, ApiError> {
    super::json(&json!({"policy": policy.document(arn), "revisionId": policy.revision}))
}
