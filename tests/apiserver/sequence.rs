//! The same operations on both sides, one after the other.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use devkit::{controlplane::ControlPlane, wait};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    apiserver::{Answer, ApiServer, Request, Watch},
    compare::Versions,
    operation::{NAMES, NAMESPACES, Object, Operation, Resource, Seen, Start},
    real::{self, Frames, Reply},
    side::Side,
};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// Both servers, and what their clients know.
pub struct Pair {
    client: kube::Client,
    pub model: ApiServer,
    versions: Versions,
    real_side: Side,
    model_side: Side,
    watches: Vec<Open>,
    pub requests: usize,
    /// How many answers there were of each kind: the operation and the code.
    pub answers: BTreeMap<(&'static str, u16), usize>,
    pub frames: usize,
}

/// A watch on both sides.
struct Open {
    what: Request,
    real: Frames,
    model: Watch,
}

/// How a sequence ended.
pub enum Outcome {
    Agreement,
    /// What differed.
    Disagreement(String),
}

impl Pair {
    pub fn new(client: kube::Client) -> Self {
        Self {
            client,
            model: ApiServer::new(),
            versions: Versions::default(),
            real_side: Side::default(),
            model_side: Side::default(),
            watches: Vec::new(),
            requests: 0,
            answers: BTreeMap::new(),
            frames: 0,
        }
    }

    /// Runs operations in new namespaces, and removes what they leave.
    pub async fn run(&mut self, plane: &ControlPlane, operations: &[Operation]) -> Outcome {
        self.begin(plane).await;
        let mut outcome = Outcome::Agreement;
        for operation in operations.iter().cloned().chain(last_objects()) {
            if let Err(difference) = self.step(&operation).await {
                outcome = Outcome::Disagreement(difference);
                break;
            }
        }
        if let Outcome::Agreement = outcome
            && let Err(difference) = self.compare_watches().await
        {
            outcome = Outcome::Disagreement(difference);
        }
        self.watches.clear();
        self.clean().await;
        outcome
    }

    /// Forgets what was, and goes on in new namespaces.
    pub async fn begin(&mut self, plane: &ControlPlane) {
        let mut namespaces = Vec::new();
        for _ in 0..NAMESPACES {
            namespaces.push(plane.namespace("model").await.unwrap());
        }
        namespaces.sort();
        self.real_side.begin(&namespaces);
        self.model_side.begin(&namespaces);
    }

    pub fn namespaces(&self) -> &[String] {
        &self.real_side.namespaces
    }

    /// Returns once the real server keeps the changes of a resource: it begins with the first request for one, and a
    /// watch from before that expires.
    pub async fn knows_changes_of(&self, resource: Resource) {
        let watch = Operation::Watch { resource, namespace: None, start: Start::Streamed, selector: None };
        let request = self.real_side.request(&watch).unwrap();
        wait::until("the API server watches a new resource", READY_WITHIN, || async {
            let mut frames = real::watch(&self.client, &request).await.ok()?;
            frames.take(1).await.pop().filter(|frame| frame["type"] != "ERROR").map(drop)
        })
        .await
        .unwrap();
    }

    /// Makes one request of both sides, as it is.
    pub async fn same(&mut self, request: &Request) -> Result<(), String> {
        let real = real::ask(&self.client, request).await;
        match self.model.handle(Timestamp::UNIX_EPOCH, request) {
            Answer::Object { status, body } => self.compare(request, &real, &Reply { status, body }),
            Answer::Watch(_) => Err(format!("{}\nreal:  {} {}\nmodel: a watch", line(request), real.status, real.body)),
        }
    }

    fn compare(&mut self, request: &Request, real: &Reply, model: &Reply) -> Result<(), String> {
        let difference = self.versions.difference(&real.body, &model.body);
        if real.status == model.status && difference.is_none() {
            return Ok(());
        }
        let (line, difference) = (line(request), difference.unwrap_or_default());
        Err(format!("{line}\n{} of the real server, {} of the model\n{difference}", real.status, model.status))
    }

    /// The code of the real server's answer alone, of which nothing is learned.
    pub async fn sent_to_the_real(&self, operation: &Operation) -> u16 {
        real::ask(&self.client, &self.real_side.request(operation).unwrap()).await.status
    }

    /// Carries out one operation on both sides; the frames of watches are compared later.
    pub async fn step(&mut self, operation: &Operation) -> Result<(), String> {
        let requests = (self.real_side.request(operation), self.model_side.request(operation));
        let (Some(to_real), Some(to_model)) = requests else { return Ok(()) };
        self.requests += 1;
        let answer = self.model.handle(Timestamp::UNIX_EPOCH, &to_model);
        let real = if matches!(operation, Operation::Watch { .. }) {
            match (real::watch(&self.client, &to_real).await, answer) {
                (Ok(real), Answer::Watch(model)) => {
                    *self.answers.entry((operation.name(), 200)).or_default() += 1;
                    self.watches.push(Open { what: to_real, real, model });
                    return Ok(());
                }
                (Ok(_), answer) => return Err(format!("{}\nreal:  a watch\nmodel: {answer:?}", line(&to_real))),
                (Err(reply), answer) => (reply, answer),
            }
        } else {
            (real::ask(&self.client, &to_real).await, answer)
        };
        let (real, answer) = real;
        let Answer::Object { status, body } = answer else {
            return Err(format!("{}\nreal:  {} {}\nmodel: a watch", line(&to_real), real.status, real.body));
        };
        let model = Reply { status, body };
        *self.answers.entry((operation.name(), real.status)).or_default() += 1;
        self.real_side.learn(operation, &to_real, &real);
        self.model_side.learn(operation, &to_model, &model);
        self.compare(&to_real, &real, &model)
    }

    /// Ends all watches, and compares what they got.
    pub async fn compare_watches(&mut self) -> Result<(), String> {
        for Open { what, mut real, mut model } in self.watches.drain(..) {
            let expected = self.model.events(&mut model);
            let found = real.take(expected.len()).await;
            self.frames += found.len();
            for (index, (real, model)) in found.iter().zip(&expected).enumerate() {
                if let Some(difference) = self.versions.difference(real, model) {
                    return Err(format!("{}\nframe {index}:\n{difference}", line(&what)));
                }
            }
            if found.len() != expected.len() {
                let list = |frames: &[Value]| {
                    frames.iter().fold(String::new(), |mut text, frame| {
                        let _ = writeln!(text, "  {} {}", frame["type"], frame["object"]["metadata"]);
                        text
                    })
                };
                return Err(format!("{}\nreal:\n{}model:\n{}", line(&what), list(&found), list(&expected)));
            }
        }
        Ok(())
    }

    /// Removes everything on both sides; what they answer has been compared often enough.
    async fn clean(&mut self) {
        for resource in [Resource::Whole, Resource::Thin, Resource::Lease, Resource::Event] {
            for namespace in 0..NAMESPACES {
                let delete = Operation::DeleteCollection { resource, namespace };
                let list = Operation::List { resource, namespace: Some(namespace), limit: None, selector: None };
                self.both(&delete).await;
                let [real, _] = self.both(&list).await;
                for item in real["items"].as_array().unwrap() {
                    let mut names = NAMES.into_iter().chain([LAST]);
                    let name = names.find(|name| item["metadata"]["name"] == **name).unwrap();
                    let object = Object { resource, namespace, name };
                    let patch = json!({ "metadata": { "finalizers": null } });
                    self.both(&Operation::Merge { object, status: false, patch, version: Seen::None }).await;
                }
            }
        }
    }

    async fn both(&mut self, operation: &Operation) -> [Value; 2] {
        let real = real::ask(&self.client, &self.real_side.request(operation).unwrap()).await.body;
        let model = self.model.handle(Timestamp::UNIX_EPOCH, &self.model_side.request(operation).unwrap());
        let Answer::Object { body: model, .. } = model else { unreachable!("no watch was requested") };
        [real, model]
    }
}

const LAST: &str = "last";

/// The last that most watches see, so that nothing they should not see can follow.
fn last_objects() -> impl Iterator<Item = Operation> {
    let resources = [Resource::Whole, Resource::Thin, Resource::Lease, Resource::Event];
    let object = |resource, namespace| Object { resource, namespace, name: LAST };
    let objects = resources
        .into_iter()
        .flat_map(move |resource| (0..NAMESPACES).map(move |namespace| object(resource, namespace)));
    objects.map(|object| Operation::Create { object, more: json!({}) })
}

/// A request as people read it.
fn line(request: &Request) -> String {
    let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut body = request.body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    format!("{} {}?{} {body}", request.method, request.path, query.join("&"))
}

/// Leaves out every operation without which the sides still disagree.
pub async fn shrink(
    pair: &mut Pair,
    plane: &ControlPlane,
    mut operations: Vec<Operation>,
    mut last: String,
) -> (Vec<Operation>, String) {
    let mut index = operations.len();
    while index > 0 {
        index -= 1;
        let mut fewer = operations.clone();
        fewer.remove(index);
        if let Outcome::Disagreement(difference) = pair.run(plane, &fewer).await {
            (operations, last) = (fewer, difference);
        }
    }
    (operations, last)
}
