//! The real server over loopback, with HTTP written by hand: nothing between the test and the bytes.
// A helper that panics fails its test, as it should; and a test has the time of the machine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod admin;
mod agents;
mod examples;
mod faults;
mod limits;
mod rig;
mod service;
mod slow;
mod switches;
