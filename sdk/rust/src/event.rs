use crate::{FieldType, Timestamp, Value};

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

    /// Adds its values, in the order of the type's fields.
    fn write(self, values: &mut Vec<Value>);
}

/// Where a record's events go, in order.
#[derive(Debug, Default)]
pub struct Events {
    pub(crate) made: Vec<Made>,
    /// Values of all events.
    pub(crate) values: Vec<Value>,
}

/// An event without its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) event_type: u32,
    pub(crate) timestamp: i64,
    /// How many values it has.
    pub(crate) values: usize,
}

impl Events {
    /// Adds an event that happened at an instant.
    #[inline]
    pub fn push<E: Event>(&mut self, at: Timestamp, event: E) {
        let before = self.values.len();
        event.write(&mut self.values);
        let values = self.values.len() - before;
        self.made.push(Made { event_type: E::INDEX, timestamp: at.micros(), values });
    }
}
