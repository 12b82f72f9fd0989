//! The floor: what the same API server lets a plain client do, with as many requests at once as the operator has.

use std::time::{Duration, Instant};

use devkit::Error;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::fleet::{Fleet, PARALLEL};

/// How many objects a page has: what kubectl and client-go request.
const PAGE: u32 = 500;

/// How long a plain client takes to list all resources, and the list.
pub async fn list(resources: &Api<DynamicObject>) -> Result<(Duration, Vec<DynamicObject>), Error> {
    let began = Instant::now();
    let mut objects = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = resources.list(&params).await.map_err(Error::kube("list a page"))?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok((began.elapsed(), objects)),
        }
    }
}

/// How long a plain client takes to write each status once, over the version that it has read.
pub async fn status_writes(resources: &Api<DynamicObject>, objects: Vec<DynamicObject>) -> Result<Duration, Error> {
    let bodies = objects.into_iter().map(|mut object| {
        object.metadata.managed_fields = None;
        object.data["status"]["lastHandledReconcileAt"] = json!("floor");
        object
    });
    let write = async |object: DynamicObject| {
        let name = object.metadata.name.clone().unwrap_or_default();
        let written = resources.replace_status(&name, &PostParams::default(), &object).await;
        written.map(|_| ()).map_err(Error::kube("write a status"))
    };
    let began = Instant::now();
    stream::iter(bodies).map(write).buffer_unordered(PARALLEL).try_collect::<()>().await?;
    Ok(began.elapsed())
}

/// The same for objects of the same content whose CRD has no schema.
pub async fn schemaless_status_writes(fleet: &Fleet, objects: &[DynamicObject]) -> Result<Duration, Error> {
    fleet.plane.apply(SCHEMALESS).await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("floor.example.com", "v1", "Floor"));
    let floors: Api<DynamicObject> = Api::default_namespaced_with(fleet.client().await?, &kind);
    let create = async |object: &DynamicObject| {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let mut copy = DynamicObject::new(name, &kind);
        copy.data = json!({ "spec": object.data["spec"] });
        let mut created = floors.create(&PostParams::default(), &copy).await.map_err(Error::kube("create a copy"))?;
        created.data["status"] = Value::clone(&object.data["status"]);
        Ok::<_, Error>(created)
    };
    let copies = stream::iter(objects).map(create).buffer_unordered(PARALLEL).try_collect().await?;
    status_writes(&floors, copies).await
}

const SCHEMALESS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: floors.floor.example.com}
spec:
  group: floor.example.com
  scope: Namespaced
  names: {kind: Floor, plural: floors, singular: floor}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";
