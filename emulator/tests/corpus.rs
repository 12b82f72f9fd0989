//! Replays the corpus of the fuzz target, and holds the seeds in it to what they are for.
// A helper that panics fails its test, as it should; and a test has the time of the machine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::PathBuf;

#[path = "../fuzz/conversation.rs"]
mod conversation;

fn corpus() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/request"))
}

#[tokio::test]
async fn every_answer_to_the_corpus_is_one_that_the_service_could_give() {
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        replayed += conversation::check(&text).await.len();
    }
    assert!(replayed >= 26, "{replayed} requests");
}

#[tokio::test]
async fn the_seed_of_each_operation_ends_with_its_success() {
    let table = codeguru_profiler_emulator::table_json();
    let rows = table["operations"].as_array().unwrap();
    assert_eq!(rows.len(), 26);
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let text =
            std::fs::read(corpus().join(format!("{name}.http"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answers = conversation::check(&text).await;
        let last = answers.last().unwrap();
        assert_eq!(u64::from(last.status().as_u16()), row["success"], "{name}: {:?}", last.body());
    }
}

#[tokio::test]
async fn the_seed_with_a_signature_reaches_its_comparison() {
    let text = std::fs::read(corpus().join("verified.http")).unwrap();
    let verified = conversation::answers(&conversation::verifying(), &text).await;
    assert_eq!(verified[0].headers()["x-amzn-errortype"], "InvalidSignatureException");
    assert!(String::from_utf8_lossy(verified[0].body()).contains("does not match"), "{:?}", verified[0].body());
}
