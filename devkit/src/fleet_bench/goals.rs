//! What a cell is to be measured against. Ratios within one run, but for memory.

use super::cell::{Measured, Shape};

/// One goal.
pub struct Goal {
    /// What it is about.
    pub what: String,
    /// What was measured.
    pub value: f64,
    /// The most that it may be.
    pub most: f64,
    /// The unit of both.
    pub unit: &'static str,
}

impl Goal {
    /// Whether it is reached.
    pub fn is_met(&self) -> bool {
        self.value <= self.most
    }
}

/// The goals of a cell, as far as it was measured.
pub fn goals(measured: &Measured) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |what: &str, value: Option<f64>, most: Option<f64>, unit: &'static str| {
        if let (Some(value), Some(most)) = (value, most) {
            goals.push(Goal { what: what.to_owned(), value, most, unit });
        }
    };
    let adoption = measured.phase("cold adoption");
    let near = measured.cell.latency_ms == 0;
    let floor = measured.figure("status_floor_s");
    goal(
        "cold adoption, in floors of status writes",
        adoption.zip(floor).map(|(adoption, floor)| adoption.wall / floor),
        Some(1.1),
        "",
    );
    let list = measured.figure("list_floor_s");
    let first = measured.figure("restart_to_first_update_s");
    // On the way to AWS and back: a page of the List, and one more for each further page.
    goal("restart to the first useful write", first, list.map(|list| 1.2 * list + 0.5), "s");
    if measured.cell.resources == 5_000 && near {
        goal(
            "an edit, to its call, p50",
            measured.figure("edits, a List each second: to call, p50_ms"),
            Some(3.0),
            "ms",
        );
        goal(
            "an edit, to its call, p99",
            measured.figure("edits, a List each second: to call, p99_ms"),
            Some(15.0),
            "ms",
        );
    }
    let last_call = measured.figure("burst: last accepted edit to last call_ms");
    let last_frame = measured.figure("burst: last accepted edit to last frame of a plain watch_ms");
    goal("500 edits at once, the last accepted to the last call", last_call, Some(50.0), "ms");
    goal(
        "the same, after a plain watch has reported the last edit",
        last_call.zip(last_frame).map(|(call, frame)| (call - frame).max(0.0)),
        Some(50.0),
        "ms",
    );
    goal(
        "rest, CPU for an object and a List",
        measured.figure("rest: cpu for an object and a List_us"),
        Some(10.0),
        "µs",
    );
    let settled = match (measured.cell.shape, measured.cell.resources) {
        (Shape::OneEach, 500) => Some(22.0),
        (Shape::OneEach, 5_000) | (Shape::OneForAll, _) => Some(40.0),
        (Shape::OneEach, 20_000) => Some(100.0),
        _ => None,
    };
    let mebibytes = |kib: u64| devkit::process::kib_to_mib(kib);
    let rss = measured.phases.iter().filter(|cost| ["cold adoption", "restart"].contains(&cost.phase.as_str()));
    goal("memory, settled", rss.map(|cost| mebibytes(cost.rss)).reduce(f64::max), settled, "MiB");
    goal(
        "memory, peak of the cold adoption",
        adoption.map(|cost| mebibytes(cost.peak)),
        settled.map(|most| 1.3 * most),
        "MiB",
    );
    goals
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fleet_bench::{cell::Cell, meter::Cost};

    #[test]
    fn a_goal_is_met_or_missed_and_left_out_where_nothing_was_measured() {
        let cost =
            Cost { phase: "cold adoption".to_owned(), wall: 2.4, rss: 20 << 10, peak: 30 << 10, ..Cost::default() };
        let measured = Measured {
            cell: Cell { shape: Shape::OneEach, resources: 500, latency_ms: 0, rest_s: 0 },
            program: String::new(),
            phases: vec![cost],
            figures: BTreeMap::from([("status_floor_s".to_owned(), 2.0)]),
            deviations: Vec::new(),
        };
        let verdicts: Vec<_> = goals(&measured).iter().map(|goal| (goal.what.clone(), goal.is_met())).collect();
        let expected = [
            ("cold adoption, in floors of status writes", false),
            ("memory, settled", true),
            ("memory, peak of the cold adoption", false),
        ];
        assert_eq!(verdicts, expected.map(|(what, met)| (what.to_owned(), met)));
    }
}
