//! Rows out to a Parquet file or an Arrow IPC stream, and Parquet files in as JSON records
//! (decisions.md 21). Arrow and Parquet stay inside this crate.
//!
//! ```
//! use defacto_columnar::{Cell, Column, ColumnType, Form, Reader, Writer};
//!
//! let columns = vec![
//!     Column::new("customer_id", ColumnType::Text).required(),
//!     Column::new("mrr", ColumnType::Number),
//! ];
//! let mut file = Vec::new();
//! let mut writer = Writer::new(Form::Parquet, columns, &mut file)?;
//! writer.push([Cell::Text("c1".into()), Cell::Number(9.5)])?;
//! writer.push(&[serde_json::json!("c2"), serde_json::Value::Null])?;
//! assert_eq!(writer.finish()?, 2);
//!
//! let mut reader = Reader::from_bytes(file)?;
//! assert_eq!(reader.rows(), 2);
//! let texts = reader.map(|record| record.map(|record| record.text)).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(texts, [r#"{"customer_id":"c1","mrr":9.5}"#, r#"{"customer_id":"c2","mrr":null}"#]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cell;
mod clock_text;
mod column;
mod int96;
mod print;
mod reader;
mod writer;

pub use cell::Cell;
pub use column::{Column, ColumnType};
pub use reader::{ReadError, Reader, Record};
pub use writer::{Form, WriteError, Writer};
