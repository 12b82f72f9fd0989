//! Permissions that are missing.

use super::{
    kind::Kind,
    request::{Target, Verb},
};

/// Requests that are refused with 403. What is absent matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denial {
    /// A verb as in a Role: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: Option<&'static str>,
    /// The plural name of a resource.
    pub resource: Option<String>,
    /// `status`, or empty for the resource itself.
    pub subresource: Option<&'static str>,
    /// Requests within this namespace; a request for all namespaces matches only when this is absent.
    pub namespace: Option<String>,
}

impl Denial {
    pub(super) fn matches(&self, verb: Verb, kind: &Kind, target: &Target) -> bool {
        self.verb.is_none_or(|denied| denied == verb.name())
            && self.resource.as_ref().is_none_or(|denied| **denied == *kind.plural)
            && self.subresource.is_none_or(|denied| denied == target.subresource.name())
            && (self.namespace.is_none() || self.namespace == target.namespace)
    }
}
