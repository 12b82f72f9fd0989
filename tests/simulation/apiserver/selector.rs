//! Which objects a list or a watch is about.

use serde_json::Value;

use super::{
    kind::Kind,
    refusal::Refusal,
    request::{Request, Target},
    store::Key,
};

/// A namespace or all of them, and what selectors leave of it.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    namespace: Option<String>,
    /// Paths of members, and what they have to be or not to be.
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone)]
struct Requirement {
    path: Vec<String>,
    equal: bool,
    value: String,
}

impl Scope {
    pub(super) fn of(request: &Request, kind: &Kind, target: &Target) -> Result<Self, Refusal> {
        let mut requirements = Vec::new();
        for term in terms(request, "fieldSelector") {
            let requirement = Requirement::of(term, |field| field.split('.').map(str::to_owned).collect())?;
            if !kind.selects(&requirement.path.join(".")) {
                let message = format!("field label not supported: {}", requirement.path.join("."));
                return Err(Refusal::bad_request(message));
            }
            requirements.push(requirement);
        }
        for term in terms(request, "labelSelector") {
            let path = |label: &str| vec!["metadata".to_owned(), "labels".to_owned(), label.to_owned()];
            requirements.push(Requirement::of(term, path)?);
        }
        Ok(Self { namespace: target.namespace.clone(), requirements })
    }

    pub(super) fn contains(&self, key: &Key, object: &Value) -> bool {
        self.reaches(key) && self.selects(object)
    }

    /// Whether this key is looked at. A selector that names an object of a namespace leaves only that one.
    pub(super) fn reaches(&self, key: &Key) -> bool {
        let Some(namespace) = &self.namespace else { return true };
        let mut names = self
            .requirements
            .iter()
            .filter(|requirement| requirement.equal && requirement.path == ["metadata", "name"]);
        *namespace == key.namespace && names.all(|requirement| requirement.value == key.name)
    }

    /// Whether selectors leave an object.
    pub(super) fn selects(&self, object: &Value) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(object))
    }

    /// Whether every object of the namespace is in it.
    pub(super) fn is_whole(&self) -> bool {
        self.requirements.is_empty()
    }
}

fn terms<'a>(request: &'a Request, name: &str) -> impl Iterator<Item = &'a str> {
    request.query(name).into_iter().flat_map(|selector| selector.split(','))
}

impl Requirement {
    fn of(term: &str, path: impl Fn(&str) -> Vec<String>) -> Result<Self, Refusal> {
        let (name, equal, value) = match (term.split_once("!="), term.split_once("==").or_else(|| term.split_once('=')))
        {
            (Some((name, value)), _) => (name, false, value),
            (None, Some((name, value))) => (name, true, value),
            (None, None) => return Err(Refusal::bad_request(format!("a selector that is not modelled: {term}"))),
        };
        Ok(Self { path: path(name), equal, value: value.to_owned() })
    }

    fn holds(&self, object: &Value) -> bool {
        let found = self.path.iter().fold(object, |value, member| &value[member]);
        let same = match found {
            Value::String(text) => *text == self.value,
            Value::Bool(on) => self.value == if *on { "true" } else { "false" },
            _ => self.value.is_empty(),
        };
        same == self.equal
    }
}
