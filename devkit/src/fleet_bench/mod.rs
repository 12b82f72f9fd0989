//! What the operator costs with hundreds to tens of thousands of resources: AWS calls, writes, time and memory, beside the
//! floor that the same API server has for a plain client. Every count is checked.

mod cell;
mod expected;
mod fleet;
mod floor;
mod goals;
mod meter;
mod observer;
mod phases;
mod soak;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use devkit::cargo::{self, Programs};
use devkit::controlplane;
use devkit::{Error, paths};

use cell::{Cell, Measured, Shape};
use fleet::Fleet;
use phases::Run;

/// How many resources have one group in common.
const ONE_GROUP: usize = 1_500;
/// How many resources are kept busy.
const SOAKED: usize = 500;
/// The cell in which nothing happens for a while.
const RESTS: (usize, u64) = (20_000, 50);

/// What the command line requests.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Numbers of resources
    #[arg(long, value_delimiter = ',', default_values_t = [500, 5_000, 20_000], value_parser = clap::value_parser!(u32).range(20..=30_000))]
    resources: Vec<u32>,
    /// How long AWS takes to answer, in milliseconds
    #[arg(long, value_delimiter = ',', default_values_t = [0, 50])]
    latency: Vec<u64>,
    /// How long the largest fleet is left alone
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    rest: Duration,
    /// Leave out the 1,500 resources that have one group in common
    #[arg(long)]
    without_one_group: bool,
    /// Only keep 500 resources busy for this long, and check that memory, files, threads and tasks do not grow
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    soak: Option<Duration>,
    /// Directory of the results: what is there from the same program is not measured again
    #[arg(long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
}

/// Runs the measurement. Whatever happens, Ctrl-C included, nothing is left behind.
pub async fn run(arguments: Arguments) -> Result<(), Error> {
    tokio::select! {
        measured = measure(&arguments) => measured,
        _ = tokio::signal::ctrl_c() => Err(Error::Unexpected("interrupted".to_owned())),
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Error> {
    println!("build the operator, the emulator and a control plane, as far as they are not built yet");
    let (_, programs) = tokio::try_join!(controlplane::Programs::ready(), cargo::release())?;
    let program = identity(&programs.operator)?;
    let directory = arguments.output.clone().unwrap_or_else(|| paths::target().join("fleet-bench"));
    fs::create_dir_all(&directory).map_err(Error::io(format!("create {}", directory.display())))?;
    let mut results = Vec::new();
    for cell in arguments.cells() {
        let file = directory.join(format!("{}.json", cell.name()));
        let measured = match former(&file, &cell, &program) {
            Some(measured) => measured,
            None => measure_cell(cell, programs.clone(), &program, &file).await?,
        };
        results.push(measured);
    }
    let text = table::markdown(&results);
    let file = directory.join("table.md");
    fs::write(&file, &text).map_err(Error::io(format!("write {}", file.display())))?;
    println!("\n{text}The results are in {}. Nothing is left running.", directory.display());
    let deviations: Vec<_> = results.into_iter().flat_map(|measured| measured.deviations).collect();
    if deviations.is_empty() {
        return Ok(());
    }
    Err(Error::Unexpected(format!("not as expected:\n  {}", deviations.join("\n  "))))
}

impl Arguments {
    fn cells(&self) -> Vec<Cell> {
        if let Some(soak) = self.soak {
            let shape = Shape::Busy { soak_s: soak.as_secs() };
            return vec![Cell { shape, resources: SOAKED, latency_ms: 0, rest_s: 0 }];
        }
        let mut cells = Vec::new();
        for resources in &self.resources {
            for latency_ms in self.latency.iter().copied() {
                let resources = usize::try_from(*resources).unwrap_or(usize::MAX);
                let rest_s = if (resources, latency_ms) == RESTS { self.rest.as_secs() } else { 0 };
                cells.push(Cell { shape: Shape::OneEach, resources, latency_ms, rest_s });
            }
        }
        if !self.without_one_group {
            cells.push(Cell { shape: Shape::OneForAll, resources: ONE_GROUP, latency_ms: 0, rest_s: 0 });
        }
        cells
    }
}

/// Tells one build of a program from another.
fn identity(program: &Path) -> Result<String, Error> {
    let what = format!("look at {}", program.display());
    let metadata = fs::metadata(program).map_err(Error::io(what.clone()))?;
    let built = metadata.modified().map_err(Error::io(what))?;
    let built = built.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} bytes, built {}", metadata.len(), humantime::format_rfc3339_seconds(UNIX_EPOCH + built)))
}

/// What was measured before of the same cell and the same program.
fn former(file: &Path, cell: &Cell, program: &str) -> Option<Measured> {
    let measured: Measured = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    let same = measured.cell == *cell && measured.program == *program;
    if same {
        println!("{}: measured before", cell.name());
    }
    Some(measured).filter(|_| same)
}

async fn measure_cell(cell: Cell, programs: Programs, program: &str, file: &Path) -> Result<Measured, Error> {
    println!("{}", cell.name());
    let measured = Measured {
        program: program.to_owned(),
        phases: Vec::new(),
        figures: BTreeMap::new(),
        deviations: Vec::new(),
        cell: cell.clone(),
    };
    let mut run = Run::new(Fleet::set(&cell, programs).await?, measured);
    match cell.shape {
        Shape::OneEach => run.fleet().await?,
        Shape::OneForAll => run.one_group().await?,
        Shape::Busy { soak_s } => run.soak(Duration::from_secs(soak_s)).await?,
    }
    let text = serde_json::to_string_pretty(&run.measured).map_err(|error| Error::Unexpected(error.to_string()))?;
    fs::write(file, text).map_err(Error::io(format!("write {}", file.display())))?;
    Ok(run.measured)
}
