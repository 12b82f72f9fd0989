//! What the operator costs at scale: AWS calls, writes to Kubernetes, time and memory, phase by phase, each count checked.

mod expected;
mod meter;
mod stage;
mod table;

use std::future::Future;
use std::time::{Duration, Instant};

use devkit::{Error, cargo, operator};
use expected::Expected;
use meter::{Measured, Meter};
use serde_json::json;
use stage::{INTERVAL, Stage};

/// What the command line says of a measurement.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many profiling groups and resources there are; AWS lets an account have 500
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=500))]
    groups: u16,
    /// How long the operator is left alone in the phase of rest
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    rest: Duration,
}

/// Runs the measurement. Whatever happens, Ctrl-C included, nothing is left behind.
pub async fn run(arguments: Arguments) -> Result<(), Error> {
    tokio::select! {
        measured = measure(&arguments) => measured,
        _ = tokio::signal::ctrl_c() => Err(Error::Unexpected("interrupted".to_owned())),
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Error> {
    let crates = cargo::crates(operator::NAME).await?;
    let mut run = Run { stage: Stage::set(arguments.groups.into()).await?, phases: Vec::new(), deviations: Vec::new() };
    let shown = run.phases(arguments.rest).await;
    // What was measured before a failure is worth having, too.
    table::print(&run.stage, arguments.rest, crates, &run.phases)?;
    shown?;
    let violations = run.stage.auditor.final_check().await?;
    run.deviations.extend(violations.iter().map(|violation| format!("a stored version: {violation}")));
    if run.deviations.is_empty() {
        println!("\nEvery count is as expected. Nothing is left running.");
        return Ok(());
    }
    Err(Error::Unexpected(format!("not as expected:\n  {}", run.deviations.join("\n  "))))
}

struct Run {
    stage: Stage,
    phases: Vec<Measured>,
    deviations: Vec<String>,
}

impl Run {
    async fn phases(&mut self, rest: Duration) -> Result<(), Error> {
        let mut meter = Meter::new();
        self.stage.apply_all().await?;

        self.stage.say("cold start");
        meter.new_process();
        let operator = self.stage.start().await?;
        self.stage.all(&operator, "adopted", stage::in_sync).await?;
        let wall = operator.process().age()?;
        let phase = meter.close("cold start", wall, &self.stage, &operator).await?;
        self.judge(phase, Expected::at_start().status_writes(self.stage.groups));

        self.stage.say("restart");
        self.stage.stop(&operator).await?;
        meter.new_process();
        let operator = self.stage.start().await?;
        self.stage.first_list(&operator, meter.seq()).await?;
        let wall = operator.process().age()?;
        let phase = meter.close("restart", wall, &self.stage, &operator).await?;
        self.judge(phase, Expected::at_start().status_writes(0).reconciles(0));

        self.stage.say(&format!("rest for {}", humantime::format_duration(rest)));
        let started = Instant::now();
        self.stage.rest(&operator, rest).await?;
        let phase = meter.close("rest", started.elapsed(), &self.stage, &operator).await?;
        self.judge(phase, Expected::running().status_writes(0).reconciles(0));

        self.stage.say("all resources are edited");
        let wall = timed(async {
            self.stage.turn_off_all().await?;
            self.stage.all(&operator, "switched off", |object| off(object) && stage::in_sync(object)).await
        })
        .await?;
        let phase = meter.close("edits", wall, &self.stage, &operator).await?;
        self.judge(phase, Expected::running().updates(self.stage.groups).status_writes(self.stage.groups));

        self.stage.say("all groups are flipped in AWS");
        let wall = timed(async {
            self.stage.aws.flip_all(stage::REGION).await?;
            self.stage.all(&operator, "corrected", |object| corrected(object) && stage::in_sync(object)).await
        })
        .await?;
        let phase = meter.close("flips in AWS", wall, &self.stage, &operator).await?;
        self.judge(phase, Expected::running().updates(self.stage.groups).first_update_within(INTERVAL));
        self.stage.stop(&operator).await
    }

    fn judge(&mut self, phase: Measured, expected: Expected) {
        self.deviations.extend(expected.deviations(&phase));
        self.phases.push(phase);
    }
}

async fn timed(work: impl Future<Output = Result<(), Error>>) -> Result<Duration, Error> {
    let started = Instant::now();
    work.await?;
    Ok(started.elapsed())
}

/// Whether AWS has said that the group is off.
fn off(object: &serde_json::Value) -> bool {
    object["status"]["profilingEnabled"] == json!(false)
}

fn corrected(object: &serde_json::Value) -> bool {
    object["status"]["drift"]["corrections"] == json!(1)
}
