//! A git repository on this machine, and the clone from which somebody pushes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use devkit::paths;

/// The branch that everybody follows.
const BRANCH: &str = "main";

pub struct Repository {
    bare: PathBuf,
    clone: PathBuf,
}

impl Repository {
    /// An empty one, and its clone, in this directory.
    pub fn new(directory: &Path) -> Self {
        let repository = Self { bare: directory.join("origin.git"), clone: directory.join("clone") };
        std::fs::create_dir_all(&repository.clone).unwrap();
        let bare = repository.bare.to_str().unwrap();
        repository.git(&["init", "--quiet", "--bare", "--initial-branch", BRANCH, bare]);
        repository.git(&["init", "--quiet", "--initial-branch", BRANCH]);
        repository.git(&["remote", "add", "origin", bare]);
        repository
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.clone.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// One of the project's, as a team would take it over.
    pub fn write_example(&self, name: &str) {
        let example = std::fs::read_to_string(paths::workspace().join(format!("examples/{name}.yaml"))).unwrap();
        self.write(&format!("profiling/{name}.yaml"), &example);
    }

    /// Takes over a directory.
    pub fn copy(&self, from: &Path, into: &Path) {
        let into = self.clone.join(into);
        std::fs::create_dir_all(&into).unwrap();
        assert!(Command::new("cp").arg("--recursive").args([from, &into]).status().unwrap().success());
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.clone.join(path)).unwrap();
    }

    /// Commits and pushes all that was written and removed; the commit's id.
    pub fn push(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "origin", BRANCH]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=story", "-c", "user.email=story@example.com"])
            .args(args)
            .current_dir(&self.clone)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            // Nobody's own settings.
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
