//! The emulator as a process, and every call of the admin interface that the stories make.
#![allow(clippy::unwrap_used)] // In what the tests share too.

use devkit::emulator::Emulator;
use devkit::http;
use serde_json::json;

const REGION: &str = "eu-west-1";

#[tokio::test]
async fn an_account_of_the_emulator_does_what_its_admin_sets() {
    let emulator = Emulator::start().await.unwrap();
    assert_eq!(http::get(&format!("{}/healthz", emulator.admin_url())).await.unwrap().status, 200);
    let account = emulator.account("111122223333");
    assert_eq!(account.access_key(), "AKIA111122223333");

    account.seed(REGION, 3, "seeded-", true).await.unwrap();
    account.put_group(REGION, "One_Group", json!({ "profilingEnabled": true })).await.unwrap();
    let before = account.group(REGION, "One_Group").await.unwrap().expect("the group is there");
    account.flip_all(REGION).await.unwrap();
    let after = account.group(REGION, "One_Group").await.unwrap().expect("the group is there");
    assert_ne!(before, after);
    account.delete_group(REGION, "One_Group").await.unwrap();
    assert_eq!(account.group(REGION, "One_Group").await.unwrap(), None);

    account.settings(REGION, json!({ "latencyMs": 1 })).await.unwrap();
    account.fault(json!({ "operation": "ListProfilingGroups", "effect": { "type": "hang" } })).await.unwrap();
    account.clear_faults().await.unwrap();
    emulator.clock(std::time::Duration::from_mins(1)).await.unwrap();

    assert!(account.journal().await.unwrap().is_empty());
    assert!(account.counts(REGION).await.unwrap().is_empty());
    account.clear_journal().await.unwrap();
    account.forget().await.unwrap();
}
