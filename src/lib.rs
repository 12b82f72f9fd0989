//! A Kubernetes operator for Amazon CodeGuru Profiler.

pub mod api;
pub mod domain;
pub mod process;
