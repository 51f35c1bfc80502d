/// The hashes of definitions (language.md 8.4) or those under which data were made; empty means unknown,
/// which is no difference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes {
    /// Over sources and schemas.
    pub source: String,
    /// Over the identity blocks.
    pub identity: String,
    /// Over the fields by which `relate` effects find their targets: they too give ids.
    pub targets: String,
    /// Over entities without identity and labels.
    pub definition: String,
    /// Over labels.
    pub label: String,
    /// Digest of the module.
    pub module: String,
}
