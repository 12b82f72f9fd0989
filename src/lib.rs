//! A Kubernetes operator for Amazon CodeGuru Profiler.

pub mod api;
pub mod aws;
pub mod cli;
pub mod domain;
pub mod process;
