//! Sizes, offsets and tags shared by host, emitter and runtime library. Little-endian; every address
//! is absolute in the module's memory, 8-byte aligned unless it points at text.

/// Version of everything in this file.
pub const ABI: u32 = 1;

/// A value in memory: 16 bytes.
pub mod cell {
    /// Size of a cell.
    pub const SIZE: u32 = 16;
    /// u8 tag; the three bytes after it are zero.
    pub const TAG: u32 = 0;
    /// u32: bytes of text, elements of a list, entries of an object; else zero.
    pub const AUX: u32 = 4;
    /// u64: bool 0/1, i64, f64 bits, microseconds, or (low half) an address.
    pub const PAYLOAD: u32 = 8;

    /// Null.
    pub const NULL: u8 = 0;
    /// Bool.
    pub const BOOL: u8 = 1;
    /// Int.
    pub const INT: u8 = 2;
    /// Float.
    pub const FLOAT: u8 = 3;
    /// String: UTF-8 at the address, AUX bytes.
    pub const STRING: u8 = 4;
    /// DateTime: microseconds since 1970-01-01T00:00:00Z.
    pub const DATETIME: u8 = 5;
    /// Duration: microseconds.
    pub const DURATION: u8 = 6;
    /// List: AUX cells at the address.
    pub const LIST: u8 = 7;
    /// Object: AUX entries of two cells (key String, value), sorted by key bytes.
    pub const OBJECT: u8 = 8;
    /// Integer text outside i64, AUX bytes at the address (`-`? digits).
    pub const BIG_INT: u8 = 9;
    /// Only as timestamp cell of a raw row: the field is absent (N03 instead of N04).
    pub const ABSENT: u8 = 255;
}

/// First bytes of every frame.
pub mod header {
    /// Size; the row table follows.
    pub const SIZE: u32 = 48;
    /// u32: [`super::ABI`].
    pub const ABI: u32 = 0;
    /// u32: the manifest's layout checksum.
    pub const LAYOUT: u32 = 4;
    /// u32: [`super::kind`].
    pub const KIND: u32 = 8;
    /// u32: source or entity type.
    pub const INDEX: u32 = 12;
    /// u32: rows in the table.
    pub const ROWS: u32 = 16;
    /// u32, written by the module: address of the results (row table of `normalize`, `hints`,
    /// `evaluate`; first item of `interpret`, 0 when there is none).
    pub const RESULTS: u32 = 20;
    /// i64: instant of ingestion (`normalize`), or up to which rules run after the last event of each
    /// entity (`interpret`; [`super::NEVER`] for none), strictly before.
    pub const INSTANT: u32 = 24;
    /// u64, written by the module: effects executed.
    pub const EFFECTS: u32 = 32;
    /// u64, written by the module: transitions executed.
    pub const TRANSITIONS: u32 = 40;
}

/// "No instant".
pub const NEVER: i64 = i64::MIN;
/// "No index".
pub const NONE: u32 = u32::MAX;

/// What a frame asks for.
pub mod kind {
    /// Raw rows to normalized rows.
    pub const NORMALIZE: u32 = 1;
    /// Events on entities, then rules up to an instant.
    pub const INTERPRET: u32 = 2;
    /// Hint texts.
    pub const HINTS: u32 = 3;
    /// Free-standing expressions.
    pub const EVALUATE: u32 = 4;
}

/// Row of `normalize`, in.
pub mod raw_row {
    /// Size.
    pub const SIZE: u32 = 8;
    /// u32: index of the event definition in the source (the host has matched the raw type).
    pub const EVENT: u32 = 0;
    /// u32: address of the cells: timestamp, then the event definition's paths in order.
    pub const CELLS: u32 = 4;
}

/// Row of `normalize`, out.
pub mod normalized_row {
    /// Size.
    pub const SIZE: u32 = 24;
    /// u32: 0, or the address of a [`super::fault`].
    pub const FAULT: u32 = 0;
    /// u32: address of one cell per mapping.
    pub const CELLS: u32 = 4;
    /// i64: event time.
    pub const TIMESTAMP: u32 = 8;
    /// u32: address of one cell (String or Null) per possible hint.
    pub const HINTS: u32 = 16;
}

/// Why a row, event, rule or expression failed.
pub mod fault {
    /// Size.
    pub const SIZE: u32 = 48;
    /// u32: [`super::code`], or 0 for a free-standing expression.
    pub const CODE: u32 = 0;
    /// u32: `defacto_functions::Fault` as number: what went wrong.
    pub const KIND: u32 = 4;
    /// u32: mapping, schema field, property, identity hint or effect at fault; else NONE. The properties of the
    /// edges of the type's relationships, in their order, count on after the properties of the type.
    pub const FIELD: u32 = 8;
    /// u32: detail of the kind (operator, function, type, constraint).
    pub const DETAIL: u32 = 12;
    /// Cell: the value at fault (Null when there is none).
    pub const VALUE: u32 = 16;
    /// Cell: a second value (an operand, a bound).
    pub const OTHER: u32 = 32;
}

/// Numbers of the failure codes of language.md 3.5 in [`fault::CODE`].
pub mod code {
    #![expect(missing_docs, reason = "language.md 3.5 explains each")]
    pub const N03: u32 = 103;
    pub const N04: u32 = 104;
    pub const N05: u32 = 105;
    pub const N06: u32 = 106;
    pub const N07: u32 = 107;
    pub const N09: u32 = 109;
    pub const I01: u32 = 201;
    pub const I02: u32 = 202;
    pub const I03: u32 = 203;
    pub const I04: u32 = 204;
    pub const I05: u32 = 205;
    pub const I06: u32 = 206;
    pub const T01: u32 = 301;
}

/// Row of `interpret`, in: one entity.
pub mod entity_row {
    /// Size.
    pub const SIZE: u32 = 16;
    /// u32: address of its [`super::record`], changed in place.
    pub const RECORD: u32 = 0;
    /// u32: address of its [`super::event_row`]s.
    pub const EVENTS: u32 = 4;
    /// u32: how many.
    pub const EVENT_COUNT: u32 = 8;
}

/// One event of an entity.
pub mod event_row {
    /// Size.
    pub const SIZE: u32 = 16;
    /// u32: index into the type's events, NONE when no handler takes it.
    pub const EVENT: u32 = 0;
    /// u32: address of its cells (0 when there are none).
    pub const CELLS: u32 = 4;
    /// i64: event time.
    pub const TIMESTAMP: u32 = 8;
}

/// State of one entity: a head and one cell per property.
pub mod record {
    /// Size of the head; the cells of the properties follow, then the id cell if the type reads it.
    pub const HEAD: u32 = 64;
    /// u32: 0 or 1.
    pub const EXISTS: u32 = 0;
    /// u32: index of the state.
    pub const STATE: u32 = 4;
    /// i64: time of the creating event.
    pub const CREATED: u32 = 8;
    /// i64: last transition, creation included.
    pub const ENTERED: u32 = 16;
    /// i64: last event, NEVER when unset.
    pub const LAST_EVENT: u32 = 24;
    /// u64: bit i is set when rule i of the state is latched.
    pub const LATCHES: u32 = 32;
    /// i64: effective time of the last rule that was tried, NEVER when none.
    pub const LAST_RULE: u32 = 40;
    /// i64, written by the module: when the next rule is due, NEVER when none.
    pub const NEXT_DUE: u32 = 48;
    /// u32: scratch of the module; the host writes 0.
    pub const SCRATCH: u32 = 56;
}

/// Results of `interpret`: a list linked through [`item::NEXT`], in the order in which things happened
/// for each entity.
pub mod item {
    /// u32: address of the next item, 0 at the end.
    pub const NEXT: u32 = 0;
    /// u32: SNAPSHOT, RELATE or FAILURE.
    pub const KIND: u32 = 4;
    /// u32: row of the entity.
    pub const ENTITY: u32 = 8;
    /// u32: ordinal of the event among the entity's events, NONE for a rule.
    pub const EVENT: u32 = 12;
    /// u32: index of the state whose rule it was, NONE for an event.
    pub const RULE_STATE: u32 = 16;
    /// u32: index of the rule.
    pub const RULE: u32 = 20;
    /// i64: event time, or effective time of the rule.
    pub const INSTANT: u32 = 24;
    /// Size of what all items share; the body follows.
    pub const HEAD: u32 = 32;

    /// Body: u32 changed (0 or 1), u32 unused, then a copy of the record. Emitted when the record
    /// changed, and also, with changed = 0, after an event that executed a `relate`.
    pub const SNAPSHOT: u32 = 1;
    /// Body: u32 index of the relate, u32 count of cells, then the cells of the edge's properties (Null
    /// where none was given). Comes before the snapshot of its event.
    pub const RELATE: u32 = 2;
    /// Body: a [`super::fault`]. The event's (or rule's) effects are undone.
    pub const FAILURE: u32 = 3;
}

/// Row of `hints`, in: a cell after two indices.
pub mod hint_row {
    /// Size.
    pub const SIZE: u32 = 24;
    /// u32: entity type.
    pub const ENTITY: u32 = 0;
    /// u32: identity field.
    pub const IDENTITY_FIELD: u32 = 4;
    /// Cell: the normalized field's value.
    pub const VALUE: u32 = 8;
}

/// Row of `hints` and `evaluate`, out.
pub mod value_row {
    /// Size.
    pub const SIZE: u32 = 24;
    /// u32: 0, or the address of a [`super::fault`].
    pub const FAULT: u32 = 0;
    /// Cell: the value.
    pub const VALUE: u32 = 8;
}

/// Row of `evaluate`, in.
pub mod evaluate_row {
    /// Size.
    pub const SIZE: u32 = 64;
    /// u32: index of the expression.
    pub const EXPRESSION: u32 = 0;
    /// i64: logical instant.
    pub const NOW: u32 = 8;
    /// Cell: event context (Object or Null).
    pub const EVENT: u32 = 16;
    /// Cell: entity context.
    pub const ENTITY: u32 = 32;
    /// Cell: value context.
    pub const VALUE: u32 = 48;
}

/// Descriptor tables: constants of the generated module that tell the runtime library's driver what was
/// compiled. Function fields hold an index into the module's function table, 0 for "none".
pub mod desc {
    /// The whole program. Its address is the first argument of every `rt_*` entry.
    pub mod root {
        /// Size.
        pub const SIZE: u32 = 28;
        /// u32: checksum that every frame must carry.
        pub const LAYOUT: u32 = 0;
        /// u32: address of [`super::source`]s.
        pub const SOURCES: u32 = 4;
        /// u32: how many.
        pub const SOURCE_COUNT: u32 = 8;
        /// u32: address of [`super::entity`]s.
        pub const ENTITIES: u32 = 12;
        /// u32: how many.
        pub const ENTITY_COUNT: u32 = 16;
        /// u32: address of u32 functions `(event, entity, value, out: cells) -> status`.
        pub const EXPRESSIONS: u32 = 20;
        /// u32: how many.
        pub const EXPRESSION_COUNT: u32 = 24;
    }
    /// A source.
    pub mod source {
        /// Size.
        pub const SIZE: u32 = 24;
        /// u32: address of [`super::source_event`]s.
        pub const EVENTS: u32 = 0;
        /// u32: how many.
        pub const EVENT_COUNT: u32 = 4;
        /// u32: 0 = raw value by language.md 5.3, 1 = by format, 2 = computed.
        pub const TIMESTAMP_KIND: u32 = 8;
        /// u32: address of the format's text (kind 1).
        pub const FORMAT: u32 = 12;
        /// u32: its bytes; 0 means language.md 5.3 with the offset below.
        pub const FORMAT_LEN: u32 = 16;
        /// i32: seconds east of UTC for texts without offset.
        pub const OFFSET: u32 = 20;
    }
    /// An event of a source.
    pub mod source_event {
        /// Size.
        pub const SIZE: u32 = 20;
        /// u32: mappings, that is cells of a normalized row.
        pub const FIELDS: u32 = 0;
        /// u32: function `(raw cells, out cells) -> status` that fills every field: value, coercion, default,
        /// then the schema's checks. It blames N05, N06 or N07. Raw cells start after the timestamp.
        pub const NORMALIZE: u32 = 4;
        /// u32: function `(raw cells, out cell) -> status` of a computed timestamp (before conversion).
        pub const TIMESTAMP: u32 = 8;
        /// u32: address of [`super::hint`]s.
        pub const HINTS: u32 = 12;
        /// u32: how many.
        pub const HINT_COUNT: u32 = 16;
    }
    /// A possible hint of an event.
    pub mod hint {
        /// Size.
        pub const SIZE: u32 = 12;
        /// u32: entity type.
        pub const ENTITY: u32 = 0;
        /// u32: identity field.
        pub const IDENTITY_FIELD: u32 = 4;
        /// u32: mapping.
        pub const FIELD: u32 = 8;
    }
    /// An entity type.
    pub mod entity {
        /// Size.
        pub const SIZE: u32 = 44;
        /// u32: address of [`super::property`]s.
        pub const PROPERTIES: u32 = 0;
        /// u32: how many.
        pub const PROPERTY_COUNT: u32 = 4;
        /// u32: start state.
        pub const START: u32 = 8;
        /// u32: address of [`super::state`]s.
        pub const STATES: u32 = 12;
        /// u32: how many.
        pub const STATE_COUNT: u32 = 16;
        /// u32: event types.
        pub const EVENT_COUNT: u32 = 20;
        /// u32: address of u32 handlers, state by state, EVENT_COUNT each: function `(event cells, record)
        /// -> status`, with [`super::CREATES`] set when the handler contains `create`.
        pub const HANDLERS: u32 = 24;
        /// u32: address of EVENT_COUNT such handlers: `always`.
        pub const ALWAYS: u32 = 28;
        /// u32: address of [`super::identity`]s.
        pub const IDENTITY: u32 = 32;
        /// u32: how many.
        pub const IDENTITY_COUNT: u32 = 36;
        /// u32: 1 when records carry an id cell after the properties.
        pub const READS_ID: u32 = 40;
    }
    /// Flag of a handler.
    pub const CREATES: u32 = 1 << 31;
    /// A property, also of an edge and of a schema field.
    pub mod property {
        /// Size.
        pub const SIZE: u32 = 64;
        /// u32: [`super::value_type`].
        pub const TYPE: u32 = 0;
        /// u32: function `(record, out cell) -> status` of a computed property, before conversion.
        pub const COMPUTE: u32 = 4;
        /// u32: address of the allowed cells.
        pub const ALLOWED: u32 = 8;
        /// u32: how many; 0 means no constraint.
        pub const ALLOWED_COUNT: u32 = 12;
        /// u32: address of the cell of `min`, 0 for none.
        pub const MIN: u32 = 16;
        /// u32: address of the cell of `max`, 0 for none.
        pub const MAX: u32 = 20;
        /// u32: `min_length` (schemas).
        pub const MIN_LENGTH: u32 = 24;
        /// u32: `max_length` (schemas), NONE for none.
        pub const MAX_LENGTH: u32 = 28;
        /// u32: 1 when required (schemas).
        pub const REQUIRED: u32 = 32;
        /// u32: address of the pattern's text (schemas), 0 for none.
        pub const REGEX: u32 = 36;
        /// u32: its bytes.
        pub const REGEX_LEN: u32 = 40;
        /// u32: number of the literal pattern in the instance's cache.
        pub const REGEX_ID: u32 = 44;
        /// Cell: default.
        pub const DEFAULT: u32 = 48;
    }
    /// A state.
    pub mod state {
        /// Size.
        pub const SIZE: u32 = 8;
        /// u32: address of [`super::rule`]s.
        pub const RULES: u32 = 0;
        /// u32: how many (at most 64).
        pub const RULE_COUNT: u32 = 4;
    }
    /// A time rule.
    pub mod rule {
        /// Size.
        pub const SIZE: u32 = 16;
        /// u32: 0 inactivity, 1 expiration, 2 state_duration.
        pub const KIND: u32 = 0;
        /// u32: function `(0, record) -> status`: guard and effects.
        pub const RUN: u32 = 4;
        /// i64: microseconds.
        pub const THRESHOLD: u32 = 8;
    }
    /// An identity field.
    pub mod identity {
        /// Size.
        pub const SIZE: u32 = 8;
        /// u32: function `(value cell, out cell) -> status` of `normalize`.
        pub const NORMALIZE: u32 = 0;
        /// u32: 1 when hints are lower-cased.
        pub const CASE_INSENSITIVE: u32 = 4;
    }
    /// Numbers of the declared types.
    pub mod value_type {
        #![expect(missing_docs, reason = "the names of the definition language")]
        pub const STRING: u32 = 0;
        pub const NUMBER: u32 = 1;
        pub const INTEGER: u32 = 2;
        pub const BOOLEAN: u32 = 3;
        pub const DATETIME: u32 = 4;
    }
}
