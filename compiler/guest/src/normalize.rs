//! Raw rows to normalized rows (language.md 5.1, steps 3 to 5 and 7).

use defacto_frames::abi::{
    NONE, cell as tags, code,
    desc::{self, hint, root, source, source_event},
    kind, normalized_row, raw_row,
};
use defacto_functions::{Fault, FaultKind};

use crate::{
    arena,
    cell::{self, Value},
    fault,
    frame::{self, Frame},
    hint as hints, memory, parts,
    state::state,
    table,
};

/// The way to read the event time by a format or zone; below it the raw value, above it an expression.
const FORMAT: u32 = 1;

/// `rt_normalize`.
pub(crate) fn run(program: u32, ptr: u32, len: u32) {
    let frame = Frame::open(program, ptr, len, kind::NORMALIZE, raw_row::SIZE);
    let source = frame.descriptor(program, root::SOURCES, root::SOURCE_COUNT, source::SIZE);
    state().now.set(frame.instant);
    let mut out = frame.results(normalized_row::SIZE);
    for row in 0..frame.row_count {
        normalize(program, &frame, source, frame.row(row, raw_row::SIZE), out);
        out += normalized_row::SIZE;
    }
}

fn normalize(program: u32, frame: &Frame, source: u32, row: u32, out: u32) {
    let index = memory::u32_at(row + raw_row::EVENT);
    let event =
        frame::element(source, source::EVENTS, source::EVENT_COUNT, index, source_event::SIZE);
    let raw = memory::u32_at(row + raw_row::CELLS);
    frame.range(raw, 1, tags::SIZE);
    let cells = nulls(memory::u32_at(event + source_event::FIELDS));
    let hint_cells = nulls(memory::u32_at(event + source_event::HINT_COUNT));
    memory::put_u32(out + normalized_row::CELLS, cells);
    memory::put_i64(out + normalized_row::TIMESTAMP, 0);
    memory::put_u32(out + normalized_row::HINTS, hint_cells);
    memory::put_u32(out + normalized_row::HINTS + 4, 0);
    let status = fill(program, source, event, raw, out, cells, hint_cells);
    memory::put_u32(out + normalized_row::FAULT, if status == 0 { 0 } else { fault::keep() });
}

/// Cells of Null.
fn nulls(count: u32) -> u32 {
    let cells = arena::allocate(count * tags::SIZE, arena::ALIGN);
    for index in 0..count {
        cell::put_null(cells + index * tags::SIZE);
    }
    cells
}

fn fill(
    program: u32,
    source: u32,
    event: u32,
    raw: u32,
    out: u32,
    cells: u32,
    hint_cells: u32,
) -> u32 {
    let mut status = timestamp(source, event, raw, out + normalized_row::TIMESTAMP);
    if status != 0 {
        return status;
    }
    let function = memory::u32_at(event + source_event::NORMALIZE);
    if function != 0 {
        status = table::rt_call2(function, raw + tags::SIZE, cells);
    }
    if status != 0 {
        // What was filled in so far may refer to constants.
        return status;
    }
    let fields = memory::u32_at(event + source_event::FIELDS);
    for index in 0..fields {
        cell::settle(cells + index * tags::SIZE);
    }
    let mut hint = memory::u32_at(event + source_event::HINTS);
    for index in 0..memory::u32_at(event + source_event::HINT_COUNT) {
        let field = identity(
            program,
            memory::u32_at(hint + hint::ENTITY),
            memory::u32_at(hint + hint::IDENTITY_FIELD),
        );
        let value = cells + memory::u32_at(hint + hint::FIELD) * tags::SIZE;
        let status = hints::build(field, value, hint_cells + index * tags::SIZE);
        if status != 0 {
            fault::blame(code::N09, index);
            return status;
        }
        hint += hint::SIZE;
    }
    0
}

/// Descriptor of an identity field; traps when there is none.
pub(crate) fn identity(program: u32, entity: u32, field: u32) -> u32 {
    use desc::{entity as layout, identity};
    let entity = frame::element(program, root::ENTITIES, root::ENTITY_COUNT, entity, layout::SIZE);
    frame::element(entity, layout::IDENTITY, layout::IDENTITY_COUNT, field, identity::SIZE)
}

/// Reads the event time. `raw` is the raw cell of it; for a computed one only the cells after it count.
fn timestamp(source: u32, event: u32, raw: u32, out: u32) -> u32 {
    let kind = memory::u32_at(source + source::TIMESTAMP_KIND);
    let mut from = raw;
    if kind > FORMAT {
        from = arena::allocate(tags::SIZE, arena::ALIGN);
        let function = memory::u32_at(event + source_event::TIMESTAMP);
        let status = table::rt_call2(function, raw + tags::SIZE, from);
        if status != 0 {
            fault::blame(code::N04, NONE);
            return status;
        }
    }
    let absent = if kind > FORMAT { tags::NULL } else { tags::ABSENT };
    if cell::tag(from) == absent {
        let status = fault::plain(FaultKind::TimestampAbsent);
        fault::blame(code::N03, NONE);
        return status;
    }
    match read(source, kind, &cell::decode(from)) {
        Ok(micros) => {
            memory::put_i64(out, micros);
            0
        }
        Err(fault) => {
            let status = fault::fail(fault);
            fault::blame(code::N04, NONE);
            status
        }
    }
}

fn read(source: u32, kind: u32, value: &Value) -> Result<i64, Fault<'static>> {
    if kind != FORMAT {
        return defacto_functions::timestamp(value);
    }
    let offset = memory::u32_at(source + source::OFFSET).cast_signed();
    match memory::u32_at(source + source::FORMAT_LEN) {
        0 => defacto_functions::timestamp_at(value, offset),
        len => {
            let format = memory::text(memory::u32_at(source + source::FORMAT), len);
            parts::part_format(value, format, offset)
        }
    }
}
