use crate::{Function, Val};

/// Why an evaluation gave no value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault<'a> {
    /// What went wrong.
    pub kind: FaultKind,
    /// Operator, function, type or constraint, by kind.
    pub detail: u32,
    /// The value at fault.
    pub value: Val<'a>,
    /// A second value: the other operand, the bound.
    pub other: Val<'a>,
}

/// Kinds of faults; the number crosses the boundary and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultKind {
    /// An operator does not take these operands (detail: [`crate::Operator`]).
    Operands = 1,
    /// An integer result or a duration is outside its range (detail: [`crate::Operator`]).
    Overflow = 2,
    /// Division or remainder by zero (detail: [`crate::Operator`]).
    ZeroDivisor = 3,
    /// A float result is not finite (detail: [`crate::Operator`]).
    NotFinite = 4,
    /// An instant is outside the years 0001 to 9999.
    TimeRange = 5,
    /// Int to a negative power.
    NegativeExponent = 6,
    /// A value where Bool is needed.
    NotBoolean = 7,
    /// An argument of a wrong type (detail: function).
    Argument = 8,
    /// A function refuses a value (detail: function).
    Domain = 9,
    /// A pattern is invalid.
    Pattern = 10,
    /// Coercion or conversion failed (detail: number of the type, `abi::desc::value_type`).
    Coercion = 11,
    /// Not one of the allowed values.
    Allowed = 12,
    /// Below the minimum (other: bound).
    Minimum = 13,
    /// Above the maximum (other: bound).
    Maximum = 14,
    /// Missing or null although required.
    Required = 15,
    /// Too short (other: bound).
    MinLength = 16,
    /// Too long (other: bound).
    MaxLength = 17,
    /// The pattern is not found.
    Regex = 18,
    /// A timestamp is absent.
    TimestampAbsent = 19,
    /// A timestamp cannot be read.
    Timestamp = 20,
    /// `normalize` gave something other than text, a number or null.
    Hint = 21,
    /// An effect other than `create` without an entity.
    NoEntity = 22,
    /// Increment of a value that is no number.
    Increment = 23,
    /// Too many rules at one instant or in one call.
    RuleLimit = 24,
    /// An index of the wrong type, or of something that has no elements.
    Index = 25,
    /// A function of a module gave no value (value: why, as a sentence).
    Foreign = 26,
}

impl<'a> Fault<'a> {
    /// A fault that blames one value.
    pub const fn new(kind: FaultKind, detail: u32, value: Val<'a>) -> Fault<'a> {
        Fault { kind, detail, value, other: Val::Null }
    }

    /// A fault that blames two values, or a value and a bound.
    pub const fn of_two(kind: FaultKind, detail: u32, value: Val<'a>, other: Val<'a>) -> Fault<'a> {
        Fault { kind, detail, value, other }
    }

    /// A function refuses a value of the right type.
    pub(crate) const fn domain(function: Function, value: Val<'a>) -> Fault<'a> {
        Fault::new(FaultKind::Domain, function as u32, value)
    }
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [FaultKind; 26] = {
        use FaultKind::*;
        [
            Operands,
            Overflow,
            ZeroDivisor,
            NotFinite,
            TimeRange,
            NegativeExponent,
            NotBoolean,
            Argument,
            Domain,
            Pattern,
            Coercion,
            Allowed,
            Minimum,
            Maximum,
            Required,
            MinLength,
            MaxLength,
            Regex,
            TimestampAbsent,
            Timestamp,
            Hint,
            NoEntity,
            Increment,
            RuleLimit,
            Index,
            Foreign,
        ]
    };

    /// The kind with that number.
    pub fn from_number(number: u32) -> Option<FaultKind> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }
}
