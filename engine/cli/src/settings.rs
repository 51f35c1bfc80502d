//! Effective settings: command line over environment over `defacto.toml` over defaults (engine.md 8.1).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ArgMatches;
use clap::parser::ValueSource;
use defacto_engine::Shard;
use serde::Deserialize;

use crate::args::{Format, Global};
use crate::failure::{Failure, Outcome};
use crate::logging::{LogFormat, LogLevel};

/// Settings of one run.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) project: PathBuf,
    /// May hold a password.
    pub(crate) database: Option<String>,
    pub(crate) namespace: String,
    pub(crate) shard: Option<Shard>,
    pub(crate) batch_size: Option<usize>,
    pub(crate) workers: Option<usize>,
    pub(crate) pool_size: Option<usize>,
    pub(crate) index_payload: bool,
    pub(crate) log_level: LogLevel,
    pub(crate) log_format: LogFormat,
    pub(crate) format: Format,
    pub(crate) output: Option<PathBuf>,
    pub(crate) quiet: bool,
    /// Every setting as text with its origin, in the order of the documentation.
    pub(crate) shown: Vec<Shown>,
}

/// A setting as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) origin: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<String>,
    database_file: Option<PathBuf>,
    namespace: Option<String>,
    batch_size: Option<usize>,
    workers: Option<usize>,
    pool_size: Option<usize>,
    index_payload: Option<bool>,
    log_level: Option<String>,
    log_format: Option<String>,
}

/// A value and where it comes from.
struct Found<T> {
    value: T,
    origin: String,
}

/// Where settings are looked up.
struct Sources<'a> {
    matches: &'a ArgMatches,
    path: PathBuf,
}

impl Sources<'_> {
    /// A setting that has an option.
    fn option<T>(&self, name: &'static str, given: Option<T>, file: Option<T>) -> Option<Found<T>> {
        match (given, file) {
            (Some(value), _) => Some(Found { value, origin: self.given(name) }),
            (None, Some(value)) => Some(Found { value, origin: self.file() }),
            (None, None) => None,
        }
    }

    fn given(&self, name: &str) -> String {
        match self.matches.value_source(name) {
            Some(ValueSource::EnvVariable) => environment(name),
            Some(ValueSource::DefaultValue) => "default".to_owned(),
            _ => format!("--{}", name.replace('_', "-")),
        }
    }

    fn file(&self) -> String {
        self.path.display().to_string()
    }

    /// A number that only environment and file give.
    fn number(&self, name: &'static str, file: Option<usize>) -> Outcome<Option<Found<usize>>> {
        self.parsed(name, file, "a whole number")
    }

    /// Yes or no, likewise.
    fn switch(&self, name: &'static str, file: Option<bool>) -> Outcome<Option<Found<bool>>> {
        self.parsed(name, file, "true or false")
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        file: Option<T>,
        form: &str,
    ) -> Outcome<Option<Found<T>>> {
        let variable = variable(name);
        match std::env::var(&variable) {
            Ok(text) => {
                let value = text.trim().parse().map_err(|_| {
                    Failure::usage(format!("{variable} is '{text}'; it must be {form}"))
                })?;
                Ok(Some(Found { value, origin: environment(name) }))
            }
            Err(_) => Ok(file.map(|value| Found { value, origin: self.file() })),
        }
    }

    fn database(&self, global: &Global, file: &File) -> Outcome<Option<Found<String>>> {
        if file.database.is_some() && file.database_file.is_some() {
            return Err(Failure::usage(format!(
                "{}: give database or database_file, not both",
                self.path.display()
            )));
        }
        if let Some(value) = &global.database {
            return Ok(Some(Found { value: value.clone(), origin: self.given("database") }));
        }
        if let Ok(path) = std::env::var(variable("database_file")) {
            let value = secret(Path::new(&path))?;
            return Ok(Some(Found { value, origin: environment("database_file") }));
        }
        if let Some(text) = &file.database {
            let value = interpolated(text, "database", &self.path)?;
            return Ok(Some(Found { value, origin: self.file() }));
        }
        let Some(path) = &file.database_file else { return Ok(None) };
        // As the settings file says it, from its own folder.
        let path = self.path.parent().map_or_else(|| path.clone(), |folder| folder.join(path));
        let value = secret(&path)?;
        Ok(Some(Found { value, origin: path.display().to_string() }))
    }
}

impl Settings {
    /// Reads `defacto.toml`, where there is one, under the global options and the environment.
    pub(crate) fn load(global: &Global, matches: &ArgMatches) -> Outcome<Self> {
        let path = global.config.clone().unwrap_or_else(|| global.project.join("defacto.toml"));
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str::<File>(&text).map_err(|e| {
                // The line of a mistake may hold a password; its place and the reason suffice.
                let line = e.span().map_or(1, |span| {
                    1 + text.get(..span.start).map_or(0, |before| before.matches('\n').count())
                });
                Failure::usage(format!("{}:{line}: {}", path.display(), e.message()))
            })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && global.config.is_none() => {
                File::default()
            }
            Err(e) => return Err(Failure::usage(format!("read {}: {e}", path.display()))),
        };
        let sources = Sources { matches, path };
        let database = sources.database(global, &file)?;
        let namespace = match &file.namespace {
            Some(text) => Some(interpolated(text, "namespace", &sources.path)?),
            None => None,
        };
        let namespace = sources
            .option("namespace", global.namespace.clone(), namespace)
            .unwrap_or_else(|| default("defacto".to_owned()));
        let batch_size = sources.number("batch_size", file.batch_size)?;
        let workers = sources.number("workers", file.workers)?;
        let pool_size = sources.number("pool_size", file.pool_size)?;
        let index_payload =
            sources.switch("index_payload", file.index_payload)?.unwrap_or_else(|| default(false));
        let log_level = sources
            .option("log_level", global.log_level, word(&file.log_level, "log_level", &sources)?)
            .unwrap_or_else(|| default(LogLevel::Warning));
        let log_format = sources
            .option(
                "log_format",
                global.log_format,
                word(&file.log_format, "log_format", &sources)?,
            )
            .unwrap_or_else(|| default(LogFormat::Console));
        let format =
            sources.option("format", global.format, None).unwrap_or_else(|| default(Format::Table));
        let shown = vec![
            Shown {
                name: "project",
                value: global.project.display().to_string(),
                origin: sources.given("project"),
            },
            match &database {
                Some(found) => show("database", found, |text| masked(text)),
                None => Shown {
                    name: "database",
                    value: global.project.join(".defacto/defacto.db").display().to_string(),
                    origin: "default".to_owned(),
                },
            },
            show("namespace", &namespace, String::clone),
            show_number("batch_size", &batch_size, "16384"),
            show_number("workers", &workers, "all cores"),
            show_number("pool_size", &pool_size, "4"),
            show("index_payload", &index_payload, bool::to_string),
            show("log_level", &log_level, possible),
            show("log_format", &log_format, possible),
            show("format", &format, possible),
        ];
        Ok(Self {
            project: global.project.clone(),
            database: database.map(|found| found.value),
            namespace: namespace.value,
            shard: global.shard,
            batch_size: batch_size.map(|found| found.value),
            workers: workers.map(|found| found.value),
            pool_size: pool_size.map(|found| found.value),
            index_payload: index_payload.value,
            log_level: log_level.value,
            log_format: log_format.value,
            format: format.value,
            output: global.output.clone(),
            quiet: global.quiet,
            shown,
        })
    }
}

fn default<T>(value: T) -> Found<T> {
    Found { value, origin: "default".to_owned() }
}

fn variable(name: &str) -> String {
    format!("DEFACTO_{}", name.to_uppercase())
}

fn environment(name: &str) -> String {
    format!("environment {}", variable(name))
}

fn show<T>(name: &'static str, found: &Found<T>, text: impl Fn(&T) -> String) -> Shown {
    Shown { name, value: text(&found.value), origin: found.origin.clone() }
}

fn show_number(name: &'static str, found: &Option<Found<usize>>, otherwise: &str) -> Shown {
    match found {
        Some(found) => show(name, found, usize::to_string),
        None => Shown { name, value: otherwise.to_owned(), origin: "default".to_owned() },
    }
}

fn possible<T: clap::ValueEnum>(value: &T) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One of some words of the settings file.
fn word<T: clap::ValueEnum>(
    text: &Option<String>,
    name: &str,
    sources: &Sources<'_>,
) -> Outcome<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    clap::ValueEnum::from_str(text, true)
        .map(Some)
        .map_err(|_| Failure::usage(format!("{}: unknown {name} '{text}'", sources.path.display())))
}

/// A text of the settings file with each `${NAME}` replaced by that variable of the environment.
fn interpolated(text: &str, key: &str, path: &Path) -> Outcome<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let fail = |why: String| Failure::usage(format!("{}: {key}: {why}", path.display()));
        let (name, tail) =
            after.split_once('}').ok_or_else(|| fail("${ is not closed by }".to_owned()))?;
        let value = std::env::var(name).map_err(|_| {
            fail(format!("the environment has no {name}; set it, or write the value here"))
        })?;
        out.push_str(&value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// A database URL kept in a file of its own.
fn secret(path: &Path) -> Outcome<String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::usage(format!("read the database URL in {}: {e}", path.display())))?;
    Ok(text.trim().to_owned())
}

/// A database URL without its password.
fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    let (path, query) =
        tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    let mut out = format!("{scheme}://{authority}{path}");
    for (place, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        out.push(if place == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key @ "password", _)) => out.push_str(&format!("{key}=***")),
            _ => out.push_str(pair),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_password_is_masked_wherever_it_stands() {
        for (url, shown) in [
            ("a/b.db", "a/b.db"),
            ("postgres://h/d", "postgres://h/d"),
            ("postgres://ada@h:1/d", "postgres://ada@h:1/d"),
            ("postgres://ada:x@h/d?a=b", "postgres://ada:***@h/d?a=b"),
            ("postgres://ada:x:y@h?password=z&b=c", "postgres://ada:***@h?password=***&b=c"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}
