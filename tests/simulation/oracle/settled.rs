//! What must be so once nothing moves any more.

use std::collections::BTreeMap;

use codeguru_profiler_operator::domain::facet::Tags;
use devkit::flux::{Stage, rules};
use serde_json::Value;

use super::{OURS, OWNER_ID, OWNER_RESOURCE, account_of, admits, condition, is_deleting, key, place_of, ready_reason};
use crate::{aws::OTHER_ACCOUNT, details::arns, process::Options, world::World};

/// What is not yet as it must be once nothing moves any more.
pub fn unsettled(world: &World, options: &Options) -> Vec<String> {
    let Options { region: default_region, observe_only, namespaces, marks, accounts, .. } = options;
    let default_region = default_region.as_deref();
    let objects: Vec<Value> = world.api().objects("profilinggroups").map(|object| (**object).clone()).collect();
    let seen = |object: &&Value| {
        namespaces.is_empty() || namespaces.iter().any(|namespace| object["metadata"]["namespace"] == **namespace)
    };
    let objects: Vec<&Value> = objects.iter().filter(seen).collect();
    let mut wrong = if *accounts { unsettled_accounts(world, &objects) } else { Vec::new() };
    let mut owners: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for object in &objects {
        let key = key(object);
        let mut say = |what: String| wrong.push(format!("{key}: {what}"));
        let spec = &object["spec"];
        if is_deleting(object) {
            // Where the group is, is not known for certain.
            if ready_reason(object) != Some("TargetChanged") {
                say(format!("it is still being deleted: {:?}", ready_reason(object)));
            }
            continue;
        }
        if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
            say(format!(
                "generation {} was not observed, but {}",
                object["metadata"]["generation"], object["status"]["observedGeneration"]
            ));
            continue;
        }
        for broken in rules::broken(object, Stage::Final) {
            say(broken);
        }
        let reason = ready_reason(object).unwrap_or("none");
        if let Some(refused) = refusal(world, *accounts, object) {
            if reason != refused {
                say(format!("the status reports {reason} instead of {refused}"));
            }
            continue;
        }
        let Some(region) = place_of(object, default_region) else {
            if reason != "RegionMissing" {
                say(format!("{reason} without a region"));
            }
            continue;
        };
        let group = spec["profilingGroupName"].as_str().unwrap_or_default();
        let region = &*region;
        let claimants = owners.entry((region.to_owned(), group.to_owned())).or_default();
        if reason == "ClaimedByAnother" {
            continue;
        }
        // It has created its group while the credentials were those of another account.
        if reason == "TargetChanged" && object["status"]["account"] == OTHER_ACCOUNT {
            continue;
        }
        // A suspended resource reports that alone.
        if spec["suspend"] != true {
            claimants.push(key.clone());
        }
        let desired = spec["profilingEnabled"].as_bool();
        let actual = world.aws().enabled(region, group);
        let manages = spec["managementPolicy"] != "Observe" && !observe_only;
        let marks = *marks && manages && actual.is_some();
        let corrects = spec["driftPolicy"] != "Report";
        let tags = world.aws().tags(region, group).unwrap_or_default();
        let [principals, topics] = world.aws().details(region, group).unwrap_or_default();
        let mark = [OWNER_ID, OWNER_RESOURCE].map(|key| tags.get(key).map(String::as_str));
        let agrees = actual == desired
            && (!marks || mark == [Some(OURS), Some(&*key)])
            && arns(&spec["agentPermissions"]["principals"], None).is_none_or(|wanted| wanted == principals)
            && arns(&spec["anomalyNotifications"], Some("topicArn")).is_none_or(|wanted| wanted == topics)
            && has_tags(object, &tags);
        let expected: &[&str] = match () {
            () if spec["suspend"] == true => &["Suspended"],
            () if marks && mark[0].is_some_and(|id| id != OURS) => &["OwnedByAnother"],
            () if actual.is_none() && spec["creationPolicy"] != "IfMissing" => &["GroupNotFound"],
            () if actual.is_none() && !manages => &["Observed"],
            () if actual.is_none() && !corrects => &["DriftReported"],
            () if agrees => &["InSync"],
            () if !manages => &["Observed"],
            () if !corrects => &["DriftReported"],
            () => &[],
        };
        if expected.is_empty() {
            say(format!(
                "AWS has {actual:?}, {tags:?}, {principals:?} and {topics:?}, the spec requests {spec}, the status {reason}"
            ));
        } else if !expected.contains(&reason) {
            say(format!("the status reports {reason} instead of {expected:?}"));
        }
        if reason == "InSync" && object["status"]["lastApplied"]["tags"] != spec["tags"] {
            say(format!("the tags that are remembered are {}", object["status"]["lastApplied"]["tags"]));
        }
        if let Some(synced) = unlike_ready(object, reason) {
            say(format!("{reason}, but Synced is {synced}"));
        }
        if spec["suspend"] != true && actual.is_some() && object["status"]["profilingEnabled"].as_bool() != actual {
            say(format!("the status reports {}, AWS has {actual:?}", object["status"]["profilingEnabled"]));
        }
    }
    let several = owners.iter().filter(|(_, claimants)| claimants.len() > 1);
    wrong.extend(several.map(|((region, group), claimants)| format!("{group} in {region} is owned by {claimants:?}")));
    wrong
}

/// Why the resource may not use the ProfilerAccount that it refers to, if it may not.
fn refusal(world: &World, accounts: bool, object: &Value) -> Option<&'static str> {
    let name = account_of(object).filter(|_| object["spec"]["suspend"] != true)?;
    match world.api().object("profileraccounts", "", name) {
        _ if !accounts => Some("AccountsNotWatched"),
        None => Some("AccountMissing"),
        Some(account) => (!admits(account, object)).then_some("AccountNotAllowed"),
    }
}

/// The condition Synced, where it does not go with this reason of Ready.
fn unlike_ready(object: &Value, reason: &str) -> Option<String> {
    let synced = condition(object, "Synced");
    let expected = match reason {
        "InSync" => "True",
        "Observed" | "DriftReported" => "False",
        _ => return None,
    };
    let is_like = synced.is_some_and(|synced| synced["status"] == expected);
    (!is_like).then(|| format!("{synced:?}"))
}

/// Whether the group has the tags that the resource requests, and none that it has removed.
fn has_tags(object: &Value, tags: &Tags) -> bool {
    let wanted = &object["spec"]["tags"];
    let tagged = |(key, value): (&String, &Value)| tags.get(key).map(String::as_str) == value.as_str();
    let left = |key: &String| wanted[key].is_null() && tags.contains_key(key);
    let applied = object["status"]["lastApplied"]["tags"].as_object();
    wanted
        .as_object()
        .is_none_or(|wanted| wanted.iter().all(tagged) && !applied.is_some_and(|all| all.keys().any(left)))
}

/// What is not yet as it must be of ProfilerAccounts.
fn unsettled_accounts(world: &World, resources: &[&Value]) -> Vec<String> {
    let accounts: Vec<Value> = world.api().objects("profileraccounts").map(|account| (**account).clone()).collect();
    let mut wrong = Vec::new();
    for account in &accounts {
        let name = account["metadata"]["name"].as_str().unwrap_or_default();
        let refers = |resource: &&&Value| account_of(resource) == Some(name) && admits(account, resource);
        let works = |resource: &Value| matches!(ready_reason(resource), Some("InSync" | "Observed" | "DriftReported"));
        let used = resources.iter().filter(refers).any(|resource| works(resource));
        let reason = ready_reason(account);
        // A resource that waits, or whose group is missing, may need the role or not.
        let expected = if used { &["Succeeded"][..] } else { &["Succeeded", "NotInUse"] };
        if !expected.contains(&reason.unwrap_or_default()) {
            wrong.push(format!("account {name}: the status reports {reason:?} instead of {expected:?}"));
        }
        if account["status"]["observedGeneration"] != account["metadata"]["generation"] {
            wrong.push(format!("account {name}: its generation was not observed"));
        }
        wrong
            .extend(rules::broken(account, Stage::Final).into_iter().map(|broken| format!("account {name}: {broken}")));
    }
    wrong
}
