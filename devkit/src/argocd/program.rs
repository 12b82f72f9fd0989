//! Argo CD's program, which is all of its commands by their names.

use crate::go::Module;

/// What `go.mod` names. The linker's version is without the "v": Argo CD adds it, and its server refuses a client with two.
pub static MODULE: Module = Module {
    name: "argocd",
    holds: "Argo CD (v3.5.7)",
    package: "github.com/argoproj/argo-cd/v3/cmd",
    program: "argocd",
    links: &["argocd-repo-server", "argocd-application-controller", "argocd-server"],
    ldflags: "-X github.com/argoproj/argo-cd/v3/common.version=3.5.7",
    packages: 2300,
    takes: "5 minutes",
};
