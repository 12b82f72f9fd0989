//! The resource-based policy of a group: who may act as its agents. Pure.

use serde_json::{Value, json};

use super::Refusal;
use crate::hash::fnv1a;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    principals: Vec<String>,
    pub revision: String,
}

/// What a Put is to do.
#[derive(Debug)]
pub struct Put<'a> {
    pub principals: Vec<String>,
    /// The revision that it was based on.
    pub on_top_of: Option<&'a str>,
    /// Whether the former principals stay.
    pub merges: bool,
}

impl Policy {
    /// The policy that somebody else has left, whatever was there.
    pub(super) fn of(principals: Vec<String>, revision: String) -> Self {
        Self { principals, revision }
    }

    /// The roles and users with these ARNs were deleted: IAM shows their unique ids from then on, under the same revision.
    pub(super) fn forget(&mut self, deleted: &[String]) {
        for principal in self.principals.iter_mut().filter(|principal| deleted.contains(principal)) {
            *principal = unique_id(principal);
        }
    }

    /// The ARNs and ids of those who may act.
    pub fn principals(&self) -> &[String] {
        &self.principals
    }

    /// The policy that Put makes out of what is there: the principals replace the former ones, or are added to them.
    ///
    /// Guarantee: who writes on top of a revision that is no longer the newest, or of none where there is one, changes nothing.
    pub(super) fn put(
        current: Option<&Self>,
        Put { principals, on_top_of, merges }: Put<'_>,
        revision: String,
    ) -> Result<Self, Refusal> {
        if current.map(|policy| policy.revision.as_str()) != on_top_of {
            return Err(Refusal::OtherRevision);
        }
        let mut kept = current.filter(|_| merges).map(|policy| policy.principals.clone()).unwrap_or_default();
        for principal in principals {
            if !principal.starts_with("arn:") || principal.contains('*') {
                return Err(Refusal::NotAPrincipal(principal));
            }
            if !kept.contains(&principal) {
                kept.push(principal);
            }
        }
        Ok(Self { principals: kept, revision })
    }

    /// The policy after its only action group is gone.
    pub(super) fn removed(current: Option<&Self>, on_top_of: &str, revision: String) -> Result<Self, Refusal> {
        match current {
            None => Err(Refusal::NoPolicy),
            Some(policy) if policy.revision != on_top_of => Err(Refusal::OtherRevision),
            Some(_) => Ok(Self { principals: Vec::new(), revision }),
        }
    }

    /// The document of IAM. A single principal is a string, as IAM itself writes it.
    pub fn document(&self, arn: &str) -> String {
        let principals = match self.principals.as_slice() {
            [single] => Value::from(single.as_str()),
            several => Value::from(several),
        };
        let statement = json!({
            "Sid": "agentPermissions-statement",
            "Effect": "Allow",
            "Principal": {"AWS": principals},
            "Action": ["codeguru-profiler:ConfigureAgent", "codeguru-profiler:PostAgentProfile"],
            "Resource": arn,
        });
        let statements = if self.principals.is_empty() { Vec::new() } else { vec![statement] };
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }
}

/// The form of IAM's unique ids, the same for the same ARN: users begin with AIDA, roles with AROA.
fn unique_id(arn: &str) -> String {
    let prefix = if arn.contains(":user/") { "AIDA" } else { "AROA" };
    format!("{prefix}{:017X}", fnv1a(arn.as_bytes()))
}
