use serde::Deserialize;

use crate::Failure;
#[cfg(target_arch = "wasm32")]
use crate::bindings::defacto::engine::types::RawRecord;

/// One raw record, in the form that the source's `input` names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Record<'a> {
    /// `input: json`, the default: the JSON object as it arrived.
    Json(&'a str),
    /// `input: csv`: a row.
    Row(Row<'a>),
    /// `input: text`: a line without its end.
    Text(&'a str),
    /// `input: bytes`: a document, such as a whole file.
    Bytes(&'a [u8]),
}

impl<'a> Record<'a> {
    /// The line of a source with `input: text`.
    ///
    /// # Errors
    ///
    /// A failure `INPUT` when the source has another `input`.
    pub fn text(self) -> Result<&'a str, Failure> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.unexpected("text")),
        }
    }

    /// The document of a source with `input: bytes`.
    ///
    /// # Errors
    ///
    /// A failure `INPUT` when the source has another `input`.
    pub fn bytes(self) -> Result<&'a [u8], Failure> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.unexpected("bytes")),
        }
    }

    /// The row of a source with `input: csv`.
    ///
    /// # Errors
    ///
    /// A failure `INPUT` when the source has another `input`.
    pub fn row(self) -> Result<Row<'a>, Failure> {
        match self {
            Self::Row(row) => Ok(row),
            other => Err(other.unexpected("csv")),
        }
    }

    /// The JSON object of a source with `input: json`, as a type of your own.
    ///
    /// ```
    /// use defacto_sdk::Record;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Order<'a> {
    ///     #[serde(borrow)]
    ///     number: &'a str,
    ///     lines: Vec<f64>,
    /// }
    ///
    /// let order: Order<'_> = Record::Json(r#"{"number": "A-17", "lines": [12.5, 3]}"#).json()?;
    /// assert_eq!((order.number, order.lines.len()), ("A-17", 2));
    /// # Ok::<(), defacto_sdk::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A failure `INPUT` when the source has another `input`, a failure `JSON` when the object has not the type's shape.
    pub fn json<T: Deserialize<'a>>(self) -> Result<T, Failure> {
        match self {
            Self::Json(text) => {
                serde_json::from_str(text).map_err(|e| Failure::new("JSON", e.to_string()))
            }
            other => Err(other.unexpected("json")),
        }
    }

    fn unexpected(self, wanted: &str) -> Failure {
        let given = match self {
            Self::Json(_) => "json",
            Self::Row(_) => "csv",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        };
        Failure::new("INPUT", format!("this normalizer reads `input: {wanted}`, not `{given}`"))
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn borrow(raw: &'a RawRecord) -> Self {
        match raw {
            RawRecord::Json(text) => Self::Json(text),
            RawRecord::Row(columns) => Self::Row(Row { columns }),
            RawRecord::Text(text) => Self::Text(text),
            RawRecord::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

/// One row of a table: columns in order, each a name and a text. An empty field is an empty text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    pub(crate) columns: &'a [(String, String)],
}

impl<'a> Row<'a> {
    /// The text of a column, or `None` where the table has no such column.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, text)| text.as_str())
    }

    /// The text of a column that must have one.
    ///
    /// # Errors
    ///
    /// A failure `MISSING` when the column does not exist or its text is empty.
    pub fn require(&self, name: &str) -> Result<&'a str, Failure> {
        self.get(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            Failure::new("MISSING", format!("the row has no `{name}`")).in_field(name)
        })
    }

    /// Names and texts in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.columns.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}
