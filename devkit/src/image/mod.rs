//! Container images, built by buildah from Containerfiles, without a container engine: archives that `ctr images import`, `docker load` and `podman load` take.

mod buildah;
mod elf;

use std::fs;
use std::path::{Path, PathBuf};

pub use buildah::Image;
use buildah::Recipe;

use crate::cargo::{self, Profile};
use crate::cluster::PAUSE;
use crate::{Error, operator, paths};

/// The image of every pod's first process in a cluster of ours.
pub const PAUSE_IMAGE: &str = "localhost/devkit-pause:1";

/// Where Debian's package ca-certificates has what `FROM scratch` has not.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What the operator's image was made of.
#[derive(Debug)]
pub struct OperatorImage {
    /// The image itself.
    pub image: Image,
    /// The size of the program in it.
    pub program_bytes: u64,
    /// The size of the certificates in it.
    pub certificates_bytes: u64,
}

/// The operator's name for its image: what the chart's default values ask for.
#[must_use]
pub fn operator_name() -> String {
    format!("{}:{}", operator::NAME, env!("CARGO_PKG_VERSION"))
}

/// Where the archive of the operator's image is, once it is built.
pub fn operator_archive() -> Result<PathBuf, Error> {
    Ok(kept()?.join(format!("{}.tar", operator::NAME)))
}

/// Builds the operator's image from its release build.
pub async fn operator() -> Result<OperatorImage, Error> {
    let program = cargo::build_one(operator::NAME, Profile::Release).await?;
    let certificates = Path::new(CERTIFICATES);
    if !certificates.exists() {
        let fix = "install the certificates of public authorities (Debian: ca-certificates)";
        return Err(Error::Missing(format!("{CERTIFICATES} is missing: {fix}")));
    }
    let content = fs::read(&program).map_err(Error::io(format!("read {}", program.display())))?;
    if !elf::is_static(&content) {
        let why = "flags of your own (RUSTFLAGS) take the place of those that link the C library in";
        return Err(Error::Unexpected(format!(
            "{} is not static, and nothing else is in the image: {why}",
            program.display()
        )));
    }
    let context = kept()?.join("context");
    fs::create_dir_all(&context).map_err(Error::io(format!("create {}", context.display())))?;
    let program_bytes = copy(&program, &context.join(operator::NAME))?;
    let certificates_bytes = copy(certificates, &context.join("ca-certificates.crt"))?;
    let name = operator_name();
    let recipe = Recipe {
        containerfile: &paths::workspace().join("deploy/image/Containerfile"),
        context: &context,
        arguments: &[("VERSION", env!("CARGO_PKG_VERSION"))],
        name: &name,
        archive: &operator_archive()?,
    };
    Ok(OperatorImage { image: recipe.build().await?, program_bytes, certificates_bytes })
}

/// The archive of [`PAUSE_IMAGE`], built where this is the first time or its program has changed.
pub async fn pause() -> Result<PathBuf, Error> {
    let context = PAUSE.built().await?;
    let archive = kept()?.join(context.with_extension("tar").file_name().unwrap_or_default());
    if archive.exists() {
        return Ok(archive);
    }
    let containerfile = paths::workspace().join("devkit/go/pause/Containerfile");
    let recipe = Recipe {
        containerfile: &containerfile,
        context: &context,
        arguments: &[],
        name: PAUSE_IMAGE,
        archive: &archive,
    };
    recipe.build().await?;
    Ok(archive)
}

fn kept() -> Result<PathBuf, Error> {
    let directory = paths::target().join("devkit/image");
    fs::create_dir_all(&directory).map_err(Error::io(format!("create {}", directory.display())))?;
    Ok(directory)
}

fn copy(from: &Path, to: &Path) -> Result<u64, Error> {
    fs::copy(from, to).map_err(Error::io(format!("copy {}", from.display())))
}
