use crate::{Arena, Fault, FaultKind, Val, str_to_lowercase, text_of};

/// The text of a normalized field as a hint (language.md 5.7, step 1): text as it is, numbers in
/// decimal. Other values give none.
pub fn hint_text<'a>(value: &Val<'a>, arena: &dyn Arena<'a>) -> Option<&'a str> {
    match value {
        Val::Str(_) | Val::Int(_) | Val::Float(_) | Val::BigInt(_) => Some(text_of(value, arena)),
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

/// Lower-cases a hint where the field asks for it, and drops an empty one (steps 3 and 4).
pub fn finish_hint<'a>(
    text: &'a str,
    case_insensitive: bool,
    arena: &dyn Arena<'a>,
) -> Option<&'a str> {
    let text = if case_insensitive { str_to_lowercase::lowercase(text, arena) } else { text };
    (!text.is_empty()).then_some(text)
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
        assert_eq!(finish_hint("A@x", true, arena), Some("a@x"));
        assert_eq!(finish_hint("A@x", false, arena), Some("A@x"));
        assert_eq!(finish_hint("", true, arena), None);
    }
}
