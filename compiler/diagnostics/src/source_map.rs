/// A file of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u32);

/// A range of bytes in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// The texts that spans point into.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<File>,
}

#[derive(Debug, Clone)]
struct File {
    name: String,
    text: String,
    /// First byte of each line.
    lines: Vec<usize>,
}

/// Line and column of a byte, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl SourceMap {
    /// Adds a text under the name that messages show; returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        let text = text.into();
        let lines =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.files.push(File { name: name.into(), text, lines });
        id
    }

    /// Name of a file; empty when the map has no such file.
    pub fn name(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.name)
    }

    /// Text of a file; empty when the map has no such file.
    pub fn text(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.text)
    }

    /// The text that a span covers; empty when it does not lie in its file.
    pub fn slice(&self, span: Span) -> &str {
        let range = usize::try_from(span.start).ok().zip(usize::try_from(span.end).ok());
        range.and_then(|(start, end)| self.text(span.file).get(start..end)).unwrap_or("")
    }

    /// Line and column of a byte; a byte beyond the end is at the end, one inside a character at its start.
    pub fn position(&self, file: FileId, byte: u32) -> Position {
        let Some(file) = self.file(file) else {
            return Position { line: 1, column: 1 };
        };
        let mut byte = usize::try_from(byte).unwrap_or(usize::MAX).min(file.text.len());
        while !file.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = file.lines.partition_point(|&start| start <= byte).max(1);
        let start = file.lines.get(line - 1).copied().unwrap_or(0);
        let column = file.text.get(start..byte).map_or(0, |before| before.chars().count()) + 1;
        Position { line: narrow(line), column: narrow(column) }
    }

    /// The whole lines that hold the bytes from `start` to `end`: number of the first, its first byte, and the byte
    /// after the last.
    pub(crate) fn lines(&self, file: FileId, start: usize, end: usize) -> (usize, usize, usize) {
        let Some(file) = self.file(file) else { return (1, 0, 0) };
        let first = file.lines.partition_point(|&line| line <= start).max(1);
        let last = file.lines.partition_point(|&line| line <= end);
        let begin = file.lines.get(first - 1).copied().unwrap_or(0);
        (first, begin, file.lines.get(last).copied().unwrap_or(file.text.len()).max(begin))
    }

    fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(usize::try_from(file.0).ok()?)
    }
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Position, SourceMap, Span};

    #[test]
    fn positions_count_characters_from_one() {
        let mut map = SourceMap::default();
        let file = map.add("a.yaml", "ab\ncäd\n");
        assert_eq!(map.position(file, 0), Position { line: 1, column: 1 });
        assert_eq!(map.position(file, 2), Position { line: 1, column: 3 });
        assert_eq!(map.position(file, 3), Position { line: 2, column: 1 });
        assert_eq!(map.position(file, 6), Position { line: 2, column: 3 });
        assert_eq!(map.position(file, 5), Position { line: 2, column: 2 }, "inside the letter");
        assert_eq!(map.position(file, 99), Position { line: 3, column: 1 });
        assert_eq!(map.slice(Span { file, start: 3, end: 6 }), "cä");
        assert_eq!(map.slice(Span { file, start: 5, end: 6 }), "");
    }
}
