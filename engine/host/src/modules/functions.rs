use defacto_model::{DescribedFunction, DescribedType, FunctionsDescription, Value};
use defacto_ports::Error;

use super::ModuleError;
use super::abi::WireValue;
use super::instance::Instance;
use super::module::{Module, Work, shortened};
use super::value;
use super::world::World;
use crate::Limits;
use crate::stop::Stop;

/// What became of one call of a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Its result, of the declared type or null.
    Value(Value),
    /// The function refuses the arguments, in one sentence.
    Refused(String),
    /// The module trapped, exhausted a limit or gave something wrong because of them.
    Broken(String),
}

/// A module of the world `functions`, ready to run from any number of threads.
#[derive(Debug)]
pub struct Functions {
    module: Module,
    description: FunctionsDescription,
}

impl std::ops::Deref for Functions {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.module
    }
}

impl Functions {
    pub(crate) fn new(module: Module) -> Result<Self, ModuleError> {
        let text = module.start()?.describe(module.limits())?;
        let wrong = |message| ModuleError::Description { message };
        let description: FunctionsDescription =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        description.check().map_err(wrong)?;
        Ok(Self { module, description })
    }

    /// What it says about itself.
    pub fn description(&self) -> &FunctionsDescription {
        &self.description
    }

    /// Calls the function at a place of the description, once for each list of arguments; one answer each, in order. The
    /// arguments must be of the declared types and not null: see [`Functions::accepts`].
    ///
    /// # Errors
    ///
    /// [`Error::Module`] when the module cannot run at all, or is stuck twice with one call.
    pub fn call(&self, function: u32, calls: &[Vec<Value>]) -> Result<Vec<Answer>, Error> {
        let known = usize::try_from(function).ok();
        let known = known.and_then(|at| self.description.functions.get(at));
        let Some(described) = known else {
            let message = format!("functions `{}`: no function {function}", self.name());
            return Err(Error::Module { message });
        };
        let work = Call { function, described, limits: self.limits() };
        let items: Vec<Vec<WireValue>> = calls.iter().map(|args| work.lower(args)).collect();
        let mut out = Vec::with_capacity(items.len());
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.module.rows().min(rest.len()));
            self.module.run(&work, batch, &mut out)?;
            rest = later;
        }
        let good = out.iter().map(|answer| matches!(answer, Answer::Value(_)).then_some(1));
        self.module.counters.results(good);
        Ok(out)
    }

    /// Calls in several ways that must not matter: the same batch twice in one instance, in a fresh one, and backwards in
    /// single calls. Gives the first call for which one did, and the way.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Start`] when the module does not start, [`ModuleError::Engine`] when it cannot run.
    pub fn check(
        &self,
        function: u32,
        calls: &[Vec<Value>],
    ) -> Result<Option<(usize, &'static str)>, ModuleError> {
        let failed = |error: Error| ModuleError::Engine { message: error.to_string() };
        let first = self.call(function, calls).map_err(failed)?;
        let differ = |way: &'static str, other: &[Answer]| {
            first.iter().zip(other).position(|(first, other)| first != other).map(|at| (at, way))
        };
        let again = self.call(function, calls).map_err(failed)?;
        if let Some(found) = differ("again in the same instance", &again) {
            return Ok(Some(found));
        }
        let Some(described) = self.description.functions.get(function as usize) else {
            return Ok(None);
        };
        let work = Call { function, described, limits: self.limits() };
        let mut fresh = self.module.start()?;
        let mut backwards = Vec::with_capacity(calls.len());
        for arguments in calls.iter().rev() {
            let items = [work.lower(arguments)];
            match self.module.call(&work, &mut fresh, &items) {
                Ok(mut answers) => backwards.append(&mut answers),
                Err(_) => {
                    fresh = self.module.start()?;
                    backwards.extend(
                        self.call(function, std::slice::from_ref(arguments)).map_err(failed)?,
                    );
                }
            }
        }
        backwards.reverse();
        Ok(differ("alone in a fresh instance, after the calls behind it", &backwards))
    }
}

/// The export `call` of one function.
#[derive(Debug)]
struct Call<'a> {
    function: u32,
    described: &'a DescribedFunction,
    limits: &'a Limits,
}

impl Call<'_> {
    /// Arguments as they cross; an integer becomes a number where one is declared.
    fn lower(&self, arguments: &[Value]) -> Vec<WireValue> {
        let declared = self.described.parameters.iter().map(|parameter| parameter.r#type);
        arguments.iter().zip(declared).map(|(it, declared)| value::lower(it, declared)).collect()
    }
}

impl Work for Call<'_> {
    type Item = Vec<WireValue>;
    type Made = Answer;

    fn call(&self, instance: &mut Instance, items: &[Self::Item]) -> Result<Vec<Answer>, Stop> {
        let declared = DescribedType::from(self.described.returns);
        let results = instance.call(self.function, items, self.limits)?;
        let answer = |result: Result<WireValue, String>| match result {
            Ok(wire) => match value::value(wire, declared) {
                Ok(value) => Answer::Value(value),
                Err(wrong) => {
                    let subject = World::Functions.subject();
                    Answer::Broken(format!("{subject} gave {}", shortened(&wrong)))
                }
            },
            Err(message) => Answer::Refused(shortened(&message)),
        };
        Ok(results.into_iter().map(answer).collect())
    }

    fn is_broken(made: &Answer) -> bool {
        matches!(made, Answer::Broken(_))
    }

    fn broken(message: String) -> Answer {
        Answer::Broken(message)
    }
}
