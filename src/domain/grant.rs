//! What the platform team may allow resources beside the switch. Pure.

/// One thing that resources may do only where the platform team allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// To create groups.
    Create,
    /// To manage tags.
    Tags,
}

impl Grant {
    /// Every grant there is.
    pub const ALL: [Self; 2] = [Self::Create, Self::Tags];

    /// Its name in flags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Tags => "tags",
        }
    }

    /// What in a spec needs it.
    #[must_use]
    pub fn needed_by(self) -> &'static str {
        match self {
            Self::Create => "spec.creationPolicy: IfMissing",
            Self::Tags => "spec.tags",
        }
    }
}
