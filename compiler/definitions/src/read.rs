//! What all readers share: errors with places, maps with known keys, maps of names, texts and words.

use defacto_diagnostics::{Code, Diagnostic, Span, nearest};

use crate::{
    ExprText, Literal, Spanned,
    names::{Names, check_name},
    node::{Key, Node, NodeValue, ScalarKind},
};

/// Collects what is wrong while definitions are read.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Where something stands: its path, and the place that a message about it as a whole points at.
#[derive(Clone)]
pub(crate) struct At {
    pub(crate) path: String,
    pub(crate) span: Span,
}

impl At {
    pub(crate) fn key(&self, key: &Key) -> Self {
        Self { path: format!("{}.{}", self.path, key.text), span: key.span }
    }

    pub(crate) fn item(&self, index: usize, node: &Node) -> Self {
        Self { path: format!("{}[{index}]", self.path), span: node.span }
    }
}

/// The entries of a map with a closed set of keys.
pub(crate) struct Fields<'n> {
    pub(crate) at: At,
    entries: Vec<(&'n Key, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// The value of a key; null counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<(At, &'n Node)> {
        self.given(name).filter(|(_, node)| !node.is_null())
    }

    /// The value of a key, null included.
    pub(crate) fn given(&self, name: &str) -> Option<(At, &'n Node)> {
        let (key, node) = self.entries.iter().find(|(key, _)| key.text == name)?;
        Some((self.at.key(key), node))
    }
}

/// Keys that carry metadata in every block with fixed keys (language.md 1.5).
fn is_metadata(key: &str) -> bool {
    matches!(key, "description" | "owner" | "tags") || key.starts_with("x-")
}

impl Reader {
    pub(crate) fn error(&mut self, code: Code, at: &At, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(code, at.path.clone(), Some(at.span), message));
    }

    pub(crate) fn error_with_help(
        &mut self,
        code: Code,
        at: &At,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::new(code, at.path.clone(), Some(at.span), message);
        self.diagnostics.push(diagnostic.with_help(help));
    }

    /// E-01: another kind of block than the one wanted.
    pub(crate) fn wrong_kind(&mut self, at: &At, node: &Node, wanted: &str) {
        let at = At { path: at.path.clone(), span: node.span };
        self.error(Code::E01, &at, format!("{wanted} is expected here, not {}", node.kind()));
    }

    /// E-03.
    pub(crate) fn missing(&mut self, at: &At, what: &str, key: &str) {
        self.error(Code::E03, at, format!("{what} needs the key `{key}`"));
    }

    /// The entries of a map, E-01 for another kind. Null means empty.
    pub(crate) fn map<'n>(&mut self, at: &At, node: &'n Node) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            NodeValue::Map(entries) => Some(entries),
            _ if node.is_null() => Some(&[]),
            _ => {
                self.wrong_kind(at, node, "a mapping");
                None
            }
        }
    }

    /// The items of a list, E-01 for another kind. Null means empty.
    pub(crate) fn list<'n>(&mut self, at: &At, node: &'n Node) -> Option<&'n [Node]> {
        match &node.value {
            NodeValue::List(items) => Some(items),
            _ if node.is_null() => Some(&[]),
            _ => {
                self.wrong_kind(at, node, "a list");
                None
            }
        }
    }

    /// A map with a closed set of keys; E-02 for any other key.
    pub(crate) fn fields<'n>(
        &mut self,
        at: &At,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let entries = self.map(at, node)?;
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) && !is_metadata(&key.text) {
                self.unknown_key(&at.key(key), &key.text, what, known);
            }
        }
        let entries = entries.iter().map(|(key, node)| (key, node)).collect();
        Some(Fields { at: at.clone(), entries })
    }

    pub(crate) fn unknown_key(&mut self, at: &At, key: &str, what: &str, known: &[&str]) {
        let help = suggestion(key, known);
        self.error_with_help(Code::E02, at, format!("unknown key `{key}` of {what}"), help);
    }

    /// A map whose keys are names; E-02 for illegal ones, which are kept. Keys that begin with `x-` and could not be
    /// names of the kind are metadata.
    pub(crate) fn names<'n>(
        &mut self,
        at: &At,
        node: &'n Node,
        names: Names,
    ) -> Option<Vec<(Spanned<String>, At, &'n Node)>> {
        let entries = self.map(at, node)?;
        let mut found = Vec::new();
        for (key, node) in entries {
            if key.text.starts_with("x-") && !names.dashes() {
                continue;
            }
            let at = at.key(key);
            let name =
                Spanned { value: key.text.clone(), span: Some(key.span), path: at.path.clone() };
            self.name(&name, names);
            found.push((name, at, node));
        }
        Some(found)
    }

    /// E-02 for an illegal name (language.md 1.4).
    pub(crate) fn name(&mut self, name: &Spanned<String>, names: Names) {
        if let Err(message) = check_name(&name.value, names) {
            self.diagnostics.push(Diagnostic::new(
                Code::E02,
                name.path.clone(),
                name.span,
                message,
            ));
        }
    }

    /// A text. Numbers and booleans count by their source text, as they do where they are keys.
    pub(crate) fn text(&mut self, at: &At, node: &Node) -> Option<Spanned<String>> {
        match &node.value {
            NodeValue::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(Spanned {
                value: scalar.text.clone(),
                span: Some(node.span),
                path: at.path.clone(),
            }),
            _ => {
                self.wrong_kind(at, node, "a text");
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, at: &At, node: &Node) -> Option<Vec<Spanned<String>>> {
        let items = self.list(at, node)?;
        let texts = items.iter().enumerate();
        Some(texts.filter_map(|(index, item)| self.text(&at.item(index, item), item)).collect())
    }

    /// A list of texts, or one text for a list of one.
    pub(crate) fn one_or_more(&mut self, at: &At, node: &Node) -> Option<Vec<Spanned<String>>> {
        match node.value {
            NodeValue::Scalar(_) => self.text(at, node).map(|text| vec![text]),
            _ => self.texts(at, node),
        }
    }

    /// A word of a closed set; E-06 for any other.
    pub(crate) fn word<T: Copy>(
        &mut self,
        at: &At,
        node: &Node,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(at, node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let at = At { path: at.path.clone(), span: node.span };
        let help = suggestion(&text.value, &known);
        self.error_with_help(Code::E06, &at, format!("unknown {what} `{}`", text.value), help);
        None
    }

    /// A literal; E-01 for a number that no value of the language can hold.
    pub(crate) fn literal(&mut self, at: &At, node: &Node) -> Option<Spanned<Literal>> {
        let Some(value) = node.literal() else {
            let at = At { path: at.path.clone(), span: node.span };
            let help =
                "integers go from -9223372036854775808 to 9223372036854775807; floats are finite";
            self.error_with_help(Code::E01, &at, "number out of range", help);
            return None;
        };
        Some(Spanned { value, span: Some(node.span), path: at.path.clone() })
    }

    /// A list of literals.
    pub(crate) fn literals(&mut self, at: &At, node: &Node) -> Option<Vec<Spanned<Literal>>> {
        let items = self.list(at, node)?;
        let literals = items.iter().enumerate();
        Some(
            literals
                .filter_map(|(index, item)| self.literal(&at.item(index, item), item))
                .collect(),
        )
    }

    /// The text of an expression; E-18 for another scalar. `boolean` admits the unquoted `true` and `false`.
    pub(crate) fn expression(&mut self, at: &At, node: &Node, boolean: bool) -> Option<ExprText> {
        let NodeValue::Scalar(scalar) = &node.value else {
            self.wrong_kind(at, node, "the text of an expression");
            return None;
        };
        let text = match scalar.kind {
            ScalarKind::Text => scalar.text.clone(),
            ScalarKind::Bool(value) if boolean => value.to_string(),
            _ => {
                let at = At { path: at.path.clone(), span: node.span };
                let help = format!("write '{}' in quotes to mean the constant", scalar.text);
                let message = format!("an expression is a text, not {}", node.kind());
                self.error_with_help(Code::E18, &at, message, help);
                return None;
            }
        };
        let offset = scalar.offset.filter(|_| text == scalar.text);
        Some(ExprText { text, span: Some(node.span), offset, path: at.path.clone() })
    }

    /// The expression under a key, if given.
    pub(crate) fn optional_expression(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        boolean: bool,
    ) -> Option<ExprText> {
        let (at, node) = fields.get(key)?;
        self.expression(&at, node, boolean)
    }

    /// The literal under a key, if given and not null.
    pub(crate) fn optional_literal(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
    ) -> Option<Spanned<Literal>> {
        let (at, node) = fields.get(key)?;
        self.literal(&at, node)
    }

    /// The text under a key, if given and not null.
    pub(crate) fn optional_text(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
    ) -> Option<Spanned<String>> {
        let (at, node) = fields.get(key)?;
        self.text(&at, node)
    }

    /// The text under a key; E-03 when it is absent.
    pub(crate) fn required_text(
        &mut self,
        fields: &Fields<'_>,
        what: &str,
        key: &str,
    ) -> Option<Spanned<String>> {
        if let Some((at, node)) = fields.get(key) {
            return self.text(&at, node);
        }
        self.missing(&fields.at, what, key);
        None
    }
}

/// Help for an unknown word.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        None if known.is_empty() => "no key is known here".to_owned(),
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Stands for a text that is missing or unreadable, which has been reported.
pub(crate) fn absent(at: &At) -> Spanned<String> {
    Spanned { value: String::new(), span: Some(at.span), path: at.path.clone() }
}
