//! Argo CD: its program, what it reports offline, and its processes beside a control plane.

mod offline;
mod program;
mod stack;

pub use offline::{Offline, Verdict};
pub use program::MODULE;
pub use stack::{ArgoCd, NAMESPACE};
