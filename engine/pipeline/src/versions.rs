use std::collections::{BTreeMap, BTreeSet, HashSet};

use defacto_model::Sequence;
use defacto_planner::{Found, Hashes, Plan, Wanted, plan};
use defacto_ports::{BuildState, HintKey, Reader};
use serde::Serialize;

use crate::base::Subject;
use crate::catalog::Catalog;
use crate::instead::Instead;
use crate::pipeline::settings;
use crate::visits::{RedonePlan, visitors};
use crate::{BuildOptions, BuildResult, Definitions, Error, Pipeline};

/// Events read at once.
const PAGE: usize = 4096;

/// What a build or an activation would do (language.md 8.6). It holds as long as nothing else is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// Version.
    pub version: String,
    /// Mode of the build.
    pub build_mode: String,
    /// Why.
    pub reason: String,
    /// Entity types whose events would be applied.
    pub scope: Vec<String>,
    /// Events that would be applied.
    pub events: u64,
    /// Entities that these events concern; of entities that do not exist yet, one for each event that brings
    /// nothing but unknown hints.
    pub entities: u64,
    /// Entity types whose rows would be copied with other columns, without applying events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relaid: Vec<String>,
    /// Entity types in which only time rules were added, so that only entities that have been in a state which got one
    /// would be made anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ruled: Vec<String>,
    /// Whether the ledger would be normalized again.
    pub renormalize: bool,
    /// Sources whose events would be normalized again while identity stays as it is, and of which only entities that see a
    /// difference would be made anew.
    pub sources: Vec<String>,
    /// Whether the identity map would be made anew.
    pub resolve: bool,
}

/// Progress of a version before its first build: as if made by the definitions that are active, so that the plan shows
/// what really differs.
pub(crate) async fn seed<R>(reader: &mut R, hashes: &Hashes) -> Result<BuildState, Error>
where
    R: Reader + ?Sized,
{
    let versions = reader.versions().await?;
    let base = match versions.iter().find(|version| version.active) {
        Some(active) => reader.build(&active.version).await?,
        None => None,
    };
    Ok(match base {
        Some(base) => BuildState {
            definition_hash: base.definition_hash,
            label_hash: base.label_hash,
            module_hash: base.module_hash,
            tick_as_of: base.tick_as_of,
            ..BuildState::default()
        },
        None => BuildState {
            definition_hash: hashes.definition.clone(),
            label_hash: hashes.label.clone(),
            module_hash: hashes.module.clone(),
            ..BuildState::default()
        },
    })
}

impl Pipeline {
    /// What a build would have to do.
    pub(crate) async fn plan_for(
        &self,
        subject: Subject<'_>,
        wanted: Wanted,
    ) -> Result<Plan, Error> {
        let build = subject.build;
        let same = self.sameness(subject).await?;
        let mut reader = self.store.read().await?;
        let mut setting = async |key| -> Result<String, Error> {
            Ok(reader.setting(key).await?.unwrap_or_default())
        };
        let made_with = Hashes {
            source: setting(settings::NORMALIZED_WITH).await?,
            identity: setting(settings::RESOLVED_WITH).await?,
            targets: setting(settings::TARGETS_WITH).await?,
            definition: build.definition_hash.clone(),
            label: build.label_hash.clone(),
            module: build.module_hash.clone(),
        };
        let found = Found {
            made_with,
            cursor: build.cursor,
            head: reader.head().await?,
            unfinished: build.pending.is_some(),
            same_data: same.data,
            base: same.base.map(|base| defacto_planner::Base {
                changed: base.scope.changed.len(),
                relaid: base.relaid.len(),
                ruled: base.ruled.len(),
                renewal: base.renewal(),
                under_way: base.under_way,
            }),
        };
        Ok(plan(subject.hashes, &found, wanted))
    }

    /// What [`Pipeline::build`] with these options would do.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn preview(&self, options: BuildOptions) -> Result<Impact, Error> {
        let wanted = Wanted { full: options.full, from_raw: options.from_raw };
        let plan = self.plan(wanted).await?;
        self.measure(self.subject(), &self.catalog, plan).await
    }

    /// What [`Pipeline::activate`] would do.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn impact(&self, definitions: &Definitions) -> Result<Impact, Error> {
        let machines = &definitions.machines;
        let catalog = Catalog::new(machines.manifest(), machines.digest());
        let mut reader = self.store.read().await?;
        let build = match reader.build(&definitions.version).await? {
            Some(build) => build,
            None => seed(&mut *reader, &catalog.hashes).await?,
        };
        drop(reader);
        let subject = Subject {
            version: &definitions.version,
            hashes: &catalog.hashes,
            machines,
            build: &build,
            document: Some(&definitions.document),
        };
        let plan = self.plan_for(subject, Wanted::default()).await?;
        self.measure(subject, &catalog, plan).await
    }

    async fn measure(
        &self,
        subject: Subject<'_>,
        catalog: &Catalog,
        plan: Plan,
    ) -> Result<Impact, Error> {
        let mut plan = plan;
        let mut base = if plan.reuse { self.sameness(subject).await?.base } else { None };
        let mut renewed = None;
        if let Some(base) = base.as_ref().filter(|base| base.renew.is_some()) {
            renewed = self.twin(subject).preview_renewal(base).await?;
        }
        if plan.renew && renewed.is_none() {
            plan = plan.of_everything();
            base = None;
        }
        let mut reader = self.store.read().await?;
        let mut impact = Impact {
            version: subject.version.to_owned(),
            build_mode: plan.mode.name().to_owned(),
            reason: plan.reason.to_owned(),
            scope: Vec::new(),
            events: 0,
            entities: 0,
            relaid: base.iter().flat_map(|base| base.relaid.keys().cloned()).collect(),
            ruled: base.iter().flat_map(|base| base.ruled.keys().cloned()).collect(),
            renormalize: plan.renormalize,
            sources: Vec::new(),
            resolve: plan.resolve,
        };
        let head = Sequence(i64::MAX);
        let mut reached = Reached::default();
        let after = match &base {
            Some(base) => {
                // Of events that are in the history to be taken over, those of types that changed.
                reached.only = Some(base.scope.changed.clone());
                let known = base.build.cursor;
                reached.scan(&mut *reader, catalog, Sequence(0), known).await?;
                reached.only = None;
                known
            }
            None if plan.mode.is_full() => Sequence(0),
            None => subject.build.cursor,
        };
        reached.scan(&mut *reader, catalog, after, head).await?;
        impact.events = reached.events;
        impact.entities = reached.new
            + reached.known.values().map(|ids| crate::build::count(ids.len())).sum::<u64>();
        let mut redone = None;
        if let Some(base) = base.as_ref().filter(|base| base.renew.is_none() && !base.under_way) {
            let found = visitors(&mut *reader, &base.realm, &base.ruled, &catalog.manifest).await?;
            redone = Some(RedonePlan::of(&mut *reader, found, &catalog.manifest).await?);
        }
        impact.scope = if let Some(base) = base {
            reached.types.union(&base.scope.changed).cloned().collect()
        } else if plan.mode.is_full() {
            catalog.manifest.entities.iter().map(|entity| entity.name.clone()).collect()
        } else {
            reached.types.into_iter().collect()
        };
        if let Some(renewed) = renewed {
            impact.sources = renewed.sources;
            redone = Some(renewed.redone);
        }
        if let Some(redone) = redone {
            impact.events += redone.events;
            impact.entities += redone.entities;
            impact.scope.extend(redone.types);
            impact.scope.sort_unstable();
            impact.scope.dedup();
        }
        Ok(impact)
    }

    /// Brings the history of a version that is not the active one up to date, and leaves the active one as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Identity`] when it normalizes or identifies otherwise than the active version: ledger columns and identity
    /// belong to all versions. What module and store say.
    pub async fn build_beside(
        &mut self,
        definitions: Definitions,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        let whole = self.start(true).await?;
        let result = self.build_beside_whole(definitions, options).await;
        self.end(whole, result).await
    }

    async fn build_beside_whole(
        &mut self,
        definitions: Definitions,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        self.ensure_version(&definitions, false).await?;
        let impact = self.impact(&definitions).await?;
        if impact.resolve || !self.shares_data(&definitions).await? {
            return Err(Error::Identity(
                "this version normalizes or identifies otherwise than the active one: activate it instead",
            ));
        }
        let mut other = Instead::new(self, definitions, true);
        let result = other.build(BuildOptions { from_raw: false, ..options }).await;
        drop(other);
        self.load().await?;
        result
    }
}

impl Pipeline {
    /// Whether the ledger's columns and the identity map are marked as made with the sources and identity of these definitions.
    async fn shares_data(&self, definitions: &Definitions) -> Result<bool, Error> {
        let manifest = definitions.machines.manifest();
        let mut reader = self.store.read().await?;
        let source = reader.setting(settings::NORMALIZED_WITH).await?;
        let identity = reader.setting(settings::RESOLVED_WITH).await?;
        Ok(source.as_deref() == Some(&*manifest.source_hash)
            && identity.as_deref() == Some(&*manifest.identity_hash))
    }
}

/// Which entities events reach.
#[derive(Debug, Default)]
struct Reached {
    events: u64,
    known: BTreeMap<String, BTreeSet<defacto_model::EntityId>>,
    new: u64,
    types: BTreeSet<String>,
    /// Only of these types, and only events that reach them.
    only: Option<BTreeSet<String>>,
}

impl Reached {
    async fn scan(
        &mut self,
        reader: &mut dyn Reader,
        catalog: &Catalog,
        after: Sequence,
        until: Sequence,
    ) -> Result<(), Error> {
        if self.only.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(());
        }
        let mut after = after;
        let mut seen: HashSet<HintKey> = HashSet::new();
        loop {
            let page = reader.scan_events(after, until, PAGE, false).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.sequence;
            let mut groups: Vec<(String, Vec<HintKey>)> = Vec::new();
            for row in page {
                let mut types: BTreeMap<String, Vec<HintKey>> = BTreeMap::new();
                for hint in row.event.hints {
                    if self.only.as_ref().is_some_and(|only| !only.contains(&hint.entity_type)) {
                        continue;
                    }
                    let Some((entity, definition)) =
                        catalog.manifest.find_entity(&hint.entity_type)
                    else {
                        continue;
                    };
                    let Some(field) = catalog.identity_field(entity, &hint.field) else { continue };
                    let space = definition
                        .identity
                        .get(field as usize)
                        .map_or_else(String::new, |field| field.space.clone());
                    let key =
                        HintKey { entity_type: hint.entity_type.clone(), space, value: hint.value };
                    types.entry(hint.entity_type).or_default().push(key);
                }
                self.events += u64::from(self.only.is_none() || !types.is_empty());
                groups.extend(types);
            }
            let keys: Vec<HintKey> =
                groups.iter().flat_map(|(_, keys)| keys.iter().cloned()).collect();
            let mut found = reader.find_hints(&keys).await?.into_iter();
            for (entity_type, keys) in groups {
                let ids: Vec<_> = found.by_ref().take(keys.len()).collect();
                self.types.insert(entity_type.clone());
                let known: Vec<_> = ids.into_iter().flatten().collect();
                let fresh = keys.iter().all(|key| !seen.contains(key));
                if known.is_empty() {
                    self.new += u64::from(fresh);
                    seen.extend(keys);
                } else {
                    self.known.entry(entity_type).or_default().extend(known);
                }
            }
        }
    }
}
