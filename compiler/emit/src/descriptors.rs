use defacto_check::{
    Constraints, Effect, Entity, EntityEvent, Expr, Handler, Program, Property, Rule, RuleKind,
    SchemaCheck, Source, SourceEvent, Timestamp,
};
use defacto_frames::abi::{NONE, desc};
use defacto_model::ValueType;

use crate::constants::count;
use crate::effects::EdgeProperties;
use crate::normalize::{fields, finish_into};
use crate::unit::{Emitter, Scope, Unit};

/// Writes every function and descriptor of a program; returns the address of the root descriptor.
pub(crate) fn write(unit: &mut Unit<'_>, program: &Program, layout: u32) -> u32 {
    let sources: Vec<Record> = program.sources.iter().map(|s| source(unit, s)).collect();
    let entities: Vec<Record> = program.entities.iter().map(|e| entity(unit, e)).collect();
    let expressions: Vec<u32> =
        (0..).zip(&program.expressions).map(|(number, e)| expression(unit, number, e)).collect();
    let sources = array(unit, &sources);
    let entities = array(unit, &entities);
    let expressions = words(unit, &expressions);
    let mut root = Record::new(desc::root::SIZE);
    root.u32(desc::root::LAYOUT, layout);
    root.list(desc::root::SOURCES, desc::root::SOURCE_COUNT, sources, program.sources.len());
    root.list(desc::root::ENTITIES, desc::root::ENTITY_COUNT, entities, program.entities.len());
    root.list(
        desc::root::EXPRESSIONS,
        desc::root::EXPRESSION_COUNT,
        expressions,
        program.expressions.len(),
    );
    unit.constants.put(&root.bytes, 8)
}

/// Number of a declared type.
pub(crate) fn value_type_number(declared: ValueType) -> u32 {
    match declared {
        ValueType::String => desc::value_type::STRING,
        ValueType::Number => desc::value_type::NUMBER,
        ValueType::Integer => desc::value_type::INTEGER,
        ValueType::Boolean => desc::value_type::BOOLEAN,
        ValueType::Datetime => desc::value_type::DATETIME,
    }
}

/// A descriptor under construction.
#[derive(Debug)]
struct Record {
    bytes: Vec<u8>,
}

impl Record {
    fn new(size: u32) -> Self {
        Self { bytes: vec![0; usize::try_from(size).unwrap_or(0)] }
    }

    fn u32(&mut self, offset: u32, value: u32) {
        self.set(offset, &value.to_le_bytes());
    }

    fn set(&mut self, offset: u32, value: &[u8]) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(place) = self.bytes.get_mut(start..).and_then(|b| b.get_mut(..value.len())) {
            place.copy_from_slice(value);
        }
    }

    fn list(&mut self, address_offset: u32, count_offset: u32, address: u32, length: usize) {
        self.u32(address_offset, address);
        self.u32(count_offset, count(length));
    }
}

fn array(unit: &mut Unit<'_>, records: &[Record]) -> u32 {
    let bytes: Vec<u8> = records.iter().flat_map(|r| r.bytes.iter().copied()).collect();
    unit.constants.put(&bytes, 8)
}

fn words(unit: &mut Unit<'_>, words: &[u32]) -> u32 {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    unit.constants.put(&bytes, 8)
}

fn expression(unit: &mut Unit<'_>, number: usize, expr: &Expr) -> u32 {
    let scope = Scope { contexts: Some((0, 1)), value: Some((2, false)), ..Scope::default() };
    let body = finish_into(Emitter::new(unit, 4, scope), expr, 3);
    unit.add_to_table(format!("expressions[{number}]"), 4, body.finish())
}

fn source(unit: &mut Unit<'_>, source: &Source) -> Record {
    let events: Vec<Record> = source.events.iter().map(|e| source_event(unit, source, e)).collect();
    let events = array(unit, &events);
    let mut record = Record::new(desc::source::SIZE);
    record.list(desc::source::EVENTS, desc::source::EVENT_COUNT, events, source.events.len());
    match &source.timestamp {
        Timestamp::Field(_) => {}
        Timestamp::Format { format, offset_s, .. } => {
            record.u32(desc::source::TIMESTAMP_KIND, 1);
            let (address, length) = unit.constants.text(format.as_deref().unwrap_or_default());
            record.u32(desc::source::FORMAT, address);
            record.u32(desc::source::FORMAT_LEN, length);
            record.u32(desc::source::OFFSET, offset_s.cast_unsigned());
        }
        Timestamp::Compute => record.u32(desc::source::TIMESTAMP_KIND, 2),
    }
    record
}

fn source_event(unit: &mut Unit<'_>, source: &Source, event: &SourceEvent) -> Record {
    let checks: Vec<u32> =
        event.schema.iter().flatten().map(|check| schema_field(unit, check)).collect();
    let path = format!("sources.{}.events.{}", source.name, event.name);
    let scope = Scope { raw: Some(0), ..Scope::default() };
    let mut emitter = Emitter::new(unit, 2, scope);
    emitter.normalize_event(event, &checks);
    let normalize = emitter.body;
    let normalize = unit.add_to_table(format!("{path}.mappings"), 2, normalize.finish());
    let timestamp = event.timestamp.as_ref().map_or(0, |expr| {
        let body = finish_into(Emitter::new(unit, 2, scope), expr, 1);
        unit.add_to_table(format!("{path}.timestamp"), 2, body.finish())
    });
    let hints: Vec<Record> = event
        .hints
        .iter()
        .map(|&(entity, identity_field, field)| {
            let mut hint = Record::new(desc::hint::SIZE);
            hint.u32(desc::hint::ENTITY, entity);
            hint.u32(desc::hint::IDENTITY_FIELD, identity_field);
            hint.u32(desc::hint::FIELD, field);
            hint
        })
        .collect();
    let hints = array(unit, &hints);
    let mut record = Record::new(desc::source_event::SIZE);
    record.u32(desc::source_event::FIELDS, fields(event));
    record.u32(desc::source_event::NORMALIZE, normalize);
    record.u32(desc::source_event::TIMESTAMP, timestamp);
    record.list(
        desc::source_event::HINTS,
        desc::source_event::HINT_COUNT,
        hints,
        event.hints.len(),
    );
    record
}

fn schema_field(unit: &mut Unit<'_>, check: &SchemaCheck) -> u32 {
    let mut record = constrained(unit, check.r#type, &check.constraints);
    record.u32(desc::property::REQUIRED, u32::from(check.required));
    unit.constants.put(&record.bytes, 8)
}

fn constrained(unit: &mut Unit<'_>, r#type: ValueType, constraints: &Constraints) -> Record {
    let mut record = Record::new(desc::property::SIZE);
    record.u32(desc::property::TYPE, value_type_number(r#type));
    if let Some(allowed) = &constraints.allowed {
        let cells = unit.constants.cell_array(allowed);
        record.list(desc::property::ALLOWED, desc::property::ALLOWED_COUNT, cells, allowed.len());
    }
    for (offset, bound) in
        [(desc::property::MIN, &constraints.min), (desc::property::MAX, &constraints.max)]
    {
        if let Some(bound) = bound {
            record.u32(offset, unit.constants.cell(bound));
        }
    }
    record.u32(desc::property::MIN_LENGTH, constraints.min_length.unwrap_or(0));
    record.u32(desc::property::MAX_LENGTH, constraints.max_length.unwrap_or(NONE));
    if let Some(pattern) = &constraints.regex {
        let (address, length) = unit.constants.text(pattern);
        record.u32(desc::property::REGEX, address);
        record.u32(desc::property::REGEX_LEN, length);
        record.u32(desc::property::REGEX_ID, unit.pattern(pattern));
    }
    record
}

fn property(unit: &mut Unit<'_>, property: &Property) -> Record {
    let mut record = constrained(unit, property.r#type, &property.constraints);
    let default = unit.constants.encode(&property.default);
    record.set(desc::property::DEFAULT, &default);
    record
}

fn entity(unit: &mut Unit<'_>, entity: &Entity) -> Record {
    let mut first = count(entity.properties.len());
    let edges: Vec<EdgeProperties> = entity
        .relationships
        .iter()
        .map(|relationship| {
            let records: Vec<Record> =
                relationship.properties.iter().map(|p| property(unit, p)).collect();
            let edge = EdgeProperties { descriptors: array(unit, &records), first };
            first += count(records.len());
            edge
        })
        .collect();
    let names: Vec<u32> = entity
        .states
        .iter()
        .flat_map(|state| <[u32; 2]>::from(unit.constants.text(&state.name)))
        .collect();
    let state_names = words(unit, &names);
    let scope = Scope { entity: Some(entity), state_names, ..Scope::default() };

    let properties: Vec<Record> =
        entity.properties.iter().map(|p| entity_property(unit, entity, p, scope)).collect();
    let properties = array(unit, &properties);
    let identity = identity(unit, entity);
    let always: Vec<u32> = entity
        .events
        .iter()
        .map(|event| event.always.as_ref().map_or(0, |h| handler(unit, event, h, &edges, scope)))
        .collect();
    let mut handlers = Vec::with_capacity(entity.states.len() * entity.events.len());
    let mut states = Vec::with_capacity(entity.states.len());
    for state in &entity.states {
        for (index, event) in (0..).zip(&entity.events) {
            let found = state.when.iter().find(|(i, _)| *i == index);
            handlers.push(found.map_or(0, |(_, h)| handler(unit, event, h, &edges, scope)));
        }
        let rules: Vec<Record> = state.after.iter().map(|r| rule(unit, r, &edges, scope)).collect();
        let rules = array(unit, &rules);
        let mut record = Record::new(desc::state::SIZE);
        record.list(desc::state::RULES, desc::state::RULE_COUNT, rules, state.after.len());
        states.push(record);
    }
    let handlers = words(unit, &handlers);
    let always = words(unit, &always);
    let states = array(unit, &states);

    let mut record = Record::new(desc::entity::SIZE);
    record.list(
        desc::entity::PROPERTIES,
        desc::entity::PROPERTY_COUNT,
        properties,
        entity.properties.len(),
    );
    record.u32(desc::entity::START, entity.start);
    record.list(desc::entity::STATES, desc::entity::STATE_COUNT, states, entity.states.len());
    record.u32(desc::entity::EVENT_COUNT, count(entity.events.len()));
    record.u32(desc::entity::HANDLERS, handlers);
    record.u32(desc::entity::ALWAYS, always);
    record.list(
        desc::entity::IDENTITY,
        desc::entity::IDENTITY_COUNT,
        identity,
        entity.identity.len(),
    );
    record.u32(desc::entity::READS_ID, u32::from(entity.reads_id));
    record
}

fn entity_property(
    unit: &mut Unit<'_>,
    entity: &Entity,
    of: &Property,
    scope: Scope<'_>,
) -> Record {
    let mut record = property(unit, of);
    if let Some(expr) = &of.compute {
        let scope = Scope { record: Some(0), ..scope };
        let body = finish_into(Emitter::nested(unit, 2, scope), expr, 1);
        let name = format!("entities.{}.properties.{}.compute", entity.name, of.name);
        record.u32(desc::property::COMPUTE, unit.add_to_table(name, 2, body.finish()));
    }
    record
}

fn identity(unit: &mut Unit<'_>, entity: &Entity) -> u32 {
    let mut records = Vec::with_capacity(entity.identity.len());
    for field in &entity.identity {
        let mut record = Record::new(desc::identity::SIZE);
        if let Some(expr) = &field.normalize {
            let scope = Scope { value: Some((0, true)), ..Scope::default() };
            let body = finish_into(Emitter::new(unit, 2, scope), expr, 1);
            let name = format!("entities.{}.identity.{}.normalize", entity.name, field.name);
            record.u32(desc::identity::NORMALIZE, unit.add_to_table(name, 2, body.finish()));
        }
        record.u32(desc::identity::CASE_INSENSITIVE, u32::from(field.case_insensitive));
        records.push(record);
    }
    array(unit, &records)
}

fn handler<'a>(
    unit: &mut Unit<'_>,
    event: &'a EntityEvent,
    handler: &Handler,
    edges: &[EdgeProperties],
    scope: Scope<'a>,
) -> u32 {
    let scope = Scope { event: Some(0), event_cells: &event.fields, record: Some(1), ..scope };
    let place = guarded(
        unit,
        (handler.guard.as_ref(), &handler.effects),
        Some(event),
        edges,
        scope,
        &handler.path,
    );
    if handler.creates { place | desc::CREATES } else { place }
}

fn rule(unit: &mut Unit<'_>, rule: &Rule, edges: &[EdgeProperties], scope: Scope<'_>) -> Record {
    let scope = Scope { record: Some(1), ..scope };
    let run = guarded(unit, (rule.guard.as_ref(), &rule.effects), None, edges, scope, &rule.path);
    let mut record = Record::new(desc::rule::SIZE);
    record.u32(
        desc::rule::KIND,
        match rule.kind {
            RuleKind::Inactivity => 0,
            RuleKind::Expiration => 1,
            RuleKind::StateDuration => 2,
        },
    );
    record.u32(desc::rule::RUN, run);
    record.set(desc::rule::THRESHOLD, &rule.threshold_us.to_le_bytes());
    record
}

fn guarded(
    unit: &mut Unit<'_>,
    (guard, effects): (Option<&Expr>, &[Effect]),
    event: Option<&EntityEvent>,
    edges: &[EdgeProperties],
    scope: Scope<'_>,
    path: &str,
) -> u32 {
    let mut emitter = Emitter::new(unit, 2, scope);
    emitter.guarded_effects(guard, effects, event, edges);
    let body = emitter.body;
    unit.add_to_table(path, 2, body.finish())
}
