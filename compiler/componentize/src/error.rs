/// Why something is no module of a world.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no WebAssembly, or damaged.
    #[error("this is no WebAssembly: {0}")]
    NotWasm(String),
    /// It asks for a function of WASI that the sealed one leaves out.
    #[error("the module imports `{name}` of {module}, which a sealed module may not have")]
    Unsealed {
        /// Module of the import.
        module: String,
        /// Name of the function.
        name: String,
    },
    /// It asks for something that is neither the engine's nor WASI's.
    #[error(
        "the module imports `{name}` of `{module}`; only interfaces of defacto:engine may be imported"
    )]
    Foreign {
        /// Module or interface of the import.
        module: String,
        /// Name of the function or other item.
        name: String,
    },
    /// What it exports or imports differs from the world.
    #[error("this is no {world}: {reason}")]
    World {
        /// Name of the world.
        world: &'static str,
        /// What differs.
        reason: String,
    },
}
