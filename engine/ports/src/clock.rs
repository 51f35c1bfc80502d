use defacto_model::Timestamp;

/// The wall clock: the only way in which time enters the engine.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant, cut to microseconds.
    fn now(&self) -> Timestamp;
}
