//! Holds the process's metrics and writes them as text. No globals: a test has a registry of its own.

use std::fmt;

use prometheus_client::{encoding::text, registry::Registry};

/// The content type of [`Metrics::encode`]'s text, which Prometheus needs to read it as `OpenMetrics`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process.
///
/// Every layer registers its own families through [`Metrics::registry`] before the whole is shared.
#[derive(Debug, Default)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// No metrics yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where families are registered. Counters are named without `_total`: the text format adds it.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// All families as text, of the type [`CONTENT_TYPE`]. Fails only when a registered family can't be written.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
