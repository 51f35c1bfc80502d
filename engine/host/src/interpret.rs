use defacto_frames::{EventRow, InterpretBuilder, RecordState, ReturnedItem, ReturnedItemKind};
use defacto_model::{EntityManifest, Timestamp};
use defacto_ports::{
    EntityInput, EntityOutput, Error, EventInput, Interpreted, Item, ItemCause, Record,
};

use crate::CompiledDefinitions;
use crate::instance::Export;
use crate::messages::{self, At};
use crate::segments::{Planner, Segment};
use crate::stop::{Blame, Stop};

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
        match (self.attempt(batch), batch) {
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
            0 => return self.alone(segment, stop),
            1 if !last || self.advance_to.is_none() => return self.alone(segment, stop),
            1 => to,
            events => from + events / 2,
        };
        self.run(&[Segment { entity, from, to: middle, last: false }])?;
        self.run(&[Segment { entity, from: middle, to, last }])
    }

    /// One event, or the rules after the last event, that cannot run: tried once more if time ran out.
    fn alone(&mut self, segment: Segment, stop: Stop) -> Result<(), Error> {
        let blame = match stop {
            Stop::Rows(blame) => blame,
            Stop::Engine(message) => return Err(Error::Module { message }),
            Stop::Deadline => match self.attempt(&[segment]) {
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
            let (state, rule) = (state.unwrap_or(manifest.start), 0);
            let at = At::Rule { state: state_name(manifest, state), rule };
            let fault = messages::limit_failure(manifest, at, &why);
            let due = work.state.as_ref().and_then(|state| state.next_due);
            if let Some(instant) = due.or(self.advance_to) {
                work.items.push(Item::Failure {
                    cause: ItemCause::Rule { state, rule },
                    instant,
                    fault,
                });
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
        match self.attempt(&[segment]) {
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

    fn touch(&mut self, entity: usize, instant: Timestamp) {
        if let Some(state) = self.works.get_mut(entity).and_then(|work| work.state.as_mut()) {
            state.last_event = Some(instant);
        }
    }

    fn attempt(&self, batch: &[Segment]) -> Result<Answer, Stop> {
        let advance_to = self.advance_to.filter(|_| batch.iter().all(|segment| segment.last));
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
