//! What the platform team may allow resources beside the switch: in `--allowed-facets`, and in a `ProfilerAccount`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that resources may do only where the platform team allows it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
// In the schema, the description of the type would replace that of the field.
#[schemars(description = "")]
pub enum Grant {
    /// To create groups.
    Create,
    /// To delete groups that they created.
    Delete,
    /// To set the switch when they are deleted.
    Restore,
    /// To manage tags.
    Tags,
    /// To manage who may act as an agent.
    Permissions,
    /// To manage where anomalies are reported to.
    Notifications,
}

impl Grant {
    /// Every grant there is.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Delete, Self::Restore, Self::Tags, Self::Permissions, Self::Notifications];

    /// Its name in flags and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Tags => "tags",
            Self::Permissions => "permissions",
            Self::Notifications => "notifications",
        }
    }

    /// What in a spec needs it.
    #[must_use]
    pub fn needed_by(self) -> &'static str {
        match self {
            Self::Create => "spec.creationPolicy: IfMissing",
            Self::Delete => "spec.deletionPolicy: Delete",
            Self::Restore => "spec.deletionPolicy: Restore or Disable",
            Self::Tags => "spec.tags",
            Self::Permissions => "spec.agentPermissions",
            Self::Notifications => "spec.anomalyNotifications",
        }
    }
}
