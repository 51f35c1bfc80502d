use clap::{Args, Subcommand};
use defacto_columnar::{Column, ColumnType};
use defacto_engine::{Engine, HintRow};

use crate::commands::history::entity_id;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::{Cell, Output, text_columns};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto identity`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Find the entity behind a hint; the value is normalized as the definitions say
    Lookup {
        /// E-mail address, number, … as it stands in the events
        value: String,
        /// Only entities of this type
        #[arg(long, value_name = "TYPE")]
        r#type: Option<String>,
        /// Only this identity field
        #[arg(long, value_name = "FIELD")]
        field: Option<String>,
    },
    /// Print every hint
    List,
    /// Print the hints of an entity
    Hints {
        /// Entity
        id: String,
    },
    /// Print the merges into and out of an entity, and what keeps it apart from others
    Merges {
        /// Entity
        id: String,
    },
    /// Tell which events and hints made two one
    Explain {
        /// Entity id, or e-mail address, number, … as it stands in the events
        a: String,
        /// The other one
        b: String,
    },
}

/// Answers questions about identity.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    match &options.action {
        Action::Merges { id } => return merges(&engine, id, settings).await,
        Action::Explain { a, b } => return explain(&engine, a, b, settings).await,
        _ => {}
    }
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(text_columns(["entity_type", "field", "value", "entity_id"]))?;
    let mut found = 0;
    match &options.action {
        Action::Lookup { value, r#type, field } => {
            if let Some(name) = r#type {
                project::entity(&engine, name)?;
            }
            let hints = engine
                .lookup(value, r#type.as_deref(), field.as_deref())
                .await
                .map_err(project::engine_failure)?;
            for hint in hints {
                found += 1;
                rows.push(cells(&hint))?;
            }
            if found == 0 {
                return Err(Failure::new(Kind::Usage, format!("no entity has the hint '{value}'"))
                    .with_help("`defacto identity list` prints every hint; events count once they are built"));
            }
        }
        Action::Hints { id } => {
            let id = entity_id(id)?;
            for hint in engine.hints_of(id).await.map_err(project::engine_failure)? {
                rows.push(cells(&hint))?;
            }
        }
        Action::Merges { .. } | Action::Explain { .. } => {}
        Action::List => {
            let mut pages = engine.hints().await.map_err(project::engine_failure)?;
            loop {
                let page = pages.next_page().await.map_err(project::engine_failure)?;
                if page.is_empty() {
                    break;
                }
                for hint in &page {
                    rows.push(cells(hint))?;
                }
            }
        }
    }
    rows.finish()?;
    output.finish()
}

fn cells(hint: &HintRow) -> Vec<Cell> {
    vec![
        hint.key.entity_type.clone().into(),
        hint.field.clone().into(),
        hint.key.value.clone().into(),
        hint.entity_id.to_string().into(),
    ]
}

async fn merges(engine: &Engine, id: &str, settings: &Settings) -> Outcome {
    let id = entity_id(id)?;
    let merges = engine.merges_of(id).await.map_err(project::engine_failure)?;
    let apart = engine.separations_of(id).await.map_err(project::engine_failure)?;
    let mut columns = text_columns(["kind", "from", "into", "entity_type"]);
    columns.push(Column::new("timestamp", ColumnType::Timestamp));
    columns.push(Column::new("sequence", ColumnType::Integer));
    columns.extend(text_columns(["reason"]));
    columns.push(Column::new("undone_by", ColumnType::Integer));
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(columns)?;
    for merge in merges {
        rows.push(vec![
            "merge".to_owned().into(),
            merge.from.to_string().into(),
            merge.into.to_string().into(),
            merge.entity_type.into(),
            merge.timestamp.to_string().into(),
            merge.sequence.0.into(),
            merge.reason.filter(|reason| !reason.is_empty()).map_or(Cell::Null, Cell::from),
            merge.undone_by.map_or(Cell::Null, |at| at.0.into()),
        ])?;
    }
    for it in apart {
        let kind = if it.unmerged.is_some() { "unmerge" } else { "block" };
        rows.push(vec![
            kind.to_owned().into(),
            it.a.to_string().into(),
            it.b.to_string().into(),
            it.entity_type.into(),
            Cell::Null,
            it.sequence.0.into(),
            Cell::Null,
            Cell::Null,
        ])?;
    }
    rows.finish()?;
    output.finish()
}

async fn explain(engine: &Engine, a: &str, b: &str, settings: &Settings) -> Outcome {
    let found = engine.explain(a, b).await.map_err(project::engine_failure)?;
    let mut text = String::new();
    if !found.joined {
        text += &format!("two entities: {} and {}\n", found.a, found.b);
        for it in &found.apart {
            let what = if it.unmerged.is_some() { "an unmerge" } else { "a block" };
            text += &format!("  kept apart by {what}, event {} of the ledger\n", it.sequence);
        }
    } else if found.joins.is_empty() {
        text += &format!("the same from the beginning: {}\n", found.a);
    } else {
        text += &format!("one entity, {}, because of:\n", found.a);
    }
    for join in &found.joins {
        let hints: Vec<String> =
            join.hints.iter().map(|(field, value)| format!("{field} '{value}'")).collect();
        text += &format!(
            "  {} {} of {} ({}): {}\n",
            join.timestamp,
            join.event_type,
            join.source,
            join.event_id,
            hints.join(", ")
        );
        if let Some((from, into)) = join.merged {
            text += &format!("    merged {from} into {into}");
            if let Some(reason) = join.reason.as_deref().filter(|reason| !reason.is_empty()) {
                text += &format!(": {reason}");
            }
            text += "\n";
        }
    }
    let mut output = Output::open(settings)?;
    output.object(&serde_json::to_value(&found).unwrap_or_default(), &text)?;
    output.finish()
}
