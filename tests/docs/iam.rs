//! The policies in `deploy/iam/` allow what the operator calls, and nothing else.

use std::collections::BTreeSet;

use codeguru_profiler_operator::aws::error::Operation;
use serde_json::Value;

use crate::text;

/// AWS's example of an account.
const ACCOUNT: &str = "111122223333";

fn policy(name: &str) -> Value {
    let policy: Value = serde_json::from_str(&text::read(&format!("deploy/iam/{name}"))).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    policy
}

/// The actions, each with what it is allowed on.
fn allowed(policy: &Value) -> BTreeSet<(String, String)> {
    let mut allowed = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        let resource = statement["Resource"].as_str().unwrap();
        let actions = statement["Action"].as_array().cloned().unwrap_or_else(|| vec![statement["Action"].clone()]);
        allowed.extend(actions.iter().map(|action| (action.as_str().unwrap().to_owned(), resource.to_owned())));
    }
    allowed
}

fn needed(operations: &[Operation]) -> BTreeSet<(String, String)> {
    let groups = format!("arn:aws:codeguru-profiler:*:{ACCOUNT}:profilingGroup/*");
    let everywhere = |operation: &Operation| matches!(operation, Operation::List | Operation::Create);
    let on = |operation: &Operation| if everywhere(operation) { "*".to_owned() } else { groups.clone() };
    operations.iter().map(|operation| (operation.iam_action().to_owned(), on(operation))).collect()
}

#[test]
fn each_policy_allows_exactly_what_the_operator_calls() {
    assert_eq!(allowed(&policy("read-only.json")), needed(&[Operation::List, Operation::Describe]));
    assert_eq!(
        allowed(&policy("toggle-only.json")),
        needed(&[Operation::List, Operation::Describe, Operation::Update])
    );
    assert_eq!(allowed(&policy("tags.json")), needed(&[Operation::ListTags, Operation::Tag, Operation::Untag]));
    assert_eq!(allowed(&policy("create.json")), needed(&[Operation::Create]));
    assert_eq!(allowed(&policy("delete.json")), needed(&[Operation::Delete]));
    let permissions = [Operation::GetPolicy, Operation::PutPermission, Operation::RemovePermission];
    assert_eq!(allowed(&policy("permissions.json")), needed(&permissions));
    let notifications = [Operation::GetChannels, Operation::AddChannels, Operation::RemoveChannel];
    assert_eq!(allowed(&policy("notifications.json")), needed(&notifications));
    let policies =
        ["toggle-only.json", "create.json", "delete.json", "tags.json", "permissions.json", "notifications.json"];
    let actions =
        policies.map(|name| allowed(&policy(name)).into_iter().map(|(action, _)| action)).into_iter().flatten();
    let called = Operation::ALL.iter().copied().filter(|operation| *operation != Operation::GetCallerIdentity);
    assert_eq!(actions.collect::<BTreeSet<_>>(), called.map(|call| call.iam_action().to_owned()).collect());
}

#[test]
fn the_policy_of_a_team_allows_the_same_on_groups_with_the_teams_tag_only() {
    let team = text::read("examples/teams/iam-shop.json");
    let team: Value = serde_json::from_str(&team).unwrap();
    assert_eq!(allowed(&team), allowed(&policy("toggle-only.json")));
    let limited = |statement: &Value| statement["Condition"]["StringEquals"]["aws:ResourceTag/team"] == "shop";
    for statement in team["Statement"].as_array().unwrap() {
        assert_eq!(limited(statement), statement["Sid"] != "List", "a List can't be limited: {statement}");
    }
}

#[test]
fn an_action_is_the_operation_under_its_services_name() {
    for operation in Operation::ALL.iter().copied() {
        let (service, action) = operation.iam_action().split_once(':').unwrap();
        assert_eq!(action, operation.as_str());
        let expected = if operation == Operation::GetCallerIdentity { "sts" } else { "codeguru-profiler" };
        assert_eq!(service, expected);
    }
}

#[test]
fn each_trust_policy_admits_only_one_service_account() {
    let irsa = &policy("trust-irsa.json")["Statement"][0];
    assert_eq!(irsa["Action"], "sts:AssumeRoleWithWebIdentity");
    let conditions = irsa["Condition"]["StringEquals"].as_object().unwrap();
    let subject = conditions.iter().find(|(key, _)| key.ends_with(":sub")).unwrap().1;
    assert_eq!(subject, &format!("system:serviceaccount:{}:{}", devkit::operator::NAMESPACE, devkit::operator::NAME));
    assert!(conditions.iter().any(|(key, value)| key.ends_with(":aud") && value == "sts.amazonaws.com"));

    let pod_identity = &policy("trust-pod-identity.json")["Statement"][0];
    assert_eq!(pod_identity["Principal"]["Service"], "pods.eks.amazonaws.com");
    let conditions = &pod_identity["Condition"]["StringEquals"];
    assert_eq!(conditions["aws:SourceAccount"], ACCOUNT);
    assert_eq!(conditions["aws:RequestTag/kubernetes-namespace"], devkit::operator::NAMESPACE);
    assert_eq!(conditions["aws:RequestTag/kubernetes-service-account"], devkit::operator::NAME);
}

#[test]
fn the_commands_and_the_terraform_module_name_files_that_exist_and_the_operators_service_account() {
    let (readme, module) = (text::read("deploy/iam/README.md"), text::read("deploy/iam/terraform/main.tf"));
    let named = readme.split_whitespace().filter(|word| word.starts_with("deploy/iam/"));
    let missing: Vec<_> = named.filter(|path| !text::root().join(path).is_file()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for policy in ["read-only", "toggle-only", "trust-pod-identity"] {
        assert!(module.contains(policy) && readme.contains(&format!("deploy/iam/{policy}.json")), "{policy}");
    }
    let value = |name: &str| {
        let line = module.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    assert_eq!(value("namespace"), devkit::operator::NAMESPACE);
    assert_eq!(value("service_account"), devkit::operator::NAME);
    assert!(module.contains(ACCOUNT), "the account of the policies is replaced");
}
