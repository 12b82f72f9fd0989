//! What the user requests now. Pure.

use super::{
    arns::Arns,
    facet::{Facet, Tags},
    glob::Glob,
};
use crate::api::{
    ComputePlatform, CreationPolicy, DeletionPolicy, DriftPolicy, Grant, ManagementPolicy, ProfilingGroupSpec,
};

/// The spec with its defaults filled in, and with the operator's own limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Desired {
    /// The group's name in AWS.
    pub name: String,
    /// The value that AWS should have.
    pub profiling_enabled: bool,
    /// False when AWS must never be written to.
    pub manages: bool,
    /// False when external changes in AWS are only reported.
    pub corrects_drift: bool,
    /// True when the resource is suspended.
    pub suspended: bool,
    /// True when the group is to be created where there is none.
    pub creates: bool,
    /// What happens in AWS when the resource is deleted.
    pub deletion: DeletionPolicy,
    /// The compute platform that the group is to have, if that matters.
    pub platform: Option<ComputePlatform>,
    /// The tags that the group should have beside those of others; `None` when they are not managed.
    pub tags: Option<Tags>,
    /// The principals that may act as agents; `None` when they are not managed.
    pub principals: Option<Arns>,
    /// The topics to which anomalies are reported; `None` when they are not managed.
    pub topics: Option<Arns>,
    /// What the resource needs although the platform team does not allow it.
    pub not_allowed: Option<NotAllowed>,
}

/// What the platform team allows the resources that use an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// What resources may do beside setting the switch.
    pub grants: Vec<Grant>,
    /// The principals that resources may permit to act as agents.
    pub principals: Vec<Glob>,
    /// The topics to which resources may have anomalies reported.
    pub topics: Vec<Glob>,
}

/// What a resource requests although the platform team does not allow it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NotAllowed {
    /// Something at all.
    Grant(Grant),
    /// This principal.
    Principal(String),
    /// This topic.
    Topic(String),
}

impl Desired {
    /// The operator's settings win over every resource: with `observe_only`, AWS is never written to.
    #[must_use]
    pub fn of(spec: &ProfilingGroupSpec, allowed: &Allowed, observe_only: bool) -> Self {
        let principals = spec.agent_permissions.as_ref().map(|it| it.principals.iter().cloned().collect());
        let topics = spec.anomaly_notifications.as_ref();
        let mut desired = Self {
            name: spec.profiling_group_name.clone(),
            profiling_enabled: spec.profiling_enabled,
            manages: !observe_only && spec.management_policy != Some(ManagementPolicy::Observe),
            corrects_drift: spec.drift_policy != Some(DriftPolicy::Report),
            suspended: spec.suspend == Some(true),
            tags: spec.tags.clone(),
            creates: spec.creation_policy == Some(CreationPolicy::IfMissing),
            deletion: spec.deletion_policy.unwrap_or_default(),
            platform: spec.compute_platform,
            principals,
            topics: topics.map(|topics| topics.iter().map(|it| it.topic_arn.clone()).collect()),
            not_allowed: None,
        };
        desired.not_allowed = allowed.refuse(&desired);
        desired
    }

    /// Whether this resource manages that part of its group.
    #[must_use]
    pub fn manages(&self, facet: Facet) -> bool {
        match facet {
            Facet::Existence => self.creates,
            Facet::Owner | Facet::Switch => true,
            Facet::Tags => self.tags.is_some(),
            Facet::Permissions => self.principals.is_some(),
            Facet::Notifications => self.topics.is_some(),
        }
    }

    /// What is requested once the resource is being deleted. `original` is the switch as it was found.
    #[must_use]
    pub fn at_deletion(self, original: Option<bool>, allowed: &Allowed) -> Self {
        let profiling_enabled = match self.deletion {
            DeletionPolicy::Retain | DeletionPolicy::Delete => self.profiling_enabled,
            DeletionPolicy::Disable => false,
            DeletionPolicy::Restore => original.unwrap_or(self.profiling_enabled),
        };
        let not_allowed =
            needed_by(self.deletion).filter(|grant| !allowed.grants.contains(grant)).map(NotAllowed::Grant);
        Self { profiling_enabled, not_allowed, ..self }
    }

    fn needs(&self, grant: Grant) -> bool {
        match grant {
            Grant::Create => self.creates,
            Grant::Delete | Grant::Restore => needed_by(self.deletion) == Some(grant),
            Grant::Tags => self.tags.is_some(),
            Grant::Permissions => self.principals.is_some(),
            Grant::Notifications => self.topics.is_some(),
        }
    }
}

fn needed_by(deletion: DeletionPolicy) -> Option<Grant> {
    match deletion {
        DeletionPolicy::Retain => None,
        DeletionPolicy::Restore | DeletionPolicy::Disable => Some(Grant::Restore),
        DeletionPolicy::Delete => Some(Grant::Delete),
    }
}

impl Allowed {
    fn refuse(&self, desired: &Desired) -> Option<NotAllowed> {
        let grant = Grant::ALL.into_iter().find(|grant| desired.needs(*grant) && !self.grants.contains(grant));
        let principal = || other(&self.principals, desired.principals.as_ref()?);
        let topic = || other(&self.topics, desired.topics.as_ref()?);
        grant
            .map(NotAllowed::Grant)
            .or_else(|| principal().map(NotAllowed::Principal))
            .or_else(|| topic().map(NotAllowed::Topic))
    }
}

/// The first one that no pattern matches.
fn other(patterns: &[Glob], arns: &Arns) -> Option<String> {
    arns.iter().find(|arn| !Glob::any(patterns, arn)).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/agent";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:anomalies";

    fn refused(spec: &Value, allowed: &Allowed) -> Option<NotAllowed> {
        let mut whole = json!({ "profilingGroupName": "a", "profilingEnabled": true });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        Desired::of(&serde_json::from_value(whole).unwrap(), allowed, false).not_allowed
    }

    #[test]
    fn what_the_platform_team_does_not_allow_is_named() {
        let grants = vec![Grant::Permissions, Grant::Notifications];
        let some = Allowed { grants, ..Allowed::default() };
        let patterns = Allowed {
            principals: vec![Glob::new("arn:aws:iam::111122223333:role/*")],
            topics: vec![Glob::new("*:anomalies")],
            ..some.clone()
        };
        let role = |arn: &str| json!({ "agentPermissions": { "principals": [arn] } });
        let topic = |arn: &str| json!({ "anomalyNotifications": [{ "topicArn": arn }] });
        let (user, other) = (ROLE.replace("role", "user"), TOPIC.replace("anomalies", "other"));
        #[rustfmt::skip]
        let rows = [
            (json!({}), Allowed::default(), None),
            (json!({ "tags": {} }), some.clone(), Some(NotAllowed::Grant(Grant::Tags))),
            (json!({ "creationPolicy": "IfMissing" }), some.clone(), Some(NotAllowed::Grant(Grant::Create))),
            (role(ROLE), Allowed { grants: Vec::new(), ..patterns.clone() }, Some(NotAllowed::Grant(Grant::Permissions))),
            (role(ROLE), some.clone(), Some(NotAllowed::Principal(ROLE.into()))),
            (json!({ "agentPermissions": { "principals": [] } }), some.clone(), None),
            (role(ROLE), patterns.clone(), None),
            (role(&user), patterns.clone(), Some(NotAllowed::Principal(user))),
            (topic(TOPIC), some.clone(), Some(NotAllowed::Topic(TOPIC.into()))),
            (json!({ "anomalyNotifications": [] }), some, None),
            (topic(TOPIC), patterns.clone(), None),
            (topic(&other), patterns, Some(NotAllowed::Topic(other))),
        ];
        for (spec, allowed, expected) in rows {
            assert_eq!(refused(&spec, &allowed), expected, "{spec}");
        }
    }
}
