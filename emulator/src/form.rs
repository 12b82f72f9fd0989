//! The members of an awsQuery form, `A=1&List.member.1.Key=k`, as one JSON object in the shape of its row of the table. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{Member, Shape};

pub fn members(members: &[Member], form: &[(String, String)]) -> Map<String, Value> {
    // Of several of one name the first counts.
    let form: BTreeMap<&str, &str> = form.iter().rev().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    structure(members, "", &form)
}

fn structure(members: &[Member], prefix: &str, form: &BTreeMap<&str, &str>) -> Map<String, Value> {
    members
        .iter()
        .filter_map(|member| {
            let value = value(&member.shape, &format!("{prefix}{}", member.name), form)?;
            Some((member.name.to_owned(), value))
        })
        .collect()
}

fn value(shape: &Shape, name: &str, form: &BTreeMap<&str, &str>) -> Option<Value> {
    match shape {
        Shape::List { item, .. } => {
            let items: Vec<Value> =
                (1..).map_while(|number| value(item, &format!("{name}.member.{number}"), form)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Shape::Structure { members } => {
            let fields = structure(members, &format!("{name}."), form);
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Shape::Integer { .. } => {
            form.get(name).map(|text| text.parse::<i64>().map_or_else(|_| (*text).into(), Value::from))
        }
        Shape::Boolean => form.get(name).map(|text| text.parse::<bool>().map_or_else(|_| (*text).into(), Value::from)),
        Shape::Text(_) | Shape::Timestamp | Shape::Blob | Shape::Map { .. } => {
            form.get(name).map(|text| (*text).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::route;

    #[test]
    fn lists_and_structures_are_spelled_with_dots() {
        let row = route::by_action("AssumeRole").unwrap().operation;
        let form = route::pairs(
            "Action=AssumeRole&RoleArn=a&DurationSeconds=900&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=l\
             &TransitiveTagKeys.member.1=k&TransitiveTagKeys.member.3=lost",
        );
        assert_eq!(
            Value::Object(members(row.members, &form)),
            json!({
                "RoleArn": "a",
                "DurationSeconds": 900,
                "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l"}],
                "TransitiveTagKeys": ["k"],
            })
        );
    }
}
