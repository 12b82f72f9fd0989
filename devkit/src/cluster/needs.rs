//! What a cluster needs of the machine, each with the fix.

use std::path::Path;

use super::files::PLUGINS as DIRECTORY;
use super::machine::COVERED;
use crate::{Error, paths};

/// A program, and the Debian package it comes from.
const PROGRAMS: [(&str, &str); 6] = [
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("buildah", "buildah"),
];
const PLUGINS: [&str; 3] = ["bridge", "host-local", "loopback"];
const PLUGINS_PACKAGE: &str = "containernetworking-plugins";

/// An error that names all that is missing.
pub(super) fn check() -> Result<(), Error> {
    let mut missing = Vec::new();
    if !cfg!(target_os = "linux") {
        return Err(Error::Missing("a cluster needs Linux".to_owned()));
    }
    if !rustix::process::geteuid().is_root() {
        missing.push("it has to run as root: its own namespaces, mounts and network devices need that".to_owned());
    }
    let on_path = |name: &str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(name).is_file()))
    };
    missing.extend(packages(on_path, |plugin| Path::new(DIRECTORY).join(plugin).is_file()));
    let workspace = paths::workspace();
    if let Some(covered) = COVERED.iter().find(|covered| workspace.starts_with(covered)) {
        missing.push(format!(
            "this workspace is below {covered}, which a cluster covers with a directory of its own: move it"
        ));
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::Missing(format!("a cluster can't start:\n  {}", missing.join("\n  "))))
    }
}

/// What is not installed, as one line with the command that installs it.
fn packages(program: impl Fn(&str) -> bool, plugin: impl Fn(&str) -> bool) -> Option<String> {
    let programs =
        PROGRAMS.into_iter().filter(|(name, _)| !program(name)).map(|(name, package)| (name.to_owned(), package));
    let plugins = PLUGINS.into_iter().filter(|name| !plugin(name));
    let plugins = plugins.map(|name| (format!("{DIRECTORY}/{name}"), PLUGINS_PACKAGE));
    let (names, mut packages): (Vec<_>, Vec<_>) = programs.chain(plugins).unzip();
    packages.dedup();
    (!names.is_empty()).then(|| {
        format!(
            "{} missing; on Debian: apt-get install --no-install-recommends {}",
            names.join(", "),
            packages.join(" ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_packages_that_have_it() {
        assert_eq!(packages(|_| true, |_| true), None);
        let packages = packages(|name| !matches!(name, "containerd" | "ctr"), |name| name != "bridge").unwrap();
        assert_eq!(
            packages,
            "containerd, ctr, /usr/lib/cni/bridge missing; on Debian: apt-get install --no-install-recommends containerd containernetworking-plugins"
        );
    }
}
