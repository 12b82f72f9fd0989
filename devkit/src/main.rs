//! The devkit's command line.

mod demo;
mod fleet_bench;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use devkit::controlplane::{self, ControlPlane, Options};
use devkit::process::{self, code};
use devkit::{Error, argocd, chart, cluster, definitions, flux, go, helm, image, kube_state_metrics, reference};

/// All that is built from Go modules.
static MODULES: [&go::Module; 10] = [
    &process::SUPERVISOR,
    &controlplane::MODULE,
    &controlplane::CONTROLLER_MANAGER,
    &helm::MODULE,
    &cluster::NODE,
    &cluster::PAUSE,
    &kube_state_metrics::MODULE,
    &argocd::MODULE,
    &flux::MODULE,
    &definitions::MODULE,
];

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
    /// Measure what the operator costs with 500 to 20,000 resources, and check that every count is as expected
    FleetBench(fleet_bench::Arguments),
    /// Run a command against a fresh control plane: KUBECONFIG is set, and kubectl is on the PATH
    #[command(name = "controlplane")]
    ControlPlane {
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Run a command on a real cluster of one node, pods included: KUBECONFIG is set, and kubectl is on the PATH (Linux, as root)
    Cluster {
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// The first process of that node
    #[command(name = cluster::INSIDE, hide = true)]
    ClusterInside {
        #[arg(long)]
        cgroup: String,
        #[arg(long)]
        pause_image: PathBuf,
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Build the operator's image, and print where it is and how large
    Image,
    /// Write what is made of other files: the chart's copies, and the table of its values
    Chart,
    /// Print the API reference as Markdown, made of the CRDs in `crds/`
    Reference,
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
        Command::FleetBench(arguments) => fleet_bench::run(arguments).await.map(|()| ExitCode::SUCCESS),
        Command::ControlPlane { command } => against_a_control_plane(&command).await,
        Command::Cluster { command } => cluster::run(&command).await,
        Command::ClusterInside { cgroup, pause_image, command } => {
            cluster::inside(&cgroup, &pause_image, &command).await
        }
        Command::Image => image::operator().await.map(|image| {
            println!("{image}");
            ExitCode::SUCCESS
        }),
        Command::Chart => chart::write().map(|()| ExitCode::SUCCESS),
        Command::Reference => print_reference().map(|()| ExitCode::SUCCESS),
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
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .envs(control_plane.environment()?)
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

fn print_reference() -> Result<(), Error> {
    print!("{}", reference::page()?);
    Ok(())
}

async fn build(names: &[String]) -> Result<(), Error> {
    for module in MODULES.iter().filter(|module| names.iter().any(|name| name == module.name)) {
        module.built().await?;
    }
    Ok(())
}
