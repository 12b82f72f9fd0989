//! The plugins for k9s do what they are called, run as k9s runs them.

use devkit::paths;
use serde_json::{Value, json};

use crate::world::World;

/// Runs a plugin on the resource `a`, with what k9s puts in the place of its variables; returns what it prints.
async fn run(world: &World, plugin: &str) -> String {
    let text = std::fs::read_to_string(paths::workspace().join("deploy/k9s/plugins.yaml")).unwrap();
    let plugins: Value = serde_saphyr::from_str(&text).unwrap();
    let plugin = &plugins["plugins"][plugin];
    assert_eq!(plugin["scopes"], json!(["profilinggroups"]));
    let context = world.plane.kubectl(&["config", "current-context"]).await.unwrap();
    let context = String::from_utf8(context.stdout).unwrap();
    let filled = |argument: &Value| {
        let argument = argument.as_str().unwrap().replace("$NAMESPACE", &world.namespace);
        argument.replace("$NAME", "a").replace("$CONTEXT", context.trim())
    };
    let mut command = tokio::process::Command::new(plugin["command"].as_str().unwrap());
    command.args(plugin["args"].as_array().unwrap().iter().map(filled));
    let output = command.envs(world.plane.environment().unwrap()).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn its_plugins_suspend_resume_reconcile_and_show_the_events() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    run(&world, "profilinggroup-suspend").await;
    world.condition("a", "Ready", "True", "Suspended").await;
    run(&world, "profilinggroup-resume").await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert!(world.get("a").await["spec"].get("suspend").is_none());
    run(&world, "profilinggroup-reconcile").await;
    world.until("a", "the request", |object| object["status"]["lastHandledReconcileAt"].is_string()).await;
    world.has_event("a", "Resumed").await;
    let events = run(&world, "profilinggroup-events").await;
    for reason in ["Suspended", "Resumed"] {
        assert!(events.contains(reason), "{reason} in {events}");
    }
    world.judge().await;
}
