//! Entity types in which only time rules were added: what differs is only what has been in a state that got one
//! (language.md 8.5).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use defacto_model::{EntityId, Manifest, Sequence};
use defacto_ports::{Reader, Realm, Transaction};
use serde_json::{Map, Value as Json};

use crate::apply::Summary;
use crate::build::count;
use crate::columns::{differing, properties};
use crate::edges::EdgeWork;
use crate::merges::MergeIndex;
use crate::{BuildResult, Error, Pipeline, Resumed};

/// Entities made anew at a time.
const PAGE: usize = 1024;

/// Entities, by type, that are made anew within a history taken over.
pub(crate) type Redone = BTreeMap<u32, BTreeSet<EntityId>>;

/// Types of which nothing differs but rules added after the others of their states, each with the states that got one.
/// `functions` of modules must be the same.
///
/// Of two rules due at one instant the one written first goes first. So a new rule's turn comes when the entity stays in the
/// state beyond the instant, whatever else is due, and then a row shows the state: what has no such row is the same, and
/// what latches there are keep their numbers.
pub(crate) fn ruled(
    before: &Json,
    after: &Json,
    new: &Manifest,
) -> BTreeMap<String, BTreeSet<String>> {
    differing(before, after, new, |old, own, _| added(old, own))
}

/// States that got rules.
fn added(mut old: Map<String, Json>, mut new: Map<String, Json>) -> Option<BTreeSet<String>> {
    let properties_of = [properties(&mut old), properties(&mut new)].map(Json::Object);
    let (before, after) = (rules(&mut old)?, rules(&mut new)?);
    let [old, new] = [old, new].map(|entity| Json::Object(entity).to_string());
    // In written order, which decides the numbers of states and the order of columns.
    if old != new || properties_of[0].to_string() != properties_of[1].to_string() {
        return None;
    }
    let mut out = BTreeSet::new();
    for ((state, old), (_, new)) in before.iter().zip(&after) {
        let text = |rules: &[Json]| Json::Array(rules.to_vec()).to_string();
        if text(old) != text(new.get(..old.len())?) {
            return None;
        }
        if new.len() > old.len() {
            out.insert(state.clone());
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Takes the rules out of a type's states.
fn rules(entity: &mut Map<String, Json>) -> Option<Vec<(String, Vec<Json>)>> {
    let states = entity.get_mut("states")?.as_object_mut()?;
    let mut out = Vec::new();
    for (name, state) in states {
        let rules = match state.as_object_mut()?.shift_remove("after") {
            None => Vec::new(),
            Some(Json::Array(rules)) => rules,
            Some(_) => return None,
        };
        out.push((name.clone(), rules));
    }
    Some(out)
}

/// Entities, by type, that a history shows in one of the states of their type; of those that have ceased the survivors,
/// as they are made anew together.
pub(crate) async fn visitors<R>(
    reader: &mut R,
    realm: &Realm,
    ruled: &BTreeMap<String, BTreeSet<String>>,
    manifest: &Manifest,
) -> Result<Redone, Error>
where
    R: Reader + ?Sized,
{
    let mut out = Redone::new();
    for (name, states) in ruled {
        let Some((entity, _)) = manifest.find_entity(name) else { continue };
        let states: Vec<String> = states.iter().cloned().collect();
        let found = reader.visitors(realm, name, &states).await?;
        let mut merges = MergeIndex::default();
        for page in found.chunks(PAGE) {
            merges.load(reader, page.to_vec()).await?;
        }
        let ids: BTreeSet<EntityId> = found.into_iter().map(|id| merges.root(id)).collect();
        if !ids.is_empty() {
            out.insert(entity, ids);
        }
    }
    Ok(out)
}

/// What making entities anew came to.
#[derive(Debug, Default)]
pub(crate) struct RedoneWork {
    summaries: Vec<Summary>,
    events: u64,
}

impl RedoneWork {
    /// What has been done with this.
    pub(crate) fn on_top_of(&self, done: Resumed) -> Resumed {
        let events_processed = done.events_processed + self.events;
        let done = Resumed { events_processed, ..done };
        self.summaries.iter().fold(done, |done, summary| summary.on_top_of(done))
    }
}

impl Pipeline {
    /// Makes entities anew, page by page.
    pub(crate) async fn remake_pages(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        redo: Redone,
    ) -> Result<RedoneWork, Error> {
        let (mut summaries, mut events) = (Vec::new(), HashSet::new());
        for (entity, ids) in redo {
            let ids: Vec<EntityId> = ids.into_iter().collect();
            for page in ids.chunks(PAGE) {
                let page = BTreeMap::from([(entity, page.iter().copied().collect())]);
                let remade = self.remake(tx, realm, page, EdgeWork::default()).await?;
                summaries.push(remade.summary);
                events.extend(remade.events);
            }
        }
        Ok(RedoneWork { summaries, events: count(events.len()) })
    }

    /// Adds what making entities anew came to.
    pub(crate) async fn report_remade(
        &mut self,
        work: RedoneWork,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        result.events_processed += work.events;
        for summary in work.summaries {
            self.report(summary, result).await?;
        }
        Ok(())
    }
}

/// What making entities anew would come to.
#[derive(Debug, Default)]
pub(crate) struct RedonePlan {
    pub(crate) events: u64,
    pub(crate) entities: u64,
    pub(crate) types: BTreeSet<String>,
}

impl RedonePlan {
    pub(crate) async fn of<R>(
        reader: &mut R,
        redo: Redone,
        manifest: &Manifest,
    ) -> Result<Self, Error>
    where
        R: Reader + ?Sized,
    {
        let mut out = Self::default();
        let mut applied: HashSet<Sequence> = HashSet::new();
        for (entity, ids) in redo {
            let Some(definition) = manifest.entities.get(entity as usize) else { continue };
            out.types.insert(definition.name.clone());
            out.entities += count(ids.len());
            let ids: Vec<EntityId> = ids.into_iter().collect();
            for page in ids.chunks(PAGE) {
                let events = reader.events_of(page, None).await?;
                let own = events.iter().filter(|(row, _)| row.entity_type == definition.name);
                applied.extend(own.map(|(row, _)| row.sequence));
            }
        }
        out.events = count(applied.len());
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(before: &Json, after: &Json) -> Option<BTreeSet<String>> {
        let object = |json: &Json| json.as_object().unwrap().clone();
        added(object(before), object(after))
    }

    fn door(open: Json, shut: Json) -> Json {
        json!({"starts": "open", "states": {"open": open, "shut": shut},
               "properties": {"n": {"type": "integer"}}})
    }

    #[test]
    fn rules_after_the_others_name_their_states() {
        let (one, two) = (json!({"type": "expiration"}), json!({"type": "inactivity"}));
        let old = door(json!({"after": [one]}), json!({"when": {"a": {}}}));
        let both = door(json!({"after": [one, two]}), json!({"when": {"a": {}}, "after": [two]}));
        let states = BTreeSet::from(["open".to_owned(), "shut".to_owned()]);
        assert_eq!(found(&old, &both), Some(states));
        assert_eq!(found(&old, &old), None);
        assert_eq!(found(&both, &old), None, "rules that went may have left a state without a row");
        let first = door(json!({"after": [two, one]}), json!({"when": {"a": {}}}));
        assert_eq!(found(&old, &first), None, "it goes first, and moves the latch of the other");
        let other = door(json!({"after": [two, one]}), json!({"when": {"a": {}}}));
        assert_eq!(found(&old, &other), None, "another rule");
    }

    #[test]
    fn anything_else_is_more() {
        let rule = json!([{"type": "expiration"}]);
        let old = door(json!({}), json!({"when": {"a": {}}}));
        let new = |shut: Json| door(json!({"after": rule}), shut);
        assert!(found(&old, &new(json!({"when": {"a": {}}}))).is_some());
        assert_eq!(found(&old, &new(json!({"when": {"b": {}}}))), None);
        let mut property = new(json!({"when": {"a": {}}}));
        property["properties"]["n"]["default"] = 1.into();
        assert_eq!(found(&old, &property), None);
        property["properties"] = json!({"n": {"type": "integer", "sensitive": "pii"}});
        assert!(found(&old, &property).is_some(), "a label");
        let swapped = json!({"starts": "open", "states": {"shut": {"when": {"a": {}}},
            "open": {"after": rule}}, "properties": {"n": {"type": "integer"}}});
        assert_eq!(found(&old, &swapped), None, "states have other numbers");
        let state = json!({"starts": "open", "states": {"open": {"after": rule},
            "shut": {"when": {"a": {}}}, "ajar": {}}, "properties": {"n": {"type": "integer"}}});
        assert_eq!(found(&old, &state), None);
    }
}
