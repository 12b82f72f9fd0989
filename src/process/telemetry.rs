//! Writes the log to standard error, as JSON lines or as text. Installs it for the whole process.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
};

use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, ParseError},
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter, SubscriberBuilder,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::{LookupSpan, Scope},
    util::{SubscriberInitExt, TryInitError},
};

/// The log format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line: `ts`, `level`, `msg`, `target`, and the fields of the event and its spans beside them.
    #[default]
    Json,
    /// For people to read.
    Text,
}

/// The log can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "{filter:?} is not a log level: give one of error, warn, info, debug, trace, or target=level pairs separated \
         by commas"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// Why it isn't a filter.
        source: ParseError,
    },
    /// There is a log already.
    #[error("the log is already set up")]
    Twice(#[source] TryInitError),
}

/// Sends the process's log to standard error, and panics with it.
///
/// `filter` is tracing-subscriber's `EnvFilter` syntax: a level, or `target=level` pairs separated by commas.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let filter = parse_filter(filter)?;
    match format {
        LogFormat::Json => json(io::stderr).with_env_filter(filter).finish().try_init(),
        LogFormat::Text => tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_env_filter(filter)
            .finish()
            .try_init(),
    }
    .map_err(TelemetryError::Twice)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// One line of the log instead of several of plain text, which a collector of JSON lines can't read.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    tracing::error!(
        location = panic.location().map(display),
        backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| display(&backtrace)),
        "panic: {}",
        panic.payload_as_str().unwrap_or("with a payload that is no text"),
    );
}

fn parse_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })
}

fn json<W>(writer: W) -> SubscriberBuilder<JsonFields, JsonLines, LevelFilter, W>
where
    W: for<'a> MakeWriter<'a> + 'static,
{
    tracing_subscriber::fmt().fmt_fields(JsonFields::new()).event_format(JsonLines).with_writer(writer)
}

/// Writes an event as one flat JSON object. Of two fields with one name the inner one stands: the event's own, then
/// those of the innermost span.
#[derive(Debug)]
struct JsonLines;

/// The members that every line has; a field of the same name does not replace them.
const FIXED: [&str; 4] = ["ts", "level", "msg", "target"];

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<FormattedFields<JsonFields>>() {
                merge(&mut fields, &of_span.fields);
            }
        }
        let mut own = String::new();
        context.format_fields(Writer::new(&mut own), event)?;
        merge(&mut fields, &own);

        let mut ts = String::new();
        SystemTime.format_time(&mut Writer::new(&mut ts))?;
        let metadata = event.metadata();
        let line = line(&ts, metadata.level().as_str(), metadata.target(), fields).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn merge(fields: &mut Map<String, Value>, formatted: &str) {
    if let Ok(Value::Object(more)) = serde_json::from_str(formatted) {
        fields.extend(more);
    }
}

fn line(ts: &str, level: &str, target: &str, mut fields: Map<String, Value>) -> Result<String, serde_json::Error> {
    // Some of the SDK's events have no message.
    let message = fields.remove("message").unwrap_or_else(|| Value::String(String::new()));
    let mut line = Vec::new();
    let mut json = serde_json::Serializer::new(&mut line);
    let mut object = json.serialize_map(None)?;
    object.serialize_entry("ts", ts)?;
    object.serialize_entry("level", &level.to_lowercase())?;
    object.serialize_entry("msg", &message)?;
    object.serialize_entry("target", target)?;
    for (name, value) in &fields {
        if !FIXED.contains(&name.as_str()) {
            object.serialize_entry(name, value)?;
        }
    }
    object.end()?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The one line that `log` writes.
    fn logged(log: impl FnOnce()) -> Value {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = json(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = lines.0.lock();
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&bytes)))
    }

    #[test]
    fn fields_of_the_event_and_its_spans_stand_side_by_side() {
        let line = logged(|| {
            let reconcile = tracing::info_span!(
                "reconcile",
                namespace = "shop",
                name = "checkout",
                generation = 3,
                request_id = tracing::field::Empty,
            );
            let _in_reconcile = reconcile.enter();
            reconcile.record("request_id", "abc");
            tracing::info!(enabled = true, "switched {}", "on");
        });
        let mut fields = line.as_object().unwrap().clone();
        let ts = fields.remove("ts").unwrap();
        assert!(ts.as_str().is_some_and(|ts| ts.ends_with('Z') && ts.contains('T')), "{ts}");
        assert_eq!(
            Value::Object(fields),
            serde_json::json!({
                "level": "info",
                "msg": "switched on",
                "target": module_path!(),
                "namespace": "shop",
                "name": "checkout",
                "generation": 3,
                "request_id": "abc",
                "enabled": true,
            })
        );
    }

    #[test]
    fn a_field_can_neither_hide_the_level_nor_break_the_line() {
        let line = logged(|| tracing::warn!(level = "mine", text = "two\nlines \"quoted\"", "careful"));
        assert_eq!(line["level"], "warn");
        assert_eq!(line["text"], "two\nlines \"quoted\"");
    }

    #[test]
    fn an_event_without_a_message_has_an_empty_one() {
        assert_eq!(logged(|| tracing::info!(bytes = 3))["msg"], "");
    }

    #[test]
    fn the_inner_span_has_the_last_word() {
        let line = logged(|| {
            let _outer = tracing::info_span!("outer", region = "eu-west-1").entered();
            let _inner = tracing::info_span!("inner", region = "us-east-1").entered();
            tracing::info!("here");
        });
        assert_eq!(line["region"], "us-east-1");
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_what_to_give() {
        let error = parse_filter("info,operator=loud").unwrap_err();
        assert!(error.to_string().contains("give one of error, warn, info, debug, trace"), "{error}");
        assert!(parse_filter("info,kube=debug").is_ok());
    }
}
