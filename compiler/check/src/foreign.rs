//! Functions of modules: what definitions may call beside the language's own (`wit/engine@0.1.0/functions.wit`).

use std::sync::Arc;

use defacto_definitions::Definitions;
use defacto_diagnostics::nearest;
use defacto_model::FunctionManifest;
use defacto_syntax::TextRange;

use crate::ExprKind;
use crate::kinds::{Fit, Kinds};
use crate::library::{Called, Misfit, count_message, plural};
use crate::scope::{Typed, index};

/// The functions of all modules, by module and in the order in which each describes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Foreign(Arc<Vec<FunctionManifest>>);

impl Foreign {
    pub(crate) fn new(definitions: &Definitions) -> Self {
        let mut all = Vec::new();
        for module in &definitions.functions {
            let described = module.description.iter().flat_map(|it| &it.functions);
            all.extend((0..).zip(described).map(|(index, function)| FunctionManifest {
                module: module.name.value.clone(),
                digest: module.digest.clone().unwrap_or_default(),
                index,
                function: function.clone(),
            }));
        }
        Self::of(all)
    }

    pub(crate) fn of(functions: Vec<FunctionManifest>) -> Self {
        Self(Arc::new(functions))
    }

    pub(crate) fn all(&self) -> &[FunctionManifest] {
        &self.0
    }

    /// What is wrong with a name that no function has, where it names a module.
    pub(crate) fn unknown(&self, name: &str, range: TextRange) -> Option<Misfit> {
        let (module, _) = name.split_once("::")?;
        let of_module = |it: &&FunctionManifest| it.module == module;
        let help = if self.0.iter().any(|it| of_module(&it)) {
            let names: Vec<String> =
                self.0.iter().filter(of_module).map(FunctionManifest::full_name).collect();
            match nearest(name, names.iter().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("the module has: {}", names.join(", ")),
            }
        } else {
            format!(
                "functions of your own come from a module: put it into the project as `functions/{module}.wasm`"
            )
        };
        let message = format!("unknown function `{name}`");
        Some(Misfit { fit: Fit::Never, range, message, help: Some(help) })
    }

    /// Types the call of a function of a module; `None` when none has the name.
    pub(crate) fn call(
        &self,
        name: &str,
        range: TextRange,
        args: &[(Typed, TextRange)],
    ) -> Option<Called> {
        let (module, own) = name.split_once("::")?;
        let at = self.0.iter().position(|it| it.module == module && it.function.name == own)?;
        let function = &self.0.get(at)?.function;
        let wanted = function.parameters.len();
        if args.len() != wanted {
            let wanted = format!("{wanted} {}", plural(wanted));
            return Some(Called::refused(Misfit {
                fit: Fit::Never,
                range,
                message: count_message(name, &wanted, args.len()),
                help: None,
            }));
        }
        let mut misfits = Vec::new();
        let mut always_null = false;
        for (at, ((arg, range), parameter)) in args.iter().zip(&function.parameters).enumerate() {
            let taken = Kinds::of_argument(parameter.r#type);
            let fit = arg.kinds.fit(taken);
            always_null |= arg.kinds.is_null() || fit == Fit::OnlyNull;
            if fit != Fit::Fits {
                let message = format!(
                    "argument {} (`{}`) of `{name}` is {}, but must be {taken}",
                    at.saturating_add(1),
                    parameter.name,
                    arg.kinds
                );
                misfits.push(Misfit { fit, range: *range, message, help: None });
            }
        }
        let kinds =
            if always_null { Kinds::NULL } else { Kinds::of_declared(function.returns).nullable() };
        let exprs = args.iter().map(|(arg, _)| arg.expr.clone()).collect();
        let value = Typed::new(ExprKind::Foreign(index(at), exprs), kinds);
        Some(Called { value: Some(value), uses_now: false, misfits })
    }
}
