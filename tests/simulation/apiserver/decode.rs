//! Bodies: whether they are of the kind, the name and the namespace that the path names.

use serde_json::{Value, json};

use super::{Refusal, Target, kind::Kind, metadata};

/// A body as an object of this kind.
pub(super) fn decoded(kind: &Kind, mut body: Value) -> Result<Value, Refusal> {
    if !body.is_object() {
        return Err(Refusal::bad_request("the body of the request is not an object"));
    }
    let custom = kind.rules.are_custom();
    if custom && body["kind"].as_str().unwrap_or_default().is_empty() {
        return Err(Refusal::bad_request("Object 'Kind' is missing"));
    }
    let api_version = kind.api_version();
    for (name, expected) in [("apiVersion", &api_version), ("kind", &kind.name)] {
        if body[name].is_null() && !custom {
            body[name] = json!(expected);
        }
        if body[name] == **expected {
            continue;
        }
        if custom && let ("kind", Some(found)) = (name, body[name].as_str()) {
            return Err(Refusal::other_kind(kind, found, metadata::text(&body, "name")));
        }
        let message = format!("{name} in the data does not match the expected {name} ({expected})");
        return Err(Refusal::bad_request(message));
    }
    kind.admit(&mut body);
    Ok(body)
}

/// Refuses an object of another namespace than the request's; one that names none gets that one.
pub(super) fn in_namespace(object: &mut Value, target: &Target) -> Result<(), Refusal> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    if namespace.is_empty() {
        return Ok(());
    }
    match metadata::text(object, "namespace") {
        "" => object["metadata"]["namespace"] = json!(namespace),
        same if same == namespace => {}
        _ => {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(message));
        }
    }
    Ok(())
}

/// The same for the name, which has to be there.
pub(super) fn at_target(object: &mut Value, target: &Target) -> Result<(), Refusal> {
    in_namespace(object, target)?;
    let (name, url) = (metadata::text(object, "name"), &target.name);
    if name == url {
        return Ok(());
    }
    Err(Refusal::bad_request(format!("the name of the object ({name}) does not match the name on the URL ({url})")))
}
