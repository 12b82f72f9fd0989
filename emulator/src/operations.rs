//! What each operation does with its validated input. The only bridge from the table to the state.

use std::sync::Mutex;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::errors::{ApiError, CONFLICT, INTERNAL_SERVER, RESOURCE_NOT_FOUND, SERVICE_QUOTA_EXCEEDED, VALIDATION};
use crate::identity::Caller;
use crate::model::Action;
use crate::moment::Moment;
use crate::settings::Settings;
use crate::state::{Description, NewGroup, ReadAt, Refusal, Region, Tags, group_named_by};
use crate::world::lock;

/// All that an operation depends on besides the state.
pub struct Context<'a> {
    pub caller: &'a Caller,
    pub settings: Settings,
    pub now: Moment,
}

/// What an operation answers when all is well.
#[derive(Debug)]
pub enum Output {
    Empty,
    Json(Vec<u8>),
    CallerIdentity { arn: String, user_id: String, account: String },
}

/// Runs the operation. The region is locked only while the state is read or changed, not while the answer is written.
pub fn run(
    action: Action,
    input: Map<String, Value>,
    region: &Mutex<Region>,
    context: &Context<'_>,
) -> Result<Output, ApiError> {
    match action {
        Action::CreateProfilingGroup => create(parse(input)?, region, context),
        Action::DescribeProfilingGroup => describe(&parse(input)?, region, context),
        Action::UpdateProfilingGroup => update(&parse(input)?, region, context),
        Action::DeleteProfilingGroup => delete(&parse(input)?, region, context),
        Action::ListProfilingGroups => list(&parse(input)?, region, context),
        Action::TagResource => tag(parse(input)?, region, context),
        Action::UntagResource => untag(&parse(input)?, region, context),
        Action::ListTagsForResource => tags(&parse(input)?, region, context),
        Action::GetCallerIdentity => Ok(caller_identity(context.caller)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    client_token: String,
    #[serde(flatten)]
    group: NewGroup,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    profiling_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
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
struct List {
    #[serde(default)]
    include_description: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    resource_arn: String,
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Untag {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource_arn: String,
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

fn create(create: Create, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let quota = context.settings.quota;
    let group = lock(region).create(&create.client_token, create.group, quota, context.now)?;
    json(&Description::full(&group))
}

fn describe(named: &Named, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let group = lock(region).describe(&named.profiling_group_name, context.read_at())?;
    json(&Description::full(&group))
}

fn update(update: &Update, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let group = lock(region).update(
        &update.profiling_group_name,
        update.agent_orchestration_config.profiling_enabled,
        context.settings.update_without_change_moves_updated_at,
        context.now,
    )?;
    json(&Description::full(&group))
}

fn delete(named: &Named, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    lock(region).delete(&named.profiling_group_name, context.now)?;
    Ok(Output::Empty)
}

fn list(list: &List, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let settings = &context.settings;
    let limit = list.max_results.unwrap_or(settings.page_size).min(settings.max_page_size);
    let page = lock(region).list(list.next_token.as_deref(), limit, context.read_at())?;

    let described = || page.groups.iter().map(|group| Description::thinned(group, settings.thin_list)).collect();
    let profiling_groups: Option<Vec<_>> = if list.include_description { described() } else { None };
    let profiling_group_names = match profiling_groups {
        Some(_) => Vec::new(),
        None => page.groups.iter().map(|group| group.name.as_str()).collect(),
    };
    json(&Listed { profiling_group_names, profiling_groups, next_token: page.next_token.as_deref() })
}

fn tag(tag: Tag, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    context.change_tags(region, &tag.resource_arn, |tags| tags.extend(tag.tags))
}

fn untag(untag: &Untag, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    context.change_tags(region, &untag.resource_arn, |tags| tags.retain(|key, _| !untag.tag_keys.contains(key)))
}

fn tags(resource: &Resource, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    #[derive(Serialize)]
    struct Tagged<'a> {
        tags: &'a Tags,
    }
    let name = context.group_named_by(&resource.resource_arn)?;
    let group = lock(region).truth(name).cloned();
    let group = group.ok_or_else(|| Refusal::NoSuchArn(resource.resource_arn.clone()))?;
    json(&Tagged { tags: &group.tags })
}

fn caller_identity(caller: &Caller) -> Output {
    Output::CallerIdentity {
        arn: format!("arn:aws:iam::{}:user/emulator", caller.account),
        user_id: caller.access_key.clone(),
        account: caller.account.clone(),
    }
}

impl Context<'_> {
    fn read_at(&self) -> ReadAt {
        ReadAt { now: self.now, lag: Duration::from_millis(self.settings.read_lag_ms) }
    }

    fn group_named_by<'a>(&self, arn: &'a str) -> Result<&'a str, Refusal> {
        group_named_by(arn, &self.caller.account, &self.caller.region)
    }

    fn change_tags(
        &self,
        region: &Mutex<Region>,
        arn: &str,
        change: impl FnOnce(&mut Tags),
    ) -> Result<Output, ApiError> {
        let name = self.group_named_by(arn)?;
        lock(region).change_tags(name, change, self.now).ok_or_else(|| Refusal::NoSuchArn(arn.to_owned()))?;
        Ok(Output::Empty)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let shape = match &refusal {
            Refusal::NameTaken(_) | Refusal::TokenUsed => &CONFLICT,
            Refusal::QuotaReached(_) => &SERVICE_QUOTA_EXCEEDED,
            Refusal::NoSuchGroup(_) | Refusal::NoSuchArn(_) => &RESOURCE_NOT_FOUND,
            Refusal::NotAnArn(_) | Refusal::UnknownPageToken => &VALIDATION,
        };
        shape.with(refusal.to_string())
    }
}

/// Can only fail when the table promises less than the operation needs.
fn parse<T: DeserializeOwned>(input: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(input)).map_err(|error| INTERNAL_SERVER.with(error.to_string()))
}

fn json(value: &impl Serialize) -> Result<Output, ApiError> {
    serde_json::to_vec(value).map(Output::Json).map_err(|error| INTERNAL_SERVER.with(error.to_string()))
}
