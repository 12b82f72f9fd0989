//! RFC 3339 in UTC with three fraction digits: the precision that AWS reports.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use k8s_openapi::jiff;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A point in time, cut to milliseconds so that what was written equals what is read back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    millis: i64,
}

impl Timestamp {
    /// Cuts to milliseconds, towards the past.
    #[must_use]
    pub fn from_jiff(time: jiff::Timestamp) -> Self {
        Self::from_millis(time.as_nanosecond().div_euclid(1_000_000))
    }

    /// Milliseconds since the Unix epoch; out-of-range values become the nearest one that can be written.
    #[must_use]
    pub fn from_millis(millis: i128) -> Self {
        let [earliest, latest] = [jiff::Timestamp::MIN, jiff::Timestamp::MAX].map(jiff::Timestamp::as_millisecond);
        let nearest = millis.clamp(earliest.into(), latest.into());
        Self { millis: i64::try_from(nearest).unwrap_or(latest) }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.millis
    }

    /// The same instant in the library's type.
    #[must_use]
    pub fn as_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.millis).unwrap_or_default()
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i128::try_from(duration.as_millis()).unwrap_or(i128::MAX);
        Self::from_millis(i128::from(self.as_millis()).saturating_add(millis))
    }

    /// This much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i128::try_from(duration.as_millis()).unwrap_or(i128::MAX);
        Self::from_millis(i128::from(self.as_millis()).saturating_sub(millis))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.as_millis() - earlier.as_millis()).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.as_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::from_jiff)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_survive_and_finer_digits_are_cut() {
        for (text, written) in [
            ("2026-06-01T13:15:02.001Z", "2026-06-01T13:15:02.001Z"),
            ("2026-06-01T13:15:02.001999Z", "2026-06-01T13:15:02.001Z"),
            ("2026-06-01T13:15:02Z", "2026-06-01T13:15:02.000Z"),
            ("2026-06-01T15:15:02.5+02:00", "2026-06-01T13:15:02.500Z"),
            ("1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), written);
        }
    }
}
