/// A module cannot be used. Nothing of it has run, or nothing that it did counts.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// This machine cannot run modules.
    #[error("the WebAssembly engine cannot start: {message}")]
    Engine {
        /// The engine's words.
        message: String,
    },
    /// Larger than the limit allows.
    #[error("the module has {bytes} bytes, and may have {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Compiling takes longer than the limit allows.
    #[error("compiling the module takes more than {limit_ms} ms")]
    TooSlow {
        /// The limit.
        limit_ms: u64,
    },
    /// A core module instead of a component.
    #[error(
        "this is a core WebAssembly module, not a component: wrap it with `defacto normalizer build`"
    )]
    CoreModule,
    /// Not a valid component.
    #[error("this is no valid WebAssembly component: {message}")]
    Invalid {
        /// The engine's words.
        message: String,
    },
    /// Asks for something that modules may not have.
    #[error(
        "the module imports `{name}`, which it may not have: it may import `log` and `lookup` of \
         `defacto:engine/host@0.1.0`, and nothing else"
    )]
    Import {
        /// The import, with its function where it is in an interface.
        name: String,
    },
    /// A function of the contract is missing, or has another type.
    #[error(
        "the module does not export `{name}` as the world `defacto:engine/{world}@0.1.0` has it: {message}"
    )]
    Export {
        /// The world.
        world: &'static str,
        /// Its name.
        name: &'static str,
        /// What is different.
        message: String,
    },
    /// Stops while it starts.
    #[error("the module cannot be started: {message}")]
    Start {
        /// What happened.
        message: String,
    },
    /// Stops while it describes itself.
    #[error("`describe` stopped: {message}")]
    Describe {
        /// What happened.
        message: String,
    },
    /// Describes itself wrongly.
    #[error("`describe` gave a wrong description: {message}")]
    Description {
        /// What is wrong.
        message: String,
    },
    /// Refuses its configuration.
    #[error("the module refuses its configuration: {message}")]
    Configuration {
        /// The module's words.
        message: String,
    },
}
