use crate::bindings::defacto::engine::types::{Event as RawEvent, Value};
use crate::{FieldType, Timestamp};

/// A type of event, as `describe` tells it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EventType {
    /// Name, as in definitions.
    pub name: &'static str,
    /// What it means; empty where nothing is said.
    pub description: &'static str,
    /// Its fields in order.
    pub fields: &'static [Field],
}

/// A field of a type of event.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Field {
    /// Name, as in definitions.
    pub name: &'static str,
    /// What it means; empty where nothing is said.
    pub description: &'static str,
    /// Type that the engine checks.
    pub r#type: FieldType,
}

impl EventType {
    /// A type with its fields in order. [`normalizer!`](crate::normalizer) calls this.
    pub const fn new(
        name: &'static str,
        description: &'static str,
        fields: &'static [Field],
    ) -> Self {
        Self { name, description, fields }
    }
}

impl Field {
    /// A field. [`normalizer!`](crate::normalizer) calls this.
    pub const fn new(name: &'static str, description: &'static str, r#type: FieldType) -> Self {
        Self { name, description, r#type }
    }
}

/// A struct that [`normalizer!`](crate::normalizer) has made of an event.
pub trait Event {
    /// Its type.
    const TYPE: EventType;
    /// Its place among the module's types, from 0.
    const INDEX: u32;

    /// Its values, in the order of the type's fields.
    fn into_values(self) -> Vec<Value>;
}

/// Where a record's events go, in order.
#[derive(Debug, Default)]
pub struct Events {
    made: Vec<RawEvent>,
}

impl Events {
    /// Adds an event that happened at an instant.
    #[inline]
    pub fn push<E: Event>(&mut self, at: Timestamp, event: E) {
        let (event_type, timestamp) = (E::INDEX, at.micros());
        self.made.push(RawEvent { event_type, timestamp, values: event.into_values() });
    }

    pub(crate) fn finish(self) -> Vec<RawEvent> {
        self.made
    }
}
