//! What Flux reports of a resource: its Go packages, run as a program.

pub mod rules;

use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::Error;
use crate::go::Module;
use crate::kstatus::{find, text};
use crate::process::printed;

/// Its Go sources.
pub static MODULE: Module = Module {
    name: "flux",
    holds: "what Flux judges by: kstatus (cli-utils v1.3.0), rules for conditions (pkg/runtime v0.117.0)",
    package: ".",
    program: "flux",
    links: &[],
    ldflags: "",
    packages: 530,
    takes: "2 minutes",
};

/// What is reported of one document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verdict {
    /// The word of kstatus.
    pub status: String,
    /// The message of kstatus.
    pub message: String,
    /// The rules that it breaks as a status written while work goes on.
    in_progress: Vec<String>,
    /// The rules that it breaks as a status written at the end of an attempt.
    #[serde(rename = "final")]
    at_the_end: Vec<String>,
}

impl Verdict {
    /// The rules that the document breaks, failures before warnings.
    #[must_use]
    pub fn broken(&self, stage: Stage) -> &[String] {
        match stage {
            Stage::InProgress => &self.in_progress,
            Stage::Final => &self.at_the_end,
        }
    }
}

/// By which of Flux's two checkers a status is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Work goes on: there is no outcome for this generation yet.
    InProgress,
    /// An attempt has ended, well or not.
    Final,
}

impl Stage {
    /// Of a stored version. None where nobody has looked at the resource yet: Flux's rules begin with the first status.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        let observed = object["status"]["observedGeneration"].as_i64();
        if observed == Some(-1) {
            return None;
        }
        let ended = observed == object["metadata"]["generation"].as_i64()
            && find(object, "Ready").is_none_or(|ready| text(ready, "reason") != "Progressing");
        Some(if ended { Self::Final } else { Self::InProgress })
    }
}

/// What Flux reports of each of these documents, which are YAML or JSON.
pub async fn judge(documents: &[impl AsRef<str>]) -> Result<Vec<Verdict>, Error> {
    let program = MODULE.built().await?.join(MODULE.program);
    let mut child = Command::new(program)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::io("start flux"))?;
    let stdin = child.stdin.take();
    let write = async {
        let Some(mut stdin) = stdin else { return Ok(()) };
        for document in documents {
            stdin.write_all(document.as_ref().as_bytes()).await?;
            stdin.write_all(b"\n---\n").await?;
        }
        stdin.shutdown().await
    };
    // Both at once: a pipe holds only so many answers.
    let (written, output) = tokio::join!(write, child.wait_with_output());
    // Its own error has more than that it took no more input.
    let lines = printed("flux", &output.map_err(Error::io("read from flux"))?)?;
    written.map_err(Error::io("write to flux"))?;
    let verdicts: Vec<Verdict> = lines
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| Error::Unexpected(format!("flux: {error}: {line}"))))
        .collect::<Result<_, _>>()?;
    if verdicts.len() != documents.len() {
        return Err(Error::Unexpected(format!("flux: {} verdicts on {} documents", verdicts.len(), documents.len())));
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_final_once_an_attempt_for_this_generation_has_ended() {
        let of = |observed: i64, reason: &str| {
            let conditions = json!([{ "type": "Ready", "reason": reason }]);
            Stage::of(&json!({
                "metadata": { "generation": 2 }, "status": { "observedGeneration": observed, "conditions": conditions },
            }))
        };
        let table = [
            ("nobody has looked", of(-1, ""), None),
            ("in sync", of(2, "InSync"), Some(Stage::Final)),
            ("failed", of(2, "Throttled"), Some(Stage::Final)),
            ("on its way", of(2, "Progressing"), Some(Stage::InProgress)),
            ("edited", of(1, "InSync"), Some(Stage::InProgress)),
        ];
        for (name, stage, expected) in table {
            assert_eq!(stage, expected, "{name}");
        }
        let bare = json!({ "metadata": { "generation": 1 }, "status": { "observedGeneration": 1 } });
        assert_eq!(Stage::of(&bare), Some(Stage::Final), "a status without conditions is judged, too");
    }
}
