//! The results as Markdown.

use std::fmt::Write;

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
