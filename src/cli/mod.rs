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
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

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
    /// Print the CRDs as YAML.
    Crds {
        /// Only the CRD of this name, such as profilinggroups.codeguruprofiler.dev.
        name: Option<String>,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// `run` failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// `crds` names a CRD that does not exist.
    #[error("there is no such CRD; crds without a name prints all of them")]
    NoSuchCrd,
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
        Command::Crds { name } => print_crds(name.as_deref()),
    }
}

fn print_crds(name: Option<&str>) -> Result<(), CommandError> {
    let is_asked = |crd: &CustomResourceDefinition| name.is_none_or(|name| crd.metadata.name.as_deref() == Some(name));
    let documents: Vec<_> = api::crds().iter().filter(|crd| is_asked(crd)).map(api::crd_yaml).collect();
    if documents.is_empty() {
        return Err(CommandError::NoSuchCrd);
    }
    io::stdout().write_all(documents.join("---\n").as_bytes()).map_err(CommandError::Print)
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
