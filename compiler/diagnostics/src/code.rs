/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definitions are refused.
    Error,
    /// They are accepted.
    Warning,
}

/// Code of a finding: `DF0101`… for E-01…, `DF0501`… for the X rules (X-6 is DF0506), `DF0601`… for the
/// warnings W-1…, `DF1001`… for run-time failures N, `DF1101`… I, `DF1201`… T (decisions.md 33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);
