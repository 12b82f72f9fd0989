//! What callers of an account may do: rules by action and resource, as the statements of an IAM policy. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::like;

/// One statement. Patterns may have `*` and `?`; an absent resource or principal matches all.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    effect: Effect,
    /// Such as `codeguru-profiler:UpdateProfilingGroup`.
    action: String,
    resource: Option<String>,
    /// The caller's ARN.
    principal: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// No rule allows it.
    NotAllowed,
    /// A rule denies it, whatever others allow.
    Denied,
}

/// The rules of each account; one without rules may do everything.
#[derive(Debug, Default)]
pub struct RuleBook {
    accounts: BTreeMap<String, Vec<Rule>>,
}

impl RuleBook {
    /// Replaces the account's rules. None at all allow everything again.
    pub fn put(&mut self, account: &str, rules: Vec<Rule>) {
        self.forget_account(account);
        if !rules.is_empty() {
            self.accounts.insert(account.to_owned(), rules);
        }
    }

    pub fn forget_account(&mut self, account: &str) {
        self.accounts.remove(account);
    }

    pub fn of(&self, account: &str) -> &[Rule] {
        self.accounts.get(account).map_or(&[], Vec::as_slice)
    }

    pub fn judge(&self, account: &str, principal: &str, action: &str, resource: &str) -> Verdict {
        let Some(rules) = self.accounts.get(account) else { return Verdict::Allowed };
        let applies = |rule: &&Rule| {
            like(&rule.action, action)
                && rule.resource.as_ref().is_none_or(|pattern| like(pattern, resource))
                && rule.principal.as_ref().is_none_or(|pattern| like(pattern, principal))
        };
        let applying: Vec<&Rule> = rules.iter().filter(applies).collect();
        if applying.iter().any(|rule| rule.effect == Effect::Deny) {
            Verdict::Denied
        } else if applying.is_empty() {
            Verdict::NotAllowed
        } else {
            Verdict::Allowed
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdict(rules: Value, action: &str, resource: &str) -> Verdict {
        let mut book = RuleBook::default();
        book.put("1", serde_json::from_value(rules).unwrap());
        book.judge("1", "arn:aws:iam::1:user/emulator", action, resource)
    }

    #[test]
    fn without_rules_everything_is_allowed_with_rules_only_what_they_allow() {
        assert_eq!(verdict(json!([]), "s:Update", "a"), Verdict::Allowed);
        let rules = json!([{"effect": "allow", "action": "s:List*"}]);
        assert_eq!(verdict(rules.clone(), "s:ListGroups", "*"), Verdict::Allowed);
        assert_eq!(verdict(rules, "s:Update", "a"), Verdict::NotAllowed);
    }

    #[test]
    fn a_denial_beats_every_permission() {
        let rules =
            json!([{"effect": "allow", "action": "*"}, {"effect": "deny", "action": "s:Update", "resource": "b*"}]);
        assert_eq!(verdict(rules.clone(), "s:Update", "a"), Verdict::Allowed);
        assert_eq!(verdict(rules, "s:Update", "b1"), Verdict::Denied);
    }

    #[test]
    fn a_rule_for_a_principal_is_for_no_other() {
        let rules = json!([{"effect": "allow", "action": "*", "principal": "arn:aws:sts::*"}]);
        assert_eq!(verdict(rules, "s:Update", "a"), Verdict::NotAllowed);
    }
}
