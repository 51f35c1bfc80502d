use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::cursor::Cursor;
use crate::print::{list, object, write_string};
use crate::{DEPTH_MAX, JsonError, JsonErrorKind};

/// Canonical form of a JSON text: keys sorted by code point, no blanks, numbers as written,
/// shortest escapes (decisions.md 38).
///
/// # Errors
///
/// As [`crate::parse`].
pub fn canonical(text: &str) -> Result<String, JsonError> {
    let mut cursor = Cursor::new(text);
    let tree = read(&mut cursor, 0)?;
    cursor.end()?;
    let mut out = String::with_capacity(text.len());
    write(&mut out, &tree);
    Ok(out)
}

/// SHA-256 of the canonical form, in hexadecimal: the value of `$raw`.
///
/// # Errors
///
/// As [`crate::parse`].
pub fn raw_hash(text: &str) -> Result<String, JsonError> {
    Ok(hex::encode(Sha256::digest(canonical(text)?.as_bytes())))
}

enum Tree<'a> {
    Plain(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

fn read<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<Tree<'a>, JsonError> {
    Ok(match cursor.peek() {
        Some(b'"') => Tree::Text(cursor.string()?),
        Some(b'-' | b'0'..=b'9') => Tree::Plain(cursor.number()?.text),
        Some(b'{' | b'[') if depth >= DEPTH_MAX => return cursor.fail(JsonErrorKind::Depth),
        Some(b'{') => read_object(cursor, depth + 1)?,
        Some(b'[') => read_list(cursor, depth + 1)?,
        Some(first) => Tree::Plain(match cursor.literal(first)? {
            None => "null",
            Some(true) => "true",
            Some(false) => "false",
        }),
        None => return cursor.fail(JsonErrorKind::End),
    })
}

fn read_list<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<Tree<'a>, JsonError> {
    cursor.expect(b'[', "`[`")?;
    let mut elements = Vec::new();
    if cursor.eat(b']') {
        return Ok(Tree::List(elements));
    }
    loop {
        elements.push(read(cursor, depth)?);
        if !cursor.more(b']', "`,` or `]`")? {
            return Ok(Tree::List(elements));
        }
    }
}

fn read_object<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<Tree<'a>, JsonError> {
    cursor.expect(b'{', "`{`")?;
    let mut entries = Vec::new();
    if cursor.eat(b'}') {
        return Ok(Tree::Object(entries));
    }
    loop {
        let key = cursor.key()?;
        entries.push((key, read(cursor, depth)?));
        if !cursor.more(b'}', "`,` or `}`")? {
            break;
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for pair in entries.windows(2) {
        if let [(first, _), (second, _)] = pair
            && first == second
        {
            return cursor.fail(JsonErrorKind::DuplicateKey(first.to_string()));
        }
    }
    Ok(Tree::Object(entries))
}

fn write(out: &mut String, tree: &Tree<'_>) {
    match tree {
        Tree::Plain(text) => out.push_str(text),
        Tree::Text(text) => write_string(out, text),
        Tree::List(elements) => list(out, elements, write),
        Tree::Object(entries) => object(out, entries.iter().map(|(key, tree)| (key, tree)), write),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_the_rest_is_normal() {
        let text = "{ \"b\" : [1.50, 1E5, -0, 1e-3], \"\\u0061\" : \"\\/\\u00e9\\n\\u0000\" }";
        assert_eq!(canonical(text).unwrap(), "{\"a\":\"/é\\n\\u0000\",\"b\":[1.50,1E5,-0,1e-3]}");
    }

    #[test]
    fn order_of_keys_does_not_matter_but_digits_do() {
        let hash = |text| raw_hash(text).unwrap();
        assert_eq!(hash(r#"{"a":1,"b":2}"#), hash(r#" {"b":2,"a":1}"#));
        assert_ne!(hash(r#"{"a":1}"#), hash(r#"{"a":1.0}"#));
        assert_eq!(hash("{}"), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    #[test]
    fn duplicate_keys_are_refused_also_when_spelled_differently() {
        let error = canonical(r#"{"x":{"a":1,"\u0061":2}}"#).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::DuplicateKey("a".to_owned()));
    }
}
