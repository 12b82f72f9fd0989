//! The results as Markdown.

use std::fmt::Write;
use std::time::Duration;

use devkit::process::kib_to_mib;

use super::cell::{Cell, Measured, Shape};
use super::goals::{Goal, goals};
use super::meter::{Cost, LIST, UPDATE};

/// All cells, for `docs/benchmarks.md`.
pub fn markdown(cells: &[Measured]) -> String {
    let mut text = String::new();
    for measured in cells {
        let _ = writeln!(text, "### {}\n", title(&measured.cell));
        let columns = ["Phase", "Wall", "Pages of Lists", "Updates", "Status writes", "Events", "RSS", "Peak", "CPU"];
        text.push_str(&table(&columns, measured.phases.iter().map(row)));
        let figure = |(name, value): (&String, &f64)| {
            let (name, unit) = name.rsplit_once('_').unwrap_or((name, ""));
            format!("| {name} | {value:.2} {} |", if unit == "ratio" { "" } else { unit })
        };
        text.push_str(&table(&["Figure", ""], measured.figures.iter().map(figure)));
        let goal = |goal: Goal| {
            let verdict = if goal.is_met() { "met" } else { "**missed**" };
            let (value, most, unit) = (goal.value, goal.most, goal.unit);
            format!("| {} | {value:.2} {unit} | {most:.2} {unit} | {verdict} |", goal.what)
        };
        text.push_str(&table(&["Goal", "Measured", "At most", ""], goals(measured).into_iter().map(goal)));
        for deviation in &measured.deviations {
            let _ = writeln!(text, "Not as expected: {deviation}\n");
        }
    }
    text.push_str(&of_one_resource(cells));
    text
}

/// A table with an empty line after it; nothing where there are no rows.
fn table(columns: &[&str], rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| {} |\n|{}\n{}\n\n", columns.join(" | "), "---|".repeat(columns.len()), rows.join("\n"))
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
    let row = |(resources, latency, cpu, settled): &(usize, u64, f64, u64)| {
        let fewest = adopted.iter().filter(|(_, other, ..)| other == latency).min_by_key(|(resources, ..)| resources);
        let more = fewest.filter(|(fewest, ..)| fewest < resources).map_or_else(String::new, |(fewest, _, _, base)| {
            format!("{} bytes", settled.saturating_sub(*base) * 1024 / (resources - fewest) as u64)
        });
        let each = Duration::from_secs_f64(*cpu) / u32::try_from(*resources).unwrap_or(u32::MAX);
        format!("| {resources} | {latency} ms | {each:.0?} | {:.1} MiB | {more} |", kib_to_mib(*settled))
    };
    let columns = [
        "Resources",
        "AWS",
        "CPU of the cold adoption of one",
        "Memory, settled",
        "Memory for each more than the fewest",
    ];
    let text = table(&columns, adopted.iter().map(row));
    if text.is_empty() { text } else { format!("### One resource\n\n{text}") }
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
        "| {} | {:.1} s | {} | {} | {} | {} | {:.1} MiB | {:.1} MiB | {:.2} s |",
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
