//! Conformance cases and the tests that run them through the whole of Defacto.
