//! The resource-based policy of a group: who may act as its agents. Pure.

use serde_json::{Value, json};

use super::Refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    principals: Vec<String>,
    pub revision: String,
}

impl Policy {
    /// The policy that Put makes out of what is there: the principals replace the former ones.
    ///
    /// Guarantee: who writes on top of a revision that is no longer the newest, or of none where there is one, changes nothing.
    pub(super) fn put(
        current: Option<&Self>,
        principals: Vec<String>,
        on_top_of: Option<&str>,
        revision: String,
    ) -> Result<Self, Refusal> {
        if current.map(|policy| policy.revision.as_str()) != on_top_of {
            return Err(Refusal::OtherRevision);
        }
        let mut kept: Vec<String> = Vec::new();
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
