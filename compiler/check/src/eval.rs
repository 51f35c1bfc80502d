//! Free-standing expressions (`defacto eval`).

use defacto_definitions::ExprText;
use defacto_diagnostics::{Code, Diagnostic, Severity};
use defacto_model::{FunctionManifest, Value};
use defacto_syntax::{TextRange, parse};

use crate::Expr;
use crate::expression::expression;
use crate::foreign::Foreign;
use crate::scope::{Reads, Scope};

/// Where a free-standing expression is thought to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionScope {
    /// `event` and `entity` are any objects; `value` is known when true, and then any value.
    Free {
        /// Whether there is a `value`.
        value: bool,
    },
    /// The `normalize` of an identity field: `value` is a text.
    Normalize,
}

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It does not parse (E-18).
    #[error("{message}")]
    Parse {
        /// What is wrong.
        message: String,
        /// Where in the text.
        range: TextRange,
        /// What may help.
        help: Option<String>,
    },
    /// A name or a type is wrong (E-19).
    #[error("{message}")]
    Check {
        /// What is wrong first.
        message: String,
        /// What may help.
        help: Option<String>,
    },
}

/// Types a free-standing expression, which may call the functions of modules.
///
/// # Errors
///
/// [`ExpressionError`] with the first thing that is wrong.
pub fn check_expression(
    text: &str,
    scope: ExpressionScope,
    functions: &[FunctionManifest],
) -> Result<Expr, ExpressionError> {
    if let Err(error) = parse(text) {
        return Err(ExpressionError::Parse {
            message: error.message,
            range: error.range,
            help: error.help,
        });
    }
    let text = ExprText { text: text.to_owned(), span: None, offset: None, path: String::new() };
    let mut scope = match scope {
        ExpressionScope::Free { value } => Scope::Free { value },
        ExpressionScope::Normalize => Scope::Normalize,
    };
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut reads = Reads::new(&Foreign::of(functions.to_vec()));
    let typed = expression(&text, &mut scope, &mut reads, &mut found);
    match found
        .into_iter()
        .find(|diagnostic| diagnostic.severity() == Severity::Error && diagnostic.code == Code::E19)
    {
        Some(error) => Err(ExpressionError::Check { message: error.message, help: error.help }),
        None => Ok(typed.map_or_else(
            || Expr { kind: crate::ExprKind::Literal(Value::Null), r#type: crate::Type::Null },
            |typed| typed.expr,
        )),
    }
}
