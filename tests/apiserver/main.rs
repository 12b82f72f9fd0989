//! Holds the simulation's API server against the real one: the same random requests, the same answers.
//!
//! `REQUESTS` is how many requests are made at least, `SEED` which ones.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on ends here")]

#[path = "../simulation/apiserver/mod.rs"]
mod apiserver;
mod compare;
mod operation;
mod real;
mod sequence;
mod side;

use std::{env, fmt::Debug, path::Path, str::FromStr};

use devkit::controlplane::{ControlPlane, Options};
use operation::Resource;
use rand::{SeedableRng, rngs::StdRng};
use sequence::{Outcome, Pair};
use serde_json::{Value, json};

/// How often etcd is compacted: a page may be this old at least, and expires before it is three times as old.
const COMPACTION: &str = "--etcd-compaction-interval=10s";
const OPERATIONS_IN_A_SEQUENCE: usize = 60;

#[tokio::test]
async fn the_models_answers_are_those_of_the_real_api_server() {
    let wanted = setting("REQUESTS", 900);
    let first_seed = setting("SEED", u64::from(std::process::id()));
    let options =
        Options { controller_manager: false, api_server_args: vec![COMPACTION.to_owned()], ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let mut pair = Pair::new(plane.client().await.unwrap());
    for crd in crds() {
        plane.apply(&crd.to_string()).await.unwrap();
        pair.model.install(&crd);
    }

    for sequence in 0.. {
        if pair.requests >= wanted {
            break;
        }
        let seed = first_seed.wrapping_add(sequence);
        let mut rng = StdRng::seed_from_u64(seed);
        let operations: Vec<_> = (0..OPERATIONS_IN_A_SEQUENCE).map(|_| operation::random(&mut rng)).collect();
        if let Outcome::Disagreement(first) = pair.run(&plane, &operations).await {
            let (least, last) = sequence::shrink(&mut pair, &plane, operations, first).await;
            panic!("seed {seed}: after {least:#?}\n{last}");
        }
    }
    println!("seed {first_seed}: {} requests, {} frames of watches, 0 disagreements", pair.requests, pair.frames);
}

/// The CRD under two other groups: as it is, and without some of its members and the default of its status.
fn crds() -> [Value; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/profilinggroups.codeguruprofiler.dev.yaml");
    let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of_group = |resource: Resource| {
        let mut crd = crd.clone();
        crd["spec"]["group"] = json!(resource.group());
        crd["spec"]["names"]["shortNames"] = json!([]);
        crd["metadata"]["name"] = json!(format!("{}.{}", resource.plural(), resource.group()));
        crd
    };
    let mut thin = of_group(Resource::Thin);
    let properties = &mut thin["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    properties["spec"]["properties"].as_object_mut().unwrap().remove("suspend").unwrap();
    properties["status"]["properties"].as_object_mut().unwrap().remove("account").unwrap();
    properties["status"].as_object_mut().unwrap().remove("default").unwrap();
    [of_group(Resource::Whole), thin]
}

fn setting<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}
