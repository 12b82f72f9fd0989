//! Runs buildah: a Containerfile and its context become an archive, the same one from the same content.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Error;

/// An image to build.
pub(super) struct Recipe<'a> {
    pub(super) containerfile: &'a Path,
    pub(super) context: &'a Path,
    pub(super) arguments: &'a [(&'a str, &'a str)],
    pub(super) name: &'a str,
    pub(super) archive: &'a Path,
}

/// A built image.
#[derive(Debug)]
pub struct Image {
    /// The name it has when it is imported.
    pub name: String,
    /// The digest of its configuration, which names its content: what engines call its id.
    pub id: String,
    /// The archive.
    pub archive: PathBuf,
}

impl Recipe<'_> {
    /// Builds the image. Guarantee: nobody ever sees half an archive, and two processes never build at once.
    pub(super) async fn build(&self) -> Result<Image, Error> {
        let work = self.archive.with_extension("work");
        let lock = File::create(self.archive.with_extension("lock")).map_err(Error::io("create a build's lock"))?;
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
        // Held until the end of this function.
        let _lock =
            lock.map_err(|panic| Error::Unexpected(panic.to_string()))?.map_err(Error::io("take a build's lock"))?;
        let empty = || if work.exists() { fs::remove_dir_all(&work) } else { Ok(()) };
        empty().and_then(|()| fs::create_dir(&work)).map_err(Error::io(format!("empty {}", work.display())))?;
        let (id, unfinished) = (work.join("id"), work.join("image.tar"));

        let mut build = buildah(&work);
        // Nothing of this machine and moment goes into the image.
        build.args(["build", "--timestamp", "0", "--identity-label=false", "--format", "docker", "--quiet"]);
        build.args(
            self.arguments.iter().flat_map(|(name, value)| ["--build-arg".to_owned(), format!("{name}={value}")]),
        );
        build.args(["--tag", self.name, "--iidfile"]).arg(&id).arg("--file").arg(self.containerfile).arg(self.context);
        done("buildah build", build).await?;
        let mut push = buildah(&work);
        push.args(["push", "--quiet", self.name]).arg(format!("docker-archive:{}:{}", unfinished.display(), self.name));
        done("buildah push", push).await?;

        let id = fs::read_to_string(&id).map_err(Error::io("read the image's id"))?;
        fs::rename(&unfinished, self.archive)
            .map_err(Error::io(format!("put {} in its place", self.archive.display())))?;
        empty().map_err(Error::io(format!("remove {}", work.display())))?;
        Ok(Image { name: self.name.to_owned(), id: id.trim().to_owned(), archive: self.archive.to_owned() })
    }
}

/// buildah with a storage of its own, that goes with the build.
fn buildah(work: &Path) -> Command {
    let mut command = Command::new("buildah");
    command
        .args(["--storage-driver", "vfs", "--root"])
        .arg(work.join("storage"))
        .arg("--runroot")
        .arg(work.join("run"));
    command.env("TMPDIR", work).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn done(what: &str, mut command: Command) -> Result<(), Error> {
    let output = match command.output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Missing("buildah is missing: install it (Debian: buildah)".to_owned()));
        }
        output => output.map_err(Error::io(what))?,
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Ended { what: what.to_owned(), status: output.status, output: said })
}
