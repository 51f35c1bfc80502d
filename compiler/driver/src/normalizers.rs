use std::fmt;

use defacto_definitions::{Definitions, NormalizerDef, Spanned};
use defacto_diagnostics::{Code, Diagnostic, Span, nearest};
use defacto_model::NormalizerDescription;

/// The modules of a project, as far as definitions depend on them. Equal questions get equal answers.
pub trait NormalizerModules: fmt::Debug {
    /// Names of the modules that there are, sorted.
    fn names(&self) -> Vec<String>;

    /// The module of that name (with that digest, if the definitions give one), and what it says under the
    /// configuration.
    ///
    /// # Errors
    ///
    /// [`DescribeError`] says whom to blame.
    fn describe(&self, module: &NormalizerDef) -> Result<Described, DescribeError>;
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

impl NormalizerModules for NoModules {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn describe(&self, _: &NormalizerDef) -> Result<Described, DescribeError> {
        Err(DescribeError::Unknown)
    }
}

/// Adds to every source with a normalizer what the module makes; E-30 where there is none that can be used. Tells whether
/// all could.
pub(crate) fn describe(
    definitions: &mut Definitions,
    modules: &dyn NormalizerModules,
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
    found.len() == before
}

fn refused(
    module: &NormalizerDef,
    error: &DescribeError,
    modules: &dyn NormalizerModules,
) -> Diagnostic {
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
