//! The result, as Markdown.

use std::time::Duration;

use devkit::Error;
use devkit::process::kib_to_mib;

use super::meter::Measured;
use super::stage::{INTERVAL, Stage};

/// Prints what was measured.
pub fn print(stage: &Stage, rest: Duration, crates: usize, phases: &[Measured]) -> Result<(), Error> {
    let program = &stage.program;
    let size = std::fs::metadata(program).map_err(Error::io(format!("look at {}", program.display())))?.len();
    let cores = std::thread::available_parallelism().map_err(Error::io("count the processor's cores"))?;
    println!(
        "\n{} groups, a List every {}, {} of rest, {cores} cores, operator {:.1} MiB, {crates} crates.\n",
        stage.groups,
        humantime::format_duration(INTERVAL),
        humantime::format_duration(rest),
        kib_to_mib(size / 1024),
    );
    println!("| Phase | Wall | AWS calls | Status writes | Events | Reconciles | RSS | Peak | CPU |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for phase in phases {
        println!("{}", row(phase));
    }
    for phase in phases {
        let first = phase.process_began.and_then(|began| phase.first("ListProfilingGroups", began));
        if let Some(first) = first {
            println!(
                "\nFrom the start of the process to the first List, {}: {:.2} s.",
                phase.name,
                first.as_secs_f64()
            );
        }
    }
    Ok(())
}

fn row(phase: &Measured) -> String {
    let calls: Vec<_> = phase.requests().iter().map(|(name, count)| format!("{count} {name}")).collect();
    format!(
        "| {} | {:.1} s | {} | {} | {} | {} | {:.1} MiB | {:.1} MiB | {:.2} s |",
        phase.name,
        phase.wall.as_secs_f64(),
        if calls.is_empty() { "none".to_owned() } else { calls.join(", ") },
        phase.status_writes,
        phase.events,
        phase.reconciles,
        kib_to_mib(phase.rss_kib),
        kib_to_mib(phase.peak_kib),
        phase.cpu,
    )
}
