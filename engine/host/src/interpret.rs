use defacto_frames::{EventRow, InterpretBuilder, RecordState, ReturnedItem, ReturnedItemKind};
use defacto_model::{EntityManifest, Micros, Timestamp};
use defacto_ports::{
    EntityInput, EntityOutput, Error, EventInput, Interpreted, Item, ItemCause, Record,
};

use crate::CompiledDefinitions;
use crate::instance::Export;
use crate::messages::{self, At};
use crate::segments::{Planner, Segment};
use crate::stop::{Blame, Stop};

/// Most time rules of one entity in one advance (language.md 7.2).
const RULES_MAX: usize = 1_000_000;

/// One entity being interpreted.
struct Work {
    id: String,
    state: Option<RecordState>,
    events: Vec<EventInput>,
    items: Vec<Item>,
}

/// Entities of one type being interpreted.
struct Job<'d> {
    definitions: &'d CompiledDefinitions,
    index: u32,
    manifest: &'d EntityManifest,
    advance_to: Option<Timestamp>,
    works: Vec<Work>,
    effects: u64,
    transitions: u64,
}

/// What a call gave, not yet taken over.
struct Answer {
    states: Vec<Option<RecordState>>,
    items: Vec<ReturnedItem>,
    counts: (u64, u64),
}

impl CompiledDefinitions {
    pub(crate) fn interpret_entities(
        &self,
        entity: u32,
        entities: Vec<EntityInput>,
        advance_to: Option<Timestamp>,
    ) -> Result<Interpreted, Error> {
        let Some(manifest) = self.manifest.entities.get(entity as usize) else {
            return Err(Error::Module { message: format!("no entity type has index {entity}") });
        };
        let works = entities.into_iter().map(|input| Work::new(input, manifest.reads_id)).collect();
        let (effects, transitions) = (0, 0);
        let mut job = Job {
            definitions: self,
            index: entity,
            manifest,
            advance_to,
            works,
            effects,
            transitions,
        };
        let mut planner = Planner::default();
        loop {
            let events = |place: usize| job.works.get(place).map(|work: &Work| work.events.len());
            let batch = planner.next(events, self.rows());
            if batch.is_empty() {
                return Ok(job.finish());
            }
            job.run(&batch)?;
        }
    }
}

impl Work {
    fn new(input: EntityInput, reads_id: bool) -> Self {
        Self {
            id: if reads_id { input.id.to_string() } else { String::new() },
            state: input.record.filter(|record| record.exists).map(state),
            events: input.events,
            items: Vec::new(),
        }
    }
}

impl Job<'_> {
    fn finish(self) -> Interpreted {
        let output =
            |work: Work| EntityOutput { record: work.state.map(record), items: work.items };
        Interpreted {
            entities: self.works.into_iter().map(output).collect(),
            effects: self.effects,
            transitions: self.transitions,
        }
    }

    /// Runs a batch, halving it until a guilty event stands alone.
    fn run(&mut self, batch: &[Segment]) -> Result<(), Error> {
        let rows = batch.iter().map(|segment| (segment.to - segment.from).max(1)).sum();
        match (self.attempt(batch, self.advance_to), batch) {
            (Ok(answer), _) => {
                self.definitions.managed(rows);
                self.take(batch, answer, |_| true);
                Ok(())
            }
            (Err(Stop::Engine(message)), _) => Err(Error::Module { message }),
            (Err(stop), [segment]) => self.split(*segment, stop),
            (Err(_), _) => {
                self.definitions.overdone(rows);
                let (first, second) = batch.split_at(batch.len() / 2);
                self.run(first)?;
                self.run(second)
            }
        }
    }

    /// Runs what one entity has to do in smaller steps: events one by one, then rules.
    fn split(&mut self, segment: Segment, stop: Stop) -> Result<(), Error> {
        let Segment { entity, from, to, last } = segment;
        let middle = match to - from {
            0 => match self.advance_to.filter(|until| self.due(entity, *until).is_some()) {
                Some(until) => return self.rules(entity, from, until),
                None => return self.alone(segment, stop),
            },
            1 if !last || self.advance_to.is_none() => {
                let instant = self.works.get(entity).and_then(|work| work.events.get(from));
                let instant = instant.map(|event| event.timestamp);
                // Rules due before the event are no fault of the event.
                return match instant.filter(|instant| self.due(entity, *instant).is_some()) {
                    Some(instant) => {
                        self.rules(entity, from, instant)?;
                        self.run(&[segment])
                    }
                    None => self.alone(segment, stop),
                };
            }
            1 => to,
            events => from + events / 2,
        };
        self.run(&[Segment { entity, from, to: middle, last: false }])?;
        self.run(&[Segment { entity, from: middle, to, last }])
    }

    /// When the next rule of an entity is due, if that is before an instant.
    fn due(&self, entity: usize, until: Timestamp) -> Option<Timestamp> {
        let state = self.works.get(entity).and_then(|work| work.state.as_ref());
        state.and_then(|state| state.next_due).filter(|due| *due < until)
    }

    /// Runs the rules of one entity that are due before an instant, in as many calls as that takes. What is due at one
    /// instant stands alone in the end, so that the verdict on it does not depend on how far a call reaches.
    fn rules(&mut self, entity: usize, event: usize, until: Timestamp) -> Result<(), Error> {
        let segment = Segment { entity, from: event, to: event, last: true };
        let items = |job: &Self| job.works.get(entity).map_or(0, |work| work.items.len());
        let before = items(self);
        let mut span = i64::MAX;
        while let Some(due) = self.due(entity, until) {
            if items(self).saturating_sub(before) >= RULES_MAX {
                let why = format!("more than {RULES_MAX} time rules are due at once");
                self.fail_rules(entity, due, &why);
                return Ok(());
            }
            let just = due.checked_add(Micros(1)).unwrap_or(until);
            let reach = due.checked_add(Micros(span)).unwrap_or(until).clamp(just, until.max(just));
            match self.attempt(&[segment], Some(reach)) {
                Ok(answer) => {
                    self.take(&[segment], answer, |_| true);
                    span = span.saturating_mul(2);
                }
                Err(Stop::Engine(message)) => return Err(Error::Module { message }),
                Err(_) if reach > just => {
                    span = (reach.as_micros() - due.as_micros()) / 2;
                }
                Err(stop) => self.alone_until(segment, Some(reach), stop)?,
            }
        }
        Ok(())
    }

    /// One event, or the rules after the last event, that cannot run: tried once more if time ran out.
    fn alone(&mut self, segment: Segment, stop: Stop) -> Result<(), Error> {
        self.alone_until(segment, self.advance_to, stop)
    }

    fn alone_until(
        &mut self,
        segment: Segment,
        advance_to: Option<Timestamp>,
        stop: Stop,
    ) -> Result<(), Error> {
        let blame = match stop {
            Stop::Rows(blame) => blame,
            Stop::Engine(message) => return Err(Error::Module { message }),
            Stop::Deadline => match self.attempt(&[segment], advance_to) {
                Ok(answer) => {
                    self.take(&[segment], answer, |_| true);
                    return Ok(());
                }
                Err(Stop::Rows(blame)) => blame,
                Err(stop) => return Err(self.definitions.stuck(stop)),
            },
        };
        self.fail(segment, &blame)
    }

    fn fail(&mut self, segment: Segment, blame: &Blame) -> Result<(), Error> {
        let why = blame.message(self.definitions.limits());
        let manifest = self.manifest;
        let Some(work) = self.works.get_mut(segment.entity) else { return Ok(()) };
        let state = work.state.as_ref().map(|state| state.state);
        if segment.from == segment.to {
            let due = work.state.as_ref().and_then(|state| state.next_due);
            if let Some(instant) = due.or(self.advance_to) {
                self.fail_rules(segment.entity, instant, &why);
            }
            return Ok(());
        }
        let Some(event) = work.events.get_mut(segment.from) else { return Ok(()) };
        let at = At::Event {
            event: event_name(manifest, event.event),
            state: state.map(|state| state_name(manifest, state)),
        };
        let fault = messages::limit_failure(manifest, at, &why);
        // The event counts as received and rules due before it fire (language.md 6.2): it runs as one that
        // no handler takes.
        let instant = event.timestamp;
        event.event = None;
        event.cells.clear();
        match self.attempt(&[segment], None) {
            Ok(answer) => self.take(&[segment], answer, |item| item.event.is_none()),
            Err(Stop::Rows(_)) => self.touch(segment.entity, instant),
            Err(stop) => return Err(self.definitions.stuck(stop)),
        }
        if let Some(work) = self.works.get_mut(segment.entity) {
            let cause = ItemCause::Event(segment.from);
            work.items.push(Item::Failure { cause, instant, fault });
        }
        Ok(())
    }

    /// Reports the rules due at an instant and latches all rules of the state, as after too many at one instant
    /// (language.md 7.2): otherwise they would fail again at every advance.
    fn fail_rules(&mut self, entity: usize, instant: Timestamp, why: &str) {
        let manifest = self.manifest;
        let Some(work) = self.works.get_mut(entity) else { return };
        let state = work.state.as_ref().map_or(manifest.start, |state| state.state);
        let at = At::Rule { state: state_name(manifest, state), rule: 0 };
        let fault = messages::limit_failure(manifest, at, why);
        let cause = ItemCause::Rule { state, rule: 0 };
        work.items.push(Item::Failure { cause, instant, fault });
        if let Some(record) = work.state.as_mut() {
            let rules = manifest.states.get(state as usize).map_or(0, |state| state.rules);
            record.latches = u64::MAX.checked_shr(64_u32.saturating_sub(rules)).unwrap_or(0);
            record.last_rule = Some(instant);
            record.next_due = None;
        }
    }

    fn touch(&mut self, entity: usize, instant: Timestamp) {
        if let Some(state) = self.works.get_mut(entity).and_then(|work| work.state.as_mut()) {
            state.last_event = Some(instant);
        }
    }

    fn attempt(&self, batch: &[Segment], advance_to: Option<Timestamp>) -> Result<Answer, Stop> {
        let advance_to = advance_to.filter(|_| batch.iter().all(|segment| segment.last));
        let head = self.definitions.head(self.index, advance_to);
        let rows = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        let events = batch.iter().map(|segment| segment.to - segment.from).sum();
        let mut frame = InterpretBuilder::new(head, self.manifest, rows, events);
        for segment in batch {
            let Some(work) = self.works.get(segment.entity) else { continue };
            let events = work.events.get(segment.from..segment.to).unwrap_or_default();
            let events = events.iter().map(|event| EventRow {
                event: event.event,
                timestamp: event.timestamp,
                cells: &event.cells,
            });
            frame.entity(work.state.as_ref(), &work.id, events);
        }
        let frame = frame.finish(head)?;
        self.definitions.call(Export::Interpret, frame.bytes(), |answer| {
            let answer = frame.returned(answer)?;
            Ok(Answer {
                states: answer.records()?,
                items: answer.items()?,
                counts: answer.counts(),
            })
        })
    }

    /// Takes over an answer, as far as its items are wanted.
    fn take(&mut self, batch: &[Segment], answer: Answer, wanted: impl Fn(&ReturnedItem) -> bool) {
        self.effects = self.effects.saturating_add(answer.counts.0);
        self.transitions = self.transitions.saturating_add(answer.counts.1);
        let manifest = self.manifest;
        let works = &mut self.works;
        for item in answer.items.into_iter().filter(wanted) {
            let Some(segment) = batch.get(item.entity as usize) else { continue };
            let Some(work) = works.get_mut(segment.entity) else { continue };
            let at = at(manifest, work, segment, &item);
            let cause = match item.event {
                Some(event) => ItemCause::Event(segment.from.saturating_add(event as usize)),
                None => ItemCause::Rule { state: item.rule.0, rule: item.rule.1 },
            };
            let instant = item.instant;
            let item = match item.kind {
                ReturnedItemKind::Snapshot { changed, record: after } => {
                    if let Some(state) = work.state.as_mut() {
                        state.state = after.state;
                    }
                    Item::Snapshot { cause, instant, changed, record: record(after) }
                }
                ReturnedItemKind::Relate { relate, properties } => {
                    Item::Relate { cause, relate, properties }
                }
                ReturnedItemKind::Failure(fault) => {
                    let fault = messages::interpretation_failure(manifest, at, &fault);
                    Item::Failure { cause, instant, fault }
                }
            };
            work.items.push(item);
        }
        for (segment, state) in batch.iter().zip(answer.states) {
            if let Some(work) = works.get_mut(segment.entity) {
                work.state = state;
            }
        }
    }
}

fn at<'m>(
    manifest: &'m EntityManifest,
    work: &Work,
    segment: &Segment,
    item: &ReturnedItem,
) -> At<'m> {
    let Some(ordinal) = item.event else {
        return At::Rule { state: state_name(manifest, item.rule.0), rule: item.rule.1 };
    };
    let event = work.events.get(segment.from.saturating_add(ordinal as usize));
    // A snapshot of the same call may have created the entity or moved it since.
    let state = work.items.iter().rev().find_map(|item| match item {
        Item::Snapshot { record, .. } => Some(record.state),
        _ => None,
    });
    let state = state.or(work.state.as_ref().map(|state| state.state));
    At::Event {
        event: event.and_then(|event| event_name(manifest, event.event)),
        state: state.map(|state| state_name(manifest, state)),
    }
}

fn state_name(manifest: &EntityManifest, state: u32) -> &str {
    manifest.states.get(state as usize).map_or("", |state| &state.name)
}

fn event_name(manifest: &EntityManifest, event: Option<u32>) -> Option<&str> {
    manifest.events.get(event? as usize).map(|event| event.event_type.as_str())
}

fn state(record: Record) -> RecordState {
    RecordState {
        state: record.state,
        created: record.created,
        entered: record.entered,
        last_event: record.last_event,
        latches: record.latches,
        last_rule: record.last_rule,
        next_due: record.next_due,
        properties: record.properties,
    }
}

fn record(state: RecordState) -> Record {
    Record {
        exists: true,
        state: state.state,
        created: state.created,
        entered: state.entered,
        last_event: state.last_event,
        latches: state.latches,
        last_rule: state.last_rule,
        next_due: state.next_due,
        properties: state.properties,
    }
}
