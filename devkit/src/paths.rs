//! Where things are, and what they are called: the workspace, its target directory, its packages.

use std::path::{Path, PathBuf};

/// The operator's package and program.
pub const OPERATOR: &str = "codeguru-profiler-operator";
/// The emulator's package and program.
pub const EMULATOR: &str = "codeguru-profiler-emulator";

/// The directory of the workspace this devkit was compiled from.
#[must_use]
pub fn workspace() -> PathBuf {
    let devkit = Path::new(env!("CARGO_MANIFEST_DIR"));
    devkit.parent().unwrap_or(devkit).to_path_buf()
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, else `target/` in the workspace.
#[must_use]
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo takes a relative one from where it is called, which is the workspace for everything this project runs.
        Some(directory) => workspace().join(directory),
        None => workspace().join("target"),
    }
}
