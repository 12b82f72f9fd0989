//! The program that other programs run under, so that they can't outlive this process.

use crate::go::Module;

/// Its Go sources.
pub static MODULE: Module = Module {
    name: "supervisor",
    holds: "the program that ends others with their parent",
    package: ".",
    program: "supervisor",
    links: &[],
    ldflags: "",
    packages: 70,
    takes: "a few seconds",
};
