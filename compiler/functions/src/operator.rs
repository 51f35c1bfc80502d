use crate::{Fault, FaultKind, Val};

/// An operator of the language; the number is the `detail` of faults that blame one. The first six
/// are the operations of `rt_arith`; [`crate::CompareOp`] plus [`Operator::Lt`] is a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operators of language.md 4.2")]
#[repr(u32)]
pub enum Operator {
    Add = 0,
    Sub = 1,
    Mul = 2,
    Div = 3,
    Rem = 4,
    Pow = 5,
    Neg = 6,
    Lt = 8,
    Le = 9,
    Gt = 10,
    Ge = 11,
    Not = 12,
    And = 13,
    Or = 14,
}

impl Operator {
    /// All operators.
    pub const ALL: [Operator; 14] = {
        use Operator::*;
        [Add, Sub, Mul, Div, Rem, Pow, Neg, Lt, Le, Gt, Ge, Not, And, Or]
    };

    /// The operator with that number.
    pub fn from_number(number: u32) -> Option<Operator> {
        Self::ALL.into_iter().find(|operator| *operator as u32 == number)
    }

    /// As users write it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub | Operator::Neg => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::Rem => "%",
            Operator::Pow => "**",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
            Operator::Not => "not",
            Operator::And => "and",
            Operator::Or => "or",
        }
    }
}

/// A value where a Bool is needed: `None` for Null (language.md 4.5).
///
/// # Errors
/// [`FaultKind::NotBoolean`].
pub fn truth<'a>(value: &Val<'a>) -> Result<Option<bool>, Fault<'a>> {
    match value {
        Val::Bool(truth) => Ok(Some(*truth)),
        Val::Null => Ok(None),
        _ => Err(Fault::new(FaultKind::NotBoolean, 0, *value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_truthiness() {
        assert_eq!(truth(&Val::Bool(true)), Ok(Some(true)));
        assert_eq!(truth(&Val::Null), Ok(None));
        assert_eq!(truth(&Val::Int(1)).unwrap_err().kind, FaultKind::NotBoolean);
    }

    #[test]
    fn numbers_lead_back() {
        for operator in Operator::ALL {
            assert_eq!(Operator::from_number(operator as u32), Some(operator));
        }
        assert_eq!(Operator::from_number(7), None);
    }
}
