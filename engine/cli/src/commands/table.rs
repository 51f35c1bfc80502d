use clap::Args;
use defacto_engine::HistoryQuery;

use crate::commands::history;
use crate::failure::Outcome;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto table`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity type
    r#type: String,
    /// Only this entity
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// As this version of the definitions has it [default: the active one]
    #[arg(long, value_name = "V")]
    version: Option<String>,
    /// At most so many rows, 0 for all
    #[arg(long, default_value_t = 0, value_name = "N")]
    limit: u64,
    /// Only these columns
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    columns: Vec<String>,
}

/// Prints the open row of every entity.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let entity_id = options.id.as_deref().map(history::entity_id).transpose()?;
    let query = HistoryQuery { current: true, entity_id, ..HistoryQuery::default() };
    let view = engine.view(options.version.as_deref()).await.map_err(project::engine_failure)?;
    history::print(&view, &options.r#type, query, options.limit, &options.columns, settings).await
}
