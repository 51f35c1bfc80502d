//! Effective settings: command line over environment over `defacto.toml` over defaults.

use std::path::PathBuf;

use serde::Deserialize;

use crate::args::{Format, Global};
use crate::failure::{Failure, Outcome};
use crate::logging::{LogFormat, LogLevel};

/// Settings of one run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) project: PathBuf,
    pub(crate) database: Option<String>,
    pub(crate) namespace: String,
    pub(crate) batch_size: Option<usize>,
    pub(crate) workers: Option<usize>,
    pub(crate) log_level: LogLevel,
    pub(crate) log_format: LogFormat,
    pub(crate) format: Format,
    pub(crate) output: Option<PathBuf>,
    pub(crate) quiet: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<String>,
    namespace: Option<String>,
    batch_size: Option<usize>,
    workers: Option<usize>,
    log_level: Option<String>,
    log_format: Option<String>,
}

impl Settings {
    /// Reads `defacto.toml`, where there is one, under the global options.
    pub(crate) fn load(global: &Global) -> Outcome<Self> {
        let path = global.config.clone().unwrap_or_else(|| global.project.join("defacto.toml"));
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str::<File>(&text).map_err(|e| {
                Failure::usage(format!("{}: {}", path.display(), e.to_string().trim_end()))
            })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && global.config.is_none() => {
                File::default()
            }
            Err(e) => return Err(Failure::usage(format!("read {}: {e}", path.display()))),
        };
        let word = |name: &str, text: &str| {
            Failure::usage(format!("{}: unknown {name} '{text}'", path.display()))
        };
        let log_level = match (global.log_level, &file.log_level) {
            (Some(level), _) => level,
            (None, Some(text)) => {
                clap::ValueEnum::from_str(text, true).map_err(|_| word("log_level", text))?
            }
            (None, None) => LogLevel::Warning,
        };
        let log_format = match (global.log_format, &file.log_format) {
            (Some(format), _) => format,
            (None, Some(text)) => {
                clap::ValueEnum::from_str(text, true).map_err(|_| word("log_format", text))?
            }
            (None, None) => LogFormat::Console,
        };
        Ok(Self {
            project: global.project.clone(),
            database: global.database.clone().or(file.database),
            namespace: global
                .namespace
                .clone()
                .or(file.namespace)
                .unwrap_or_else(|| "defacto".into()),
            batch_size: file.batch_size,
            workers: file.workers,
            log_level,
            log_format,
            format: global.format.unwrap_or(Format::Table),
            output: global.output.clone(),
            quiet: global.quiet,
        })
    }
}
