/// Where in the pipeline a record failed (engine.md 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Raw record to typed event.
    Normalization,
    /// Event to entity state.
    Interpretation,
    /// Snapshot to broker.
    Publishing,
    /// Broker to store.
    Consumption,
}

/// Stable code of a run-time failure (language.md 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "language.md 3.5 explains each code")]
pub enum FailureCode {
    N01, N02, N03, N04, N05, N06, N07, N08, N09, N10,
    I01, I02, I03, I04, I05, I06,
    T01,
}
