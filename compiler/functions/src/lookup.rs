use crate::{Fault, FaultKind, Val};

/// `base.name` (language.md 4.4): a key of an object, a decimal index into a list, else Null.
pub fn member<'a>(base: &Val<'a>, name: &str) -> Val<'a> {
    match base {
        Val::Object(entries) => key(entries, name),
        Val::List(elements) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) => {
            let index = name.parse().unwrap_or(usize::MAX);
            elements.get(index).copied().unwrap_or_default()
        }
        _ => Val::Null,
    }
}

/// `base[i]` (language.md 4.7): an element of a list or a character of a text, counted from the end
/// when negative; a key of an object. Null when there is none, and when base or index is Null.
///
/// # Errors
/// [`FaultKind::Index`] for another base or index.
pub fn index<'a>(base: &Val<'a>, index: &Val<'a>) -> Result<Val<'a>, Fault<'a>> {
    match (base, index) {
        (Val::Null, _) | (_, Val::Null) => Ok(Val::Null),
        (Val::List(elements), Val::Int(index)) => {
            let found = place(*index, elements.len()).and_then(|place| elements.get(place));
            Ok(found.copied().unwrap_or_default())
        }
        (Val::Str(text), Val::Int(index)) => Ok(character(text, *index)),
        (Val::Object(entries), Val::Str(name)) => Ok(key(entries, name)),
        _ => Err(Fault::of_two(FaultKind::Index, 0, *base, *index)),
    }
}

fn key<'a>(entries: &'a [(&'a str, Val<'a>)], name: &str) -> Val<'a> {
    let found = entries.binary_search_by(|(key, _)| (*key).cmp(name)).ok();
    found.and_then(|place| entries.get(place)).map(|(_, value)| *value).unwrap_or_default()
}

fn place(index: i64, len: usize) -> Option<usize> {
    if index >= 0 {
        return usize::try_from(index).ok();
    }
    len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
}

fn character(text: &str, index: i64) -> Val<'_> {
    let start = if index >= 0 {
        usize::try_from(index).ok().and_then(|n| text.char_indices().nth(n))
    } else {
        usize::try_from(-(index + 1)).ok().and_then(|n| text.char_indices().nth_back(n))
    };
    let found = start.and_then(|(at, character)| text.get(at..at + character.len_utf8()));
    found.map(Val::Str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Val<'_> = Val::List(&[Val::Int(1), Val::Str("x"), Val::Null]);
    const OBJECT: Val<'_> = Val::Object(&[("0", Val::Int(7)), ("a", LIST)]);

    #[test]
    fn members() {
        assert_eq!(member(&OBJECT, "a"), LIST);
        assert_eq!(member(&OBJECT, "0"), Val::Int(7));
        assert_eq!(member(&OBJECT, "b"), Val::Null);
        assert_eq!(member(&LIST, "01"), Val::Str("x"));
        assert_eq!(member(&LIST, "9"), Val::Null);
        assert_eq!(member(&LIST, "99999999999999999999999"), Val::Null);
        assert_eq!(member(&LIST, "a"), Val::Null);
        assert_eq!(member(&Val::Str("x"), "0"), Val::Null);
    }

    #[test]
    fn indices() {
        let of = |base, i| index(&base, &i).map_err(|fault| fault.kind);
        for (base, i, result) in [
            (Val::Str("héllo"), Val::Int(1), Ok(Val::Str("é"))),
            (Val::Str("héllo"), Val::Int(-4), Ok(Val::Str("é"))),
            (Val::Str("héllo"), Val::Int(5), Ok(Val::Null)),
            (Val::Str("héllo"), Val::Int(-6), Ok(Val::Null)),
            (Val::Str(""), Val::Int(i64::MIN), Ok(Val::Null)),
            (LIST, Val::Int(-2), Ok(Val::Str("x"))),
            (LIST, Val::Int(i64::MIN), Ok(Val::Null)),
            (LIST, Val::Int(3), Ok(Val::Null)),
            (LIST, Val::Null, Ok(Val::Null)),
            (Val::Null, Val::Bool(true), Ok(Val::Null)),
            (OBJECT, Val::Str("0"), Ok(Val::Int(7))),
            (OBJECT, Val::Int(0), Err(FaultKind::Index)),
            (LIST, Val::Float(1.0), Err(FaultKind::Index)),
            (Val::Int(1), Val::Int(1), Err(FaultKind::Index)),
        ] {
            assert_eq!(of(base, i), result, "{base:?}[{i:?}]");
        }
    }
}
