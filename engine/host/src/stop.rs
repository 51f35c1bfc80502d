use defacto_frames::FrameError;
use wasmtime::Trap;

use crate::Limits;
use crate::foreign::Unable;
use crate::guard::Refusal;

/// Why a call gave no result.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The rows are to blame; fewer of them may do.
    Rows(Blame),
    /// The machine was stuck; the same call may do.
    Deadline,
    /// The module cannot be run at all.
    Engine(String),
}

/// What rows did to a call.
#[derive(Debug)]
pub(crate) enum Blame {
    Fuel,
    Memory,
    Table,
    Stack,
    Output,
    Trap(String),
    Frame(FrameError),
    /// A list of results of another length than the batch.
    Results {
        given: usize,
        wanted: usize,
    },
}

impl Stop {
    /// Classifies the error of a call.
    pub(crate) fn of(error: &wasmtime::Error, refused: Option<Refusal>) -> Self {
        if let Some(Unable(message)) = error.downcast_ref::<Unable>() {
            return Self::Engine(message.clone());
        }
        let blame = match (error.downcast_ref::<Trap>(), refused) {
            (Some(Trap::Interrupt), _) => return Self::Deadline,
            (Some(Trap::OutOfFuel), _) => Blame::Fuel,
            (Some(Trap::StackOverflow), _) => Blame::Stack,
            (_, Some(Refusal::Memory)) => Blame::Memory,
            (_, Some(Refusal::Table)) => Blame::Table,
            (Some(trap), None) => Blame::Trap(trap.to_string()),
            (None, None) => Blame::Trap(error.root_cause().to_string()),
        };
        Self::Rows(blame)
    }
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        Self::Rows(Blame::Frame(error))
    }
}

impl Blame {
    /// The failure of a single row, in words that name the limit.
    pub(crate) fn message(&self, limits: &Limits) -> String {
        self.message_of("evaluation", limits)
    }

    /// The same with another subject.
    pub(crate) fn message_of(&self, subject: &str, limits: &Limits) -> String {
        match self {
            Self::Fuel => {
                format!("{subject} takes more than {} units of fuel", limits.fuel_per_row)
            }
            Self::Memory => {
                format!("{subject} takes more than {} bytes of memory", limits.memory_bytes)
            }
            Self::Table => {
                format!("{subject} takes more than {} table elements", limits.table_elements)
            }
            Self::Stack => {
                format!("{subject} takes more than {} bytes of stack", limits.stack_bytes)
            }
            Self::Output => {
                format!("{subject} gives more than {} bytes of output", limits.output_bytes)
            }
            Self::Trap(trap) => format!("{subject} stopped: {trap}"),
            Self::Frame(error) => format!("{subject} gave an invalid result: {error}"),
            Self::Results { given, wanted } => {
                format!("{subject} gave {given} results for {wanted} records")
            }
        }
    }
}
