//! Calls: names, argument counts, argument types and literal arguments (language.md 4.8, 4.9).

use defacto_diagnostics::nearest;
use defacto_functions::{Function, Parameter, Returns, Signature};
use defacto_model::Value;
use defacto_syntax::TextRange;

use crate::ExprKind;
use crate::foreign::Foreign;
use crate::kinds::{Fit, Kinds};
use crate::scope::Typed;

/// A typed call.
pub(crate) struct Called {
    /// `None` when it is no call of a function.
    pub(crate) value: Option<Typed>,
    /// Whether its value depends on the logical instant.
    pub(crate) uses_now: bool,
    /// What is wrong with it.
    pub(crate) misfits: Vec<Misfit>,
}

/// One thing wrong with a call.
pub(crate) struct Misfit {
    pub(crate) fit: Fit,
    pub(crate) range: TextRange,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Misfit {
    fn never(range: TextRange, message: String) -> Self {
        Self { fit: Fit::Never, range, message, help: None }
    }
}

impl Called {
    fn value(value: Typed) -> Self {
        Self { value: Some(value), uses_now: false, misfits: Vec::new() }
    }

    pub(crate) fn refused(misfit: Misfit) -> Self {
        Self { value: None, uses_now: false, misfits: vec![misfit] }
    }
}

/// Whether a function has this name.
pub(crate) fn exists(name: &str) -> bool {
    matches!(name, "now" | "coalesce") || Function::from_name(name).is_some()
}

/// Types the call of `name`.
pub(crate) fn call(
    foreign: &Foreign,
    name: &str,
    name_range: TextRange,
    range: TextRange,
    args: &[(Typed, TextRange)],
) -> Called {
    match name {
        "now" if args.is_empty() => {
            Called { uses_now: true, ..Called::value(Typed::new(ExprKind::Now, Kinds::DATETIME)) }
        }
        "now" => {
            Called::refused(Misfit::never(range, count_message("now", "no argument", args.len())))
        }
        "coalesce" if args.is_empty() => Called::refused(Misfit::never(
            range,
            count_message("coalesce", "at least one argument", 0),
        )),
        "coalesce" => {
            let solid =
                args.iter().fold(Kinds::NONE, |kinds, (arg, _)| kinds.or(arg.kinds.solid()));
            let null = args.iter().any(|(arg, _)| arg.kinds.has_null());
            let exprs = args.iter().map(|(arg, _)| arg.expr.clone()).collect();
            Called::value(Typed::new(
                ExprKind::Coalesce(exprs),
                if null { solid.nullable() } else { solid },
            ))
        }
        _ => match Function::from_name(name) {
            Some(function) => library_call(function, range, args),
            None => foreign
                .call(name, range, args)
                .unwrap_or_else(|| Called::refused(unknown_function(foreign, name, name_range))),
        },
    }
}

fn unknown_function(foreign: &Foreign, name: &str, range: TextRange) -> Misfit {
    let names = || Function::ALL.iter().map(|f| f.signature().name).chain(["now", "coalesce"]);
    let last = name.rsplit("::").next().unwrap_or(name);
    let ends = |test: &dyn Fn(&str) -> bool| {
        names().find(|known| known.rsplit("::").next().is_some_and(test))
    };
    let known = ends(&|known| known == last)
        .or_else(|| ends(&|known| known.strip_prefix("to_") == Some(last)))
        .or_else(|| nearest(name, names()))
        .or_else(|| {
            ends(&|known| {
                last.len() > 2 && known.strip_prefix("to_").unwrap_or(known).starts_with(last)
            })
        });
    let space = name.split_once("::").map_or("", |(space, _)| space);
    let own: Vec<&str> = names()
        .filter(|known| known.split_once("::").is_some_and(|(known, _)| known == space))
        .collect();
    let message = format!("unknown function `{name}`");
    if known.is_none() && !own.is_empty() {
        let help = Some(format!("there are {}", own.join(", ")));
        return Misfit { help, ..Misfit::never(range, message) };
    }
    if known.is_none()
        && let Some(misfit) = foreign.unknown(name, range)
    {
        return misfit;
    }
    let help = known.map(|known| format!("did you mean `{known}`?"));
    Misfit { help, ..Misfit::never(range, message) }
}

fn library_call(function: Function, range: TextRange, args: &[(Typed, TextRange)]) -> Called {
    let signature = function.signature();
    let most = if signature.variadic { usize::MAX } else { signature.parameters.len() };
    if args.len() < signature.required || args.len() > most {
        let wanted = wanted_count(signature);
        return Called::refused(Misfit::never(
            range,
            count_message(signature.name, &wanted, args.len()),
        ));
    }
    let mut misfits = Vec::new();
    for (at, (arg, arg_range)) in args.iter().enumerate() {
        let taken = taken(signature, at);
        let fit = arg.kinds.fit(taken);
        if fit != Fit::Fits {
            let message = format!(
                "argument {} of `{}` is {}, but must be {taken}",
                at + 1,
                signature.name,
                arg.kinds
            );
            misfits.push(Misfit { fit, range: *arg_range, message, help: None });
        }
    }
    if misfits.is_empty() {
        misfits.extend(together(function, range, args));
        misfits.extend(literal(function, args));
    }
    let kinds = result(function, signature, args);
    let exprs = args.iter().map(|(arg, _)| arg.expr.clone()).collect();
    Called {
        value: Some(Typed::new(ExprKind::Call(function, exprs), kinds)),
        uses_now: function == Function::DaysSince,
        misfits,
    }
}

fn wanted_count(signature: &Signature) -> String {
    let (least, most) = (signature.required, signature.parameters.len());
    if signature.variadic {
        format!("at least {least} {}", plural(least))
    } else if least == most {
        format!("{least} {}", plural(least))
    } else {
        format!("{least} to {most} arguments")
    }
}

pub(crate) fn plural(n: usize) -> &'static str {
    if n == 1 { "argument" } else { "arguments" }
}

pub(crate) fn count_message(name: &str, wanted: &str, given: usize) -> String {
    format!("`{name}` takes {wanted}, not {given}")
}

/// Kinds that a parameter takes.
fn taken(signature: &Signature, at: usize) -> Kinds {
    let Some(parameter) = signature.parameter(at) else {
        return Kinds::ANY;
    };
    match parameter {
        Parameter::Any => Kinds::ANY,
        Parameter::Int => Kinds::INT,
        Parameter::Number => Kinds::NUMBER,
        Parameter::String => Kinds::STRING,
        Parameter::DateTime => Kinds::DATETIME,
        Parameter::List => Kinds::LIST,
        Parameter::StringOrList => Kinds::STRING.or(Kinds::LIST),
        Parameter::StringListOrObject => Kinds::STRING.or(Kinds::LIST).or(Kinds::OBJECT),
        Parameter::Ordered => {
            Kinds::NUMBER.or(Kinds::STRING).or(Kinds::DATETIME).or(Kinds::DURATION)
        }
        Parameter::NumberBoolOrString => Kinds::NUMBER.or(Kinds::BOOL).or(Kinds::STRING),
        Parameter::NumberOrString => Kinds::NUMBER.or(Kinds::STRING),
        Parameter::NumberStringOrDateTime => Kinds::NUMBER.or(Kinds::STRING).or(Kinds::DATETIME),
    }
}

/// Arguments that fit alone but not together.
fn together(function: Function, range: TextRange, args: &[(Typed, TextRange)]) -> Option<Misfit> {
    match (function, args) {
        (Function::Contains, [(text, _), (part, part_range)])
            if text.kinds.within(Kinds::STRING.nullable()) =>
        {
            let fit = match part.kinds.fit(Kinds::STRING) {
                Fit::Never if text.kinds.has_null() => Fit::OnlyNull,
                fit => fit,
            };
            (fit != Fit::Fits).then(|| {
                let message =
                    format!("argument 2 of `contains` is {}, but must be String", part.kinds);
                Misfit { fit, range: *part_range, message, help: None }
            })
        }
        (Function::Min | Function::Max, _) if common(args).is_none() => {
            let null = args.iter().any(|(arg, _)| arg.kinds.has_null());
            let fit = if null { Fit::OnlyNull } else { Fit::Never };
            let message =
                format!("the arguments of `{}` have no type in common", function.signature().name);
            Some(Misfit { fit, range, message, help: None })
        }
        _ => None,
    }
}

/// Kinds of `min` and `max` without null; `None` when the arguments never fit together.
fn common(args: &[(Typed, TextRange)]) -> Option<Kinds> {
    let mut known: Option<Kinds> = None;
    for kinds in args.iter().map(|(arg, _)| arg.kinds.solid()).filter(|kinds| !kinds.is_null()) {
        known = Some(match known {
            None => kinds,
            Some(before) => {
                let mixed = before.meets(Kinds::NUMBER)
                    && kinds.meets(Kinds::NUMBER)
                    && before.or(kinds).and(Kinds::NUMBER) == Kinds::NUMBER;
                let joint = before.and(kinds).or(if mixed { Kinds::FLOAT } else { Kinds::NONE });
                if joint.is_null() {
                    return None;
                }
                joint
            }
        });
    }
    Some(known.unwrap_or(Kinds::NONE))
}

/// Literal patterns, units and formats.
fn literal(function: Function, args: &[(Typed, TextRange)]) -> Option<Misfit> {
    let (arg, range) = args.get(1)?;
    let ExprKind::Literal(Value::String(text)) = &arg.expr.kind else { return None };
    match function {
        Function::RegexMatch | Function::RegexExtract => {
            let error = regex::Regex::new(text).err()?;
            Some(Misfit::never(*range, format!("invalid pattern: {}", pattern_message(&error))))
        }
        Function::DateTrunc => {
            let units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"];
            (!units.contains(&text.as_str())).then(|| Misfit {
                help: Some(match nearest(text, units) {
                    Some(unit) => format!("did you mean `{unit}`?"),
                    None => format!("units are {}", units.join(", ")),
                }),
                ..Misfit::never(*range, format!("`{text}` is no unit of `date_trunc`"))
            })
        }
        Function::ParseDatetime => {
            let bad = !defacto_functions::parse_datetime::format_is_valid(text);
            bad.then(|| Misfit::never(*range, format!("`{text}` is no valid date-time format")))
        }
        _ => None,
    }
}

/// The one line of a pattern error that says what is wrong.
pub(crate) fn pattern_message(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("not a pattern");
    line.trim().trim_start_matches("error: ").to_string()
}

fn result(function: Function, signature: &Signature, args: &[(Typed, TextRange)]) -> Kinds {
    let strict = |at: usize| match function {
        Function::ToString => false,
        Function::Contains => at == 0,
        _ => true,
    };
    let mut null = function == Function::RegexExtract;
    for (at, (arg, _)) in args.iter().enumerate().filter(|(at, _)| strict(*at)) {
        if arg.kinds.is_null() || arg.kinds.fit(taken(signature, at)) == Fit::OnlyNull {
            return Kinds::NULL;
        }
        null |= arg.kinds.has_null();
    }
    let solid = match signature.returns {
        Returns::Bool => Kinds::BOOL,
        Returns::Int => Kinds::INT,
        Returns::Float => Kinds::FLOAT,
        Returns::String => Kinds::STRING,
        Returns::DateTime => Kinds::DATETIME,
        Returns::List => Kinds::LIST,
        Returns::First => {
            args.first().map_or(Kinds::ANY, |(arg, _)| arg.kinds.and(taken(signature, 0)))
        }
        Returns::Common => common(args).map_or(Kinds::ANY, |kinds| kinds.and(taken(signature, 0))),
        Returns::Round if args.len() > 1 => Kinds::FLOAT,
        Returns::Round => Kinds::INT,
    };
    if null { solid.nullable() } else { solid }
}
