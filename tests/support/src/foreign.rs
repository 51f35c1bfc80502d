//! Functions of modules, as the oracle has them: written in Rust, called by name.

use std::cell::RefCell;

use defacto_check::Program;
use defacto_functions::FaultKind;
use defacto_model::{FunctionManifest, Value, ValueType};

use crate::trouble::Trouble;

/// What a test gives in place of modules: the full name, and arguments that fit and are not null.
pub type ForeignFunction = fn(&str, &[Value]) -> Result<Value, String>;

thread_local! {
    /// What the oracle at work on this thread may call.
    static CURRENT: RefCell<(Vec<FunctionManifest>, Option<ForeignFunction>)> =
        const { RefCell::new((Vec::new(), None)) };
}

/// Runs something that may call the functions of a program.
pub(crate) fn with<T>(
    program: &Program,
    function: Option<ForeignFunction>,
    run: impl FnOnce() -> T,
) -> T {
    if !program.functions.is_empty() {
        CURRENT.set((program.functions.clone(), function));
    }
    run()
}

/// A call: null for a null, a fault for what does not fit, else what the test's function says.
pub(crate) fn call(number: u32, arguments: Vec<Value>) -> Result<Value, Trouble> {
    if arguments.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    CURRENT.with_borrow(|(functions, function)| {
        let refuse = |why: &str| Trouble::new(FaultKind::Foreign, Value::String(why.to_owned()));
        let known = functions.get(number as usize).zip(function.as_ref());
        let (manifest, function) = known.ok_or_else(|| refuse("no such function"))?;
        let name = manifest.full_name();
        let mut given = Vec::with_capacity(arguments.len());
        for (argument, parameter) in arguments.into_iter().zip(&manifest.function.parameters) {
            #[expect(clippy::cast_precision_loss, reason = "a number is a double")]
            given.push(match (parameter.r#type, argument) {
                (ValueType::Number, Value::Int(int)) => Value::Float(int as f64),
                (ValueType::Number, value @ Value::Float(_))
                | (ValueType::Integer, value @ Value::Int(_))
                | (ValueType::String, value @ Value::String(_))
                | (ValueType::Boolean, value @ Value::Bool(_))
                | (ValueType::Datetime, value @ Value::DateTime(_)) => value,
                _ => return Err(refuse(&format!("`{name}` does not take that"))),
            });
        }
        function(&name, &given).map_err(|why| refuse(&format!("`{name}`: {why}")))
    })
}
