use defacto_model::display_float;

use crate::{Arena, Fault, FaultKind, Val, str_to_lowercase};

/// The text of a normalized field as a hint (language.md 5.7, step 1): text as it is, numbers in
/// decimal. Other values give none.
pub fn hint_text<'a>(value: &Val<'a>, arena: &dyn Arena<'a>) -> Option<&'a str> {
    match value {
        Val::Str(text) | Val::BigInt(text) => Some(text),
        Val::Int(int) => Some(arena.text(int.to_string())),
        Val::Float(float) => Some(arena.text(display_float(*float))),
        _ => None,
    }
}

/// What an identity field's `normalize` gave, as a hint (step 2): Null gives none.
///
/// # Errors
/// [`FaultKind::Hint`] for other types than text and numbers.
pub fn hint_result<'a>(
    value: &Val<'a>,
    arena: &dyn Arena<'a>,
) -> Result<Option<&'a str>, Fault<'a>> {
    match hint_text(value, arena) {
        None if !matches!(value, Val::Null) => Err(Fault::new(FaultKind::Hint, 0, *value)),
        text => Ok(text),
    }
}

/// A hint in lower case, for a field that asks for it (step 3).
pub fn fold_hint<'a>(text: &'a str, arena: &dyn Arena<'a>) -> &'a str {
    str_to_lowercase::lowercase(text, arena)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeapArena;

    #[test]
    fn hints_are_text_or_numbers() {
        let arena = HeapArena::default();
        let arena = &&arena;
        assert_eq!(hint_text(&Val::Str("A@x"), arena), Some("A@x"));
        assert_eq!(hint_text(&Val::Float(5.0), arena), Some("5"));
        assert_eq!(hint_text(&Val::Bool(true), arena), None);
        assert_eq!(hint_result(&Val::Int(7), arena), Ok(Some("7")));
        assert_eq!(hint_result(&Val::Null, arena), Ok(None));
        assert_eq!(hint_result(&Val::Bool(true), arena).unwrap_err().kind, FaultKind::Hint);
        assert_eq!(fold_hint("A@x", arena), "a@x");
    }
}
