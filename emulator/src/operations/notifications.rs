//! Where a group's anomalies are reported to.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::{Context, Named, Output};
use crate::errors::ApiError;
use crate::state::{Channel, Group, Region};
use crate::world::lock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    profiling_group_name: String,
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    profiling_group_name: String,
    channel_id: String,
}

pub(super) fn add(add: Add, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let new_id = || context.world.ids.uuid();
    shown(&*lock(region).add_channels(&add.profiling_group_name, add.channels, new_id, context.now)?)
}

pub(super) fn remove(remove: &Remove, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    shown(&*lock(region).remove_channel(&remove.profiling_group_name, &remove.channel_id, context.now)?)
}

pub(super) fn get(named: &Named, region: &Mutex<Region>) -> Result<Output, ApiError> {
    shown(lock(region).existing(&named.profiling_group_name)?)
}

/// Without channels the list is left out: the model has it hold at least one.
fn shown(group: &Group) -> Result<Output, ApiError> {
    let configuration = if group.channels.is_empty() { json!({}) } else { json!({"channels": group.channels}) };
    super::json(&json!({"notificationConfiguration": configuration}))
}
