//! The devkit's command line.

mod demo;
mod scale;

use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use devkit::cluster::{self, Cluster};
use devkit::controlplane::{self, ControlPlane, Options};
use devkit::process::kib_to_mib;
use devkit::{Error, go, helm, image};

/// All that is built from Go modules.
static MODULES: [&go::Module; 4] = [&controlplane::MODULE, &cluster::NODE, &cluster::PAUSE, &helm::MODULE];

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
    /// Run a command against a real cluster of one node that runs pods: KUBECONFIG is set, and kubectl is on the PATH. Needs root
    Cluster {
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Build the operator's image
    Image,
    #[command(name = cluster::INIT, hide = true)]
    ClusterInit { group: String },
    #[command(name = cluster::INSIDE, hide = true)]
    ClusterInside { group: String },
    #[command(name = cluster::JANITOR, hide = true)]
    ClusterJanitor { group: String },
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
        Command::Cluster { command } => against_a_cluster(&command).await,
        Command::Image => image().await.map(|()| ExitCode::SUCCESS),
        Command::ClusterInit { group } => cluster::init(&group),
        Command::ClusterInside { group } => cluster::inside(&group).await.map(|()| ExitCode::SUCCESS),
        Command::ClusterJanitor { group } => {
            cluster::janitor(&group);
            Ok(ExitCode::SUCCESS)
        }
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
    let mut command = tokio::process::Command::new(program);
    command.args(args).env("KUBECONFIG", control_plane.kubeconfig()).env("PATH", path);
    ended(program, command).await
}

async fn against_a_cluster(command: &[String]) -> Result<ExitCode, Error> {
    let Some((program, args)) = command.split_first() else { return Ok(ExitCode::SUCCESS) };
    let directory = std::env::current_dir().map_err(Error::io("find the current directory"))?;
    let cluster = tokio::select! {
        cluster = Cluster::start() => cluster?,
        _ = tokio::signal::ctrl_c() => return Err(Error::Unexpected("interrupted".to_owned())),
    };
    let mut command = cluster.command(program, &directory)?;
    command.args(args);
    ended(program, command.into()).await
}

/// Runs a command to its end; its exit code is ours.
async fn ended(name: &str, mut command: tokio::process::Command) -> Result<ExitCode, Error> {
    let mut child = command.kill_on_drop(true).spawn().map_err(Error::io(format!("start {name}")))?;
    let status = tokio::select! {
        status = child.wait() => status,
        // A terminal sends Ctrl-C to the command as well; what it runs against goes last.
        _ = tokio::signal::ctrl_c() => child.wait().await,
    };
    status.map(code).map_err(Error::io(format!("wait for {name}")))
}

async fn image() -> Result<(), Error> {
    let built = image::operator().await?;
    let archive = &built.image.archive;
    let size = std::fs::metadata(archive).map_err(Error::io(format!("look at {}", archive.display())))?.len();
    println!("{}  {}", built.image.name, built.image.id);
    for (what, bytes) in
        [("program", built.program_bytes), ("certificates", built.certificates_bytes), ("archive", size)]
    {
        println!("{what:<14}{:>8.2} MiB", kib_to_mib(bytes / 1024));
    }
    println!("import it with: ctr -n k8s.io images import {}", archive.display());
    Ok(())
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
