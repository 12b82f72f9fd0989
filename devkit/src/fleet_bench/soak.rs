//! Edits, drift, deletions and new resources for a long time: what the operator uses must not grow.

use std::time::{Duration, Instant};

use devkit::Error;
use devkit::operator::Operator;
use kube::api::DeleteParams;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::fleet::Fleet;

/// How often somebody does something.
const PACE: Duration = Duration::from_millis(200);
const BETWEEN_SAMPLES: Duration = Duration::from_secs(10);
/// The part of the time that it takes until everything has happened once.
const WARM_UP: u32 = 3;

/// What the operator used at one time, by its metrics.
const SERIES: [&str; 4] =
    ["process_resident_memory_bytes", "process_open_fds", "process_threads", "codeguru_profiler_tasks"];

/// What one series of the operator's metrics was in the middle of the time after the warm-up, in its first and in its second
/// half.
pub struct Use {
    /// The series.
    pub name: &'static str,
    /// The median of the first half.
    pub before: f64,
    /// The median of the second half.
    pub after: f64,
}

/// Keeps the fleet busy for so long.
pub async fn soak(fleet: &Fleet, operator: &Operator, lasts: Duration) -> Result<Vec<Use>, Error> {
    let began = Instant::now();
    let mut samples: Vec<(Duration, [f64; 4])> = Vec::new();
    let watching = async {
        let mut ticks = interval(BETWEEN_SAMPLES);
        while began.elapsed() < lasts {
            ticks.tick().await;
            let mut sample = [0.0; 4];
            for (value, series) in sample.iter_mut().zip(SERIES) {
                *value = operator.metric(series, &[]).await?;
            }
            let minute = began.elapsed().as_secs() / 60;
            if samples.last().is_none_or(|(at, _)| at.as_secs() / 60 < minute) {
                fleet.report(&format!("  minute {minute}: {SERIES:?} = {sample:?}"));
            }
            samples.push((began.elapsed(), sample));
        }
        Ok(())
    };
    tokio::select! {
        watched = watching => watched?,
        churned = churn(fleet) => churned?,
    }
    samples.retain(|(at, _)| *at >= lasts / WARM_UP);
    let (first, second) = samples.split_at(samples.len() / 2);
    let of = |samples: &[(Duration, [f64; 4])], series: usize| {
        median(samples.iter().map(|(_, sample)| sample[series]).collect())
    };
    let uses = SERIES.into_iter().enumerate();
    Ok(uses.map(|(series, name)| Use { name, before: of(first, series), after: of(second, series) }).collect())
}

/// Of ten things that happen, seven are edits, two are changes in AWS, and one replaces a resource.
async fn churn(fleet: &Fleet) -> Result<(), Error> {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (number, member) in fleet.members.iter().cycle().enumerate() {
        ticks.tick().await;
        match number % 10 {
            0..7 => drop(fleet.edit(member).await?),
            7..9 => {
                let enabled = fleet.observer.of(&member.name).generation % 2 == 0;
                fleet.aws.put_group(member.region, &member.group, json!({ "profilingEnabled": enabled })).await?;
            }
            _ => {
                let deleted = fleet.resources.delete(&member.name, &DeleteParams::default()).await;
                deleted.map_err(Error::kube(format!("delete {}", member.name)))?;
                fleet.create(member).await?;
            }
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
