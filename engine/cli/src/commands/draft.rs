use clap::Subcommand;
use defacto_columnar::{Column, ColumnType};
use defacto_engine::{Draft, Engine};
use serde_json::Value;

use crate::commands::{definitions, plan};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::{Output, text_columns};
use crate::project;
use crate::settings::Settings;

/// What to do with drafts. A draft is named like the version that registering it makes.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Begin a draft as a copy of a version
    New {
        /// Name of the version to be
        draft: String,
        /// Version to copy [default: the active one]
        #[arg(long, value_name = "VERSION")]
        based_on: Option<String>,
    },
    /// Print every draft
    List,
    /// Print a draft in canonical form
    Show {
        /// Draft
        draft: String,
    },
    /// Add a property to an entity type
    AddProperty {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// Name of the property
        name: String,
        /// Its body as JSON, such as '{"type": "integer"}'
        #[arg(value_parser = json)]
        spec: Value,
    },
    /// Remove a property
    RemoveProperty {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// Name of the property
        name: String,
    },
    /// Add a state to an entity type
    AddState {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// Name of the state
        name: String,
        /// Its body as JSON, with `when` and `after`
        #[arg(value_parser = json, default_value = "{}")]
        spec: Value,
    },
    /// Remove a state
    RemoveState {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// Name of the state
        name: String,
    },
    /// Let an event lead from one state to another
    AddTransition {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// State to leave
        state: String,
        /// Event
        event: String,
        /// State to go to
        to: String,
    },
    /// Add a handler for an event to a state
    AddHandler {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// State
        state: String,
        /// Event
        event: String,
        /// List of effects as JSON
        #[arg(value_parser = json)]
        effects: Value,
        /// Condition of the whole handler
        #[arg(long, value_name = "EXPR")]
        guard: Option<String>,
    },
    /// Replace the identity of an entity type
    UpdateIdentity {
        /// Draft
        draft: String,
        /// Entity type
        entity: String,
        /// The identity fields as JSON
        #[arg(value_parser = json)]
        fields: Value,
    },
    /// Set what stands at a place of the canonical form
    Put {
        /// Draft
        draft: String,
        /// Place, such as entities.order.states.open.when.paid.guard
        path: String,
        /// Value as JSON
        #[arg(value_parser = json)]
        value: Value,
    },
    /// Remove what stands at a place of the canonical form
    Remove {
        /// Draft
        draft: String,
        /// Place
        path: String,
    },
    /// Print what differs from the version that the draft is based on
    Diff {
        /// Draft
        draft: String,
    },
    /// Say what activating it would cost
    Impact {
        /// Draft
        draft: String,
    },
    /// Print what is wrong or doubtful
    Validate {
        /// Draft
        draft: String,
        /// Warnings fail too
        #[arg(long)]
        strict: bool,
    },
    /// Make it a version, without activating that, and end the draft
    Register {
        /// Draft
        draft: String,
    },
    /// Forget it
    Discard {
        /// Draft
        draft: String,
    },
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))
}

/// Handles drafts.
pub(crate) async fn run(action: &Action, engine: &Engine, settings: &Settings) -> Outcome {
    match action {
        Action::New { draft, based_on } => {
            if engine
                .drafts()
                .await
                .map_err(project::engine_failure)?
                .iter()
                .any(|d| d.version() == draft)
            {
                return Err(Failure::usage(format!("draft '{draft}' exists already"))
                    .with_help(format!("`defacto definitions draft discard {draft}` forgets it")));
            }
            let made = engine.draft(draft, based_on.as_deref()).await;
            let made = made.map_err(project::engine_failure)?;
            engine.keep_draft(&made).await.map_err(project::engine_failure)?;
            let json = serde_json::json!({ "draft": draft, "based_on": made.based_on() });
            let summary = format!("draft {draft}, a copy of version {}\n", made.based_on());
            definitions::object(settings, &json, &summary)
        }
        Action::List => list(engine, settings).await,
        Action::Show { draft } => {
            definitions::document(&find(engine, draft).await?.document(), settings)
        }
        Action::Diff { draft } => {
            definitions::changes(&find(engine, draft).await?.diff(), settings)
        }
        Action::Impact { draft } => {
            let draft = find(engine, draft).await?;
            let impact = draft.impact(engine).await.map_err(project::engine_failure)?;
            let summary = plan::summary("would activate", &impact);
            definitions::object(
                settings,
                &serde_json::to_value(&impact).unwrap_or_default(),
                &summary,
            )
        }
        Action::Validate { draft, strict } => {
            validate(&find(engine, draft).await?, *strict, settings)
        }
        Action::Register { draft } => {
            let draft = find(engine, draft).await?;
            let result = draft.register(engine).await.map_err(project::engine_failure)?;
            engine.discard_draft(draft.version()).await.map_err(project::engine_failure)?;
            definitions::registered(&result, settings)
        }
        Action::Discard { draft } => {
            engine.discard_draft(draft).await.map_err(project::engine_failure)?;
            let json = serde_json::json!({ "draft": draft });
            definitions::object(settings, &json, &format!("discarded draft {draft}\n"))
        }
        edit => change(edit, engine, settings).await,
    }
}

/// One operation on a kept draft.
async fn change(action: &Action, engine: &Engine, settings: &Settings) -> Outcome {
    let name = match action {
        Action::AddProperty { draft, .. }
        | Action::RemoveProperty { draft, .. }
        | Action::AddState { draft, .. }
        | Action::RemoveState { draft, .. }
        | Action::AddTransition { draft, .. }
        | Action::AddHandler { draft, .. }
        | Action::UpdateIdentity { draft, .. }
        | Action::Put { draft, .. }
        | Action::Remove { draft, .. } => draft,
        _ => return Ok(()),
    };
    let mut draft = find(engine, name).await?;
    let done = match action {
        Action::AddProperty { entity, name, spec, .. } => draft.add_property(entity, name, spec),
        Action::RemoveProperty { entity, name, .. } => draft.remove_property(entity, name),
        Action::AddState { entity, name, spec, .. } => draft.add_state(entity, name, spec),
        Action::RemoveState { entity, name, .. } => draft.remove_state(entity, name),
        Action::AddTransition { entity, state, event, to, .. } => {
            draft.add_transition(entity, state, event, to)
        }
        Action::AddHandler { entity, state, event, effects, guard, .. } => {
            draft.add_handler(entity, state, event, effects, guard.as_deref())
        }
        Action::UpdateIdentity { entity, fields, .. } => draft.update_identity(entity, fields),
        Action::Put { path, value, .. } => draft.put(path, value),
        Action::Remove { path, .. } => draft.remove(path),
        _ => Ok(()),
    };
    done.map_err(project::engine_failure)?;
    engine.keep_draft(&draft).await.map_err(project::engine_failure)?;
    let open = draft.validate().errors;
    let mut summary = format!("changed draft {name}\n");
    for error in &open {
        summary += &format!("  still open: {error}\n");
    }
    definitions::object(settings, &serde_json::json!({ "draft": name, "open": open }), &summary)
}

async fn find(engine: &Engine, name: &str) -> Outcome<Draft> {
    let drafts = engine.drafts().await.map_err(project::engine_failure)?;
    let known = drafts.iter().map(Draft::version).collect::<Vec<_>>().join(", ");
    let found = drafts.into_iter().find(|draft| draft.version() == name);
    found.ok_or_else(|| Failure::usage(format!("unknown draft '{name}'; known: {known}")))
}

async fn list(engine: &Engine, settings: &Settings) -> Outcome {
    let drafts = engine.drafts().await.map_err(project::engine_failure)?;
    let mut columns = text_columns(["draft", "based_on"]);
    columns.push(Column::new("valid", ColumnType::Boolean));
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(columns)?;
    for draft in drafts {
        let valid = draft.validate().valid;
        rows.push(vec![
            draft.version().to_owned().into(),
            draft.based_on().to_owned().into(),
            valid.into(),
        ])?;
    }
    rows.finish()?;
    output.finish()
}

fn validate(draft: &Draft, strict: bool, settings: &Settings) -> Outcome {
    let validation = draft.validate();
    let mut summary = String::new();
    for error in &validation.errors {
        summary += &format!("error: {error}\n");
    }
    for warning in &validation.warnings {
        summary += &format!("warning: {warning}\n");
    }
    definitions::object(
        settings,
        &serde_json::to_value(&validation).unwrap_or_default(),
        &summary,
    )?;
    if !validation.valid {
        return Err(Failure::new(Kind::Definitions, ""));
    }
    if strict && !validation.warnings.is_empty() {
        return Err(Failure::findings());
    }
    Ok(())
}
