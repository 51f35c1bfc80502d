//! What one set of definitions may cost to read. A text beyond a limit is refused, never cut.

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 8 << 20;

/// All files together, in bytes.
pub const TOTAL_BYTES_MAX: usize = 64 << 20;

/// Deepest nesting of lists and mappings. Definitions need about a dozen levels.
pub const DEPTH_MAX: usize = 64;

/// What anchors and aliases of one file may copy, in bytes (64 for each node, and its text).
pub const EXPANSION_BYTES_MAX: usize = 16 << 20;
