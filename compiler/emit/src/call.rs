use defacto_check::{Expr, ExprKind, Type};
use defacto_frames::abi::cell;
use defacto_functions::Function;
use defacto_model::Value;
use wasm_encoder::ValType;

use crate::constants::count;
use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Place, Scalar, Source};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// 2^63 as a double: the first one outside `i64`.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Emitter<'_, '_> {
    /// A call of a function of the language: the light ones in place, the others in the library.
    pub(crate) fn function_call(
        &mut self,
        function: Function,
        args: &[Expr],
        r#type: Type,
    ) -> Operand {
        if args.len() == 1
            && let Some(arg) = args.first()
            && takes_one_inline(function)
        {
            let operand = self.expression(arg);
            return match operand {
                Operand::Scalar(scalar) => self.one_scalar(function, scalar, r#type),
                _ => {
                    let place = self.cell(operand);
                    self.call_library(function, place, 1, None, r#type)
                }
            };
        }
        if let (Some(unit), [a, b]) = (between(function), args)
            && a.r#type == Type::DateTime
            && b.r#type == Type::DateTime
        {
            let a = self.expression(a);
            let b = self.expression(b);
            if let (Operand::Scalar(a), Operand::Scalar(b)) = (a, b) {
                return self.units_between(a, b, unit);
            }
            let place = self.arguments(&[a, b]);
            return self.call_library(function, place, 2, None, r#type);
        }
        let pattern = match (function, args.get(1).map(|a| &a.kind)) {
            (
                Function::RegexMatch | Function::RegexExtract,
                Some(ExprKind::Literal(Value::String(pattern))),
            ) => Some(self.unit.pattern(pattern)),
            _ => None,
        };
        let place = match args {
            [] => Place::Fixed(0),
            [only] => self.cell_of(only),
            many => {
                let first = self.room(count(many.len()));
                for (place, arg) in (0..).zip(many) {
                    self.store_expression(arg, Place::Fixed(first + place * cell::SIZE));
                }
                Place::Fixed(first)
            }
        };
        self.call_library(function, place, count(args.len()), pattern, r#type)
    }

    fn arguments(&mut self, operands: &[Operand]) -> Place {
        let first = self.room(count(operands.len()));
        for (place, operand) in (0..).zip(operands) {
            self.store(*operand, Place::Fixed(first + place * cell::SIZE));
        }
        Place::Fixed(first)
    }

    fn call_library(
        &mut self,
        function: Function,
        args: Place,
        argc: u32,
        pattern: Option<u32>,
        r#type: Type,
    ) -> Operand {
        let out = self.room(1);
        self.push_address(args);
        self.body.ins().i32_const(argc.cast_signed()).i32_const(out.cast_signed());
        match pattern {
            Some(id) => {
                self.body.ins().i32_const(id.cast_signed());
                self.call_checked(&format!("fn_{}_literal", function.symbol()));
            }
            None => self.call_checked(&format!("fn_{}", function.symbol())),
        }
        self.load(Place::Fixed(out), r#type)
    }

    /// Functions of one number or instant.
    fn one_scalar(&mut self, function: Function, scalar: Scalar, r#type: Type) -> Operand {
        match (function, scalar.kind) {
            (Function::Floor | Function::Ceil | Function::Round | Function::ToInt, Kind::Int)
            | (Function::ToFloat, Kind::Float)
            | (Function::ToDatetime, Kind::DateTime) => Operand::Scalar(scalar),
            (Function::ToFloat, Kind::Int) => {
                let source = self.float_of(scalar.source);
                Operand::Scalar(Scalar { kind: Kind::Float, source, ..scalar })
            }
            (Function::MathAbs, Kind::Float) => {
                self.push(scalar.source);
                self.body.ins().f64_abs();
                let source = Source::Local(self.save(ValType::F64));
                Operand::Scalar(Scalar { source, ..scalar })
            }
            (Function::Floor | Function::Ceil, Kind::Float) => self.floor_or_ceil(function, scalar),
            (Function::DaysSince, Kind::DateTime) => {
                self.call("rt_now");
                self.push(scalar.source);
                self.body.ins().i64_sub().i64_const(DAY).i64_div_s();
                let source = Source::Local(self.save(ValType::I64));
                Operand::Scalar(Scalar { kind: Kind::Int, source, ..scalar })
            }
            _ => {
                let place = self.cell(Operand::Scalar(scalar));
                self.call_library(function, place, 1, None, r#type)
            }
        }
    }

    fn floor_or_ceil(&mut self, function: Function, scalar: Scalar) -> Operand {
        self.push(scalar.source);
        if function == Function::Floor {
            self.body.ins().f64_floor();
        } else {
            self.body.ins().f64_ceil();
        }
        let whole = self.save(ValType::F64);
        let result = self.body.local(ValType::I64);
        self.body.ins().local_get(whole).f64_const((-TWO_63).into()).f64_ge();
        self.body.ins().local_get(whole).f64_const(TWO_63.into()).f64_lt().i32_and();
        self.body.if_();
        self.body.ins().local_get(whole).i64_trunc_f64_s().local_set(result);
        self.body.else_();
        let place = self.cell(Operand::Scalar(scalar));
        if let Operand::Scalar(value) = self.call_library(function, place, 1, None, Type::Int) {
            self.push(value.source);
            self.body.ins().local_set(result);
        }
        self.body.end();
        Operand::Scalar(Scalar {
            kind: Kind::Int,
            source: Source::Local(result),
            null: scalar.null,
        })
    }

    fn units_between(&mut self, a: Scalar, b: Scalar, unit: i64) -> Operand {
        self.push(a.source);
        self.push(b.source);
        self.body.ins().i64_sub().i64_const(unit).i64_div_s();
        let units = self.save(ValType::I64);
        self.body.ins().i64_const(0).local_get(units).i64_sub().local_get(units);
        self.body.ins().local_get(units).i64_const(0).i64_lt_s().select();
        let source = Source::Local(self.save(ValType::I64));
        let null: Null = self.either_null(a.null, b.null);
        Operand::Scalar(Scalar { kind: Kind::Int, source, null })
    }
}

fn takes_one_inline(function: Function) -> bool {
    matches!(
        function,
        Function::Floor
            | Function::Ceil
            | Function::Round
            | Function::ToInt
            | Function::ToFloat
            | Function::ToDatetime
            | Function::MathAbs
            | Function::DaysSince
    )
}

fn between(function: Function) -> Option<i64> {
    match function {
        Function::DaysBetween => Some(DAY),
        Function::HoursBetween => Some(HOUR),
        Function::MinutesBetween => Some(MINUTE),
        _ => None,
    }
}
