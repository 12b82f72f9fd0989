//! The devkit's command line.

mod demo;
mod scale;

use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use devkit::controlplane::{self, ControlPlane, Options};
use devkit::{Error, argocd, go, kstatus};

/// All that is built from Go modules.
static MODULES: [&go::Module; 3] = [&controlplane::MODULE, &argocd::MODULE, &kstatus::package::MODULE];

/// What the project's developers start by hand.
#[derive(Debug, Parser)]
#[command(name = "devkit", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what the operator does, step by step, on a real API server and an emulator of the service
    Demo(demo::Arguments),
    /// Measure what the operator costs at scale, and check that every count is as expected
    Scale(scale::Arguments),
    /// Run a command against a fresh control plane: KUBECONFIG is set, and kubectl is on the PATH
    #[command(name = "controlplane")]
    ControlPlane {
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Build what is built from Go modules, one after the other
    Build {
        /// What to build
        #[arg(required = true, value_parser = PossibleValuesParser::new(MODULES.map(|module| module.name)))]
        modules: Vec<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Scale(arguments) => scale::run(arguments).await.map(|()| ExitCode::SUCCESS),
        Command::ControlPlane { command } => against_a_control_plane(&command).await,
        Command::Build { modules } => build(&modules).await.map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("devkit: {error}");
        ExitCode::FAILURE
    })
}

async fn against_a_control_plane(command: &[String]) -> Result<ExitCode, Error> {
    let Some((program, args)) = command.split_first() else { return Ok(ExitCode::SUCCESS) };
    let control_plane = ControlPlane::start(Options::default()).await?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(PathBuf::from(control_plane.program().directory()));
    let path = std::env::join_paths(directories.chain(std::env::split_paths(&path)));
    let path = path.map_err(|error| Error::Unexpected(error.to_string()))?;
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .env("KUBECONFIG", control_plane.kubeconfig())
        .env("PATH", path)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Error::Io { what: format!("start {program}"), source })?;
    tokio::select! {
        status = child.wait() => status.map(code).map_err(|source| Error::Io { what: format!("wait for {program}"), source }),
        // A terminal sends Ctrl-C to the command as well; the control plane goes last.
        _ = tokio::signal::ctrl_c() => {
            let status = child.wait().await;
            status.map(code).map_err(|source| Error::Io { what: format!("wait for {program}"), source })
        }
    }
}

async fn build(names: &[String]) -> Result<(), Error> {
    for module in MODULES.iter().filter(|module| names.iter().any(|name| name == module.name)) {
        module.built().await?;
    }
    Ok(())
}

/// The exit code of a command as our own.
fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
