//! Names: reserved ones, and identifiers that tables and columns derive from them (language.md 1.4, 2.3,
//! decision 31).

use std::collections::BTreeMap;

use defacto_definitions::{EntityDef, PropertyDef, RelationshipDef};
use defacto_diagnostics::{Code, Diagnostic};

/// Longest identifier of a database.
const IDENTIFIER_BYTES_MAX: usize = 63;

/// Checks what derives from an entity type's name, and property names that databases cannot tell apart.
pub(crate) fn entity(def: &EntityDef, found: &mut Vec<Diagnostic>) {
    let name = &def.name.value;
    if let Some(longest) = too_long(&[format!("{name}_history"), format!("{name}_current")]) {
        let message =
            format!("the name is too long: `{longest}` must fit {IDENTIFIER_BYTES_MAX} bytes");
        found.push(Diagnostic::new(Code::E02, &def.name.path, def.name.span, message));
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for property in &def.properties {
        let name = &property.name;
        let first = seen.entry(name.value.to_ascii_lowercase()).or_insert(&name.value);
        if *first != name.value {
            let message = format!("`{}` differs from `{first}` only in case", name.value);
            found.push(Diagnostic::new(Code::E02, &name.path, name.span, message));
        }
    }
}

/// Checks a property's name against the columns that every table has.
pub(crate) fn property(entity: &str, def: &PropertyDef, found: &mut Vec<Diagnostic>) {
    let name = &def.name;
    let own = [format!("{entity}_id"), format!("{entity}_state")];
    let columns = [
        "valid_from",
        "valid_to",
        "merged_into",
        "last_event_time",
        "state_entered_time",
        "created_time",
    ];
    let reserved = own
        .iter()
        .map(String::as_str)
        .chain(columns)
        .find(|word| word.eq_ignore_ascii_case(&name.value));
    if let Some(reserved) = reserved {
        let message = format!("`{reserved}` is a column of every history table of `{entity}`");
        found.push(
            Diagnostic::new(Code::E07, &name.path, name.span, message)
                .with_help("choose another property name"),
        );
    }
    if matches!(name.value.as_str(), "state" | "id") {
        let message = format!("this property hides the built-in field `entity.{}`", name.value);
        found.push(Diagnostic::new(Code::W16, &name.path, name.span, message));
    }
}

/// Checks what derives from a relationship's name.
pub(crate) fn relationship(def: &RelationshipDef, found: &mut Vec<Diagnostic>) {
    let name = &def.r#type;
    if name.value.contains(':') {
        let message = "the name of a relationship cannot contain `:`";
        found.push(Diagnostic::new(Code::E20, &name.path, name.span, message));
    }
    if let Some(longest) = too_long(&[format!("rel_{}_history", name.value)]) {
        let message =
            format!("the name is too long: `{longest}` must fit {IDENTIFIER_BYTES_MAX} bytes");
        found.push(Diagnostic::new(Code::E02, &name.path, name.span, message));
    }
    for property in &def.properties {
        let columns = ["source_id", "target_id", "relationship_type", "valid_from", "valid_to"];
        if let Some(reserved) =
            columns.iter().find(|word| word.eq_ignore_ascii_case(&property.name.value))
        {
            let message = format!("`{reserved}` is a column of every relationship table");
            found.push(
                Diagnostic::new(Code::E07, &property.name.path, property.name.span, message)
                    .with_help("choose another property name"),
            );
        }
        if let Some(compute) = &property.compute {
            let message = "a property of a relationship cannot be computed";
            found.push(Diagnostic::new(Code::E10, &compute.path, compute.span, message));
        }
    }
}

fn too_long(identifiers: &[String]) -> Option<&String> {
    identifiers.iter().find(|identifier| identifier.len() > IDENTIFIER_BYTES_MAX)
}
