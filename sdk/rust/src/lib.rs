//! Normalizers and functions for Defacto, written in Rust.
