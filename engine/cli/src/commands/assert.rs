use clap::Args;

use crate::commands::history::entity_id;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto assert`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity
    id: String,
    /// State in which it must be
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Values that its properties must have; `null` is no value
    #[arg(value_name = "PROPERTY=VALUE")]
    properties: Vec<String>,
}

/// Compares what an entity is now with what it should be; ends with 1 when they differ.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let id = entity_id(&options.id)?;
    if options.state.is_none() && options.properties.is_empty() {
        return Err(Failure::usage("nothing to compare with")
            .with_help("say --state STATE or PROPERTY=VALUE"));
    }
    let mut texts = Vec::new();
    for text in &options.properties {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("'{text}' is not of the form PROPERTY=VALUE")));
        };
        texts.push((name.to_owned(), value.to_owned()));
    }
    let engine = project::open(settings).await?;
    let properties = engine.property_values(id, &texts).await.map_err(project::engine_failure)?;
    let differences = engine
        .assert_entity(id, options.state.as_deref(), &properties)
        .await
        .map_err(project::engine_failure)?;
    let mut summary = String::new();
    for difference in &differences {
        summary += &format!(
            "{}: expected {}, is {}\n",
            difference.name,
            project::value_cell(&difference.expected),
            project::value_cell(&difference.actual)
        );
    }
    let json = serde_json::json!({
        "entity_id": id.to_string(),
        "holds": differences.is_empty(),
        "differences": serde_json::to_value(&differences).unwrap_or_default(),
    });
    let mut output = Output::open(settings)?;
    output.object(&json, &summary)?;
    output.finish()?;
    if differences.is_empty() { Ok(()) } else { Err(Failure::findings()) }
}
