//! The ways in: a folder of files, or one document (language.md 1.1, 1.2).

use std::collections::BTreeMap;

use defacto_diagnostics::{Code, Diagnostic, FileId, Label, SourceMap, Span};

use crate::{
    Definitions, FunctionsDef, Spanned, json,
    limits::{FILE_BYTES_MAX, TOTAL_BYTES_MAX},
    names::Names,
    node::{Node, NodeValue},
    read::{At, Reader, suggestion},
    yaml,
};

/// A file as the caller read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the project, with `/`: `entities/order.yaml`. Messages show it.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What reading gave.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Everything that could be read.
    pub definitions: Definitions,
    /// What is wrong, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub sources: SourceMap,
    /// Whether every text could be read as YAML or JSON to its end. If not, names are missing that may well be
    /// defined, and checking would report more than is wrong.
    pub complete: bool,
}

/// Reads the folder form. Only files directly in `entities/`, `sources/`, `schemas/`, `functions/` and `events/` with the
/// suffix `.yaml` or `.yml` count; others are skipped. The order of `files` does not matter.
pub fn load_files(files: &[SourceFile]) -> Loaded {
    let mut loader = Loader::new();
    let mut counted: Vec<(Kind, &str, &SourceFile)> = files
        .iter()
        .filter_map(|file| {
            let (folder, name) = in_folder(&file.path)?;
            Some((Kind::of_folder(folder)?, name, file))
        })
        .collect();
    counted.sort_by(|a, b| (a.0, a.1, &a.2.path).cmp(&(b.0, b.1, &b.2.path)));
    let mut deprecated = false;
    for (kind, _, file) in counted {
        let documents = loader.documents(&file.path, &file.text, kind.section());
        if file.path.starts_with("events/") && !deprecated {
            deprecated = true;
            let message = "the folder `events/` is deprecated";
            let start = documents.1.map(|file| Span { file, start: 0, end: 0 });
            let diagnostic = Diagnostic::new(Code::W14, "schemas", start, message);
            loader.reader.diagnostics.push(diagnostic.with_help("rename it to `schemas/`"));
        }
        for document in documents.0 {
            let at = At { path: kind.section().to_owned(), span: document.span };
            loader.section(kind, &at, &document, true);
        }
    }
    let mut functions: Vec<&SourceFile> = files
        .iter()
        .filter(|file| in_folder(&file.path).is_some_and(|it| it.0 == FUNCTIONS))
        .collect();
    functions.sort_by(|a, b| a.path.cmp(&b.path));
    for file in functions {
        for document in loader.documents(&file.path, &file.text, FUNCTIONS).0 {
            let at = At { path: FUNCTIONS.to_owned(), span: document.span };
            loader.functions(&at, &document);
        }
    }
    loader.finish()
}

/// Section and folder of the modules of functions.
const FUNCTIONS: &str = "functions";

/// Folder and name of a file that counts.
fn in_folder(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.split_once('/')?;
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    (yaml && !name.contains('/')).then_some((folder, name))
}

/// Reads one YAML or JSON document with the keys `entities`, `sources` and `schemas`. In a stream of documents
/// each adds to the ones before it. `name` is what messages show.
pub fn load_document(name: &str, text: &str) -> Loaded {
    let mut loader = Loader::new();
    for document in loader.documents(name, text, "").0 {
        let at = At { path: String::new(), span: document.span };
        let Some(entries) = loader.reader.map(&at, &document) else { continue };
        for (key, node) in entries {
            let at = At { path: key.text.clone(), span: key.span };
            match Kind::of_section(&key.text) {
                Some(kind) => loader.section(kind, &at, node, false),
                None if key.text == FUNCTIONS => loader.functions(&at, node),
                None if is_metadata(&key.text) => {}
                None => {
                    let known = ["entities", "sources", "schemas"];
                    let message = format!("unknown key `{}` of definitions", key.text);
                    let help = suggestion(&key.text, &known);
                    loader.reader.error_with_help(Code::E02, &at, message, help);
                }
            }
        }
    }
    loader.finish()
}

fn is_metadata(key: &str) -> bool {
    matches!(key, "description" | "owner" | "tags") || key.starts_with("x-")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Entity,
    Source,
    Schema,
}

impl Kind {
    fn of_section(name: &str) -> Option<Self> {
        Some(match name {
            "entities" => Self::Entity,
            "sources" => Self::Source,
            "schemas" => Self::Schema,
            _ => return None,
        })
    }

    fn of_folder(name: &str) -> Option<Self> {
        if name == "events" { Some(Self::Schema) } else { Self::of_section(name) }
    }

    fn section(self) -> &'static str {
        match self {
            Self::Entity => "entities",
            Self::Source => "sources",
            Self::Schema => "schemas",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Source => "source",
            Self::Schema => "schema",
        }
    }

    fn names(self) -> Names {
        match self {
            Self::Entity => Names::Entity,
            Self::Source => Names::Source,
            Self::Schema => Names::Event,
        }
    }

    /// The key by which a body of the kind is told from a mere anchor for aliases.
    fn mark(self) -> &'static str {
        match self {
            Self::Entity => "states",
            Self::Source => "events",
            Self::Schema => "fields",
        }
    }
}

struct Loader {
    reader: Reader,
    sources: SourceMap,
    definitions: Definitions,
    names: BTreeMap<(Kind, String), Span>,
    bytes: usize,
    complete: bool,
}

impl Loader {
    fn new() -> Self {
        Self {
            reader: Reader::default(),
            sources: SourceMap::default(),
            definitions: Definitions::default(),
            names: BTreeMap::new(),
            bytes: 0,
            complete: true,
        }
    }

    /// The documents of a text, and its file. `path` is that of the documents.
    fn documents(&mut self, name: &str, text: &str, path: &str) -> (Vec<Node>, Option<FileId>) {
        self.bytes = self.bytes.saturating_add(text.len());
        let refusal = if text.len() > FILE_BYTES_MAX {
            Some(format!("{name} is longer than {FILE_BYTES_MAX} bytes"))
        } else if self.bytes > TOTAL_BYTES_MAX {
            Some(format!("definitions longer than {TOTAL_BYTES_MAX} bytes together"))
        } else {
            None
        };
        if let Some(message) = refusal {
            self.complete = false;
            self.reader.diagnostics.push(Diagnostic::new(Code::E01, "", None, message));
            return (Vec::new(), None);
        }
        let file = self.sources.add(name, text);
        let diagnostics = &mut self.reader.diagnostics;
        let before = diagnostics.len();
        if text.trim_start().starts_with('{') {
            match json::read(file, text, diagnostics) {
                Ok(node) => {
                    let documents = vec![node];
                    place_duplicates(
                        diagnostics.get_mut(before..).unwrap_or_default(),
                        &documents,
                        path,
                    );
                    return (documents, Some(file));
                }
                Err(fault) if name.ends_with(".json") => {
                    let span = Span { file, start: fault.at, end: fault.at };
                    let message = format!("invalid JSON: {}", fault.message);
                    diagnostics.push(Diagnostic::new(Code::E01, "", Some(span), message));
                    self.complete = false;
                    return (Vec::new(), Some(file));
                }
                // A YAML flow mapping begins in the same way.
                Err(_) => diagnostics.truncate(before),
            }
        }
        let read = yaml::read(file, text, diagnostics);
        place_duplicates(diagnostics.get_mut(before..).unwrap_or_default(), &read.documents, path);
        self.complete &= read.complete;
        (read.documents, Some(file))
    }

    /// One map of definitions of a kind. In a file of a folder, keys that begin with `x-` may hold anchors.
    fn section(&mut self, kind: Kind, at: &At, node: &Node, folder: bool) {
        let Some(entries) = self.reader.map(at, node) else { return };
        for (key, node) in entries {
            if key.text.starts_with("x-") && !(kind.names().dashes() && has_key(node, kind.mark()))
            {
                continue;
            }
            let at = at.key(key);
            let path = at.path.clone();
            let name = Spanned { value: key.text.clone(), span: Some(key.span), path };
            self.reader.name(&name, kind.names());
            if let Some(first) = self.names.get(&(kind, key.text.clone())).copied() {
                self.duplicate(kind.word(), &name, first, folder);
                continue;
            }
            self.names.insert((kind, key.text.clone()), key.span);
            match kind {
                Kind::Entity => {
                    let entity = self.reader.entity(name, &at, node);
                    self.definitions.entities.push(entity);
                }
                Kind::Source => {
                    let source = self.reader.source(name, &at, node);
                    self.definitions.sources.push(source);
                }
                Kind::Schema => {
                    let schema = self.reader.schema(name, &at, node);
                    self.definitions.schemas.push(schema);
                }
            }
        }
    }

    /// Modules of functions by name: their limits, and the digests that the canonical form writes.
    fn functions(&mut self, at: &At, node: &Node) {
        let Some(entries) = self.reader.map(at, node) else { return };
        for (key, node) in entries {
            if key.text.starts_with("x-") {
                continue;
            }
            let at = at.key(key);
            let (path, span) = (at.path.clone(), Some(key.span));
            let name = Spanned { value: key.text.clone(), span, path };
            if let Some(known) =
                self.definitions.functions.iter().find(|it| it.name.value == key.text)
            {
                let first = known.name.span.unwrap_or(key.span);
                self.duplicate("module of functions", &name, first, true);
                continue;
            }
            let (mut digest, mut limits) = (None, Vec::new());
            if matches!(node.value, NodeValue::Scalar(_)) && !node.is_null() {
                digest = self.reader.digest(&at, node);
            } else if let Some(fields) =
                self.reader.fields(&at, node, "a module of functions", &["limits", "module"])
            {
                if let Some((at, node)) = fields.get("module") {
                    digest = self.reader.digest(&at, node);
                }
                if let Some((at, node)) = fields.get("limits") {
                    limits = self.reader.limits(&at, node);
                }
            }
            let module = FunctionsDef { name, digest, limits, description: None };
            self.definitions.functions.push(module);
        }
    }

    fn duplicate(&mut self, what: &str, name: &Spanned<String>, first: Span, folder: bool) {
        let file = |span: Option<Span>| span.map_or("", |span| self.sources.name(span.file));
        let (here, there) = (file(name.span), file(Some(first)));
        let message = if folder && here != there {
            format!("{what} `{}` is defined in {there} and in {here}", name.value)
        } else {
            format!("{what} `{}` is defined twice in {here}", name.value)
        };
        let mut diagnostic = Diagnostic::new(Code::E01, &name.path, name.span, message);
        diagnostic.labels.push(Label { span: first, text: "first here".to_owned() });
        self.reader.diagnostics.push(diagnostic);
    }

    fn finish(mut self) -> Loaded {
        self.definitions.entities.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.definitions.sources.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.definitions.schemas.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.definitions.functions.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        let mut diagnostics = self.reader.diagnostics;
        diagnostics.sort_by_key(|it| it.span.map(|span| (span.file, span.start)));
        Loaded {
            definitions: self.definitions,
            diagnostics,
            sources: self.sources,
            complete: self.complete,
        }
    }
}

/// Gives findings about a key that stands twice the path of the first one, which is in the documents. Each is
/// searched for, so that of very many only some are served.
fn place_duplicates(found: &mut [Diagnostic], documents: &[Node], path: &str) {
    const SERVED: usize = 50;
    for diagnostic in found.iter_mut().take(SERVED) {
        let Some(first) = diagnostic.labels.first() else { continue };
        if let Some(path) = documents.iter().find_map(|it| path_of_key(it, first.span, path)) {
            diagnostic.path = path;
        }
    }
}

fn path_of_key(node: &Node, span: Span, path: &str) -> Option<String> {
    match &node.value {
        NodeValue::Scalar(_) => None,
        NodeValue::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| path_of_key(item, span, &format!("{path}[{index}]")))
        }
        NodeValue::Map(entries) => entries.iter().find_map(|(key, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}", key.text);
            if key.span == span { Some(path) } else { path_of_key(value, span, &path) }
        }),
    }
}

fn has_key(node: &Node, name: &str) -> bool {
    matches!(&node.value, NodeValue::Map(entries) if entries.iter().any(|(key, _)| key.text == name))
}
