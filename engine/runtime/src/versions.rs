//! Versions of definitions: registered, compared, activated, dropped (engine.md 9.2, language.md 8.6).

use std::path::Path;
use std::sync::Arc;

use defacto_compiler::{Canonical, Change, Diff, analyze, canonical};
use defacto_model::{Manifest, Timestamp};
use defacto_pipeline::{BuildOptions, BuildResult, Definitions, Impact};
use defacto_ports::{DefinitionVersion, Reader};
use serde::{Deserialize, Serialize};

use crate::{Engine, Error, Modules, Source};

/// Name of the setting that holds a [`Choice`].
const CHOICE: &str = "chosen_version";

/// A version that was chosen although the project's folder holds other definitions. It holds until these change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// The version.
    pub(crate) version: String,
    /// Content hash of the definitions in the folder at that time.
    pub(crate) project: String,
}

impl Choice {
    pub(crate) async fn read(reader: &mut dyn Reader) -> Result<Option<Self>, Error> {
        let text = reader.setting(CHOICE).await?.unwrap_or_default();
        Ok(serde_json::from_str(&text).ok())
    }
}

/// A registered version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Its name.
    pub version: String,
    /// Whether readers see it.
    pub active: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When its history was last built; `None` when never.
    pub built_at: Option<Timestamp>,
    /// SHA-256 of the canonical definitions, hexadecimal.
    pub content_hash: String,
}

/// What registering did (engine.md 5.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegisterResult {
    /// Name of the version.
    pub version: String,
    /// What differs from the active version.
    pub changes: Changes,
    /// Mode of the build that activating it would need.
    pub build_mode: String,
    /// Warnings about the definitions, with their codes.
    pub warnings: Vec<String>,
}

/// Differences of two sets of definitions, each list by path.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Changes {
    /// What only the second has.
    pub added: Vec<ChangedPath>,
    /// What only the first has.
    pub removed: Vec<ChangedPath>,
    /// What both have, with other values.
    pub modified: Vec<ChangedPath>,
    /// Added, removed and modified entities in the short form of language.md 8.6.
    pub summary: serde_json::Value,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangedPath {
    /// Place in the canonical form, such as `entities.order.states.open.when.paid.guard`.
    pub path: String,
    /// Value before; null where it was added.
    pub from: serde_json::Value,
    /// Value after; null where it was removed.
    pub to: serde_json::Value,
    /// What it touches: `source`, `schema`, `identity`, `behaviour` or `label`.
    pub class: &'static str,
}

impl From<Diff> for Changes {
    fn from(diff: Diff) -> Self {
        let summary = diff.summary();
        let rows = |changes: Vec<Change>| {
            let row = |change: Change| ChangedPath {
                class: change.class.name(),
                path: change.path,
                from: change.from.unwrap_or_default(),
                to: change.to.unwrap_or_default(),
            };
            changes.into_iter().map(row).collect()
        };
        Self {
            added: rows(diff.added),
            removed: rows(diff.removed),
            modified: rows(diff.modified),
            summary,
        }
    }
}

impl Changes {
    /// Whether the two are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.modified.is_empty()
    }
}

impl Engine {
    /// Every registered version, in order of registration.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn versions(&self) -> Result<Vec<Version>, Error> {
        let mut reader = self.store.read().await?;
        let mut out = Vec::new();
        for version in reader.versions().await? {
            let built_at =
                reader.build(&version.version).await?.and_then(|build| build.last_built_at);
            out.push(Version {
                version: version.version,
                active: version.active,
                created_at: version.created_at,
                built_at,
                content_hash: version.content_hash,
            });
        }
        Ok(out)
    }

    /// Name of the version that readers see.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when there is none; what the store says.
    pub async fn active_version(&self) -> Result<String, Error> {
        let versions = self.store.read().await?.versions().await?;
        let active = versions.into_iter().find(|version| version.active);
        active
            .map(|it| it.version)
            .ok_or_else(|| Error::Config("no active definition version".to_owned()))
    }

    /// Canonical definitions of a version as JSON; `None` means those that the engine was opened with.
    ///
    /// # Errors
    ///
    /// An unknown version; what the store says.
    pub async fn definitions(&self, version: Option<&str>) -> Result<String, Error> {
        match version {
            None => Ok(self.place.own.document.clone()),
            Some(name) if name == self.place.own.version => Ok(self.place.own.document.clone()),
            Some(name) => Ok(self.stored(name).await?.definitions),
        }
    }

    /// Differences between two versions. `from` defaults to the active one, `to` to the definitions that the engine was
    /// opened with.
    ///
    /// # Errors
    ///
    /// An unknown version; what the store says.
    pub async fn diff(&self, from: Option<&str>, to: Option<&str>) -> Result<Changes, Error> {
        let active = self.active_version().await?;
        let from = self.definitions(Some(from.unwrap_or(&active))).await?;
        let to = self.definitions(to).await?;
        Ok(defacto_compiler::diff(&read_canonical(&from), &read_canonical(&to)).into())
    }

    /// What activating a version would do; `None` means the definitions that the engine was opened with.
    ///
    /// # Errors
    ///
    /// An unknown version; what module and store say.
    pub async fn impact(&self, version: Option<&str>) -> Result<Impact, Error> {
        let definitions = match version {
            None => self.place.own.clone(),
            Some(name) => self.load(name).await?,
        };
        Ok(self.pipeline.lock().await.impact(&definitions).await?)
    }

    /// What activating definitions that are no version yet would do.
    ///
    /// # Errors
    ///
    /// [`Error::Definitions`] when they do not compile; what module and store say.
    pub async fn impact_of(&self, source: &Source) -> Result<Impact, Error> {
        let Modules { outcome, machines } = Modules::load(source, Some(&self.cache()))?;
        let document = outcome.canonical.as_ref().map(Canonical::stored).unwrap_or_default();
        let version = String::new();
        let definitions = Definitions { version, document, machines };
        Ok(self.pipeline.lock().await.impact(&definitions).await?)
    }

    /// Registers definitions under a name without activating them: those of `source`, or those that the engine was opened
    /// with. The same content under the same name changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Definitions`] when they do not compile; the name taken with other content; what the store says.
    pub async fn register(
        &self,
        name: &str,
        source: Option<&Source>,
    ) -> Result<RegisterResult, Error> {
        check_name(name)?;
        let (definitions, warnings) = match source {
            None => (
                Definitions { version: name.to_owned(), ..self.place.own.clone() },
                self.warnings().to_vec(),
            ),
            Some(source) => {
                let Modules { outcome, machines } = Modules::load(source, Some(&self.cache()))?;
                let document =
                    outcome.canonical.as_ref().map(Canonical::stored).unwrap_or_default();
                let version = name.to_owned();
                (Definitions { version, document, machines }, outcome.diagnostics)
            }
        };
        let active = self.active_version().await?;
        let before = self.definitions(Some(&active)).await?;
        let changes = defacto_compiler::diff(
            &read_canonical(&before),
            &read_canonical(&definitions.document),
        );
        let mut pipeline = self.pipeline.lock().await;
        pipeline.register(&definitions).await?;
        let impact = pipeline.impact(&definitions).await?;
        Ok(RegisterResult {
            version: name.to_owned(),
            changes: changes.into(),
            build_mode: impact.build_mode,
            warnings: warnings
                .iter()
                .map(|w| format!("{}: {}: {}", w.code, w.path, w.message))
                .collect(),
        })
    }

    /// Makes a registered version the one that readers see. Its history is built first, beside the present one; on failure
    /// nothing changes. From now on this engine, and every one opened on the same definitions, works with that version.
    ///
    /// # Errors
    ///
    /// An unknown version; what module and store say.
    pub async fn activate(
        &mut self,
        version: &str,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        let definitions = self.load(version).await?;
        let machines = Arc::clone(&definitions.machines);
        let result = self.pipeline.get_mut().activate(definitions, options).await?;
        self.manifest = Arc::new(machines.manifest().clone());
        self.machines = machines;
        let own = &self.place.own;
        let project = own.machines.manifest().content_hash.clone();
        let choice = Choice { version: version.to_owned(), project };
        let text = if own.version == version {
            String::new()
        } else {
            serde_json::to_string(&choice).unwrap_or_default()
        };
        let mut tx = self.store.begin().await?;
        tx.set_setting(CHOICE, &text).await?;
        tx.commit().await?;
        Ok(result)
    }

    /// Brings the history of a version up to date without making it the active one.
    ///
    /// # Errors
    ///
    /// An unknown version; one that normalizes or identifies otherwise than the active one; what module and store say.
    pub async fn build_version(
        &self,
        version: &str,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        if self.active_version().await? == version && self.version().await == version {
            return self.build(options).await;
        }
        let definitions = self.load(version).await?;
        Ok(self.pipeline.lock().await.build_beside(definitions, options).await?)
    }

    /// Forgets a version and its history.
    ///
    /// # Errors
    ///
    /// An unknown version; [`Error::VersionInUse`] for the active one and the one at work; what the store says.
    pub async fn drop_version(&self, version: &str) -> Result<(), Error> {
        let found = self.stored(version).await?;
        let pipeline = self.pipeline.lock().await;
        if found.active || pipeline.version() == version {
            return Err(Error::VersionInUse(version.to_owned()));
        }
        let mut tx = self.store.begin().await?;
        tx.drop_version(version).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn stored(&self, version: &str) -> Result<DefinitionVersion, Error> {
        let versions = self.store.read().await?.versions().await?;
        let found = versions.into_iter().find(|known| known.version == version);
        found.ok_or_else(|| defacto_pipeline::Error::UnknownVersion(version.to_owned()).into())
    }

    pub(crate) async fn load(&self, version: &str) -> Result<Definitions, Error> {
        if self.place.own.version == version {
            // It may not be registered yet.
            return Ok(self.place.own.clone());
        }
        load_stored(&self.stored(version).await?, &self.cache())
    }

    fn cache(&self) -> std::path::PathBuf {
        self.place.state.join("modules")
    }
}

/// Compiles and loads the definitions of a registered version.
pub(crate) fn load_stored(version: &DefinitionVersion, cache: &Path) -> Result<Definitions, Error> {
    let source = Source::text(format!("version {}", version.version), version.definitions.clone());
    let Modules { machines, .. } = Modules::load(&source, Some(cache))?;
    Ok(Definitions {
        version: version.version.clone(),
        document: version.definitions.clone(),
        machines,
    })
}

/// The manifest of a registered version.
pub(crate) fn manifest_of(version: &DefinitionVersion, state: &Path) -> Result<Manifest, Error> {
    let source = Source::text(format!("version {}", version.version), version.definitions.clone());
    let outcome = source.compile(Some(state))?;
    match outcome.compiled {
        Some(compiled) => Ok(compiled.manifest),
        None => Err(Error::Definitions(Box::new(outcome))),
    }
}

fn read_canonical(document: &str) -> Canonical {
    canonical(&analyze(&Source::text("definitions", document).input()).definitions)
}

/// Version names become parts of table names and of lock files.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !name.is_empty() && name.len() <= 48 && name.chars().all(good) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "version name '{name}' must be 1 to 48 letters, digits and the characters _ - ."
    )))
}
