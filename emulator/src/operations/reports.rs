//! Recommendations, findings reports and feedback. Nothing is ever recommended or found: the answers are valid, but empty.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::{Named, Output, invalid, ordered};
use crate::errors::ApiError;
use crate::moment::Stamp;
use crate::state::{Refusal, Region};
use crate::world::lock;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recommendations {
    profiling_group_name: String,
    start_time: Stamp,
    end_time: Stamp,
    locale: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfGroup {
    profiling_group_name: String,
    start_time: Stamp,
    end_time: Stamp,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfAccount {
    next_token: Option<String>,
}

/// As documented.
const LOCALES: [&str; 11] =
    ["de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "it-IT", "ja-JP", "ko-KR", "pt-BR", "zh-CN", "zh-TW"];

pub(super) fn recommendations(asked: &Recommendations, region: &Mutex<Region>) -> Result<Output, ApiError> {
    ordered(asked.start_time, asked.end_time)?;
    if asked.locale.as_deref().is_some_and(|locale| !LOCALES.contains(&locale)) {
        return Err(invalid("locale", &format!("Member must be one of [{}]", LOCALES.join(", "))));
    }
    lock(region).existing(&asked.profiling_group_name)?;
    super::json(&json!({
        "profilingGroupName": asked.profiling_group_name,
        "profileStartTime": asked.start_time,
        "profileEndTime": asked.end_time,
        "recommendations": [],
        "anomalies": [],
    }))
}

pub(super) fn of_group(asked: &OfGroup, region: &Mutex<Region>) -> Result<Output, ApiError> {
    ordered(asked.start_time, asked.end_time)?;
    lock(region).existing(&asked.profiling_group_name)?;
    none_given(asked.next_token.as_deref())?;
    super::json(&json!({"findingsReportSummaries": []}))
}

pub(super) fn of_account(asked: &OfAccount) -> Result<Output, ApiError> {
    none_given(asked.next_token.as_deref())?;
    super::json(&json!({"reportSummaries": []}))
}

/// Taken for any anomaly of a group: since none is known, none can be known to be missing.
pub(super) fn feedback(named: &Named, region: &Mutex<Region>) -> Result<Output, ApiError> {
    lock(region).existing(&named.profiling_group_name)?;
    Ok(Output::Empty)
}

/// There is one page only, so no token was ever given.
fn none_given(token: Option<&str>) -> Result<(), Refusal> {
    token.map_or(Ok(()), |_| Err(Refusal::UnknownPageToken))
}
