//! One cell of the table: how many resources, how far away AWS is, and what was measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::meter::Cost;

/// How groups are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A group for each resource, over ten regions.
    OneEach,
    /// One group that all resources name.
    OneForAll,
    /// A group for each resource, and all of them change for so many seconds.
    Busy {
        /// The seconds.
        soak_s: u64,
    },
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// How groups are shared out.
    pub shape: Shape,
    /// How many resources.
    pub resources: usize,
    /// How long the emulator takes for each answer.
    pub latency_ms: u64,
    /// How long the fleet is left alone, in seconds; not at all when 0.
    pub rest_s: u64,
}

impl Cell {
    /// The name of its file.
    pub fn name(&self) -> String {
        let shape = match self.shape {
            Shape::OneEach => "",
            Shape::OneForAll => "-one-group",
            Shape::Busy { .. } => "-busy",
        };
        format!("{}{shape}-{}ms", self.resources, self.latency_ms)
    }

    /// The pages of one List of every region.
    pub fn pages(&self) -> usize {
        match self.shape {
            Shape::OneEach | Shape::Busy { .. } => {
                (0..10).map(|region| (self.resources + 9 - region) / 10).map(|groups| groups.div_ceil(1000)).sum()
            }
            Shape::OneForAll => 1,
        }
    }
}

/// What was measured of a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// The cell.
    pub cell: Cell,
    /// The size and the time of the operator's program: a cell is measured again when it has changed.
    pub program: String,
    /// Each phase, in order.
    pub phases: Vec<Cost>,
    /// Times and ratios, in the unit that ends the name: `_ms`, `_s`, `_us`.
    pub figures: BTreeMap<String, f64>,
    /// Counts that are not as expected.
    pub deviations: Vec<String>,
}

impl Measured {
    /// A phase that was measured.
    pub fn phase(&self, name: &str) -> Option<&Cost> {
        self.phases.iter().find(|cost| cost.phase == name)
    }

    /// A figure that was measured.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_at_least_a_page() {
        let cell = |resources, shape| Cell { shape, resources, latency_ms: 0, rest_s: 0 };
        for (resources, pages) in [(500, 10), (5_000, 10), (10_000, 10), (10_001, 11), (20_000, 20)] {
            assert_eq!(cell(resources, Shape::OneEach).pages(), pages, "{resources}");
        }
        assert_eq!(cell(1_500, Shape::OneForAll).pages(), 1);
    }
}
