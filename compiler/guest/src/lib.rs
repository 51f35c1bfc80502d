//! The runtime library inside every compiled component: values, effects, time rules and the driver of frames
//! (`wit/RUNTIME.md`). Built to Wasm by `build.sh`; the bytes are committed and are what this crate exports.
//!
//! Invariant: the results of a call depend on its frame and the linked program alone. The persistent heap between
//! calls holds compiled patterns, which change how long a call takes and nothing else.

#![cfg_attr(
    all(test, not(target_arch = "wasm32")),
    allow(
        dead_code,
        reason = "the exports are the roots of this code, and they exist in Wasm only"
    )
)]

/// The library without regular expressions: `prebuilt/base.wasm`.
#[cfg(not(target_arch = "wasm32"))]
pub const BASE: &[u8] = include_bytes!("../prebuilt/base.wasm");

/// The library with regular expressions: `prebuilt/full.wasm`.
#[cfg(not(target_arch = "wasm32"))]
pub const FULL: &[u8] = include_bytes!("../prebuilt/full.wasm");

#[cfg(any(test, target_arch = "wasm32"))]
mod arena;
#[cfg(any(test, target_arch = "wasm32"))]
mod cell;
#[cfg(any(test, target_arch = "wasm32"))]
mod computed;
#[cfg(any(test, target_arch = "wasm32"))]
mod convert;
#[cfg(any(test, target_arch = "wasm32"))]
mod effects;
#[cfg(any(test, target_arch = "wasm32"))]
mod evaluate;
#[cfg(any(test, target_arch = "wasm32"))]
mod fault;
#[cfg(any(test, target_arch = "wasm32"))]
mod frame;
#[cfg(any(test, target_arch = "wasm32"))]
mod heap;
#[cfg(any(test, target_arch = "wasm32"))]
mod hint;
#[cfg(any(test, target_arch = "wasm32"))]
mod interpret;
#[cfg(any(test, target_arch = "wasm32"))]
mod item;
#[cfg(any(test, target_arch = "wasm32"))]
mod memory;
#[cfg(any(test, target_arch = "wasm32"))]
mod normalize;
#[cfg(any(test, target_arch = "wasm32"))]
mod parts;
#[cfg(any(test, all(target_arch = "wasm32", feature = "regex")))]
mod pattern;
#[cfg(any(test, target_arch = "wasm32"))]
mod rules;
#[cfg(any(test, target_arch = "wasm32"))]
mod state;
#[cfg(any(test, target_arch = "wasm32"))]
mod table;
#[cfg(any(test, target_arch = "wasm32"))]
mod values;

#[cfg(target_arch = "wasm32")]
mod allocator;
#[cfg(target_arch = "wasm32")]
mod exports;

#[cfg(test)]
mod tests;
