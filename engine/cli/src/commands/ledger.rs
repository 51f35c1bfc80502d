use clap::{Args, Subcommand};
use defacto_columnar::{Column, ColumnType};
use defacto_engine::LedgerRow;

use crate::commands::history::entity_id;
use crate::failure::Outcome;
use crate::output::{Cell, Output};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto ledger`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every stored event in order of arrival, or those of one entity in order of time
    Events {
        /// Only the events of this entity
        #[arg(long, value_name = "ID")]
        entity: Option<String>,
        /// At most so many, 0 for all
        #[arg(long, default_value_t = 0, value_name = "N")]
        limit: u64,
    },
    /// Print the number of stored events
    Count {
        /// Only of this source
        #[arg(long, value_name = "SOURCE")]
        source: Option<String>,
    },
}

/// Looks into the ledger.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let mut output = Output::open(settings)?;
    match &options.action {
        Action::Count { source } => {
            let count =
                engine.count_events(source.as_deref()).await.map_err(project::engine_failure)?;
            output.object(&serde_json::json!({ "events": count }), &format!("{count}\n"))?;
        }
        Action::Events { entity, limit } => {
            let columns = [
                "sequence",
                "event_id",
                "event_type",
                "timestamp",
                "source",
                "data",
                "raw",
                "resolution_hints",
                "duplicate_of",
                "ingested_at",
            ];
            let types = columns.map(|name| match name {
                "sequence" | "duplicate_of" => Column::new(name, ColumnType::Integer),
                "timestamp" | "ingested_at" => Column::new(name, ColumnType::Timestamp),
                _ => Column::new(name, ColumnType::Text),
            });
            let mut rows = output.rows(types.to_vec())?;
            let mut left = if *limit == 0 { u64::MAX } else { *limit };
            if let Some(id) = entity {
                let events =
                    engine.events_of(entity_id(id)?).await.map_err(project::engine_failure)?;
                for row in events.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                    rows.push(cells(row))?;
                }
                rows.finish()?;
                return output.finish();
            }
            let mut pages = engine.ledger().await.map_err(project::engine_failure)?;
            while left > 0 {
                let page = pages.next_page().await.map_err(project::engine_failure)?;
                if page.is_empty() {
                    break;
                }
                for row in page.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                    left -= 1;
                    rows.push(cells(row))?;
                }
            }
            rows.finish()?;
        }
    }
    output.finish()
}

fn cells(row: LedgerRow) -> Vec<Cell> {
    let event = row.event;
    let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let mut hints = serde_json::Map::new();
    for hint in event.hints {
        if let Some(fields) = hints
            .entry(hint.entity_type)
            .or_insert_with(|| Cell::Object(serde_json::Map::new()))
            .as_object_mut()
        {
            fields.insert(hint.field, hint.value.into());
        }
    }
    vec![
        row.sequence.0.into(),
        event.event_id.to_string().into(),
        event.event_type.into(),
        event.timestamp.to_string().into(),
        event.source.into(),
        json(&event.data),
        json(&event.raw),
        Cell::Object(hints),
        row.duplicate_of.map_or(Cell::Null, |s| s.0.into()),
        event.ingested_at.to_string().into(),
    ]
}
