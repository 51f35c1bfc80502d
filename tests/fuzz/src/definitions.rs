//! YAML or JSON text of definitions → component or diagnostics.

use defacto_compiler::diagnostics::{Severity, render_text};
use defacto_compiler::{Input, compile};

/// Compiles the text, and renders what the compiler says.
pub fn run(text: &str) {
    let outcome =
        compile(&Input::Document { name: "fuzz.yaml", text }).expect("the compiler is intact");
    let refused = outcome.diagnostics.iter().any(|d| d.severity() == Severity::Error);
    assert_eq!(
        outcome.compiled.is_none(),
        refused,
        "refused without a reason, or compiled in spite of one"
    );
    for span in outcome.diagnostics.iter().filter_map(|d| d.span) {
        assert!(span.start <= span.end, "{span:?}");
    }
    // Thousands of findings are rendered one like the other.
    let some = outcome.diagnostics.get(..50).unwrap_or(&outcome.diagnostics);
    let said = render_text(some, &outcome.source_map, false);
    assert!(some.is_empty() || !said.is_empty());
    if let Some(compiled) = outcome.compiled {
        crate::assert_valid(&compiled.component);
    }
}
