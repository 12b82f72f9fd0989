//! What a request is for: which verb, of which resource.

use http::Method;
use serde_json::Value;

use super::{kind::Kind, refusal::Refusal, store::Key};

/// A request without its headers.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The type of the body; it chooses the kind of a patch.
    pub content_type: String,
    /// The body; null when there is none.
    pub body: Value,
}

impl Request {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.query(name), Some("true" | "1"))
    }
}

/// The part of an object that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subresource {
    None,
    Status,
}

impl Subresource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Status => "status",
        }
    }
}

/// The resource that a path names.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub kind: usize,
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// Empty: all names.
    pub name: String,
    pub subresource: Subresource,
}

impl Target {
    pub(super) fn of(request: &Request, kinds: &[Kind]) -> Result<Self, Refusal> {
        let segments: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let (group, version, namespace, plural, below) = match segments[..] {
            ["apis", group, version, "namespaces", namespace, plural, ref below @ ..] => {
                (group, version, Some(namespace.to_owned()), plural, below)
            }
            ["apis", group, version, plural, ref below @ ..] => (group, version, None, plural, below),
            _ => return Err(Refusal::no_such_path()),
        };
        let served = |kind: &Kind| kind.group == group && kind.version == version && *kind.plural == *plural;
        let kind = kinds.iter().position(served).ok_or_else(Refusal::no_such_path)?;
        let namespace = match (kinds[kind].cluster, namespace) {
            // Objects without a namespace are kept in one without a name.
            (true, None) => Some(String::new()),
            (false, None) if !below.is_empty() => return Err(Refusal::no_such_path()),
            (true, Some(_)) => return Err(Refusal::no_such_path()),
            (false, namespace) => namespace,
        };
        let (name, subresource) = match *below {
            [] => ("", Subresource::None),
            [name] => (name, Subresource::None),
            [name, "status"] if kinds[kind].status => (name, Subresource::Status),
            [name, _] if kinds[kind].rules.are_custom() => return Err(Refusal::not_found(&kinds[kind], name)),
            _ => return Err(Refusal::no_such_resource()),
        };
        Ok(Self { kind, namespace, name: name.to_owned(), subresource })
    }

    pub(super) fn key(&self) -> Key {
        Key { namespace: self.namespace.clone().unwrap_or_default(), name: self.name.clone() }
    }
}

/// What a request does, as permissions name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    pub(super) fn of(request: &Request, target: &Target) -> Option<Self> {
        let (named, part) = (!target.name.is_empty(), target.subresource != Subresource::None);
        match request.method {
            Method::GET if named => Some(Self::Get),
            Method::GET if request.is("watch") => Some(Self::Watch),
            Method::GET => Some(Self::List),
            Method::POST if !named && target.namespace.is_some() => Some(Self::Create),
            Method::PUT if named => Some(Self::Update),
            Method::PATCH if named => Some(Self::Patch),
            Method::DELETE if named && !part => Some(Self::Delete),
            Method::DELETE if !named && target.namespace.is_some() => Some(Self::DeleteCollection),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}
