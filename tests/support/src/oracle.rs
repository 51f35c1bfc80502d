use defacto_check::{Expr, Program, check};
use defacto_definitions::{Definitions, canonical, hashes, load_document};
use defacto_diagnostics::{Diagnostic, Severity};
use defacto_emit::manifest;
use defacto_model::{FailureCode, Manifest, Timestamp, Value};
use defacto_ports::{
    EntityInput, Error, FaultReport, HintRequest, Interpreted, Machines, Normalized, RawRecord,
};

use crate::evaluate::Names;
use crate::foreign::{self, ForeignFunction};
use crate::{interpret, normalize};

/// A plain, slow interpreter of checked definitions behind the port that compiled modules implement.
#[derive(Debug)]
pub struct Oracle {
    program: Program,
    manifest: Manifest,
    foreign: Option<ForeignFunction>,
}

/// Why definitions cannot be interpreted.
#[derive(Debug, thiserror::Error)]
#[error("the definitions have errors: {0:?}")]
pub struct OracleError(pub Vec<Diagnostic>);

impl Oracle {
    /// Checks definitions and interprets them.
    ///
    /// # Errors
    ///
    /// [`OracleError`] with the errors found.
    pub fn new(definitions: &Definitions) -> Result<Self, OracleError> {
        let (program, found) = check(definitions);
        let errors: Vec<Diagnostic> =
            found.into_iter().filter(|d| d.severity() == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(OracleError(errors));
        }
        let manifest = manifest(&program, &hashes(&canonical(definitions)), 0, 0);
        Ok(Self { program, manifest, foreign: None })
    }

    /// As [`Oracle::new`], from definitions in one YAML or JSON text.
    ///
    /// # Errors
    ///
    /// [`OracleError`] with the errors found.
    pub fn from_text(text: &str) -> Result<Self, OracleError> {
        let loaded = load_document("definitions.yaml", text);
        let errors: Vec<Diagnostic> =
            loaded.diagnostics.into_iter().filter(|d| d.severity() == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(OracleError(errors));
        }
        Self::new(&loaded.definitions)
    }

    /// Interprets a program that was checked already.
    pub fn of_program(program: Program, manifest: Manifest) -> Self {
        Self { program, manifest, foreign: None }
    }

    /// The same, with this in place of modules of functions.
    #[must_use]
    pub fn calling(self, foreign: ForeignFunction) -> Self {
        Self { foreign: Some(foreign), ..self }
    }

    /// What is interpreted.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Value of a free-standing expression.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn evaluate(
        expr: &Expr,
        event: &Value,
        entity: &Value,
        value: &Value,
        now: Timestamp,
    ) -> Result<Value, String> {
        let names = Names {
            now: now.as_micros(),
            value: Some(value),
            event_context: Some(event),
            entity_context: Some(entity),
            ..Names::default()
        };
        names.evaluate(expr).map_err(|trouble| trouble.message())
    }

    fn missing(what: &str, index: u32) -> Error {
        Error::Module { message: format!("there is no {what} {index}") }
    }
}

impl Machines for Oracle {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &str {
        &self.manifest.content_hash
    }

    fn compile(&self, document: &str) -> Option<(String, Manifest)> {
        let manifest = Self::from_text(document).ok()?.manifest;
        Some((manifest.content_hash.clone(), manifest))
    }

    fn normalize(
        &self,
        source: u32,
        records: &[RawRecord<'_>],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, Error> {
        let known = self
            .program
            .sources
            .get(source as usize)
            .ok_or_else(|| Self::missing("source", source))?;
        Ok(foreign::with(&self.program, self.foreign, || {
            records
                .iter()
                .map(|r| normalize::normalize(&self.program, known, r.text, ingested_at))
                .enumerate()
                .map(|(record, result)| Normalized { record, result })
                .collect()
        }))
    }

    fn interpret(
        &self,
        entity: u32,
        entities: Vec<EntityInput>,
        advance_to: Option<Timestamp>,
    ) -> Result<Interpreted, Error> {
        let known = self
            .program
            .entities
            .get(entity as usize)
            .ok_or_else(|| Self::missing("entity", entity))?;
        let mut counts = interpret::Counts::default();
        let entities = foreign::with(&self.program, self.foreign, || {
            entities
                .into_iter()
                .map(|input| interpret::run(known, input, advance_to, &mut counts))
                .collect()
        });
        Ok(Interpreted { entities, effects: counts.effects, transitions: counts.transitions })
    }

    fn hints(
        &self,
        requests: &[HintRequest],
    ) -> Result<Vec<Result<Option<String>, FaultReport>>, Error> {
        let one = |request: &HintRequest| {
            let field = self
                .program
                .entities
                .get(request.entity as usize)
                .and_then(|entity| entity.identity.get(request.identity_field as usize))
                .ok_or_else(|| Self::missing("identity field", request.identity_field))?;
            Ok(normalize::hint(field, &request.value, Timestamp::EPOCH).map_err(|trouble| {
                FaultReport {
                    code: trouble.code.unwrap_or(FailureCode::N09),
                    message: trouble.message(),
                    field: trouble.field,
                }
            }))
        };
        foreign::with(&self.program, self.foreign, || requests.iter().map(one).collect())
    }
}
