//! The step of the demo with AWS's own agent: it profiles a real program, and stops and resumes as the resource requests.

use std::time::{Duration, Instant};

use devkit::agent::{self, Agent};
use devkit::{Error, paths, wait};

use super::check;
use super::cluster::{NAMESPACE, kubectl_ok};
use super::narrator::say;
use super::stage::{self, REGION, Stage};

const GROUP: &str = "Recommendations";
const RESOURCE: &str = "recommendations";
const EXAMPLE: &str = "examples/missing-group.yaml";
const PERIOD: Duration = Duration::from_secs(3);
/// How much later than a period the end of the sampling may be seen on a busy machine: two requests, and looking.
const SLACK: Duration = Duration::from_secs(2);

pub async fn obeys(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline(
        "AWS's own Python agent profiles a program of the group Recommendations: it obeys the resource within a period",
    );
    stage.aws.settings(REGION, agent::period(PERIOD.as_secs())).await?;
    let agent = Agent::start(&stage.emulator, &stage.aws, REGION, GROUP).await?;
    wait::until("the agent posts a profile", stage::LIMIT, || async {
        (stage.calls(GROUP, Some("PostAgentProfile")).await.ok()? > 0).then_some(())
    })
    .await?;
    say(&format!(
        "polling every {} s, it has posted its first profile, of {} samples",
        PERIOD.as_secs(),
        agent.samples()?
    ));
    stage.condition(RESOURCE, "AgentsReporting", "True", "AgentsReporting").await?;

    apply(stage, false).await?;
    let switched = Instant::now();
    let took = agent.rests(2 * PERIOD, stage::LIMIT).await?.saturating_duration_since(switched);
    say(&format!(
        "it took its last sample {:.1} s after AWS had agreed, and none for two periods since",
        took.as_secs_f64()
    ));
    check(took <= PERIOD + SLACK, || format!("no sample later than a period of {PERIOD:?}, not {took:?}"))?;
    stage.condition(RESOURCE, "AgentsReporting", "False", "ProfilingOff").await?;
    stage.condition(RESOURCE, "AgentsUpToDate", "True", "AgentsUpToDate").await?;

    let at_rest = agent.samples()?;
    apply(stage, true).await?;
    let switched = Instant::now();
    wait::until("the agent samples again", stage::LIMIT, || async {
        agent.samples().map(|samples| (samples > at_rest).then_some(())).transpose()
    })
    .await??;
    say(&format!("it samples again, {:.1} s after AWS had agreed", switched.elapsed().as_secs_f64()));
    stage.condition(RESOURCE, "AgentsUpToDate", "True", "AgentsUpToDate").await?;
    stage.condition(RESOURCE, "AgentsReporting", "True", "AgentsReporting").await.map(|_| ())
}

/// Applies the example of this group with the switch like this, and waits until AWS agrees.
async fn apply(stage: &Stage<'_>, enabled: bool) -> Result<(), Error> {
    let example =
        std::fs::read_to_string(paths::workspace().join(EXAMPLE)).map_err(Error::io(format!("read {EXAMPLE}")))?;
    let manifest = example.replace("profilingEnabled: true", &format!("profilingEnabled: {enabled}"));
    let file = tempfile::Builder::new().prefix("recommendations-").suffix(".yaml").tempfile();
    let file = file.map_err(Error::io("write a manifest"))?;
    std::fs::write(file.path(), &manifest).map_err(Error::io("write a manifest"))?;
    say(&format!("profilingEnabled: {enabled}"));
    let path = file.path().display().to_string();
    kubectl_ok(stage.cluster, &["apply", "-n", NAMESPACE, "-f", &path]).await?;
    stage.becomes(GROUP, enabled).await
}
