//! The two AWS services that are emulated.

use serde::Serialize;

/// The AWS service of an operation, as the credential scope names it. It also decides the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Service {
    /// restJson1: routed by method and path.
    #[serde(rename = "codeguru-profiler")]
    CodeGuruProfiler,
    /// awsQuery: routed by the form's `Action`, answers are XML.
    #[serde(rename = "sts")]
    Sts,
}

impl Service {
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::CodeGuruProfiler => "codeguru-profiler",
            Self::Sts => "sts",
        }
    }
}
