use defacto_sdk::Failure;

/// One statement: its fields in order, each a tag and a text of one or more lines.
pub(crate) struct Message<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

/// The statements of a file. Each ends with a line `-`; blocks of SWIFT around it are skipped.
pub(crate) fn messages(text: &str) -> Vec<Message<'_>> {
    let mut found = Vec::new();
    // Tag, and where the field's text begins and ends.
    let mut fields: Vec<(&str, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let end = at + content.len();
        at += line.len();
        if content.starts_with('-') {
            finish(text, &mut fields, &mut found);
            continue;
        }
        // `{1:…}{2:…}{4:` may stand before the first field.
        let block = content.rfind("{4:").map_or(0, |block| block + 3);
        let field = content.get(block..).and_then(|shown| shown.strip_prefix(':')?.split_once(':'));
        match (field, fields.last_mut()) {
            (Some((tag, value)), _) => fields.push((tag, end - value.len(), end)),
            // The field before goes on.
            (None, Some((_, _, last))) => *last = end,
            (None, None) => {}
        }
    }
    finish(text, &mut fields, &mut found);
    found
}

fn finish<'a>(
    text: &'a str,
    fields: &mut Vec<(&'a str, usize, usize)>,
    found: &mut Vec<Message<'a>>,
) {
    if !fields.is_empty() {
        let whole = |(tag, start, end)| (tag, text.get(start..end).unwrap_or_default());
        found.push(Message { fields: fields.drain(..).map(whole).collect() });
    }
}

impl<'a> Message<'a> {
    fn get(&self, tag: &str) -> Option<&'a str> {
        self.fields.iter().find(|(known, _)| *known == tag).map(|(_, value)| *value)
    }

    /// A field that every statement has.
    pub(crate) fn require(&self, tag: &str) -> Result<&'a str, Failure> {
        self.get(tag)
            .ok_or_else(|| Failure::new("FIELD", format!("a statement has no field {tag}")))
    }

    /// One of two fields.
    pub(crate) fn require_either(&self, tag: &str, other: &str) -> Result<&'a str, Failure> {
        self.get(other).map_or_else(|| self.require(tag), Ok)
    }

    /// Entries with their details, which follow each of them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().enumerate().filter(|(_, (tag, _))| *tag == "61").map(
            |(at, (_, entry))| {
                let details = self.fields.get(at + 1).filter(|(tag, _)| *tag == "86");
                (*entry, details.map_or("", |(_, details)| *details))
            },
        )
    }
}
