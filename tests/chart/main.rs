//! The chart and the kustomize base as they are rendered, without a cluster: real Helm and real kubectl, the operator's own command line as the judge.
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends here")]

mod availability;
mod crds;
mod customization;
mod flags;
mod kustomize;
mod listing;
mod manifests;
mod package;
mod refusals;
mod rendered;
mod teams;
mod umbrella;
