//! Devkit.
