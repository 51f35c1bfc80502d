use defacto_frames::abi::{cell, code};
use defacto_model::Value;
use wasm_encoder::{BlockType, Function, ValType};

use crate::unit::{Emitter, Unit};

/// Generated functions that many others call: what would otherwise stand in each handler. They are part of a
/// module only where something calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// `(packed)` of [`packed_blame`] → 1: whom a failure concerns.
    Blame,
    /// `(record)`: counts and does `create`.
    Create,
    /// `(record, state) -> status`: counts and does a transition.
    Transition,
    /// `(record, property, cell) -> status`: counts and does a `set`.
    Set,
    /// `(record, property, value, present) -> status`: the same with a Float; null where `present` is 0.
    /// Anything but a finite value is left alone and gives 1.
    SetFloat,
    /// `(record, property, op, cell) -> status`: a `set` of the result of [`Shared::ArithmeticOn`], not counted.
    SetResult,
    /// `(record, packed, a, b, c) -> status`: a `set` of `a op (b op c)` or `(b op c) op a` with cells, not counted,
    /// with the blame for it. Packed: the property, the inner and the outer operation as in
    /// [`Shared::ArithmeticOn`], of 4 bits each.
    SetAgain,
    /// `(record, property, cell) -> status`: counts and does an `increment`.
    Increment,
    /// `(record, property) -> status`: the same by 1.
    IncrementByOne,
    /// `(op, a, b) -> status`: arithmetic with cells, whose result is in the unit's general cell.
    Arithmetic,
    /// `(op, cell) -> status`: the same with that result and a cell; with [`SWAPPED`] added, with a cell and it.
    ArithmeticOn,
}

/// Says that the result so far is the right operand.
pub(crate) const SWAPPED: i32 = 8;

/// Number of kinds.
pub(crate) const SHARED: usize = 11;

/// Who is to blame, in one number that is short where the field is small.
pub(crate) fn packed_blame(code: u32, field: u32) -> i32 {
    (field.wrapping_add(1) << 8 | code).cast_signed()
}

impl Shared {
    fn shape(self) -> (&'static str, &'static [ValType], &'static [ValType]) {
        use ValType::{F64, I32};
        const STATUS: &[ValType] = &[I32];
        match self {
            Self::Blame => ("blame", &[I32], STATUS),
            Self::Create => ("create", &[I32], &[]),
            Self::Transition => ("transition", &[I32; 2], STATUS),
            Self::Set => ("set", &[I32; 3], STATUS),
            Self::SetFloat => ("set_float", &[I32, I32, F64, I32], STATUS),
            Self::SetResult => ("set_result", &[I32; 4], STATUS),
            Self::SetAgain => ("set_again", &[I32; 5], STATUS),
            Self::Increment => ("increment", &[I32; 3], STATUS),
            Self::IncrementByOne => ("increment_by_one", &[I32; 2], STATUS),
            Self::Arithmetic => ("arithmetic_with_cells", &[I32; 3], STATUS),
            Self::ArithmeticOn => ("arithmetic_with_result", &[I32; 2], STATUS),
        }
    }

    fn library(self) -> &'static str {
        match self {
            Self::Blame | Self::SetAgain => "rt_blame",
            Self::Create => "rt_create",
            Self::Transition => "rt_transition",
            Self::Set | Self::SetFloat | Self::SetResult => "rt_set",
            Self::Increment | Self::IncrementByOne => "rt_increment",
            Self::Arithmetic | Self::ArithmeticOn => "rt_float",
        }
    }
}

impl Unit<'_> {
    /// Index of a shared function.
    pub(crate) fn shared_function(&mut self, which: Shared) -> u32 {
        if let Some(Some(function)) = self.shared_functions.get(which as usize) {
            return *function;
        }
        let (name, params, results) = which.shape();
        let library = self.library_function(which.library());
        let mut body = Function::new([]);
        let mut ins = body.instructions();
        if !matches!(
            which,
            Shared::Blame
                | Shared::SetResult
                | Shared::SetAgain
                | Shared::Arithmetic
                | Shared::ArithmeticOn
        ) {
            ins.call(self.library_function("rt_effect"));
        }
        let result = self.general + 2 * cell::SIZE;
        match which {
            Shared::Blame => {
                ins.local_get(0).i32_const(0xff).i32_and();
                ins.local_get(0).i32_const(8).i32_shr_u().i32_const(1).i32_sub();
                ins.call(library).i32_const(1);
            }
            Shared::SetFloat => {
                let out = self.constants.room(1);
                let store = self.store_function(crate::unit::Store::Float);
                // x - x is 0, all bits, only where x is finite.
                ins.local_get(2).local_get(2).f64_sub().i64_reinterpret_f64().i64_eqz().i32_eqz();
                ins.if_(BlockType::Empty).i32_const(1).return_().end();
                ins.i32_const(out.cast_signed()).local_get(2).local_get(3).i32_eqz().call(store);
                ins.local_get(0).local_get(1).i32_const(out.cast_signed()).call(library);
            }
            Shared::SetResult => {
                let arithmetic = self.shared_function(Shared::ArithmeticOn);
                ins.local_get(2).local_get(3).call(arithmetic);
                ins.if_(BlockType::Empty).i32_const(1).return_().end();
                ins.local_get(0).local_get(1).i32_const(result.cast_signed()).call(library);
            }
            Shared::SetAgain => {
                let inner = self.shared_function(Shared::Arithmetic);
                let set = self.shared_function(Shared::SetResult);
                ins.local_get(1).i32_const(4).i32_shr_u().i32_const(7).i32_and();
                ins.local_get(3).local_get(4).call(inner).i32_eqz().if_(BlockType::Empty);
                ins.local_get(0).local_get(1).i32_const(8).i32_shr_u();
                ins.local_get(1).i32_const(15).i32_and().local_get(2).call(set).i32_eqz();
                ins.if_(BlockType::Empty).i32_const(0).return_().end().end();
                ins.i32_const(code::I03.cast_signed());
                ins.local_get(1).i32_const(8).i32_shr_u().call(library).i32_const(1);
            }
            Shared::Arithmetic => {
                ins.local_get(0).local_get(1).local_get(2).i32_const(result.cast_signed());
                ins.call(library);
            }
            Shared::ArithmeticOn => {
                let result = result.cast_signed();
                ins.local_get(0).i32_const(SWAPPED - 1).i32_and();
                let swapped = |ins: &mut wasm_encoder::InstructionSink<'_>| {
                    ins.local_get(0).i32_const(SWAPPED).i32_and().select();
                };
                ins.local_get(1).i32_const(result);
                swapped(&mut ins);
                ins.i32_const(result).local_get(1);
                swapped(&mut ins);
                ins.i32_const(result).call(library);
            }
            Shared::IncrementByOne => {
                let one = self.constants.cell(&Value::Int(1));
                ins.local_get(0).local_get(1).i32_const(one.cast_signed()).call(library);
            }
            Shared::Create | Shared::Transition | Shared::Set | Shared::Increment => {
                for (local, _) in (0..).zip(params) {
                    ins.local_get(local);
                }
                ins.call(library);
            }
        }
        ins.end();
        let function = self.add(name, params, results, body);
        if let Some(place) = self.shared_functions.get_mut(which as usize) {
            *place = Some(function);
        }
        function
    }
}

impl Emitter<'_, '_> {
    /// Calls a shared function.
    pub(crate) fn call_shared(&mut self, which: Shared) {
        let function = self.unit.shared_function(which);
        self.body.ins().call(function);
    }

    /// Calls one that returns a status, and fails with it.
    pub(crate) fn call_shared_checked(&mut self, which: Shared) {
        self.call_shared(which);
        self.body.fail_if();
    }

    /// From here on failures concern this, unless a deeper call says better.
    pub(crate) fn set_blame(&mut self, code: u32, field: u32) {
        let function = self.unit.shared_function(Shared::Blame);
        self.body.set_blame(packed_blame(code, field), function);
    }
}
