use std::cell::{Cell, OnceCell};
use std::fmt;

use crate::{Arena, Val};

/// An arena in ordinary memory, for native evaluation. What it keeps lives as long as it does.
///
/// Use through a second reference: `let handle = &arena; Cx { arena: &handle, now }`.
#[derive(Default)]
pub struct HeapArena<'a> {
    texts: Slots<String>,
    lists: Slots<Vec<Val<'a>>>,
    objects: Slots<Vec<(&'a str, Val<'a>)>>,
}

/// A store that only grows: chunks of doubling size whose elements never move.
struct Slots<T> {
    chunks: [OnceCell<Box<[OnceCell<T>]>>; 48],
    len: Cell<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { chunks: [const { OnceCell::new() }; 48], len: Cell::new(0) }
    }
}

impl<T> Slots<T> {
    /// Keeps a value. Chunk n holds 2^(n+4) elements, so 48 chunks outlast any memory.
    fn keep(&self, value: T) -> Option<&T> {
        let position = self.len.replace(self.len.get() + 1) + 16;
        let exponent = position.ilog2();
        let chunk = self.chunks.get(usize::try_from(exponent - 4).ok()?)?;
        let size = 1_usize << exponent;
        let elements = chunk.get_or_init(|| (0..size).map(|_| OnceCell::new()).collect());
        Some(elements.get(position - size)?.get_or_init(|| value))
    }
}

impl<'a> Arena<'a> for &'a HeapArena<'a> {
    fn text(&self, text: String) -> &'a str {
        self.texts.keep(text).map_or("", |text| text)
    }

    fn list(&self, elements: Vec<Val<'a>>) -> &'a [Val<'a>] {
        self.lists.keep(elements).map_or(&[], |elements| elements)
    }

    fn object(&self, entries: Vec<(&'a str, Val<'a>)>) -> &'a [(&'a str, Val<'a>)] {
        self.objects.keep(entries).map_or(&[], |entries| entries)
    }
}

impl fmt::Debug for HeapArena<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapArena")
            .field("texts", &self.texts.len.get())
            .field("lists", &self.lists.len.get())
            .field("objects", &self.objects.len.get())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_where_it_is() {
        let arena = HeapArena::default();
        let handle = &arena;
        let kept: Vec<&str> = (0..1_000).map(|i| handle.text(i.to_string())).collect();
        for (i, text) in kept.iter().enumerate() {
            assert_eq!(*text, i.to_string());
        }
        let inner = handle.list(vec![Val::Str(kept[7])]);
        assert_eq!(handle.list(vec![Val::List(inner)]), [Val::List(&[Val::Str("7")])]);
    }
}
