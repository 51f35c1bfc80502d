use std::collections::{BTreeMap, BTreeSet};

use defacto_check::{Entity, EventCell};
use defacto_frames::abi::cell;
use defacto_functions::{FaultKind, Operator};
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use crate::body::{Body, at4, at8};
use crate::constants::Constants;
use crate::foreign::ForeignCall;
use crate::library::Library;
use crate::shared::SHARED;

/// Cells that functions share for intermediate values: none of them calls another one that uses them.
const SHARED_CELLS: u32 = 128;

/// A generated function.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) name: String,
    pub(crate) r#type: u32,
    pub(crate) body: Vec<u8>,
}

/// The module under construction.
#[derive(Debug)]
pub(crate) struct Unit<'l> {
    pub(crate) library: &'l Library,
    pub(crate) constants: Constants,
    pub(crate) functions: Vec<Generated>,
    /// Functions behind the library's own table elements.
    pub(crate) table: Vec<u32>,
    /// Types behind the library's own.
    pub(crate) types: Vec<(Vec<ValType>, Vec<ValType>)>,
    /// Functions of the library that generated code calls.
    pub(crate) used: BTreeSet<u32>,
    /// Functions of the library that do not exist.
    pub(crate) missing: BTreeSet<String>,
    /// Literal patterns and their numbers.
    pub(crate) patterns: BTreeMap<String, u32>,
    shared: u32,
    /// Cells of the general arithmetic: operands and result.
    pub(crate) general: u32,
    general_function: Option<u32>,
    fault_function: Option<u32>,
    stores: [Option<u32>; 3],
    pub(crate) shared_functions: [Option<u32>; SHARED],
    /// How functions of modules are called, where any is.
    pub(crate) foreign: Option<ForeignCall>,
}

impl<'l> Unit<'l> {
    /// A module with nothing but the library and the general arithmetic.
    pub(crate) fn new(library: &'l Library) -> Self {
        let mut constants = Constants::new(library.heap_base.next_multiple_of(16));
        // Address 0 means "none" in descriptors and the shared cells stay zero in the file.
        let shared = constants.room(SHARED_CELLS);
        let general = constants.room(3);
        Self {
            library,
            constants,
            functions: Vec::new(),
            table: Vec::new(),
            types: Vec::new(),
            used: BTreeSet::new(),
            missing: BTreeSet::new(),
            patterns: BTreeMap::new(),
            shared,
            general,
            general_function: None,
            fault_function: None,
            stores: [None; 3],
            shared_functions: [None; SHARED],
            foreign: None,
        }
    }

    /// Index of a library function, which is then part of the module.
    pub(crate) fn library_function(&mut self, name: &str) -> u32 {
        match self.library.function(name) {
            Some(index) => {
                self.used.insert(index);
                index
            }
            None => {
                self.missing.insert(name.to_owned());
                0
            }
        }
    }

    /// Adds a function; returns its index.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        params: &[ValType],
        results: &[ValType],
        function: Function,
    ) -> u32 {
        let r#type = self.type_index(params, results);
        let index = self.library.functions.len() + self.functions.len();
        self.functions.push(Generated {
            name: name.into(),
            r#type,
            body: function.into_raw_body(),
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Adds a function that descriptors call; returns its place in the table.
    pub(crate) fn add_to_table(
        &mut self,
        name: impl Into<String>,
        params: u32,
        function: Function,
    ) -> u32 {
        let params = vec![ValType::I32; usize::try_from(params).unwrap_or(0)];
        let index = self.add(name, &params, &[ValType::I32], function);
        let place = self.library.table_size + u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        self.table.push(index);
        place
    }

    /// Number of a literal pattern in an instance's cache.
    pub(crate) fn pattern(&mut self, pattern: &str) -> u32 {
        let next = u32::try_from(self.patterns.len()).unwrap_or(u32::MAX);
        *self.patterns.entry(pattern.to_owned()).or_insert(next)
    }

    pub(crate) fn type_index(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        if let Some(index) = self.library.find_type(&parsed(params), &parsed(results)) {
            return index;
        }
        let place =
            self.types.iter().position(|(p, r)| p == params && r == results).unwrap_or_else(|| {
                self.types.push((params.to_vec(), results.to_vec()));
                self.types.len() - 1
            });
        self.library.type_count + u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// `(code, a, b) -> status`: what inline multiplication and division fall back on, with [`arithmetic_code`]
    /// and the payloads. It gives the result where there is one, else the fault.
    pub(crate) fn general_arithmetic(&mut self) -> u32 {
        if let Some(function) = self.general_function {
            return function;
        }
        let whole = self.library_function("rt_whole");
        let mut body = Function::new([(1, ValType::I32)]);
        let (mut ins, kind) = (body.instructions(), 3);
        ins.local_get(0).i32_const(7).i32_and().local_get(1).local_get(2);
        ins.i32_const((self.general + 32 + cell::PAYLOAD).cast_signed()).call(whole);
        ins.local_tee(kind).if_(BlockType::Empty);
        self.fail_with_operands(&mut ins, kind);
        ins.end().i32_const(0).end();
        let function = self.add("arithmetic", &ARITHMETIC, &[ValType::I32], body);
        self.general_function = Some(function);
        function
    }

    /// `(code, a, b)`: the fault of an operation, with [`fault_code`]. A zero divisor is one whatever the result.
    fn arithmetic_fault(&mut self) -> u32 {
        if let Some(function) = self.fault_function {
            return function;
        }
        let mut body = Function::new([(1, ValType::I32)]);
        let (mut ins, kind) = (body.instructions(), 3);
        ins.i32_const((FaultKind::ZeroDivisor as u32).cast_signed());
        ins.local_get(0).i32_const(KIND_SHIFT).i32_shr_u();
        // Division or remainder; of a double, all bits but the sign.
        ins.local_get(0).i32_const(7).i32_and().i32_const(DIVISION).i32_eq();
        ins.local_get(0).i32_const(7).i32_and().i32_const(REMAINDER).i32_eq().i32_or();
        ins.local_get(2).local_get(0).i32_const(6).i32_shr_u().i32_const(7).i32_and();
        ins.i32_const(i32::from(cell::FLOAT)).i32_eq().i64_extend_i32_u().i64_shl().i64_eqz();
        ins.i32_and().select().local_set(kind);
        self.fail_with_operands(&mut ins, kind);
        ins.unreachable().end();
        let function = self.add("arithmetic_fault", &ARITHMETIC, &[], body);
        self.fault_function = Some(function);
        function
    }

    /// Records the fault of the kind in a local, with both operands, and returns.
    fn fail_with_operands(&mut self, ins: &mut InstructionSink<'_>, kind: u32) {
        let fail = self.library_function("rt_fail");
        let cells = [self.general, self.general + 16];
        for (cell, shift, payload) in [(cells[0], 3, 1), (cells[1], 6, 2)] {
            ins.i32_const(0).local_get(0).i32_const(shift).i32_shr_u().i32_const(7).i32_and();
            ins.i64_extend_i32_u().i64_store(at8(cell));
            ins.i32_const(0).local_get(payload).i64_store(at8(cell + 8));
        }
        ins.local_get(kind).local_get(0).i32_const(7).i32_and();
        ins.i32_const(cells[0].cast_signed()).i32_const(cells[1].cast_signed()).call(fail);
        ins.return_();
    }

    /// A function `(address, payload…, null)` that writes a cell: null where `null` is not 0.
    pub(crate) fn store_function(&mut self, store: Store) -> u32 {
        if let Some(Some(function)) = self.stores.get(store as usize) {
            return *function;
        }
        let (name, params) = store.shape();
        let null = crate::constants::count(params.len()) - 1;
        let mut body = Function::new([]);
        let mut ins = body.instructions();
        ins.local_get(null).if_(BlockType::Empty);
        for half in [0, 8] {
            ins.local_get(0).i64_const(0).i64_store(at8(half));
        }
        ins.return_().end().local_get(0);
        match store {
            Store::Number => {
                ins.local_get(1).i64_extend_i32_u().i64_store(at8(cell::TAG));
                ins.local_get(0).local_get(2).i64_store(at8(cell::PAYLOAD));
            }
            Store::Float => {
                ins.i64_const(i64::from(cell::FLOAT)).i64_store(at8(cell::TAG));
                ins.local_get(0).local_get(1).f64_store(at8(cell::PAYLOAD));
            }
            Store::Text => {
                ins.i32_const(i32::from(cell::STRING)).i32_store(at4(cell::TAG));
                ins.local_get(0).local_get(2).i32_store(at4(cell::AUX));
                ins.local_get(0).local_get(1).i64_extend_i32_u().i64_store(at8(cell::PAYLOAD));
            }
        }
        ins.end();
        let function = self.add(name, params, &[], body);
        if let Some(place) = self.stores.get_mut(store as usize) {
            *place = Some(function);
        }
        function
    }
}

/// Parameters of the general arithmetic.
const ARITHMETIC: [ValType; 3] = [ValType::I32, ValType::I64, ValType::I64];

/// Operator and tags of the operands in one number.
pub(crate) fn arithmetic_code(op: i32, a: u8, b: u8) -> i32 {
    op | i32::from(a) << 3 | i32::from(b) << 6
}

/// [`arithmetic_code`] with the kind of the fault.
pub(crate) fn fault_code(kind: FaultKind, op: i32, a: u8, b: u8) -> i32 {
    arithmetic_code(op, a, b) | (kind as u32).cast_signed() << KIND_SHIFT
}

const KIND_SHIFT: i32 = 9;
const DIVISION: i32 = Operator::Div as i32;
const REMAINDER: i32 = Operator::Rem as i32;

/// The functions that write a value which may be null.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Store {
    /// `(address, tag, payload, null)`
    Number,
    /// `(address, payload, null)`
    Float,
    /// `(address, text, length, null)`
    Text,
}

impl Store {
    fn shape(self) -> (&'static str, &'static [ValType]) {
        match self {
            Self::Number => ("store", &[ValType::I32, ValType::I32, ValType::I64, ValType::I32]),
            Self::Float => ("store_float", &[ValType::I32, ValType::F64, ValType::I32]),
            Self::Text => ("store_text", &[ValType::I32, ValType::I32, ValType::I32, ValType::I32]),
        }
    }
}

fn parsed(types: &[ValType]) -> Vec<wasmparser::ValType> {
    types
        .iter()
        .filter_map(|t| match t {
            ValType::I32 => Some(wasmparser::ValType::I32),
            ValType::I64 => Some(wasmparser::ValType::I64),
            ValType::F32 => Some(wasmparser::ValType::F32),
            ValType::F64 => Some(wasmparser::ValType::F64),
            _ => None,
        })
        .collect()
}

/// What names in an expression lead to: parameters of the function, and the entity type.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scope<'a> {
    /// Parameter with the address of the event's cells.
    pub(crate) event: Option<u32>,
    /// What these cells hold.
    pub(crate) event_cells: &'a [EventCell],
    /// Parameter with the address of the raw cells.
    pub(crate) raw: Option<u32>,
    /// Parameter with the address of the entity's record.
    pub(crate) record: Option<u32>,
    /// The entity type.
    pub(crate) entity: Option<&'a Entity>,
    /// Address of the (address, length) pairs of its states' names.
    pub(crate) state_names: u32,
    /// Parameter with the address of `value`, and whether it is known to be text.
    pub(crate) value: Option<(u32, bool)>,
    /// Parameters with the addresses of whole contexts: event, entity.
    pub(crate) contexts: Option<(u32, u32)>,
}

/// A function of the module while its expressions are lowered.
#[derive(Debug)]
pub(crate) struct Emitter<'a, 'l> {
    pub(crate) unit: &'a mut Unit<'l>,
    pub(crate) body: Body,
    pub(crate) scope: Scope<'a>,
    /// Whether intermediate values live in the shared cells.
    shares: bool,
    room: u32,
}

impl<'a, 'l> Emitter<'a, 'l> {
    /// A function that may share intermediate cells: no other generated function is active when it runs.
    pub(crate) fn new(unit: &'a mut Unit<'l>, params: u32, scope: Scope<'a>) -> Self {
        Self { unit, body: Body::new(params), scope, shares: true, room: 0 }
    }

    /// A function that runs inside others: a computed property.
    pub(crate) fn nested(unit: &'a mut Unit<'l>, params: u32, scope: Scope<'a>) -> Self {
        Self { shares: false, ..Self::new(unit, params, scope) }
    }

    /// Address of cells that nothing else uses until the statement ends.
    pub(crate) fn room(&mut self, count: u32) -> u32 {
        if !self.shares || self.room + count > SHARED_CELLS {
            return self.unit.constants.room(count);
        }
        let address = self.unit.shared + self.room * 16;
        self.room += count;
        address
    }

    /// A statement ends: intermediate values are dead.
    pub(crate) fn statement(&mut self) {
        self.body.release_locals();
        self.room = 0;
    }

    /// Calls a library function.
    pub(crate) fn call(&mut self, name: &str) {
        let function = self.unit.library_function(name);
        self.body.ins().call(function);
    }

    /// Calls one that returns a status, and fails with it.
    pub(crate) fn call_checked(&mut self, name: &str) {
        self.call(name);
        self.body.fail_if();
    }

    /// Calls the general arithmetic with the arguments on the stack.
    pub(crate) fn call_general(&mut self) {
        let function = self.unit.general_arithmetic();
        self.body.ins().call(function);
        self.body.fail_if();
    }

    /// Fails as the general arithmetic does with the arguments on the stack.
    pub(crate) fn call_fault(&mut self) {
        let function = self.unit.arithmetic_fault();
        self.body.ins().call(function);
        self.body.fail();
    }

    /// Emits `part`; where it fails, the fault gets this code and field, unless a deeper call has set one. One
    /// does not stand within another.
    pub(crate) fn blaming<T>(
        &mut self,
        code: u32,
        field: u32,
        part: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mark = self.body.mark();
        let fails = self.body.fails();
        self.set_blame(code, field);
        let behind = self.body.mark();
        let result = part(self);
        if self.body.fails() == fails {
            self.body.forget_blame(mark, behind);
        }
        result
    }
}
