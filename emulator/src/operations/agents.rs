//! What agents call.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::{Context, Named, Output};
use crate::errors::ApiError;
use crate::settings::Settings;
use crate::state::Region;
use crate::world::lock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Post {
    profiling_group_name: String,
    profile_token: Option<String>,
}

pub(super) fn configure(named: &Named, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let should_profile = lock(region).orchestrate(&named.profiling_group_name, context.now)?;
    let Settings {
        agent_period_seconds,
        agent_sampling_interval_ms,
        agent_minimum_reporting_ms,
        agent_max_stack_depth,
        agent_memory_limit_percent,
        ..
    } = context.settings;
    super::json(&json!({
        "shouldProfile": should_profile,
        "periodInSeconds": agent_period_seconds,
        "agentParameters": {
            "SamplingIntervalInMilliseconds": agent_sampling_interval_ms.to_string(),
            "MinimumTimeForReportingInMilliseconds": agent_minimum_reporting_ms.to_string(),
            "MaxStackDepth": agent_max_stack_depth.to_string(),
            "MemoryUsageLimitPercent": agent_memory_limit_percent.to_string(),
        },
    }))
}

/// What is in the profile is not looked at.
pub(super) fn post_profile(post: &Post, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let Post { profiling_group_name, profile_token } = post;
    let disabled_takes_profiles = context.settings.disabled_group_takes_profiles;
    lock(region).report(profiling_group_name, profile_token.as_deref(), disabled_takes_profiles, context.now)?;
    Ok(Output::Empty)
}
