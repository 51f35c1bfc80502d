use clap::Args;
use defacto_engine::{AsOf, BuildOptions, Engine, Impact, RowChanges};
use serde_json::{Map, Value};

use crate::failure::Outcome;
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto plan`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// As if everything were to be replayed
    #[arg(long)]
    full: bool,
    /// As if everything were to be normalized again
    #[arg(long)]
    from_raw: bool,
    /// Instant up to which time rules would run [default: now]
    #[arg(long, value_name = "T")]
    as_of: Option<String>,
}

/// Says what a build would do, and why.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let as_of = match &options.as_of {
        Some(text) => AsOf::At(project::instant(text)?),
        None => AsOf::Clock,
    };
    let build = BuildOptions {
        full: options.full,
        from_raw: options.from_raw,
        as_of,
        ..BuildOptions::default()
    };
    print(&engine, build, settings).await
}

/// Prints the plan of a build.
pub(crate) async fn print(engine: &Engine, build: BuildOptions, settings: &Settings) -> Outcome {
    let impact = engine.plan(build).await.map_err(project::engine_failure)?;
    let rows = engine.preview_rows(build).await.map_err(project::engine_failure)?;
    let mut json = serde_json::to_value(&impact).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        // The names of a build's result, so that a script reads both alike.
        object.insert("mode".to_owned(), impact.build_mode.clone().into());
        object.insert("dry_run".to_owned(), true.into());
        object.insert("rows".to_owned(), serde_json::to_value(&rows).unwrap_or_default());
    }
    let mut output = Output::open(settings)?;
    output.object(&json, &(summary("would build", &impact) + &differing(&rows)))?;
    output.finish()
}

/// Rows that would differ, in words.
fn differing(rows: &RowChanges) -> String {
    let mut text = format!(
        "  rows of the history: {} added, {} removed, {} changed\n",
        rows.added, rows.removed, rows.changed
    );
    for row in &rows.rows {
        if let (Some(before), Some(after)) = (row.before.as_object(), row.after.as_object()) {
            text += &changed(&row.table, before, after);
            continue;
        }
        for (sign, side) in [('-', &row.before), ('+', &row.after)] {
            if !side.is_null() {
                text += &format!("    {sign} {} {side}\n", row.table);
            }
        }
    }
    let listed = u64::try_from(rows.rows.len()).unwrap_or(u64::MAX);
    let more = (rows.added + rows.removed + rows.changed).saturating_sub(listed);
    if more > 0 {
        text += &format!("    and {more} more\n");
    }
    text
}

/// What differs in a row: which one it is, then each column before and after.
fn changed(table: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let id = |name: &str| {
        matches!(name, "source_id" | "target_id" | "valid_from")
            || table.strip_suffix("_history").is_some_and(|it| name.strip_suffix("_id") == Some(it))
    };
    let mut text = format!("    ~ {table}");
    for (_, value) in after.iter().filter(|(name, _)| id(name)) {
        text += &format!(" {}", value.as_str().unwrap_or_default());
    }
    text + &differing_columns(before, after) + "\n"
}

/// Columns that differ, each before and after.
pub(crate) fn differing_columns(before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let (mut text, mut sign) = (String::new(), ':');
    for (name, value) in after {
        let old = before.get(name).unwrap_or(&Value::Null);
        if old != value {
            text += &format!("{sign} {name} {old} → {value}");
            sign = ',';
        }
    }
    for (name, value) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        text += &format!("{sign} {name} {value} → none");
        sign = ',';
    }
    text
}

/// A plan in words.
pub(crate) fn summary(verb: &str, impact: &Impact) -> String {
    let mut text =
        format!("{verb} version {}: {} ({})\n", impact.version, impact.build_mode, impact.reason);
    if impact.events > 0 {
        text += &format!(
            "  {} events of {} entities ({})\n",
            impact.events,
            impact.entities,
            impact.scope.join(", ")
        );
    }
    if !impact.relaid.is_empty() {
        let types = impact.relaid.join(", ");
        text += &format!("  rows of {types} are copied with other columns, without their events\n");
    }
    if !impact.ruled.is_empty() {
        let types = impact.ruled.join(", ");
        text += &format!(
            "  of {types} only what has been in a state that got a time rule is made anew\n"
        );
    }
    if impact.renormalize {
        text += "  every event is normalized again from the record as received\n";
    } else if !impact.sources.is_empty() {
        text += &format!(
            "  events of {} are normalized again from the records as received\n",
            impact.sources.join(", ")
        );
    }
    if impact.resolve {
        text += "  the identity map is made anew\n";
    }
    text
}
