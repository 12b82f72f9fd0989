//! The service in our own types: its calls, errors, lanes with their inventory and limiter.

pub mod service;
