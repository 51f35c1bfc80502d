use core::cmp::Ordering;

use crate::{Fault, FaultKind, Val, eq, order};

/// Constraints of a property, an edge property or a schema field (language.md 2.3, 3.4), without
/// `regex` ([`crate::check_pattern`]) and `required`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Constraints<'a> {
    /// Allowed values; empty means any.
    pub allowed: &'a [Val<'a>],
    /// Least value; Null means none.
    pub min: Val<'a>,
    /// Greatest value; Null means none.
    pub max: Val<'a>,
    /// Least number of characters.
    pub min_length: u32,
    /// Greatest number of characters; `None` means any.
    pub max_length: Option<u32>,
}

/// Checks a converted value. Null passes.
///
/// # Errors
/// [`FaultKind::Allowed`], [`FaultKind::Minimum`], [`FaultKind::Maximum`],
/// [`FaultKind::MinLength`], [`FaultKind::MaxLength`].
pub fn check_constraints<'a>(
    value: &Val<'a>,
    constraints: &Constraints<'a>,
) -> Result<(), Fault<'a>> {
    if matches!(value, Val::Null) {
        return Ok(());
    }
    let allowed = constraints.allowed;
    if !allowed.is_empty() && !allowed.iter().any(|member| eq(member, value)) {
        return Err(Fault::of_two(FaultKind::Allowed, 0, *value, Val::List(allowed)));
    }
    if order(value, &constraints.min) == Some(Ordering::Less) {
        return Err(Fault::of_two(FaultKind::Minimum, 0, *value, constraints.min));
    }
    if order(value, &constraints.max) == Some(Ordering::Greater) {
        return Err(Fault::of_two(FaultKind::Maximum, 0, *value, constraints.max));
    }
    if let Val::Str(text) = value
        && (constraints.min_length > 0 || constraints.max_length.is_some())
    {
        let length = text.chars().count();
        let at_most = |bound: u32| usize::try_from(bound).map_or(true, |bound| length <= bound);
        let at_least = |bound: u32| usize::try_from(bound).is_ok_and(|bound| length >= bound);
        if !at_least(constraints.min_length) {
            let bound = Val::Int(i64::from(constraints.min_length));
            return Err(Fault::of_two(FaultKind::MinLength, 0, *value, bound));
        }
        if let Some(bound) = constraints.max_length.filter(|bound| !at_most(*bound)) {
            let bound = Val::Int(i64::from(bound));
            return Err(Fault::of_two(FaultKind::MaxLength, 0, *value, bound));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_lengths_count_characters() {
        let none = Constraints::default();
        let allowed = Constraints { allowed: &[Val::Str("basic"), Val::Int(1)], ..none };
        let range = Constraints { min: Val::Int(0), max: Val::Float(2.5), ..none };
        let length = Constraints { min_length: 2, max_length: Some(3), ..none };
        for (value, constraints, expected) in [
            (Val::Str("basic"), &allowed, None),
            (Val::Float(1.0), &allowed, None),
            (Val::Str("gold"), &allowed, Some(FaultKind::Allowed)),
            (Val::Null, &allowed, None),
            (Val::Int(0), &range, None),
            (Val::Float(2.5), &range, None),
            (Val::Int(-1), &range, Some(FaultKind::Minimum)),
            (Val::Int(3), &range, Some(FaultKind::Maximum)),
            (Val::Str("éé"), &length, None),
            (Val::Str("é"), &length, Some(FaultKind::MinLength)),
            (Val::Str("éééé"), &length, Some(FaultKind::MaxLength)),
            (Val::Str(""), &none, None),
        ] {
            let found = check_constraints(&value, constraints).err().map(|fault| fault.kind);
            assert_eq!(found, expected, "{value:?}");
        }
    }
}
