//! The API reference: CRDs as Markdown.

use std::fmt::Write;

use serde_json::Value;

use crate::{Error, paths};

/// The kinds, in the order of the page.
const CRDS: [&str; 2] = ["profilinggroups", "profileraccounts"];

/// The reference of every kind, one after the other.
pub fn page() -> Result<String, Error> {
    let reference = |plural: &&str| {
        let path = paths::workspace().join(format!("crds/{plural}.codeguruprofiler.dev.yaml"));
        let definition = std::fs::read_to_string(&path).map_err(Error::io(path.display().to_string()))?;
        reference(&definition).map_err(Error::Unexpected)
    };
    let pages: Vec<_> = CRDS.iter().map(reference).collect::<Result<_, Error>>()?;
    Ok(pages.join("\n"))
}

/// The reference of the first version of a CRD, given as YAML.
pub fn reference(definition: &str) -> Result<String, String> {
    let definition: Value = serde_saphyr::from_str(definition).map_err(|error| error.to_string())?;
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let names = &definition["spec"]["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&names["kind"]);

    let mut page = format!("# API reference: {kind}\n\n");
    page.push_str("Generated from the CRD in `crds/` by `cargo devkit reference`; a test fails when it differs.\n\n");
    page.push_str("| | |\n|---|---|\n");
    for (what, value) in [
        ("apiVersion", format!("`{}/{}`", text(&definition["spec"]["group"]), text(&version["name"]))),
        ("kind", format!("`{kind}`, {}", text(&definition["spec"]["scope"]).to_lowercase())),
        (
            "names for kubectl",
            list([&names["plural"], &names["singular"]].into_iter().chain(each(&names["shortNames"]))),
        ),
        ("categories", list(each(&names["categories"]))),
        ("field selectors", list(each(&version["selectableFields"]).map(|field| &field["jsonPath"]))),
    ] {
        let _ = writeln!(page, "| {what} | {value} |");
    }
    let _ = writeln!(page, "\n{}", text(&schema["description"]));

    let short = each(&names["shortNames"]).find_map(Value::as_str).unwrap_or_default();
    let _ = writeln!(page, "\n## Columns\n\n`kubectl get {short}`; those of priority 1 with `-o wide`.\n");
    page.push_str("| Column | Priority | What it shows |\n|---|---|---|\n");
    for column in each(&version["additionalPrinterColumns"]) {
        let priority = column["priority"].as_u64().unwrap_or_default();
        let shows = column["description"].as_str().map_or_else(|| format!("`{}`", text(&column["jsonPath"])), cell);
        let _ = writeln!(page, "| {} | {priority} | {shows} |", text(&column["name"]));
    }
    let parts = ["spec", "status"].map(|part| (part, &schema["properties"][part]));
    for (part, schema) in parts.into_iter().filter(|(_, schema)| schema.is_object()) {
        let _ = writeln!(page, "\n## {part}\n\n{}\n", cell(schema["description"].as_str().unwrap_or_default()));
        rules(&mut page, schema);
        page.push_str("| Field | Type | | What it is |\n|---|---|---|---|\n");
        fields(&mut page, schema, "");
    }
    Ok(page)
}

/// One row for each field, those of objects and of lists of objects below theirs.
fn fields(page: &mut String, schema: &Value, above: &str) {
    let required: Vec<&str> = each(&schema["required"]).filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{above}{name}");
        let need = if required.contains(&name.as_str()) { "required" } else { "" };
        let mut what = cell(field["description"].as_str().unwrap_or_default());
        for rule in each(&field["x-kubernetes-validations"]) {
            let _ = write!(what, " *{}.*", cell(rule["message"].as_str().unwrap_or_default()));
        }
        let _ = writeln!(page, "| `{path}` | {} | {need} | {what} |", kind(field));
        fields(page, field, &format!("{path}."));
        fields(page, &field["items"], &format!("{path}[]."));
    }
}

/// What the API server refuses of an object as a whole.
fn rules(page: &mut String, schema: &Value) {
    let messages = each(&schema["x-kubernetes-validations"]).filter_map(|rule| rule["message"].as_str());
    for message in messages {
        let _ = writeln!(page, "- *{}.*", cell(message));
    }
    if each(&schema["x-kubernetes-validations"]).next().is_some() {
        page.push('\n');
    }
}

fn kind(field: &Value) -> String {
    let name = field["type"].as_str().unwrap_or("any");
    match name {
        "array" => format!("list of {}", kind(&field["items"])),
        "object" if field["additionalProperties"].is_object() => {
            format!("map of {}", kind(&field["additionalProperties"]))
        }
        "string" if field["format"] == "date-time" => "time".to_owned(),
        name => name.to_owned(),
    }
}

fn list<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.filter_map(Value::as_str).map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A text as it may stand in a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = r#"{"spec":{"group":"a.dev","scope":"Namespaced","names":{"kind":"Thing","plural":"things","singular":"thing"},
        "versions":[{"name":"v1","schema":{"openAPIV3Schema":{"description":"A thing.","properties":{
        "spec":{"description":"The desired state.","required":["a"],"properties":{
            "a":{"type":"string","description":"One\nor | two.","x-kubernetes-validations":[{"message":"a must be good"}]},
            "b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"string","format":"date-time"}}}}}},
        "status":{"description":"The observed state.","properties":{}}}}}}]}}"#;

    #[test]
    fn fields_are_listed_with_their_rules_and_those_of_lists_below_them() {
        let page = reference(DEFINITION).unwrap();
        for line in [
            "| apiVersion | `a.dev/v1` |",
            "| `a` | string | required | One or \\| two. *a must be good.* |",
            "| `b` | list of object |  |  |",
            "| `b[].c` | time |  |  |",
        ] {
            assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
        }
    }

    #[test]
    fn the_committed_reference_is_the_generated_one() {
        let committed = std::fs::read_to_string(paths::workspace().join("docs/api.md")).unwrap_or_default();
        assert!(committed == page().unwrap(), "run: cargo devkit reference > docs/api.md");
    }
}
