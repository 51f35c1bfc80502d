use core::fmt;

/// A value during evaluation: cheap to copy, text and elements borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Val<'a> {
    /// Null.
    #[default]
    Null,
    /// Bool.
    Bool(bool),
    /// Int.
    Int(i64),
    /// Finite double.
    Float(f64),
    /// Integer text outside `i64` (see `defacto_model::Value::BigInt`).
    BigInt(&'a str),
    /// String.
    Str(&'a str),
    /// Microseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.
    DateTime(i64),
    /// Microseconds.
    Duration(i64),
    /// List.
    List(&'a [Val<'a>]),
    /// Entries sorted by key.
    Object(&'a [(&'a str, Val<'a>)]),
}

/// Where results that need memory live until the evaluation is over.
pub trait Arena<'a>: fmt::Debug {
    /// Keeps a text.
    fn text(&self, text: String) -> &'a str;
    /// Keeps elements.
    fn list(&self, elements: Vec<Val<'a>>) -> &'a [Val<'a>];
    /// Keeps entries, already sorted by key.
    fn object(&self, entries: Vec<(&'a str, Val<'a>)>) -> &'a [(&'a str, Val<'a>)];
}
