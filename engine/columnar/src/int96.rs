//! The retired timestamps of Spark, Hive and Impala.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use parquet::basic::Type;
use parquet::schema::types::SchemaDescriptor;

/// The schema of a file with the timestamps of physical type INT96 in microseconds; `None` when there
/// are none. Read as nanoseconds, which is what they are without it, years beyond 2262 wrap around.
pub(crate) fn in_microseconds(schema: &Schema, file: &SchemaDescriptor) -> Option<Arc<Schema>> {
    let mut leaves = file.columns().iter().map(|column| column.physical_type() == Type::INT96);
    if !leaves.clone().any(|int96| int96) {
        return None;
    }
    let fields = changed_all(schema.fields(), &mut leaves);
    Some(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

fn changed_all(fields: &Fields, leaves: &mut impl Iterator<Item = bool>) -> Fields {
    fields.iter().map(|field| changed(field, leaves)).collect()
}

/// Fields of nested types come in the order of the leaves.
fn changed(field: &Field, leaves: &mut impl Iterator<Item = bool>) -> FieldRef {
    let r#type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(changed_all(fields, leaves)),
        DataType::List(inner) => DataType::List(changed(inner, leaves)),
        DataType::LargeList(inner) => DataType::LargeList(changed(inner, leaves)),
        DataType::FixedSizeList(inner, n) => DataType::FixedSizeList(changed(inner, leaves), *n),
        DataType::Map(entries, sorted) => DataType::Map(changed(entries, leaves), *sorted),
        plain => match (leaves.next(), plain) {
            (Some(true), DataType::Timestamp(TimeUnit::Nanosecond, zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            _ => plain.clone(),
        },
    };
    Arc::new(field.clone().with_data_type(r#type))
}
