//! A scenario: requests to the admin port, written down in a file with the time of each.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::ports::admin;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    /// How long after the start; at 0 before the first request of a client.
    #[serde(default)]
    at_ms: u64,
    /// Method and target, such as `POST /seed`.
    request: String,
    #[serde(default)]
    body: Value,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file is not there, or not to be read.
    #[error("cannot read the scenario {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is no scenario.
    #[error("{path} is not a valid scenario")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The admin port refuses a step.
    #[error("step {request} was rejected: {answer}")]
    Refused {
        /// The step's request.
        request: String,
        /// The admin port's error.
        answer: String,
    },
}

impl Scenario {
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read(path).map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
        let mut scenario: Self =
            serde_json::from_slice(&text).map_err(|source| ScenarioError::Parse { path: path.to_owned(), source })?;
        scenario.steps.sort_by_key(|step| step.at_ms);
        Ok(scenario)
    }

    /// Plays what is for the start now, and the rest in its time. A later step that is refused is logged.
    pub fn play(mut self, world: &Arc<World>) -> Result<(), ScenarioError> {
        let start = Instant::now();
        let later = self.steps.split_off(self.steps.partition_point(|step| step.at_ms == 0));
        for step in &self.steps {
            step.play(world)?;
        }
        if !later.is_empty() {
            tokio::spawn(play_later(Arc::downgrade(world), later, start));
        }
        Ok(())
    }
}

async fn play_later(world: Weak<World>, steps: Vec<Step>, start: Instant) {
    for step in steps {
        sleep_until(start + Duration::from_millis(step.at_ms)).await;
        let Some(world) = world.upgrade() else { return };
        if let Err(error) = step.play(&world) {
            tracing::warn!(%error, "a scenario step failed");
        }
    }
}

impl Step {
    fn play(&self, world: &Arc<World>) -> Result<(), ScenarioError> {
        let (method, target) = self.request.split_once(' ').unwrap_or((&self.request, ""));
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        admin::apply(world, method, target, body.as_bytes())
            .map_err(|answer| ScenarioError::Refused { request: self.request.clone(), answer })
    }
}
