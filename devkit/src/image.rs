//! Images, built without a container engine: buildah, and archives that containerd imports.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::{Error, cargo, operator, paths, process};

/// The image of every pod's sandbox on the node of [`crate::cluster`].
pub(crate) const PAUSE_IMAGE: &str = "localhost/devkit/pause:1";
const PAUSE_FILE: &str = "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n";

/// Where Debian's `ca-certificates` has the certificates of public authorities, and where rustls looks for them in the image.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// An image in an archive.
#[derive(Debug)]
pub struct Image {
    /// Its name and tag, as in a chart or a manifest.
    pub name: String,
    /// The archive, as `docker load`, `ctr images import` and `podman load` take it.
    pub archive: PathBuf,
    /// The digest of its configuration: the same sources, toolchain and certificates give the same.
    pub id: String,
    /// Bytes of the operator's program.
    pub program_size: u64,
    /// Bytes of the archive.
    pub archive_size: u64,
}

impl Display for Image {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &u64| process::kib_to_mib(bytes / 1024);
        let Self { name, archive, id, program_size, archive_size } = self;
        let archive = archive.display();
        write!(
            f,
            "{name} ({id})\n  archive {archive}: {:.1} MiB; the program in it: {:.1} MiB",
            mib(archive_size),
            mib(program_size)
        )
    }
}

/// Builds the operator's image from `deploy/image/Containerfile` and the static release build, which must be the same wherever it is built.
pub async fn operator() -> Result<Image, Error> {
    let program = &cargo::release().await?.operator;
    let bytes = fs::read(program).map_err(Error::io(format!("read {}", program.display())))?;
    if let Some(place) = cargo::place_in(&bytes) {
        return Err(Error::Unexpected(format!("{} names {} of this machine", program.display(), place.display())));
    }
    let program_size = bytes.len() as u64;
    let directory = directory()?;
    let context = directory.join("context");
    fs::create_dir_all(&context).map_err(Error::io(format!("make {}", context.display())))?;
    copy(program, &context.join(operator::NAME))?;
    if !Path::new(CERTIFICATES).exists() {
        let message = format!("{CERTIFICATES} is not there: install Debian's ca-certificates");
        return Err(Error::Missing(message));
    }
    copy(Path::new(CERTIFICATES), &context.join("ca-certificates.crt"))?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("{}:{version}", operator::NAME);
    let archive = directory.join(format!("{}-{version}.tar", operator::NAME));
    let label = format!("org.opencontainers.image.version={version}");
    let file = paths::workspace().join("deploy/image/Containerfile");
    let id = build(&file, &context, &["--label", &label], &name, &archive).await?;
    let archive_size = fs::metadata(&archive).map_err(Error::io("look at the archive"))?.len();
    Ok(Image { name, archive, id, program_size, archive_size })
}

/// The sandbox image with this program, built where it is not there yet.
pub(crate) async fn pause(program: &Path) -> Result<PathBuf, Error> {
    let built = program.parent().and_then(Path::file_name).unwrap_or_default();
    let directory = directory()?;
    let archive = directory.join(built).with_extension("tar");
    if archive.exists() {
        return Ok(archive);
    }
    let context = tempfile::tempdir_in(&directory).map_err(Error::io("make a directory"))?;
    copy(program, &context.path().join("pause"))?;
    let file = context.path().join("Containerfile");
    fs::write(&file, PAUSE_FILE).map_err(Error::io("write a Containerfile"))?;
    build(&file, context.path(), &[], PAUSE_IMAGE, &archive).await?;
    Ok(archive)
}

/// Builds an image and puts it into an archive; returns its id.
async fn build(file: &Path, context: &Path, args: &[&str], name: &str, archive: &Path) -> Result<String, Error> {
    let mut build = buildah()?;
    // No time of its own goes into the image.
    build.args(["build", "--quiet", "--layers=false", "--timestamp", "0", "--isolation", "chroot", "--tag", name]);
    let id = printed(build.args(args).arg("--file").arg(file).arg(context)).await?;
    let unfinished = archive.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    let target = format!("docker-archive:{}:{name}", unfinished.display());
    printed(buildah()?.args(["push", "--quiet", name, &target])).await?;
    printed(buildah()?.args(["rmi", "--force", name])).await?;
    fs::rename(&unfinished, archive).map_err(Error::io("put the archive in its place"))?;
    Ok(id)
}

/// buildah with a store of its own, whatever the user's is like.
fn buildah() -> Result<Command, Error> {
    let store = directory()?.join("store");
    let mut command = Command::new("buildah");
    command.args(["--storage-driver", "vfs", "--root"]).arg(store.join("root"));
    command.arg("--runroot").arg(store.join("run")).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// Runs it to its end; returns what it prints.
async fn printed(command: &mut Command) -> Result<String, Error> {
    let output = command.output().await;
    let output = output.map_err(|_| Error::Missing("buildah is not installed (Debian: buildah)".to_owned()))?;
    process::printed("buildah", &output).map(|printed| printed.trim().to_owned())
}

fn directory() -> Result<PathBuf, Error> {
    let directory = paths::target().join("devkit/image");
    fs::create_dir_all(&directory).map_err(Error::io(format!("make {}", directory.display())))?;
    Ok(directory)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map(drop).map_err(Error::io(format!("copy {}", from.display())))
}
