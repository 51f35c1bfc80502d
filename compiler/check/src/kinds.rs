//! Sets of kinds: what is known of a value's type before events arrive.

use std::fmt;

use defacto_model::{Value, ValueType};

use crate::Type;

/// The kinds that a value may have, null being one of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kinds(u16);

/// How kinds go with what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// Some value does.
    Fits,
    /// Null, and nothing else.
    OnlyNull,
    /// No value does.
    Never,
}

impl Kinds {
    pub(crate) const BOOL: Self = Self(1);
    pub(crate) const INT: Self = Self(2);
    pub(crate) const FLOAT: Self = Self(4);
    pub(crate) const STRING: Self = Self(8);
    pub(crate) const DATETIME: Self = Self(16);
    pub(crate) const DURATION: Self = Self(32);
    pub(crate) const LIST: Self = Self(64);
    pub(crate) const OBJECT: Self = Self(128);
    pub(crate) const NULL: Self = Self(256);
    pub(crate) const ANY: Self = Self(511);
    pub(crate) const NUMBER: Self = Self::INT.or(Self::FLOAT);
    /// No value at all: a start for unions.
    pub(crate) const NONE: Self = Self(0);

    const SINGLE: [(Self, Type, &'static str); 8] = [
        (Self::BOOL, Type::Bool, "Bool"),
        (Self::INT, Type::Int, "Int"),
        (Self::FLOAT, Type::Float, "Float"),
        (Self::STRING, Type::String, "String"),
        (Self::DATETIME, Type::DateTime, "DateTime"),
        (Self::DURATION, Type::Duration, "Duration"),
        (Self::LIST, Type::List, "List"),
        (Self::OBJECT, Type::Object, "Object"),
    ];

    /// Either.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Without null.
    pub(crate) const fn solid(self) -> Self {
        Self(self.0 & !Self::NULL.0)
    }

    /// With null.
    pub(crate) const fn nullable(self) -> Self {
        self.or(Self::NULL)
    }

    /// Whether null is possible.
    pub(crate) const fn has_null(self) -> bool {
        !self.and(Self::NULL).is_none()
    }

    /// Whether nothing but null is possible.
    pub(crate) const fn is_null(self) -> bool {
        self.solid().is_none()
    }

    const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether some kind is in both sets.
    pub(crate) const fn meets(self, other: Self) -> bool {
        !self.and(other).is_none()
    }

    /// How these kinds go where only `wanted` and null are taken.
    pub(crate) const fn fit(self, wanted: Self) -> Fit {
        if self.is_null() || self.meets(wanted) {
            Fit::Fits
        } else if self.has_null() {
            Fit::OnlyNull
        } else {
            Fit::Never
        }
    }

    /// Whether every value of `self` is one of `other`.
    pub(crate) const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The single kinds of the set, without null.
    pub(crate) fn each(self) -> impl Iterator<Item = Self> {
        Self::SINGLE.into_iter().map(|(kind, _, _)| kind).filter(move |kind| kind.within(self))
    }

    /// The static type: the single kind, or [`Type::Any`].
    pub(crate) fn to_type(self) -> Type {
        if self.is_null() {
            return Type::Null;
        }
        let solid = self.solid();
        Self::SINGLE
            .iter()
            .find(|(kind, _, _)| *kind == solid)
            .map_or(Type::Any, |(_, r#type, _)| *r#type)
    }

    /// Kinds of a declared type, null included.
    pub(crate) const fn of_declared(r#type: ValueType) -> Self {
        let solid = match r#type {
            ValueType::String => Self::STRING,
            ValueType::Number => Self::FLOAT,
            ValueType::Integer => Self::INT,
            ValueType::Boolean => Self::BOOL,
            ValueType::Datetime => Self::DATETIME,
        };
        solid.nullable()
    }

    /// Kinds that a parameter of a declared type takes.
    pub(crate) const fn of_argument(r#type: ValueType) -> Self {
        match r#type {
            ValueType::Number => Self::NUMBER,
            other => Self::of_declared(other).solid(),
        }
    }

    /// Kind of a value.
    pub(crate) const fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOL,
            Value::Int(_) => Self::INT,
            Value::Float(_) | Value::BigInt(_) => Self::FLOAT,
            Value::String(_) => Self::STRING,
            Value::DateTime(_) => Self::DATETIME,
            Value::Duration(_) => Self::DURATION,
            Value::List(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() {
            return f.write_str("Null");
        }
        if self.solid() == Self::ANY.solid() {
            return f.write_str("any type");
        }
        let mut first = true;
        for (kind, _, name) in Self::SINGLE {
            if kind.within(*self) {
                if !first {
                    f.write_str(" or ")?;
                }
                f.write_str(name)?;
                first = false;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_kind_is_a_type_and_two_are_any() {
        assert_eq!(Kinds::INT.to_type(), Type::Int);
        assert_eq!(Kinds::NUMBER.to_type(), Type::Any);
        assert_eq!(Kinds::NULL.to_type(), Type::Null);
        assert_eq!(Kinds::NUMBER.to_string(), "Int or Float");
    }

    #[test]
    fn null_goes_everywhere() {
        assert_eq!(Kinds::NULL.fit(Kinds::BOOL), Fit::Fits);
        assert_eq!(Kinds::INT.fit(Kinds::BOOL), Fit::Never);
        assert_eq!(Kinds::INT.nullable().fit(Kinds::BOOL), Fit::OnlyNull);
        assert_eq!(Kinds::ANY.fit(Kinds::BOOL), Fit::Fits);
    }
}
