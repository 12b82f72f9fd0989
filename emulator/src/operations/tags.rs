//! Tags, by the ARN of their group.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::{Context, Output};
use crate::errors::ApiError;
use crate::state::{Refusal, Region, TagRules, Tags};
use crate::world::lock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tag {
    resource_arn: String,
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Untag {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    resource_arn: String,
}

pub(super) fn tag(tag: Tag, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    change(&tag.resource_arn, region, context, |tags| tags.extend(tag.tags))
}

pub(super) fn untag(untag: &Untag, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    change(&untag.resource_arn, region, context, |tags| tags.retain(|key, _| !untag.tag_keys.contains(key)))
}

pub(super) fn list(resource: &Resource, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let name = context.group_named_by(&resource.resource_arn)?;
    let group = lock(region).existing(name).cloned().map_err(|refusal| of_arn(refusal, &resource.resource_arn))?;
    super::json(&json!({"tags": group.tags}))
}

fn change(
    arn: &str,
    region: &Mutex<Region>,
    context: &Context<'_>,
    change: impl FnOnce(&mut Tags),
) -> Result<Output, ApiError> {
    let name = context.group_named_by(arn)?;
    let rules = TagRules { limits: context.settings.tag_limits, touch: context.settings.tags_move_updated_at };
    let changed = lock(region).change_tags(name, rules, change, context.now);
    changed.map_err(|refusal| of_arn(refusal, arn))?;
    Ok(Output::Empty)
}

/// A request by ARN is answered by ARN.
fn of_arn(refusal: Refusal, arn: &str) -> Refusal {
    match refusal {
        Refusal::NoSuchGroup(_) => Refusal::NoSuchArn(arn.to_owned()),
        other => other,
    }
}
