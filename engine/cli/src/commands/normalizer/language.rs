use clap::ValueEnum;
use serde::Deserialize;

/// Languages with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// Fastest, smallest dependencies; the crate `defacto-sdk` is written along
    Rust,
    /// As fast, and the smallest modules
    C,
    /// About half as fast; modules of 2 MB
    Go,
    /// About thirty times slower; modules of 18 MB
    Python,
    /// About forty times slower; modules of 1.6 MB
    #[value(alias = "js")]
    Javascript,
    /// About a third as fast; the binding is written by hand
    #[value(alias = "as")]
    Assemblyscript,
}

impl Language {
    /// Name for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::Go => "Go",
            Self::Python => "Python",
            Self::Javascript => "JavaScript",
            Self::Assemblyscript => "AssemblyScript",
        }
    }
}
