use defacto_model::{FailureCode, Value};

use crate::abi::{NONE, code, fault};
use crate::view::View;
use crate::{FrameError, FrameErrorKind};

/// Why a row, event, rule or expression failed, as the module reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRecord {
    /// Failure code; `None` for a free-standing expression.
    pub code: Option<FailureCode>,
    /// Number of the `defacto_functions::FaultKind`.
    pub kind: u32,
    /// Mapping, property, identity hint or effect at fault.
    pub field: Option<u32>,
    /// Detail of the kind.
    pub detail: u32,
    /// The value at fault.
    pub value: Value,
    /// The other operand, or the bound.
    pub other: Value,
}

impl View<'_> {
    /// Reads the fault at an address.
    pub(crate) fn fault(&self, address: u32) -> Result<FaultRecord, FrameError> {
        let record = self.block("fault", address, fault::SIZE)?;
        let field = record.u32(fault::FIELD);
        Ok(FaultRecord {
            code: failure_code(record.u32(fault::CODE))?,
            kind: record.u32(fault::KIND),
            field: (field != NONE).then_some(field),
            detail: record.u32(fault::DETAIL),
            value: self.value("value at fault", address.saturating_add(fault::VALUE))?,
            other: self.value("value at fault", address.saturating_add(fault::OTHER))?,
        })
    }
}

fn failure_code(number: u32) -> Result<Option<FailureCode>, FrameError> {
    Ok(Some(match number {
        0 => return Ok(None),
        code::N03 => FailureCode::N03,
        code::N04 => FailureCode::N04,
        code::N05 => FailureCode::N05,
        code::N06 => FailureCode::N06,
        code::N07 => FailureCode::N07,
        code::N09 => FailureCode::N09,
        code::I01 => FailureCode::I01,
        code::I02 => FailureCode::I02,
        code::I03 => FailureCode::I03,
        code::I04 => FailureCode::I04,
        code::I05 => FailureCode::I05,
        code::I06 => FailureCode::I06,
        code::T01 => FailureCode::T01,
        other => {
            return Err(FrameError { what: "failure code", kind: FrameErrorKind::Unknown(other) });
        }
    }))
}
