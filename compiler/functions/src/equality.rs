use core::cmp::Ordering;

use crate::Val;
use crate::order::int_float;

/// Equality of language.md 4.6: numbers by exact numeric value, lists and objects by structure,
/// different types never equal; Null equals Null.
pub fn eq(a: &Val<'_>, b: &Val<'_>) -> bool {
    match (a.settled(), b.settled()) {
        (Val::Null, Val::Null) => true,
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Int(a), Val::Int(b))
        | (Val::DateTime(a), Val::DateTime(b))
        | (Val::Duration(a), Val::Duration(b)) => a == b,
        (Val::Float(a), Val::Float(b)) => a == b,
        (Val::Int(int), Val::Float(float)) | (Val::Float(float), Val::Int(int)) => {
            int_float(int, float) == Ordering::Equal
        }
        (Val::Str(a), Val::Str(b)) => a == b,
        (Val::List(a), Val::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| eq(a, b))
        }
        (Val::Object(a), Val::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && eq(&a.1, &b.1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_exact_value() {
        let limit = 9_007_199_254_740_993;
        assert!(eq(&Val::Int(1), &Val::Float(1.0)));
        assert!(!eq(&Val::Int(limit), &Val::Float(9_007_199_254_740_992.0)));
        assert!(!eq(&Val::Int(i64::MAX), &Val::Float(9_223_372_036_854_775_808.0)));
        assert!(eq(&Val::Int(i64::MIN), &Val::Float(-9_223_372_036_854_775_808.0)));
        assert!(eq(&Val::BigInt("9223372036854775808"), &Val::Float(9_223_372_036_854_775_808.0)));
    }

    #[test]
    fn structures_are_equal_by_content_and_types_never_mix() {
        let list = [Val::Int(1), Val::Null];
        let other = [Val::Float(1.0), Val::Null];
        assert!(eq(&Val::List(&list), &Val::List(&other)));
        assert!(!eq(&Val::List(&list), &Val::List(&list[..1])));
        let object = [("k", Val::Int(1))];
        assert!(eq(&Val::Object(&object), &Val::Object(&[("k", Val::Float(1.0))])));
        assert!(!eq(&Val::Object(&object), &Val::Object(&[("l", Val::Int(1))])));
        assert!(!eq(&Val::Int(1), &Val::Str("1")));
        assert!(!eq(&Val::DateTime(1), &Val::Duration(1)));
        assert!(!eq(&Val::Null, &Val::Bool(false)));
    }
}
