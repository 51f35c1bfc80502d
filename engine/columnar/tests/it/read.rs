use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use defacto_columnar::{ReadError, Reader};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/every_type.parquet")
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    file_of(&batch, 1_000)
}

fn file_of(batch: &RecordBatch, group_rows: usize) -> Vec<u8> {
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn open_error(bytes: Vec<u8>) -> String {
    Reader::from_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn a_file_of_pyarrow_is_understood() {
    let reader = Reader::open(File::open(fixture()).unwrap()).unwrap();
    assert_eq!(reader.rows(), 4);
    let records: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(records.iter().map(|record| record.row).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let parsed = |index: usize| -> Vec<(String, String)> {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&records[index].text).unwrap();
        object.into_iter().map(|(key, value)| (key, value.to_string())).collect()
    };
    let expected = [
        ("text", r#""é \"quoted\"\n""#, r#""""#),
        ("large_text", r#""large""#, r#""l""#),
        ("word", r#""red""#, r#""blue""#),
        ("int8", "-128", "127"),
        ("int64", "-9223372036854775808", "9223372036854775807"),
        ("uint64", "18446744073709551615", "0"),
        ("single", "0.1", "-1.0"),
        ("double", "0.1", "1e+300"),
        ("flag", "true", "false"),
        ("zoned", r#""2024-01-15T08:00:00.123456+00:00""#, r#""2024-01-15T08:00:00.123456+00:00""#),
        ("local", r#""2024-01-15T10:00:00""#, r#""2024-01-15T10:00:00.005""#),
        (
            "nanos",
            r#""2024-01-15T10:00:00.123456789+00:00""#,
            r#""1969-12-31T23:59:59.999999999+00:00""#,
        ),
        ("day", r#""2024-02-29""#, r#""1969-12-31""#),
        ("time", r#""23:59:59.500""#, r#""00:00:00""#),
        ("span", "1.5", "-0.001"),
        ("money", r#""-1234567890.12""#, r#""0.50""#),
        (
            "id",
            r#""00112233-4455-6677-8899-aabbccddeeff""#,
            r#""00000000-0000-0000-0000-000000000001""#,
        ),
        ("list", "[1,null,3]", "[]"),
        ("pair", "[1.5,2.5]", "[0.0,null]"),
        ("item", r#"{"sku":"a","tags":[{"k":1},null]}"#, r#"{"sku":null,"tags":null}"#),
        ("map", r#"{"a":1,"b":null}"#, "{}"),
        ("counts", r#"{"7":"x"}"#, r#"{"8":"y","9":"z"}"#),
        ("nothing", "null", "null"),
    ];
    let pairs = |choose: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        expected.iter().map(|row| (row.0.to_owned(), choose(row).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(parsed(0), pairs(|row| row.1));
    assert_eq!(parsed(2), pairs(|row| row.2));
    for index in [1, 3] {
        assert_eq!(parsed(index), pairs(|_| "null"));
    }
}

#[test]
fn bytes_in_memory_are_a_file_too() {
    let of_file: Vec<_> =
        Reader::open(File::open(fixture()).unwrap()).unwrap().map(Result::unwrap).collect();
    let of_bytes: Vec<_> =
        Reader::from_bytes(fs::read(fixture()).unwrap()).unwrap().map(Result::unwrap).collect();
    assert_eq!(of_file, of_bytes);
}

#[test]
fn bytes_are_refused_before_any_record() {
    let mut builder = BinaryBuilder::new();
    builder.append_value([0, 1]);
    let raw: ArrayRef = Arc::new(builder.finish());
    let message = "type Binary has no JSON form; store it as text, or leave it out";
    let n: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert_eq!(
        open_error(parquet(vec![("n", n), ("raw", raw.clone())])),
        format!("column `raw`: {message}")
    );
    let inner = Arc::new(Field::new("inner", DataType::Binary, true));
    let outer: ArrayRef = Arc::new(StructArray::from(vec![(inner, raw)]));
    assert_eq!(
        open_error(parquet(vec![("outer", outer)])),
        format!("column `outer.inner`: {message}")
    );
}

#[test]
fn names_that_occur_twice_are_refused() {
    let field = || Field::new("n", DataType::Int64, true);
    let array = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let schema = Arc::new(Schema::new(vec![field(), field()]));
    let batch = RecordBatch::try_new(schema, vec![array(), array()]).unwrap();
    assert_eq!(open_error(file_of(&batch, 10)), "column `n` occurs twice");
    let pair = || (Arc::new(field()), array());
    let outer: ArrayRef = Arc::new(StructArray::from(vec![pair(), pair()]));
    assert_eq!(open_error(parquet(vec![("outer", outer)])), "column `outer.n` occurs twice");
}

#[test]
fn a_value_no_event_can_have_costs_its_record_only() {
    let numbers: ArrayRef =
        Arc::new(Float64Array::from(vec![1.0, f64::NAN, 2.0, f64::NEG_INFINITY, 3.0]));
    let times: ArrayRef =
        Arc::new(TimestampMillisecondArray::from(vec![0, 0, i64::MAX, 0, 1]).with_timezone("UTC"));
    let batch = RecordBatch::try_from_iter(vec![("x", numbers), ("at", times)]).unwrap();
    let results: Vec<String> = Reader::from_bytes(file_of(&batch, 3))
        .unwrap()
        .map(|result| match result {
            Ok(record) => record.text,
            Err(error) => {
                assert!(error.is_of_one_record());
                error.to_string()
            }
        })
        .collect();
    assert_eq!(
        results,
        [
            r#"{"x":1.0,"at":"1970-01-01T00:00:00+00:00"}"#,
            "row 2 (row group 0), column `x`: the value is NaN, which no event can contain",
            "row 3 (row group 0), column `at`: the value is outside the years 0001 to 9999",
            "row 4 (row group 1), column `x`: the value is -inf, which no event can contain",
            r#"{"x":3.0,"at":"1970-01-01T00:00:00.001+00:00"}"#,
        ]
    );
}

#[test]
fn what_is_no_parquet_is_refused() {
    for bytes in [Vec::new(), b"{\"a\":1}\n".to_vec(), b"PAR1PAR1PAR1".to_vec()] {
        let error = open_error(bytes);
        assert!(error.starts_with("not a readable Parquet file: "), "{error}");
    }
    let mut bytes = fs::read(fixture()).unwrap();
    bytes.truncate(bytes.len() / 2);
    assert!(matches!(Reader::from_bytes(bytes), Err(ReadError::Open(_))));
}

#[test]
fn a_damaged_column_is_named() {
    let good: ArrayRef = Arc::new(Int64Array::from((0..2_000).collect::<Vec<_>>()));
    let words: Vec<String> = (0..2_000).map(|n| format!("needle{n}")).collect();
    let bad: ArrayRef = Arc::new(StringArray::from(words));
    let batch = RecordBatch::try_from_iter(vec![("good", good), ("bad", bad)]).unwrap();
    let mut bytes = file_of(&batch, 1_000);
    let needle = b"needle1500";
    let place = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[place] = 0xff;
    let results: Vec<_> = Reader::from_bytes(bytes).unwrap().collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1_000);
    assert_eq!(results.len(), 1_001, "nothing follows the error");
    let Some(Err(ReadError::Decode { group: 1, column: Some(column), reason })) = results.last()
    else {
        panic!("{:?}", results.last());
    };
    assert_eq!(column, "bad");
    assert!(reason.contains("UTF-8"), "{reason}");
}

#[test]
fn damage_anywhere_is_an_error_and_never_worse() {
    let whole = fs::read(fixture()).unwrap();
    let (mut refused, mut broken) = (0, 0);
    for at in (0..whole.len()).step_by(97) {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let Ok(reader) = Reader::from_bytes(bytes) else {
                refused += 1;
                continue;
            };
            let results: Vec<_> = reader.take(1_000).collect();
            let last = results.iter().position(|r| matches!(r, Err(e) if !e.is_of_one_record()));
            if let Some(last) = last {
                assert_eq!(last + 1, results.len(), "records follow an error, byte {at} ^ {flip}");
                broken += 1;
            }
        }
    }
    assert!(refused > 0 && broken > 0, "{refused} refused, {broken} broken");
}

#[test]
fn retired_timestamps_keep_far_years() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/int96.parquet");
    let reader = Reader::open(File::open(path).unwrap()).unwrap();
    let texts: Vec<String> = reader.map(|record| record.unwrap().text).collect();
    assert_eq!(
        texts,
        [
            r#"{"list":[{"n":1,"at":"9999-12-31T00:00:00"}],"at":"2024-01-15T10:00:00.123456"}"#,
            r#"{"list":[],"at":"0001-01-01T00:00:00"}"#,
        ]
    );
}

#[test]
fn seldom_compressions_are_refused_before_any_record() {
    let n: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let mut bytes = parquet(vec![("n", n)]);
    // The codec in the footer: field 4 of the column's metadata (compact Thrift, 0x15 = next field, i32),
    // after the path (field 3: a list of one text).
    let path = b"\x19\x18\x01n\x15\x00";
    let place = bytes.windows(path.len()).rposition(|window| window == path).unwrap();
    bytes[place + path.len() - 1] = 8; // 4, zigzag: BROTLI
    assert_eq!(
        open_error(bytes),
        "column `n`: compression BROTLI is not supported; use snappy, gzip, zstd or none"
    );
}
