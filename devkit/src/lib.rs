//! Everything the stories and the demo start: a real control plane, the operator and the emulator as processes, an HTTP fault proxy, and the judges
//! that look at every stored version of a resource.
//!
//! * [`controlplane`]: etcd, kube-apiserver, kube-controller-manager and kubectl, of `KUBEBUILDER_ASSETS` or built by [`go`], once, from their Go modules.
//! * [`cluster`]: the same with a node, for pods; [`image`] makes the operator's image.
//! * [`process`]: programs that can't outlive this process, however it ends.
//! * [`chart`], [`helm`]: the chart's directory, and the real Helm.
//! * [`deployed`]: what an installed Deployment gives the operator's process.
//! * [`operator`], [`emulator`]: the two programs of this workspace; [`cargo`] builds them.
//! * [`agent`]: AWS's own Python agent, profiling a busy thread.
//! * [`definitions`]: CRDs of other projects, made from their Go types.
//! * [`faultproxy`]: an API server that misbehaves on demand.
//! * [`argocd`]: Argo CD beside a control plane, and its offline commands.
//! * [`phase`]: what a stored version shows, with the examples that the stories recorded.
//! * [`kube_state_metrics`]: the program that turns resources into metrics.
//! * [`reference`]: the API reference, made of the CRDs.
//! * [`kstatus`], [`flux`], [`auditor`]: how `kubectl wait`, Helm, Flux and Argo CD judge a resource.

pub mod agent;
pub mod argocd;
pub mod auditor;
pub mod cargo;
pub mod chart;
pub mod cluster;
pub mod controlplane;
pub mod definitions;
pub mod deployed;
pub mod emulator;
mod error;
pub mod faultproxy;
pub mod flux;
pub mod go;
pub mod helm;
pub mod http;
pub mod image;
pub mod kstatus;
pub mod kube_state_metrics;
pub mod operator;
pub mod paths;
pub mod phase;
pub mod process;
pub mod reference;
mod values;
pub mod wait;

pub use error::Error;
