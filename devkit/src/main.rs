//! Devkit.
fn main() {}
