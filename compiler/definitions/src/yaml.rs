//! YAML text to nodes, over the events of the parser library.

use std::{borrow::Cow, collections::BTreeMap};

use defacto_diagnostics::{Code, Diagnostic, FileId, Label, Span};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::{
    limits::{DEPTH_MAX, EXPANSION_BYTES_MAX},
    node::{Key, Node, NodeValue, Scalar, ScalarKind, resolve},
};

/// What a text holds.
pub(crate) struct Read {
    /// Its documents; empty ones are left out.
    pub(crate) documents: Vec<Node>,
    /// Whether it could be read to its end.
    pub(crate) complete: bool,
}

/// Reads every document of the text. When the text is broken, one diagnostic says so and the documents before the
/// fault are returned.
pub(crate) fn read(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Read {
    let mut builder = Builder {
        places: Places::new(file, text),
        text,
        diagnostics,
        documents: Vec::new(),
        frames: Vec::new(),
        anchors: BTreeMap::new(),
        expanded: 0,
    };
    let mut complete = true;
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let mut parser = Parser::new_from_str(body);
    while let Some(event) = parser.next_event() {
        let fault = match event {
            Ok((event, span)) => builder.event(event, span.start, span.end).err(),
            Err(error) => {
                let at = builder.places.byte(*error.marker());
                let end = next_char(text, at);
                let message = format!("invalid YAML: {}", error.info());
                Some((builder.places.span(at, end), message))
            }
        };
        if let Some((span, message)) = fault {
            let mut diagnostic = Diagnostic::new(Code::E01, "", Some(span), message);
            diagnostic.help = help(&diagnostic.message).map(str::to_owned);
            builder.diagnostics.push(diagnostic);
            complete = false;
            break;
        }
    }
    Read { documents: builder.documents, complete }
}

const BOM: char = '\u{feff}';

/// A fault after which the rest of the text means nothing.
type Fault = (Span, String);

struct Builder<'a> {
    places: Places,
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
    documents: Vec<Node>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    /// Bytes that aliases and anchors have copied.
    expanded: usize,
}

/// A finished node with an anchor.
struct Anchored {
    node: Node,
    weight: usize,
    depth: usize,
}

/// A collection that is being read.
struct Frame {
    start: Span,
    anchor: usize,
    weight: usize,
    /// Of the deepest finished child.
    depth: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: BTreeMap<String, Span>, key: Pending },
}

enum Pending {
    /// The next node is a key.
    Key,
    /// The next node belongs to this key.
    Value(Key),
    /// The next node belongs to a key that is of no use.
    Ignored,
}

/// What one node costs besides its text.
const NODE_WEIGHT: usize = 64;

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, start: Marker, end: Marker) -> Result<(), Fault> {
        let (start, end) = (self.places.byte(start), self.places.byte(end));
        let span = self.places.span(start, end.max(start));
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(_) | Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Alias(id) => {
                let Some(anchored) = self.anchors.get(&id) else {
                    return Err((span, "alias inside the block that it names".to_owned()));
                };
                let (weight, depth) = (anchored.weight, anchored.depth);
                self.expand(weight, span)?;
                let Some(anchored) = self.anchors.get(&id) else { return Ok(()) };
                let node = anchored.node.clone();
                self.push(node, weight, depth)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag, span)?;
                self.finish(node, anchor, NODE_WEIGHT + text.len(), 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::List(Vec::new()), anchor, tag, "seq", span)
            }
            Event::MappingStart(anchor, tag) => {
                let content =
                    Content::Map { entries: Vec::new(), seen: BTreeMap::new(), key: Pending::Key };
                self.open(content, anchor, tag, "map", span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.frames.pop() else { return Ok(()) };
                let span = self.first_line(frame.start, end);
                let value = match frame.content {
                    Content::List(items) => NodeValue::List(items),
                    Content::Map { entries, .. } => NodeValue::Map(self.merge(entries)),
                };
                self.finish(Node { span, value }, frame.anchor, frame.weight, frame.depth + 1)
            }
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<Cow<'_, Tag>>,
        span: Span,
    ) -> Result<Node, Fault> {
        let plain = style == ScalarStyle::Plain;
        let kind = match tag.as_deref() {
            None if plain => resolve(text),
            None => ScalarKind::Text,
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => ScalarKind::Text,
            Some(tag) if tag.is_yaml_core_schema() => {
                let kind = resolve(text);
                match (tag.suffix.as_str(), kind) {
                    ("str", _) => ScalarKind::Text,
                    ("null", ScalarKind::Null)
                    | ("bool", ScalarKind::Bool(_))
                    | ("int", ScalarKind::Int(_))
                    | ("float", ScalarKind::Float(_))
                    | ("int" | "float", ScalarKind::OutOfRange) => kind,
                    #[expect(clippy::cast_precision_loss, reason = "what the tag asks for")]
                    ("float", ScalarKind::Int(value)) => ScalarKind::Float(value as f64),
                    (name, _) => return Err((span, format!("`{text}` is no `!!{name}`"))),
                }
            }
            Some(tag) => return Err((span, format!("unknown tag `{tag}`"))),
        };
        let span = if span.start == span.end { span } else { self.trim(span) };
        let found = self.slice(span).find(text).filter(|_| !text.is_empty());
        let offset = found.and_then(|at| u32::try_from(at).ok());
        let value = NodeValue::Scalar(Scalar { kind, text: text.to_owned(), offset });
        Ok(Node { span, value })
    }

    fn open(
        &mut self,
        content: Content,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        own: &str,
        span: Span,
    ) -> Result<(), Fault> {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == own)
        {
            return Err((span, format!("unknown tag `{tag}`")));
        }
        if self.frames.len() >= DEPTH_MAX {
            return Err((span, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.frames.push(Frame { start: span, anchor, weight: NODE_WEIGHT, depth: 0, content });
        Ok(())
    }

    /// A node is complete: remembers it under its anchor and hands it to what holds it.
    fn finish(
        &mut self,
        node: Node,
        anchor: usize,
        weight: usize,
        depth: usize,
    ) -> Result<(), Fault> {
        if anchor > 0 {
            self.expand(weight, node.span)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, depth });
        }
        self.push(node, weight, depth)
    }

    /// Accounts for a copy, before it is made.
    fn expand(&mut self, weight: usize, span: Span) -> Result<(), Fault> {
        self.expanded = self.expanded.saturating_add(weight);
        if self.expanded > EXPANSION_BYTES_MAX {
            return Err((span, "aliases expand to too much text".to_owned()));
        }
        Ok(())
    }

    fn push(&mut self, node: Node, weight: usize, depth: usize) -> Result<(), Fault> {
        if self.frames.len() + depth > DEPTH_MAX {
            return Err((node.span, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let Some(frame) = self.frames.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        frame.weight = frame.weight.saturating_add(weight);
        frame.depth = frame.depth.max(depth);
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, seen, key } => match std::mem::replace(key, Pending::Key) {
                Pending::Key => *key = next_key(node, seen, self.diagnostics),
                Pending::Value(name) => entries.push((name, node)),
                Pending::Ignored => {}
            },
        }
        Ok(())
    }

    /// Resolves `<<`: what is merged in comes first, and yields to what is written beside it.
    fn merge(&mut self, entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
        if !entries.iter().any(|(key, _)| key.merge) {
            return entries;
        }
        let mut merged: Vec<(Key, Node)> = Vec::new();
        let mut own = Vec::new();
        for (key, node) in entries {
            if !key.merge {
                own.push((key, node));
                continue;
            }
            let sources = match node.value {
                NodeValue::List(items) => items,
                value => vec![Node { span: node.span, value }],
            };
            for source in sources {
                let span = source.span;
                match source.value {
                    NodeValue::Map(entries) => merged.extend(entries),
                    _ => self.diagnostics.push(Diagnostic::new(
                        Code::E01,
                        "",
                        Some(span),
                        "`<<` merges mappings only",
                    )),
                }
            }
        }
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut result: Vec<(Key, Node)> = Vec::new();
        for (key, node) in merged {
            if !places.contains_key(&key.text) {
                places.insert(key.text.clone(), result.len());
                result.push((key, node));
            }
        }
        for (key, node) in own {
            match places.get(&key.text).and_then(|&at| result.get_mut(at)) {
                Some(slot) => *slot = (key, node),
                None => result.push((key, node)),
            }
        }
        result
    }

    fn slice(&self, span: Span) -> &str {
        let bytes = |n| usize::try_from(n).unwrap_or(usize::MAX);
        self.text.get(bytes(span.start)..bytes(span.end)).unwrap_or("")
    }

    /// Without blanks at the end.
    fn trim(&self, span: Span) -> Span {
        let cut = self.slice(span).len() - self.slice(span).trim_end().len();
        Span { end: span.end - u32::try_from(cut).unwrap_or(0), ..span }
    }

    /// From the start of a collection to its end, or to the end of its first line.
    fn first_line(&self, start: Span, end: u32) -> Span {
        let whole = Span { end: end.max(start.end), ..start };
        let line = self.slice(whole).lines().next().unwrap_or("").trim_end().len();
        let end = start.start + u32::try_from(line).unwrap_or(0);
        Span { end: end.max(start.end), ..whole }
    }
}

fn next_key(
    node: Node,
    seen: &mut BTreeMap<String, Span>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Pending {
    let span = node.span;
    let NodeValue::Scalar(scalar) = node.value else {
        let message = "a key must be a text, a number, a boolean or null";
        diagnostics.push(Diagnostic::new(Code::E01, "", Some(span), message));
        return Pending::Ignored;
    };
    let merge = scalar.text == "<<" && scalar.offset == Some(0);
    if let Some(first) = seen.get(&scalar.text) {
        let message = format!("key `{}` stands here twice", scalar.text);
        let mut diagnostic = Diagnostic::new(Code::E01, "", Some(span), message);
        diagnostic.labels.push(Label { span: *first, text: "first here".to_owned() });
        diagnostics.push(diagnostic);
        return Pending::Ignored;
    }
    seen.insert(scalar.text.clone(), span);
    Pending::Value(Key { text: scalar.text, span, merge })
}

/// Translates the library's positions, which count characters, to bytes.
struct Places {
    file: FileId,
    /// Byte of each character and the end, unless the text is ASCII.
    bytes: Option<Vec<u32>>,
    length: u32,
}

impl Places {
    fn new(file: FileId, text: &str) -> Self {
        let narrow = |n| u32::try_from(n).unwrap_or(u32::MAX);
        let skip = usize::from(text.starts_with(BOM));
        let bytes = (!text.is_ascii())
            .then(|| text.char_indices().skip(skip).map(|(at, _)| narrow(at)).collect());
        Self { file, bytes, length: narrow(text.len()) }
    }

    fn byte(&self, marker: Marker) -> u32 {
        match &self.bytes {
            Some(bytes) => bytes.get(marker.index()).copied().unwrap_or(self.length),
            None => u32::try_from(marker.index()).unwrap_or(u32::MAX).min(self.length),
        }
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }
}

/// The byte after the character at `at`.
fn next_char(text: &str, at: u32) -> u32 {
    let rest = usize::try_from(at).ok().and_then(|at| text.get(at..)).unwrap_or("");
    let length = rest.chars().next().filter(|&c| c != '\n').map_or(0, char::len_utf8);
    at + u32::try_from(length).unwrap_or(0)
}

/// What mostly lies behind a complaint of the library.
fn help(message: &str) -> Option<&'static str> {
    let causes = [
        ("tabs disallowed", "indent with blanks"),
        (
            "mapping values are not allowed",
            "a `:` is missing in the line above, or a text that holds `: ` needs quotes",
        ),
        ("illegal placement of ':'", "a list or mapping above may lack its closing `]` or `}`"),
        ("did not find expected key", "this line is indented differently from its neighbours"),
        (
            "trailing content",
            "a text that begins with a quote must end with it: quote the whole value",
        ),
        (
            "unknown anchor",
            "an anchor `&name` must stand before its alias `*name`, in the same document",
        ),
    ];
    causes.into_iter().find(|(part, _)| message.contains(part)).map(|(_, help)| help)
}
