//! Diagnostics as text for people and as JSON for programs.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::{Diagnostic, FileId, Label, Severity, SourceMap, Span};

/// Text for a terminal, one block per diagnostic in the given order, with the lines concerned; with colours
/// when asked. Ends with a newline unless empty.
pub fn render_text(diagnostics: &[Diagnostic], sources: &SourceMap, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&renderer.render(&groups(diagnostic, sources)));
        out.push('\n');
    }
    out
}

fn groups<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Group<'a>> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&diagnostic.message)).id(diagnostic.code.to_string());
    let mut group = Group::with_title(title);
    if let Some(span) = diagnostic.span {
        let near: Vec<_> =
            diagnostic.labels.iter().filter(|label| label.span.file == span.file).collect();
        group = group.element(snippet(Some(span), &near, span.file, sources));
        // Labels in other files come as snippets of their own.
        for label in diagnostic.labels.iter().filter(|label| label.span.file != span.file) {
            group = group.element(snippet(None, &[label], label.span.file, sources));
        }
    }
    if !diagnostic.path.is_empty() {
        group = group.element(Level::NOTE.message(format!("at `{}`", diagnostic.path)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(one_line(help)));
    }
    vec![group]
}

/// The lines of one file that the spans touch. Handing over no more keeps the cost of a finding independent of the
/// length of its file.
fn snippet<'a>(
    primary: Option<Span>,
    labels: &[&Label],
    file: FileId,
    sources: &'a SourceMap,
) -> Snippet<'a, Annotation<'a>> {
    let spans = primary.into_iter().chain(labels.iter().map(|label| label.span));
    let ranges: Vec<_> = spans.map(|span| bytes(span, sources)).collect();
    let start = ranges.iter().map(|range| range.start).min().unwrap_or(0);
    let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
    let (line, begin, end) = sources.lines(file, start, end);
    let text = sources.text(file).get(begin..end).unwrap_or("");
    let within = |span| {
        let range = bytes(span, sources);
        range.start.saturating_sub(begin)..range.end.saturating_sub(begin)
    };
    let mut snippet = Snippet::source(text).line_start(line).path(sources.name(file));
    if let Some(span) = primary {
        snippet = snippet.annotation(AnnotationKind::Primary.span(within(span)));
    }
    for label in labels {
        let annotation = AnnotationKind::Context.span(within(label.span));
        snippet = snippet.annotation(annotation.label(one_line(&label.text)));
    }
    snippet
}

/// The span's bytes, cut to the text and to whole characters.
fn bytes(span: Span, sources: &SourceMap) -> std::ops::Range<usize> {
    let text = sources.text(span.file);
    let cut = |byte: u32| {
        let mut byte = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let start = cut(span.start);
    start..cut(span.end).max(start)
}

/// Control characters would let a definition draw on the reader's terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// A JSON array of `{code, name, severity, path, message, help, file, span, start, end, labels}`; `span` is
/// `[first byte, byte after the last]`, `start` and `end` are `{line, column}` counted from 1. What is unknown
/// is null.
pub fn render_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let mut object = json!({
                "code": diagnostic.code.to_string(),
                "name": diagnostic.code.name(),
                "severity": diagnostic.severity().to_string(),
                "path": diagnostic.path,
                "message": diagnostic.message,
                "help": diagnostic.help,
            });
            let labels: Vec<Value> = diagnostic
                .labels
                .iter()
                .map(|label| {
                    let mut object = json!({ "text": label.text });
                    place(&mut object, Some(label.span), sources);
                    object
                })
                .collect();
            place(&mut object, diagnostic.span, sources);
            if let Some(fields) = object.as_object_mut() {
                fields.insert("labels".to_owned(), Value::Array(labels));
            }
            object
        })
        .collect()
}

fn place(object: &mut Value, span: Option<Span>, sources: &SourceMap) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let position = |byte| {
        span.map(|span| {
            let position = sources.position(span.file, byte);
            json!({ "line": position.line, "column": position.column })
        })
    };
    fields.insert("file".to_owned(), json!(span.map(|span| sources.name(span.file))));
    fields.insert("span".to_owned(), json!(span.map(|span| [span.start, span.end])));
    fields.insert("start".to_owned(), json!(span.and_then(|span| position(span.start))));
    fields.insert("end".to_owned(), json!(span.and_then(|span| position(span.end))));
}
