/// A component cannot be shown as text.
#[derive(Debug, thiserror::Error)]
#[error("this is no component that can be shown: {0}")]
pub struct PrintError(String);

/// The readable text of a component: each generated function has the path of its definition as name.
///
/// ```
/// let wat = defacto_compiler::print_wat(b"\0asm\x0d\0\x01\0")?;
/// assert_eq!(wat, "(component)\n");
/// # Ok::<(), defacto_compiler::PrintError>(())
/// ```
///
/// # Errors
///
/// [`PrintError`] when the bytes are no valid WebAssembly.
pub fn print_wat(component: &[u8]) -> Result<String, PrintError> {
    wasmprinter::print_bytes(component).map_err(|e| PrintError(e.to_string()))
}
