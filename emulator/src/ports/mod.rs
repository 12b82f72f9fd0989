//! The two ports: the service as clients see it, and the admin port beside it.

pub mod admin;
mod connections;
mod patience;
mod request;
pub mod service;

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;

pub use self::connections::serve;

pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The connection is to be reset instead of answering.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on request")]
pub struct Reset;
