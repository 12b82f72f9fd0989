//! Someone who edits a switch again and again, and looks each time whether AWS follows.

use std::time::{Duration, Instant};

use devkit::{emulator::Account, wait};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

/// The pod may be away for as long as it takes to end one and start another.
const LIMIT: Duration = Duration::from_mins(2);

/// The edits, until they are stopped.
pub struct Flips {
    stop: watch::Sender<bool>,
    made: watch::Receiver<Vec<Duration>>,
    task: JoinHandle<()>,
}

impl Flips {
    /// Starts with a resource that is on, and a group of the same state.
    pub fn start(
        groups: Api<DynamicObject>,
        resource: &'static str,
        aws: Account,
        region: &'static str,
        group: &'static str,
    ) -> Self {
        let ((stop, stopped), (count, made)) = (watch::channel(false), watch::channel(Vec::new()));
        let task = tokio::spawn(async move {
            let mut enabled = true;
            while !*stopped.borrow() {
                enabled = !enabled;
                let edit = json!({ "spec": { "profilingEnabled": enabled } });
                groups.patch(resource, &PatchParams::default(), &Patch::Merge(&edit)).await.unwrap();
                let edited = Instant::now();
                wait::until(&format!("AWS follows: profilingEnabled {enabled}"), LIMIT, || async {
                    let found = aws.group(region, group).await.unwrap().unwrap();
                    (found["agentOrchestrationConfig"]["profilingEnabled"] == enabled).then_some(())
                })
                .await
                .unwrap();
                count.send_modify(|made| made.push(edited.elapsed()));
            }
        });
        Self { stop, made, task }
    }

    /// Waits until AWS has followed so many edits more.
    pub async fn more(&mut self, edits: usize) {
        let goal = self.made.borrow().len() + edits;
        self.made.wait_for(|made| made.len() >= goal).await.unwrap();
    }

    /// Ends after the edit under way, and returns how long AWS took to follow each.
    pub async fn stop(self) -> Vec<Duration> {
        self.stop.send_replace(true);
        self.task.await.unwrap();
        self.made.borrow().clone()
    }
}
