use std::collections::{BTreeMap, BTreeSet};

use defacto_check::{ExpressionError, ExpressionScope, Program, check_expression};
use defacto_definitions::{Hashes, SourceFile, load_files, namespaces};
use defacto_emit::{Compiled, EmitError, emit};
use defacto_model::FunctionManifest;

use crate::user_modules::{NoModules, UserModules, is_own, unusable};

/// A free-standing expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpressionCase<'a> {
    /// Its text.
    pub text: &'a str,
    /// What it may read.
    pub scope: ExpressionScope,
}

/// Free-standing expressions in one component.
#[derive(Debug, Clone)]
pub struct Expressions {
    /// The component: its `evaluate` takes them by number.
    pub compiled: Compiled,
    /// For each case its number in the component, or why it was refused.
    pub numbers: Vec<Result<u32, ExpressionError>>,
}

/// Compiles many expressions at once (`defacto eval`). Equal ones share a number.
///
/// ```
/// use defacto_compiler::{ExpressionCase, ExpressionError, ExpressionScope, compile_expressions};
///
/// let scope = ExpressionScope::Free { value: false };
/// let cases = ["1 + 2", "1 +", "1 + 2"].map(|text| ExpressionCase { text, scope });
/// let expressions = compile_expressions(&cases)?;
/// assert_eq!(expressions.numbers[0], Ok(0));
/// assert!(matches!(expressions.numbers[1], Err(ExpressionError::Parse { .. })));
/// assert_eq!(expressions.numbers[2], Ok(0));
/// # Ok::<(), defacto_compiler::EmitError>(())
/// ```
///
/// # Errors
///
/// [`EmitError`] when the compiler itself is damaged.
pub fn compile_expressions(cases: &[ExpressionCase<'_>]) -> Result<Expressions, EmitError> {
    compile_expressions_with(cases, &[], &NoModules)
}

/// The same where expressions may call the functions of modules. `files` are those of the folder `functions/`, whose limits
/// hold; what is wrong with them, `analyze_with` tells.
///
/// # Errors
///
/// As [`compile_expressions`].
pub fn compile_expressions_with(
    cases: &[ExpressionCase<'_>],
    files: &[SourceFile],
    modules: &dyn UserModules,
) -> Result<Expressions, EmitError> {
    let Modules { functions, broken } = modules_of(cases, files, modules);
    let mut program = Program { functions, ..Program::default() };
    let mut known: BTreeMap<(&str, u8), Result<u32, ExpressionError>> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(cases.len());
    for case in cases {
        let number = known.entry((case.text, scope_number(case.scope))).or_insert_with(|| {
            if let Some(message) = broken.iter().find_map(|(name, message)| {
                namespaces(&case.text.into()).contains(name).then(|| message.clone())
            }) {
                return Err(ExpressionError::Check { message, help: None });
            }
            let expr = check_expression(case.text, case.scope, &program.functions)?;
            let number = u32::try_from(program.expressions.len()).unwrap_or(u32::MAX);
            program.expressions.push(expr);
            Ok(number)
        });
        numbers.push(number.clone());
    }
    Ok(Expressions { compiled: emit(&program, &Hashes::default())?, numbers })
}

/// The modules that expressions name.
struct Modules {
    functions: Vec<FunctionManifest>,
    /// Modules that cannot be used, and why.
    broken: BTreeMap<String, String>,
}

fn modules_of(
    cases: &[ExpressionCase<'_>],
    files: &[SourceFile],
    modules: &dyn UserModules,
) -> Modules {
    let given = load_files(files).definitions.functions;
    let mut found = Modules { functions: Vec::new(), broken: BTreeMap::new() };
    let named = cases.iter().filter(|case| case.text.contains("::"));
    let names: BTreeSet<String> = named.flat_map(|case| namespaces(&case.text.into())).collect();
    for name in names.into_iter().filter(|name| !is_own(name)) {
        let given = given.iter().find(|module| module.name.value == name);
        let limits = given.map_or(&[][..], |module| &module.limits);
        match modules.functions(&name, None, limits) {
            Ok((digest, description)) => {
                let functions = (0..).zip(description.functions);
                found.functions.extend(functions.map(|(index, function)| FunctionManifest {
                    module: name.clone(),
                    digest: digest.clone(),
                    index,
                    function,
                }));
            }
            Err(error) => {
                if let Some(message) = unusable(&name, None, &error) {
                    found.broken.insert(name, message);
                }
            }
        }
    }
    found
}

fn scope_number(scope: ExpressionScope) -> u8 {
    match scope {
        ExpressionScope::Free { value: false } => 0,
        ExpressionScope::Free { value: true } => 1,
        ExpressionScope::Normalize => 2,
    }
}
