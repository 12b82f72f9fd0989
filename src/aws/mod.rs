//! The service in our own types: its calls, errors, lanes with their inventory and limiter.

pub mod error;
pub mod inventory;
pub mod lane;
pub mod lane_state;
pub mod lanes;
pub mod limiter;
pub mod metrics;
pub mod region;
pub mod sdk;
pub mod service;
