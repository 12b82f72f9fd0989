//! Builds other projects' programs, and our own, from Go modules: once, into `target/devkit/`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::{Error, paths};

/// Neither inlining nor debugging information, and a collector of the compiler's garbage that runs less often: of a program that is built once and runs for
/// minutes, the build is what costs. Of the 458 s of CPU time that the control plane took they save 158; a demo takes one second more.
const COMPILER_FLAGS: &str = "-gcflags=all=-l -dwarf=false";
const COMPILER_GARBAGE: (&str, &str) = ("GOGC", "300");
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
const LINES_SHOWN_OF_A_FAILURE: usize = 30;

/// A module under `devkit/go/` and the one program that is built from it.
#[derive(Debug)]
pub struct Module {
    /// Its directory, and what `cargo devkit build` calls it.
    pub name: &'static str,
    /// What a person gets.
    pub holds: &'static str,
    /// What to build: `.` for sources of our own, else the import path of a program that `go.mod` requires.
    pub package: &'static str,
    /// The file name of the program.
    pub program: &'static str,
    /// Other names that the program is called by.
    pub links: &'static [&'static str],
    /// The linker's flags: versions that a release build of that program would carry.
    pub ldflags: &'static str,
    /// How many packages a first build compiles, about.
    pub packages: usize,
    /// How long a first build takes on two cores, in words.
    pub takes: &'static str,
}

impl Module {
    /// The directory that holds the program and its links and nothing else, after building it where this is the first time or its sources or Go have
    /// changed. Progress is reported on standard error.
    ///
    /// Guarantees: two processes never build the same module at once, and nobody ever sees half a program.
    pub async fn built(&'static self) -> Result<PathBuf, Error> {
        match tokio::task::spawn_blocking(|| self.build()).await {
            Ok(result) => result,
            Err(panic) => Err(Error::Unexpected(format!("building {}: {panic}", self.name))),
        }
    }

    fn sources(&self) -> PathBuf {
        paths::workspace().join("devkit/go").join(self.name)
    }

    fn build(&self) -> Result<PathBuf, Error> {
        let sources = self.sources();
        let go = go_version()?;
        let kept = paths::target().join("devkit");
        let directory = kept.join(format!("{}-{:016x}", self.name, self.key(&sources, &go)?));
        if directory.exists() {
            return Ok(directory);
        }
        fs::create_dir_all(&kept).map_err(Error::io(format!("create {}", kept.display())))?;
        let lock =
            File::create(kept.join(format!("{}.lock", self.name))).map_err(Error::io("create a build's lock"))?;
        if lock.try_lock().is_err() {
            self.progress("waiting for another process that builds it");
            lock.lock().map_err(Error::io("take a build's lock"))?;
        }
        if directory.exists() {
            return Ok(directory);
        }
        let unfinished = kept.join(format!("{}.unfinished", self.name));
        remove(&unfinished)?;
        self.compile(&sources, &unfinished, &go)?;
        for link in self.links {
            std::os::unix::fs::symlink(self.program, unfinished.join(link))
                .map_err(Error::io(format!("link {link}")))?;
        }
        fs::rename(&unfinished, &directory).map_err(Error::io(format!("put the built {} in its place", self.name)))?;
        self.remove_older(&kept, &directory)?;
        Ok(directory)
    }

    /// What the result depends on. Only this project's own later runs compare it.
    fn key(&self, sources: &Path, go: &str) -> Result<u64, Error> {
        let mut files: Vec<PathBuf> = fs::read_dir(sources)
            .map_err(Error::io(format!("list {}", sources.display())))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "go" || end == "mod" || end == "sum"))
            .collect();
        files.sort();
        let mut hasher = DefaultHasher::new();
        (go, self.package, self.program, self.links, self.ldflags).hash(&mut hasher);
        for file in files {
            file.file_name().hash(&mut hasher);
            fs::read(&file).map_err(Error::io(format!("read {}", file.display())))?.hash(&mut hasher);
        }
        Ok(hasher.finish())
    }

    fn compile(&self, sources: &Path, directory: &Path, go: &str) -> Result<(), Error> {
        self.progress(&format!(
            "building {} with {go}; the first build takes about {}, later ones none",
            self.holds, self.takes
        ));
        let started = Instant::now();
        let mut child = Command::new("go")
            .args(["build", "-v", "-trimpath", "-buildvcs=false", COMPILER_FLAGS])
            .args(["-ldflags", &format!("-s -w {}", self.ldflags), "-o"])
            .arg(directory.join(self.program))
            .arg(self.package)
            .current_dir(sources)
            .env("CGO_ENABLED", "0")
            .env(COMPILER_GARBAGE.0, COMPILER_GARBAGE.1)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::io("start `go build`"))?;
        let (lines, received) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
            });
        }
        let last = self.follow(&received, started);
        let status: ExitStatus = child.wait().map_err(Error::io("wait for `go build`"))?;
        if !status.success() {
            return Err(Error::Ended { what: format!("`go build` of {}", self.name), status, output: last });
        }
        self.progress(&format!("built in {} s", started.elapsed().as_secs()));
        Ok(())
    }

    /// Follows a build to its end and reports how far it is; returns the last lines that don't name a package.
    fn follow(&self, lines: &mpsc::Receiver<String>, started: Instant) -> String {
        let (mut downloaded, mut compiled) = (0, 0);
        let mut last = VecDeque::new();
        let mut next = started + PROGRESS_EVERY;
        loop {
            match lines.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(line) if line.starts_with("go: downloading") => downloaded += 1,
                Ok(line) if line.contains(' ') => {
                    last.push_back(line);
                    if last.len() > LINES_SHOWN_OF_A_FAILURE {
                        last.pop_front();
                    }
                }
                Ok(_) => compiled += 1,
                Err(RecvTimeoutError::Timeout) => {
                    next += PROGRESS_EVERY;
                    let (elapsed, most) = (started.elapsed().as_secs(), self.packages);
                    self.progress(&format!(
                        "{elapsed} s: downloaded {downloaded} modules, compiled {compiled} of at most about {most} packages"
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => return Vec::from(last).join("\n"),
            }
        }
    }

    /// What was built from other sources is of no use any more.
    fn remove_older(&self, kept: &Path, directory: &Path) -> Result<(), Error> {
        let key = |name: &str| name.strip_prefix(self.name)?.strip_prefix('-').map(str::len);
        for entry in fs::read_dir(kept).map_err(Error::io("list what was built before"))?.flatten() {
            let ours = entry.file_name().to_str().and_then(key) == Some(16);
            if ours && entry.path() != directory {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Writes a line to standard error. Not `eprintln!`: a test's output is held back until it fails, and a build of minutes in silence looks like a hang.
    fn progress(&self, line: &str) {
        let _ = writeln!(io::stderr(), "devkit: {}: {line}", self.name);
    }
}

/// Where the sources of a module are that this one's `go.mod` requires, after fetching them if they are not there.
pub async fn source(of: &Module, import: &str) -> Result<PathBuf, Error> {
    let output = tokio::process::Command::new("go")
        .args(["mod", "download", "-json", import])
        .current_dir(of.sources())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::io("run `go mod download`"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let answer: serde_json::Value = serde_json::from_str(&printed).unwrap_or_default();
    let directory = answer["Dir"].as_str().map(PathBuf::from);
    directory.ok_or_else(|| {
        Error::Unexpected(format!("the sources of {import}: {printed}{}", String::from_utf8_lossy(&output.stderr)))
    })
}

/// Which Go there is. A missing one is the one thing a newcomer has to put right by hand.
fn go_version() -> Result<String, Error> {
    let missing = || {
        Error::Missing(
            "Go is not installed, and the programs that the tests run against are built with it: install Go 1.26 or later (go.dev/doc/install) and have `go` on the PATH".to_owned(),
        )
    };
    let output = Command::new("go").args(["env", "GOVERSION"]).output().map_err(|_| missing())?;
    if !output.status.success() {
        return Err(Error::Unexpected(format!("`go env GOVERSION`: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("remove {}", directory.display()))(error))
        }
        _ => Ok(()),
    }
}
