/// A frame breaks its layout: the module (or, for a builder, the batch) is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {kind}")]
pub struct FrameError {
    /// Which part of the frame.
    pub what: &'static str,
    /// What is wrong with it.
    pub kind: FrameErrorKind,
}

/// What may be wrong with a part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameErrorKind {
    /// It lies, in whole or in part, outside the frame.
    #[error("address {0} with {1} bytes is outside the frame")]
    Outside(u32, u64),
    /// It must stand at a multiple of eight.
    #[error("address {0} is not aligned")]
    Alignment(u32),
    /// Another number should stand there.
    #[error("found {found}, expected {expected}")]
    Mismatch {
        /// In the frame.
        found: u64,
        /// What belongs there.
        expected: u64,
    },
    /// An index or count beyond its bound.
    #[error("{0} is not below {1}")]
    Bound(u64, u64),
    /// Not a tag, code or kind that may stand here.
    #[error("unknown number {0}")]
    Unknown(u32),
    /// Text that is not UTF-8, or not what its tag says.
    #[error("invalid text")]
    Text,
    /// NaN or an infinity.
    #[error("a number that is not finite")]
    NotFinite,
    /// An instant outside the years 0001 to 9999.
    #[error("{0} is no instant")]
    Instant(i64),
    /// Keys of an object that are not text, or not in rising order.
    #[error("keys out of order")]
    Keys,
    /// Lists and objects nested too deeply, or in a circle.
    #[error("nested too deeply")]
    Depth,
    /// More items or values than the frame can hold: a circle.
    #[error("more content than bytes")]
    Endless,
    /// A value of another type than the manifest declares.
    #[error("a value of another type than declared")]
    Type,
    /// The batch does not fit 32-bit addresses.
    #[error("too large")]
    TooLarge,
}
