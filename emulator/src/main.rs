//! The emulator as a process: command line, log, signals. All else is in the library.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use codeguru_profiler_emulator::{Config, Emulator, table_json};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// An emulator of Amazon CodeGuru Profiler, for tests and demonstrations.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address of the service endpoint for AWS clients; port 0 selects a free port
    #[arg(long, env = "EMULATOR_LISTEN", default_value = "127.0.0.1:4577")]
    listen: SocketAddr,

    /// Address of the admin port; port 0 selects a free port
    #[arg(long, env = "EMULATOR_ADMIN_LISTEN", default_value = "127.0.0.1:4578")]
    admin_listen: SocketAddr,

    /// Accepted access key, as id=secret,account; repeatable, separated by spaces in the environment variable.
    /// Without any, every key is accepted and signatures are not verified
    #[arg(long, env = "EMULATOR_ACCESS_KEY", value_delimiter = ' ', hide_env_values = true)]
    access_key: Vec<String>,

    /// File of requests to the admin port to run at the start
    #[arg(long, env = "EMULATOR_SCENARIO")]
    scenario: Option<PathBuf>,

    /// File to which every request is appended as a line of JSON
    #[arg(long, env = "EMULATOR_JOURNAL")]
    journal: Option<PathBuf>,

    /// Exit when standard input is closed
    #[arg(long, env = "EMULATOR_EXIT_WITH_STDIN")]
    exit_with_stdin: bool,

    /// Log filter, such as `debug`; defaults to RUST_LOG, then `warn`
    #[arg(long, env = "EMULATOR_LOG")]
    log: Option<String>,

    /// Print the table of operations as JSON and exit
    #[arg(long)]
    print_table: bool,
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                message.push_str(": ");
                message.push_str(&error.to_string());
                cause = error.source();
            }
            eprintln!("codeguru-profiler-emulator: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.print_table {
        // Unlike `println!`, no panic when the reader leaves early.
        return Ok(writeln!(io::stdout(), "{:#}", table_json())?);
    }
    let filter = match &arguments.log {
        Some(directives) => EnvFilter::try_new(directives)?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(arguments));
    // Requests that hang or wait must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let config = Config {
        listen: arguments.listen,
        admin_listen: arguments.admin_listen,
        // Not parsed by clap, which shows what it can't parse: this may hold a secret.
        access_keys: arguments.access_key.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        scenario: arguments.scenario.clone(),
        journal: arguments.journal.clone(),
    };
    let emulator = Emulator::start(config).await?;

    let line = serde_json::json!({"service": emulator.service_url, "admin": emulator.admin_url});
    writeln!(std::io::stdout(), "{line}")?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_closed(), if arguments.exit_with_stdin => {}
    }
    emulator.stop().await;
    Ok(())
}

/// Reads on a thread of its own, because a read of standard input can't be given up when a signal comes first.
async fn stdin_closed() {
    let (closed, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 1024];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        let _ = closed.send(());
    });
    let _ = end.await;
}
