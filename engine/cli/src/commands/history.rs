use clap::Args;
use defacto_columnar::{Column, ColumnType};
use defacto_engine::{HistoryQuery, HistoryRecord, View};
use defacto_model::{EntityId, EntityManifest, Timestamp, ValueType};

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Output};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto history`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity type
    r#type: String,
    /// Only this entity
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only rows valid at this instant
    #[arg(long, value_name = "T")]
    as_of: Option<String>,
    /// As this version of the definitions has it [default: the active one]
    #[arg(long, value_name = "V")]
    version: Option<String>,
    /// Rows of merged-away entities too
    #[arg(long)]
    merged: bool,
    /// At most so many rows, 0 for all
    #[arg(long, default_value_t = 0, value_name = "N")]
    limit: u64,
    /// Only these columns
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    columns: Vec<String>,
}

/// Prints every row of the type.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let query = HistoryQuery {
        entity_id: options.id.as_deref().map(entity_id).transpose()?,
        as_of: options.as_of.as_deref().map(project::instant).transpose()?,
        merged: options.merged,
        ..HistoryQuery::default()
    };
    let view = engine.view(options.version.as_deref()).await.map_err(project::engine_failure)?;
    print(&view, &options.r#type, query, options.limit, &options.columns, settings).await
}

/// Reads an entity id.
pub(crate) fn entity_id(text: &str) -> Outcome<EntityId> {
    text.parse().map_err(|_| {
        Failure::usage(format!("'{text}' is no entity id")).with_help(
            "`defacto identity lookup VALUE` finds the id behind an e-mail address, number, …",
        )
    })
}

/// Prints the rows that a query finds.
pub(crate) async fn print(
    view: &View,
    entity_type: &str,
    query: HistoryQuery,
    limit: u64,
    columns: &[String],
    settings: &Settings,
) -> Outcome {
    let entity = view.entity(entity_type).map_err(project::engine_failure)?;
    let all = all_columns(entity);
    let chosen = choose(&all, columns)?;
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(chosen.iter().filter_map(|i| all.get(*i).cloned()).collect())?;
    let mut pages = view.history(entity_type, query).await.map_err(project::engine_failure)?;
    let mut left = if limit == 0 { u64::MAX } else { limit };
    while left > 0 {
        let page = pages.next_page().await.map_err(project::engine_failure)?;
        if page.is_empty() {
            break;
        }
        for record in page {
            if left == 0 {
                break;
            }
            left -= 1;
            let cells = cells(record);
            rows.push(chosen.iter().filter_map(|i| cells.get(*i).cloned()).collect())?;
        }
    }
    rows.finish()?;
    output.finish()
}

fn all_columns(entity: &EntityManifest) -> Vec<Column> {
    let text = |name: String| Column::new(name, ColumnType::Text);
    let mut columns =
        vec![text(format!("{}_id", entity.name)), text(format!("{}_state", entity.name))];
    columns.extend(
        entity.properties.iter().map(|p| Column::new(p.name.clone(), column_type(p.r#type))),
    );
    let time = |name: &str| Column::new(name, ColumnType::Timestamp);
    columns.extend([time("valid_from"), time("valid_to"), text("merged_into".to_owned())]);
    columns.extend(["last_event_time", "state_entered_time", "created_time"].map(time));
    columns
}

/// Type of the column of a declared type.
pub(crate) fn column_type(declared: ValueType) -> ColumnType {
    match declared {
        ValueType::String => ColumnType::Text,
        ValueType::Number => ColumnType::Number,
        ValueType::Integer => ColumnType::Integer,
        ValueType::Boolean => ColumnType::Boolean,
        ValueType::Datetime => ColumnType::Timestamp,
    }
}

fn choose(all: &[Column], wanted: &[String]) -> Outcome<Vec<usize>> {
    if wanted.is_empty() {
        return Ok((0..all.len()).collect());
    }
    wanted
        .iter()
        .map(|name| {
            all.iter().position(|column| column.name == *name).ok_or_else(|| {
                let known: Vec<&str> = all.iter().map(|column| column.name.as_str()).collect();
                Failure::usage(format!("unknown column '{name}'"))
                    .with_help(format!("known columns: {}", known.join(", ")))
            })
        })
        .collect()
}

fn cells(record: HistoryRecord) -> Vec<Cell> {
    let row = record.row;
    let mut cells = vec![record.entity_id.to_string().into(), row.state.into()];
    cells.extend(row.properties.iter().map(project::value_cell));
    let time = |at: Option<Timestamp>| at.map_or(Cell::Null, |at| at.to_string().into());
    cells.push(time(Some(row.valid_from)));
    cells.push(time(record.valid_to));
    cells.push(record.merged_into.map_or(Cell::Null, |id| id.to_string().into()));
    cells.push(time(row.last_event));
    cells.push(time(Some(row.entered)));
    cells.push(time(Some(row.created)));
    cells
}
