//! Argo CD's word and kstatus's word for an example of every phase that the stories recorded.

use std::collections::BTreeSet;

use devkit::{
    argocd::{Offline, Verdict},
    flux,
    kstatus::{self, find},
    paths,
    phase::{self, Example},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

/// Every phase, by Argo CD's word for it.
const WORDS: [(&str, &[&str]); 4] = [
    (
        "Healthy",
        &[
            "DriftReported",
            "InSync_AgentsReporting_AgentsUpToDate",
            "InSync_AgentsReporting_WaitingForAgents",
            "InSync_AgentsSilent_WaitingForAgents",
            "InSync_InventoryStale",
            "InSync_NoAgentEverSeen_WaitingForAgents",
            "InSync_NotCreatedHere",
            "InSync_NotJudged_NotJudged",
            "InSync_NotYetKnown_AgentsUpToDate",
            "InSync_NotYetKnown_WaitingForAgents",
            "InSync_ProfilingOff_AgentsUpToDate",
            "InSync_ProfilingOff_WaitingForAgents",
            "InSync_ReportsAlthoughOff_AgentsUpToDate",
            "Observed_Differs",
        ],
    ),
    ("Suspended", &["Suspended"]),
    (
        "Progressing",
        &[
            "Conflict",
            "Contested",
            "Deleting",
            "DeletionFailed",
            "InternalError",
            "MalformedAnswer",
            "NeverLookedAt",
            "OldGeneration",
            "Progressing",
            "ServiceUnavailable",
            "SwitchUnknown",
            "Throttled",
            "TimedOut",
            "Unreachable",
        ],
    ),
    (
        "Degraded",
        &[
            "AccessDenied",
            "AccountDiffers",
            "AccountMissing",
            "AccountNotAllowed",
            "AccountNotReady",
            "AccountsNotWatched",
            "ClaimedByAnother",
            "CredentialsExpired",
            "CredentialsInvalid",
            "CredentialsMissing",
            "FacetNotAllowed",
            "FinalizerDenied",
            "GroupNotFound",
            "InvalidRequest",
            "InvalidSpec",
            "ListDenied",
            "OwnedByAnother",
            "PlatformDiffers",
            "PrincipalNotAllowed",
            "QuotaExceeded",
            "RegionMissing",
            "SignatureRejected",
            "TargetChanged",
            "TopicNotAllowed",
        ],
    ),
];
/// At once: each is a process that is busy.
const AT_ONCE: usize = 2;

async fn offline() -> Offline {
    Offline::with(&paths::workspace().join("deploy/argocd/argocd-cm.yaml")).await.unwrap()
}

/// What is to be reported of an example: the words, and the message.
fn expected(Example { phase, object, .. }: &Example) -> (&'static str, &'static str, String) {
    let (word, _) = WORDS.iter().find(|(_, phases)| phases.contains(&phase.as_str())).unwrap();
    let kstatus = match (*word, phase.as_str()) {
        (_, "Deleting" | "DeletionFailed") => "Terminating",
        // kstatus has no word for what is suspended.
        ("Healthy" | "Suspended", _) => "Current",
        ("Progressing", _) => "InProgress",
        _ => "Failed",
    };
    let message = match phase.as_str() {
        "Deleting" | "DeletionFailed" => "Pending deletion".to_owned(),
        "NeverLookedAt" | "OldGeneration" => {
            format!("Waiting for the operator to process generation {}.", object["metadata"]["generation"])
        }
        _ => {
            let told = ["Stalled", "Reconciling", "Ready"].into_iter().find_map(|kind| find(object, kind)).unwrap();
            told["message"].as_str().unwrap().to_owned()
        }
    };
    (word, kstatus, message)
}

#[tokio::test]
async fn argo_cd_and_kstatus_agree_on_every_phase_that_the_stories_recorded() {
    let examples: Vec<_> = phase::examples().unwrap().into_values().collect();
    let phases: BTreeSet<_> = examples.iter().map(|example| example.phase.as_str()).collect();
    assert_eq!(phases, WORDS.iter().flat_map(|(_, phases)| phases.iter().copied()).collect(), "each has its word here");

    let offline = offline().await;
    let verdicts: Vec<Verdict> = stream::iter(&examples)
        .map(|example| offline.health(&example.yaml))
        .buffered(AT_ONCE)
        .try_collect()
        .await
        .unwrap();
    let documents: Vec<_> = examples.iter().map(|example| example.yaml.as_str()).collect();
    let by_kstatus = flux::judge(&documents).await.unwrap();

    println!("{:<42} {:<12} {:<12} Argo CD's message", "phase", "Argo CD", "kstatus");
    for (example, (verdict, flux::Verdict { status: word, message: text, .. })) in
        examples.iter().zip(verdicts.iter().zip(&by_kstatus))
    {
        println!("{:<42} {:<12} {word:<12} {}", example.phase, verdict.status, verdict.message);
        let (health, kstatus, message) = expected(example);
        assert_eq!(*verdict, Verdict { status: health.to_owned(), message }, "{}", example.phase);
        assert_eq!(word, kstatus, "{}: {text}", example.phase);
        let (own, own_message) = kstatus::compute(&example.object);
        assert_eq!(format!("{own:?}"), *word, "the devkit's reading of kstatus, {}", example.phase);
        if matches!(example.phase.as_str(), "NeverLookedAt" | "OldGeneration" | "Deleting" | "DeletionFailed")
            || word == "Current"
        {
            continue;
        }
        assert_eq!(own_message, *text, "{}", example.phase);
    }
}

/// As the operator reports them: `profiler_accounts::an_account_reports_its_role_and_what_it_lists_and_at_rest_nothing_is_written`.
#[tokio::test]
async fn argo_cd_and_kstatus_agree_on_accounts() {
    let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "message": reason, "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let account = |observed: i64, conditions: &[Value]| {
        json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount",
            "metadata": { "name": "production", "generation": 2 },
            "spec": { "roleArn": "arn:aws:iam::111122223333:role/codeguru-profiler" },
            "status": { "observedGeneration": observed, "conditions": conditions },
        })
    };
    let refused = [condition("Ready", "False", "AccountNotReady"), condition("Stalled", "True", "AccountNotReady")];
    let waits = [condition("Ready", "Unknown", "Progressing"), condition("Reconciling", "True", "Progressing")];
    let rows = [
        (account(-1, &[]), "Progressing", "InProgress"),
        (account(1, &[condition("Ready", "True", "Succeeded")]), "Progressing", "InProgress"),
        (account(2, &waits), "Progressing", "InProgress"),
        (account(2, &[condition("Ready", "True", "Succeeded")]), "Healthy", "Current"),
        (account(2, &[condition("Ready", "True", "NotInUse")]), "Healthy", "Current"),
        (account(2, &refused), "Degraded", "Failed"),
    ];
    let offline = offline().await;
    let documents: Vec<_> = rows.iter().map(|(object, ..)| object.to_string()).collect();
    let by_kstatus = flux::judge(&documents.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    for ((document, (_, health, kstatus)), flux::Verdict { status, .. }) in documents.iter().zip(&rows).zip(&by_kstatus)
    {
        assert_eq!(offline.health(document).await.unwrap().status, *health, "{document}");
        assert_eq!(status, kstatus, "{document}");
    }
}

#[tokio::test]
async fn only_the_actions_that_make_sense_are_offered() {
    let examples: Vec<_> = phase::examples().unwrap().into_values().collect();
    let offline = offline().await;
    let offered: Vec<_> = stream::iter(&examples)
        .map(|example| offline.actions(&example.yaml))
        .buffered(AT_ONCE)
        .try_collect()
        .await
        .unwrap();
    for (example, actions) in examples.iter().zip(offered) {
        let names: Vec<_> = actions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["reconcile", "resume", "suspend"], "{}", example.phase);
        let enabled: Vec<_> = actions.iter().filter(|(_, enabled)| *enabled).map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = match example.phase.as_str() {
            "Deleting" | "DeletionFailed" => &[],
            "Suspended" => &["resume"],
            _ => &["reconcile", "suspend"],
        };
        assert_eq!(enabled, expected, "{}", example.phase);
    }
}

#[tokio::test]
async fn an_action_changes_the_one_field_that_it_is_for() {
    let offline = offline().await;
    let examples = phase::examples().unwrap();
    let changes = async |phase: &str, action: &str| offline.run_action(&examples[phase].yaml, action).await.unwrap();
    let (in_sync, suspended) = ("InSync_ProfilingOff_WaitingForAgents", "Suspended");

    assert_eq!(changes(in_sync, "suspend").await, ["+ suspend: true"]);
    assert_eq!(changes(suspended, "resume").await, ["- suspend: true"]);
    let requested = changes(in_sync, "reconcile").await;
    let [annotations, request] = &requested[..] else { panic!("{requested:?}") };
    assert_eq!(annotations, "+ annotations:");
    let (name, time) = request.split_once(": ").unwrap();
    assert_eq!(name, "+ codeguruprofiler.dev/reconcile-requested-at");
    let time: k8s_openapi::jiff::Timestamp = time.trim_matches(['"', '\'']).parse().unwrap();
    assert!(time.duration_until(k8s_openapi::jiff::Timestamp::now()).as_secs() < 60, "{requested:?}");
}
