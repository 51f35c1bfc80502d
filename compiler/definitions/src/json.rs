//! JSON text to nodes. YAML reads most JSON, but not surrogate pairs, and tabs only sometimes.

use std::collections::BTreeMap;

use defacto_diagnostics::{Code, Diagnostic, FileId, Label, Span};

use crate::{
    limits::DEPTH_MAX,
    node::{Key, Node, NodeValue, Scalar, ScalarKind},
};

/// What is wrong, and the byte where.
pub(crate) struct JsonFault {
    pub(crate) at: u32,
    pub(crate) message: String,
}

/// Reads one JSON value that fills the text.
pub(crate) fn read(
    file: FileId,
    text: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Node, JsonFault> {
    let mut reader = Reader { file, text, at: 0, diagnostics };
    let node = reader.value(0)?;
    reader.blanks();
    if reader.rest().is_empty() { Ok(node) } else { Err(reader.fault("text after the end")) }
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn blanks(&mut self) {
        self.at +=
            self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn fault(&self, message: impl Into<String>) -> JsonFault {
        JsonFault { at: narrow(self.at), message: message.into() }
    }

    fn span(&self, start: usize) -> Span {
        Span { file: self.file, start: narrow(start), end: narrow(self.at) }
    }

    /// The place of a collection: the rest of its first line.
    fn first_line(&self, start: usize) -> Span {
        let whole = self.text.get(start..self.at).unwrap_or("");
        let line = whole.lines().next().unwrap_or("").trim_end().len();
        Span { file: self.file, start: narrow(start), end: narrow(start + line) }
    }

    fn value(&mut self, depth: usize) -> Result<Node, JsonFault> {
        self.blanks();
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(self.fault(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        if self.take("{") {
            let entries = self.object(depth)?;
            return Ok(Node { span: self.first_line(start), value: NodeValue::Map(entries) });
        }
        if self.take("[") {
            let items = self.array(depth)?;
            return Ok(Node { span: self.first_line(start), value: NodeValue::List(items) });
        }
        let (kind, text) = if self.rest().starts_with('"') {
            (ScalarKind::Text, self.string()?)
        } else {
            let rest = self.rest();
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
                .unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or("");
            let Some(kind) = word_kind(word) else {
                return Err(self.fault("a value is expected here"));
            };
            self.at += length;
            (kind, word.to_owned())
        };
        let span = self.span(start);
        let quoted = usize::from(kind == ScalarKind::Text);
        let same = self.text.get(start + quoted..).is_some_and(|rest| rest.starts_with(&text));
        let offset = same.then_some(narrow(quoted));
        Ok(Node { span, value: NodeValue::Scalar(Scalar { kind, text, offset }) })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, JsonFault> {
        let mut entries = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        self.blanks();
        if self.take("}") {
            return Ok(entries);
        }
        loop {
            self.blanks();
            let start = self.at;
            if !self.rest().starts_with('"') {
                return Err(self.fault("a key in double quotes is expected"));
            }
            let text = self.string()?;
            let span = self.span(start);
            self.blanks();
            if !self.take(":") {
                return Err(self.fault("`:` expected"));
            }
            let node = self.value(depth + 1)?;
            match seen.get(&text) {
                Some(first) => {
                    let message = format!("key `{text}` stands here twice");
                    let mut diagnostic = Diagnostic::new(Code::E01, "", Some(span), message);
                    diagnostic.labels.push(Label { span: *first, text: "first here".to_owned() });
                    self.diagnostics.push(diagnostic);
                }
                None => {
                    seen.insert(text.clone(), span);
                    entries.push((Key { text, span, merge: false }, node));
                }
            }
            self.blanks();
            if self.take("}") {
                return Ok(entries);
            }
            if !self.take(",") {
                return Err(self.fault("`,` or `}` expected"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node>, JsonFault> {
        let mut items = Vec::new();
        self.blanks();
        if self.take("]") {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take("]") {
                return Ok(items);
            }
            if !self.take(",") {
                return Err(self.fault("`,` or `]` expected"));
            }
        }
    }

    /// A quoted text; the JSON library resolves its escapes.
    fn string(&mut self) -> Result<String, JsonFault> {
        let rest = self.rest();
        let mut escaped = false;
        let closing = rest.char_indices().skip(1).find(|&(_, c)| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        let quoted = closing.and_then(|(at, _)| rest.get(..=at));
        let text = quoted.and_then(|quoted| serde_json::from_str::<String>(quoted).ok());
        let (Some(quoted), Some(text)) = (quoted, text) else {
            return Err(self.fault("this text does not end, or holds an unknown escape"));
        };
        self.at += quoted.len();
        Ok(text)
    }
}

fn word_kind(word: &str) -> Option<ScalarKind> {
    match word {
        "null" => return Some(ScalarKind::Null),
        "true" => return Some(ScalarKind::Bool(true)),
        "false" => return Some(ScalarKind::Bool(false)),
        _ => {}
    }
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let whole = unsigned.split(['.', 'e', 'E']).next().unwrap_or("");
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let fraction = unsigned.split_once('.').map(|(_, rest)| rest.split(['e', 'E']).next());
    let digits = !whole.is_empty() && whole.chars().all(|c| c.is_ascii_digit());
    if !digits || leading_zero || fraction == Some(Some("")) {
        return None;
    }
    let kind = crate::node::resolve(word);
    let number = matches!(kind, ScalarKind::Int(_) | ScalarKind::Float(_) | ScalarKind::OutOfRange);
    number.then_some(kind)
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
