use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use clap::Args;
use defacto_compiler::{ExpressionCase, ExpressionError, ExpressionScope};
use defacto_engine::{Question, Refusal, evaluate};
use defacto_model::{Micros, Timestamp, Value};
use serde::Deserialize;

use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto eval`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The expression
    #[arg(required_unless_present = "cases", conflicts_with = "cases")]
    expression: Option<String>,
    /// What `event` is: a JSON object
    #[arg(long, value_name = "JSON")]
    event: Option<String>,
    /// What `entity` is: a JSON object
    #[arg(long, value_name = "JSON")]
    entity: Option<String>,
    /// What `value` is
    #[arg(long, value_name = "JSON")]
    value: Option<String>,
    /// What `now()` gives
    #[arg(long, value_name = "T", default_value = "1970-01-01T00:00:00Z")]
    now: String,
    /// Lines of {"expr","event","entity","value","now"}, - for standard input
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
}

/// Lines that are compiled into one module: many enough to share its cost, few enough for memory.
const CASES_PER_MODULE: usize = 2_000;

/// Evaluates one expression, or a file of them.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    match (&options.expression, &options.cases) {
        (_, Some(path)) => cases(path, settings),
        (Some(text), None) => one(text, options, settings),
        (None, None) => Err(Failure::usage("give an expression or --cases FILE")),
    }
}

fn one(text: &str, options: &Options, settings: &Settings) -> Outcome {
    let context = |name: &str, json: &Option<String>| match json {
        None => Ok(Value::Null),
        Some(json) => defacto_json::parse(json)
            .map(tagged)
            .map_err(|e| Failure::usage(format!("--{name} is no JSON: {e}"))),
    };
    let scope = ExpressionScope::Free { value: options.value.is_some() };
    let question = Question {
        case: ExpressionCase { text, scope },
        event: context("event", &options.event)?,
        entity: context("entity", &options.entity)?,
        value: context("value", &options.value)?,
        now: project::instant(&options.now)?,
    };
    let answers = evaluate(&[question], Some(&settings.project), cache(settings).as_deref())
        .map_err(project::engine_failure)?;
    match answers.into_iter().next() {
        Some(Ok(value)) => {
            let mut output = Output::open(settings)?;
            output.text(&format!("{}\n", defacto_json::to_json(&value)))?;
            output.finish()
        }
        Some(Err(Refusal::Evaluation(message))) => Err(Failure::new(Kind::Findings, message)),
        Some(Err(Refusal::Load(error))) => Err(refused(text, &error)),
        None => Err(Failure::new(Kind::Internal, "no answer")),
    }
}

fn refused(text: &str, error: &ExpressionError) -> Failure {
    let (shown, help) = match error {
        ExpressionError::Parse { message, range, help } => {
            let start = usize::try_from(range.start).unwrap_or(0);
            let column = text.get(..start).map_or(0, |before| before.chars().count());
            (format!("{message}\n  | {text}\n  | {}^", " ".repeat(column)), help)
        }
        ExpressionError::Check { message, help } => (message.clone(), help),
    };
    let failure = Failure::new(Kind::Definitions, shown);
    match help {
        Some(help) => failure.with_help(help.clone()),
        None => failure,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    expr: String,
    #[serde(default)]
    event: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    entity: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    value: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    now: Option<String>,
}

fn cases(path: &PathBuf, settings: &Settings) -> Outcome {
    let reader: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let file = std::fs::File::open(path)
            .map_err(|e| Failure::usage(format!("read {}: {e}", path.display())))?;
        Box::new(file)
    };
    let mut output = Output::open(settings)?;
    let mut lines = BufReader::new(reader).lines();
    let mut number = 0;
    loop {
        let mut read = Vec::new();
        for line in lines.by_ref() {
            number += 1;
            let line =
                line.map_err(|e| Failure::usage(format!("{}:{number}: {e}", path.display())))?;
            if line.trim().is_empty() {
                continue;
            }
            let case: Case = serde_json::from_str(&line)
                .map_err(|e| Failure::usage(format!("{}:{number}: {e}", path.display())))?;
            read.push(case);
            if read.len() == CASES_PER_MODULE {
                break;
            }
        }
        if read.is_empty() {
            return output.finish();
        }
        let questions = read.iter().map(question).collect::<Outcome<Vec<_>>>()?;
        let answers =
            evaluate(&questions, Some(&settings.project), None).map_err(project::engine_failure)?;
        for answer in answers {
            output.text(&format!("{}\n", line_of(answer)))?;
        }
    }
}

fn question(case: &Case) -> Outcome<Question<'_>> {
    let context = |json: &Option<Box<serde_json::value::RawValue>>| match json {
        None => Ok(Value::Null),
        Some(json) => {
            defacto_json::parse(json.get()).map(tagged).map_err(|e| Failure::usage(e.to_string()))
        }
    };
    let scope = ExpressionScope::Free { value: case.value.is_some() };
    Ok(Question {
        case: ExpressionCase { text: &case.expr, scope },
        event: context(&case.event)?,
        entity: context(&case.entity)?,
        value: context(&case.value)?,
        now: case.now.as_deref().map_or(Ok(Timestamp::EPOCH), project::instant)?,
    })
}

fn line_of(answer: Result<Value, Refusal>) -> String {
    let error = |stage: &str, message: String| {
        serde_json::json!({"error": {"stage": stage, "message": message}}).to_string()
    };
    match answer {
        Ok(value) => format!("{{\"value\":{}}}", defacto_json::to_json(&value)),
        Err(Refusal::Load(refused @ ExpressionError::Parse { .. })) => {
            error("parse", refused.to_string())
        }
        Err(Refusal::Load(refused @ ExpressionError::Check { .. })) => {
            error("check", refused.to_string())
        }
        Err(Refusal::Evaluation(message)) => error("eval", message),
    }
}

/// Turns `{"$datetime": "…"}` and `{"$duration_s": n}` into the values they stand for.
fn tagged(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let only = (entries.len() == 1).then(|| entries.first_key_value()).flatten();
            match only.map(|(key, value)| (key.as_str(), value)) {
                Some(("$datetime", Value::String(text))) => {
                    if let Ok(instant) = Timestamp::parse_text(text) {
                        return Value::DateTime(instant);
                    }
                }
                Some(("$duration_s", Value::Int(seconds))) => {
                    return Value::Duration(Micros(seconds.saturating_mul(1_000_000)));
                }
                Some(("$duration_s", Value::Float(seconds))) => {
                    return Value::Duration(Micros((seconds * 1e6).round() as i64));
                }
                _ => {}
            }
            Value::Object(entries.into_iter().map(|(key, value)| (key, tagged(value))).collect())
        }
        Value::List(elements) => Value::List(elements.into_iter().map(tagged).collect()),
        other => other,
    }
}

/// Machine code of single expressions is worth keeping only inside a project.
fn cache(settings: &Settings) -> Option<PathBuf> {
    let state = settings.project.join(".defacto");
    state.is_dir().then(|| state.join("modules"))
}
