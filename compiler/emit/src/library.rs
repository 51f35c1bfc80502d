use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    BinaryReaderError, CompositeInnerType, Element, ElementItems, ElementKind, ExternalKind,
    FunctionBody, KnownCustom, Name, Operator, Parser, Payload, ValType,
};

use crate::renumber::{Call, calls};

/// The compiler cannot run: its runtime library is not what the emitter was written for, or the machine
/// refuses it a thread. No definition can cause it.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The prebuilt library cannot be parsed.
    #[error("the runtime library is no valid module: {0}")]
    Library(#[from] BinaryReaderError),
    /// The prebuilt library has another shape.
    #[error("the runtime library is unusable: {0}")]
    Shape(String),
    /// The operating system refuses a thread.
    #[error("no thread to emit on: {0}")]
    Thread(std::io::Error),
    /// The manifest cannot be written.
    #[error("the manifest cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// Entries of a section: their number and their bytes, without the number in front.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    pub(crate) count: u32,
    pub(crate) bytes: Vec<u8>,
}

/// One function of the library.
#[derive(Debug, Clone)]
pub(crate) struct LibraryFunction {
    /// Body without its length.
    pub(crate) body: Vec<u8>,
    /// Name for the names section.
    pub(crate) name: Option<String>,
    /// Places in the body that name a function.
    pub(crate) calls: Vec<Call>,
    /// Types of its indirect calls.
    indirect: Vec<u32>,
    pub(crate) r#type: u32,
}

/// The prebuilt library, taken apart so that generated parts can be appended to each section.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library {
    pub(crate) types: Entries,
    pub(crate) globals: Entries,
    /// Segments of the table: first place and functions.
    pub(crate) elements: Vec<(u32, Vec<u32>)>,
    pub(crate) data: Entries,
    pub(crate) data_count: bool,
    pub(crate) functions: Vec<LibraryFunction>,
    /// Number of types.
    pub(crate) type_count: u32,
    /// Pages of the memory.
    pub(crate) memory_pages: u64,
    /// Elements of the table.
    pub(crate) table_size: u32,
    /// First free address after stack and data.
    pub(crate) heap_base: u32,
    exports: BTreeMap<String, u32>,
    types_of: Vec<Option<(Vec<ValType>, Vec<ValType>)>>,
}

/// Functions whose indirect calls reach generated functions and no others.
const CALLERS: [&str; 2] = ["rt_call2", "rt_call4"];

impl Library {
    /// Takes a library apart.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, EmitError> {
        let mut library = Self::default();
        let mut bodies: Vec<FunctionBody<'_>> = Vec::new();
        let mut function_types: Vec<u32> = Vec::new();
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        let mut constants: Vec<Option<u32>> = Vec::new();
        let mut heap_base_global = None;
        let part = |start: usize, end: usize| bytes.get(start..end).unwrap_or_default().to_vec();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(s) => {
                    library.types = Entries {
                        count: s.count(),
                        bytes: part(s.original_position(), s.range().end),
                    };
                    for group in s {
                        for sub in group?.into_types() {
                            library.types_of.push(match sub.composite_type.inner {
                                CompositeInnerType::Func(f) => {
                                    Some((f.params().to_vec(), f.results().to_vec()))
                                }
                                _ => None,
                            });
                        }
                    }
                    library.type_count = u32::try_from(library.types_of.len()).unwrap_or(u32::MAX);
                }
                Payload::ImportSection(s) if s.count() > 0 => {
                    return Err(EmitError::Shape("it imports something".into()));
                }
                Payload::FunctionSection(s) => {
                    for index in s {
                        function_types.push(index?);
                    }
                }
                Payload::TableSection(s) => {
                    if s.count() > 1 {
                        return Err(EmitError::Shape("it has several tables".into()));
                    }
                    for table in s {
                        library.table_size = u32::try_from(table?.ty.initial).unwrap_or(u32::MAX);
                    }
                }
                Payload::MemorySection(s) => {
                    for memory in s {
                        library.memory_pages = memory?.initial;
                    }
                }
                Payload::GlobalSection(s) => {
                    library.globals = Entries {
                        count: s.count(),
                        bytes: part(s.original_position(), s.range().end),
                    };
                    for global in s {
                        let constant = match global?.init_expr.get_operators_reader().read()? {
                            Operator::I32Const { value } => Some(value.cast_unsigned()),
                            _ => None,
                        };
                        constants.push(constant);
                    }
                }
                Payload::ExportSection(s) => {
                    for export in s {
                        let export = export?;
                        match export.kind {
                            ExternalKind::Func => {
                                library.exports.insert(export.name.to_owned(), export.index);
                            }
                            ExternalKind::Global if export.name == "__heap_base" => {
                                heap_base_global = Some(export.index);
                            }
                            _ => {}
                        }
                    }
                }
                Payload::StartSection { .. } => {
                    return Err(EmitError::Shape("it has a start function".into()));
                }
                Payload::ElementSection(s) => {
                    for element in s {
                        library.elements.push(segment(element?)?);
                    }
                }
                Payload::DataCountSection { .. } => library.data_count = true,
                Payload::DataSection(s) => {
                    library.data = Entries {
                        count: s.count(),
                        bytes: part(s.original_position(), s.range().end),
                    };
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(reader) = section.as_known() {
                        for subsection in reader {
                            if let Ok(Name::Function(map)) = subsection {
                                for naming in map {
                                    let naming = naming?;
                                    names.insert(naming.index, naming.name.to_owned());
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        for (index, (body, r#type)) in (0..).zip(bodies.into_iter().zip(function_types)) {
            library.functions.push(LibraryFunction {
                body: part(body.range().start, body.range().end),
                name: names.remove(&index),
                r#type,
                ..edges(&body)?
            });
        }
        library.heap_base = heap_base_global
            .and_then(|index| constants.get(usize::try_from(index).ok()?).copied().flatten())
            .ok_or_else(|| EmitError::Shape("it does not export __heap_base".into()))?;
        Ok(library)
    }

    /// Index of an exported function.
    pub(crate) fn function(&self, name: &str) -> Option<u32> {
        self.exports.get(name).copied()
    }

    /// Index of a type equal to this one.
    pub(crate) fn find_type(&self, params: &[ValType], results: &[ValType]) -> Option<u32> {
        let place = self
            .types_of
            .iter()
            .position(|t| t.as_ref().is_some_and(|(p, r)| p == params && r == results))?;
        u32::try_from(place).ok()
    }

    /// Functions that can run once `roots` can, if those in `dropped` never do.
    pub(crate) fn reachable(
        &self,
        roots: &BTreeSet<u32>,
        dropped: &BTreeSet<u32>,
    ) -> BTreeSet<u32> {
        let callers: Vec<u32> = CALLERS.iter().filter_map(|name| self.function(name)).collect();
        let mut todo: Vec<u32> = roots.iter().copied().collect();
        let mut reached: BTreeSet<u32> = roots.clone();
        let mut called_types: BTreeSet<u32> = BTreeSet::new();
        while let Some(index) = todo.pop() {
            let Some(function) = self.get(index) else { continue };
            for Call { function: callee, .. } in &function.calls {
                if !dropped.contains(callee) && reached.insert(*callee) {
                    todo.push(*callee);
                }
            }
            let indirect =
                if callers.contains(&index) { &[] } else { function.indirect.as_slice() };
            for &called in indirect {
                if !called_types.insert(called) {
                    continue;
                }
                for &candidate in self.elements.iter().flat_map(|(_, functions)| functions) {
                    if self.get(candidate).is_some_and(|f| self.same_type(f.r#type, called))
                        && reached.insert(candidate)
                    {
                        todo.push(candidate);
                    }
                }
            }
        }
        reached
    }

    fn get(&self, index: u32) -> Option<&LibraryFunction> {
        self.functions.get(usize::try_from(index).ok()?)
    }

    fn same_type(&self, a: u32, b: u32) -> bool {
        let at = |i: u32| usize::try_from(i).ok().and_then(|i| self.types_of.get(i));
        a == b || at(a) == at(b)
    }
}

/// First place and functions of a segment of the table.
fn segment(element: Element<'_>) -> Result<(u32, Vec<u32>), EmitError> {
    let shape = || EmitError::Shape("it fills its table in another way than expected".into());
    let ElementKind::Active { offset_expr, .. } = element.kind else { return Err(shape()) };
    let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else {
        return Err(shape());
    };
    let ElementItems::Functions(functions) = element.items else { return Err(shape()) };
    Ok((value.cast_unsigned(), functions.into_iter().collect::<Result<_, _>>()?))
}

/// What a body refers to; body, name and type are left for the caller.
fn edges(body: &FunctionBody<'_>) -> Result<LibraryFunction, EmitError> {
    let mut indirect = BTreeSet::new();
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. } => {
                indirect.insert(type_index);
            }
            _ => {}
        }
    }
    Ok(LibraryFunction {
        body: Vec::new(),
        name: None,
        r#type: 0,
        calls: calls(body)?,
        indirect: indirect.into_iter().collect(),
    })
}
