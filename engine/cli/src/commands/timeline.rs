use clap::Args;
use defacto_columnar::{Column, ColumnType};

use crate::args::Format;
use crate::commands::history::entity_id;
use crate::failure::Outcome;
use crate::output::{Cell, Output, text_columns};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto timeline`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity
    id: String,
}

/// Tells what happened to an entity; JSON is one object, every other form one row per entry.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let id = entity_id(&options.id)?;
    let engine = project::open(settings).await?;
    let timeline = engine.timeline(id).await.map_err(project::engine_failure)?;
    let mut output = Output::open(settings)?;
    if settings.format == Format::Json {
        output.object(&serde_json::to_value(&timeline).unwrap_or_default(), "")?;
        return output.finish();
    }
    let mut columns = vec![Column::new("timestamp", ColumnType::Timestamp)];
    columns.extend(text_columns([
        "event_type",
        "event_id",
        "effects",
        "state_before",
        "state_after",
    ]));
    let text = matches!(settings.format, Format::Table | Format::Csv);
    let mut rows = output.rows(columns)?;
    for entry in timeline.entries {
        let effects = if text { entry.effects.join("; ").into() } else { entry.effects.into() };
        let event = entry.event_id.map_or(Cell::Null, |id| id.to_string().into());
        rows.push(vec![
            entry.timestamp.to_string().into(),
            entry.event_type.into(),
            event,
            effects,
            entry.state_before.map_or(Cell::Null, Cell::from),
            entry.state_after.into(),
        ])?;
    }
    rows.finish()?;
    output.finish()
}
