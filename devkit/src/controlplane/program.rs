//! The control plane's program: built from its Go sources when it is not there yet, and where to find it.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::{Error, paths};

/// The version of Kubernetes that `go.mod` names: what the API server says it is.
const VERSION: &str = "v1.36.3";
/// How many packages a first build compiles, about.
const PACKAGES: usize = 2700;
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
const LINES_SHOWN_OF_A_FAILURE: usize = 30;

/// The built program, in a directory of its own beside a link named `kubectl`.
#[derive(Debug, Clone)]
pub struct Program {
    directory: PathBuf,
}

impl Program {
    /// The program, after building it where this is the first time or its sources or Go have changed. What is going on is said on standard error.
    ///
    /// Guarantees: two processes never build at once, and nobody ever sees half a program.
    pub async fn built() -> Result<Self, Error> {
        match tokio::task::spawn_blocking(build).await {
            Ok(result) => result,
            Err(panic) => Err(Error::Unexpected(format!("building the control plane: {panic}"))),
        }
    }

    /// The multi-call program.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join("controlplane")
    }

    /// The program under the name `kubectl`.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.directory.join("kubectl")
    }

    /// The directory that holds `kubectl` and nothing else that could stand for another program: for a `PATH`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn build() -> Result<Program, Error> {
    let sources = paths::workspace().join("devkit/controlplane");
    let go = go_version()?;
    let kept = paths::target().join("devkit");
    let name = format!("controlplane-{:016x}", key(&sources, &go)?);
    let program = Program { directory: kept.join(&name) };
    if program.directory.exists() {
        return Ok(program);
    }
    fs::create_dir_all(&kept).map_err(Error::io(format!("create {}", kept.display())))?;
    let lock = File::create(kept.join("lock")).map_err(Error::io("create the build's lock"))?;
    if lock.try_lock().is_err() {
        say("waiting for another process that builds the control plane");
        lock.lock().map_err(Error::io("take the build's lock"))?;
    }
    if program.directory.exists() {
        return Ok(program);
    }
    let unfinished = kept.join("unfinished");
    remove(&unfinished)?;
    compile(&sources, &unfinished, &go)?;
    std::os::unix::fs::symlink("controlplane", unfinished.join("kubectl")).map_err(Error::io("link kubectl"))?;
    fs::rename(&unfinished, &program.directory).map_err(Error::io("put the built control plane in its place"))?;
    for entry in fs::read_dir(&kept).map_err(Error::io("list what was built before"))?.flatten() {
        let other = entry.file_name();
        if other.to_string_lossy().starts_with("controlplane-") && other != name.as_str() {
            remove(&entry.path())?;
        }
    }
    Ok(program)
}

/// Which Go there is. A missing one is the one thing a newcomer has to put right by hand.
fn go_version() -> Result<String, Error> {
    let missing = || {
        Error::Missing(
            "Go is not installed, and the control plane for tests is built with it: install Go 1.26 or later (go.dev/doc/install) and have `go` on the PATH".to_owned(),
        )
    };
    let output = Command::new("go").args(["env", "GOVERSION"]).output().map_err(|_| missing())?;
    if !output.status.success() {
        return Err(Error::Unexpected(format!("`go env GOVERSION`: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What the result depends on. Only this project's own later runs compare it.
fn key(sources: &Path, go: &str) -> Result<u64, Error> {
    let mut files: Vec<PathBuf> = fs::read_dir(sources)
        .map_err(Error::io(format!("list {}", sources.display())))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "go" || end == "mod" || end == "sum"))
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    (go, VERSION, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
    for file in files {
        file.file_name().hash(&mut hasher);
        fs::read(&file).map_err(Error::io(format!("read {}", file.display())))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn compile(sources: &Path, directory: &Path, go: &str) -> Result<(), Error> {
    say(&format!(
        "building etcd, kube-apiserver, kube-controller-manager and kubectl ({VERSION}) with {go}; the first build takes about 4 to 8 minutes, later ones none"
    ));
    let started = Instant::now();
    let mut parts = VERSION.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let version = "k8s.io/component-base/version";
    let flags =
        format!("-s -w -X {version}.gitVersion={VERSION} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}");
    let mut child = Command::new("go")
        .args(["build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", &flags, "-o"])
        .arg(directory.join("controlplane"))
        .arg(".")
        .current_dir(sources)
        .env("CGO_ENABLED", "0")
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
    let last = follow(&received, started);
    let status: ExitStatus = child.wait().map_err(Error::io("wait for `go build`"))?;
    if !status.success() {
        return Err(Error::Ended { what: "`go build` of the control plane".to_owned(), status, output: last });
    }
    say(&format!("built the control plane in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// Follows a build to its end and says how far it is; returns the last lines that don't name a package.
fn follow(lines: &mpsc::Receiver<String>, started: Instant) -> String {
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
                let elapsed = started.elapsed().as_secs();
                say(&format!(
                    "{elapsed} s: downloaded {downloaded} modules, compiled {compiled} of at most about {PACKAGES} packages"
                ));
            }
            Err(RecvTimeoutError::Disconnected) => return Vec::from(last).join("\n"),
        }
    }
}

fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("remove {}", directory.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Says a line on standard error. Not `eprintln!`: a test's output is held back until it fails, and a build of minutes in silence looks like a hang.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "devkit: {line}");
}
