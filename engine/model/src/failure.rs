use std::fmt;

/// Where in the pipeline a record failed (engine.md 5.2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[expect(missing_docs, reason = "language.md 3.5 explains each code")]
pub enum FailureCode {
    N01,
    N02,
    N03,
    N04,
    N05,
    N06,
    N07,
    N08,
    N09,
    N10,
    N11,
    N12,
    I01,
    I02,
    I03,
    I04,
    I05,
    I06,
    T01,
}

impl FailureCode {
    /// Every code, in order.
    pub const ALL: [FailureCode; 19] = {
        use FailureCode::*;
        [
            N01, N02, N03, N04, N05, N06, N07, N08, N09, N10, N11, N12, I01, I02, I03, I04, I05,
            I06, T01,
        ]
    };

    /// Its number at the boundary to the module: 101… for N, 201… for I, 301… for T.
    pub const fn number(self) -> u32 {
        match self {
            FailureCode::N01 => 101,
            FailureCode::N02 => 102,
            FailureCode::N03 => 103,
            FailureCode::N04 => 104,
            FailureCode::N05 => 105,
            FailureCode::N06 => 106,
            FailureCode::N07 => 107,
            FailureCode::N08 => 108,
            FailureCode::N09 => 109,
            FailureCode::N10 => 110,
            FailureCode::N11 => 111,
            FailureCode::N12 => 112,
            FailureCode::I01 => 201,
            FailureCode::I02 => 202,
            FailureCode::I03 => 203,
            FailureCode::I04 => 204,
            FailureCode::I05 => 205,
            FailureCode::I06 => 206,
            FailureCode::T01 => 301,
        }
    }

    /// The code with that number.
    pub fn from_number(number: u32) -> Option<FailureCode> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Its name, such as `N04`.
    pub const fn name(self) -> &'static str {
        match self {
            FailureCode::N01 => "N01",
            FailureCode::N02 => "N02",
            FailureCode::N03 => "N03",
            FailureCode::N04 => "N04",
            FailureCode::N05 => "N05",
            FailureCode::N06 => "N06",
            FailureCode::N07 => "N07",
            FailureCode::N08 => "N08",
            FailureCode::N09 => "N09",
            FailureCode::N10 => "N10",
            FailureCode::N11 => "N11",
            FailureCode::N12 => "N12",
            FailureCode::I01 => "I01",
            FailureCode::I02 => "I02",
            FailureCode::I03 => "I03",
            FailureCode::I04 => "I04",
            FailureCode::I05 => "I05",
            FailureCode::I06 => "I06",
            FailureCode::T01 => "T01",
        }
    }

    /// The code with that name.
    pub fn from_name(name: &str) -> Option<FailureCode> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// The stage in which it arises.
    pub const fn stage(self) -> Stage {
        if self.number() < 200 { Stage::Normalization } else { Stage::Interpretation }
    }
}

impl Stage {
    /// Its name, such as `normalization`.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Normalization => "normalization",
            Stage::Interpretation => "interpretation",
            Stage::Publishing => "publishing",
            Stage::Consumption => "consumption",
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::from_number(code.number()), Some(code));
            assert_eq!(FailureCode::from_name(code.name()), Some(code));
        }
        assert_eq!(FailureCode::from_number(113), None);
        assert_eq!(FailureCode::I04.stage(), Stage::Interpretation);
        assert_eq!(FailureCode::N10.stage(), Stage::Normalization);
    }
}
