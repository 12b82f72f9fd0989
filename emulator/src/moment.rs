//! Times as values: what clients get, and what orders events. Nothing here knows what time it is.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time with milliseconds, as the service's answers carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(Timestamp);

impl Stamp {
    /// Whatever is finer than a millisecond is dropped.
    pub fn new(time: Timestamp) -> Self {
        Self(Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time))
    }

    /// The beginning of the stretch of this length that it lies in; stretches begin with 1970.
    pub fn floor(self, length: Duration) -> Self {
        let millis = self.0.as_millisecond();
        let past = i64::try_from(length.as_millis()).map_or(0, |length| millis.rem_euclid(length.max(1)));
        Timestamp::from_millisecond(millis - past).map_or(self, Self)
    }

    /// So much earlier; never before the beginning of time.
    pub fn earlier(self, by: Duration) -> Self {
        self.0.checked_sub(by).map_or(Self(Timestamp::MIN), Self)
    }

    /// So much later; never after the end of time.
    pub fn later(self, by: Duration) -> Self {
        self.0.checked_add(by).map_or(Self(Timestamp::MAX), Self)
    }

    /// How much later this is than another; nothing when it is not.
    pub fn since(self, other: Self) -> Duration {
        Duration::try_from(self.0.duration_since(other.0)).unwrap_or_default()
    }

    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The form of signatures' dates.
    pub fn basic(self) -> String {
        self.0.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// The form of the HTTP `Date` header.
    pub fn http_date(self) -> String {
        self.0.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3}", self.0)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self::new)
    }
}

/// An instant, twice: what clients get, and a tick that only ever grows.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub stamp: Stamp,
    /// Time since the clock was made. Moving the clock doesn't move it.
    pub tick: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_always_shows_three_digits() {
        for (text, shown) in [
            ("2026-06-01T13:15:02Z", "2026-06-01T13:15:02.000Z"),
            ("2026-06-01T13:15:02.0019Z", "2026-06-01T13:15:02.001Z"),
            ("2026-06-01T15:15:02.001+02:00", "2026-06-01T13:15:02.001Z"),
        ] {
            let stamp: Stamp = serde_json::from_value(text.into()).unwrap();
            assert_eq!(stamp.to_string(), shown);
        }
    }

    #[test]
    fn the_date_header_has_the_form_of_http() {
        let stamp: Stamp = serde_json::from_value("2026-06-01T03:15:02Z".into()).unwrap();
        assert_eq!(stamp.http_date(), "Mon, 01 Jun 2026 03:15:02 GMT");
    }
}
