/// What a module is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// Raw records to events.
    Normalizer,
    /// Functions for expressions.
    Functions,
}

impl World {
    /// Name in the contract.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normalizer => "normalizer",
            Self::Functions => "functions",
        }
    }

    /// Who does what failures tell of.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::Normalizer => "the normalizer",
            Self::Functions => "the function",
        }
    }
}
