//! The closed sets of condition types and reasons.

/// The types of the conditions that the operator owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// This generation is as the user asked.
    Ready,
    /// Work goes on; present only while True.
    Reconciling,
    /// Nothing will change until someone acts; present only while True.
    Stalled,
    /// The managed fields equal AWS's.
    Synced,
    /// Profiling is on and a profile arrived lately.
    AgentsReporting,
    /// An agent has asked for its orders since the switch last moved.
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
    /// AWS agrees.
    InSync,
    /// Work goes on for the first time.
    Progressing,
    /// Work goes on after a failure.
    ProgressingWithRetry,
    /// The resource asks to be left alone.
    Suspended,
    /// Another resource names the same group and had it first.
    ClaimedByAnother,
    /// The account or region would now be another one than reported.
    TargetChanged,
    /// Neither the resource nor the operator names a region.
    RegionMissing,
    /// The spec can't be read.
    InvalidSpec,
    /// Somebody changed AWS, and the policy is to report it.
    DriftReported,
    /// AWS differs or agrees; nothing is ever written.
    Observed,
    /// AWS differs from what an observed resource says.
    Differs,
    /// Somebody keeps changing AWS back.
    Contested,
    /// AWS does not say whether profiling is on.
    SwitchUnknown,
    /// What is known of AWS is too old to vouch for.
    InventoryStale,
    /// AWS may not be listed.
    ListDenied,
    /// There is no such group in this account and region.
    GroupNotFound,
    /// AWS refuses the action.
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
    /// Somebody else changed the group at the same time.
    Conflict,
    /// AWS asks to be called less often.
    Throttled,
    /// AWS is unwell.
    ServiceUnavailable,
    /// No connection to AWS came about.
    Unreachable,
    /// AWS did not answer in time.
    TimedOut,
    /// AWS answered what can't be read.
    MalformedAnswer,
    /// A part of the operator failed.
    InternalError,
    /// Profiling is on and an agent reported a profile lately.
    AgentsReporting,
    /// Profiling is on and no agent has ever been seen.
    NoAgentEverSeen,
    /// Profiling is on and the agents have stopped reporting.
    AgentsSilent,
    /// Profiling is off, and nothing reports.
    ProfilingOff,
    /// Profiling is off, and something still reports.
    ReportsAlthoughOff,
    /// An agent has asked since the switch moved.
    AgentsUpToDate,
    /// No agent has asked since the switch moved.
    WaitingForAgents,
    /// AWS has not said yet.
    NotYetKnown,
    /// Lambda's agents come and go with the invocations.
    NotJudged,
}
