//! Calls from expressions to functions of modules: the import `call` of compiled definitions.
//!
//! Functions are called a batch at a time: a call of the definitions runs first with null for every answer that is not known
//! yet, which only collects what is asked; the functions then answer all of it at once; and the same call runs again with the
//! answers. Definitions and functions are pure, so that only the last run counts.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use defacto_frames::abi::cell;
use defacto_functions::value_text;
use defacto_model::{FunctionManifest, Timestamp, Value, ValueType};
use defacto_ports::Error;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmStr};

use crate::guard::Guard;
use crate::modules::{Answer, Functions};
use crate::{Limits, epoch};

/// Name of the import.
pub(crate) const IMPORT: &str = "call";

/// A value as it crosses: tag, number, text.
type Wire = (u8, i64, String);

/// The functions that definitions may call, by number.
#[derive(Debug)]
pub(crate) struct Foreign {
    functions: Vec<(FunctionManifest, OnceLock<Arc<Functions>>)>,
    limits: Limits,
}

/// A call, as a key: function, then tags, numbers and texts of the arguments.
type Key = Vec<u8>;

/// What a call has asked and been told.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    foreign: Option<Arc<Foreign>>,
    answers: BTreeMap<Key, Result<Wire, String>>,
    /// Calls without an answer, where they are collected.
    wanted: Option<BTreeMap<Key, (u32, Vec<Value>)>>,
}

/// Most calls to collect: what goes beyond is called one by one.
const WANTED_MAX: usize = 65_536;

/// A function could not be run at all: not the fault of any row.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unable(pub(crate) String);

impl Foreign {
    pub(crate) fn new(functions: &[FunctionManifest], limits: &Limits) -> Option<Arc<Self>> {
        let functions: Vec<_> = functions.iter().map(|it| (it.clone(), OnceLock::new())).collect();
        (!functions.is_empty()).then(|| Arc::new(Self { functions, limits: *limits }))
    }

    /// Gives the functions of a module.
    pub(crate) fn attach(&self, module: &str, functions: &Arc<Functions>) {
        for (known, slot) in &self.functions {
            if known.module == module {
                slot.get_or_init(|| Arc::clone(functions));
            }
        }
    }

    /// Each attached module once.
    pub(crate) fn modules(&self) -> Vec<&Arc<Functions>> {
        let mut modules: Vec<&Arc<Functions>> = Vec::new();
        for functions in self.functions.iter().filter_map(|(_, slot)| slot.get()) {
            if !modules.iter().any(|known| Arc::ptr_eq(known, functions)) {
                modules.push(functions);
            }
        }
        modules
    }

    /// The answers to calls of one function.
    fn answer(
        &self,
        number: u32,
        calls: &[Vec<Value>],
    ) -> Result<Vec<Result<Wire, String>>, Unable> {
        let known = usize::try_from(number).ok().and_then(|at| self.functions.get(at));
        let Some((manifest, slot)) = known else {
            return Err(Unable(format!("there is no function {number}")));
        };
        let name = manifest.full_name();
        let Some(functions) = slot.get() else {
            return Err(Unable(format!("the module of `{name}` is not loaded")));
        };
        let answers = functions.call(manifest.index, calls).map_err(|error| {
            Unable(match error {
                Error::Module { message } => message,
                other => other.to_string(),
            })
        })?;
        let said = |answer| match answer {
            Answer::Value(value) => Ok(wire(value)),
            Answer::Refused(message) | Answer::Broken(message) => {
                Err(format!("`{name}`: {message}"))
            }
        };
        Ok(answers.into_iter().map(said).collect())
    }

    /// What is wrong with the arguments of a call whose types nobody knew before.
    fn misfit(&self, number: u32, arguments: &[Value], tags: &[u8]) -> Option<String> {
        let (manifest, _) = self.functions.get(usize::try_from(number).ok()?)?;
        let parameters = &manifest.function.parameters;
        let wrong =
            parameters.iter().zip(arguments).zip(tags).zip(1..).find(
                |(((parameter, argument), tag), _)| !takes(parameter.r#type, argument, **tag),
            );
        let (((parameter, argument), tag), place) = wrong?;
        let given = match *tag {
            cell::LIST => "a list".to_owned(),
            cell::OBJECT => "an object".to_owned(),
            cell::BIG_INT => "an integer outside of 64 bits".to_owned(),
            _ => format!("{} {}", argument.type_name(), value_text(argument)),
        };
        Some(format!(
            "`{}` does not take {given} as argument {place} (`{}`)",
            manifest.full_name(),
            parameter.name
        ))
    }
}

impl Calls {
    pub(crate) fn new(foreign: Option<Arc<Foreign>>) -> Self {
        Self { foreign, ..Self::default() }
    }

    /// From now on, collects calls without an answer or makes them.
    pub(crate) fn collect(&mut self, collect: bool) {
        self.wanted = collect.then(BTreeMap::new);
    }

    /// Whether a call was collected.
    pub(crate) fn is_waiting(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| !wanted.is_empty())
    }

    /// Answers what was collected, function by function.
    pub(crate) fn settle(&mut self) -> Result<(), Unable> {
        let (Some(foreign), Some(wanted)) = (&self.foreign, self.wanted.take()) else {
            return Ok(());
        };
        // Keys begin with the function's number, so that calls of one stand together.
        let mut keys: Vec<Key> = Vec::new();
        let mut batch: Vec<Vec<Value>> = Vec::new();
        let mut current = None;
        for (key, (number, arguments)) in wanted {
            if current.is_some_and(|known| known != number) {
                let number = current.unwrap_or(number);
                let answers = foreign.answer(number, &std::mem::take(&mut batch))?;
                self.answers.extend(std::mem::take(&mut keys).into_iter().zip(answers));
            }
            current = Some(number);
            keys.push(key);
            batch.push(arguments);
        }
        if let Some(number) = current {
            self.answers.extend(keys.into_iter().zip(foreign.answer(number, &batch)?));
        }
        Ok(())
    }

    /// Forgets all answers.
    pub(crate) fn forget(&mut self) {
        self.answers.clear();
        self.wanted = None;
    }

    /// The answers so far, for another instance.
    pub(crate) fn hand_over(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.answers, &mut other.answers);
    }

    fn call(
        &mut self,
        number: u32,
        arguments: Vec<(u8, i64, String)>,
    ) -> Result<Result<Wire, String>, Unable> {
        let Some(foreign) = &self.foreign else {
            return Err(Unable("nothing is imported".to_owned()));
        };
        let tags: Vec<u8> = arguments.iter().map(|(tag, ..)| *tag).collect();
        let key = key(number, &arguments);
        if let Some(answer) = self.answers.get(&key) {
            return Ok(answer.clone());
        }
        let values: Vec<Value> = arguments.into_iter().map(lifted).collect();
        if let Some(message) = foreign.misfit(number, &values, &tags) {
            return Ok(Err(message));
        }
        match &mut self.wanted {
            Some(wanted) if wanted.len() < WANTED_MAX => {
                wanted.insert(key, (number, values));
                Ok(Ok((cell::NULL, 0, String::new())))
            }
            Some(_) => Ok(Ok((cell::NULL, 0, String::new()))),
            None => {
                let mut answers = foreign.answer(number, &[values])?;
                answers.pop().ok_or_else(|| Unable("a function gave no answer".to_owned()))
            }
        }
    }
}

/// Links the import.
pub(crate) fn link(linker: &mut Linker<Guard>, foreign: &Foreign) -> wasmtime::Result<()> {
    let deadline = epoch::ticks(foreign.limits.deadline_ms);
    linker.root().func_wrap(
        IMPORT,
        move |mut store: StoreContextMut<'_, Guard>,
              (number, arguments): (u32, Vec<(u8, i64, WasmStr)>)| {
            let mut given = Vec::with_capacity(arguments.len());
            for (tag, bits, text) in &arguments {
                given.push((*tag, *bits, text.to_str(&store)?.into_owned()));
            }
            let answer = store.data_mut().calls.call(number, given)?;
            // The time of functions has a limit of its own.
            store.set_epoch_deadline(deadline);
            Ok((answer,))
        },
    )
}

fn key(number: u32, arguments: &[(u8, i64, String)]) -> Key {
    let mut key = number.to_be_bytes().to_vec();
    for (tag, bits, text) in arguments {
        key.push(*tag);
        if *tag == cell::STRING {
            key.extend(text.len().to_le_bytes());
            key.extend(text.as_bytes());
        } else {
            key.extend(bits.to_le_bytes());
        }
    }
    key
}

/// A value that crossed. What functions do not take is null here, and told by its tag.
fn lifted((tag, bits, text): (u8, i64, String)) -> Value {
    match tag {
        cell::BOOL => Value::Bool(bits != 0),
        cell::INT => Value::Int(bits),
        cell::FLOAT => Value::Float(f64::from_bits(bits.cast_unsigned())),
        cell::STRING => Value::String(text),
        cell::DATETIME => Timestamp::from_micros(bits).map_or(Value::Null, Value::DateTime),
        cell::DURATION => Value::Duration(defacto_model::Micros(bits)),
        _ => Value::Null,
    }
}

fn takes(declared: ValueType, argument: &Value, tag: u8) -> bool {
    match declared {
        ValueType::String => tag == cell::STRING,
        ValueType::Number => {
            tag == cell::INT || matches!(argument, Value::Float(float) if float.is_finite())
        }
        ValueType::Integer => tag == cell::INT,
        ValueType::Boolean => tag == cell::BOOL,
        ValueType::Datetime => matches!(argument, Value::DateTime(_)),
    }
}

/// A result on its way back: of a declared type, or null.
fn wire(value: Value) -> Wire {
    let number = |tag, bits| (tag, bits, String::new());
    match value {
        Value::Bool(flag) => number(cell::BOOL, i64::from(flag)),
        Value::Int(int) => number(cell::INT, int),
        Value::Float(float) => number(cell::FLOAT, float.to_bits().cast_signed()),
        Value::String(text) => (cell::STRING, 0, text),
        Value::DateTime(at) => number(cell::DATETIME, at.as_micros()),
        Value::Duration(span) => number(cell::DURATION, span.0),
        Value::Null | Value::BigInt(_) | Value::List(_) | Value::Object(_) => number(cell::NULL, 0),
    }
}
