//! Watches one call inside the SDK: was it sent, what status came back, and what the SDK's own types hide. Bounds the
//! response's size.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU16, Ordering::Relaxed},
};

use aws_sdk_codeguruprofiler::config::{
    ConfigBag, Intercept, RuntimeComponents,
    interceptors::{
        AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
        BeforeTransmitInterceptorContextRef,
    },
};
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use serde::{Deserialize, de::IgnoredAny};

use crate::aws::error::{BoxError, ResponseDetails};

/// No response is read further. A page of a thousand groups, each with fifty tags of the greatest length, has 20 MB.
pub(super) const MAX_BODY: usize = 32 * 1024 * 1024;

/// What is seen of one call; its clones see the same call.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseProbe(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    sent: AtomicBool,
    http_status: AtomicU16,
    members: OnceLock<Members>,
}

/// The members whose absence the SDK makes up for: an absent list becomes an empty one, and an absent switch **off**.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    profiling_group_names: Option<IgnoredAny>,
    profiling_groups: Option<Vec<Group>>,
    agent_orchestration_config: Option<Orchestration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    agent_orchestration_config: Option<Orchestration>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Orchestration {
    profiling_enabled: Option<bool>,
}

impl ResponseProbe {
    /// Whether the request may have left the process.
    pub(super) fn was_sent(&self) -> bool {
        self.0.sent.load(Relaxed)
    }

    /// The HTTP status; `None` when nothing came back.
    pub(super) fn http_status(&self) -> Option<u16> {
        Some(self.0.http_status.load(Relaxed)).filter(|status| *status != 0)
    }

    /// The details of a successful response, as errors report them.
    pub(super) fn details(&self, request_id: Option<&str>) -> ResponseDetails {
        ResponseDetails {
            http_status: self.http_status().unwrap_or_default(),
            request_id: request_id.map(str::to_owned),
            ..ResponseDetails::default()
        }
    }

    /// The switch of the one group that was returned; `None` when AWS did not report it.
    pub(super) fn switch(&self) -> Option<bool> {
        self.0.members.get()?.agent_orchestration_config?.profiling_enabled
    }

    /// The switches of the groups listed, in their order.
    pub(super) fn switches(&self) -> impl Iterator<Item = Option<bool>> {
        let groups = self.0.members.get().and_then(|members| members.profiling_groups.as_deref()).unwrap_or_default();
        groups.iter().map(|group| group.agent_orchestration_config?.profiling_enabled)
    }

    /// Whether there was a list at all, be it an empty one.
    pub(super) fn has_list(&self) -> bool {
        let has = |members: &Members| members.profiling_group_names.is_some() || members.profiling_groups.is_some();
        self.0.members.get().is_some_and(has)
    }
}

impl Intercept for ResponseProbe {
    fn name(&self) -> &'static str {
        "ResponseProbe"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.sent.store(true, Relaxed);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        self.0.http_status.store(response.status().as_u16(), Relaxed);
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, MAX_BODY));
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        // What can't be read here is ignored: no list, no switch.
        let members = serde_json::from_slice(body).unwrap_or_default();
        self.0.members.get_or_init(|| members);
        Ok(())
    }
}
