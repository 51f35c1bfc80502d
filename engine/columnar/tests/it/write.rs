use std::io::{self, Write};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use defacto_columnar::{Cell, Column, ColumnType, Form, Reader, WriteError, Writer};
use defacto_model::{Micros, Timestamp, Value};

fn columns() -> Vec<Column> {
    vec![
        Column::new("id", ColumnType::Text).required(),
        Column::new("visits", ColumnType::Integer),
        Column::new("mrr", ColumnType::Number),
        Column::new("active", ColumnType::Boolean),
        Column::new("valid_from", ColumnType::Timestamp),
    ]
}

fn at(text: &str) -> Value {
    Value::DateTime(Timestamp::parse_text(text).unwrap())
}

fn rows() -> Vec<Vec<Value>> {
    vec![
        vec![
            Value::String("é\"\n".into()),
            Value::Int(i64::MIN),
            Value::Float(0.1),
            Value::Bool(true),
            at("2024-01-15T10:00:00.123456Z"),
        ],
        vec![Value::String(String::new()), Value::Null, Value::Null, Value::Null, Value::Null],
        vec![
            Value::String("c".into()),
            Value::Int(i64::MAX),
            Value::Float(-1e300),
            Value::Bool(false),
            at("0001-01-01T00:00:00Z"),
        ],
    ]
}

fn write(form: Form, columns: Vec<Column>, rows: &[Vec<Value>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(form, columns, &mut out).unwrap();
    for row in rows {
        writer.push(row).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), rows.len() as u64);
    out
}

fn read_parquet(bytes: Vec<u8>) -> Vec<String> {
    Reader::from_bytes(bytes).unwrap().map(|record| record.unwrap().text).collect()
}

fn read_arrow(bytes: &[u8]) -> Vec<RecordBatch> {
    StreamReader::try_new(bytes, None).unwrap().map(|batch| batch.unwrap()).collect()
}

#[test]
fn parquet_keeps_every_type_and_null() {
    assert_eq!(
        read_parquet(write(Form::Parquet, columns(), &rows())),
        [
            "{\"id\":\"é\\\"\\n\",\"visits\":-9223372036854775808,\"mrr\":0.1,\"active\":true,\
             \"valid_from\":\"2024-01-15T10:00:00.123456+00:00\"}",
            r#"{"id":"","visits":null,"mrr":null,"active":null,"valid_from":null}"#,
            "{\"id\":\"c\",\"visits\":9223372036854775807,\"mrr\":-1e300,\"active\":false,\
             \"valid_from\":\"0001-01-01T00:00:00+00:00\"}",
        ]
    );
}

#[test]
fn arrow_keeps_every_type_and_null() {
    let batches = read_arrow(&write(Form::Arrow, columns(), &rows()));
    let [batch] = batches.as_slice() else { panic!("{} batches", batches.len()) };
    let schema = batch.schema();
    let types: Vec<String> = schema.fields().iter().map(|f| f.data_type().to_string()).collect();
    assert_eq!(types, ["Utf8", "Int64", "Float64", "Boolean", "Timestamp(µs, \"UTC\")"]);
    assert_eq!(schema.fields().iter().filter(|field| !field.is_nullable()).count(), 1);
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "é\"\n");
    let times = batch.column(4).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.value(0), 1_705_312_800_123_456);
    assert!((1..5).all(|column| batch.column(column).is_null(1)));
    assert!((0..5).all(|column| batch.column(column).is_valid(2)));
}

#[test]
fn an_empty_result_keeps_its_columns() {
    let bytes = write(Form::Parquet, columns(), &[]);
    let reader = Reader::from_bytes(bytes).unwrap();
    assert_eq!((reader.rows(), reader.count()), (0, 0));
    let bytes = write(Form::Arrow, columns(), &[]);
    let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
    assert_eq!(reader.schema().fields().len(), 5);
    assert_eq!(reader.count(), 0);
}

#[test]
fn many_rows_keep_their_order_across_batches_and_row_groups() {
    const ROWS: i64 = 150_000;
    let columns =
        || vec![Column::new("n", ColumnType::Integer), Column::new("t", ColumnType::Text)];
    let write = |form| {
        let mut out = Vec::new();
        let mut writer = Writer::new(form, columns(), &mut out).unwrap();
        for n in 0..ROWS {
            let text =
                if n % 7 == 0 { Cell::Null } else { Cell::Text(format!("t{}", n % 1_000).into()) };
            writer.push([Cell::Integer(n), text]).unwrap();
        }
        writer.finish().unwrap();
        out
    };
    let bytes = write(Form::Parquet);
    assert_eq!(bytes, write(Form::Parquet), "the same rows give the same bytes");
    let mut count = 0;
    for (n, record) in (0..).zip(Reader::from_bytes(bytes).unwrap()) {
        let record = record.unwrap();
        assert_eq!(record.row, n + 1);
        let text = if n % 7 == 0 { "null".to_owned() } else { format!("\"t{}\"", n % 1_000) };
        assert_eq!(record.text, format!("{{\"n\":{n},\"t\":{text}}}"));
        count += 1;
    }
    assert_eq!(count, ROWS);
    let batches = read_arrow(&write(Form::Arrow));
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 150_000);
    assert!(batches.iter().all(|batch| batch.num_rows() <= 8_192));
}

#[test]
fn long_texts_end_a_batch_early() {
    let mut out = Vec::new();
    let columns = vec![Column::new("t", ColumnType::Text)];
    let mut writer = Writer::new(Form::Arrow, columns, &mut out).unwrap();
    let text = "x".repeat(5 << 20);
    for _ in 0..8 {
        writer.push([Cell::Text(text.as_str().into())]).unwrap();
    }
    writer.finish().unwrap();
    let rows: Vec<usize> = read_arrow(&out).iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [4, 4]);
}

#[test]
fn cells_are_widened_where_nothing_is_lost() {
    let columns = vec![
        Column::new("text", ColumnType::Text),
        Column::new("number", ColumnType::Number),
        Column::new("time", ColumnType::Timestamp),
    ];
    let rows = [
        vec![
            Value::List(vec![Value::Int(1), Value::Null]),
            Value::Int(2),
            Value::String("2024-01-15".into()),
        ],
        vec![at("2024-01-15"), Value::Duration(Micros(1_500_000)), Value::Null],
        vec![Value::Float(1.0), Value::BigInt("18446744073709551616".into()), Value::Null],
        vec![Value::Bool(true), Value::Null, Value::Null],
    ];
    assert_eq!(
        read_parquet(write(Form::Parquet, columns, &rows)),
        [
            r#"{"text":"[1,null]","number":2.0,"time":"2024-01-15T00:00:00+00:00"}"#,
            r#"{"text":"2024-01-15T00:00:00+00:00","number":1.5,"time":null}"#,
            r#"{"text":"1.0","number":1.8446744073709552e19,"time":null}"#,
            r#"{"text":"true","number":null,"time":null}"#,
        ]
    );
}

#[test]
fn json_rows_are_rows() {
    let mut out = Vec::new();
    let mut writer = Writer::new(Form::Parquet, columns(), &mut out).unwrap();
    let row = serde_json::json!(["c1", 3, 9, true, "2024-01-15T10:00:00+00:00"]);
    writer.push(row.as_array().unwrap()).unwrap();
    let row = serde_json::json!([{"b": [1]}, null, 0.5, null, null]);
    writer.push(row.as_array().unwrap()).unwrap();
    writer.finish().unwrap();
    assert_eq!(
        read_parquet(out),
        [
            r#"{"id":"c1","visits":3,"mrr":9.0,"active":true,"valid_from":"2024-01-15T10:00:00+00:00"}"#,
            r#"{"id":"{\"b\":[1]}","visits":null,"mrr":0.5,"active":null,"valid_from":null}"#,
        ]
    );
}

#[test]
fn a_value_that_does_not_fit_is_named() {
    let refused = |row: serde_json::Value| {
        let mut writer = Writer::new(Form::Arrow, columns(), io::sink()).unwrap();
        writer.push(row.as_array().unwrap()).unwrap_err().to_string()
    };
    for (row, message) in [
        (serde_json::json!(["a"]), "row 1 has 1 cells for 5 columns"),
        (
            serde_json::json!([null, 1, 1, true, null]),
            "row 1, column `id`: the value is null, and the column requires one",
        ),
        (
            serde_json::json!(["a", 1.5, 1, true, null]),
            "row 1, column `visits`: the value is a number, not an integer",
        ),
        (
            serde_json::json!(["a", 1, "1", true, null]),
            "row 1, column `mrr`: the value is text, not a number",
        ),
        (
            serde_json::json!(["a", 1, 1, 0, null]),
            "row 1, column `active`: the value is an integer, not a boolean",
        ),
        (
            serde_json::json!(["a", 1, 1, true, "soon"]),
            "row 1, column `valid_from`: the value cannot be a timestamp: not a date-time",
        ),
    ] {
        assert_eq!(refused(row), message);
    }
}

/// Refuses everything after so many bytes.
#[derive(Debug)]
struct Closing(usize);

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_known_as_one() {
    for form in [Form::Parquet, Form::Arrow] {
        for bytes in [0, 100, 700] {
            let result = Writer::new(form, columns(), Closing(bytes)).and_then(|mut writer| {
                for _ in 0..10 {
                    for row in rows() {
                        writer.push(&row)?;
                    }
                }
                writer.finish()
            });
            match result {
                Err(WriteError::Io(e)) => assert_eq!(e.kind(), io::ErrorKind::BrokenPipe),
                other => panic!("{form:?} after {bytes} bytes: {other:?}"),
            }
        }
    }
}
