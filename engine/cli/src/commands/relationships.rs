use clap::Args;
use defacto_columnar::{Column, ColumnType};
use defacto_engine::Edges;

use crate::commands::history::column_type;
use crate::failure::Outcome;
use crate::output::{Cell, Output, text_columns};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto relationships`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Relationship name, as declared by either side
    r#type: String,
    /// As this version of the definitions has it [default: the active one]
    #[arg(long, value_name = "V")]
    version: Option<String>,
}

/// Prints every version of the relationship's edges, in the direction of the name given.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let view = engine.view(options.version.as_deref()).await.map_err(project::engine_failure)?;
    let Edges { properties, rows: edges } =
        view.edges(&options.r#type).await.map_err(project::engine_failure)?;
    let mut columns = text_columns(["source_id", "target_id", "relationship_type"]);
    columns.extend(
        properties.into_iter().map(|(name, declared)| Column::new(name, column_type(declared))),
    );
    columns.extend(["valid_from", "valid_to"].map(|name| Column::new(name, ColumnType::Timestamp)));
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(columns)?;
    for edge in edges {
        let mut cells: Vec<Cell> = vec![
            edge.source.to_string().into(),
            edge.target.to_string().into(),
            options.r#type.clone().into(),
        ];
        cells.extend(edge.properties.iter().map(project::value_cell));
        cells.push(edge.valid_from.to_string().into());
        cells.push(edge.valid_to.map_or(Cell::Null, |at| at.to_string().into()));
        rows.push(cells)?;
    }
    rows.finish()?;
    output.finish()
}
