use defacto_functions::{Fault, FaultKind, fault_message};
use defacto_model::{FailureCode, Value};

/// Why something failed, before and after it is known which failure that is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    /// What went wrong.
    pub(crate) kind: FaultKind,
    detail: u32,
    value: Value,
    other: Value,
    /// The failure; the innermost place that knows it decides.
    pub(crate) code: Option<FailureCode>,
    /// Field or property at fault.
    pub(crate) field: Option<String>,
}

impl Trouble {
    pub(crate) fn new(kind: FaultKind, value: Value) -> Self {
        Self { kind, detail: 0, value, other: Value::Null, code: None, field: None }
    }

    /// Names the failure, unless something deeper has.
    pub(crate) fn blame(mut self, code: FailureCode, field: Option<&str>) -> Self {
        if self.code.is_none() {
            self.code = Some(code);
            self.field = field.map(str::to_owned);
        }
        self
    }

    /// In words.
    pub(crate) fn message(&self) -> String {
        let why = fault_message(self.kind, self.detail, &self.value, &self.other);
        match &self.field {
            Some(field) => format!("`{field}`: {why}"),
            None => why,
        }
    }
}

impl From<Fault<'_>> for Trouble {
    fn from(fault: Fault<'_>) -> Self {
        Self {
            kind: fault.kind,
            detail: fault.detail,
            value: fault.value.to_value(),
            other: fault.other.to_value(),
            code: None,
            field: None,
        }
    }
}
