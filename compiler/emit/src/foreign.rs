use defacto_check::{Expr, Type};
use defacto_frames::abi::cell;
use defacto_functions::FaultKind;
use defacto_model::PARAMETERS_MAX;
use wasm_encoder::{BlockType, Function, ValType};

use crate::body::{at, at4, at8};
use crate::constants::count;
use crate::unit::{Emitter, Unit};
use crate::value::{Operand, Place};

/// How generated code reaches functions of modules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForeignCall {
    /// Place in the table where the component puts its import `call`.
    pub(crate) slot: u32,
    /// The function `(number, cells, count, out) -> status`.
    pub(crate) function: u32,
}

/// What an argument takes in memory, `tuple<u8, s64, string>`: a tag, a payload, an address and a length.
const ARGUMENT: u32 = 24;
const ARGUMENT_PAYLOAD: u32 = 8;
const ARGUMENT_TEXT: u32 = 16;
const ARGUMENT_LENGTH: u32 = 20;
/// The answer, `result<tuple<u8, s64, string>, string>`: whether it is an error, then either.
const ANSWER: u32 = 32;
const ANSWER_VALUE: u32 = 8;
const ERROR_TEXT: u32 = 8;
const ERROR_LENGTH: u32 = 12;

impl Unit<'_> {
    /// The function that calls those of modules.
    pub(crate) fn foreign_call(&mut self) -> ForeignCall {
        if let Some(known) = self.foreign {
            return known;
        }
        // Stands where the import will be, and gives the table its size.
        let mut absent = Function::new([]);
        absent.instructions().unreachable().end();
        let absent = self.add("foreign_absent", &[ValType::I32; 4], &[], absent);
        let slot = self.library.table_size + count(self.table.len());
        self.table.push(absent);
        let r#type = self.type_index(&[ValType::I32; 4], &[]);
        let fail = self.library_function("rt_fail");
        let cells = |bytes: u32| bytes.div_ceil(cell::SIZE);
        let arguments = self.constants.room(cells(ARGUMENT * count(PARAMETERS_MAX)));
        let answer = self.constants.room(cells(ANSWER));
        let mut body = Function::new([(4, ValType::I32)]);
        let mut ins = body.instructions();
        let [number, from, argc, out] = [0, 1, 2, 3];
        let [next, end, to, tag] = [4, 5, 6, 7];

        ins.local_get(from).local_tee(next);
        ins.local_get(argc).i32_const(4).i32_shl().i32_add().local_set(end);
        ins.i32_const(arguments.cast_signed()).local_set(to);
        ins.block(BlockType::Empty).loop_(BlockType::Empty);
        ins.local_get(next).local_get(end).i32_eq().br_if(1);
        ins.local_get(next).i32_load8_u(at(cell::TAG)).local_tee(tag).i32_eqz();
        ins.if_(BlockType::Empty);
        for half in [0, 8] {
            ins.local_get(out).i64_const(0).i64_store(at8(half));
        }
        ins.i32_const(0).return_().end();
        ins.local_get(to).local_get(tag).i32_store8(at(0));
        ins.local_get(to).local_get(next).i64_load(at8(cell::PAYLOAD));
        ins.i64_store(at8(ARGUMENT_PAYLOAD));
        ins.local_get(to).i64_const(0).i64_store(at8(ARGUMENT_TEXT));
        ins.local_get(tag).i32_const(i32::from(cell::STRING)).i32_eq().if_(BlockType::Empty);
        ins.local_get(to).local_get(next).i32_load(at4(cell::PAYLOAD));
        ins.i32_store(at4(ARGUMENT_TEXT));
        ins.local_get(to).local_get(next).i32_load(at4(cell::AUX)).i32_store(at4(ARGUMENT_LENGTH));
        ins.end();
        ins.local_get(next).i32_const(cell::SIZE.cast_signed()).i32_add().local_set(next);
        ins.local_get(to).i32_const(ARGUMENT.cast_signed()).i32_add().local_set(to);
        ins.br(0).end().end();

        ins.local_get(number).i32_const(arguments.cast_signed()).local_get(argc);
        ins.i32_const(answer.cast_signed()).i32_const(slot.cast_signed());
        ins.call_indirect(0, r#type);
        let load = |ins: &mut wasm_encoder::InstructionSink<'_>, offset: u32| {
            ins.i32_const(0).i32_load(at4(answer + offset));
        };
        ins.i32_const(0).i32_load8_u(at(answer)).if_(BlockType::Empty);
        text(&mut ins, out, |ins| load(ins, ERROR_TEXT), |ins| load(ins, ERROR_LENGTH));
        ins.i32_const((FaultKind::Foreign as u32).cast_signed()).local_get(number);
        ins.local_get(out).i32_const(0).call(fail).return_().end();
        ins.i32_const(0).i32_load8_u(at(answer + ANSWER_VALUE)).local_tee(tag);
        ins.i32_const(i32::from(cell::STRING)).i32_eq().if_(BlockType::Empty);
        let (address, length) = (ANSWER_VALUE + ARGUMENT_TEXT, ANSWER_VALUE + ARGUMENT_LENGTH);
        text(&mut ins, out, |ins| load(ins, address), |ins| load(ins, length));
        ins.else_();
        ins.local_get(out).local_get(tag).i64_extend_i32_u().i64_store(at8(cell::TAG));
        ins.local_get(out).i32_const(0);
        ins.i64_load(at8(answer + ANSWER_VALUE + ARGUMENT_PAYLOAD)).i64_store(at8(cell::PAYLOAD));
        ins.end().i32_const(0).end();
        let function = self.add("foreign_call", &[ValType::I32; 4], &[ValType::I32], body);
        *self.foreign.insert(ForeignCall { slot, function })
    }
}

/// Writes a text cell.
fn text(
    ins: &mut wasm_encoder::InstructionSink<'_>,
    out: u32,
    address: impl Fn(&mut wasm_encoder::InstructionSink<'_>),
    length: impl Fn(&mut wasm_encoder::InstructionSink<'_>),
) {
    ins.local_get(out).i32_const(i32::from(cell::STRING)).i32_store(at4(cell::TAG));
    ins.local_get(out);
    length(ins);
    ins.i32_store(at4(cell::AUX)).local_get(out);
    address(ins);
    ins.i64_extend_i32_u().i64_store(at8(cell::PAYLOAD));
}

impl Emitter<'_, '_> {
    /// A call of a function of a module.
    pub(crate) fn foreign(&mut self, number: u32, args: &[Expr], r#type: Type) -> Operand {
        let first = self.room(count(args.len()).max(1));
        for (place, arg) in (0..).zip(args) {
            self.store_expression(arg, Place::Fixed(first + place * cell::SIZE));
        }
        let out = self.room(1);
        let call = self.unit.foreign_call();
        self.body.ins().i32_const(number.cast_signed()).i32_const(first.cast_signed());
        self.body.ins().i32_const(count(args.len()).cast_signed()).i32_const(out.cast_signed());
        self.body.ins().call(call.function);
        self.body.fail_if();
        self.load(Place::Fixed(out), r#type)
    }
}
