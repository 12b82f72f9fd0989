//! Everything the stories and the demo start: a real control plane, the operator and the emulator as processes, an HTTP fault proxy, and the judges
//! that look at every stored version of a resource.
//!
//! * [`controlplane`]: etcd, kube-apiserver, kube-controller-manager and kubectl; [`go`] builds them, once, from their Go modules.
//! * [`cluster`]: a node beside it, so that pods run; [`image`]: what they run.
//! * [`process`]: programs that can't outlive this process, however it ends.
//! * [`helm`]: the real Helm, for the chart.
//! * [`deployed`]: what an installed Deployment gives the operator's process.
//! * [`operator`], [`emulator`]: the two programs of this workspace; [`cargo`] builds them.
//! * [`faultproxy`]: an API server that misbehaves on demand.
//! * [`kstatus`], [`flux`], [`watchman`]: what `kubectl wait`, Helm, Flux and Argo CD would think of a resource.

pub mod cargo;
pub mod cluster;
pub mod controlplane;
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
pub mod operator;
pub mod paths;
pub mod process;
pub mod wait;
pub mod watchman;

pub use error::Error;
