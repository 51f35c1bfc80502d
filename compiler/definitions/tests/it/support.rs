use defacto_definitions::{Canonical, Loaded, canonical, load_document};
use defacto_diagnostics::render_text;

/// Loads a document and fails with the rendered findings when there are any.
pub(crate) fn sound(text: &str) -> Loaded {
    let loaded = load_document("test.yaml", text);
    let findings = render_text(&loaded.diagnostics, &loaded.sources, false);
    assert!(loaded.diagnostics.is_empty() && loaded.complete, "{findings}");
    loaded
}

pub(crate) fn form(text: &str) -> Canonical {
    canonical(&sound(text).definitions)
}

/// `code path: message` of each finding, a line each.
pub(crate) fn findings(loaded: &Loaded) -> Vec<String> {
    let each = loaded.diagnostics.iter();
    each.map(|it| format!("{} {}: {}", it.code.name(), it.path, it.message)).collect()
}

/// A small sound project; `%` in `extra` stands for nothing.
pub(crate) const PROJECT: &str = "
entities:
  client:
    starts: idle
    identity:
      email: {match: case_insensitive, normalize: 'str::trim(value)'}
    properties:
      city: {type: string, default: Rome}
      visits: {type: integer, default: 0, min: 0}
      spent: {type: number, default: 0}
    states:
      idle:
        when:
          opened:
            guard: event.city != null
            effects:
              - create
              - set: {property: city, from: event.city}
              - transition: {to: busy}
      busy:
        when:
          worked:
            effects:
              - increment: {property: visits}
        after:
          - {type: inactivity, threshold: 60d, effects: [{transition: {to: idle}}]}
    relationships:
      - {type: knows, target: client, cardinality: many_to_many}
sources:
  desk:
    event_type: kind
    timestamp: at
    events:
      opened:
        raw_type: open
        mappings:
          email: {from: mail}
          city: {from: address.city}
        hints: {client: [email]}
";
