use regex::Regex;

use crate::{Fault, FaultKind, Val};

/// Checks a text against a schema's pattern, which is searched in it (language.md 3.4). Other
/// values pass.
///
/// # Errors
/// [`FaultKind::Regex`].
pub fn check_pattern<'a>(value: &Val<'a>, pattern: &Regex) -> Result<(), Fault<'a>> {
    match value {
        Val::Str(text) if !pattern.is_match(text) => Err(Fault::new(FaultKind::Regex, 0, *value)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_searched() {
        let digits = Regex::new("[0-9]{2}").unwrap();
        assert_eq!(check_pattern(&Val::Str("a12b"), &digits), Ok(()));
        assert_eq!(check_pattern(&Val::Null, &digits), Ok(()));
        let fault = check_pattern(&Val::Str("a1b"), &digits).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Regex);
    }
}
