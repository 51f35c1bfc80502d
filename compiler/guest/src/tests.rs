//! Tests of the driver over hand-made descriptor tables.

mod builder;
mod entities;
mod frames;
mod prebuilt;
