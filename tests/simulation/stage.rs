//! Where a scenario is played: a world, its operators, and short words for what people do.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    faults::Fault,
    oracle::{condition, ready_reason},
    process::{Options, Process},
    run::{crd, simulated},
    schedule::{API, Action, carry_out, request},
    world::World,
};

/// Where scenarios happen unless they name another place.
pub const REGION: &str = "eu-west-1";
/// The namespace of scenarios.
pub const NAMESPACE: &str = "a";

/// A world with words for what people do.
pub struct Stage {
    /// The world.
    pub world: World,
}

/// Plays a scenario, and lets nothing pass that breaks a rule.
pub fn play<F: Future<Output = ()>>(scenario: impl FnOnce(Stage) -> F) {
    play_with(crd(), scenario);
}

/// The same with this CRD in the cluster.
pub fn play_with<F: Future<Output = ()>>(crd: &Value, scenario: impl FnOnce(Stage) -> F) {
    simulated(async {
        let world = World::new(1, crd);
        scenario(Stage { world: world.clone() }).await;
        let violations = world.oracle().violations().to_vec();
        assert!(violations.is_empty(), "{violations:?}\n{}", world.trace_text());
    });
}

impl Stage {
    /// Starts an operator.
    pub fn operator(&self) -> Process {
        Process::start(&self.world, "operator", &Options::default())
    }

    /// Starts an operator with options.
    pub fn operator_with(&self, name: &'static str, options: &Options) -> Process {
        Process::start(&self.world, name, options)
    }

    /// Somebody does this now.
    pub fn act(&self, action: &Action) {
        self.world.trace("world", action.to_string());
        carry_out(&self.world, action);
    }

    /// A group is in AWS.
    pub fn group(&self, name: &str, enabled: bool) {
        self.act(&Action::Group { region: REGION, name: name.into(), enabled });
    }

    /// A user creates a resource `name` for a group.
    #[expect(clippy::needless_pass_by_value, reason = "it reads better where it is called")]
    pub fn create(&self, name: &str, group: &str, enabled: bool, more: Value) {
        let mut spec = json!({ "profilingGroupName": group, "profilingEnabled": enabled });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.act(&Action::Create { namespace: NAMESPACE, name: name.into(), spec });
    }

    /// A user changes a spec.
    pub fn edit(&self, name: &str, spec: Value) {
        self.act(&Action::Edit { namespace: NAMESPACE, name: name.into(), spec });
    }

    /// A user deletes a resource.
    pub fn delete(&self, name: &str) {
        self.act(&Action::Delete { namespace: NAMESPACE, name: name.into() });
    }

    /// Something goes wrong for so many seconds.
    pub fn fault(&self, fault: Fault, seconds: u64) {
        self.act(&Action::Fault(fault, Duration::from_secs(seconds)));
    }

    /// Lets so many seconds pass.
    pub async fn pass(&self, seconds: f64) {
        sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// The resource as stored.
    pub fn get(&self, name: &str) -> Value {
        self.world.api().object("profilinggroups", NAMESPACE, name).map(|object| (**object).clone()).unwrap_or_default()
    }

    /// Writes into an object as somebody who may do anything.
    pub fn patch(&self, name: &str, subresource: &str, patch: &Value) {
        let uri = format!("{API}/namespaces/{NAMESPACE}/profilinggroups/{name}{subresource}");
        request(&self.world, Method::PATCH, uri, patch);
        self.world.wake_watches();
    }

    /// Whether profiling is on in AWS.
    pub fn enabled(&self, group: &str) -> Option<bool> {
        self.world.aws().enabled(REGION, group)
    }

    /// The status and reason of `Ready`, of the newest generation.
    pub fn ready(&self, name: &str) -> String {
        let object = self.get(name);
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        match condition(&object, "Ready").filter(|_| current) {
            Some(ready) => format!("{} {}", ready["status"].as_str().unwrap(), ready["reason"].as_str().unwrap()),
            None => "not observed".into(),
        }
    }

    /// Waits until `Ready` is so.
    pub async fn until_ready(&self, name: &str, ready: &str, seconds: f64) {
        self.until(&format!("{name}: {ready}"), seconds, || self.ready(name) == ready).await;
    }

    /// Waits until something is so; fails with the trace.
    pub async fn until(&self, what: &str, seconds: f64, holds: impl Fn() -> bool) {
        let deadline = self.world.elapsed() + Duration::from_secs_f64(seconds);
        while !holds() {
            let now: Vec<_> = self.all().iter().map(|o| format!("{:?}", ready_reason(o))).collect();
            assert!(
                self.world.elapsed() < deadline,
                "not within {seconds} s: {what}; now {now:?}\n{}",
                self.world.trace_text()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Every resource.
    pub fn all(&self) -> Vec<Value> {
        self.world.api().objects("profilinggroups").map(|object| (**object).clone()).collect()
    }

    /// Whether AWS has carried out a change of the group to this value.
    pub fn carried_out(&self, group: &str, to: bool) -> bool {
        self.world.oracle().carried_out(group, to)
    }

    /// How often something happened.
    pub fn count(&self, what: &str) -> u64 {
        self.world.oracle().count(what)
    }

    /// How many times an operator has tried to write the status of a resource.
    pub fn attempts(&self, name: &str) -> u64 {
        self.world.oracle().attempts(&format!("{NAMESPACE}/{name}"))
    }

    /// The notes of the events about a resource, with their reasons.
    pub fn events(&self, name: &str) -> Vec<String> {
        let about = |event: &&std::sync::Arc<Value>| event["regarding"]["name"] == name;
        let api = self.world.api();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        api.objects("events").filter(about).map(|e| format!("{}: {}", text(&e["reason"]), text(&e["note"]))).collect()
    }

    /// Fails with the trace unless something is so.
    pub fn check(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n{}", self.world.trace_text());
    }
}
