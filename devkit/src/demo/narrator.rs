//! What the demo says, and how it looks.

use std::process::Output;
use std::time::Instant;

use devkit::Error;

use super::cluster::Cluster;

/// Numbers the steps and prints what they show.
pub struct Narrator {
    started: Instant,
    step: u32,
}

impl Narrator {
    pub fn new() -> Self {
        Self { started: Instant::now(), step: 0 }
    }

    /// A step begins.
    pub fn headline(&mut self, text: &str) {
        self.step += 1;
        println!("\n{}. {text}  [{:.1} s]", self.step, self.started.elapsed().as_secs_f64());
    }
}

/// Something worth knowing.
pub fn say(text: &str) {
    println!("   {text}");
}

/// Runs kubectl, shows the command and what it printed.
pub async fn kubectl(cluster: &Cluster, args: &[&str]) -> Result<Output, Error> {
    println!("   $ kubectl {}", args.join(" "));
    let output = cluster.kubectl(args).await?;
    for line in String::from_utf8_lossy(&output.stdout).lines().chain(String::from_utf8_lossy(&output.stderr).lines()) {
        println!("     {line}");
    }
    Ok(output)
}

/// The same, for a command that has to work.
pub async fn kubectl_ok(cluster: &Cluster, args: &[&str]) -> Result<String, Error> {
    let output = kubectl(cluster, args).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(super::expected(&format!("kubectl {} failed ({})", args.join(" "), output.status)))
}
