//! The operator's binary: reads the command line and runs its command.
//!
//! Exit codes: 0 when done or stopped by a signal in good order; 1 when it failed (one line on standard error has the
//! reason) or was ended by a second signal; 2 when the command line is wrong; 3 when another replica has become the leader.

use std::process::ExitCode;

use clap::Parser;
use codeguru_profiler_operator::{cli, process::error_chain::error_chain};

fn main() -> ExitCode {
    match cli::execute(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error_chain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}
