//! The results as Markdown.

use std::fmt::Write;
use std::time::Duration;

use devkit::process::kib_to_mib;

use super::cell::{Cell, Measured, Shape};
use super::goals::goals;
use super::meter::{Cost, LIST, UPDATE};

/// All cells, for `docs/benchmarks.md`.
pub fn markdown(cells: &[Measured]) -> String {
    let mut text = String::new();
    for measured in cells {
        let _ = writeln!(text, "### {}\n", title(&measured.cell));
        text.push_str("| Phase | Wall | Pages of Lists | Updates | Status writes | Events | RSS | Peak | CPU |\n");
        text.push_str("|---|---|---|---|---|---|---|---|---|\n");
        for cost in &measured.phases {
            text.push_str(&row(cost));
        }
        text.push_str("\n| Figure | |\n|---|---|\n");
        for (name, value) in &measured.figures {
            let (name, unit) = name.rsplit_once('_').unwrap_or((name, ""));
            let _ = writeln!(text, "| {name} | {value:.2} {} |", if unit == "ratio" { "" } else { unit });
        }
        text.push_str("\n| Goal | Measured | At most | |\n|---|---|---|---|\n");
        for goal in goals(measured) {
            let verdict = if goal.is_met() { "met" } else { "**missed**" };
            let (value, most, unit) = (goal.value, goal.most, goal.unit);
            let _ = writeln!(text, "| {} | {value:.2} {unit} | {most:.2} {unit} | {verdict} |", goal.what);
        }
        for deviation in &measured.deviations {
            let _ = writeln!(text, "\nNot as expected: {deviation}");
        }
        text.push('\n');
    }
    text.push_str(&of_one_resource(cells));
    text
}

/// What one resource costs, and how that depends on how many there are.
fn of_one_resource(cells: &[Measured]) -> String {
    let adopted = |measured: &Measured| {
        let settled = measured.phase("restart")?.rss;
        let each = measured.cell.shape == Shape::OneEach;
        each.then_some((
            measured.cell.resources,
            measured.cell.latency_ms,
            measured.phase("cold adoption")?.cpu,
            settled,
        ))
    };
    let adopted: Vec<_> = cells.iter().filter_map(adopted).collect();
    let mut text = "### One resource\n\n".to_owned();
    text.push_str(
        "| Resources | AWS | CPU of the cold adoption | Memory, settled | Memory for each more than the fewest |\n",
    );
    text.push_str("|---|---|---|---|---|\n");
    for (resources, latency, cpu, settled) in &adopted {
        let fewest = adopted.iter().filter(|(_, other, ..)| other == latency).min_by_key(|(resources, ..)| resources);
        let more = fewest.filter(|(fewest, ..)| fewest < resources).map_or_else(String::new, |(fewest, _, _, base)| {
            format!("{} bytes", settled.saturating_sub(*base) * 1024 / (resources - fewest) as u64)
        });
        let each = Duration::from_secs_f64(*cpu) / u32::try_from(*resources).unwrap_or(u32::MAX);
        let settled = kib_to_mib(*settled);
        let _ = writeln!(text, "| {resources} | {latency} ms | {each:.0?} | {settled:.1} MiB | {more} |");
    }
    text.push('\n');
    text
}

fn title(cell: &Cell) -> String {
    let groups = match cell.shape {
        Shape::OneEach => "a group each".to_owned(),
        Shape::OneForAll => "one group for all".to_owned(),
        Shape::Busy { soak_s } => format!("a group each, kept busy for {soak_s} s"),
    };
    format!("{} resources, {groups}, AWS {} ms away", cell.resources, cell.latency_ms)
}

fn row(cost: &Cost) -> String {
    format!(
        "| {} | {:.1} s | {} | {} | {} | {} | {:.1} MiB | {:.1} MiB | {:.2} s |\n",
        cost.phase,
        cost.wall,
        cost.calls(LIST),
        cost.calls(UPDATE),
        cost.status_writes,
        cost.events,
        kib_to_mib(cost.rss),
        kib_to_mib(cost.peak),
        cost.cpu,
    )
}
