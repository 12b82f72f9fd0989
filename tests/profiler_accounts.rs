//! Other AWS accounts: through which role a resource calls AWS, and which resources may.

use std::{collections::BTreeSet, sync::Arc};

use devkit::{
    controlplane::{ControlPlane, Options},
    emulator::Account,
    faultproxy::{Effect, Rule},
    flux,
    kstatus::{self, Status},
    operator::Operator,
    paths,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use crate::world::{REGION, World, condition, install, message};

const ROLE: &str = "codeguru-profiler";
/// Accounts beside that of the operator's own identity.
const OTHER: &str = "444455556666";
const THIRD: &str = "777788889999";

/// ProfilerAccounts of this story: the kind is cluster-scoped, and stories share a cluster.
struct Accounts<'a> {
    world: &'a World,
    api: Api<DynamicObject>,
}

impl<'a> Accounts<'a> {
    fn of(world: &'a World) -> Self {
        let gvk = GroupVersionKind::gvk("codeguruprofiler.dev", "v1alpha1", "ProfilerAccount");
        let kind = ApiResource::from_gvk_with_plural(&gvk, "profileraccounts");
        Self { world, api: Api::all_with(world.client.clone(), &kind) }
    }

    /// The name of one in the cluster.
    fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.world.namespace)
    }

    /// What a resource that refers to it has in its spec.
    fn reference(&self, name: &str) -> Value {
        json!({ "accountRef": { "name": self.name(name) } })
    }

    /// One that the story's namespace may use, with the role of this AWS account.
    async fn create(&self, name: &str, account: &str, more: Value) {
        let namespace = &self.world.namespace;
        let mut spec = json!({ "roleArn": arn(account, ROLE), "namespaces": [namespace] });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let object = json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount",
            "metadata": { "name": self.name(name) }, "spec": spec,
        });
        let object = serde_json::from_value(object).unwrap();
        self.api.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn get(&self, name: &str) -> Value {
        serde_json::to_value(self.api.get(&self.name(name)).await.unwrap()).unwrap()
    }

    async fn patch(&self, name: &str, spec: Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.api.patch(&self.name(name), &PatchParams::default(), &patch).await.unwrap();
    }

    /// Waits for this `Ready` condition of the newest generation; answers the whole object.
    async fn ready(&self, name: &str, status: &str, reason: &str) -> Value {
        self.world
            .eventually(&format!("{name} Ready={status} ({reason})"), async || {
                let object = serde_json::to_value(self.api.get(&self.name(name)).await.unwrap()).unwrap();
                let ready = condition(&object["status"], "Ready");
                let current = ready["observedGeneration"] == object["metadata"]["generation"];
                (ready["status"] == status && ready["reason"] == reason && current).then_some(object)
            })
            .await
    }

    async fn delete(&self, name: &str) {
        self.api.delete(&self.name(name), &DeleteParams::default()).await.unwrap();
    }
}

fn arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

async fn enabled(account: &Account, region: &str, group: &str) -> Option<bool> {
    account.group(region, group).await.unwrap()?["agentOrchestrationConfig"]["profilingEnabled"].as_bool()
}

async fn calls(account: &Account, operation: &str) -> usize {
    account.journal().await.unwrap().iter().filter(|entry| entry.is(operation)).count()
}

fn kstatus(object: &Value) -> Status {
    kstatus::compute(object).0
}

/// An operator whose own account is not this one.
async fn start(world: &World) -> Operator {
    world.start().await
}

#[tokio::test]
async fn a_group_in_another_account_is_adopted_and_switched_through_the_role() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    let own = format!("arn:aws:iam::{}:*", world.aws.id());
    other.trust(ROLE, json!({ "assumeRole": { "principals": [own], "externalId": "x-1" } })).await.unwrap();
    other.put_group("eu-central-1", "a", json!({ "profilingEnabled": false })).await.unwrap();
    world.flip("own", true).await;
    accounts.create("other", OTHER, json!({ "externalId": "x-1", "region": "eu-central-1" })).await;
    let operator = start(&world).await;
    world.create("a", true, accounts.reference("other")).await;
    world.create("own", true, json!({})).await;

    let status = world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!((&status["account"], &status["region"]), (&json!(OTHER), &json!("eu-central-1")), "{status:#}");
    assert_eq!(enabled(&other, "eu-central-1", "a").await, Some(true));
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(enabled(&other, "eu-central-1", "a").await, Some(false));
    let status = world.condition("own", "Ready", "True", "InSync").await;
    assert_eq!(status["account"], json!(world.aws.id()));

    assert_eq!(calls(&other, "UpdateProfilingGroup").await, 2);
    assert_eq!(world.calls("AssumeRole").await, 1, "one session for all calls");
    let keys: BTreeSet<_> = other.journal().await.unwrap().into_iter().filter_map(|entry| entry.access_key).collect();
    assert!(keys.iter().all(|key| key.starts_with("ASIA")), "{keys:?}");
    assert_eq!(world.calls_for("UpdateProfilingGroup", "a").await, 0);
    let metrics = operator.metrics().await.unwrap();
    let account = format!("region=\"eu-central-1\",account=\"{}\"", accounts.name("other"));
    assert!(metrics.contains(&account), "{metrics}");
    world.judge().await;
}

#[tokio::test]
async fn what_an_account_does_not_allow_causes_no_call_and_never_falls_back_to_the_operators_identity() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    other.put_group(REGION, "a", json!({ "profilingEnabled": false })).await.unwrap();
    world.flip("a", false).await;
    accounts.create("other", OTHER, json!({ "namespaces": ["elsewhere"] })).await;
    let _operator = start(&world).await;
    let tags = json!({ "accountRef": { "name": accounts.name("other") }, "tags": { "team": "shop" } });
    world.create("a", true, tags).await;

    let status = world.condition("a", "Stalled", "True", "AccountNotAllowed").await;
    assert!(message(&status, "Ready").contains(&format!("does not allow namespace {}", world.namespace)), "{status:#}");
    accounts.patch("other", json!({ "namespaces": [world.namespace], "groupNames": ["shop-*"] })).await;
    let refused = |object: &Value| message(&object["status"], "Ready").contains("does not allow the group a");
    world.until("a", "the refusal of its group", refused).await;
    accounts.patch("other", json!({ "groupNames": ["a*"] })).await;
    let status = world.condition("a", "Stalled", "True", "FacetNotAllowed").await;
    assert!(
        message(&status, "Ready").contains("does not allow spec.tags: remove it, or add tags to spec.allowedFacets"),
        "{status:#}"
    );
    assert!(world.aws.journal().await.unwrap().is_empty() && other.journal().await.unwrap().is_empty());

    accounts.patch("other", json!({ "allowedFacets": ["tags"] })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(enabled(&other, REGION, "a").await, Some(true));
    assert_eq!(world.enabled("a").await, Some(false), "the group of that name in the operator's own account");

    accounts.patch("other", json!({ "namespaces": [] })).await;
    world.condition("a", "Stalled", "True", "AccountNotAllowed").await;
    let before = other.journal().await.unwrap().len();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Stalled", "True", "AccountNotAllowed").await;
    assert_eq!(other.journal().await.unwrap().len(), before, "the account is called no longer");
    world.judge().await;
}

#[tokio::test]
async fn an_account_selects_namespaces_by_their_labels() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    other.put_group(REGION, "a", json!({ "profilingEnabled": true })).await.unwrap();
    let label = format!("{}.example.com/profiling", world.namespace);
    let selector = json!({ "namespaceSelector": { "matchLabels": { &label: "on" } }, "namespaces": null });
    accounts.create("other", OTHER, selector).await;
    let _operator = start(&world).await;
    world.create("a", true, accounts.reference("other")).await;
    world.condition("a", "Stalled", "True", "AccountNotAllowed").await;

    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let labels = |value: Value| Patch::Merge(json!({ "metadata": { "labels": { &label: value } } }));
    namespaces.patch(&world.namespace, &PatchParams::default(), &labels(json!("on"))).await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    namespaces.patch(&world.namespace, &PatchParams::default(), &labels(Value::Null)).await.unwrap();
    world.condition("a", "Stalled", "True", "AccountNotAllowed").await;
    world.judge().await;
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_aws_as_it_is_and_its_resources_go_on_when_it_is_back() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    other.put_group(REGION, "a", json!({ "profilingEnabled": true })).await.unwrap();
    let _operator = start(&world).await;
    world.create("a", true, accounts.reference("other")).await;
    let status = world.condition("a", "Stalled", "True", "AccountMissing").await;
    assert!(
        message(&status, "Ready").contains(&format!("There is no ProfilerAccount {}", accounts.name("other"))),
        "{status:#}"
    );
    assert!(world.aws.journal().await.unwrap().is_empty());

    accounts.create("other", OTHER, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    accounts.delete("other").await;
    let status = world.condition("a", "Stalled", "True", "AccountMissing").await;
    assert_eq!(status["account"], OTHER, "what was known is kept: {status:#}");
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Stalled", "True", "AccountMissing").await;
    assert_eq!(enabled(&other, REGION, "a").await, Some(true));

    accounts.create("other", OTHER, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(enabled(&other, REGION, "a").await, Some(false));
    assert_eq!(calls(&other, "UpdateProfilingGroup").await, 1);
    world.judge().await;
}

#[tokio::test]
async fn a_role_that_is_refused_concerns_its_account_alone() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let (other, third) = (world.emulator.account(OTHER), world.emulator.account(THIRD));
    for account in [&other, &third] {
        account.put_group(REGION, "a", json!({ "profilingEnabled": false })).await.unwrap();
    }
    let trust = |id: &str| json!({ "assumeRole": { "externalId": id } });
    other.trust(ROLE, trust("x-1")).await.unwrap();
    accounts.create("other", OTHER, json!({ "externalId": "wrong" })).await;
    accounts.create("third", THIRD, json!({})).await;
    let _operator = start(&world).await;
    let spec = |account: &str| json!({ "profilingGroupName": "a", "profilingEnabled": true, "accountRef": { "name": accounts.name(account) } });
    world.try_create("refused", spec("other")).await.unwrap();
    world.try_create("healthy", spec("third")).await.unwrap();

    let status = world.condition("refused", "Stalled", "True", "AccountNotReady").await;
    let text = message(&status, "Ready");
    assert!(text.contains("AWS STS in eu-west-1 does not let the operator assume the role"), "{text}");
    assert!(text.contains("its trust policy") && !text.contains("wrong"), "{text}");
    world.condition("healthy", "Ready", "True", "InSync").await;
    assert_eq!(enabled(&third, REGION, "a").await, Some(true));
    assert_eq!(enabled(&other, REGION, "a").await, Some(false));

    accounts.patch("other", json!({ "externalId": "x-1" })).await;
    world.condition("refused", "Ready", "True", "InSync").await;
    assert_eq!(enabled(&other, REGION, "a").await, Some(true));
    world.judge().await;
}

#[tokio::test]
async fn an_account_reports_its_role_and_what_it_lists_and_at_rest_nothing_is_written() {
    // The operators of other stories report on all accounts of their cluster.
    let world = World::apart().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    other.seed(REGION, 5, "unmanaged", true).await.unwrap();
    other.put_group(REGION, "a", json!({ "profilingEnabled": true })).await.unwrap();
    other.trust(ROLE, json!({ "assumeRole": { "externalId": "x-1" } })).await.unwrap();
    accounts.create("other", OTHER, json!({ "externalId": "wrong" })).await;
    assert_eq!(kstatus(&accounts.get("other").await), Status::InProgress, "nobody has looked");
    let operator = start(&world).await;
    let unused = accounts.ready("other", "True", "NotInUse").await;
    assert_eq!((&unused["status"]["accountId"], kstatus(&unused)), (&json!(OTHER), Status::Current));

    world.create("a", true, accounts.reference("other")).await;
    let refused = accounts.ready("other", "False", "AccountNotReady").await;
    assert_eq!(condition(&refused["status"], "Stalled")["status"], "True", "{refused:#}");
    assert_eq!(kstatus(&refused), Status::Failed);
    accounts.patch("other", json!({ "externalId": "x-1" })).await;
    let ready = accounts.ready("other", "True", "Succeeded").await;
    let region = &ready["status"]["regions"][0];
    let counts = (&region["region"], &region["groups"], &region["managed"], &region["unmanaged"]);
    assert_eq!(counts, (&json!(REGION), &json!(6), &json!(1), &json!(5)), "{ready:#}");
    assert_eq!((&region["callsPerSecond"], kstatus(&ready)), (&json!(100), Status::Current));

    let lists = async || calls(&other, "ListProfilingGroups").await;
    let before = lists().await;
    world.eventually("more Lists", async || (lists().await >= before + 3).then_some(())).await;
    operator.stop_gracefully().await.unwrap();
    let operator = start(&world).await;
    let before = lists().await;
    world.eventually("more Lists", async || (lists().await >= before + 3).then_some(())).await;
    let rested = accounts.get("other").await;
    assert_eq!(rested["metadata"]["resourceVersion"], ready["metadata"]["resourceVersion"], "{rested:#}");
    operator.stop_gracefully().await.unwrap();

    let verdict = flux::judge(&[&ready.to_string(), &refused.to_string()]).await.unwrap();
    let words: Vec<_> = verdict.iter().map(|verdict| verdict.status.as_str()).collect();
    assert_eq!(words, ["Current", "Failed"], "kstatus itself");
    world.judge().await;
}

#[tokio::test]
async fn sts_trouble_that_passes_is_no_refusal() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    other.put_group(REGION, "a", json!({ "profilingEnabled": false })).await.unwrap();
    let throttled = json!({ "type": "error", "code": "Throttling", "status": 400 });
    world.aws.fault(json!({ "operation": "AssumeRole", "effect": throttled })).await.unwrap();
    accounts.create("other", OTHER, json!({})).await;
    let _operator = start(&world).await;
    world.create("a", true, accounts.reference("other")).await;
    let status = world.condition("a", "Ready", "False", "Throttled").await;
    assert!(condition(&status, "Stalled").is_null(), "{status:#}");
    world.aws.clear_faults().await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    world.judge().await;
}

#[tokio::test]
async fn a_role_of_another_account_never_leads_to_a_group_of_the_same_name() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let (other, third) = (world.emulator.account(OTHER), world.emulator.account(THIRD));
    for account in [&other, &third] {
        account.put_group(REGION, "a", json!({ "profilingEnabled": true })).await.unwrap();
    }
    accounts.create("other", OTHER, json!({})).await;
    let _operator = start(&world).await;
    world.create("a", true, accounts.reference("other")).await;
    world.condition("a", "Ready", "True", "InSync").await;

    accounts.patch("other", json!({ "roleArn": arn(THIRD, ROLE) })).await;
    let status = world.condition("a", "Stalled", "True", "TargetChanged").await;
    assert!(message(&status, "Ready").contains(OTHER) && message(&status, "Ready").contains(THIRD), "{status:#}");
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Stalled", "True", "TargetChanged").await;
    assert_eq!(enabled(&third, REGION, "a").await, Some(true));

    // Only the other role of that account is still to be had.
    other.trust(ROLE, json!({ "assumeRole": { "principals": ["nobody"] } })).await.unwrap();
    accounts.patch("other", json!({ "roleArn": arn(OTHER, "another-role") })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(enabled(&other, REGION, "a").await, Some(false));
    world.judge().await;
}

#[tokio::test]
async fn an_answer_of_another_account_than_the_roles_is_never_written_to() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    let identity = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::{THIRD}:assumed-role/a/b</Arn><UserId>u</UserId><Account>{THIRD}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    let answer = json!({ "type": "body", "status": 200, "contentType": "text/xml", "body": identity });
    other.fault(json!({ "operation": "GetCallerIdentity", "effect": answer })).await.unwrap();
    accounts.create("other", OTHER, json!({ "allowedFacets": ["create"] })).await;
    let _operator = start(&world).await;
    let create = json!({ "accountRef": { "name": accounts.name("other") }, "creationPolicy": "IfMissing" });
    world.create("a", true, create).await;
    let status = world.condition("a", "Stalled", "True", "AccountDiffers").await;
    assert!(message(&status, "Ready").contains(THIRD) && message(&status, "Ready").contains(OTHER), "{status:#}");
    assert_eq!(calls(&other, "CreateProfilingGroup").await, 0);
    other.clear_faults().await.unwrap();
    world.judge().await;
}

#[tokio::test]
async fn two_references_to_one_group_never_fight() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    world.flip("a", true).await;
    // The role belongs to the account of the operator's own identity.
    let own = world.aws.id();
    accounts.create("one", own, json!({})).await;
    accounts.create("two", own, json!({})).await;
    let _operator = start(&world).await;
    let spec = |more: Value| {
        let mut spec = json!({ "profilingGroupName": "a", "profilingEnabled": true });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        spec
    };
    world.try_create("first", spec(json!({}))).await.unwrap();
    world.condition("first", "Ready", "True", "InSync").await;
    for account in ["one", "two"] {
        let mut spec = spec(accounts.reference(account));
        spec["profilingEnabled"] = json!(false);
        world.try_create(account, spec).await.unwrap();
        let status = world.condition(account, "Stalled", "True", "ClaimedByAnother").await;
        assert!(message(&status, "Ready").contains(&format!("{}/first", world.namespace)), "{status:#}");
    }
    world.lists(2).await;
    assert_eq!((world.enabled("a").await, world.calls("UpdateProfilingGroup").await), (Some(true), 0));
    world.judge().await;
}

#[tokio::test]
async fn the_operators_own_identity_is_limited_to_namespaces_and_names() {
    let world = World::new().await;
    world.flip("shop-a", false).await;
    world.flip("b", false).await;
    let start = world.operator().await.flag("--own-identity-group-names", "shop-*");
    let operator = start.start().await.unwrap();
    world.create("shop-a", true, json!({})).await;
    world.create("b", true, json!({})).await;
    world.condition("shop-a", "Ready", "True", "InSync").await;
    let status = world.condition("b", "Stalled", "True", "AccountNotAllowed").await;
    assert!(message(&status, "Ready").contains("--own-identity-group-names"), "{status:#}");
    operator.stop_gracefully().await.unwrap();

    let start = world.operator().await.flag("--own-identity-namespaces", "elsewhere");
    let operator = start.start().await.unwrap();
    let refused = |object: &Value| message(&object["status"], "Ready").contains("--own-identity-namespaces");
    world.until("shop-a", "the refusal of its namespace", refused).await;
    assert_eq!(world.enabled("b").await, Some(false));
    operator.stop_gracefully().await.unwrap();
    world.judge().await;
}

#[tokio::test]
async fn the_examples_are_accepted_and_work_as_they_are() {
    let plane = Arc::new(ControlPlane::start(Options::default()).await.unwrap());
    install(&plane).await;
    plane
        .apply("apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { profiling: staging } }")
        .await
        .unwrap();
    let world = World::within(plane, "shop".into()).await;
    let [production, staging] = [OTHER, THIRD].map(|account| world.emulator.account(account));
    for (account, id) in [(&production, "production-cluster"), (&staging, "staging-cluster")] {
        let principals = [format!("arn:aws:iam::{}:*", world.aws.id())];
        let trust = json!({ "assumeRole": { "principals": principals, "externalId": id } });
        account.trust("codeguru-profiler-operator", trust).await.unwrap();
    }
    production.put_group(REGION, "shop-checkout", json!({ "profilingEnabled": false })).await.unwrap();
    for name in ["production", "staging", "checkout"] {
        let path = paths::workspace().join(format!("examples/accounts/{name}.yaml"));
        world.plane.apply(&std::fs::read_to_string(path).unwrap()).await.unwrap();
    }
    let _operator = start(&world).await;
    let status = world.condition("shop-checkout", "Ready", "True", "InSync").await;
    assert_eq!((&status["account"], &status["region"]), (&json!(OTHER), &json!("eu-west-1")));
    assert_eq!(enabled(&production, REGION, "shop-checkout").await, Some(true));
    let created =
        json!({ "accountRef": { "name": "staging" }, "creationPolicy": "IfMissing", "tags": { "team": "shop" } });
    world.create("created", true, created).await;
    let status = world.condition("created", "Ready", "True", "InSync").await;
    assert_eq!((&status["account"], enabled(&staging, REGION, "created").await), (&json!(THIRD), Some(true)));
    world.judge().await;
}

#[tokio::test]
async fn without_the_watch_of_accounts_a_reference_is_refused_with_what_to_do() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    world.flip("own", true).await;
    accounts.create("other", OTHER, json!({})).await;
    let operator = world.operator().await.flag("--accounts", "false").start().await.unwrap();
    world.create("a", true, accounts.reference("other")).await;
    world.create("own", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "AccountsNotWatched").await;
    assert!(message(&status, "Ready").contains("--accounts=false"), "{status:#}");
    world.condition("own", "Ready", "True", "InSync").await;
    assert_eq!(world.calls("AssumeRole").await, 0);
    operator.stop_gracefully().await.unwrap();
    world.judge().await;
}

#[tokio::test]
async fn a_reference_to_an_account_is_never_changed() {
    let world = World::new().await;
    let _operator = start(&world).await;
    world.create("a", true, json!({ "accountRef": { "name": "one" } })).await;
    for spec in [json!({ "accountRef": { "name": "two" } }), json!({ "accountRef": null })] {
        let refused = world.try_patch("a", json!({ "spec": spec })).await.unwrap_err().to_string();
        assert!(refused.contains("create a new ProfilingGroup for another account"), "{refused}");
    }
    world.condition("a", "Stalled", "True", "AccountMissing").await;
    world.judge().await;
}

#[tokio::test]
async fn the_crd_of_accounts_may_come_later() {
    let world = World::apart().await;
    let gone = ["delete", "crd", "profileraccounts.codeguruprofiler.dev", "--timeout=60s"];
    assert!(world.plane.kubectl(&gone).await.unwrap().status.success());
    world.flip("own", true).await;
    let operator = start(&world).await;
    world.create("own", true, json!({})).await;
    world.condition("own", "Ready", "True", "InSync").await;
    world.create("a", true, json!({ "accountRef": { "name": "other" } })).await;
    let status = world.condition("a", "Stalled", "True", "AccountsNotWatched").await;
    assert!(message(&status, "Ready").contains("install their CRD"), "{status:#}");
    assert_eq!(operator.logs().matches("profileraccounts can't be listed").count(), 1);

    let crd = codeguru_profiler_operator::api::account_crd();
    world.plane.apply(&codeguru_profiler_operator::api::crd_yaml(&crd)).await.unwrap();
    world.condition("a", "Stalled", "True", "AccountMissing").await;
    world.judge().await;
}

/// The watch of accounts has fallen silent: what it has not reported yet is found before the next correction.
#[tokio::test]
async fn a_role_that_was_taken_away_is_not_used_though_the_watch_has_not_reported_it() {
    let world = World::new().await;
    let accounts = Accounts::of(&world);
    let other = world.emulator.account(OTHER);
    other.put_group(REGION, "a", json!({ "profilingEnabled": true })).await.unwrap();
    accounts.create("other", OTHER, json!({})).await;
    let (proxy, operator) = world.behind_a_proxy().await;
    let _operator = operator.start().await.unwrap();
    world.create("a", true, accounts.reference("other")).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let silent = proxy.add(Rule::new(Effect::Hang).path("/profileraccounts?"));
    proxy.cut_watches();
    world.eventually("a watch that is silent", async || (proxy.hits(silent) > 0).then_some(())).await;
    accounts.patch("other", json!({ "namespaces": [] })).await;
    other.put_group(REGION, "a", json!({ "profilingEnabled": false })).await.unwrap();
    world.condition("a", "Stalled", "True", "AccountNotAllowed").await;
    assert_eq!((calls(&other, "UpdateProfilingGroup").await, enabled(&other, REGION, "a").await), (0, Some(false)));
    world.judge().await;
}
