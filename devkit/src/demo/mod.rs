//! The demo: what the operator does, shown step by step on real programs, each step checked.

mod agent;
mod cluster;
mod narrator;
mod stage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cluster::{Cluster, NAMESPACE, kubectl, kubectl_ok};
use devkit::cargo::{self, Programs};
use devkit::process::kib_to_mib;
use devkit::{Error, operator, paths};
use narrator::{Narrator, say};
use serde_json::json;
use stage::{INTERVAL, REGION, Stage};

/// How much later than an interval a correction may be seen on a busy machine: the jitter of the interval, two requests, and looking.
const SLACK: Duration = Duration::from_secs(2);

/// The command line of a demo.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Leave everything running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Use this cluster, which must not have the operator, instead of a control plane made for the demo
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Show AWS's own Python agent obeying the switch, too; needs python3 with venv
    #[arg(long)]
    agent: bool,
}

/// Runs the demo. Whatever happens, Ctrl-C included, nothing is left behind.
pub async fn run(arguments: Arguments) -> Result<(), Error> {
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    tokio::pin!(interrupted);
    let mut narrator = Narrator::new();
    let (cluster, programs) = tokio::select! {
        prepared = prepare(&mut narrator, &arguments) => prepared?,
        () = &mut interrupted => return Err(expected("interrupted")),
    };
    let played = play(narrator, &cluster, &programs, &arguments, interrupted).await;
    let torn_down = cluster.tear_down().await;
    if let (Err(_), Err(left)) = (&played, &torn_down) {
        eprintln!("\n{left}");
    }
    played.and(torn_down)?;
    println!("\nThe operator ended with code 0 on SIGTERM. Nothing is left running.");
    Ok(())
}

/// Looks whether the demo can take place, and builds. What is not the demo's own is not touched.
async fn prepare(narrator: &mut Narrator, arguments: &Arguments) -> Result<(Cluster, Programs), Error> {
    // Before the builds: who lacks Python, or names a cluster that is in use, does not wait minutes for the error.
    if arguments.agent {
        devkit::agent::python().await?;
    }
    narrator.headline("Build the operator, the emulator and a Kubernetes API server, as far as they are not built yet, and start the last");
    // What each is doing shows in between; on a first run both take minutes.
    let cluster = async {
        let cluster = Cluster::start(arguments.kubeconfig.clone()).await?;
        cluster.ensure_empty().await?;
        Ok(cluster)
    };
    let (cluster, programs) = tokio::try_join!(cluster, cargo::dev_programs())?;
    // Builds take minutes.
    cluster.ensure_empty().await?;
    Ok((cluster, programs))
}

/// Sets the stage, shows everything and stops the operator; gives up as soon as it is interrupted.
async fn play(
    narrator: Narrator,
    cluster: &Cluster,
    programs: &Programs,
    arguments: &Arguments,
    mut interrupted: impl Future<Output = ()> + Unpin,
) -> Result<(), Error> {
    let mut stage = tokio::select! {
        stage = Stage::set(narrator, cluster, programs) => stage?,
        () = &mut interrupted => return Err(expected("interrupted")),
    };
    let shown = tokio::select! {
        shown = show(&mut stage, arguments.agent) => shown,
        () = &mut interrupted => Err(expected("interrupted")),
    };
    if let Err(error) = &shown {
        eprintln!("\nthe demo failed: {error}\nthe end of the operator's log:\n{}", stage.operator.process().tail());
    } else if arguments.keep {
        keep(&stage);
        interrupted.await;
    }
    let stopped = stage.operator.stop_gracefully().await;
    shown?;
    if !stopped?.success() {
        return Err(expected("the operator did not end with code 0 on SIGTERM"));
    }
    Ok(())
}

async fn show(stage: &mut Stage<'_>, agent: bool) -> Result<(), Error> {
    applied(stage).await?;
    corrected(stage).await?;
    reported(stage).await?;
    suspended(stage).await?;
    refused(stage).await?;
    stalled_and_recovered(stage).await?;
    if agent {
        agent::obeys(stage).await?;
    }
    totals(stage).await
}

async fn applied(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("Apply the examples: Checkout_Service is off in AWS, and should be on");
    let started = Instant::now();
    let examples = paths::workspace().join("examples").display().to_string();
    kubectl_ok(stage.cluster, &["apply", "-n", NAMESPACE, "-f", &examples]).await?;
    stage.becomes("Checkout_Service", true).await?;
    say(&format!("AWS reports that it is on, {:.1} s later", started.elapsed().as_secs_f64()));
    stage.condition("checkout", "Ready", "True", "InSync").await?;
    let status = stage.resource("checkout").await?["status"].take();
    check(status["profilingEnabled"] == json!(true) && status["arn"].is_string(), || {
        format!("a filled status, not {status}")
    })?;
    stage.condition("billing", "Synced", "False", "Differs").await?;
    check(!stage.enabled("Billing").await?, || "an observed group to be left alone".to_owned())?;
    listed(stage).await
}

async fn listed(stage: &Stage<'_>) -> Result<(), Error> {
    let args = ["get", "profgroup", "-n", NAMESPACE, "-o", "wide"];
    let table = kubectl_ok(stage.cluster, &args).await?;
    check(table.contains("Checkout_Service"), || "the resources in kubectl's table".to_owned())
}

async fn corrected(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("Someone switches it off in AWS: it is put right within one interval");
    stage.flip("Checkout_Service", false).await?;
    let flipped = Instant::now();
    stage.becomes("Checkout_Service", true).await?;
    let took = flipped.elapsed();
    say(&format!("on again after {:.1} s", took.as_secs_f64()));
    check(took <= INTERVAL + SLACK, || format!("a correction within one interval of {INTERVAL:?}, not {took:?}"))?;
    let args = ["get", "events", "-n", NAMESPACE, "--field-selector", "reason=DriftCorrected"];
    devkit::wait::until("the event DriftCorrected", stage::LIMIT, || async {
        let events = stage.cluster.kubectl(&args).await.ok()?;
        String::from_utf8_lossy(&events.stdout).contains("DriftCorrected").then_some(())
    })
    .await?;
    kubectl_ok(stage.cluster, &args).await?;
    stage.condition("checkout", "Ready", "True", "InSync").await.map(|_| ())
}

async fn reported(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("The same for Search, whose `driftPolicy` is Report: it is reported, not undone");
    stage.condition("search", "Ready", "True", "InSync").await?;
    stage.flip("Search", false).await?;
    stage.condition("search", "Synced", "False", "DriftReported").await?;
    stage.condition("search", "Ready", "True", "DriftReported").await?;
    stage.lists(2).await?;
    let updates = stage.calls("Search", Some("UpdateProfilingGroup")).await?;
    let left = !stage.enabled("Search").await? && updates == 0;
    check(left, || format!("Search to be left off, without one of its {updates} updates"))?;
    say("two intervals later it is still off, and AWS has seen no update of it");
    Ok(())
}

async fn suspended(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("And for Inventory, which is suspended: not one call is made for it");
    stage.flip("Inventory", false).await?;
    stage.condition("inventory", "Ready", "True", "Suspended").await?;
    stage.lists(2).await?;
    let calls = stage.calls("Inventory", None).await?;
    check(!stage.enabled("Inventory").await? && calls == 0, || {
        format!("Inventory to be left alone, without one of its {calls} calls")
    })?;
    say("two intervals later it is still off, and no call named it");
    Ok(())
}

async fn refused(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("A wrong name is refused by the API server, with what to do");
    let manifest = "{apiVersion: codeguruprofiler.dev/v1alpha1, kind: ProfilingGroup, metadata: {name: wrong}, spec: {profilingGroupName: 'Check out!', profilingEnabled: true}}\n";
    let io = |source| Error::Io { what: "write a manifest".to_owned(), source };
    let file = tempfile::Builder::new().prefix("wrong-").suffix(".yaml").tempfile().map_err(io)?;
    std::fs::write(file.path(), manifest).map_err(io)?;
    let path = file.path().display().to_string();
    say(manifest.trim());
    let output = kubectl(stage.cluster, &["apply", "-n", NAMESPACE, "-f", &path]).await?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    check(!output.status.success() && message.contains("profilingGroupName"), || {
        format!("a refusal that names the field, not {message}")
    })
}

async fn stalled_and_recovered(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("Recommendations does not exist in AWS: its resource is Stalled, until the group appears");
    let hint = stage.condition("recommendations", "Stalled", "True", "GroupNotFound").await?;
    check(hint.contains("Recommendations"), || format!("a hint that names the group, not {hint:?}"))?;
    stage.aws.put_group(REGION, "Recommendations", json!({ "profilingEnabled": false })).await?;
    say("someone creates the group in AWS");
    stage.becomes("Recommendations", true).await?;
    stage.condition("recommendations", "Ready", "True", "InSync").await?;
    let conditions = stage.resource("recommendations").await?["status"]["conditions"].to_string();
    check(!conditions.contains("Stalled"), || format!("no Stalled any more in {conditions}"))?;
    listed(stage).await
}

async fn totals(stage: &mut Stage<'_>) -> Result<(), Error> {
    stage.narrator.headline("What it took");
    for (operation, count) in stage.aws.counts(REGION).await? {
        say(&format!("AWS     {operation:<26} {count:>4}"));
    }
    let mutations: usize = stage.calls("Checkout_Service", Some("UpdateProfilingGroup")).await?;
    check(mutations == 2, || format!("two updates of Checkout_Service, an apply and a correction, not {mutations}"))?;
    if let Some(audit) = stage.cluster.audit().await? {
        let writes = audit.writes_by(&operator::user());
        let status = writes.resource("profilinggroups").subresource("status").accepted().count();
        say(&format!("Kubernetes  status writes          {status:>4}"));
        say(&format!("Kubernetes  events                 {:>4}", writes.resource("events").accepted().count()));
    }
    let process = stage.operator.process();
    say(&format!(
        "the operator, built without optimisation: {:.1} MiB of memory at most, {:.2} s of CPU time",
        kib_to_mib(process.peak_rss_kib()?),
        process.cpu_seconds()?
    ));
    Ok(())
}

fn keep(stage: &Stage<'_>) {
    println!("\nEverything goes on running until Ctrl-C. To play with it:\n");
    println!("   export KUBECONFIG={}", stage.cluster.kubeconfig().display());
    println!("   export PATH={}:$PATH   # kubectl", stage.cluster.programs().directory().display());
    println!("   kubectl get profgroup -n {NAMESPACE} -o wide --watch");
    println!(
        "   curl -X POST {}/flip -d '{{\"account\":\"{}\",\"region\":\"{REGION}\"}}'",
        stage.emulator.admin_url(),
        stage.aws.id()
    );
    println!("   curl {}/metrics", stage.operator.url());
}

fn check(holds: bool, expectation: impl FnOnce() -> String) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(expected(&format!("expected {}", expectation()))) }
}

fn expected(message: &str) -> Error {
    Error::Unexpected(message.to_owned())
}
