use std::collections::BTreeSet;

use wasm_encoder::{
    ConstExpr, Encode, ExportKind, ExportSection, MemorySection, MemoryType, Module, NameMap,
    NameSection, RawSection, RefType, SectionId, StartSection, TableSection, TableType,
};

use crate::constants::count;
use crate::library::{EmitError, Entries, Library, LibraryFunction};
use crate::renumber::Renumbering;
use crate::unit::Unit;

/// What the assembly decides besides the unit's own content.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Exported functions: name and index.
    pub(crate) exports: Vec<(&'static str, u32)>,
    /// Start function.
    pub(crate) start: u32,
    /// Smallest size of the memory in pages.
    pub(crate) pages: u64,
    /// Functions of the library that never run.
    pub(crate) dropped: BTreeSet<u32>,
}

/// A linked core module and how much of the library is in it.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) module: Vec<u8>,
    pub(crate) library_functions: usize,
    pub(crate) library_bytes: usize,
    pub(crate) name_bytes: usize,
}

/// Puts library and generated parts together, without the functions of the library that nothing reaches.
///
/// What the library consists of keeps its order and its shape whatever is generated: functions, types and globals
/// first, a table without a fixed end. So its machine code stays the same from one program to the next.
pub(crate) fn link(unit: &mut Unit<'_>, plan: &Plan) -> Result<Linked, EmitError> {
    let library = unit.library;
    let mut roots: BTreeSet<u32> = unit.used.clone();
    roots.extend(plan.exports.iter().map(|(_, index)| *index));
    let reached = library.reachable(&roots, &plan.dropped);
    let trap = elements_reached(library, &reached).then(|| {
        let mut trap = wasm_encoder::Function::new([]);
        trap.instructions().unreachable().end();
        unit.add("unreached", &[], &[], trap)
    });
    let unit = &*unit;
    let kept: Vec<(u32, &LibraryFunction)> = kept(library, &reached);
    let indices = Renumbering::new(kept.iter().map(|(i, _)| *i), count(library.functions.len()));
    let mut module = Module::new();

    raw(&mut module, SectionId::Type, &library.types, types(unit));
    let of_library = kept.iter().map(|(_, f)| encoded(&f.r#type));
    let of_functions = of_library.chain(unit.functions.iter().map(|f| encoded(&f.r#type)));
    raw(&mut module, SectionId::Function, &Entries::default(), of_functions.collect());
    let mut tables = TableSection::new();
    let places = u64::from(library.table_size) + u64::from(count(unit.table.len()));
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: places,
        maximum: None,
        shared: false,
    });
    module.section(&tables);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: plan.pages.max(library.memory_pages),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&memories);
    raw(&mut module, SectionId::Global, &library.globals, Vec::new());
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (name, index) in &plan.exports {
        exports.export(name, ExportKind::Func, indices.index(*index));
    }
    if unit.foreign.is_some() {
        exports.export("table", ExportKind::Table, 0);
    }
    module.section(&exports);
    module.section(&StartSection { function_index: indices.index(plan.start) });
    let segments = elements(unit, &reached, &indices, trap);
    raw(&mut module, SectionId::Element, &Entries::default(), segments);
    let segments: Vec<Vec<u8>> = unit.constants.segments().into_iter().map(segment).collect();
    if library.data_count {
        let total = library.data.count + count(segments.len());
        let data = encoded(&total);
        module.section(&RawSection { id: SectionId::DataCount.into(), data: &data });
    }
    let code = code(unit, &reached, &kept, &indices)?;
    module.section(&RawSection { id: SectionId::Code.into(), data: &code.bytes });
    raw(&mut module, SectionId::Data, &library.data, segments);
    let names = names(unit, &reached, &indices);
    module.section(&names);
    Ok(Linked {
        module: module.finish(),
        library_functions: code.functions,
        library_bytes: code.library_bytes,
        name_bytes: encoded(&names).len(),
    })
}

/// The library's functions that are part of the module: those reached, and those that they call although it never
/// happens, which are left empty.
fn kept<'l>(library: &'l Library, reached: &BTreeSet<u32>) -> Vec<(u32, &'l LibraryFunction)> {
    let functions = || (0..).zip(&library.functions);
    let mut kept = reached.clone();
    for (_, function) in functions().filter(|(index, _)| reached.contains(index)) {
        kept.extend(function.calls.iter().map(|call| call.function));
    }
    functions().filter(|(index, _)| kept.contains(index)).collect()
}

/// Whether the library calls any of its table's functions.
fn elements_reached(library: &Library, reached: &BTreeSet<u32>) -> bool {
    library.elements.iter().flat_map(|(_, f)| f).any(|f| reached.contains(f))
}

fn encoded(what: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    what.encode(&mut bytes);
    bytes
}

/// The library's entries of a section, then the added ones.
fn raw(module: &mut Module, id: SectionId, library: &Entries, added: Vec<Vec<u8>>) {
    let total = library.count + count(added.len());
    if total == 0 {
        return;
    }
    let mut data = encoded(&total);
    data.extend_from_slice(&library.bytes);
    for entry in added {
        data.extend_from_slice(&entry);
    }
    module.section(&RawSection { id: id.into(), data: &data });
}

fn types(unit: &Unit<'_>) -> Vec<Vec<u8>> {
    unit.types
        .iter()
        .map(|(params, results)| {
            let mut bytes = vec![0x60];
            params.encode(&mut bytes);
            results.encode(&mut bytes);
            bytes
        })
        .collect()
}

/// The segments of the table: the library's, where it calls any of them, and the generated one behind. Functions of
/// the library that nothing reaches are replaced by one that traps.
fn elements(
    unit: &Unit<'_>,
    reached: &BTreeSet<u32>,
    indices: &Renumbering,
    trap: Option<u32>,
) -> Vec<Vec<u8>> {
    let library = unit.library;
    let mut segments = Vec::new();
    if let Some(trap) = trap {
        for (first, functions) in &library.elements {
            let present =
                |function: &u32| if reached.contains(function) { *function } else { trap };
            let functions: Vec<u32> =
                functions.iter().map(|function| indices.index(present(function))).collect();
            segments.push(element(*first, &functions));
        }
    }
    if !unit.table.is_empty() {
        let functions: Vec<u32> = unit.table.iter().map(|index| indices.index(*index)).collect();
        segments.push(element(library.table_size, &functions));
    }
    segments
}

/// An active segment.
fn element(first: u32, functions: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0x00];
    ConstExpr::i32_const(first.cast_signed()).encode(&mut bytes);
    functions.encode(&mut bytes);
    bytes
}

fn segment((address, data): (u32, &[u8])) -> Vec<u8> {
    let mut bytes = vec![0x00];
    ConstExpr::i32_const(address.cast_signed()).encode(&mut bytes);
    data.encode(&mut bytes);
    bytes
}

struct Code {
    bytes: Vec<u8>,
    functions: usize,
    library_bytes: usize,
}

fn code(
    unit: &Unit<'_>,
    reached: &BTreeSet<u32>,
    kept: &[(u32, &LibraryFunction)],
    indices: &Renumbering,
) -> Result<Code, EmitError> {
    /// No locals, `unreachable`, `end`.
    const EMPTY: [u8; 3] = [0x00, 0x00, 0x0b];
    let total = count(kept.len() + unit.functions.len());
    let mut code = Code { bytes: encoded(&total), functions: 0, library_bytes: 0 };
    for (index, function) in kept {
        if reached.contains(index) {
            let body = indices.library_body(function);
            code.functions += 1;
            code.library_bytes += body.len();
            body.encode(&mut code.bytes);
        } else {
            EMPTY.encode(&mut code.bytes);
        }
    }
    for function in &unit.functions {
        indices.generated_body(&function.body)?.encode(&mut code.bytes);
    }
    Ok(code)
}

fn names(unit: &Unit<'_>, reached: &BTreeSet<u32>, indices: &Renumbering) -> NameSection {
    let mut functions = NameMap::new();
    for (index, function) in (0..).zip(&unit.library.functions) {
        if let Some(name) = function.name.as_ref().filter(|_| reached.contains(&index)) {
            functions.append(indices.index(index), name);
        }
    }
    let first = count(unit.library.functions.len());
    for (index, function) in (first..).zip(&unit.functions) {
        functions.append(indices.index(index), &function.name);
    }
    let mut names = NameSection::new();
    names.module("definitions");
    names.functions(&functions);
    names
}
