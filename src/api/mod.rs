//! What users write and read: the resource, its conditions and their reasons.

mod condition;
mod crd;
mod grant;
mod profiler_account;
mod profiler_account_status;
mod profiling_group;
mod status;
mod timestamp;

pub use condition::{ConditionType, Reason};
pub use crd::{account_crd, crd, crd_yaml, crds};
pub use grant::Grant;
pub use profiler_account::{ProfilerAccount, ProfilerAccountSpec};
pub use profiler_account_status::{ProfilerAccountStatus, RegionStatus};
pub use profiling_group::{
    AccountRef, AgentPermissions, AnomalyNotification, ComputePlatform, CreationPolicy, DeletionPolicy, DriftPolicy,
    ManagementPolicy, ProfilingGroup, ProfilingGroupSpec,
};
pub use status::{
    AggregatedProfile, AppliedState, ChannelStatus, Correction, CreatedStatus, DetailsStatus, DriftStatus,
    FieldDifference, ManagedStatus, OriginalStatus, OwnerStatus, ProfilingGroupStatus, ProfilingStatus, Slowdown,
    SwitchState,
};
pub use timestamp::Timestamp;

/// The API group; annotations use the same domain.
pub const GROUP: &str = "codeguruprofiler.dev";
/// The served and stored version.
pub const VERSION: &str = "v1alpha1";
/// Holds a resource that is being deleted until AWS was changed as its deletionPolicy requests.
pub const FINALIZER: &str = "codeguruprofiler.dev/finalizer";
/// Set or changed by a user to request a reconcile now; echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "codeguruprofiler.dev/reconcile-requested-at";
