use defacto_model::{EntityManifest, Timestamp, Value};

use crate::abi::{NONE, cell, entity_row, event_row, fault, header, item, kind};
use crate::builder::{Builder, nth};
use crate::cells::Cell;
use crate::records::{RecordState, size};
use crate::view::{Block, View};
use crate::{FaultRecord, FrameError, FrameErrorKind, Head};

/// One event on its way in.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a> {
    /// Index into the type's events; `None` when no handler takes it.
    pub event: Option<u32>,
    /// Event time.
    pub timestamp: Timestamp,
    /// One value per field of the event.
    pub cells: &'a [Value],
}

/// Builds an `interpret` frame: entities of one type with their events.
#[derive(Debug)]
pub struct InterpretBuilder<'m> {
    frame: Builder,
    manifest: &'m EntityManifest,
    table: usize,
    rows_max: u32,
    sent: Vec<SentEntity>,
    events: Vec<u32>,
}

/// An `interpret` frame and what is needed to read it back.
#[derive(Debug)]
pub struct InterpretFrame<'m> {
    manifest: &'m EntityManifest,
    head: Head,
    bytes: Vec<u8>,
    sent: Vec<SentEntity>,
    events: Vec<u32>,
}

#[derive(Debug)]
struct SentEntity {
    record: u32,
    first_event: usize,
    event_count: u32,
}

impl<'m> InterpretBuilder<'m> {
    /// Starts a frame for at most `rows_max` entities with about so many events.
    pub fn new(head: Head, manifest: &'m EntityManifest, rows_max: u32, events: usize) -> Self {
        let entities = (rows_max as usize).saturating_mul(size(manifest) + 64);
        let capacity = entities.saturating_add(events.saturating_mul(128)).min(1 << 24);
        let mut frame = Builder::new(head, kind::INTERPRET, capacity);
        let table = frame.allocate((rows_max as usize).saturating_mul(entity_row::SIZE as usize));
        let (sent, events) = (Vec::with_capacity(rows_max as usize), Vec::with_capacity(events));
        Self { frame, manifest, table, rows_max, sent, events }
    }

    /// Adds an entity with its events in event order.
    pub fn entity<'v>(
        &mut self,
        state: Option<&RecordState>,
        id: &str,
        events: impl ExactSizeIterator<Item = EventRow<'v>>,
    ) {
        let Ok(row) = u32::try_from(self.sent.len()) else { return };
        let Ok(event_count) = u32::try_from(events.len()) else { return };
        if row >= self.rows_max {
            return;
        }
        let place = self.table.saturating_add((row * entity_row::SIZE) as usize);
        let record = self.frame.record(self.manifest, state, id);
        let rows = self.frame.allocate(events.len().saturating_mul(event_row::SIZE as usize));
        let first_event = self.events.len();
        for (event, index) in events.zip(0_usize..) {
            self.event(rows.saturating_add(index.saturating_mul(event_row::SIZE as usize)), event);
        }
        let address = self.frame.address(rows);
        self.frame.u32(place, entity_row::RECORD, record);
        self.frame.u32(place, entity_row::EVENTS, address);
        self.frame.u32(place, entity_row::EVENT_COUNT, event_count);
        self.sent.push(SentEntity { record, first_event, event_count });
    }

    fn event(&mut self, row: usize, event: EventRow<'_>) {
        let index = event.event.unwrap_or(EntityManifest::UNHANDLED);
        self.events.push(index);
        self.frame.u32(row, event_row::EVENT, index);
        self.frame.i64(row, event_row::TIMESTAMP, event.timestamp.as_micros());
        let known = self.manifest.events.get(index as usize);
        let fields = known.map_or(&[][..], |known| &known.fields);
        if fields.is_empty() {
            return;
        }
        let cells = self.frame.allocate(nth(0, fields.len()));
        let address = self.frame.address(cells);
        self.frame.u32(row, event_row::CELLS, address);
        for ((field, value), index) in fields.iter().zip(event.cells).zip(0..) {
            self.frame.cell(nth(cells, index), Cell::typed(value, field.r#type));
        }
    }

    /// The frame.
    ///
    /// # Errors
    ///
    /// When it does not fit the module's addresses.
    pub fn finish(self, head: Head) -> Result<InterpretFrame<'m>, FrameError> {
        let rows = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        let bytes = self.frame.finish(rows)?;
        Ok(InterpretFrame {
            manifest: self.manifest,
            head,
            bytes,
            sent: self.sent,
            events: self.events,
        })
    }
}

/// An `interpret` frame that came back.
#[derive(Debug)]
pub struct InterpretedFrame<'f, 'a> {
    sent: &'f InterpretFrame<'f>,
    view: View<'a>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnedItem {
    /// Row of the entity.
    pub entity: u32,
    /// Ordinal of the event among the entity's; `None` for a rule.
    pub event: Option<u32>,
    /// State and index of the rule, when no event is behind it.
    pub rule: (u32, u32),
    /// Event time, or effective time of the rule.
    pub instant: Timestamp,
    /// What happened.
    pub kind: ReturnedItemKind,
}

/// What an item tells.
#[derive(Debug, Clone, PartialEq)]
pub enum ReturnedItemKind {
    /// The record after an event or rule.
    Snapshot {
        /// Whether it differs from before.
        changed: bool,
        /// The record.
        record: RecordState,
    },
    /// A `relate` ran.
    Relate {
        /// Index into the event's relates.
        relate: u32,
        /// One value per property of the edge.
        properties: Vec<Value>,
    },
    /// The event or rule failed.
    Failure(FaultRecord),
}

impl InterpretFrame<'_> {
    /// What goes to the module.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Opens what came back.
    ///
    /// # Errors
    ///
    /// When the head is not that of the frame that was sent.
    pub fn returned<'f, 'a>(
        &'f self,
        bytes: &'a [u8],
    ) -> Result<InterpretedFrame<'f, 'a>, FrameError> {
        let rows = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        let view = View::new(bytes, self.head, kind::INTERPRET, rows)?;
        Ok(InterpretedFrame { sent: self, view })
    }
}

impl InterpretedFrame<'_, '_> {
    /// Effects and transitions executed.
    pub fn counts(&self) -> (u64, u64) {
        let head = self.view.header();
        (head.u64(header::EFFECTS), head.u64(header::TRANSITIONS))
    }

    /// States after the batch, one per entity.
    ///
    /// # Errors
    ///
    /// When a record breaks the layout.
    pub fn records(&self) -> Result<Vec<Option<RecordState>>, FrameError> {
        let records = self.sent.sent.iter();
        records.map(|sent| self.view.record(self.sent.manifest, sent.record)).collect()
    }

    /// Items in order.
    ///
    /// # Errors
    ///
    /// When an item breaks the layout, names something that does not exist, or the list is a circle.
    pub fn items(&self) -> Result<Vec<ReturnedItem>, FrameError> {
        let items_max = self.view.len() / item::HEAD as usize;
        let mut items = Vec::new();
        let mut address = self.view.header().u32(header::RESULTS);
        while address != 0 {
            if items.len() >= items_max {
                return self.view.refuse("items", FrameErrorKind::Endless);
            }
            let head = self.view.block("item", address, item::HEAD)?;
            items.push(self.item(head, address.saturating_add(item::HEAD))?);
            address = head.u32(item::NEXT);
        }
        Ok(items)
    }

    fn below(&self, what: &'static str, found: u32, bound: usize) -> Result<(), FrameError> {
        if (found as usize) < bound {
            return Ok(());
        }
        self.view.refuse(what, FrameErrorKind::Bound(u64::from(found), bound as u64))
    }

    fn item(&self, head: Block<'_>, body: u32) -> Result<ReturnedItem, FrameError> {
        let view = &self.view;
        let manifest = self.sent.manifest;
        let entity = head.u32(item::ENTITY);
        self.below("entity of an item", entity, self.sent.sent.len())?;
        let event = Some(head.u32(item::EVENT)).filter(|&event| event != NONE);
        let rule = (head.u32(item::RULE_STATE), head.u32(item::RULE));
        let mut index = None;
        if let (Some(event), Some(sent)) = (event, self.sent.sent.get(entity as usize)) {
            self.below("event of an item", event, sent.event_count as usize)?;
            index = self.sent.events.get(sent.first_event.saturating_add(event as usize));
        } else {
            self.below("state of a rule", rule.0, manifest.states.len())?;
            let rules = manifest.states.get(rule.0 as usize).map_or(0, |state| state.rules);
            self.below("rule", rule.1, rules as usize)?;
        }
        let kind = match head.u32(item::KIND) {
            item::SNAPSHOT => {
                let changed = view.block("snapshot", body, 8)?.u32(0);
                self.below("changed", changed, 2)?;
                match view.record(manifest, body.saturating_add(8))? {
                    Some(record) => ReturnedItemKind::Snapshot { changed: changed == 1, record },
                    None => return view.refuse("snapshot", FrameErrorKind::Unknown(0)),
                }
            }
            item::RELATE => self.relate(body, index.copied())?,
            item::FAILURE => {
                view.block("failure", body, fault::SIZE)?;
                let fault = view.fault(body)?;
                if fault.code.is_none() {
                    return view.refuse("failure code", FrameErrorKind::Unknown(0));
                }
                ReturnedItemKind::Failure(fault)
            }
            other => return view.refuse("item", FrameErrorKind::Unknown(other)),
        };
        let instant = view.instant("item", head.i64(item::INSTANT))?;
        Ok(ReturnedItem { entity, event, rule, instant, kind })
    }

    fn relate(&self, body: u32, event: Option<u32>) -> Result<ReturnedItemKind, FrameError> {
        let view = &self.view;
        let manifest = self.sent.manifest;
        let head = view.block("relate", body, 8)?;
        let (relate, count) = (head.u32(0), head.u32(4));
        let event = event.and_then(|event| manifest.events.get(event as usize));
        let relates = event.map_or(&[][..], |event| &event.relates);
        self.below("relate", relate, relates.len())?;
        let properties = relates
            .get(relate as usize)
            .and_then(|relate| manifest.relationships.get(relate.relationship as usize))
            .map_or(&[][..], |relationship| &relationship.properties);
        if count as usize != properties.len() {
            let (found, expected) = (u64::from(count), properties.len() as u64);
            return view.refuse("edge properties", FrameErrorKind::Mismatch { found, expected });
        }
        let cells = body.saturating_add(8);
        view.cells("edge properties", cells, count)?;
        let block = view.block("edge properties", cells, count.saturating_mul(cell::SIZE))?;
        let mut values = Vec::with_capacity(properties.len());
        let mut place = 0_u32;
        for (_, r#type) in properties {
            values.push(view.typed_value("edge property", block, place, *r#type)?);
            place = place.saturating_add(cell::SIZE);
        }
        Ok(ReturnedItemKind::Relate { relate, properties: values })
    }
}
