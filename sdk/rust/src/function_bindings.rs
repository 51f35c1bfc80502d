//! What `wit-bindgen` makes of the world `functions`; types and host functions are those of [`crate::bindings`].

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
    world: "functions",
    pub_export_macro: true,
    export_macro_name: "export_functions",
    default_bindings_module: "defacto_sdk::function_bindings",
    with: {
        "defacto:engine/types@0.1.0": crate::bindings::defacto::engine::types,
        "defacto:engine/host@0.1.0": crate::bindings::defacto::engine::host,
    },
});
