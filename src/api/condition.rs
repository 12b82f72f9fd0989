//! The closed sets of condition types and reasons.

/// The types of the conditions that the operator owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// AWS is in the state that this generation requests.
    Ready,
    /// Work is in progress; present only while True.
    Reconciling,
    /// The resource needs a change by someone; present only while True.
    Stalled,
    /// The managed fields match AWS.
    Synced,
    /// Profiling is on and a profile arrived recently.
    AgentsReporting,
    /// An agent has fetched its configuration since profiling was last switched.
    AgentsUpToDate,
}

impl ConditionType {
    /// In the order in which they are written: the summary first.
    pub const ALL: [Self; 6] =
        [Self::Ready, Self::Reconciling, Self::Stalled, Self::Synced, Self::AgentsReporting, Self::AgentsUpToDate];

    /// The type as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Synced => "Synced",
            Self::AgentsReporting => "AgentsReporting",
            Self::AgentsUpToDate => "AgentsUpToDate",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why a condition has its status; also the reason of events and a label of metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The reason as written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

reasons! {
    /// AWS matches the spec.
    InSync,
    /// Work is in progress for the first time.
    Progressing,
    /// Work is in progress after a failure.
    ProgressingWithRetry,
    /// The resource is suspended.
    Suspended,
    /// Another resource names the same group and had it first.
    ClaimedByAnother,
    /// The account or region would differ from the reported one.
    TargetChanged,
    /// Neither the resource nor the operator has a region.
    RegionMissing,
    /// The spec can't be read.
    InvalidSpec,
    /// The resource manages what the operator does not allow.
    FacetNotAllowed,
    /// The resource permits a principal that the operator does not allow.
    PrincipalNotAllowed,
    /// The resource reports anomalies to a topic that the operator does not allow.
    TopicNotAllowed,
    /// There is no ProfilerAccount of that name.
    AccountMissing,
    /// The identity may not be used in this namespace, or for this group.
    AccountNotAllowed,
    /// The role of the ProfilerAccount can't be assumed.
    AccountNotReady,
    /// The role belongs to another AWS account than the one that AWS reports.
    AccountDiffers,
    /// The operator can't read ProfilerAccounts.
    AccountsNotWatched,
    /// AWS was changed externally, and the policy is to report it.
    DriftReported,
    /// AWS is only observed, whether it differs or not.
    Observed,
    /// AWS differs from a resource that only observes.
    Differs,
    /// Another writer keeps reverting AWS.
    Contested,
    /// AWS does not report whether profiling is on.
    SwitchUnknown,
    /// The state in AWS could not be read recently, so it is unconfirmed.
    InventoryStale,
    /// AWS denies listing.
    ListDenied,
    /// The group has another compute platform than the resource.
    PlatformDiffers,
    /// The group is marked as that of another operator.
    OwnedByAnother,
    /// There is no such group in this account and region.
    GroupNotFound,
    /// AWS denies the action.
    AccessDenied,
    /// The credentials have expired.
    CredentialsExpired,
    /// AWS does not know the credentials.
    CredentialsInvalid,
    /// The process has no credentials.
    CredentialsMissing,
    /// The signature is wrong: the clock or the secret.
    SignatureRejected,
    /// AWS finds the request invalid.
    InvalidRequest,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// Kubernetes denies the operator to change finalizers.
    FinalizerDenied,
    /// The resource is being deleted, and AWS can't be changed as that requests.
    DeletionFailed,
    /// spec.deletionPolicy is Delete, and the resource did not create the group.
    NotCreatedHere,
    /// The group was changed by someone else at the same time.
    Conflict,
    /// AWS throttles the calls.
    Throttled,
    /// AWS is unavailable.
    ServiceUnavailable,
    /// No connection to AWS could be made.
    Unreachable,
    /// AWS did not answer in time.
    TimedOut,
    /// The response of AWS can't be read.
    MalformedAnswer,
    /// A part of the operator failed.
    InternalError,
    /// Profiling is on and an agent reported a profile recently.
    AgentsReporting,
    /// Profiling is on and no agent has ever been seen.
    NoAgentEverSeen,
    /// Profiling is on and the agents have stopped reporting.
    AgentsSilent,
    /// Profiling is off, and nothing reports.
    ProfilingOff,
    /// Profiling is off, and something still reports.
    ReportsAlthoughOff,
    /// An agent has fetched its configuration since profiling was switched.
    AgentsUpToDate,
    /// No agent has fetched its configuration since profiling was switched.
    WaitingForAgents,
    /// AWS has not reported it yet.
    NotYetKnown,
    /// Not evaluated for AWS Lambda: agents live only as long as an invocation.
    NotJudged,
}
