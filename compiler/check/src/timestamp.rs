//! How a source reads the event time (language.md 3.1, 5.3).

use std::collections::BTreeSet;

use defacto_definitions::{ExprText, Spanned, TimestampDef};
use defacto_diagnostics::{Code, Diagnostic};
use defacto_model::RawPath;

use crate::expression::expression;
use crate::foreign::Foreign;
use crate::kinds::{Fit, Kinds};
use crate::scope::{Reads, Scope};
use crate::{Expr, Timestamp};

/// A computed timestamp, typed anew for each event because raw cells differ; findings are reported once.
pub(crate) struct Computed<'a> {
    text: Option<&'a ExprText>,
    reported: bool,
}

/// The form of a timestamp and, where it is computed, its expression.
pub(crate) fn of<'a>(
    def: &'a TimestampDef,
    found: &mut Vec<Diagnostic>,
) -> (Timestamp, Computed<'a>) {
    let path = |from: &Spanned<String>| RawPath { path: from.value.clone(), literal_first: true };
    let none = Computed::none();
    match def {
        TimestampDef::Field(from) => (Timestamp::Field(path(from)), none),
        TimestampDef::Format { from, format, zone } => {
            if let Some(format) = format
                && !defacto_functions::parse_datetime::format_is_valid(&format.value)
            {
                let message = format!("`{}` is no valid date-time format", format.value);
                found.push(Diagnostic::new(Code::E19, &format.path, format.span, message));
            }
            let offset_s = zone.as_ref().map_or(0, |zone| zone_offset(zone, found));
            let format = format.as_ref().map(|format| format.value.clone());
            (Timestamp::Format { from: path(from), format, offset_s }, none)
        }
        TimestampDef::Compute(text) => {
            (Timestamp::Compute, Computed { text: Some(text), reported: false })
        }
    }
}

impl Computed<'_> {
    /// No expression.
    pub(crate) const fn none() -> Self {
        Self { text: None, reported: true }
    }

    /// The expression over the raw cells of one event.
    pub(crate) fn expression(
        &mut self,
        foreign: &Foreign,
        paths: &mut Vec<RawPath>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Expr> {
        let text = self.text?;
        let mut lineage = BTreeSet::new();
        let mut scope = Scope::Raw { paths, lineage: &mut lineage };
        let mut own = Vec::new();
        let typed = expression(text, &mut scope, &mut Reads::new(foreign), &mut own);
        if let Some(typed) = &typed {
            let readable = Kinds::DATETIME.or(Kinds::STRING).or(Kinds::NUMBER);
            if typed.kinds.fit(readable) == Fit::Never {
                let message =
                    format!("the timestamp is {}, not a DateTime, text or number", typed.kinds);
                own.push(Diagnostic::new(Code::E19, &text.path, text.span, message));
            }
        }
        if !self.reported {
            self.reported = true;
            found.append(&mut own);
        }
        typed.map(|typed| typed.expr)
    }

    /// Checks the expression of a source without events.
    pub(crate) fn report_unused(&mut self, foreign: &Foreign, found: &mut Vec<Diagnostic>) {
        if !self.reported {
            self.expression(foreign, &mut Vec::new(), found);
        }
    }
}

/// Seconds east of UTC of a zone with a fixed offset.
fn zone_offset(zone: &Spanned<String>, found: &mut Vec<Diagnostic>) -> i32 {
    if let Some(offset) = fixed_offset(&zone.value) {
        return offset;
    }
    let message = format!(
        "the zone `{}` is not supported: zones with daylight saving time cannot be used, only UTC and fixed offsets",
        zone.value
    );
    found.push(
        Diagnostic::new(Code::E06, &zone.path, zone.span, message)
            .with_help("write `UTC`, an offset such as `+02:00`, or `Etc/GMT-2`"),
    );
    0
}

fn fixed_offset(name: &str) -> Option<i32> {
    const HOUR: i32 = 3_600;
    if matches!(
        name,
        "UTC"
            | "Z"
            | "GMT"
            | "Etc/UTC"
            | "Etc/GMT"
            | "Etc/UCT"
            | "Etc/Universal"
            | "Etc/Zulu"
            | "Zulu"
    ) {
        return Some(0);
    }
    if let Some(rest) = name.strip_prefix("Etc/GMT") {
        // The signs of these zones are those of POSIX: west is positive.
        let (sign, digits) = sign_and_digits(rest)?;
        let hours: i32 = digits.parse().ok()?;
        let limit = if sign < 0 { 14 } else { 12 };
        return (digits.len() <= 2 && hours <= limit).then_some(-sign * hours * HOUR);
    }
    let (sign, digits) = sign_and_digits(name)?;
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some((hours, minutes)), 5) => (hours, minutes),
        (None, 4) => digits.split_at_checked(2)?,
        (None, 2) => (digits, "0"),
        _ => return None,
    };
    let number = |text: &str| -> Option<i32> {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * HOUR + minutes * 60))
}

fn sign_and_digits(text: &str) -> Option<(i32, &str)> {
    let (sign, digits) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    digits.starts_with(|c: char| c.is_ascii_digit()).then_some((sign, digits))
}

#[cfg(test)]
mod tests {
    use super::fixed_offset;

    #[test]
    fn fixed_offsets_only() {
        assert_eq!(fixed_offset("UTC"), Some(0));
        assert_eq!(fixed_offset("+02:00"), Some(7_200));
        assert_eq!(fixed_offset("-0530"), Some(-19_800));
        assert_eq!(fixed_offset("+05"), Some(18_000));
        assert_eq!(fixed_offset("Etc/GMT-2"), Some(7_200));
        assert_eq!(fixed_offset("Etc/GMT+5"), Some(-18_000));
        for name in [
            "Europe/Berlin",
            "EST",
            "+2",
            "+24:00",
            "+02:60",
            "Etc/GMT-15",
            "",
            "02:00",
            "+é0:00",
            "+0é",
        ] {
            assert_eq!(fixed_offset(name), None, "{name}");
        }
    }
}
