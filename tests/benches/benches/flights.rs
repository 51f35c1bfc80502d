//! Measures each stage on flights.

fn main() {}
