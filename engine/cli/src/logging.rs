//! Logs on standard error: console lines or JSON objects, named after the loggers of engine.md 8.4.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::SystemTime;

use clap::ValueEnum;
use defacto_model::Timestamp;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Least important lines shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
}

/// Form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Console,
    Json,
}

/// Installs the process's subscriber.
pub(crate) fn install(level: LogLevel, format: LogFormat) {
    let filter = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let colour = format == LogFormat::Console && io::stderr().is_terminal();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(io::stderr)
        .event_format(Lines { format, colour })
        .finish();
    // Only the first subscriber of a process counts; a second call changes nothing.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct Lines {
    format: LogFormat,
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = now().to_string();
        let (level, logger) = (level_name(*event.metadata().level()), event.metadata().target());
        match self.format {
            LogFormat::Json => {
                let mut object = serde_json::Map::new();
                object.insert("timestamp".into(), time.into());
                object.insert("level".into(), level.into());
                object.insert("logger".into(), logger.into());
                object.insert("message".into(), fields.message.into());
                object.extend(fields.rest);
                writeln!(writer, "{}", serde_json::Value::Object(object))
            }
            LogFormat::Console => {
                let second = time.get(..19).unwrap_or(&time);
                let (start, end) = if self.colour { colours(level) } else { ("", "") };
                write!(
                    writer,
                    "{second}Z  {start}{level:<7}{end}  {logger:<22}  {}",
                    fields.message
                )?;
                for (name, value) in fields.rest {
                    write!(writer, "  {name}={value}")?;
                }
                writeln!(writer)
            }
        }
    }
}

fn colours(level: &str) -> (&'static str, &'static str) {
    match level {
        "ERROR" => ("\u{1b}[31m", "\u{1b}[0m"),
        "WARNING" => ("\u{1b}[33m", "\u{1b}[0m"),
        _ => ("\u{1b}[2m", "\u{1b}[0m"),
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// The wall clock, for log lines.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::saturating_from_micros(i64::try_from(since.as_micros()).unwrap_or(0))
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: serde_json::Value) {
        self.rest.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.put(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
