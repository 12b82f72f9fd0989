//! Refusals, in the words of the real server.

use serde_json::{Map, Value, json};

use super::{
    Answer,
    kind::Kind,
    request::{Subresource, Target, Verb},
};

/// What a refusal is about, without what is empty.
fn details(group: &str, kind: &str, name: &str) -> Value {
    let members = [("group", group), ("kind", kind), ("name", name)].into_iter().filter(|(_, value)| !value.is_empty());
    members.map(|(member, value)| (member.to_owned(), json!(value))).collect::<Map<_, _>>().into()
}

/// A kind and its group.
fn qualified(kind: &Kind) -> String {
    match kind.kind_group() {
        "" => kind.name.clone(),
        group => format!("{}.{group}", kind.name),
    }
}

/// A request that is not carried out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null }
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        self.details = details(&kind.group, &kind.plural, name);
        self
    }

    /// The path names nothing that is served. Only this one is no `Status`.
    pub(super) fn no_such_path() -> Self {
        Self::new(404, "", "404 page not found\n")
    }

    /// The built-in kind has no such subresource.
    pub(super) fn no_such_resource() -> Self {
        let mut refusal = Self::new(404, "NotFound", "the server could not find the requested resource");
        refusal.details = json!({});
        refusal
    }

    pub(super) fn method_not_allowed(kind: &Kind) -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .about(kind, "")
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(super) fn forbidden(user: &str, verb: Verb, kind: &Kind, target: &Target) -> Self {
        let scope = match &target.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let (resource, group, verb, name) = (kind.resource(), &kind.group, verb.name(), &target.name);
        let plural = match target.subresource {
            Subresource::None => kind.plural.to_string(),
            Subresource::Status => format!("{}/status", kind.plural),
        };
        let named = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!(
            "{resource}{named} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \"{group}\" {scope}"
        );
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.resource())).about(kind, name)
    }

    pub(super) fn already_exists(kind: &Kind, name: &str, deleting: bool) -> Self {
        let deleting = if deleting { "object is being deleted: " } else { "" };
        Self::new(409, "AlreadyExists", format!("{deleting}{} \"{name}\" already exists", kind.resource()))
            .about(kind, name)
    }

    /// Somebody else wrote the object since the version that the request names.
    pub(super) fn stale(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The object is not the one that a deletion is about.
    pub(super) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", qualified(kind));
        let mut refusal = Self::new(409, "Conflict", message);
        refusal.details = details(kind.kind_group(), &kind.name, name);
        refusal
    }

    pub(super) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::new(409, "Conflict", message).about(kind, name)
    }

    pub(super) fn invalid(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is invalid: {why}", qualified(kind));
        let mut refusal = Self::new(422, "Invalid", message);
        refusal.details = details(kind.kind_group(), &kind.name, name);
        refusal
    }

    /// A custom resource of another kind than the path's.
    pub(super) fn other_kind(kind: &Kind, found: &str, name: &str) -> Self {
        let why = format!("kind: Invalid value: \"{found}\": must be {}", kind.name);
        let mut refusal = Self::new(422, "Invalid", format!("{found}.{} \"{name}\" is invalid: {why}", kind.group));
        refusal.details = details(&kind.group, found, name);
        refusal
    }

    /// Options of a list or a watch that contradict each other.
    pub(super) fn options(why: &str) -> Self {
        let mut refusal = Self::new(422, "Invalid", format!("ListOptions.meta.k8s.io \"\" is invalid: {why}"));
        refusal.details = details("meta.k8s.io", "ListOptions", "");
        refusal
    }

    /// An update that does not name the version which it replaces.
    pub(super) fn versionless(kind: &Kind, name: &str) -> Self {
        let why = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
        Self::new(422, "Invalid", format!("{} \"{name}\" is invalid: {why}", kind.resource())).about(kind, name)
    }

    /// A JSON patch that can't be applied.
    pub(super) fn unprocessable() -> Self {
        let mut refusal = Self::new(422, "Invalid", "the server rejected our request due to an error in our request");
        refusal.details = json!({});
        refusal
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    pub(super) fn expired_page() -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the \
                       continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with \
                       the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the \
                       first chunk was returned and now may show up in the list.";
        Self::new(410, "Expired", message)
    }

    pub(super) fn expired(version: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {version} ({oldest})"))
    }

    pub(super) fn too_large(version: u64, newest: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {version}, current: {newest}");
        let mut refusal = Self::new(504, "Timeout", message);
        let cause = json!({ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" });
        refusal.details = json!({ "causes": [cause], "retryAfterSeconds": 1 });
        refusal
    }

    /// The `Status` for it.
    pub(super) fn status(self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details;
        }
        status
    }

    pub(super) fn into_answer(self) -> Answer {
        let status = self.code;
        let body = if self == Self::no_such_path() { Value::String(self.message) } else { self.status() };
        Answer::Object { status, body }
    }
}
