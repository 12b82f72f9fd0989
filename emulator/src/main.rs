//! Emulator.
fn main() {}
