//! Drafts: copies of a version to be changed step by step, then registered (language.md 8.6, engine.md 9.3).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use defacto_compiler::diagnostics::{Diagnostic, Severity};
use defacto_compiler::{Analysis, canonical};
use defacto_pipeline::Impact;
use defacto_ports::Reader;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::draft_path::{self, Step};
use crate::{Changes, Engine, Error, RegisterResult, Source};

/// Name of the setting that holds the drafts kept in a project.
const DRAFTS: &str = "drafts";

/// Findings that say that two places do not fit together yet: the next step of a draft may mend them.
const OPEN: [&str; 13] = [
    "E-05", "E-09", "E-10", "E-13", "E-15", "E-20", "E-21", "E-23", "E-26", "X-6", "X-7", "X-8",
    "X-9",
];

/// A copy of a version that can be changed. Every operation is validated at once and undone when its own place is wrong;
/// references from and to other places may stay open until the draft is validated or registered.
///
/// ```
/// # use defacto_engine::{Engine, Source};
/// # let text = r#"{"entities": {"door": {"starts": "shut", "identity": {"number": {}}, "states": {"shut": {
/// #     "when": {"opened": {"effects": ["create"]}}}}}}}"#;
/// # let state = std::env::temp_dir().join(format!("defacto-draft-doc-{}", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let engine = Engine::builder(Source::text("doors.yaml", text), &state).open().await?;
/// let mut draft = engine.draft("v2", None).await?;
/// draft.add_state("door", "broken", &serde_json::json!({}))?;
/// assert!(!draft.validate().valid, "nothing leads to the new state yet");
/// draft.add_transition("door", "shut", "kicked", "broken")?;
/// assert!(draft.validate().valid);
/// assert_eq!(draft.impact(&engine).await?.build_mode, "FULL");
/// draft.register(&engine).await?;
/// # Ok::<(), defacto_engine::Error>(())
/// # })?;
/// # std::fs::remove_dir_all(&state)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    version: String,
    based_on: String,
    base: Value,
    document: Value,
    /// The engine's state folder, with the modules that the definitions name.
    #[serde(skip)]
    state: Option<PathBuf>,
}

/// What validation says (engine.md 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Whether the definitions can be registered.
    pub valid: bool,
    /// Errors with their codes and places.
    pub errors: Vec<String>,
    /// Warnings likewise.
    pub warnings: Vec<String>,
}

fn in_words(found: &Diagnostic) -> String {
    format!("{}: {}: {}", found.code, found.path, found.message)
}

/// Whether one place contains the other.
fn related(a: &str, b: &str) -> bool {
    let (outer, inner) = if a.len() < b.len() { (a, b) } else { (b, a) };
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Draft {
    /// Name of the version that registering makes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Name of the version of which it is a copy.
    pub fn based_on(&self) -> &str {
        &self.based_on
    }

    /// The definitions as they are now: canonical form, JSON.
    pub fn document(&self) -> String {
        self.document.to_string()
    }

    /// The same, as the engine takes definitions.
    pub fn source(&self) -> Source {
        Source::text(format!("draft {}", self.version), self.document())
    }

    /// Adds a property; `spec` is its body, such as `{"type": "integer", "default": 0}`.
    ///
    /// # Errors
    ///
    /// [`Error::Draft`]: the entity type is unknown, the property exists, the body is invalid. So for all operations: an
    /// operation that fails changes nothing.
    pub fn add_property(&mut self, entity: &str, name: &str, spec: &Value) -> Result<(), Error> {
        self.entity(entity)?;
        self.add(&["entities", entity, "properties", name], "property", spec)
    }

    /// Adds a state; `spec` holds its `when` and `after`.
    ///
    /// # Errors
    ///
    /// As [`Draft::add_property`].
    pub fn add_state(&mut self, entity: &str, name: &str, spec: &Value) -> Result<(), Error> {
        self.entity(entity)?;
        self.add(&["entities", entity, "states", name], "state", spec)
    }

    /// Adds a handler for an event to a state: a list of effects and, perhaps, a guard.
    ///
    /// # Errors
    ///
    /// As [`Draft::add_property`], and an unknown state.
    pub fn add_handler(
        &mut self,
        entity: &str,
        state: &str,
        event: &str,
        effects: &Value,
        guard: Option<&str>,
    ) -> Result<(), Error> {
        self.state(entity, state)?;
        let mut body = json!({ "effects": effects });
        if let (Some(guard), Value::Object(keys)) = (guard, &mut body) {
            keys.insert("guard".to_owned(), json!(guard));
        }
        self.add(&["entities", entity, "states", state, "when", event], "handler", &body)
    }

    /// Lets an event lead from one state to another: a new handler, or one more effect of the handler that is there.
    ///
    /// # Errors
    ///
    /// As [`Draft::add_handler`]; the state to go to is unknown; the handler goes there already.
    pub fn add_transition(
        &mut self,
        entity: &str,
        state: &str,
        event: &str,
        to: &str,
    ) -> Result<(), Error> {
        self.state(entity, state)?;
        self.state(entity, to)?;
        let place = ["entities", entity, "states", state, "when", event];
        let effect = json!({ "transition": { "to": to } });
        let handler = place.iter().try_fold(&self.document, |value, step| value.get(step));
        let mut effects = match handler.and_then(|handler| handler.get("effects")) {
            None => return self.add_handler(entity, state, event, &json!([effect]), None),
            Some(effects) => effects.as_array().cloned().unwrap_or_default(),
        };
        if effects.contains(&effect) {
            let message = format!("`{event}` leads from `{state}` to `{to}` already");
            return Err(Error::Draft(message));
        }
        effects.push(effect);
        let mut steps: Vec<Step> = place.iter().map(|step| Step::Key((*step).to_owned())).collect();
        steps.push(Step::Key("effects".to_owned()));
        self.set(&steps, Value::Array(effects))
    }

    /// Replaces the whole identity block of an entity type.
    ///
    /// # Errors
    ///
    /// As [`Draft::add_property`].
    pub fn update_identity(&mut self, entity: &str, fields: &Value) -> Result<(), Error> {
        self.entity(entity)?;
        let steps = ["entities", entity, "identity"].map(|step| Step::Key(step.to_owned()));
        self.set(&steps, fields.clone())
    }

    /// Removes a property.
    ///
    /// # Errors
    ///
    /// [`Error::Draft`]: there is none.
    pub fn remove_property(&mut self, entity: &str, name: &str) -> Result<(), Error> {
        self.entity(entity)?;
        let steps = ["entities", entity, "properties", name].map(|step| Step::Key(step.to_owned()));
        self.take(&steps, &format!("entity `{entity}` has no property `{name}`"))
    }

    /// Removes a state.
    ///
    /// # Errors
    ///
    /// [`Error::Draft`]: there is none; it is the last.
    pub fn remove_state(&mut self, entity: &str, name: &str) -> Result<(), Error> {
        self.state(entity, name)?;
        let steps = ["entities", entity, "states", name].map(|step| Step::Key(step.to_owned()));
        self.take(&steps, "")
    }

    /// Sets whatever stands at a place of the canonical form, such as
    /// `entities.order.states.open.when.paid.effects[1].set.value`. A step that contains a full stop and does not exist yet
    /// stands in double quotes.
    ///
    /// # Errors
    ///
    /// [`Error::Draft`]: what contains the place does not exist; the value is invalid there.
    pub fn put(&mut self, path: &str, value: &Value) -> Result<(), Error> {
        let steps = draft_path::parse(&self.document, path)?;
        self.set(&steps, value.clone())
    }

    /// Removes what stands at a place.
    ///
    /// # Errors
    ///
    /// [`Error::Draft`]: there is nothing; what is left is invalid there.
    pub fn remove(&mut self, path: &str) -> Result<(), Error> {
        let steps = draft_path::parse(&self.document, path)?;
        self.take(&steps, &format!("there is nothing at `{path}`"))
    }

    /// What differs from the version that it is based on.
    pub fn diff(&self) -> Changes {
        let read = |document: &Value| canonical(&self.analyze(document).definitions);
        defacto_compiler::diff(&read(&self.base), &read(&self.document)).into()
    }

    /// All errors and warnings.
    pub fn validate(&self) -> Validation {
        let found = self.analyze(&self.document).diagnostics;
        let of =
            |severity| found.iter().filter(|d| d.severity() == severity).map(in_words).collect();
        let errors: Vec<String> = of(Severity::Error);
        Validation { valid: errors.is_empty(), errors, warnings: of(Severity::Warning) }
    }

    /// What activating it would do.
    ///
    /// # Errors
    ///
    /// [`Error::Definitions`] when it is not valid; what module and store say.
    pub async fn impact(&self, engine: &Engine) -> Result<Impact, Error> {
        // Registered, it has the draft's name.
        let impact = engine.impact_of(&self.source()).await?;
        Ok(Impact { version: self.version.clone(), ..impact })
    }

    /// Registers it as a version, without activating that.
    ///
    /// # Errors
    ///
    /// As [`Engine::register`].
    pub async fn register(&self, engine: &Engine) -> Result<RegisterResult, Error> {
        engine.register(&self.version, Some(&self.source())).await
    }

    fn entity(&self, entity: &str) -> Result<&Value, Error> {
        let entities = self.document.get("entities");
        let found = entities.and_then(|entities| entities.get(entity));
        found.ok_or_else(|| {
            Error::Draft(format!("unknown entity `{entity}`; known: {}", names(entities)))
        })
    }

    fn state(&self, entity: &str, state: &str) -> Result<(), Error> {
        let states = self.entity(entity)?.get("states");
        match states.and_then(|states| states.get(state)) {
            Some(_) => Ok(()),
            None => Err(Error::Draft(format!(
                "entity `{entity}` has no state `{state}`; known: {}",
                names(states)
            ))),
        }
    }

    fn add(&mut self, place: &[&str], what: &str, body: &Value) -> Result<(), Error> {
        let steps: Vec<Step> = place.iter().map(|step| Step::Key((*step).to_owned())).collect();
        if draft_path::get(&self.document, &steps).is_some() {
            let message = format!("{what} `{}` exists already", place.last().unwrap_or(&""));
            return Err(Error::Draft(message));
        }
        // Blocks that the canonical form leaves out when they are empty.
        let mut changed = self.document.clone();
        if let Some((_, block)) = steps.split_last()
            && draft_path::get(&changed, block).is_none()
        {
            draft_path::put(&mut changed, block, Value::Object(Map::new()))?;
        }
        draft_path::put(&mut changed, &steps, body.clone())?;
        self.accept(&steps, changed)
    }

    fn set(&mut self, steps: &[Step], value: Value) -> Result<(), Error> {
        let mut changed = self.document.clone();
        draft_path::put(&mut changed, steps, value)?;
        self.accept(steps, changed)
    }

    fn take(&mut self, steps: &[Step], missing: &str) -> Result<(), Error> {
        let mut changed = self.document.clone();
        if !draft_path::remove(&mut changed, steps) {
            return Err(Error::Draft(missing.to_owned()));
        }
        self.accept(steps, changed)
    }

    /// Checks a document, with what its modules describe.
    fn analyze(&self, document: &Value) -> Analysis {
        let source = Source::text(format!("draft {}", self.version), document.to_string());
        source.analyze(self.state.as_deref())
    }

    /// Keeps a changed document unless its own place is wrong in a way that no other step can mend.
    fn accept(&mut self, steps: &[Step], changed: Value) -> Result<(), Error> {
        let place = draft_path::text(steps);
        let errors = |document: &Value| {
            let analysis = self.analyze(document);
            let errors =
                analysis.diagnostics.into_iter().filter(|d| d.severity() == Severity::Error);
            (errors.collect::<Vec<_>>(), analysis.definitions)
        };
        let before: BTreeSet<String> = errors(&self.document).0.iter().map(in_words).collect();
        let (after, definitions) = errors(&changed);
        let refused: Vec<String> = after
            .iter()
            .filter(|found| related(&place, &found.path) && !OPEN.contains(&found.code.name()))
            .map(in_words)
            .filter(|found| !before.contains(found))
            .collect();
        if !refused.is_empty() {
            return Err(Error::Draft(format!("Draft validation failed: {}", refused.join("; "))));
        }
        self.document = canonical(&definitions).value().clone();
        Ok(())
    }
}

fn names(block: Option<&Value>) -> String {
    let keys = block.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    keys.map(String::as_str).collect::<Vec<_>>().join(", ")
}

impl Engine {
    /// Copies a version, so that the copy can be changed and registered under another name. `based_on` defaults to the
    /// active version.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an unfit name; [`Error::Draft`] for one that is taken; an unknown version; what the store
    /// says.
    pub async fn draft(&self, version: &str, based_on: Option<&str>) -> Result<Draft, Error> {
        crate::versions::check_name(version)?;
        if self.versions().await?.iter().any(|known| known.version == version) {
            return Err(Error::Draft(format!("Version '{version}' already exists")));
        }
        let based_on = match based_on {
            Some(name) => name.to_owned(),
            None => self.active_version().await?,
        };
        let document = self.definitions(Some(&based_on)).await?;
        let base: Value = serde_json::from_str(&document)
            .map_err(|e| Error::Draft(format!("definitions of version '{based_on}': {e}")))?;
        let state = Some(self.place.state.clone());
        Ok(Draft { version: version.to_owned(), based_on, document: base.clone(), base, state })
    }

    /// The drafts kept in this project, by name.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn drafts(&self) -> Result<Vec<Draft>, Error> {
        let mut reader = self.store.read().await?;
        let drafts = kept(reader.as_mut()).await?.into_values();
        Ok(drafts.map(|draft| Draft { state: Some(self.place.state.clone()), ..draft }).collect())
    }

    /// Keeps a draft in the project, in place of one of the same name.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn keep_draft(&self, draft: &Draft) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let mut drafts = kept(tx.as_mut()).await?;
        drafts.insert(draft.version.clone(), draft.clone());
        tx.set_setting(DRAFTS, &serde_json::to_string(&drafts).unwrap_or_default()).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets a draft that is kept in the project.
    ///
    /// # Errors
    ///
    /// An unknown name; what the store says.
    pub async fn discard_draft(&self, version: &str) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let mut drafts = kept(tx.as_mut()).await?;
        if drafts.remove(version).is_none() {
            let known = drafts.into_keys().collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownName { what: "draft", name: version.to_owned(), known });
        }
        tx.set_setting(DRAFTS, &serde_json::to_string(&drafts).unwrap_or_default()).await?;
        Ok(tx.commit().await?)
    }
}

async fn kept(reader: &mut dyn Reader) -> Result<BTreeMap<String, Draft>, Error> {
    let text = reader.setting(DRAFTS).await?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}
