//! What each operation does with its validated input. The only bridge from the table to the state.

mod agents;
mod groups;
mod notifications;
mod permissions;
mod profiles;
mod reports;
pub mod sts;
mod tags;

use std::sync::Mutex;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::errors::{ApiError, CONFLICT, INTERNAL_SERVER, RESOURCE_NOT_FOUND, SERVICE_QUOTA_EXCEEDED, VALIDATION};
use crate::identity::{Caller, Session, WebIdentity};
use crate::model::Action;
use crate::moment::{Moment, Stamp};
use crate::settings::Settings;
use crate::state::{ReadAt, Refusal, Region, group_named_by};
use crate::world::World;

/// All that an operation depends on besides the state.
pub struct Context<'a> {
    pub caller: &'a Caller,
    pub settings: Settings,
    pub now: Moment,
    pub world: &'a World,
}

/// What an operation answers when all is well.
#[derive(Debug)]
pub enum Output {
    Empty,
    Json(Vec<u8>),
    /// A body that is no JSON object of ours.
    Payload {
        content_type: &'static str,
        body: &'static [u8],
    },
    CallerIdentity {
        arn: String,
        user_id: String,
        account: String,
    },
    /// With what a web identity token claimed, if one was shown.
    Session {
        session: Session,
        web_identity: Option<WebIdentity>,
    },
}

/// Runs the operation. The region is locked only while the state is read or changed, not while the answer is written.
pub fn run(
    action: Action,
    input: Map<String, Value>,
    region: &Mutex<Region>,
    context: &Context<'_>,
) -> Result<Output, ApiError> {
    match action {
        Action::CreateProfilingGroup => groups::create(parse(input)?, region, context),
        Action::DescribeProfilingGroup => groups::describe(&parse(input)?, region, context),
        Action::UpdateProfilingGroup => groups::update(&parse(input)?, region, context),
        Action::DeleteProfilingGroup => groups::delete(&parse(input)?, region, context),
        Action::ListProfilingGroups => groups::list(&parse(input)?, region, context),
        Action::TagResource => tags::tag(parse(input)?, region, context),
        Action::UntagResource => tags::untag(&parse(input)?, region, context),
        Action::ListTagsForResource => tags::list(&parse(input)?, region, context),
        Action::GetPolicy => permissions::get(&parse(input)?, region, context),
        Action::PutPermission => permissions::put(parse(input)?, region, context),
        Action::RemovePermission => permissions::remove(&parse(input)?, region, context),
        Action::AddNotificationChannels => notifications::add(parse(input)?, region, context),
        Action::RemoveNotificationChannel => notifications::remove(&parse(input)?, region, context),
        Action::GetNotificationConfiguration => notifications::get(&parse(input)?, region),
        Action::ConfigureAgent => agents::configure(&parse(input)?, region, context),
        Action::PostAgentProfile => agents::post_profile(&parse(input)?, region, context),
        Action::GetProfile => profiles::get(&parse(input)?, region, context),
        Action::ListProfileTimes => profiles::times(&parse(input)?, region, context),
        Action::BatchGetFrameMetricData => profiles::frame_metrics(parse(input)?, region, context),
        Action::GetRecommendations => reports::recommendations(&parse(input)?, region),
        Action::ListFindingsReports => reports::of_group(&parse(input)?, region),
        Action::GetFindingsReportAccountSummary => reports::of_account(&parse(input)?),
        Action::SubmitFeedback => reports::feedback(&parse(input)?, region),
        Action::GetCallerIdentity => Ok(sts::caller_identity(context.caller)),
        Action::AssumeRole => sts::assume_role(&parse(input)?, context.caller, context.world, context.now.stamp),
        // Has no caller to be put into a context.
        Action::AssumeRoleWithWebIdentity => {
            sts::assume_role_with_web_identity(&parse(input)?, context.world, context.now.stamp)
        }
    }
}

/// The input of an operation that needs nothing but the group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    profiling_group_name: String,
}

impl Context<'_> {
    fn read_at(&self) -> ReadAt {
        ReadAt { now: self.now, lag: Duration::from_millis(self.settings.read_lag_ms) }
    }

    fn group_named_by<'a>(&self, arn: &'a str) -> Result<&'a str, Refusal> {
        group_named_by(arn, &self.caller.account, &self.caller.region)
    }

    /// Entries on a page, for what is requested.
    fn page_limit(&self, max_results: Option<usize>) -> usize {
        max_results.unwrap_or(self.settings.page_size).min(self.settings.max_page_size)
    }

    fn page_token_life(&self) -> Option<Duration> {
        let life = self.settings.page_token_life_ms;
        (life > 0).then(|| Duration::from_millis(life))
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let shape = match &refusal {
            Refusal::NameTaken(_)
            | Refusal::TokenUsed
            | Refusal::ChangedMeanwhile
            | Refusal::OtherRevision
            | Refusal::ChannelExists(_) => &CONFLICT,
            Refusal::QuotaReached(_) | Refusal::ChannelQuotaReached(_) => &SERVICE_QUOTA_EXCEEDED,
            Refusal::NoSuchGroup(_) | Refusal::NoSuchArn(_) | Refusal::NoPolicy | Refusal::NoSuchChannel(_) => {
                &RESOURCE_NOT_FOUND
            }
            Refusal::NotAnArn(_)
            | Refusal::UnknownPageToken
            | Refusal::NotAPrincipal(_)
            | Refusal::NotATopic(_)
            | Refusal::TagLimit(_)
            | Refusal::Disabled => &VALIDATION,
        };
        shape.with(refusal.to_string())
    }
}

/// A violation that the table has no word for.
fn invalid(at: &str, what: &str) -> ApiError {
    VALIDATION.with(format!("Value at '{at}' failed to satisfy constraint: {what}"))
}

/// The range of two times that are both given.
fn ordered(start: Stamp, end: Stamp) -> Result<(), ApiError> {
    if start < end { Ok(()) } else { Err(invalid("startTime", "Member must be before endTime")) }
}

/// Can only fail when the table promises less than the operation needs.
fn parse<T: DeserializeOwned>(input: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(input)).map_err(|error| INTERNAL_SERVER.with(error.to_string()))
}

fn json(value: &impl Serialize) -> Result<Output, ApiError> {
    serde_json::to_vec(value).map(Output::Json).map_err(|error| INTERNAL_SERVER.with(error.to_string()))
}
