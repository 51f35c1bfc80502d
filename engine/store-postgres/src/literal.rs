//! Parameters as literals of SQL, made from their binary form.

use std::fmt::Write;

use crate::wire::{Args, Kind, Param, instant};

impl Args {
    /// The types of the parameters for `PREPARE`.
    pub(crate) fn types(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let types: Vec<String> = self
            .0
            .iter()
            .map(|param| format!("{}{}", param.kind.sql(), if param.array { "[]" } else { "" }))
            .collect();
        format!("({})", types.join(", "))
    }

    /// The parameters for `EXECUTE`; `None` when one is no value of its type.
    pub(crate) fn literals(&self, out: &mut String) -> Option<()> {
        for (place, param) in self.0.iter().enumerate() {
            out.push_str(if place == 0 { "(" } else { ", " });
            literal(out, param)?;
        }
        if !self.0.is_empty() {
            out.push(')');
        }
        Some(())
    }
}

fn literal(out: &mut String, param: &Param) -> Option<()> {
    let Some(bytes) = &param.bytes else {
        out.push_str("NULL");
        return Some(());
    };
    out.push('\'');
    if param.array {
        array(out, param.kind, bytes)?;
    } else {
        value(out, param.kind, bytes, false)?;
    }
    out.push('\'');
    Some(())
}

/// `{…}` from dimensions, flags, type, length, lower bound and elements.
fn array(out: &mut String, kind: Kind, bytes: &[u8]) -> Option<()> {
    out.push('{');
    let mut rest = bytes.get(20..).unwrap_or_default();
    let mut first = true;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            out.push_str("NULL");
            rest = after;
            continue;
        };
        let (element, after) = after.split_at_checked(length)?;
        value(out, kind, element, true)?;
        rest = after;
    }
    out.push('}');
    Some(())
}

/// A value within the quotes of a literal, or of an array in it.
fn value(out: &mut String, kind: Kind, bytes: &[u8], element: bool) -> Option<()> {
    match kind {
        Kind::Bool => out.push(if bytes == [1] { 't' } else { 'f' }),
        Kind::Int => write!(out, "{}", i64::from_be_bytes(bytes.try_into().ok()?)).ok()?,
        Kind::Float => write!(out, "{:e}", f64::from_be_bytes(bytes.try_into().ok()?)).ok()?,
        Kind::Time => {
            let at = instant(i64::from_be_bytes(bytes.try_into().ok()?))?;
            let quote = if element { "\"" } else { "" };
            write!(out, "{quote}{at}{quote}").ok()?;
        }
        Kind::Uuid => out.push_str(&hex::encode(bytes)),
        Kind::Bytes => {
            out.push_str(if element { "\"\\\\x" } else { "\\x" });
            out.push_str(&hex::encode(bytes));
            if element {
                out.push('"');
            }
        }
        Kind::Text => {
            let text = str::from_utf8(bytes).ok()?;
            if element {
                out.push('"');
            }
            for c in text.chars() {
                match c {
                    '\'' => out.push('\''),
                    '"' | '\\' if element => out.push('\\'),
                    _ => {}
                }
                out.push(c);
            }
            if element {
                out.push('"');
            }
        }
    }
    Some(())
}

/// Bytes from their digits.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    hex::decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use defacto_model::Timestamp;

    use super::unhex;
    use crate::wire::{Args, Kind, Rows};

    #[test]
    fn literals_are_quoted_for_both_levels() {
        let mut args = Args::new();
        args.int(-5).maybe_int(None).text("it's \"\\x\"").time(Timestamp::MIN);
        let mut rows = Rows::new(&[Kind::Text, Kind::Bytes, Kind::Float, Kind::Uuid]);
        rows.row().text("it's \"\\x\"").bytes(&[0, 255]).bytes(&(-0.5_f64).to_be_bytes()).null();
        rows.row().text("").bytes(&[]).null().null();
        args.rows(&rows).rows(&Rows::new(&[Kind::Int]));
        let mut out = String::new();
        args.literals(&mut out).unwrap();
        assert_eq!(
            out,
            r#"('-5', NULL, 'it''s "\x"', '0001-01-01T00:00:00+00:00', '{"it''s \"\\x\"",""}', "#
                .to_owned()
                + r#"'{"\\x00ff","\\x"}', '{-5e-1,NULL}', '{NULL,NULL}', '{}')"#
        );
        assert_eq!(
            args.types(),
            "(BIGINT, BIGINT, TEXT, TIMESTAMPTZ, TEXT[], BYTEA[], DOUBLE PRECISION[], UUID[], BIGINT[])"
        );
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        assert_eq!((unhex("0"), unhex("0g")), (None, None));
    }
}
