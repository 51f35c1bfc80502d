use clap::{Args, Subcommand};
use defacto_engine::HintRow;

use crate::failure::{Failure, Kind, Outcome};
use crate::output::{Output, text_columns};
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
}

/// Looks up or lists hints.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
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

fn cells(hint: &HintRow) -> Vec<crate::output::Cell> {
    vec![
        hint.key.entity_type.clone().into(),
        hint.field.clone().into(),
        hint.key.value.clone().into(),
        hint.entity_id.to_string().into(),
    ]
}
