//! The two ports: the service as clients see it, and the admin port beside it.

pub mod admin;
mod connections;
mod request;
pub mod service;
mod write_timeout;

pub use self::connections::serve;

/// The connection is to be reset instead of answering.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on request")]
pub struct Reset;
