use clap::{Args, Subcommand};
use defacto_columnar::{Column, ColumnType};
use defacto_engine::{AsOf, BuildOptions, Changes, Engine, RegisterResult, Source};

use crate::args::Format;
use crate::commands::{build, draft, plan};
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Output, text_columns};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto definitions`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every registered version
    List,
    /// Print the name of the version that readers see
    Active,
    /// Print a version's definitions in canonical form
    Show {
        /// Version [default: the active one]
        version: Option<String>,
    },
    /// Register the project's definitions under a name, without activating them
    Register {
        /// Name of the version
        version: String,
        /// Definitions of this folder or file instead of the project's
        #[arg(long, value_name = "PATH")]
        from: Option<std::path::PathBuf>,
    },
    /// Build a version's history beside the present one, then show it
    Activate {
        /// Version
        version: String,
        /// Instant up to which time rules run [default: now]
        #[arg(long, value_name = "T", conflicts_with = "no_tick")]
        as_of: Option<String>,
        /// Run no time rule after the last event
        #[arg(long)]
        no_tick: bool,
    },
    /// Print what differs between two versions
    Diff {
        /// First version [default: the active one]
        from: Option<String>,
        /// Second version [default: the project's definitions]
        to: Option<String>,
    },
    /// Say what activating a version would cost
    Impact {
        /// Version [default: the project's definitions]
        version: Option<String>,
    },
    /// Change a copy of a version step by step, then register it
    #[command(subcommand)]
    Draft(draft::Action),
    /// Forget a version and its history
    Drop {
        /// Version
        version: String,
    },
}

/// Handles versions.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let mut engine = project::open(settings).await?;
    match &options.action {
        Action::List => list(&engine, settings).await,
        Action::Active => {
            let active = engine.active_version().await.map_err(project::engine_failure)?;
            object(settings, &serde_json::json!({ "version": active }), &format!("{active}\n"))
        }
        Action::Show { version } => show(&engine, version.as_deref(), settings).await,
        Action::Register { version, from } => {
            let source =
                from.as_deref().map(Source::read).transpose().map_err(project::engine_failure)?;
            let result =
                engine.register(version, source.as_ref()).await.map_err(project::engine_failure)?;
            registered(&result, settings)
        }
        Action::Activate { version, as_of, no_tick } => {
            let as_of = match (as_of, no_tick) {
                (Some(text), _) => AsOf::At(project::instant(text)?),
                (None, true) => AsOf::Keep,
                (None, false) => AsOf::Clock,
            };
            let options = BuildOptions { as_of, ..BuildOptions::default() };
            let result =
                engine.activate(version, options).await.map_err(project::engine_failure)?;
            build::report(&format!("activated {version}; "), &result, settings)
        }
        Action::Diff { from, to } => {
            let found = engine.diff(from.as_deref(), to.as_deref()).await;
            changes(&found.map_err(project::engine_failure)?, settings)
        }
        Action::Impact { version } => {
            let impact =
                engine.impact(version.as_deref()).await.map_err(project::engine_failure)?;
            let summary = plan::summary("would activate", &impact);
            object(settings, &serde_json::to_value(&impact).unwrap_or_default(), &summary)
        }
        Action::Draft(action) => draft::run(action, &engine, settings).await,
        Action::Drop { version } => {
            engine.drop_version(version).await.map_err(|e| {
                let in_use = matches!(e, defacto_engine::Error::VersionInUse(_));
                let failure = project::engine_failure(e);
                if in_use { failure.with_help("activate another version first") } else { failure }
            })?;
            let summary = format!("dropped {version}\n");
            object(settings, &serde_json::json!({ "version": version }), &summary)
        }
    }
}

/// Prints what registering did.
pub(crate) fn registered(result: &RegisterResult, settings: &Settings) -> Outcome {
    let mut summary =
        format!("registered {}; activating it means {}\n", result.version, result.build_mode);
    for warning in &result.warnings {
        summary += &format!("  warning: {warning}\n");
    }
    object(settings, &serde_json::to_value(result).unwrap_or_default(), &summary)
}

/// Prints differences.
pub(crate) fn changes(changes: &Changes, settings: &Settings) -> Outcome {
    let json = serde_json::to_value(changes).unwrap_or_default();
    object(settings, &json, &differences(changes))
}

/// Prints an object: as JSON, or in words.
pub(crate) fn object(settings: &Settings, json: &serde_json::Value, summary: &str) -> Outcome {
    let mut output = Output::open(settings)?;
    output.object(json, summary)?;
    output.finish()
}

async fn list(engine: &Engine, settings: &Settings) -> Outcome {
    let versions = engine.versions().await.map_err(project::engine_failure)?;
    let mut columns = text_columns(["version"]);
    columns.push(Column::new("active", ColumnType::Boolean));
    columns.extend(["created_at", "built_at"].map(|name| Column::new(name, ColumnType::Timestamp)));
    columns.extend(text_columns(["content_hash"]));
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(columns)?;
    for version in versions {
        rows.push(vec![
            version.version.into(),
            version.active.into(),
            version.created_at.to_string().into(),
            version.built_at.map_or(Cell::Null, |at| at.to_string().into()),
            version.content_hash.into(),
        ])?;
    }
    rows.finish()?;
    output.finish()
}

async fn show(engine: &Engine, version: Option<&str>, settings: &Settings) -> Outcome {
    let version = match version {
        Some(version) => version.to_owned(),
        None => engine.active_version().await.map_err(project::engine_failure)?,
    };
    let text = engine.definitions(Some(&version)).await.map_err(project::engine_failure)?;
    document(&text, settings)
}

/// Prints definitions: on one line where JSON is asked for, else indented.
pub(crate) fn document(text: &str, settings: &Settings) -> Outcome {
    let mut output = Output::open(settings)?;
    if matches!(settings.format, Format::Json | Format::Jsonl) {
        output.text(&format!("{text}\n"))?;
    } else {
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|e| Failure::storage(format!("stored definitions: {e}")))?;
        output.text(&format!("{value:#}\n"))?;
    }
    output.finish()
}

fn differences(changes: &Changes) -> String {
    let mut text = String::new();
    for change in &changes.added {
        text += &format!("+ {} [{}]\n", change.path, change.class);
    }
    for change in &changes.removed {
        text += &format!("- {} [{}]\n", change.path, change.class);
    }
    for change in &changes.modified {
        text += &format!("~ {} [{}]: {} → {}\n", change.path, change.class, change.from, change.to);
    }
    if changes.is_empty() { "no difference\n".to_owned() } else { text }
}
