//! Structural schemas: what they drop, what they add, and what they refuse.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// Drops what the schema does not have, and nulls where it allows none; then adds its defaults.
pub(super) fn admit(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(members) => {
            let properties = schema["properties"].as_object();
            let additional = &schema["additionalProperties"];
            if schema["x-kubernetes-preserve-unknown-fields"] != true && additional.is_null() {
                members.retain(|name, _| properties.is_some_and(|properties| properties.contains_key(name)));
            }
            for (name, property) in properties.into_iter().flatten() {
                admit_member(members, name, property);
            }
            if additional.is_object() {
                for (_, member) in
                    members.iter_mut().filter(|(name, _)| !properties.is_some_and(|p| p.contains_key(*name)))
                {
                    admit(member, additional);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| admit(item, &schema["items"])),
        _ => {}
    }
}

fn admit_member(members: &mut Map<String, Value>, name: &str, property: &Value) {
    if members.get(name).is_some_and(Value::is_null) && property["nullable"] != true {
        members.remove(name);
    }
    if let (false, Some(default)) = (members.contains_key(name), property.get("default")) {
        members.insert(name.to_owned(), default.clone());
    }
    if let Some(member) = members.get_mut(name) {
        admit(member, property);
    }
}

/// What the schema has against the value, if anything.
pub(super) fn fault(value: &Value, schema: &Value, path: &str) -> Option<String> {
    if value.is_null() && schema["nullable"] == true {
        return None;
    }
    if let Some(expected) = schema["type"].as_str()
        && !has_type(value, expected)
    {
        let found = type_of(value);
        return Some(format!(
            "{path}: Invalid value: \"{found}\": {path} in body must be of type {expected}: \"{found}\""
        ));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Some(format!("{path}: Unsupported value: {value}"));
    }
    match value {
        Value::Object(members) => object_fault(members, schema, path),
        Value::Array(items) => array_fault(items, schema, path),
        Value::String(text) => text_fault(text, schema, path),
        Value::Number(number) => {
            let minimum = schema["minimum"].as_f64()?;
            let below = number.as_f64().is_some_and(|number| number < minimum);
            below.then(|| {
                format!("{path}: Invalid value: {number}: {path} in body should be greater than or equal to {minimum}")
            })
        }
        _ => None,
    }
}

fn object_fault(members: &Map<String, Value>, schema: &Value, path: &str) -> Option<String> {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut missing = required.filter(|name| !members.contains_key(*name));
    if let Some(name) = missing.next() {
        return Some(format!("{}: Required value", join(name)));
    }
    members.iter().find_map(|(name, member)| {
        let schema = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        fault(member, schema, &join(name))
    })
}

fn array_fault(items: &[Value], schema: &Value, path: &str) -> Option<String> {
    if schema["x-kubernetes-list-type"] == "map" {
        let keys: Vec<_> =
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let same = |one: &Value, other: &Value| keys.iter().all(|key| one[key] == other[key]);
        for (index, item) in items.iter().enumerate() {
            if items[..index].iter().any(|earlier| same(earlier, item)) {
                return Some(format!("{path}[{index}]: Duplicate value: {item}"));
            }
        }
    }
    items.iter().enumerate().find_map(|(index, item)| fault(item, &schema["items"], &format!("{path}[{index}]")))
}

fn text_fault(text: &str, schema: &Value, path: &str) -> Option<String> {
    if schema["format"] == "date-time" && text.parse::<Timestamp>().is_err() {
        return Some(format!(
            "{path}: Invalid value: \"{text}\": {path} in body must be of type date-time: \"{text}\""
        ));
    }
    let length = text.chars().count() as u64;
    if schema["maxLength"].as_u64().is_some_and(|longest| length > longest) {
        return Some(format!("{path}: Too long: may not be more than {} bytes", schema["maxLength"]));
    }
    let short = schema["minLength"].as_u64().is_some_and(|shortest| length < shortest);
    short.then(|| format!("{path}: Required value"))
}

fn has_type(value: &Value, expected: &str) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_i64().is_some(),
        _ => true,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_i64().is_some() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
