use std::fmt;

use defacto_definitions::{
    Definitions, FunctionsDef, NormalizerDef, Spanned, canonical, namespaces,
};
use defacto_diagnostics::{Code, Diagnostic, Span, nearest};
use defacto_functions::Function;
use defacto_model::{FunctionsDescription, NormalizerDescription};

/// The modules of a project, as far as definitions depend on them. Equal questions get equal answers.
pub trait UserModules: fmt::Debug {
    /// Names of the normalizers that there are, sorted.
    fn names(&self) -> Vec<String>;

    /// The module of that name (with that digest, if the definitions give one), and what it says under the
    /// configuration.
    ///
    /// # Errors
    ///
    /// [`DescribeError`] says whom to blame.
    fn describe(&self, module: &NormalizerDef) -> Result<Described, DescribeError>;

    /// The module of functions of that name, with that digest if one is given: its digest and what it says under these
    /// limits, which are by name those that differ from the defaults.
    ///
    /// # Errors
    ///
    /// [`DescribeError`] says whom to blame.
    fn functions(
        &self,
        name: &str,
        digest: Option<&str>,
        limits: &[(&'static str, u64)],
    ) -> Result<(String, FunctionsDescription), DescribeError>;
}

/// What definitions need to know of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// SHA-256 of its bytes and tables, hexadecimal.
    pub digest: String,
    /// What it says.
    pub description: NormalizerDescription,
}

/// Why a module has no description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescribeError {
    /// There is no module of that name.
    Unknown,
    /// There is none with that digest.
    Missing,
    /// It refuses the configuration, in its own words.
    Configuration(String),
    /// It cannot be used.
    Broken(String),
}

/// No modules at all.
#[derive(Debug)]
pub(crate) struct NoModules;

impl UserModules for NoModules {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn describe(&self, _: &NormalizerDef) -> Result<Described, DescribeError> {
        Err(DescribeError::Unknown)
    }

    fn functions(
        &self,
        _: &str,
        _: Option<&str>,
        _: &[(&'static str, u64)],
    ) -> Result<(String, FunctionsDescription), DescribeError> {
        Err(DescribeError::Unknown)
    }
}

/// Adds to every source with a normalizer what the module makes; E-30 where there is none that can be used. Tells whether
/// all could.
pub(crate) fn describe(
    definitions: &mut Definitions,
    modules: &dyn UserModules,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let before = found.len();
    for source in &mut definitions.sources {
        let Some(module) = &source.normalizer else { continue };
        match modules.describe(module) {
            Ok(Described { digest, description }) => source.describe(digest, description),
            Err(error) => found.push(refused(module, &error, modules)),
        }
    }
    functions(definitions, modules, found);
    found.len() == before
}

/// Adds the modules whose functions expressions may call. One that does not exist is left to the checker, which knows the
/// place of the call.
fn functions(
    definitions: &mut Definitions,
    modules: &dyn UserModules,
    found: &mut Vec<Diagnostic>,
) {
    let wanted = std::mem::take(&mut definitions.functions);
    let called = namespaces(canonical(definitions).value());
    for module in &wanted {
        let Spanned { value: name, span, path } = &module.name;
        let limits = &module.limits;
        if !called.contains(name)
            && modules.functions(name, module.digest.as_deref(), limits)
                == Err(DescribeError::Unknown)
        {
            let help = format!("put it into the project as `functions/{name}.wasm`");
            let message = format!("there is no module of functions `{name}`");
            found.push(at(path, *span, message).with_help(help));
        }
    }
    for name in called.into_iter().filter(|name| !is_own(name)) {
        let given = wanted.iter().find(|module| module.name.value == name);
        let given = given.cloned().unwrap_or_else(|| FunctionsDef {
            name: Spanned { path: format!("functions.{name}"), span: None, value: name },
            digest: None,
            limits: Vec::new(),
            description: None,
        });
        let Spanned { value: name, span, path } = &given.name;
        match modules.functions(name, given.digest.as_deref(), &given.limits) {
            Ok((digest, description)) => {
                let (digest, description) = (Some(digest), Some(description));
                definitions.functions.push(FunctionsDef { digest, description, ..given });
            }
            Err(error) => {
                let message = unusable(name, given.digest.as_deref(), &error);
                found.extend(message.map(|message| at(path, *span, message)));
            }
        }
    }
}

/// Whether the language itself has functions of that namespace.
pub(crate) fn is_own(name: &str) -> bool {
    Function::ALL.iter().any(|function| {
        let known = function.signature().name.split_once("::");
        known.is_some_and(|(space, _)| space == name)
    })
}

/// Why a module of functions cannot be used; `None` where there is none, which the checker tells at the call.
pub(crate) fn unusable(name: &str, digest: Option<&str>, error: &DescribeError) -> Option<String> {
    match error {
        DescribeError::Unknown => None,
        DescribeError::Missing => Some(format!(
            "the module of functions `{name}` with the digest {} is not here: these definitions were made with it, \
             put it back into `functions/`",
            digest.unwrap_or_default()
        )),
        DescribeError::Configuration(message) | DescribeError::Broken(message) => {
            Some(format!("the module of functions `{name}` cannot be used: {message}"))
        }
    }
}

fn refused(module: &NormalizerDef, error: &DescribeError, modules: &dyn UserModules) -> Diagnostic {
    let Spanned { value: name, span, path } = &module.name;
    let at_name = |message: String| at(path, *span, message);
    match error {
        DescribeError::Unknown => {
            let known = modules.names();
            let help = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => {
                    format!("put it into the project as `normalizers/{name}.wasm`")
                }
                None => format!("`normalizers/` has: {}", known.join(", ")),
            };
            at_name(format!("there is no normalizer `{name}`")).with_help(help)
        }
        DescribeError::Missing => {
            let digest = module.digest.as_deref().unwrap_or_default();
            at_name(format!("the normalizer `{name}` with the digest {digest} is not here"))
                .with_help(
                    "these definitions were made with that module: put it back into `normalizers/`",
                )
        }
        DescribeError::Configuration(message) => at(
            &module.config.path,
            module.config.span.or(*span),
            format!("the normalizer `{name}` refuses its configuration: {message}"),
        ),
        DescribeError::Broken(message) => {
            at_name(format!("the normalizer `{name}` cannot be used: {message}"))
        }
    }
}

fn at(path: &str, span: Option<Span>, message: String) -> Diagnostic {
    Diagnostic::new(Code::E30, path, span, message)
}
