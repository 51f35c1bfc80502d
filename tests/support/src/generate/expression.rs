//! Random expressions of a wanted kind, as text.

use super::profile::Parts;
use crate::Random;

/// Kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Any,
    Bool,
    Int,
    Float,
    String,
    DateTime,
    Duration,
    List,
}

const SOLID: [Kind; 7] =
    [Kind::Bool, Kind::Int, Kind::Float, Kind::String, Kind::DateTime, Kind::Duration, Kind::List];
const ORDERED: [Kind; 5] = [Kind::Int, Kind::Float, Kind::String, Kind::DateTime, Kind::Duration];

/// Patterns; backslashes are escaped for the language already.
const PATTERNS: [&str; 7] =
    ["[0-9]+", "^a", "(b|c)$", "(\\\\w+)-", "(?i)ü", "\\\\p{Lu}\\\\p{Ll}*", "^.{0,2}$"];

/// What an expression may read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Env {
    leaves: Vec<(Kind, String)>,
    parts: Parts,
}

impl Env {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { leaves: Vec::new(), parts }
    }

    pub(crate) fn add(&mut self, kind: Kind, path: &str) {
        self.leaves.push((kind, path.to_owned()));
    }

    /// A path, whatever its kind.
    pub(crate) fn path(&self, random: &mut Random) -> Option<String> {
        let at = random.below(self.leaves.len());
        self.leaves.get(at).map(|(_, path)| path.clone())
    }

    /// An expression of a kind: all its own parts are of fitting kinds, what it reads may not be.
    pub(crate) fn expression(&self, kind: Kind, depth: usize, random: &mut Random) -> String {
        let kind = if kind == Kind::Any { random.pick(&SOLID) } else { kind };
        if depth == 0 || random.chance(15) {
            return self.leaf(kind, random);
        }
        let depth = depth - 1;
        match random.below(8) {
            0 => {
                let test = self.expression(Kind::Bool, depth, random);
                let (then, otherwise) =
                    (self.expression(kind, depth, random), self.expression(kind, depth, random));
                format!("(if {test} then {then} else {otherwise})")
            }
            1 => {
                let first = self.leaf(kind, random);
                format!("coalesce({first}, {})", self.expression(kind, depth, random))
            }
            _ => self.operation(kind, depth, random),
        }
    }

    fn leaf(&self, kind: Kind, random: &mut Random) -> String {
        let wanted = if random.chance(12) { Kind::Any } else { kind };
        let fitting: Vec<&String> = self
            .leaves
            .iter()
            .filter(|(known, _)| *known == wanted)
            .map(|(_, path)| path)
            .collect();
        if random.chance(65)
            && let Some(path) = fitting.get(random.below(fitting.len()))
        {
            return (*path).clone();
        }
        if random.chance(3) { "null".to_owned() } else { literal(kind, random) }
    }

    fn operation(&self, kind: Kind, depth: usize, random: &mut Random) -> String {
        if self.parts == Parts::Heavy
            && random.chance(40)
            && let Some(text) = self.heavy(kind, depth, random)
        {
            return text;
        }
        if random.chance(12)
            && let Some(text) = self.various(kind, depth, random)
        {
            return text;
        }
        match kind {
            Kind::Any | Kind::Bool => self.boolean(depth, random),
            Kind::Int => self.integer(depth, random),
            Kind::Float => self.float(depth, random),
            Kind::String => self.text(depth, random),
            Kind::DateTime => self.instant(depth, random),
            Kind::Duration => self.span(depth, random),
            Kind::List => {
                let text = self.expression(Kind::String, depth, random);
                format!("split({text}, {})", quoted(random.pick(&[",", "-", "", "ab"])))
            }
        }
    }

    /// A call into the heavy parts of the runtime library.
    fn heavy(&self, kind: Kind, depth: usize, random: &mut Random) -> Option<String> {
        let text = |random: &mut Random| self.expression(Kind::String, depth, random);
        Some(match kind {
            Kind::Bool => {
                let (subject, pattern) = (text(random), self.pattern(depth, random));
                format!("regex_match({subject}, {pattern})")
            }
            Kind::Int => format!("to_int({})", text(random)),
            Kind::Float => format!("to_float({})", text(random)),
            Kind::String => match random.below(4) {
                0 => {
                    let (subject, pattern) = (text(random), self.pattern(depth, random));
                    format!("regex_extract({subject}, {pattern})")
                }
                1 => format!("to_string({})", self.expression(Kind::Float, depth, random)),
                2 => format!("str::to_uppercase({})", text(random)),
                _ => format!("str::to_lowercase({})", text(random)),
            },
            Kind::DateTime => {
                let format = random.pick(&["%Y-%m-%d", "%d.%m.%y %H:%M", "%s", "%F %T%.f %z"]);
                let format = if random.chance(15) { text(random) } else { quoted(format) };
                format!("parse_datetime({}, {format})", text(random))
            }
            Kind::List => format!("split({}, {})", text(random), text(random)),
            Kind::Any | Kind::Duration => return None,
        })
    }

    /// A pattern: mostly a literal, which is compiled once, else one that is only known when it is used.
    fn pattern(&self, depth: usize, random: &mut Random) -> String {
        if random.chance(25) {
            return self.expression(Kind::String, depth, random);
        }
        quoted(random.pick(&PATTERNS))
    }

    /// Calls and operations that take various kinds, or any number of arguments.
    fn various(&self, kind: Kind, depth: usize, random: &mut Random) -> Option<String> {
        let of = |kind: Kind, random: &mut Random| self.expression(kind, depth, random);
        let element = |random: &mut Random| {
            let base = self.leaf(Kind::Any, random);
            let index = match random.below(4) {
                0 => quoted(random.pick(&["x", "0", "y"])),
                1 => "-1".to_owned(),
                2 => self.leaf(Kind::String, random),
                _ => self.leaf(Kind::Int, random),
            };
            format!("({base})[{index}]")
        };
        Some(match (kind, random.below(4)) {
            (Kind::Int | Kind::Float | Kind::String | Kind::DateTime | Kind::Duration, 0) => {
                let (a, b) = (of(kind, random), of(kind, random));
                format!("{}({a}, {b}, {})", random.pick(&["min", "max"]), of(kind, random))
            }
            (_, 1) => {
                let (a, b) = (self.leaf(kind, random), self.leaf(Kind::Any, random));
                format!("coalesce({a}, {b}, {})", of(kind, random))
            }
            (Kind::Int, 2) => format!("len({})", self.leaf(Kind::Any, random)),
            (Kind::Float, 2) => {
                format!("round({}, {})", of(Kind::Float, random), of(Kind::Int, random))
            }
            (Kind::Float, 3) => format!("math::abs({})", of(Kind::Float, random)),
            (Kind::DateTime, 2) => {
                let from = random.pick(&[Kind::String, Kind::Float, Kind::DateTime]);
                format!("to_datetime({})", of(from, random))
            }
            (Kind::DateTime, 3) => {
                let unit = format!("coalesce({}, 'day')", self.leaf(Kind::Any, random));
                format!("date_trunc({}, {unit})", of(Kind::DateTime, random))
            }
            (Kind::Bool, 0 | 2) => {
                let (a, b) = (self.leaf(Kind::Any, random), element(random));
                format!("({a} {} {b})", random.pick(&["==", "!=", "<", ">="]))
            }
            (Kind::Any | Kind::String | Kind::Bool, 3) => element(random),
            _ => return None,
        })
    }

    fn boolean(&self, depth: usize, random: &mut Random) -> String {
        match random.below(10) {
            0 | 1 => {
                let kind = random.pick(&ORDERED);
                let (a, b) =
                    (self.expression(kind, depth, random), self.expression(kind, depth, random));
                format!("({a} {} {b})", random.pick(&["<", "<=", ">", ">="]))
            }
            2 => {
                let kind = random.pick(&SOLID);
                let (a, b) =
                    (self.expression(kind, depth, random), self.expression(kind, depth, random));
                format!("({a} {} {b})", random.pick(&["==", "!="]))
            }
            3 => {
                let (a, b) = (
                    self.expression(Kind::Any, depth, random),
                    self.expression(Kind::Any, depth, random),
                );
                format!("({a} == {b})")
            }
            4 | 5 => {
                let (a, b) = (
                    self.expression(Kind::Bool, depth, random),
                    self.expression(Kind::Bool, depth, random),
                );
                format!("({a} {} {b})", random.pick(&["and", "or"]))
            }
            6 => format!("not ({})", self.expression(Kind::Bool, depth, random)),
            7 => {
                let (a, b) = (
                    self.expression(Kind::String, depth, random),
                    self.expression(Kind::String, depth, random),
                );
                format!("{}({a}, {b})", random.pick(&["starts_with", "ends_with", "contains"]))
            }
            8 | 9 if random.chance(50) || self.parts == Parts::Light => {
                let list = self.expression(Kind::List, depth, random);
                format!("contains({list}, {})", self.expression(Kind::Any, depth, random))
            }
            _ => {
                let text = self.expression(Kind::String, depth, random);
                format!(
                    "regex_match({text}, {})",
                    quoted(random.pick(&["[0-9]+", "^a", "(b|c)$", "."]))
                )
            }
        }
    }

    fn integer(&self, depth: usize, random: &mut Random) -> String {
        let of = |kind: Kind, random: &mut Random| self.expression(kind, depth, random);
        match random.below(12) {
            0..=2 => {
                let (a, b) = (of(Kind::Int, random), of(Kind::Int, random));
                format!("({a} {} {b})", random.pick(&["+", "-", "*", "/", "%"]))
            }
            3 => format!("({} ** {})", of(Kind::Int, random), random.below(4)),
            4 => format!("-({})", of(Kind::Int, random)),
            5 => {
                let kind = random.pick(&[Kind::String, Kind::List]);
                format!("len({})", of(kind, random))
            }
            6 => {
                let function = random.pick(&["floor", "ceil", "round", "to_int"]);
                format!("{function}({})", of(Kind::Float, random))
            }
            7 if self.parts != Parts::Light => format!("to_int({})", of(Kind::String, random)),
            7 => format!("to_int({})", of(Kind::Bool, random)),
            8 => {
                let (a, b) = (of(Kind::Int, random), of(Kind::Int, random));
                format!("{}({a}, {b})", random.pick(&["min", "max"]))
            }
            9 => {
                let (a, b) = (of(Kind::DateTime, random), of(Kind::DateTime, random));
                format!(
                    "{}({a}, {b})",
                    random.pick(&["days_between", "hours_between", "minutes_between"])
                )
            }
            10 => {
                let functions = [
                    "year_of",
                    "month_of",
                    "day_of",
                    "hour_of",
                    "minute_of",
                    "second_of",
                    "week_of",
                    "day_of_week",
                ];
                let function = random.pick(&functions);
                format!("{function}({})", of(Kind::DateTime, random))
            }
            _ => match random.below(2) {
                0 => format!("days_since({})", of(Kind::DateTime, random)),
                _ => format!("math::abs({})", of(Kind::Int, random)),
            },
        }
    }

    fn float(&self, depth: usize, random: &mut Random) -> String {
        let of = |kind: Kind, random: &mut Random| self.expression(kind, depth, random);
        match random.below(8) {
            0..=2 => {
                let kind = random.pick(&[Kind::Int, Kind::Float]);
                let (a, b) = (of(Kind::Float, random), of(kind, random));
                let (a, b) = if random.chance(50) { (a, b) } else { (b, a) };
                format!("({a} {} {b})", random.pick(&["+", "-", "*", "/", "%"]))
            }
            3 => format!("to_float({})", of(Kind::Int, random)),
            4 => format!("round({}, {})", of(Kind::Float, random), random.below(4)),
            5 => {
                let (a, b) = (of(Kind::Float, random), of(Kind::Int, random));
                format!("{}({a}, {b})", random.pick(&["min", "max"]))
            }
            6 => format!("({} / {})", of(Kind::Duration, random), of(Kind::Duration, random)),
            _ => format!("({} ** {})", of(Kind::Float, random), random.pick(&["2", "0.5", "1.5"])),
        }
    }

    fn text(&self, depth: usize, random: &mut Random) -> String {
        let of = |kind: Kind, random: &mut Random| self.expression(kind, depth, random);
        match random.below(11) {
            0 | 1 => format!("({} + {})", of(Kind::String, random), of(Kind::String, random)),
            2 => {
                let functions = ["str::to_lowercase", "str::to_uppercase", "str::trim"];
                let light = self.parts == Parts::Light;
                let function = if light { "str::trim" } else { random.pick(&functions) };
                format!("{function}({})", of(Kind::String, random))
            }
            3 => {
                let text = of(Kind::String, random);
                format!(
                    "str::substring({text}, {}, {})",
                    of(Kind::Int, random),
                    of(Kind::Int, random)
                )
            }
            4 => {
                let text = of(Kind::String, random);
                format!("str::substring({text}, {})", of(Kind::Int, random))
            }
            5 => {
                let (a, b) = (of(Kind::String, random), of(Kind::String, random));
                format!("replace({a}, {b}, {})", of(Kind::String, random))
            }
            6 if self.parts != Parts::Light => {
                let text = of(Kind::String, random);
                format!(
                    "regex_extract({text}, {})",
                    quoted(random.pick(&["[0-9]+", "a(b)?", "(\\\\w+)-"]))
                )
            }
            7 if self.parts != Parts::Light => format!("to_string({})", of(Kind::Any, random)),
            6 | 7 => {
                let kind = random.pick(&[Kind::Bool, Kind::Int, Kind::Duration, Kind::DateTime]);
                format!("to_string({})", of(kind, random))
            }
            8 => format!("{}[{}]", of(Kind::List, random), of(Kind::Int, random)),
            9 => format!("join({}, {})", of(Kind::List, random), of(Kind::String, random)),
            _ => format!("({})[{}]", of(Kind::String, random), of(Kind::Int, random)),
        }
    }

    fn instant(&self, depth: usize, random: &mut Random) -> String {
        let of = |kind: Kind, random: &mut Random| self.expression(kind, depth, random);
        match random.below(6) {
            0 => format!("({} + {})", of(Kind::DateTime, random), of(Kind::Duration, random)),
            1 => format!("({} - {})", of(Kind::DateTime, random), of(Kind::Duration, random)),
            2 => format!("({} + {})", of(Kind::Duration, random), of(Kind::DateTime, random)),
            3 => {
                let units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"];
                let instant = of(Kind::DateTime, random);
                format!("date_trunc({instant}, {})", quoted(random.pick(&units)))
            }
            4 => format!("to_datetime({})", of(Kind::Int, random)),
            _ => {
                let (a, b) = (of(Kind::DateTime, random), of(Kind::DateTime, random));
                format!("{}({a}, {b})", random.pick(&["min", "max"]))
            }
        }
    }

    fn span(&self, depth: usize, random: &mut Random) -> String {
        let of = |kind: Kind, random: &mut Random| self.expression(kind, depth, random);
        match random.below(6) {
            0 => {
                let (a, b) = (of(Kind::Duration, random), of(Kind::Duration, random));
                format!("({a} {} {b})", random.pick(&["+", "-"]))
            }
            1 => format!("({} - {})", of(Kind::DateTime, random), of(Kind::DateTime, random)),
            2 => format!("({} * {})", of(Kind::Duration, random), of(Kind::Int, random)),
            3 => format!("({} * {})", of(Kind::Float, random), of(Kind::Duration, random)),
            4 => format!("({} / {})", of(Kind::Duration, random), of(Kind::Int, random)),
            _ => format!("-({})", of(Kind::Duration, random)),
        }
    }
}

/// A text as a literal of the language; backslashes must be escaped already.
fn quoted(text: &str) -> String {
    format!("'{text}'")
}

fn literal(kind: Kind, random: &mut Random) -> String {
    match kind {
        Kind::Any => "null".to_owned(),
        Kind::Bool => random.pick(&["true", "false"]).to_owned(),
        Kind::Int => {
            if random.chance(3) {
                "9223372036854775807".to_owned()
            } else {
                random.below(20).to_string()
            }
        }
        Kind::Float => random.pick(&["0.0", "1.5", "2.25", "100.0", "0.1"]).to_owned(),
        Kind::String => quoted(random.pick(&["", "a", "ab-c", "Ünï", "10", "yes", "a,b,c", " x "])),
        Kind::DateTime => random
            .pick(&["now()", "to_datetime('2024-02-29T12:00:00Z')", "to_datetime('1999-12-31')"])
            .to_owned(),
        Kind::Duration => random.pick(&["1d", "0s", "90m", "2w", "1d12h"]).to_owned(),
        Kind::List => "split('a,b,c', ',')".to_owned(),
    }
}
