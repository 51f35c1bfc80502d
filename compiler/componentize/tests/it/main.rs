//! Modules of many shapes on their way to components.

mod adapter;
mod modules;
