//! Who the operator is in AWS: a role by its ServiceAccount's token, a role by another identity, and what either may do.

use std::{path::Path, process::Output, time::Duration};

use devkit::operator::Start;
use serde_json::json;

use crate::{
    pod_identity::{self, Agent},
    world::{LIMIT, OPERATOR_USER, PROGRAM, REGION, SECRET, World, condition, message},
};

const ROLE: &str = "codeguru-profiler-operator";
const AUDIENCE: &str = "sts.amazonaws.com";

/// The operator with nothing but what it finds in files and in its environment.
async fn operator(world: &World) -> Start {
    let url = world.emulator.service_url();
    let start = world.operator_without_aws(&world.kubeconfig().await);
    start.flag("--endpoint-url", url).env("AWS_ENDPOINT_URL_STS", url).env("AWS_REGION", REGION)
}

fn role(world: &World) -> String {
    format!("arn:aws:iam::{}:role/{ROLE}", world.aws.id())
}

/// The ServiceAccount's token for AWS, as EKS puts it into a pod.
async fn web_identity(world: &World, file: &Path) {
    token(world, AUDIENCE, file).await;
}

async fn token(world: &World, audience: &str, file: &Path) {
    let (namespace, name) = OPERATOR_USER.strip_prefix("system:serviceaccount:").unwrap().split_once(':').unwrap();
    let args = ["create", "token", name, "--namespace", namespace, "--audience", audience];
    let output = world.plane.kubectl(&args).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(file, output.stdout).unwrap();
}

async fn callers(world: &World, operation: &str) -> usize {
    world
        .aws
        .journal()
        .await
        .unwrap()
        .iter()
        .filter(|entry| entry.is(operation) && entry.http_status == Some(200))
        .count()
}

#[tokio::test]
async fn with_irsa_the_operator_is_the_role_that_trusts_its_service_account_and_nobody_elses() {
    let world = World::new().await;
    world.flip("a", false).await;
    let trust = |subject: &str| json!({ "webIdentity": { "subject": subject, "audience": AUDIENCE } });
    world.aws.trust(ROLE, trust("system:serviceaccount:shop:checkout")).await.unwrap();
    let token = tempfile::NamedTempFile::new().unwrap();
    web_identity(&world, token.path()).await;
    let start = operator(&world).await.env("AWS_ROLE_ARN", &role(&world));
    let start = start.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap());
    let operator = start.start().await.unwrap();

    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "CredentialsInvalid").await;
    let text = message(&status, "Stalled");
    assert!(text.contains("AWS STS in eu-west-1"), "{text}");
    assert!(text.contains("its trust policy admits the operator's ServiceAccount"), "{text}");
    assert_eq!(world.enabled("a").await, Some(false));

    world.aws.trust(ROLE, trust(OPERATOR_USER)).await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert_eq!(callers(&world, "AssumeRoleWithWebIdentity").await, 1, "one session for all calls");
    let token = std::fs::read_to_string(token.path()).unwrap();
    assert!(!operator.logs().contains(&token), "the token is in the log");
    world.judge().await;
}

#[tokio::test]
async fn trouble_with_the_token_file_and_with_sts_is_named_as_that_and_ends_with_its_cause() {
    let world = World::new().await;
    world.flip("a", false).await;
    let trust = json!({ "webIdentity": { "subject": OPERATOR_USER, "audience": AUDIENCE } });
    world.aws.trust(ROLE, trust).await.unwrap();
    let unwell = json!({ "type": "error", "code": "IDPCommunicationError", "status": 400 });
    world.aws.fault(json!({ "operation": "AssumeRoleWithWebIdentity", "effect": unwell })).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let start = operator(&world).await.env("AWS_ROLE_ARN", &role(&world));
    let _operator = start.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()).start().await.unwrap();

    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "CredentialsMissing").await;
    let text = message(&status, "Stalled");
    assert!(text.contains(&format!("the token file {} does not exist", token.display())), "{text}");
    assert_eq!(world.calls("AssumeRoleWithWebIdentity").await, 0);

    web_identity(&world, &token).await;
    let status = world.condition("a", "Ready", "False", "ServiceUnavailable").await;
    let text = message(&status, "Ready");
    assert!(text.contains("AWS STS in eu-west-1 fails to answer"), "{text}");
    assert_eq!(condition(&status, "Reconciling")["status"], "True", "{status:#}");
    assert!(condition(&status, "Stalled").is_null(), "{status:#}");

    world.aws.clear_faults().await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    world.judge().await;
}

/// The kubelet replaces a token long before it expires, also while a call with it is under way.
#[tokio::test]
async fn a_token_that_is_replaced_again_and_again_costs_no_failed_call() {
    let world = World::new().await;
    world.flip("a", false).await;
    let trust = json!({ "webIdentity": { "subject": OPERATOR_USER, "audience": AUDIENCE } });
    world.aws.trust(ROLE, trust).await.unwrap();
    let slow = json!({ "operation": "AssumeRoleWithWebIdentity", "delayMs": 1500, "effect": { "type": "delay" } });
    world.aws.fault(slow).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (token, next) = (folder.path().join("token"), folder.path().join("next"));
    web_identity(&world, &token).await;
    let start = operator(&world).await.env("AWS_ROLE_ARN", &role(&world));
    let _operator = start.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()).start().await.unwrap();
    let rotation = async {
        loop {
            web_identity(&world, &next).await;
            std::fs::rename(&next, &token).unwrap();
        }
    };
    let story = async {
        world.create("a", true, json!({})).await;
        world.condition("a", "Ready", "True", "InSync").await;
        world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
        world.lists(2).await;
        world.condition("a", "Ready", "True", "InSync").await;
    };
    tokio::select! {
        () = story => {}
        () = rotation => {}
    }
    let journal = world.aws.journal().await.unwrap();
    assert!(journal.iter().all(|entry| entry.http_status.is_none_or(|status| status == 200)), "no call has failed");
    assert_eq!(world.enabled("a").await, Some(false));
    world.judge().await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_named_as_that_and_a_new_one_works() {
    let world = World::new().await;
    world.flip("a", false).await;
    let trust = json!({ "webIdentity": { "subject": OPERATOR_USER, "audience": AUDIENCE } });
    world.aws.trust(ROLE, trust).await.unwrap();
    let token = tempfile::NamedTempFile::new().unwrap();
    web_identity(&world, token.path()).await;
    // AWS's clock is two hours ahead; the token is for one.
    world.emulator.clock(Duration::from_hours(2)).await.unwrap();
    let start = operator(&world).await.env("AWS_ROLE_ARN", &role(&world));
    let _operator = start.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()).start().await.unwrap();
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "CredentialsExpired").await;
    let text = message(&status, "Stalled");
    assert!(text.contains("AWS STS in eu-west-1") && text.contains("token"), "{text}");
    assert_eq!(world.enabled("a").await, Some(false));

    world.emulator.clock(Duration::ZERO).await.unwrap();
    web_identity(&world, token.path()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    world.judge().await;
}

#[tokio::test]
async fn the_role_of_an_account_is_assumed_by_the_role_of_the_service_account_whose_token_is_replaced() {
    let world = World::new().await;
    let other = world.emulator.account("444455556666");
    other.put_group(REGION, "a", json!({ "profilingEnabled": false })).await.unwrap();
    let web = json!({ "webIdentity": { "subject": OPERATOR_USER, "audience": AUDIENCE } });
    world.aws.trust(ROLE, web).await.unwrap();
    let session = format!("arn:aws:sts::{}:assumed-role/{ROLE}/*", world.aws.id());
    other.trust("profiler", json!({ "assumeRole": { "principals": [session], "externalId": "x-1" } })).await.unwrap();
    let name = format!("{}-other", world.namespace);
    let account = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount", "metadata": { "name": name },
        "spec": {
            "roleArn": format!("arn:aws:iam::{}:role/profiler", other.id()), "externalId": "x-1",
            "namespaces": [world.namespace],
        },
    });
    world.plane.apply(&account.to_string()).await.unwrap();
    let token = tempfile::NamedTempFile::new().unwrap();
    web_identity(&world, token.path()).await;
    let start = operator(&world).await.env("AWS_ROLE_ARN", &role(&world));
    let _operator = start.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()).start().await.unwrap();

    world.create("a", true, json!({ "accountRef": { "name": name } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!((callers(&world, "AssumeRoleWithWebIdentity").await, callers(&world, "AssumeRole").await), (1, 1));

    // Another external ID is another session, for which the operator's own is still good.
    std::fs::write(token.path(), "").unwrap();
    other.trust("profiler", json!({ "assumeRole": { "principals": [session], "externalId": "x-2" } })).await.unwrap();
    let changed = account.to_string().replace("x-1", "x-2");
    world.plane.apply(&changed).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    web_identity(&world, token.path()).await;
    assert_eq!((callers(&world, "AssumeRoleWithWebIdentity").await, callers(&world, "AssumeRole").await), (1, 2));
    assert!(other.journal().await.unwrap().iter().all(|entry| entry.http_status == Some(200)), "no call has failed");
    world.judge().await;
}

/// EKS Pod Identity gives short-lived credentials, each time for the token that is in the file then.
#[tokio::test]
async fn with_pod_identity_the_role_of_an_account_is_assumed_while_tokens_and_credentials_are_replaced() {
    let world = World::new().await;
    let other = world.emulator.account("444455556666");
    other.put_group(REGION, "a", json!({ "profilingEnabled": false })).await.unwrap();
    world.flip("own", true).await;
    let trust = json!({ "assumeRole": { "principals": [format!("arn:aws:iam::{}:*", world.aws.id())] } });
    other.trust("profiler", trust).await.unwrap();
    let name = format!("{}-other", world.namespace);
    let account = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount", "metadata": { "name": name },
        "spec": { "roleArn": format!("arn:aws:iam::{}:role/profiler", other.id()), "namespaces": [world.namespace] },
    });
    world.plane.apply(&account.to_string()).await.unwrap();
    let agent = Agent::start(&world).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    token(&world, pod_identity::AUDIENCE, file.path()).await;
    let start = operator(&world).await.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &agent.url);
    let start = start.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap());
    let operator = start.start().await.unwrap();

    world.create("a", true, json!({ "accountRef": { "name": name } })).await;
    world.create("own", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.condition("own", "Ready", "True", "InSync").await;
    assert_eq!((agent.tokens(), callers(&world, "AssumeRole").await), (1, 1));

    token(&world, pod_identity::AUDIENCE, file.path()).await;
    world.eventually("the new token is used", async || (agent.tokens() == 2).then_some(())).await;
    world.lists(1).await;
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    for account in [&world.aws, &other] {
        let journal = account.journal().await.unwrap();
        assert!(journal.iter().all(|entry| entry.http_status == Some(200)), "no call has failed");
    }
    let token = std::fs::read_to_string(file.path()).unwrap();
    assert!(!operator.logs().contains(&token), "the token is in the log");
    world.judge().await;
}

async fn refused(world: &World, env: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(PROGRAM);
    let command = command.args(["run", "--listen-address", "127.0.0.1:0"]).env_clear().envs(env.iter().copied());
    let run = command.env("KUBECONFIG", world.kubeconfig().await).kill_on_drop(true).output();
    let Output { status, stderr, .. } = tokio::time::timeout(LIMIT, run).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1), "{env:?}");
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn what_can_never_work_is_refused_at_the_start_with_what_to_give() {
    let world = World::new().await;
    let key = ("AWS_SECRET_ACCESS_KEY", SECRET);
    for (env, expected) in [
        (&[("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", "AKIA\n"), key][..], "AWS_ACCESS_KEY_ID holds a line break"),
        (&[("AWS_REGION", "Ireland")], "AWS_REGION is not an AWS region; give its code, such as eu-west-1"),
        (&[("AWS_REGION", REGION), ("AWS_CA_BUNDLE", "/nowhere.pem")], "the CA bundle /nowhere.pem (AWS_CA_BUNDLE)"),
    ] {
        let refused = refused(&world, env).await;
        assert!(refused.contains(expected) && !refused.contains(SECRET), "{env:?}: {refused}");
    }
    world.judge().await;
}

#[tokio::test]
async fn a_chain_of_roles_with_an_external_id_ends_in_what_the_last_role_may_do() {
    let world = World::new().await;
    world.flip("a", false).await;
    let base = format!("arn:aws:iam::{}:*", world.aws.id());
    let trust = |id: &str| json!({ "assumeRole": { "principals": [base], "externalId": id } });
    world.aws.trust(ROLE, trust("x-1")).await.unwrap();
    let allow = |actions: &[&str]| {
        actions.iter().map(|action| json!({ "effect": "allow", "action": action })).collect::<Vec<_>>()
    };
    let look = ["codeguru-profiler:List*", "codeguru-profiler:Describe*", "sts:*"];
    world.aws.rules(&allow(&look)).await.unwrap();
    let config = tempfile::NamedTempFile::new().unwrap();
    let profile = format!(
        "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {SECRET}\n[profile operator]\nsource_profile = base\nrole_arn = {}\nexternal_id = x-1\n",
        world.aws.access_key(),
        role(&world),
    );
    std::fs::write(config.path(), profile).unwrap();
    let start = operator(&world).await.env("AWS_CONFIG_FILE", config.path().to_str().unwrap());
    let _operator = start.env("AWS_PROFILE", "operator").start().await.unwrap();

    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "AccessDenied").await;
    let text = message(&status, "Stalled");
    assert!(text.contains("codeguru-profiler:UpdateProfilingGroup"), "{text}");
    assert_eq!(world.status("a").await["profilingEnabled"], false, "it may look");

    let toggle = [&look[..], &["codeguru-profiler:UpdateProfilingGroup"]].concat();
    world.aws.rules(&allow(&toggle)).await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(callers(&world, "AssumeRole").await, 1, "one session for all calls");
    world.judge().await;
}
