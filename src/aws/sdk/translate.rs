//! AWS's descriptions in our own types. Pure.

use std::collections::HashSet;

use aws_sdk_codeguruprofiler::{
    operation::list_profiling_groups::ListProfilingGroupsOutput,
    types::{AggregatedProfileTime, ProfilingGroupDescription, ProfilingStatus as SdkStatus},
};
use aws_smithy_types::DateTime;
use tracing::debug;

use super::response_probe::ResponseProbe;
use crate::{
    api::{AggregatedProfile, ProfilingStatus, Timestamp},
    aws::{error::BoxError, service::Page},
    domain::observation::Observation,
};

/// A page of groups, described or only named.
pub(super) fn page(output: ListProfilingGroupsOutput, probe: &ResponseProbe) -> Result<Page, BoxError> {
    if !probe.has_list() {
        return Err("the response holds no list".into());
    }
    let next_token = output.next_token.filter(|token| !token.is_empty());
    let described = output.profiling_groups.unwrap_or_default();
    let sent = described.len() + output.profiling_group_names.len();
    let switches = probe.switches().chain(std::iter::repeat(None));
    let mut groups: Vec<_> = described.into_iter().zip(switches).filter_map(|(group, on)| observe(group, on)).collect();
    let known: HashSet<_> = groups.iter().map(|group| &*group.name).collect();
    let is_new = |name: &String| !name.is_empty() && !known.contains(&**name);
    let named: Vec<_> = output.profiling_group_names.into_iter().filter(is_new).collect();
    groups.extend(named.into_iter().map(|name| Observation { name, ..Observation::default() }));
    debug!(groups = groups.len(), nameless_or_repeated = sent - groups.len(), "listed");
    Ok(Page { groups, next_token })
}

/// The group that was requested.
pub(super) fn group(
    description: Option<ProfilingGroupDescription>,
    name: &str,
    probe: &ResponseProbe,
) -> Result<Observation, BoxError> {
    let mut description = description.unwrap_or_else(|| ProfilingGroupDescription::builder().build());
    match description.name.get_or_insert_with(|| name.to_owned()) {
        returned if returned == name => {
            observe(description, probe.switch()).ok_or_else(|| "the response holds no group".into())
        }
        returned => Err(format!("requested {name}, AWS returned {returned:.255}").into()),
    }
}

/// Nothing if it has no name. The switch comes from outside: the SDK's value can't be trusted when AWS sent none.
fn observe(description: ProfilingGroupDescription, switch: Option<bool>) -> Option<Observation> {
    let ProfilingGroupDescription {
        name, arn, created_at, updated_at, profiling_status, compute_platform, tags, ..
    } = description;
    Some(Observation {
        name: name.filter(|name| !name.is_empty())?,
        arn,
        compute_platform: compute_platform.map(|platform| platform.as_str().to_owned()),
        created_at: created_at.map(timestamp),
        updated_at: updated_at.map(timestamp),
        profiling_enabled: switch,
        profiling_status: profiling_status.map(status),
        tags: tags.map(|tags| tags.into_iter().collect()),
    })
}

fn status(status: SdkStatus) -> ProfilingStatus {
    ProfilingStatus {
        latest_agent_orchestrated_at: status.latest_agent_orchestrated_at.map(timestamp),
        latest_agent_profile_reported_at: status.latest_agent_profile_reported_at.map(timestamp),
        latest_aggregated_profile: status.latest_aggregated_profile.map(
            |AggregatedProfileTime { start, period, .. }| AggregatedProfile {
                start: start.map(timestamp),
                period: period.map(|period| period.as_str().to_owned()),
            },
        ),
    }
}

fn timestamp(time: DateTime) -> Timestamp {
    Timestamp::from_millis(time.as_nanos().div_euclid(1_000_000))
}
