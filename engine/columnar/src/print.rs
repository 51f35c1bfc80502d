//! Arrow arrays to JSON text: per array one function that prints the value of a row.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DecimalType, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, OffsetSizeTrait};
use arrow_schema::{DataType, Field, TimeUnit};
use defacto_json::write_string;
use defacto_model::json_float;

use crate::{ReadError, clock_text};

/// Appends the JSON text of the value in a row, or says what is wrong with the value.
pub(crate) type Print<'a> = Box<dyn Fn(&mut String, usize) -> Result<(), String> + 'a>;

/// Name of the Arrow extension type of UUIDs, which Parquet's logical type becomes.
const UUID: &str = "arrow.uuid";

/// Checks that values of the type can be printed, before any value is seen.
pub(crate) fn printable(field: &Field, path: &str) -> Result<(), ReadError> {
    let below = |inner: &Field| printable(inner, &format!("{path}.{}", inner.name()));
    match field.data_type() {
        DataType::Null | DataType::Boolean => Ok(()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(()),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Duration(_) => {
            Ok(())
        }
        DataType::Time32(TimeUnit::Second | TimeUnit::Millisecond) => Ok(()),
        DataType::Time64(TimeUnit::Microsecond | TimeUnit::Nanosecond) => Ok(()),
        DataType::FixedSizeBinary(_) if is_uuid(field) => Ok(()),
        numeric if numeric.is_numeric() => Ok(()),
        DataType::Dictionary(_, values) => {
            printable(&Field::new(field.name(), values.as_ref().clone(), true), path)
        }
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
            below(inner)
        }
        DataType::Struct(fields) => {
            let mut names = BTreeSet::new();
            match fields.iter().find(|inner| !names.insert(inner.name())) {
                Some(twice) => Err(ReadError::Duplicate(format!("{path}.{}", twice.name()))),
                None => fields.iter().try_for_each(|inner| below(inner)),
            }
        }
        DataType::Map(entries, _) => below(entries),
        other => Err(ReadError::Type { column: path.to_owned(), r#type: other.to_string() }),
    }
}

fn is_uuid(field: &Field) -> bool {
    field.extension_type_name() == Some(UUID) && *field.data_type() == DataType::FixedSizeBinary(16)
}

/// The function that prints values of the array; `field` describes it and is [`printable`].
pub(crate) fn printer<'a>(field: &Field, array: &'a dyn Array) -> Result<Print<'a>, String> {
    let print = values(field, array)?;
    if array.null_count() == 0 {
        return Ok(print);
    }
    Ok(Box::new(move |out, row| {
        if array.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        print(out, row)
    }))
}

fn values<'a>(field: &Field, array: &'a dyn Array) -> Result<Print<'a>, String> {
    Ok(match array.data_type() {
        DataType::Null => Box::new(|out, _| {
            out.push_str("null");
            Ok(())
        }),
        DataType::Boolean => {
            let array = array.as_boolean();
            plain(move |row| array.value(row).to_string())
        }
        DataType::Utf8 => text(array.as_string::<i32>()),
        DataType::LargeUtf8 => text(array.as_string::<i64>()),
        DataType::Utf8View => text(array.as_string_view()),
        DataType::Int8 => number::<Int8Type>(array),
        DataType::Int16 => number::<Int16Type>(array),
        DataType::Int32 => number::<Int32Type>(array),
        DataType::Int64 => number::<Int64Type>(array),
        DataType::UInt8 => number::<UInt8Type>(array),
        DataType::UInt16 => number::<UInt16Type>(array),
        DataType::UInt32 => number::<UInt32Type>(array),
        DataType::UInt64 => number::<UInt64Type>(array),
        DataType::Float16 => float::<Float16Type>(array, |value| short(value.to_f32())),
        DataType::Float32 => float::<Float32Type>(array, short),
        DataType::Float64 => float::<Float64Type>(array, |value| value),
        DataType::Decimal32(..) => decimal::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimal::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimal::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimal::<Decimal256Type>(array),
        DataType::Timestamp(unit, zone) => {
            let (value, per_second) = timestamps(*unit, array);
            let local = zone.is_none();
            quoted(move |row| clock_text::instant(value(row), per_second, local))
        }
        DataType::Date32 => {
            let array = array.as_primitive::<Date32Type>();
            quoted(move |row| clock_text::date(array.value(row).into()))
        }
        DataType::Date64 => {
            let array = array.as_primitive::<Date64Type>();
            quoted(move |row| clock_text::date(array.value(row).div_euclid(86_400_000)))
        }
        DataType::Time32(TimeUnit::Second) => time_of_day::<Time32SecondType>(array, 1),
        DataType::Time32(_) => time_of_day::<Time32MillisecondType>(array, 1_000),
        DataType::Time64(TimeUnit::Nanosecond) => {
            time_of_day::<Time64NanosecondType>(array, 1_000_000_000)
        }
        DataType::Time64(_) => time_of_day::<Time64MicrosecondType>(array, 1_000_000),
        DataType::Duration(unit) => durations(*unit, array),
        DataType::FixedSizeBinary(_) if is_uuid(field) => {
            let array = array.as_fixed_size_binary();
            quoted(move |row| Ok(uuid(array.value(row))))
        }
        DataType::Dictionary(_, r#type) => dictionary(field, r#type, array)?,
        DataType::List(inner) => list::<i32>(inner, array)?,
        DataType::LargeList(inner) => list::<i64>(inner, array)?,
        DataType::FixedSizeList(inner, _) => {
            let array = array.as_fixed_size_list();
            let print = printer(inner, array.values().as_ref())?;
            let length = usize::try_from(array.value_length()).unwrap_or_default();
            let start = usize::try_from(array.value_offset(0)).unwrap_or_default();
            Box::new(move |out, row| {
                let first = start + row * length;
                elements(out, first..first + length, &print)
            })
        }
        DataType::Struct(_) => object(array)?,
        DataType::Map(..) => map(array)?,
        other => return Err(format!("has the type {other}")),
    })
}

/// Values whose text is JSON already.
fn plain<'a>(value: impl Fn(usize) -> String + 'a) -> Print<'a> {
    Box::new(move |out, row| {
        out.push_str(&value(row));
        Ok(())
    })
}

/// Values whose text has nothing to escape.
fn quoted<'a>(value: impl Fn(usize) -> Result<String, String> + 'a) -> Print<'a> {
    Box::new(move |out, row| {
        let value = value(row)?;
        out.push('"');
        out.push_str(&value);
        out.push('"');
        Ok(())
    })
}

fn text<'a, A>(array: A) -> Print<'a>
where
    A: arrow_array::array::StringArrayType<'a> + 'a,
{
    Box::new(move |out, row| {
        write_string(out, array.value(row));
        Ok(())
    })
}

fn number<T: ArrowPrimitiveType<Native: ToString>>(array: &dyn Array) -> Print<'_> {
    let array = array.as_primitive::<T>();
    plain(move |row| array.value(row).to_string())
}

fn float<T: ArrowPrimitiveType>(
    array: &dyn Array,
    widen: impl Fn(T::Native) -> f64 + 'static,
) -> Print<'_> {
    let array = array.as_primitive::<T>();
    Box::new(move |out, row| {
        let value = widen(array.value(row));
        if !value.is_finite() {
            return Err(format!("is {value}, which no event can contain"));
        }
        out.push_str(&json_float(value));
        Ok(())
    })
}

/// The double with the shortest digits that name the same single.
fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

fn decimal<T: DecimalType + ArrowPrimitiveType>(array: &dyn Array) -> Print<'_> {
    let array = array.as_primitive::<T>();
    quoted(move |row| Ok(array.value_as_string(row)))
}

fn time_of_day<T: ArrowPrimitiveType<Native: Into<i64>>>(
    array: &dyn Array,
    per_second: i64,
) -> Print<'_> {
    let array = array.as_primitive::<T>();
    quoted(move |row| clock_text::time_of_day(array.value(row).into(), per_second))
}

type Values<'a> = Box<dyn Fn(usize) -> i64 + 'a>;

fn integers<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array) -> Values<'_> {
    let array = array.as_primitive::<T>();
    Box::new(move |row| array.value(row))
}

fn timestamps(unit: TimeUnit, array: &dyn Array) -> (Values<'_>, i64) {
    match unit {
        TimeUnit::Second => (integers::<TimestampSecondType>(array), 1),
        TimeUnit::Millisecond => (integers::<TimestampMillisecondType>(array), 1_000),
        TimeUnit::Microsecond => (integers::<TimestampMicrosecondType>(array), 1_000_000),
        TimeUnit::Nanosecond => (integers::<TimestampNanosecondType>(array), 1_000_000_000),
    }
}

/// Durations are numbers of seconds (language.md 4.3).
#[expect(clippy::cast_precision_loss, reason = "language.md 4.3: seconds as Float")]
fn durations(unit: TimeUnit, array: &dyn Array) -> Print<'_> {
    let (value, per_second) = match unit {
        TimeUnit::Second => (integers::<DurationSecondType>(array), 1.0),
        TimeUnit::Millisecond => (integers::<DurationMillisecondType>(array), 1e3),
        TimeUnit::Microsecond => (integers::<DurationMicrosecondType>(array), 1e6),
        TimeUnit::Nanosecond => (integers::<DurationNanosecondType>(array), 1e9),
    };
    plain(move |row| json_float(value(row) as f64 / per_second))
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn dictionary<'a>(
    field: &Field,
    r#type: &DataType,
    array: &'a dyn Array,
) -> Result<Print<'a>, String> {
    let array = array.as_any_dictionary();
    if array.values().is_empty() {
        // Every row is null, or there is none.
        return Ok(plain(|_| "null".to_owned()));
    }
    let inner = Field::new(field.name(), r#type.clone(), true);
    let print = printer(&inner, array.values().as_ref())?;
    let keys = array.normalized_keys();
    Ok(Box::new(move |out, row| match keys.get(row) {
        Some(key) => print(out, *key),
        None => Err("is missing".to_owned()),
    }))
}

fn elements(
    out: &mut String,
    range: std::ops::Range<usize>,
    print: &Print<'_>,
) -> Result<(), String> {
    out.push('[');
    for (count, index) in range.enumerate() {
        if count > 0 {
            out.push(',');
        }
        print(out, index)?;
    }
    out.push(']');
    Ok(())
}

/// The elements of a row, from the offsets of a list or map.
fn range<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> std::ops::Range<usize> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(start), Some(end)) => start.as_usize()..end.as_usize(),
        _ => 0..0,
    }
}

fn list<'a, O: OffsetSizeTrait>(inner: &Field, array: &'a dyn Array) -> Result<Print<'a>, String> {
    let array = array.as_list::<O>();
    let print = printer(inner, array.values().as_ref())?;
    let offsets = array.value_offsets();
    Ok(Box::new(move |out, row| elements(out, range(offsets, row), &print)))
}

fn object(array: &dyn Array) -> Result<Print<'_>, String> {
    let array = array.as_struct();
    let mut entries = Vec::new();
    for (field, column) in array.fields().iter().zip(array.columns()) {
        entries.push((key(field.name(), entries.is_empty()), printer(field, column.as_ref())?));
    }
    Ok(Box::new(move |out, row| {
        out.push('{');
        for (key, print) in &entries {
            out.push_str(key);
            print(out, row)?;
        }
        out.push('}');
        Ok(())
    }))
}

/// What stands before a value in an object.
pub(crate) fn key(name: &str, first: bool) -> String {
    let mut text = String::new();
    if !first {
        text.push(',');
    }
    write_string(&mut text, name);
    text.push(':');
    text
}

fn map(array: &dyn Array) -> Result<Print<'_>, String> {
    let array = array.as_map();
    let offsets = array.value_offsets();
    let DataType::Map(entries, _) = array.data_type() else {
        return Err("is no map".to_owned());
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return Err("is a map without entries".to_owned());
    };
    let [key, value] = fields.as_ref() else {
        return Err("is a map whose entries are no pairs".to_owned());
    };
    let print_key = printer(key, array.keys().as_ref())?;
    let print_value = printer(value, array.values().as_ref())?;
    Ok(Box::new(move |out, row| {
        out.push('{');
        let mut name = String::new();
        for (count, index) in range(offsets, row).enumerate() {
            if count > 0 {
                out.push(',');
            }
            name.clear();
            print_key(&mut name, index)?;
            if name.starts_with('"') {
                out.push_str(&name);
            } else {
                write_string(out, &name);
            }
            out.push(':');
            print_value(out, index)?;
        }
        out.push('}');
        Ok(())
    }))
}
