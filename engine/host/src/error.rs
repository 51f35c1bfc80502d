/// Why a component cannot be used as compiled definitions.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The engine cannot be set up on this machine.
    #[error("cannot start the Wasm engine: {message}")]
    Engine {
        /// The engine's words.
        message: String,
    },
    /// The bytes are no valid component.
    #[error("not a valid component: {message}")]
    Invalid {
        /// The engine's words.
        message: String,
    },
    /// Definitions are pure: they may import nothing but `call`, and that only where they call functions of modules.
    #[error("component imports `{name}`, but definitions may not import anything")]
    Import {
        /// The first import.
        name: String,
    },
    /// The component does not describe itself.
    #[error("component has no section `{}`", crate::sections::MANIFEST)]
    NoManifest,
    /// The description cannot be read.
    #[error("the component's manifest cannot be read: {message}")]
    Manifest {
        /// What is wrong.
        message: String,
    },
    /// Section and export must say the same.
    #[error("the component's section and its export `describe` differ")]
    ManifestDiffers,
    /// Made for another host.
    #[error(
        "component has ABI version {found}, this program runs version {known}: compile it again"
    )]
    Abi {
        /// In the manifest.
        found: u32,
        /// Of this program.
        known: u32,
    },
    /// A function of the contract is missing, or has another type.
    #[error("component does not export `{name}` as the contract has it")]
    Export {
        /// Its name.
        name: &'static str,
    },
    /// The component stops while it is started or describes itself.
    #[error("component cannot be started: {message}")]
    Start {
        /// What happened.
        message: String,
    },
}
