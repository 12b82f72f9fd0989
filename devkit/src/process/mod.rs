//! Programs that can't outlive this process: started under a supervisor, watched, measured and ended.

mod log;
mod supervised;
mod supervisor;
mod usage;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use log::Log;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
pub(crate) use supervised::Supervised;
pub use supervisor::MODULE as SUPERVISOR;
pub use usage::kib_to_mib;

use crate::{Error, http, wait};

/// The exit code of a program as our own.
#[must_use]
pub fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// What a program printed that has run to its end. A failure is an error with what it wrote to standard error.
pub(crate) fn printed(what: impl Into<String>, output: &Output) -> Result<String, Error> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Error::Ended { what: what.into(), status: output.status, output: text(&output.stderr) })
}

/// The program that others run under, built if it has to be.
pub(crate) async fn supervisor() -> Result<PathBuf, Error> {
    Ok(SUPERVISOR.built().await?.join(SUPERVISOR.program))
}

/// Sends a signal to a process that is known not to have been waited for.
pub(crate) fn signal(name: &str, id: u32, signal: Signal) -> Result<(), Error> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Error::Unexpected(format!("{id} is no process id")))?;
    kill_process(pid, signal).map_err(|errno| Error::io(format!("signal {name}"))(errno.into()))
}

/// A program about to be started. Its environment is what is given here, and `PATH`.
#[derive(Debug, Clone)]
pub struct Spawn {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    log: Option<PathBuf>,
}

impl Spawn {
    /// The program at this path.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new(), log: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Writes the output to this file; without it, it is kept where only this process can read it.
    #[must_use]
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    /// Starts the program. Guarantee: it ends when the [`Running`] is dropped and when this process ends, even by kill -9.
    pub async fn start(self) -> Result<Running, Error> {
        let log = match &self.log {
            Some(path) => Log::named(path)?,
            None => Log::anonymous()?,
        };
        let mut command = Command::new(supervisor().await?);
        command.arg(&self.program).args(&self.args);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).envs(self.env.iter().cloned());
        // The supervisor prints the program's id on standard output; all that the program writes goes to its standard error.
        command.stdout(Stdio::piped()).stderr(log.writer()?);
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut supervisor = Supervised::start(&mut command)?;
        let stdout = supervisor.child().stdout.take();
        let pid = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout?).read_line(&mut line).ok()?;
            line.trim().parse().ok()
        })
        .await
        .ok()
        .flatten();
        let Some(pid) = pid else {
            supervisor.end();
            return Err(Error::Unexpected(format!("{} did not start: {}", self.program.display(), log.tail())));
        };
        Ok(Running { name, pid, supervisor: Mutex::new(supervisor), log })
    }
}

/// A program under a supervisor.
#[derive(Debug)]
pub struct Running {
    name: String,
    pid: u32,
    supervisor: Mutex<Supervised>,
    log: Log,
}

impl Running {
    /// The process id of the program itself, not of its supervisor.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        // The supervisor has not been waited for as long as this returns `None`, and it reaps the program last thing: the id is still the program's.
        if self.ended().is_some() {
            return Err(Error::Unexpected(format!("{} has ended already", self.name)));
        }
        self::signal(&self.name, self.pid, signal)
    }

    /// Kills the program with SIGKILL, and returns when it has ended.
    pub async fn kill(&self) -> Result<ExitStatus, Error> {
        self.signal(Signal::KILL)?;
        self.wait(Duration::from_secs(10)).await
    }

    /// How the program ended, if it has: its exit code, or 128 and the number of the signal that ended it.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        self.supervisor().ended()
    }

    /// Waits for the end of the program.
    pub async fn wait(&self, limit: Duration) -> Result<ExitStatus, Error> {
        wait::until(&format!("{} ends", self.name), limit, || async { self.ended() }).await
    }

    /// All that the program has written so far, output and errors together.
    #[must_use]
    pub fn output(&self) -> String {
        self.log.text()
    }

    /// The last lines of it.
    #[must_use]
    pub fn tail(&self) -> String {
        self.log.tail()
    }

    /// Waits until the output so far yields an answer.
    pub async fn output_with<T>(
        &self,
        what: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let find = &find;
        self.until(what, limit, || async move { find(&self.output()) }).await
    }

    /// Waits until a GET of this address answers 200.
    pub async fn http_ok(&self, url: &str, limit: Duration) -> Result<(), Error> {
        self.until(&format!("{} answers 200 at {url}", self.name), limit, || async {
            http::get(url).await.ok().filter(|answer| answer.status == 200).map(|_| ())
        })
        .await
    }

    /// Waits for an answer, and gives up at once when the program has ended.
    async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        limit: Duration,
        mut probe: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let answer = wait::until(what, limit, || {
            // Looked at before the question: what it wrote last is then seen.
            let ended = self.ended();
            let answer = probe();
            async move { answer.await.map(Ok).or_else(|| ended.map(Err)) }
        })
        .await;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(Error::Ended { what: self.name.clone(), status, output: self.log.tail() }),
            Err(Error::TimedOut { what, limit, .. }) => Err(Error::TimedOut {
                what,
                limit,
                detail: format!("; the end of {}'s output:\n{}", self.name, self.log.tail()),
            }),
            Err(other) => Err(other),
        }
    }

    /// The resident memory of the program in KiB.
    pub fn rss_kib(&self) -> Result<u64, Error> {
        usage::rss_kib(self.pid)
    }

    /// The highest resident memory the program has had, in KiB.
    pub fn peak_rss_kib(&self) -> Result<u64, Error> {
        usage::peak_rss_kib(self.pid)
    }

    /// The CPU time the program has used, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64, Error> {
        usage::cpu_seconds(self.pid)
    }

    /// How long ago the program was started, to a hundredth of a second.
    pub fn age(&self) -> Result<Duration, Error> {
        usage::age(self.pid)
    }

    fn supervisor(&self) -> MutexGuard<'_, Supervised> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The kernel kills the program with its supervisor. Who wants a graceful end requests it before.
        self.supervisor().kill();
    }
}
