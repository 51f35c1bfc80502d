use std::borrow::Cow;

use defacto_model::{RawPath, Value};

use crate::cursor::{Cursor, Numeric};
use crate::keys::Keys;
use crate::trie::{Node, ROOT, Trie, array_index};
use crate::{DEPTH_MAX, JsonError, JsonErrorKind, parse};

/// Takes the values at prepared paths out of raw records, each read once from front to back
/// (language.md 3.3, 5.2).
///
/// Everything else is checked (grammar, duplicate keys, depth, ranges of numbers) but not built.
#[derive(Debug)]
pub struct Extractor {
    trie: Trie,
    slots: usize,
}

/// A value of a raw record.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RawValue<'a> {
    /// The path leads nowhere.
    #[default]
    Absent,
    /// JSON `null`.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer within `i64`.
    Int(i64),
    /// Another number.
    Float(f64),
    /// An integer outside `i64`, as written.
    BigInt(&'a str),
    /// Text.
    Text(Cow<'a, str>),
    /// A list or an object.
    Tree(Value),
}

/// Memory that extractions of one batch share.
#[derive(Debug, Default)]
pub struct Scratch<'a> {
    keys: Keys<'a>,
    literal: Vec<bool>,
}

impl RawValue<'_> {
    /// The same as an owned value; absent is null.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Absent | Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(int) => Value::Int(*int),
            Self::Float(float) => Value::Float(*float),
            Self::BigInt(digits) => Value::BigInt((*digits).to_owned()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::Tree(tree) => tree.clone(),
        }
    }

    fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(int) => Self::Int(*int),
            Value::Float(float) => Self::Float(*float),
            Value::String(text) => Self::Text(Cow::Owned(text.clone())),
            other => Self::Tree(other.clone()),
        }
    }
}

impl Extractor {
    /// Prepares paths; the position of a path is the position of its value.
    pub fn new(paths: &[RawPath]) -> Self {
        Self { trie: Trie::new(paths), slots: paths.len() }
    }

    /// Reads one record into `out`, which then has one value per path.
    ///
    /// Returns false when the record is valid JSON but no object (N01).
    ///
    /// # Errors
    ///
    /// As [`crate::parse`].
    pub fn extract<'a>(
        &self,
        record: &'a str,
        scratch: &mut Scratch<'a>,
        out: &mut Vec<RawValue<'a>>,
    ) -> Result<bool, JsonError> {
        out.clear();
        out.resize(self.slots, RawValue::Absent);
        scratch.keys.clear();
        scratch.literal.clear();
        scratch.literal.resize(self.slots, false);
        let mut cursor = Cursor::new(record);
        let is_object = cursor.peek() == Some(b'{');
        let mut pass = Pass { trie: &self.trie, scratch, out };
        if is_object {
            pass.object(&mut cursor, self.trie.node(ROOT), 1)?;
        } else {
            pass.skip(&mut cursor, 0)?;
        }
        cursor.end()?;
        Ok(is_object)
    }
}

/// One record being read.
struct Pass<'p, 's, 'a> {
    trie: &'p Trie,
    scratch: &'s mut Scratch<'a>,
    out: &'s mut Vec<RawValue<'a>>,
}

impl<'p, 'a> Pass<'p, '_, 'a> {
    /// Reads an object; `None` when nothing below is wanted.
    fn object(
        &mut self,
        cursor: &mut Cursor<'a>,
        node: Option<&'p Node>,
        depth: usize,
    ) -> Result<(), JsonError> {
        if depth > DEPTH_MAX {
            return cursor.fail(JsonErrorKind::Depth);
        }
        cursor.expect(b'{', "`{`")?;
        if cursor.eat(b'}') {
            return Ok(());
        }
        let mark = self.scratch.keys.open();
        loop {
            let key = cursor.key()?;
            let child = node.and_then(|node| node.by_key(&key)).and_then(|at| self.trie.node(at));
            self.scratch.keys.push(key);
            match child {
                Some(child) => self.wanted(cursor, child, depth)?,
                None => self.skip(cursor, depth)?,
            }
            if !cursor.more(b'}', "`,` or `}`")? {
                break;
            }
        }
        self.scratch.keys.close(mark).or_else(|kind| cursor.fail(kind))
    }

    /// Reads a value at or above a wanted place.
    fn wanted(
        &mut self,
        cursor: &mut Cursor<'a>,
        node: &'p Node,
        depth: usize,
    ) -> Result<(), JsonError> {
        let found = match cursor.peek() {
            Some(b'"') => RawValue::Text(cursor.string()?),
            Some(b'-' | b'0'..=b'9') => match cursor.number()?.value() {
                Numeric::Int(int) => RawValue::Int(int),
                Numeric::Float(float) => RawValue::Float(float),
                Numeric::BigInt(digits) => RawValue::BigInt(digits),
            },
            Some(b'{') if !node.whole => return self.object(cursor, Some(node), depth + 1),
            Some(b'[') if !node.whole => return self.array(cursor, node, depth + 1),
            Some(b'{' | b'[') => {
                let tree = parse::value(cursor, depth)?;
                self.descend(node, &tree);
                RawValue::Tree(tree)
            }
            Some(first) => cursor.literal(first)?.map_or(RawValue::Null, RawValue::Bool),
            None => return cursor.fail(JsonErrorKind::End),
        };
        self.store(node, found);
        Ok(())
    }

    fn array(
        &mut self,
        cursor: &mut Cursor<'a>,
        node: &'p Node,
        depth: usize,
    ) -> Result<(), JsonError> {
        if depth > DEPTH_MAX {
            return cursor.fail(JsonErrorKind::Depth);
        }
        cursor.expect(b'[', "`[`")?;
        if cursor.eat(b']') {
            return Ok(());
        }
        let mut index = 0;
        loop {
            let mut children = node.by_index(index).filter_map(|at| self.trie.node(at));
            match (children.next(), children.next()) {
                (Some(child), None) => self.wanted(cursor, child, depth)?,
                (None, _) => self.skip(cursor, depth)?,
                (Some(_), Some(_)) => {
                    // One element under several spellings (`0` and `00`).
                    let tree = parse::value(cursor, depth)?;
                    for at in node.by_index(index) {
                        self.place(at, &tree);
                    }
                }
            }
            index += 1;
            if !cursor.more(b']', "`,` or `]`")? {
                return Ok(());
            }
        }
    }

    /// Follows the paths below a value that was read whole.
    fn descend(&mut self, node: &'p Node, tree: &Value) {
        for (step, at) in node.children() {
            let below = match tree {
                Value::Object(entries) => entries.get(step),
                Value::List(elements) => {
                    array_index(step, elements.len()).and_then(|index| elements.get(index))
                }
                _ => None,
            };
            if let Some(below) = below {
                self.place(at, below);
            }
        }
    }

    fn place(&mut self, at: usize, value: &Value) {
        let Some(node) = self.trie.node(at) else { return };
        self.descend(node, value);
        self.store(node, RawValue::from_value(value));
    }

    fn store(&mut self, node: &Node, found: RawValue<'a>) {
        let Some((last, others)) = node.slots.split_last() else { return };
        for slot in others {
            self.put(slot.number, slot.literal, found.clone());
        }
        self.put(last.number, last.literal, found);
    }

    #[inline]
    fn put(&mut self, number: usize, literal: bool, found: RawValue<'a>) {
        let (Some(out), Some(taken)) =
            (self.out.get_mut(number), self.scratch.literal.get_mut(number))
        else {
            return;
        };
        if literal || !*taken {
            *taken = literal;
            *out = found;
        }
    }

    /// Checks a value that nobody wants.
    fn skip(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<(), JsonError> {
        match cursor.peek() {
            Some(b'"') => cursor.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => cursor.number().map(|_| ()),
            Some(b'{') => self.object(cursor, None, depth + 1),
            Some(b'[') => self.skip_array(cursor, depth + 1),
            Some(first) => cursor.literal(first).map(|_| ()),
            None => cursor.fail(JsonErrorKind::End),
        }
    }

    fn skip_array(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<(), JsonError> {
        if depth > DEPTH_MAX {
            return cursor.fail(JsonErrorKind::Depth);
        }
        cursor.expect(b'[', "`[`")?;
        if cursor.eat(b']') {
            return Ok(());
        }
        loop {
            self.skip(cursor, depth)?;
            if !cursor.more(b']', "`,` or `]`")? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"u":{"a":{"c":3}},"i":[{"p":1},{"p":2}],"a.b":9,"a":{"b":8},"n":null,"0":{"x":"\u00e9"}}"#;

    fn extract(record: &str, paths: &[(&str, bool)]) -> Result<Vec<String>, JsonError> {
        let paths: Vec<_> = paths
            .iter()
            .map(|&(path, literal_first)| RawPath { path: path.to_owned(), literal_first })
            .collect();
        let mut out = Vec::new();
        Extractor::new(&paths).extract(record, &mut Scratch::default(), &mut out)?;
        Ok(out
            .iter()
            .map(|value| match value {
                RawValue::Absent => "absent".to_owned(),
                other => crate::to_json(&other.to_value()),
            })
            .collect())
    }

    #[test]
    fn lookup_follows_the_examples_of_the_specification() {
        for (path, found) in [
            ("u.a.c", "3"),
            ("i.0.p", "1"),
            ("i.1.p", "2"),
            ("i.-1.p", "2"),
            ("i.-2.p", "1"),
            ("i.-3.p", "absent"),
            ("i.2.p", "absent"),
            ("i.-0.p", "absent"),
            ("u.a.c.d", "absent"),
            ("i.x", "absent"),
            ("a.b", "9"),
            ("u", r#"{"a":{"c":3}}"#),
            ("i", r#"[{"p":1},{"p":2}]"#),
            ("n", "null"),
            ("n.x", "absent"),
            ("0.x", "\"é\""),
            ("", "absent"),
        ] {
            assert_eq!(extract(RECORD, &[(path, true)]).unwrap(), [found], "{path}");
        }
        assert_eq!(extract(RECORD, &[("a.b", false)]).unwrap(), ["8"]);
    }

    #[test]
    fn paths_that_share_steps_do_not_disturb_each_other() {
        let paths = [
            ("u", false),
            ("u.a", false),
            ("u.a.c", true),
            ("u.a.c", true),
            ("i.0", false),
            ("i.0.p", false),
            ("i.-1", false),
            ("i.00.p", false),
            ("a.b", true),
            ("a.b", false),
        ];
        let all = extract(RECORD, &paths).unwrap();
        for (path, found) in paths.iter().zip(all) {
            assert_eq!(extract(RECORD, &[*path]).unwrap(), [found], "{path:?}");
        }
    }

    #[test]
    fn literal_key_wins_wherever_it_stands() {
        for record in [r#"{"a.b":null,"a":{"b":1}}"#, r#"{"a":{"b":1},"a.b":null}"#] {
            assert_eq!(extract(record, &[("a.b", true)]).unwrap(), ["null"]);
        }
    }

    #[test]
    fn faults_are_found_anywhere() {
        for (record, kind) in [
            (r#"{"a":1,"b":{"c":1,"c":2}}"#, JsonErrorKind::DuplicateKey("c".to_owned())),
            (r#"{"a":1,"\u0061":2}"#, JsonErrorKind::DuplicateKey("a".to_owned())),
            (r#"{"a":1"#, JsonErrorKind::End),
            (r#"{"a":1}x"#, JsonErrorKind::Trailing),
            (r#"{"z":01}"#, JsonErrorKind::Expected("a number without leading zeros")),
            (r#"{"z":1e999}"#, JsonErrorKind::NumberRange),
            ("{\"z\":\"\n\"}", JsonErrorKind::Control),
            (r#"{"z":"\ud800"}"#, JsonErrorKind::Escape),
            (r#"{"z":[1,]}"#, JsonErrorKind::Expected("a value")),
            ("", JsonErrorKind::End),
        ] {
            assert_eq!(extract(record, &[("a", true)]).unwrap_err().kind, kind, "{record}");
            if let Ok(value) = parse(record) {
                panic!("{record} parsed as {value:?}");
            }
        }
        let deep = format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(parse(&deep).is_ok());
        assert_eq!(parse(&format!("[{deep}]")).unwrap_err().kind, JsonErrorKind::Depth);
        assert_eq!(
            extract(&format!("{{\"z\":{deep}}}"), &[]).unwrap_err().kind,
            JsonErrorKind::Depth
        );
    }

    #[test]
    fn many_keys_are_checked_too() {
        let keys: Vec<_> = (0..100).map(|n| format!("\"key_number_{n}\":{n}")).collect();
        let record = format!("{{{}}}", keys.join(","));
        assert_eq!(extract(&record, &[("key_number_77", true)]).unwrap(), ["77"]);
        let twice = format!("{{{},\"key_number_3\":0}}", keys.join(","));
        assert!(matches!(
            extract(&twice, &[]).unwrap_err().kind,
            JsonErrorKind::DuplicateKey(key) if key == "key_number_3"
        ));
    }

    #[test]
    fn whatever_is_cut_off_is_an_error() {
        for end in 0..RECORD.len() {
            if let Some(start) = RECORD.get(..end) {
                assert!(extract(start, &[("u.a.c", true), ("i.-1", true)]).is_err(), "{start}");
            }
        }
    }
}
