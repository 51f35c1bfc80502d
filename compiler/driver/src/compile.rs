use defacto_check::{Program, check};
use defacto_definitions::{
    Canonical, Definitions, Loaded, SourceFile, canonical, hashes, load_document, load_files,
};
use defacto_diagnostics::{Diagnostic, Severity, SourceMap};
use defacto_emit::{Compiled, EmitError, emit};

use crate::user_modules::{NoModules, UserModules, describe};

/// Where definitions come from.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The files of a definitions folder (language.md 1.1), with paths relative to it.
    Files(&'a [SourceFile]),
    /// One YAML or JSON document with the keys `entities`, `sources`, `schemas` (language.md 1.2).
    Document {
        /// What messages show.
        name: &'a str,
        /// The text.
        text: &'a str,
    },
    /// The same as a value.
    Json(&'a serde_json::Value),
}

/// Definitions that were read and checked.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// What is wrong or doubtful: findings of reading, then of checking.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub source_map: SourceMap,
    /// Everything that could be read.
    pub definitions: Definitions,
    /// The typed program, unless there are errors.
    pub program: Option<Program>,
}

/// What compilation gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The component, unless there are errors.
    pub compiled: Option<Compiled>,
    /// What is wrong or doubtful.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub source_map: SourceMap,
    /// Everything that could be read.
    pub definitions: Definitions,
    /// The canonical form, whose hashes the manifest carries (language.md 8.4); only without errors.
    pub canonical: Option<Canonical>,
}

/// Reads and checks definitions without compiling them. Sources with a normalizer and calls of a module's functions are refused: see
/// [`analyze_with`].
pub fn analyze(input: &Input<'_>) -> Analysis {
    analyze_with(input, &NoModules)
}

/// Reads and checks definitions that use modules.
pub fn analyze_with(input: &Input<'_>, modules: &dyn UserModules) -> Analysis {
    let loaded = match input {
        Input::Files(files) => load_files(files),
        Input::Document { name, text } => load_document(name, text),
        Input::Json(value) => load_document("definitions.json", &value.to_string()),
    };
    let Loaded { mut definitions, mut diagnostics, sources, complete } = loaded;
    if !complete {
        // What could not be read would be missed everywhere else: one mistake is enough to report.
        return Analysis { diagnostics, source_map: sources, definitions, program: None };
    }
    if !describe(&mut definitions, modules, &mut diagnostics) {
        // Likewise: what a module makes is missing.
        return Analysis { diagnostics, source_map: sources, definitions, program: None };
    }
    let (program, found) = check(&definitions);
    diagnostics.extend(found);
    let refused = diagnostics.iter().any(|d| d.severity() == Severity::Error);
    Analysis {
        diagnostics,
        source_map: sources,
        definitions,
        program: (!refused).then_some(program),
    }
}

/// Compiles definitions to a component of the world `defacto:engine/definitions`.
///
/// The same definitions give the same bytes on every machine.
///
/// # Errors
///
/// [`EmitError`] when the compiler itself is damaged. Mistakes in definitions are diagnostics.
pub fn compile(input: &Input<'_>) -> Result<Outcome, EmitError> {
    compile_with(input, &NoModules)
}

/// Compiles definitions that use modules. What these say about themselves, and their digests, are
/// inputs like the text of the definitions.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_with(input: &Input<'_>, modules: &dyn UserModules) -> Result<Outcome, EmitError> {
    let Analysis { diagnostics, source_map, definitions, program } = analyze_with(input, modules);
    let Some(program) = program else {
        return Ok(Outcome {
            compiled: None,
            diagnostics,
            source_map,
            definitions,
            canonical: None,
        });
    };
    let canonical = canonical(&definitions);
    let compiled = emit(&program, &hashes(&canonical))?;
    let (compiled, canonical) = (Some(compiled), Some(canonical));
    Ok(Outcome { compiled, diagnostics, source_map, definitions, canonical })
}
