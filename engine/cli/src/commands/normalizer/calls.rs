//! Recorded calls of functions, and what is expected of them.

use std::fs;
use std::path::PathBuf;

use defacto_host::{Answer, Functions};
use defacto_model::{DescribedFunction, Timestamp, Value, ValueType};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::cases::shown;
use super::folder::Folder;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// A call as a line of `cases/*.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    call: String,
    with: Vec<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "given")]
    gives: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

/// Null is a result, not its absence.
fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(value).map(Some)
}

/// Calls of one file.
struct Recorded {
    path: PathBuf,
    calls: Vec<Call>,
}

fn read(folder: &Folder) -> Outcome<Vec<Recorded>> {
    let cases = folder.path.join("cases");
    let help = "put recorded calls there, such as {\"call\": \"f\", \"with\": [1], \"gives\": 2}";
    let failed = |e: String| Failure::usage(format!("read {e}")).with_help(help);
    let mut paths: Vec<PathBuf> = fs::read_dir(&cases)
        .map_err(|e| failed(format!("{}: {e}", cases.display())))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "jsonl"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(failed(format!("{}: there is no *.jsonl", cases.display())));
    }
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        let text =
            fs::read_to_string(&path).map_err(|e| failed(format!("{}: {e}", path.display())))?;
        let mut calls = Vec::new();
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
            calls.push(
                serde_json::from_str(text)
                    .map_err(|e| failed(format!("{}, line {line}: {e}", path.display())))?,
            );
        }
        all.push(Recorded { path, calls });
    }
    Ok(all)
}

/// The place of a function and its arguments; null for an argument means no call.
fn prepared(functions: &Functions, call: &Call) -> Result<(u32, Option<Vec<Value>>), String> {
    let known = &functions.description().functions;
    let at = known.iter().position(|function| function.name == call.call);
    let function = at.and_then(|at| known.get(at));
    let (Some(at), Some(function)) = (at.and_then(|at| u32::try_from(at).ok()), function) else {
        return Err(format!("the module has no function `{}`", call.call));
    };
    if call.with.len() != function.parameters.len() {
        let (wanted, given) = (function.parameters.len(), call.with.len());
        return Err(format!("`{}` takes {wanted} arguments, not {given}", call.call));
    }
    let values = call.with.iter().zip(&function.parameters);
    let values: Vec<Value> = values
        .map(|(value, parameter)| {
            argument(value, parameter.r#type)
                .ok_or_else(|| format!("{value} is no {:?}", parameter.r#type).to_lowercase())
        })
        .collect::<Result<_, _>>()?;
    Ok((at, (!values.contains(&Value::Null)).then_some(values)))
}

fn argument(value: &Json, declared: ValueType) -> Option<Value> {
    Some(match (declared, value) {
        (_, Json::Null) => Value::Null,
        (ValueType::String, Json::String(text)) => Value::String(text.clone()),
        (ValueType::Datetime, Json::String(text)) => {
            Value::DateTime(Timestamp::parse_text(text).ok()?)
        }
        (ValueType::Boolean, Json::Bool(flag)) => Value::Bool(*flag),
        (ValueType::Integer, Json::Number(number)) => Value::Int(number.as_i64()?),
        (ValueType::Number, Json::Number(number)) => Value::Float(number.as_f64()?),
        _ => return None,
    })
}

fn answered(call: &Call, answer: Answer) -> Call {
    let bare = Call { gives: None, refused: None, broken: None, ..call.clone() };
    match answer {
        Answer::Value(value) => Call { gives: Some(project::value_cell(&value)), ..bare },
        Answer::Refused(message) => Call { refused: Some(message), ..bare },
        Answer::Broken(message) => Call { broken: Some(message), ..bare },
    }
}

fn line(call: &Call) -> String {
    serde_json::to_string(call).unwrap_or_default()
}

/// Holds the module against its recorded calls.
pub(super) fn test(folder: &Folder, update: bool, settings: &Settings) -> Outcome {
    let functions = folder.load_functions(settings)?;
    let (mut count, mut wrong) = (0, 0);
    let files = read(folder)?;
    for file in &files {
        let mut now = String::new();
        for call in &file.calls {
            count += 1;
            let made = match prepared(&functions, call) {
                Ok((_, None)) => answered(call, Answer::Value(Value::Null)),
                Ok((at, Some(arguments))) => {
                    let answers = functions.call(at, &[arguments]);
                    let answers = answers.map_err(|e| project::engine_failure(e.into()))?;
                    let nothing = || Answer::Broken("no answer".to_owned());
                    answered(call, answers.into_iter().next().unwrap_or_else(nothing))
                }
                Err(message) => answered(call, Answer::Broken(message)),
            };
            now.push_str(&line(&made));
            now.push('\n');
            if !update && made != *call {
                wrong += 1;
                let name = shown(&file.path);
                let (want, have) = (line(call), line(&made));
                crate::say(&format!("{name}\n  expected {want}\n  got      {have}\n"));
            }
        }
        if update {
            fs::write(&file.path, now)
                .map_err(|e| Failure::storage(format!("write {}: {e}", file.path.display())))?;
        }
    }
    let json = serde_json::json!({
        "module": folder.name, "cases": files.len(), "calls": count, "wrong": wrong,
    });
    let summary = match (update, wrong) {
        (true, _) => format!("wrote what {count} calls give\n"),
        (false, 0) => format!("{count} calls: as expected\n"),
        (false, wrong) => format!("{wrong} of {count} calls differ\n"),
    };
    finish(&json, &summary, wrong, settings)
}

/// Makes the recorded calls in every way that must not matter.
pub(super) fn check(folder: &Folder, settings: &Settings) -> Outcome {
    let functions = folder.load_functions(settings)?;
    let refused = |message: String| {
        Failure::new(Kind::Findings, format!("module `{}`: {message}", folder.name))
    };
    let (mut count, mut wrong) = (0, 0);
    let files = read(folder)?;
    for (at, function) in (0_u32..).zip(&functions.description().functions) {
        let calls = calls_of(&functions, &files, function).map_err(refused)?;
        count += calls.len();
        let found = functions.check(at, &calls).map_err(|e| refused(e.to_string()))?;
        if let Some((call, way)) = found {
            wrong += 1;
            let shown: Vec<Json> =
                calls.get(call).into_iter().flatten().map(project::value_cell).collect();
            let name = &function.name;
            crate::say(&format!("{name} with {} gives something else {way}\n", Json::from(shown)));
        }
    }
    let json = serde_json::json!({
        "module": folder.name, "cases": files.len(), "calls": count, "wrong": wrong,
    });
    let summary = if wrong == 0 {
        format!("{count} calls: the same in every way\n")
    } else {
        "a result depends on something else than the arguments\n".to_owned()
    };
    finish(&json, &summary, wrong, settings)
}

/// The arguments of every recorded call of a function that the engine would make.
fn calls_of(
    functions: &Functions,
    files: &[Recorded],
    function: &DescribedFunction,
) -> Result<Vec<Vec<Value>>, String> {
    let mut calls = Vec::new();
    for call in files.iter().flat_map(|file| &file.calls) {
        let (_, arguments) = prepared(functions, call)?;
        calls.extend(arguments.filter(|_| call.call == function.name));
    }
    Ok(calls)
}

fn finish(json: &Json, summary: &str, wrong: usize, settings: &Settings) -> Outcome {
    let mut output = Output::open(settings)?;
    output.object(json, summary)?;
    output.finish()?;
    if wrong > 0 { Err(Failure::findings()) } else { Ok(()) }
}
