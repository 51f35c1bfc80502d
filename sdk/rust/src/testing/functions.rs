use std::marker::PhantomData;

use super::host::{Tables, prepare};
use crate::{FunctionModule, Value};

/// A host for a module of functions.
#[derive(Debug)]
pub struct Functions<M> {
    tables: Tables,
    module: PhantomData<fn() -> M>,
}

impl<M: FunctionModule> Default for Functions<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: FunctionModule> Functions<M> {
    /// A host without tables.
    pub fn new() -> Self {
        Self { tables: Tables::new(), module: PhantomData }
    }

    /// The same host with a table of keys and answers.
    #[must_use]
    pub fn table(mut self, name: &str, rows: &[(&str, &str)]) -> Self {
        let rows = rows.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned()));
        self.tables.insert(name.to_owned(), rows.collect());
        self
    }

    /// What the module says of itself, as JSON.
    pub fn describe(&self) -> String {
        crate::functions::describe::<M>()
    }

    /// Calls a function as the engine does: null for a null, without a call.
    ///
    /// # Errors
    ///
    /// What the function says.
    #[allow(clippy::panic, reason = "definitions with such a call do not load")]
    pub fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let known = M::FUNCTIONS.iter().position(|function| function.name == name);
        let Some(at) = known.and_then(|at| u32::try_from(at).ok()) else {
            panic!("there is no function `{name}`")
        };
        if arguments.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        prepare(&self.tables);
        let mut results = crate::functions::call::<M>(at, vec![arguments.to_vec()]);
        results.pop().unwrap_or(Ok(Value::Null))
    }
}
