//! What the history of one version can take from that of the active one (language.md 8.5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use defacto_model::{Manifest, ValueType};
use defacto_planner::{Hashes, Renewal, Scope, scope};
use defacto_ports::layout::CopiedType;
use defacto_ports::{BuildState, DefinitionVersion, EdgeKey, Machines, Reader, Realm, Transaction};
use serde_json::Value;

use crate::catalog::{Catalog, SYSTEM_SOURCE};
use crate::columns::{Added, relaid};
use crate::pipeline::settings;
use crate::visits::ruled;
use crate::{Error, Pipeline};

/// Definitions whose history is to be made, and how far it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) version: &'a str,
    pub(crate) hashes: &'a Hashes,
    pub(crate) machines: &'a Arc<dyn Machines>,
    pub(crate) build: &'a BuildState,
    /// As stored; that of the version unless given.
    pub(crate) document: Option<&'a str>,
}

/// A history of which parts are taken over.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) realm: Realm,
    pub(crate) build: BuildState,
    pub(crate) scope: Scope,
    /// Types of the kept ones whose columns are other ones.
    pub(crate) relaid: BTreeMap<String, Added>,
    /// States of kept types that got time rules: what has been in one is made anew.
    pub(crate) ruled: BTreeMap<String, BTreeSet<String>>,
    /// What of the ledger has to be normalized again first.
    pub(crate) renew: Option<Renew>,
    /// It was taken over, and the ledger normalized again, by the build that is under way.
    pub(crate) under_way: bool,
}

/// Sources that changed for events that there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Renew {
    pub(crate) sources: BTreeSet<String>,
    /// There are events of these only.
    pub(crate) everything: bool,
    /// Sources and event types whose stored values are read as other types now.
    pub(crate) retyped: BTreeSet<(String, String)>,
}

impl Base {
    pub(crate) fn pairs(&self) -> Vec<EdgeKey> {
        self.scope.pairs.iter().cloned().collect()
    }

    /// Types whose tables are copied.
    pub(crate) fn copied(&self) -> Vec<CopiedType> {
        let copied = |name: &String| CopiedType {
            entity_type: name.clone(),
            added: self.relaid.get(name).cloned().unwrap_or_default(),
        };
        self.scope.kept.iter().map(copied).collect()
    }

    pub(crate) fn renewal(&self) -> Renewal {
        match &self.renew {
            None => Renewal::Nothing,
            Some(renew) if renew.everything => Renewal::Everything,
            Some(_) => Renewal::Sources,
        }
    }

    /// Fails when its history is no longer the one that was looked at.
    pub(crate) async fn check(&self, tx: &mut dyn Transaction) -> Result<(), Error> {
        if tx.build(&self.realm.version).await?.as_ref() == Some(&self.build) {
            return Ok(());
        }
        let what = "the history to be taken over was changed";
        Err(defacto_ports::Error::Stale { what }.into())
    }

    /// What an unfinished build must have been begun with to be taken up again.
    pub(crate) fn mark(&self) -> String {
        let kept: Vec<&str> = self.scope.kept.iter().map(String::as_str).collect();
        let kept = kept.join(",");
        format!("{}:{}:{kept}", self.realm.version, self.realm.generation)
    }
}

/// Other definitions as the present compiler makes them.
pub(crate) type Compiled = (String, Manifest);

/// What is the same.
#[derive(Debug, Default)]
pub(crate) struct Sameness {
    /// Normalized columns and identity map, whatever the hashes of their definitions.
    pub(crate) data: bool,
    pub(crate) base: Option<Base>,
}

impl Pipeline {
    /// Compares definitions with those of the active version, if the ledger's columns and the identity map were made with
    /// those, by the compiler that is at work now.
    pub(crate) async fn sameness(&self, subject: Subject<'_>) -> Result<Sameness, Error> {
        if self.active && subject.version == self.version {
            return Ok(Sameness::default());
        }
        let mut reader = self.store.read().await?;
        let versions = reader.versions().await?;
        let active = versions.iter().find(|it| it.active && it.version != subject.version);
        let Some(active) = active else { return Ok(Sameness::default()) };
        let Some(build) = reader.build(&active.version).await? else {
            return Ok(Sameness::default());
        };
        let mut made_with = Vec::new();
        for key in [settings::NORMALIZED_WITH, settings::RESOLVED_WITH, settings::TARGETS_WITH] {
            made_with.push(reader.setting(key).await?.unwrap_or_default());
        }
        let first = subject.build.cursor.0 == 0 && subject.build.generation == 0;
        let hashes = subject.hashes;
        let equal = made_with == [&*hashes.source, &*hashes.identity, &*hashes.targets];
        if equal && !first && subject.build.pending.is_none() {
            return Ok(Sameness { data: true, base: None });
        }
        let Some((digest, manifest)) = self.compiled(subject.machines, active) else {
            return Ok(Sameness { data: equal, base: None });
        };
        let old = Catalog::new(&manifest, &digest).hashes;
        let known = made_with == [&*old.source, &*old.identity, &*old.targets];
        let new = subject.machines.manifest();
        let own = versions.iter().find(|it| it.version == subject.version);
        let own = subject.document.or(own.map(|it| it.definitions.as_str()));
        let documents = parse(&active.definitions).zip(own.and_then(parse));
        let mut renew = None;
        if let Some((before, after)) = &documents
            && old.targets == hashes.targets
            && before["functions"] == after["functions"]
            && same_identity(before, after)
        {
            let present = reader.event_types().await?;
            renew = changed_sources((before, &manifest), (after, new), &present);
        }
        let alike = renew.as_ref().is_some_and(|renew| renew.sources.is_empty());
        let data = equal || (known && alike);
        let made_so = build.module_hash == old.module && build.definition_hash == old.definition;
        let whole = build.pending.is_none() && self.divided().await?.is_none();
        let mut base = None;
        if made_so && whole {
            let (mut relaid, mut ruled) = match &documents {
                Some((before, after)) => (relaid(before, after, new), ruled(before, after, new)),
                None => (BTreeMap::new(), BTreeMap::new()),
            };
            let names = (relaid.keys().cloned().collect(), ruled.keys().cloned().collect());
            let scope = scope(&manifest, new, &names.0, &names.1);
            relaid.retain(|name, _| scope.kept.contains(name));
            ruled.retain(|name, _| scope.kept.contains(name));
            let realm = Realm { version: active.version.clone(), generation: build.generation };
            let found = Base { realm, build, scope, relaid, ruled, renew: None, under_way: false };
            if found.scope.kept.is_empty() {
                // Nothing can be taken over.
            } else if equal && self.is_under_way(&mut *reader, subject, &found).await? {
                base = Some(Base { under_way: true, ..found });
            } else if data && first && (known || alike) {
                base = Some(found);
            } else if known && !data && renew.is_some() {
                base = Some(Base { renew, ..found });
            }
        }
        Ok(Sameness { data, base })
    }

    /// Whether the version's build under way was begun on this base.
    async fn is_under_way(
        &self,
        reader: &mut dyn Reader,
        subject: Subject<'_>,
        base: &Base,
    ) -> Result<bool, Error> {
        if subject.build.pending.is_none() {
            return Ok(false);
        }
        let resolved = reader.resolved().await?;
        let made_of = reader.setting(&crate::build::under_way(subject.version)).await?;
        let own = crate::build::made_of(subject.hashes, resolved, Some(base));
        Ok(made_of.as_deref() == Some(own.as_str()))
    }

    /// The same for the version at work.
    pub(crate) async fn base(&self) -> Result<Option<Base>, Error> {
        Ok(self.sameness(self.subject()).await?.base)
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            version: &self.version,
            hashes: &self.catalog.hashes,
            machines: &self.machines,
            build: &self.build,
            document: self.unregistered.as_ref().map(|own| own.document.as_str()),
        }
    }

    /// Compiles a version's definitions, once.
    fn compiled(
        &self,
        machines: &Arc<dyn Machines>,
        version: &DefinitionVersion,
    ) -> Option<Compiled> {
        let mut known = self.compiled.lock().ok()?;
        match &*known {
            Some((hash, compiled)) if *hash == version.content_hash => compiled.clone(),
            _ => {
                let compiled = machines.compile(&version.definitions);
                *known = Some((version.content_hash.clone(), compiled.clone()));
                compiled
            }
        }
    }
}

fn parse(document: &str) -> Option<Value> {
    serde_json::from_str(document).ok()
}

/// Sources that give events that there are otherwise in the second; `None` when it lacks one of them.
fn changed_sources(
    (before, old): (&Value, &Manifest),
    (after, new): (&Value, &Manifest),
    present: &[(String, String)],
) -> Option<Renew> {
    let mut out = Renew::default();
    for (source, event) in present.iter().filter(|(source, _)| source != SYSTEM_SOURCE) {
        let (a, b) = (&before["sources"][source], &after["sources"][source]);
        let (mapped, again) = (&a["events"][event], &b["events"][event]);
        let schemas = (&before["schemas"][event], &after["schemas"][event]);
        let same = mapped.is_object()
            && text(mapped) == text(again)
            && schemas.0 == schemas.1
            && frame(a) == frame(b);
        if !b.is_object() {
            return None;
        }
        if !same {
            out.sources.insert(source.clone());
        }
        if types(old, source, event) != types(new, source, event) {
            out.retyped.insert((source.clone(), event.clone()));
        }
    }
    let mut own = present.iter().filter(|(source, _)| source != SYSTEM_SOURCE);
    out.everything = own.all(|(source, _)| out.sources.contains(source));
    Some(out)
}

/// Names and types of an event's fields.
fn types<'m>(
    manifest: &'m Manifest,
    source: &str,
    event: &str,
) -> Option<Vec<(&'m str, Option<ValueType>)>> {
    let (_, source) = manifest.find_source(source)?;
    let event = source.events.iter().find(|it| it.name == event)?;
    Some(event.fields.iter().map(|field| (field.name.as_str(), field.r#type)).collect())
}

/// A source without its events.
fn frame(source: &Value) -> Value {
    let mut source = source.clone();
    if let Some(source) = source.as_object_mut() {
        source.remove("events");
    }
    source
}

/// Whether entity types that are in both have the same identity. Of others there is no hint: no event has one.
fn same_identity(before: &Value, after: &Value) -> bool {
    let names = |document: &Value| -> BTreeSet<String> {
        let entities = document["entities"].as_object();
        entities.into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    names(before).intersection(&names(after)).all(|name| {
        let identity = |document: &Value| text(&document["entities"][name]["identity"]);
        identity(before) == identity(after)
    })
}

/// In written order: the first written hint decides in places.
fn text(value: &Value) -> String {
    value.to_string()
}
