//! The recipe of an operator for each team: releases that share nothing but the CRD.

use std::collections::BTreeSet;

use devkit::paths;
use serde_json::{Value, json};

use crate::rendered::{NAME, Rendered, SYSTEM};

const TEAMS: [&str; 2] = ["search", "shop"];

async fn release(team: &str) -> Rendered {
    let values = paths::workspace().join(format!("examples/teams/values-{team}.yaml")).display().to_string();
    Rendered::release(team, SYSTEM, &["--values", &values]).await
}

#[tokio::test]
async fn each_release_has_its_own_objects_namespaces_identity_and_lease_and_one_has_the_crd() {
    let (mut objects, mut roles, mut leases, mut namespaces) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for team in TEAMS {
        let release = release(team).await;
        let crds = release.all("CustomResourceDefinition").count();
        assert_eq!(crds, if team == "search" { 2 } else { 0 }, "{team}");
        for object in release.0.iter().filter(|object| object["kind"] != "CustomResourceDefinition") {
            let metadata = &object["metadata"];
            let name = format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]);
            assert!(metadata["namespace"].is_string(), "nothing is cluster-wide: {name}");
            assert!(objects.insert(name.clone()), "{name} is in both");
        }
        let role = &release.one("ServiceAccount")["metadata"]["annotations"]["eks.amazonaws.com/role-arn"];
        assert!(roles.insert(role.to_string()), "{role}");
        for argument in release.args() {
            match argument.split_once('=') {
                Some(("--leader-election-lease-name", name)) => assert!(leases.insert(name.to_owned()), "{name}"),
                Some(("--namespace", name)) => assert!(namespaces.insert(name.to_owned()), "{name}"),
                _ => {}
            }
        }
    }
    assert_eq!((leases.len(), namespaces.len()), (2, 3));
}

#[tokio::test]
async fn the_bindings_of_a_team_are_to_roles_that_its_release_makes() {
    let bindings = std::fs::read_to_string(paths::workspace().join("examples/teams/rolebinding-shop.yaml")).unwrap();
    let bindings: Vec<Value> = serde_saphyr::from_multiple(&bindings).unwrap();
    let release = release("shop").await;
    let mut bound = BTreeSet::new();
    for binding in &bindings {
        let role = release.all("Role").find(|role| {
            role["metadata"]["name"] == binding["roleRef"]["name"]
                && role["metadata"]["namespace"] == binding["metadata"]["namespace"]
        });
        bound.insert(role.unwrap()["metadata"]["name"].to_string());
        assert_eq!(binding["subjects"][0]["name"], json!("shop"));
    }
    let expected = ["edit", "view"].map(|role| format!("\"{SYSTEM}:shop-{NAME}:{role}\""));
    assert!(bound.iter().eq(&expected), "{bound:?}");
}
