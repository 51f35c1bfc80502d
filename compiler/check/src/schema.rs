//! Event schemas: constraints (E-08, E-29) and the checks that a source event runs (language.md 3.4).

use defacto_definitions::{Literal, SchemaDef, SchemaFieldDef, Spanned};
use defacto_diagnostics::{Code, Diagnostic};
use defacto_model::{Value, ValueType};

use crate::library::pattern_message;
use crate::literal::type_name;
use crate::property::{allowed, bound, order_of_bounds};
use crate::scope::position;
use crate::{Constraints, Mapping, SchemaCheck};

/// A schema with its constraints as values, fields sorted by name.
#[derive(Debug)]
pub(crate) struct Schema<'a> {
    pub(crate) def: &'a SchemaDef,
    fields: Vec<(&'a SchemaFieldDef, Constraints)>,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(def: &'a SchemaDef, found: &mut Vec<Diagnostic>) -> Self {
        let mut fields: Vec<_> =
            def.fields.iter().map(|field| (field, constraints(field, found))).collect();
        fields.sort_by(|(a, _), (b, _)| a.name.value.cmp(&b.name.value));
        Self { def, fields }
    }

    /// Type of a field.
    pub(crate) fn type_of(&self, name: &str) -> Option<ValueType> {
        self.fields
            .iter()
            .find(|(field, _)| field.name.value == name)
            .map(|(field, _)| field.r#type)
    }

    /// Fields in name order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'a SchemaFieldDef> {
        self.fields.iter().map(|(field, _)| *field)
    }

    /// What a source event with these mappings checks.
    pub(crate) fn checks(&self, mappings: &[Mapping]) -> Vec<SchemaCheck> {
        let check = |(field, constraints): &(&SchemaFieldDef, Constraints)| SchemaCheck {
            name: field.name.value.clone(),
            mapping: position(mappings, |mapping| mapping.name == field.name.value),
            r#type: field.r#type,
            required: field.required,
            constraints: constraints.clone(),
        };
        self.fields.iter().map(check).collect()
    }
}

fn constraints(field: &SchemaFieldDef, found: &mut Vec<Diagnostic>) -> Constraints {
    let path = &field.name.path;
    let numeric = matches!(field.r#type, ValueType::Number | ValueType::Integer);
    let mut limit = |given: Option<&Spanned<Literal>>, lower: bool| -> Option<Value> {
        let given = given?;
        if numeric {
            return bound(Some(given), lower, field.r#type, found);
        }
        wrong_type(
            given,
            if lower { "min" } else { "max" },
            "`number` and `integer`",
            field.r#type,
            found,
        );
        None
    };
    let (min, max) = (limit(field.min.as_ref(), true), limit(field.max.as_ref(), false));
    let constraints = Constraints {
        allowed: allowed(field.allowed.as_deref(), field.r#type, path, field.name.span, found),
        min,
        max,
        min_length: length(field.min_length.as_ref(), "min_length", field.r#type, found),
        max_length: length(field.max_length.as_ref(), "max_length", field.r#type, found),
        regex: pattern(field, found),
    };
    order_of_bounds(&constraints, path, field.name.span, found);
    if let (Some(least), Some(most)) = (constraints.min_length, constraints.max_length)
        && least > most
    {
        found.push(Diagnostic::new(
            Code::E08,
            path,
            field.name.span,
            "`min_length` is above `max_length`",
        ));
    }
    constraints
}

fn wrong_type<T>(
    given: &Spanned<T>,
    word: &str,
    right: &str,
    r#type: ValueType,
    found: &mut Vec<Diagnostic>,
) {
    let message = format!("`{word}` is for fields of type {right}, not `{}`", type_name(r#type));
    found.push(Diagnostic::new(Code::E29, &given.path, given.span, message));
}

fn length(
    given: Option<&Spanned<Literal>>,
    word: &str,
    r#type: ValueType,
    found: &mut Vec<Diagnostic>,
) -> Option<u32> {
    let given = given?;
    if r#type != ValueType::String {
        wrong_type(given, word, "`string`", r#type, found);
        return None;
    }
    let length = match given.value {
        Literal::Int(n) => u32::try_from(n).ok(),
        _ => None,
    };
    if length.is_none() {
        let message = format!("`{word}` is a number of characters, 0 or more");
        found.push(Diagnostic::new(Code::E29, &given.path, given.span, message));
    }
    length
}

fn pattern(field: &SchemaFieldDef, found: &mut Vec<Diagnostic>) -> Option<String> {
    let given = field.regex.as_ref()?;
    if field.r#type != ValueType::String {
        wrong_type(given, "regex", "`string`", field.r#type, found);
        return None;
    }
    match regex::Regex::new(&given.value) {
        Ok(_) => Some(given.value.clone()),
        Err(error) => {
            let message = format!("invalid pattern: {}", pattern_message(&error));
            found.push(Diagnostic::new(Code::E29, &given.path, given.span, message));
            None
        }
    }
}
