//! The tree that YAML and JSON texts become: scalars with their kind, maps in written order, all with places.

use defacto_diagnostics::Span;

use crate::Literal;

/// A value with its place. Of a block that spans lines the place is the rest of its first line.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: NodeValue,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeValue {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map: its source text.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// An unquoted `<<`.
    pub(crate) merge: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) kind: ScalarKind,
    /// The text: without quotes, escapes resolved; of other kinds the source text.
    pub(crate) text: String,
    /// Bytes from the span's start to the first byte of the text, when both agree byte for byte.
    pub(crate) offset: Option<u32>,
}

/// What a scalar means in the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ScalarKind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text,
    /// An integer beyond `i64`, or a float beyond `f64`, infinite or not a number.
    OutOfRange,
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::Null)
    }

    /// For messages: "a list".
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "null",
                ScalarKind::Bool(_) => "a boolean",
                ScalarKind::Int(_) | ScalarKind::Float(_) | ScalarKind::OutOfRange => "a number",
                ScalarKind::Text => "a text",
            },
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "a mapping",
        }
    }

    /// `None` when it holds a number out of range.
    pub(crate) fn literal(&self) -> Option<Literal> {
        Some(match &self.value {
            NodeValue::List(items) => {
                Literal::List(items.iter().map(Self::literal).collect::<Option<_>>()?)
            }
            NodeValue::Map(entries) => {
                let entries =
                    entries.iter().map(|(key, node)| Some((key.text.clone(), node.literal()?)));
                Literal::Object(entries.collect::<Option<_>>()?)
            }
            NodeValue::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => Literal::Null,
                ScalarKind::Bool(value) => Literal::Bool(value),
                ScalarKind::Int(value) => Literal::Int(value),
                ScalarKind::Float(value) => Literal::Float(value),
                ScalarKind::Text => Literal::String(scalar.text.clone()),
                ScalarKind::OutOfRange => return None,
            },
        })
    }
}

/// The core schema's reading of an unquoted scalar (YAML 1.2.2, section 10.3.2).
pub(crate) fn resolve(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return ScalarKind::OutOfRange;
    }
    let all = |digits: &str, test: fn(&char) -> bool| {
        !digits.is_empty() && digits.chars().all(|c| test(&c))
    };
    let radix = |digits, radix| i64::from_str_radix(digits, radix).map(ScalarKind::Int);
    let integer = if let Some(digits) = text.strip_prefix("0x") {
        all(digits, char::is_ascii_hexdigit).then(|| radix(digits, 16))
    } else if let Some(digits) = text.strip_prefix("0o") {
        all(digits, |c| matches!(c, '0'..='7')).then(|| radix(digits, 8))
    } else {
        all(unsigned, char::is_ascii_digit).then(|| text.parse().map(ScalarKind::Int))
    };
    match integer {
        Some(Ok(kind)) => return kind,
        Some(Err(_)) => return ScalarKind::OutOfRange,
        None => {}
    }
    if !is_float(unsigned) {
        return ScalarKind::Text;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => ScalarKind::Float(value),
        _ => ScalarKind::OutOfRange,
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.is_none_or(|it| {
        let it = it.strip_prefix(['-', '+']).unwrap_or(it);
        !it.is_empty() && digits(it)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent
}

#[cfg(test)]
mod tests {
    use super::{ScalarKind::*, resolve};

    #[test]
    fn core_schema() {
        let cases = [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("nuLL", Text),
            ("true", Bool(true)),
            ("False", Bool(false)),
            ("yes", Text),
            ("no", Text),
            ("on", Text),
            ("off", Text),
            ("y", Text),
            ("2024-01-01", Text),
            ("12:30:45", Text),
            ("0", Int(0)),
            ("-12", Int(-12)),
            ("+12", Int(12)),
            ("007", Int(7)),
            ("0o17", Int(15)),
            ("0x1F", Int(31)),
            ("0b1", Text),
            ("1_000", Text),
            ("-0x1F", Text),
            ("0o9", Text),
            ("9223372036854775807", Int(i64::MAX)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("9223372036854775808", OutOfRange),
            ("0xFFFFFFFFFFFFFFFF", OutOfRange),
            ("1.5", Float(1.5)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            ("1e3", Float(1000.0)),
            ("-1.5E-2", Float(-0.015)),
            (".", Text),
            ("e3", Text),
            ("1e", Text),
            ("1e400", OutOfRange),
            (".inf", OutOfRange),
            ("-.INF", OutOfRange),
            (".nan", OutOfRange),
            ("inf", Text),
            ("NaN", Text),
            ("60d", Text),
            ("1.2.3", Text),
            ("-", Text),
            ("+", Text),
        ];
        for (text, kind) in cases {
            assert_eq!(resolve(text), kind, "{text}");
        }
    }
}
