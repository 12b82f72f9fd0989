//! ServiceAccounts of a story's own, that may do what the story allows.

use std::path::PathBuf;

use crate::world::World;

pub const READ: &str = "{ apiGroups: [codeguruprofiler.dev], resources: [profilinggroups], verbs: [get, list, watch] }";
pub const WRITE_STATUS: &str =
    "{ apiGroups: [codeguruprofiler.dev], resources: [profilinggroups/status], verbs: [update] }";
pub const PUBLISH: &str = "{ apiGroups: [events.k8s.io], resources: [events], verbs: [create] }";

/// A ServiceAccount that may do only this in the story's namespace. Answers the user's name and its kubeconfig.
pub async fn account(world: &World, name: &str, rules: &[&str]) -> (String, PathBuf) {
    let namespace = &world.namespace;
    let account = format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: {name} }}\n");
    world.plane.apply_in(namespace, &account).await.unwrap();
    allow(world, namespace, name, rules).await;
    let token = world.plane.token(namespace, name, 3600).await.unwrap();
    (format!("system:serviceaccount:{namespace}:{name}"), world.plane.kubeconfig_for(&token).unwrap())
}

/// Allows the story's ServiceAccount `name` this, and no more, in a namespace.
pub async fn allow(world: &World, namespace: &str, name: &str, rules: &[&str]) {
    let rules = rules.join(", ");
    let of = &world.namespace;
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{ name: {name} }}
rules: [{rules}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{ name: {name} }}
roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name} }}
subjects: [{{ kind: ServiceAccount, name: {name}, namespace: {of} }}]
"
    );
    world.plane.apply_in(namespace, &role).await.unwrap();
}
