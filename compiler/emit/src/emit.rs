use std::collections::BTreeSet;
use std::sync::OnceLock;

use defacto_check::{Expr, ExprKind, Program};
use defacto_definitions::Hashes;
use defacto_frames::abi;
use defacto_functions::Function;
use defacto_model::Manifest;
use wasm_encoder::ValType;

use crate::library::{EmitError, Library};
use crate::module::{Plan, link};
use crate::unit::Unit;
use crate::{component, descriptors, manifest, parts};

/// A compiled program.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// The component.
    pub component: Vec<u8>,
    /// Its manifest, which is also in its custom section [`crate::MANIFEST_SECTION`].
    pub manifest: Manifest,
    /// Where the bytes of the component went.
    pub statistics: Statistics,
}

/// Sizes of the parts of a component, in bytes unless they count something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Number of generated functions.
    pub functions: usize,
    /// Code of generated functions.
    pub code: usize,
    /// Constants, without the manifest.
    pub constants: usize,
    /// Number of library functions that are part of the component.
    pub library_functions: usize,
    /// Code of these.
    pub library_code: usize,
    /// Constants of the library.
    pub library_data: usize,
    /// Names section.
    pub names: usize,
    /// Manifest, which the component holds twice.
    pub manifest: usize,
}

/// Heap of the regular expression engine.
const PATTERN_HEAP: u32 = 4 << 20;
/// And for each literal pattern.
const HEAP_PER_PATTERN: u32 = 512 << 10;
const PAGE: u32 = 1 << 16;

/// Compiles a program to a component of the world `defacto:engine/definitions`.
///
/// The bytes depend on the arguments and the runtime library only.
///
/// # Errors
///
/// [`EmitError`] when the compiler itself is damaged; no program causes one.
pub fn emit(program: &Program, hashes: &Hashes) -> Result<Compiled, EmitError> {
    // A chain of operators in 16 KiB of text is a tree some thousand levels deep.
    let deep = std::thread::Builder::new().name("emit".to_owned()).stack_size(STACK);
    std::thread::scope(|scope| {
        let work = || {
            let patterns = uses_patterns(program);
            emit_with(library(patterns)?, patterns, program, hashes)
        };
        match deep.spawn_scoped(scope, work).map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(EmitError::Thread(error)),
        }
    })
}

/// Stack of an emission: 16 KiB for each operator of the longest chain. Only what is used costs memory.
const STACK: usize = 256 << 20;

pub(crate) fn emit_with(
    library: &Library,
    patterns: bool,
    program: &Program,
    hashes: &Hashes,
) -> Result<Compiled, EmitError> {
    let mut manifest = manifest::build(program, hashes)?;
    let mut unit = Unit::new(library);
    let root = descriptors::write(&mut unit, program, manifest.layout);
    let constants = unit.constants.end() - library.heap_base;

    // The manifest names the origin, and the origin lies behind the manifest: room for its longest form.
    let longest = serde_json::to_string(&manifest)?.len();
    let constants_end = unit
        .constants
        .end()
        .saturating_add(u32::try_from(longest).unwrap_or(u32::MAX))
        .saturating_add(32)
        .next_multiple_of(16);
    let literal = u32::try_from(unit.patterns.len()).unwrap_or(u32::MAX);
    let heap_bytes = if patterns {
        PATTERN_HEAP.saturating_add(HEAP_PER_PATTERN.saturating_mul(literal))
    } else {
        0
    };
    let origin = constants_end
        .checked_add(heap_bytes)
        .and_then(|end| end.checked_next_multiple_of(PAGE))
        .ok_or_else(|| EmitError::Shape("constants and heap do not fit 4 GiB".into()))?;
    manifest.origin = origin;
    let text = serde_json::to_string(&manifest)?;
    let (address, length) = unit.constants.text(&text);
    let returned = [address.to_le_bytes(), length.to_le_bytes()].concat();
    let returned = unit.constants.put(&returned, 4);

    let dropped = parts::dropped(program, library);
    let plan = entries(&mut unit, root, returned, [origin, constants_end, heap_bytes], dropped);
    if let Some(name) = unit.missing.first() {
        return Err(EmitError::Shape(format!("it has no function {name}")));
    }
    let functions = unit.functions.len();
    let linked = link(&mut unit, &plan)?;
    let statistics = Statistics {
        functions,
        code: unit.functions.iter().map(|f| f.body.len()).sum(),
        constants: usize::try_from(constants).unwrap_or(0),
        library_functions: linked.library_functions,
        library_code: linked.library_bytes,
        library_data: library.data.bytes.len(),
        names: linked.name_bytes,
        manifest: text.len(),
    };
    let component = component::wrap(&linked.module, &text, unit.foreign.map(|call| call.slot));
    Ok(Compiled { component, manifest, statistics })
}

/// Exported functions and the start function.
fn entries(
    unit: &mut Unit<'_>,
    root: u32,
    returned: u32,
    start: [u32; 3],
    dropped: BTreeSet<u32>,
) -> Plan {
    use wasm_encoder::Function as Body;
    let realloc = unit.library_function("cabi_realloc");
    let mut exports = vec![("cabi_realloc", realloc)];
    for name in component::FRAME_FUNCTIONS {
        let entry = unit.library_function(&format!("rt_{name}"));
        let mut body = Body::new([]);
        body.instructions()
            .i32_const(root.cast_signed())
            .local_get(0)
            .local_get(1)
            .call(entry)
            .end();
        exports.push((name, unit.add(name, &[ValType::I32; 2], &[ValType::I32], body)));
    }
    let mut body = Body::new([]);
    body.instructions().i32_const(returned.cast_signed()).end();
    exports.push(("describe", unit.add("describe", &[], &[ValType::I32], body)));
    let rt_start = unit.library_function("rt_start");
    let mut body = Body::new([]);
    for value in start {
        body.instructions().i32_const(value.cast_signed());
    }
    body.instructions().call(rt_start).end();
    let pages = u64::from(start[0] / PAGE) + 1;
    Plan { exports, start: unit.add("start", &[], &[], body), pages, dropped }
}

/// The prebuilt library, with or without regular expressions; taken apart once per process.
fn library(patterns: bool) -> Result<&'static Library, EmitError> {
    static BASE: OnceLock<Library> = OnceLock::new();
    static FULL: OnceLock<Library> = OnceLock::new();
    let (place, bytes) =
        if patterns { (&FULL, defacto_guest::FULL) } else { (&BASE, defacto_guest::BASE) };
    match place.get() {
        Some(library) => Ok(library),
        None => {
            let library = Library::parse(bytes)?;
            Ok(place.get_or_init(|| library))
        }
    }
}

/// Whether anything needs the regular expression engine.
fn uses_patterns(program: &Program) -> bool {
    let schemas = program.sources.iter().flat_map(|s| &s.events).filter_map(|e| e.schema.as_ref());
    schemas.flatten().any(|check| check.constraints.regex.is_some())
        || expressions(program).into_iter().any(matches_pattern)
}

/// Every expression of a program.
fn expressions(program: &Program) -> Vec<&Expr> {
    let mut all: Vec<&Expr> = program.expressions.iter().collect();
    for event in program.sources.iter().flat_map(|s| &s.events) {
        all.extend(&event.timestamp);
        all.extend(event.mappings.iter().map(|m| &m.value));
    }
    for entity in &program.entities {
        all.extend(entity.identity.iter().filter_map(|f| f.normalize.as_ref()));
        all.extend(entity.properties.iter().filter_map(|p| p.compute.as_ref()));
        let handlers = entity
            .states
            .iter()
            .flat_map(|s| s.when.iter().map(|(_, h)| h))
            .chain(entity.events.iter().filter_map(|e| e.always.as_ref()))
            .map(|h| (&h.guard, &h.effects));
        let rules = entity.states.iter().flat_map(|s| &s.after).map(|r| (&r.guard, &r.effects));
        for (guard, effects) in handlers.chain(rules) {
            all.extend(guard);
            for effect in effects {
                all.extend(&effect.condition);
                match &effect.kind {
                    defacto_check::EffectKind::Set { value, .. } => all.push(value),
                    defacto_check::EffectKind::Increment { by, .. } => all.push(by),
                    defacto_check::EffectKind::Relate { properties, .. } => {
                        all.extend(properties.iter().flatten());
                    }
                    defacto_check::EffectKind::Create
                    | defacto_check::EffectKind::Transition { .. } => {}
                }
            }
        }
    }
    all
}

fn matches_pattern(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call(Function::RegexMatch | Function::RegexExtract, _) => true,
        ExprKind::Call(_, parts) | ExprKind::Foreign(_, parts) | ExprKind::Coalesce(parts) => {
            parts.iter().any(matches_pattern)
        }
        ExprKind::Member(a, _) | ExprKind::Not(a) | ExprKind::Neg(a) => matches_pattern(a),
        ExprKind::Index(a, b)
        | ExprKind::Binary(_, a, b)
        | ExprKind::And(a, b)
        | ExprKind::Or(a, b) => matches_pattern(a) || matches_pattern(b),
        ExprKind::If(a, b, c) => [a, b, c].into_iter().any(|x| matches_pattern(x)),
        ExprKind::Literal(_)
        | ExprKind::Event(_)
        | ExprKind::Raw(_)
        | ExprKind::Property(_)
        | ExprKind::Builtin(_)
        | ExprKind::Value
        | ExprKind::Context(_)
        | ExprKind::Now => false,
    }
}

const _: () = assert!(abi::ABI == 1, "the emitter writes version 1 of the layouts");
