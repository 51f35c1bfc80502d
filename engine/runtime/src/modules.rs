//! Compiled definitions and expressions without a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use defacto_compiler::{
    ExpressionCase, ExpressionError, Outcome, compile_expressions_with, compile_with,
};
use defacto_host::{CompiledDefinitions, Evaluation, Host, HostOptions};
use defacto_model::{Manifest, Timestamp, Value};
use defacto_ports::{
    EntityInput, Error as PortError, FaultReport, HintRequest, Interpreted, Machines,
    ModuleMetrics, Normalized, RawRecord,
};

use crate::project_modules::{Places, ProjectModules};
use crate::source::{FUNCTIONS, definition_files};
use crate::{Error, Source};

/// Definitions compiled and ready to run.
#[derive(Debug)]
pub struct Modules {
    /// What compilation found; warnings only.
    pub outcome: Outcome,
    /// The running modules.
    pub machines: Arc<dyn Machines>,
}

impl Modules {
    /// Compiles definitions and loads the component; machine code is kept in `cache`.
    ///
    /// # Errors
    ///
    /// [`Error::Definitions`] with every finding; [`Error::Load`].
    pub fn load(source: &Source, cache: Option<&Path>) -> Result<Self, Error> {
        // The cache is a folder of the state.
        let modules = source.modules(cache.and_then(Path::parent));
        let outcome = compile_with(&source.input(), &modules).map_err(Error::Emit)?;
        let Some(compiled) = &outcome.compiled else {
            return Err(Error::Definitions(Box::new(outcome)));
        };
        let mut definitions = host(cache)?.load(&compiled.component)?;
        modules.attach(&mut definitions)?;
        let state = cache.and_then(Path::parent).map(Path::to_owned);
        Ok(Self { outcome, machines: Arc::new(Compiled { definitions, state }) })
    }
}

/// Definitions with the compiler that made them: it can tell what it would make of others.
#[derive(Debug)]
struct Compiled {
    definitions: CompiledDefinitions,
    /// Where modules of normalizers are kept.
    state: Option<PathBuf>,
}

impl Machines for Compiled {
    fn manifest(&self) -> &Manifest {
        self.definitions.manifest()
    }

    fn digest(&self) -> &str {
        self.definitions.digest()
    }

    fn compile(&self, document: &str) -> Option<(String, Manifest)> {
        let source = Source::text("another version", document);
        let compiled = source.compile(self.state.as_deref()).ok()?.compiled?;
        Some((defacto_host::digest(&compiled.component), compiled.manifest))
    }

    fn normalize(
        &self,
        source: u32,
        records: &[RawRecord<'_>],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, PortError> {
        self.definitions.normalize(source, records, ingested_at)
    }

    fn module_metrics(&self) -> Vec<ModuleMetrics> {
        self.definitions.module_metrics()
    }

    fn interpret(
        &self,
        entity: u32,
        entities: Vec<EntityInput>,
        advance_to: Option<Timestamp>,
    ) -> Result<Interpreted, PortError> {
        self.definitions.interpret(entity, entities, advance_to)
    }

    fn hints(
        &self,
        requests: &[HintRequest],
    ) -> Result<Vec<Result<Option<String>, FaultReport>>, PortError> {
        self.definitions.hints(requests)
    }
}

/// An expression with the contexts in which it is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Question<'a> {
    /// The expression and what it may read.
    pub case: ExpressionCase<'a>,
    /// `event`.
    pub event: Value,
    /// `entity`.
    pub entity: Value,
    /// `value`.
    pub value: Value,
    /// What `now()` gives.
    pub now: Timestamp,
}

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not parse, resolve or type-check.
    Load(ExpressionError),
    /// Evaluation failed.
    Evaluation(String),
}

/// Evaluates expressions through one compiled module; one answer each, in order. They may call the functions of modules that
/// the project's folder has.
///
/// # Errors
///
/// [`Error::Load`] when the module cannot be run, [`Error::Project`] when one of functions cannot be read, or changes meanwhile.
pub fn evaluate(
    questions: &[Question<'_>],
    project: Option<&Path>,
    cache: Option<&Path>,
) -> Result<Vec<Result<Value, Refusal>>, Error> {
    let cases: Vec<ExpressionCase<'_>> = questions.iter().map(|question| question.case).collect();
    let modules = ProjectModules::new(Places {
        functions: project.map(|folder| folder.join(FUNCTIONS)),
        cache: cache.map(Path::to_owned),
        ..Places::default()
    });
    let files = match project {
        Some(folder) => definition_files(folder, FUNCTIONS)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let expressions = compile_expressions_with(&cases, &files, &modules).map_err(Error::Emit)?;
    let mut module: CompiledDefinitions = host(cache)?.load(&expressions.compiled.component)?;
    modules.attach(&mut module)?;
    let mut evaluations = Vec::new();
    for (question, number) in questions.iter().zip(&expressions.numbers) {
        if let Ok(expression) = number {
            evaluations.push(Evaluation {
                expression: *expression,
                event: question.event.clone(),
                entity: question.entity.clone(),
                value: question.value.clone(),
                now: question.now,
            });
        }
    }
    let mut values = module.evaluate(&evaluations)?.into_iter();
    Ok(expressions
        .numbers
        .into_iter()
        .map(|number| match number {
            Err(refused) => Err(Refusal::Load(refused)),
            Ok(_) => match values.next() {
                Some(value) => value.map_err(Refusal::Evaluation),
                None => Err(Refusal::Evaluation("the module gave no answer".to_owned())),
            },
        })
        .collect())
}

fn host(cache: Option<&Path>) -> Result<Arc<Host>, Error> {
    let cache = cache.map(Path::to_owned);
    Ok(Host::new(HostOptions { cache, ..HostOptions::default() })?)
}
