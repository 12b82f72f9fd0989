//! Whatever happens to a cluster, nothing of it is left.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use devkit::wait;

use crate::{
    devkit,
    traces::{self, Machine},
};

const LIMIT: Duration = Duration::from_mins(2);
/// Runs a pod, reports it, and stays.
const POD: &str = r#"
kubectl run pod --image=localhost/devkit/pause:1 --image-pull-policy=Never >/dev/null
kubectl wait --for=condition=Ready pod/pod --timeout=90s >/dev/null
touch "$TMPDIR/something"
echo panic "$(cat /proc/sys/kernel/panic)"
exec sleep infinity
"#;

/// A `cargo devkit cluster` with a pod.
struct Run(Child);

impl Run {
    async fn start(scratch: &Path) -> Self {
        let mut command = Command::new(devkit().await);
        command.args(["cluster", "--", "sh", "-c", POD]).env("TMPDIR", scratch);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let run = Self(child);
        let line = tokio::task::spawn_blocking(|| BufReader::new(stdout).lines().next());
        let line = tokio::time::timeout(LIMIT, line).await.unwrap().unwrap();
        // The kubelet has set it, or seen that it need not.
        assert_eq!(line.unwrap().unwrap(), "panic 10");
        run
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn gone(what: &str, left: impl Fn() -> Vec<String>) {
    let waited = wait::until(what, Duration::from_secs(20), || async { left().is_empty().then_some(()) }).await;
    waited.unwrap_or_else(|error| panic!("{error}: {:#?}", left()));
}

#[tokio::test]
async fn a_killed_cluster_leaves_no_process_mount_device_group_or_file() {
    let scratch = tempfile::tempdir().unwrap();
    let before = Machine::look();
    let mut run = Run::start(scratch.path()).await;
    let pid = run.0.id();
    let processes = traces::family(pid);
    let names = processes.iter().map(|process| process.name.as_str()).collect::<Vec<_>>();
    for name in ["kubelet", "kube-apiserver", "containerd", "containerd-shim", "/pause", "cluster-inside"] {
        assert!(names.iter().any(|found| found.contains(name)), "{name} in {names:#?}");
    }
    assert!(!traces::groups(pid).is_empty());

    run.0.kill().unwrap();
    run.0.wait().unwrap();
    gone("its processes end", || traces::alive(&processes)).await;
    gone("its control groups are removed", || traces::groups(pid)).await;
    assert_eq!(Machine::look(), before);
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn the_next_cluster_takes_away_what_one_left_whose_processes_were_all_killed_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let run = Run::start(scratch.path()).await;
    let pid = run.0.id();
    let processes = traces::family(pid);
    traces::kill(pid, &processes);
    gone("its processes end", || traces::alive(&processes)).await;
    assert!(!traces::groups(pid).is_empty(), "nobody was there to remove them");
    // Its id is free from here on: nobody takes it for a cluster that runs.
    drop(run);

    let next = Command::new(devkit().await).args(["cluster", "--", "sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(next.code(), Some(7), "the command's own code");
    assert_eq!(traces::groups(pid), [""; 0]);
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_packages_that_have_it() {
    let output = Command::new(devkit().await).args(["cluster", "--", "true"]).env("PATH", "/nowhere").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(text.contains("containerd, ctr, runc, buildah missing"), "{text}");
    assert!(
        text.contains("apt-get install --no-install-recommends util-linux iproute2 containerd runc buildah"),
        "{text}"
    );
}
