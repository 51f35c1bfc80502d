use std::collections::BTreeMap;

use defacto_model::Value;

use crate::cursor::{Cursor, Numeric};
use crate::{JsonError, JsonErrorKind};

/// How many arrays and objects may stand inside each other.
pub const DEPTH_MAX: usize = 128;

/// Parses a JSON text (language.md 4.3, "JSON in").
///
/// # Errors
///
/// When the text is no JSON, repeats a key within an object, nests deeper than [`DEPTH_MAX`], or holds
/// a number beyond the range of doubles.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    let mut cursor = Cursor::new(text);
    let parsed = value(&mut cursor, 0)?;
    cursor.end()?;
    Ok(parsed)
}

/// Parses the value that comes next.
pub(crate) fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, JsonError> {
    Ok(match cursor.peek() {
        Some(b'"') => Value::String(cursor.string()?.into_owned()),
        Some(b'-' | b'0'..=b'9') => match cursor.number()?.value() {
            Numeric::Int(int) => Value::Int(int),
            Numeric::Float(float) => Value::Float(float),
            Numeric::BigInt(digits) => Value::BigInt(digits.to_owned()),
        },
        Some(b'{') => object(cursor, depth + 1)?,
        Some(b'[') => array(cursor, depth + 1)?,
        Some(first) => cursor.literal(first)?.map_or(Value::Null, Value::Bool),
        None => return cursor.fail(JsonErrorKind::End),
    })
}

fn array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, JsonError> {
    if depth > DEPTH_MAX {
        return cursor.fail(JsonErrorKind::Depth);
    }
    cursor.expect(b'[', "`[`")?;
    let mut elements = Vec::new();
    if cursor.eat(b']') {
        return Ok(Value::List(elements));
    }
    loop {
        elements.push(value(cursor, depth)?);
        if !cursor.more(b']', "`,` or `]`")? {
            return Ok(Value::List(elements));
        }
    }
}

fn object(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, JsonError> {
    if depth > DEPTH_MAX {
        return cursor.fail(JsonErrorKind::Depth);
    }
    cursor.expect(b'{', "`{`")?;
    let mut entries = BTreeMap::new();
    if cursor.eat(b'}') {
        return Ok(Value::Object(entries));
    }
    loop {
        let key = cursor.key()?.into_owned();
        let entry = value(cursor, depth)?;
        if entries.contains_key(&key) {
            return cursor.fail(JsonErrorKind::DuplicateKey(key));
        }
        entries.insert(key, entry);
        if !cursor.more(b'}', "`,` or `}`")? {
            return Ok(Value::Object(entries));
        }
    }
}
