//! What can go wrong in the devkit, each with enough text to act on.

use std::time::Duration;

/// An error of the devkit.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program this needs is not installed.
    #[error("{0}")]
    Missing(String),
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it did not work.
        source: std::io::Error,
    },
    /// A condition did not come true in time.
    #[error("{what}: not within {limit:?}{detail}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What is known about why, empty or on lines of its own.
        detail: String,
    },
    /// A program ended that should have gone on, or ended with a failure.
    #[error("{what} ended ({status}); the end of its output:\n{output}")]
    Ended {
        /// Which program.
        what: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines of its output.
        output: String,
    },
    /// The API server or the way to it.
    #[error("{what}: {source}")]
    Kube {
        /// What was tried.
        what: String,
        /// Why it did not work.
        source: Box<kube::Error>,
    },
    /// A plain HTTP exchange that did not work.
    #[error("{0}")]
    Http(String),
    /// Something was not as it has to be.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// For `map_err`: an operating system's error with what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }

    /// For `map_err`: an API server's error with what was tried.
    pub fn kube(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Kube { what: what.into(), source: Box::new(source) }
    }
}
