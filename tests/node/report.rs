//! What the story measured, as Markdown.

use std::time::{Duration, Instant};

/// The steps so far, and the figures.
pub struct Report {
    step: Instant,
    rows: Vec<(String, String)>,
}

impl Report {
    pub fn begin() -> Self {
        Self { step: Instant::now(), rows: Vec::new() }
    }

    /// A step has ended: it took the time since the one before.
    pub fn step(&mut self, what: &str) {
        self.duration(what, self.step.elapsed());
        self.step = Instant::now();
    }

    pub fn duration(&mut self, what: &str, took: Duration) {
        self.figure(what, format!("{:.1} s", took.as_secs_f64()));
    }

    pub fn figure(&mut self, what: &str, value: impl Into<String>) {
        let value = value.into();
        println!("{what}: {value}");
        self.rows.push((what.to_owned(), value));
    }

    pub fn print(&self) {
        println!("\n| Step or figure | |\n|---|---|");
        for (what, value) in &self.rows {
            println!("| {what} | {value} |");
        }
    }
}
