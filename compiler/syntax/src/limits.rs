/// Longest expression, in bytes of UTF-8 (language.md 4.1).
pub const EXPRESSION_BYTES_MAX: usize = 16 * 1024;

/// Deepest nesting: parentheses, brackets, arguments, parts of `if`, unary operators and right sides of `**`
/// inside one another (language.md 4.1, decisions.md 45).
pub const NESTING_MAX: u32 = 256;
