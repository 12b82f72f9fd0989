//! The command line: reads it, checks it, and runs the command. Decides nothing about the domain.

mod endpoint;
mod leader_election;
mod run;
mod values;

pub use endpoint::{Endpoint, EndpointError};
pub use leader_election::{LeaderElectionArgs, TermsError};
pub use run::{RunArgs, RunError};

use std::io::{self, Write};

use clap::{Parser, Subcommand};

use crate::api;

/// A Kubernetes operator for Amazon CodeGuru Profiler.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator until SIGTERM or SIGINT.
    Run(Box<RunArgs>),
    /// Print the CRD as YAML.
    Crds,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// `run` failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Standard output takes no more.
    #[error("can't print")]
    Print(#[source] io::Error),
}

impl CommandError {
    /// The exit code: 3 for a replica that another one has replaced as the leader, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Run(RunError::LeaseLost(_))) { 3 } else { 1 }
    }
}

/// Runs the command to its end.
pub fn execute(cli: Cli) -> Result<(), CommandError> {
    match cli.command {
        Command::Run(args) => Ok(run::run(&args)?),
        Command::Crds => io::stdout().write_all(api::crd_yaml().as_bytes()).map_err(CommandError::Print),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
