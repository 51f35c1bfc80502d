use defacto_model::{EntityManifest, Timestamp, Value};

use crate::abi::{NEVER, cell, record};
use crate::builder::{Builder, nth};
use crate::cells::Cell;
use crate::view::View;
use crate::{FrameError, FrameErrorKind};

/// State of one entity, as a record holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordState {
    /// Index of the state.
    pub state: u32,
    /// Time of the creating event.
    pub created: Timestamp,
    /// Last transition, creation included.
    pub entered: Timestamp,
    /// Last event.
    pub last_event: Option<Timestamp>,
    /// Bit i: rule i of the state is latched.
    pub latches: u64,
    /// Effective time of the last rule tried.
    pub last_rule: Option<Timestamp>,
    /// When the next rule is due (written by the module).
    pub next_due: Option<Timestamp>,
    /// One value per property.
    pub properties: Vec<Value>,
}

fn micros(instant: Option<Timestamp>) -> i64 {
    instant.map_or(NEVER, Timestamp::as_micros)
}

/// Bytes of a record of a type.
pub(crate) fn size(entity: &EntityManifest) -> usize {
    let cells = entity.properties.len() + usize::from(entity.reads_id);
    nth(record::HEAD as usize, cells)
}

impl Builder {
    /// Writes a record; returns its address.
    pub(crate) fn record(
        &mut self,
        entity: &EntityManifest,
        state: Option<&RecordState>,
        id: &str,
    ) -> u32 {
        let start = self.allocate(size(entity));
        self.u32(start, record::EXISTS, u32::from(state.is_some()));
        self.u32(start, record::STATE, state.map_or(entity.start, |state| state.state));
        let created = state.map_or(NEVER, |state| state.created.as_micros());
        self.i64(start, record::CREATED, created);
        let entered = state.map_or(NEVER, |state| state.entered.as_micros());
        self.i64(start, record::ENTERED, entered);
        self.i64(start, record::LAST_EVENT, micros(state.and_then(|state| state.last_event)));
        self.u64(start, record::LATCHES, state.map_or(0, |state| state.latches));
        self.i64(start, record::LAST_RULE, micros(state.and_then(|state| state.last_rule)));
        self.i64(start, record::NEXT_DUE, micros(state.and_then(|state| state.next_due)));
        let cells = nth(start, 0).saturating_add(record::HEAD as usize);
        let values = state.map_or(&[][..], |state| &state.properties);
        for ((property, value), index) in entity.properties.iter().zip(values).zip(0..) {
            self.cell(nth(cells, index), Cell::typed(value, Some(property.r#type)));
        }
        if entity.reads_id {
            self.cell(nth(cells, entity.properties.len()), Cell::String(id));
        }
        self.address(start)
    }
}

impl View<'_> {
    fn optional_instant(&self, micros: i64) -> Result<Option<Timestamp>, FrameError> {
        if micros == NEVER { Ok(None) } else { self.instant("record", micros).map(Some) }
    }

    /// Reads a record; `None` when the entity does not exist.
    pub(crate) fn record(
        &self,
        entity: &EntityManifest,
        address: u32,
    ) -> Result<Option<RecordState>, FrameError> {
        let what = "record";
        let length = u32::try_from(size(entity))
            .map_err(|_| FrameError { what, kind: FrameErrorKind::TooLarge })?;
        let head = self.block(what, address, length)?;
        self.charge(what, entity.properties.len())?;
        match head.u32(record::EXISTS) {
            0 => return Ok(None),
            1 => {}
            other => return self.refuse("existence", FrameErrorKind::Unknown(other)),
        }
        let state = head.u32(record::STATE);
        if state as usize >= entity.states.len() {
            let bound = FrameErrorKind::Bound(u64::from(state), entity.states.len() as u64);
            return self.refuse("state", bound);
        }
        let mut properties = Vec::with_capacity(entity.properties.len());
        let mut cell = record::HEAD;
        for property in &entity.properties {
            properties.push(self.typed_value("property", head, cell, property.r#type)?);
            cell = cell.saturating_add(cell::SIZE);
        }
        Ok(Some(RecordState {
            state,
            created: self.instant(what, head.i64(record::CREATED))?,
            entered: self.instant(what, head.i64(record::ENTERED))?,
            last_event: self.optional_instant(head.i64(record::LAST_EVENT))?,
            latches: head.u64(record::LATCHES),
            last_rule: self.optional_instant(head.i64(record::LAST_RULE))?,
            next_due: self.optional_instant(head.i64(record::NEXT_DUE))?,
            properties,
        }))
    }
}
