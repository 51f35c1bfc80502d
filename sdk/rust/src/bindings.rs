//! What `wit-bindgen` makes of the world.

#![allow(
    unsafe_code,
    missing_docs,
    missing_debug_implementations,
    unused_qualifications,
    unreachable_pub,
    clippy::all,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "normalizer",
    pub_export_macro: true,
    default_bindings_module: "defacto_sdk::bindings",
    additional_derives: [PartialEq],
});
