use std::sync::Arc;

use defacto_model::{EntityId, FailureCode, Sequence, Timestamp, Value};
use defacto_ports::{
    EdgeRequest, EntityOutput, EntityStateRow, FaultReport, Item, ItemCause, OpenEdge, OrderKey,
    Record,
};

use crate::apply::Job;
use crate::catalog::Catalog;
use crate::decode::Event;
use crate::merges::MergeIndex;
use crate::rows::{Content, RowBuilder, Rows, ghost};

/// Events of one batch between two checkpoints of an entity.
const CHECKPOINT_EVENTS: usize = 8;
/// Of events that come a few at a time, one in so many leaves a checkpoint.
const CHECKPOINT_ONE_IN: u64 = 6;

/// An event of one entity with the targets of its relates.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) event: Arc<Event>,
    /// The entity at the event's place in the ledger.
    pub(crate) origin: EntityId,
    pub(crate) targets: Vec<Option<EntityId>>,
}

/// Something of an entity that failed.
#[derive(Debug)]
pub(crate) struct EntityFailure {
    pub(crate) event: Option<Arc<Event>>,
    pub(crate) instant: Timestamp,
    pub(crate) fault: FaultReport,
}

/// Which failure of which entity.
pub(crate) type FailurePlace = (EntityId, Option<Sequence>, Timestamp, FailureCode);

impl EntityFailure {
    pub(crate) fn place(&self, id: EntityId) -> FailurePlace {
        (id, self.event.as_ref().map(|event| event.sequence), self.instant, self.fault.code)
    }
}

/// What a batch did to one entity.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) state: EntityStateRow,
    pub(crate) rows: Rows,
    /// Requests by index of their pair.
    pub(crate) requests: Vec<(usize, EdgeRequest)>,
    /// Changes of own edges in order.
    pub(crate) deltas: Vec<EdgeDelta>,
    /// Whether the first event stands at the instant of the last one applied before.
    pub(crate) same_instant: bool,
    pub(crate) failures: Vec<EntityFailure>,
    pub(crate) created: bool,
    /// States after some of the events, in order.
    pub(crate) checkpoints: Vec<EntityStateRow>,
}

/// A change of one of an entity's own edges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EdgeDelta {
    pub(crate) relationship: u32,
    pub(crate) target: EntityId,
    pub(crate) at: Timestamp,
    pub(crate) before: Option<Vec<Value>>,
    pub(crate) after: Option<Vec<Value>>,
}

/// Makes rows, edge requests and the new state of one entity from what the module reports.
///
/// The job's state is the stored one, a checkpoint, or `None` to make everything anew.
pub(crate) fn fold(
    catalog: &Catalog,
    merges: &MergeIndex,
    entity: u32,
    job: Job,
    output: EntityOutput,
) -> Folded {
    let Job { id, state: before, events, resumed, .. } = job;
    let events = events.as_slice();
    let existed = before.as_ref().is_some_and(|state| state.record.exists);
    let (builder, edges, last_key) = match before {
        None => (RowBuilder::anew(), Vec::new(), None),
        Some(state) => {
            let edges = Arc::new(state.open_edges);
            let content =
                existed.then(|| Content { record: state.record, edges: Arc::clone(&edges) });
            let builder = match state.last_key.filter(|_| resumed) {
                Some(key) => RowBuilder::resume(content, state.last_row, key.timestamp),
                None => RowBuilder::new(content, state.last_row),
            };
            (
                builder,
                Arc::try_unwrap(edges).unwrap_or_else(|shared| (*shared).clone()),
                state.last_key,
            )
        }
    };
    let mut pass = Pass {
        catalog,
        merges,
        entity,
        id,
        events,
        existed,
        builder,
        checkpoints: Vec::new(),
        edges: Arc::new(edges),
        edges_changed: false,
        ordinal: 0,
        requests: Vec::new(),
        deltas: Vec::new(),
        failures: Vec::new(),
    };
    for item in output.items {
        pass.item(item);
    }
    let Pass { builder, edges, requests, deltas, failures, checkpoints, .. } = pass;
    let rows = builder.finish();
    let exists = output.record.as_ref().is_some_and(|record| record.exists);
    let first = events.first().map(|applied| applied.event.timestamp);
    let same_instant = last_key.is_some_and(|key| Some(key.timestamp) == first);
    let last_key = events.last().map(|applied| applied.event.key()).or(last_key);
    let properties =
        catalog.manifest.entities.get(entity as usize).map_or(0, |e| e.properties.len());
    let record = output
        .record
        .unwrap_or_else(|| ghost(properties, last_key.map_or(Timestamp::MIN, |key| key.timestamp)));
    let open_edges = Arc::try_unwrap(edges).unwrap_or_else(|shared| (*shared).clone());
    Folded {
        state: EntityStateRow {
            entity_id: id,
            record,
            last_key,
            open_edges,
            last_row: rows.last_row,
        },
        rows,
        requests,
        deltas,
        same_instant,
        failures,
        created: exists && !existed,
        checkpoints,
    }
}

struct Pass<'a> {
    catalog: &'a Catalog,
    merges: &'a MergeIndex,
    entity: u32,
    id: EntityId,
    events: &'a [Applied],
    existed: bool,
    builder: RowBuilder,
    checkpoints: Vec<EntityStateRow>,
    edges: Arc<Vec<OpenEdge>>,
    edges_changed: bool,
    ordinal: u32,
    requests: Vec<(usize, EdgeRequest)>,
    deltas: Vec<EdgeDelta>,
    failures: Vec<EntityFailure>,
}

impl Pass<'_> {
    fn item(&mut self, item: Item) {
        match item {
            Item::Relate { cause, relate, properties } => {
                if let ItemCause::Event(ordinal) = cause
                    && let Some(applied) = self.events.get(ordinal)
                {
                    self.relate(applied, relate, properties);
                }
            }
            Item::Snapshot { cause, instant, changed, record } => {
                let edges_changed = std::mem::take(&mut self.edges_changed);
                let checkpoint = match cause {
                    ItemCause::Event(ordinal) if self.keeps(ordinal) => {
                        Some((ordinal, record.clone()))
                    }
                    _ => None,
                };
                if changed || edges_changed {
                    let event = match cause {
                        ItemCause::Event(ordinal) => self.events.get(ordinal),
                        ItemCause::Rule { .. } => None,
                    };
                    let event =
                        event.map(|applied| (applied.event.sequence, applied.event.event_id));
                    let state = self.catalog.state_name(self.entity, record.state);
                    let content = Content { record, edges: Arc::clone(&self.edges) };
                    self.builder.push(instant, content, state, event);
                }
                if let Some((ordinal, record)) = checkpoint {
                    self.checkpoint(ordinal, record);
                }
            }
            Item::Failure { cause, instant, fault } => {
                let event = match cause {
                    ItemCause::Event(ordinal) => self.events.get(ordinal),
                    ItemCause::Rule { .. } => None,
                };
                let event = event.map(|applied| Arc::clone(&applied.event));
                self.failures.push(EntityFailure { event, instant, fault });
            }
        }
    }

    /// Whether the state after an event is kept as a checkpoint: about every eighth one, which depends on nothing that
    /// differs from run to run. What has just begun needs none.
    fn keeps(&self, ordinal: usize) -> bool {
        let Some(applied) = self.events.get(ordinal) else { return false };
        if self.events.len() >= CHECKPOINT_EVENTS {
            return ordinal % CHECKPOINT_EVENTS == CHECKPOINT_EVENTS - 1;
        }
        let mixed =
            applied.event.sequence.0.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        (self.existed || ordinal > 0) && mixed % CHECKPOINT_ONE_IN == 0
    }

    fn checkpoint(&mut self, ordinal: usize, record: Record) {
        let Some(applied) = self.events.get(ordinal) else { return };
        let row = EntityStateRow {
            entity_id: self.id,
            record,
            last_key: Some(applied.event.key()),
            open_edges: (*self.edges).clone(),
            last_row: self.builder.last_row(),
        };
        if self.checkpoints.last().is_some_and(|last| last.last_key == row.last_key) {
            self.checkpoints.pop();
        }
        self.checkpoints.push(row);
    }

    fn relate(&mut self, applied: &Applied, relate: u32, properties: Vec<Value>) {
        let Some((_, event)) = self.catalog.entity_event(self.entity, &applied.event.event_type)
        else {
            return;
        };
        let Some(relationship) = event.relates.get(relate as usize).map(|r| r.relationship) else {
            return;
        };
        let Some(side) = self.catalog.pairs.side(self.entity, relationship) else {
            return;
        };
        let Some(Some(target)) = applied.targets.get(relate as usize).copied() else {
            return;
        };
        let key = applied.event.key();
        let properties = side.of_edge(properties);
        let changed = self.own_edge(key, relationship, target, side.exclusive.own, &properties);
        self.edges_changed |= changed;
        let own_only = self.catalog.pairs.pairs.get(side.pair).is_some_and(|pair| pair.own_only);
        if own_only && !changed {
            return;
        }
        self.ordinal = if self.requests.last().is_some_and(|(_, last)| last.key == key) {
            self.ordinal + 1
        } else {
            0
        };
        let pair = self.catalog.pairs.pairs.get(side.pair);
        let Some(pair) = pair.map(|pair| pair.key.clone()) else {
            return;
        };
        self.requests.push((
            side.pair,
            EdgeRequest {
                pair,
                key,
                ordinal: ordinal_of(self.entity, self.ordinal),
                relater: self.id,
                forward: side.forward,
                other: target,
                properties,
            },
        ));
    }

    /// Applies a request to the entity's own edges; whether they changed.
    fn own_edge(
        &mut self,
        key: OrderKey,
        relationship: u32,
        target: EntityId,
        exclusive: bool,
        properties: &[Value],
    ) -> bool {
        let target = self.merges.root_at(target, key);
        let same_edge = |edge: &OpenEdge| {
            edge.relationship == relationship && self.merges.root_at(edge.target, key) == target
        };
        let mut edges = Vec::with_capacity(self.edges.len() + 1);
        let mut previous = None;
        let start = self.deltas.len();
        for edge in self.edges.iter() {
            if edge.relationship != relationship {
                edges.push(edge.clone());
            } else if same_edge(edge) {
                previous = Some(edge.properties.clone());
            } else if exclusive {
                self.deltas.push(EdgeDelta {
                    relationship,
                    target: self.merges.root_at(edge.target, key),
                    at: key.timestamp,
                    before: Some(edge.properties.clone()),
                    after: None,
                });
            } else {
                edges.push(edge.clone());
            }
        }
        let equal = previous.as_deref() == Some(properties);
        if equal && self.deltas.len() == start {
            return false;
        }
        if !equal {
            self.deltas.push(EdgeDelta {
                relationship,
                target,
                at: key.timestamp,
                before: previous,
                after: Some(properties.to_vec()),
            });
        }
        edges.push(OpenEdge { relationship, target, properties: properties.to_vec() });
        edges.sort_by_key(|edge| (edge.relationship, edge.target));
        self.edges = Arc::new(edges);
        true
    }
}

/// Ordinal of a request within its event: entity types in name order, then effects as they ran.
fn ordinal_of(entity: u32, effect: u32) -> u32 {
    entity.saturating_mul(1 << 16).saturating_add(effect.min((1 << 16) - 1))
}
