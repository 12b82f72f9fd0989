//! The service in our own types: its calls, errors, lanes with their inventory and limiter.

pub mod error;
pub(crate) mod inventory;
pub(crate) mod lane;
pub(crate) mod lane_state;
pub(crate) mod lanes;
pub(crate) mod limiter;
pub mod metrics;
pub(crate) mod region;
pub mod sdk;
pub mod service;
pub(crate) mod turn;
