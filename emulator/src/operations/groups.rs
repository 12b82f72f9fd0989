//! The groups themselves.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Context, Named, Output, json};
use crate::errors::ApiError;
use crate::state::{CreateRules, Description, NewGroup, Region, UpdateRules};
use crate::world::lock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    client_token: String,
    #[serde(flatten)]
    group: NewGroup,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    profiling_group_name: String,
    agent_orchestration_config: Orchestration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Orchestration {
    profiling_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    #[serde(default)]
    include_description: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    profiling_group_names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profiling_groups: Option<Vec<Description<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

pub(super) fn create(create: Create, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let settings = &context.settings;
    let rules = CreateRules {
        quota: settings.quota,
        same_token: settings.same_token_create,
        tag_limits: settings.tag_limits,
        enabled: settings.create_without_config_enables,
    };
    let group = lock(region).create(&create.client_token, create.group, rules, context.now)?;
    json(&Description::full(&group))
}

pub(super) fn describe(named: &Named, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let group = lock(region).describe(&named.profiling_group_name, context.read_at())?;
    json(&Description::full(&group))
}

pub(super) fn update(update: &Update, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let rules = UpdateRules {
        always_touch: context.settings.update_without_change_moves_updated_at,
        conflict_within: Duration::from_millis(context.settings.update_conflict_ms),
    };
    let enabled = update.agent_orchestration_config.profiling_enabled;
    let group = lock(region).update(&update.profiling_group_name, enabled, rules, context.now)?;
    json(&Description::full(&group))
}

pub(super) fn delete(named: &Named, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    lock(region).delete(&named.profiling_group_name, context.settings.token_outlives_group, context.now)?;
    Ok(Output::Empty)
}

pub(super) fn list(list: &List, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let limit = context.page_limit(list.max_results);
    let life = context.page_token_life();
    let page = lock(region).list(list.next_token.as_deref(), limit, life, context.read_at())?;

    let thin = context.settings.thin_list;
    let described = || page.groups.iter().map(|group| Description::thinned(group, thin)).collect();
    let profiling_groups: Option<Vec<_>> = if list.include_description { described() } else { None };
    let profiling_group_names = match profiling_groups {
        Some(_) => Vec::new(),
        None => page.groups.iter().map(|group| group.name.as_str()).collect(),
    };
    json(&Listed { profiling_group_names, profiling_groups, next_token: page.next_token.as_deref() })
}
