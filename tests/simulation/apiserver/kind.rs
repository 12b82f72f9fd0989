//! The kinds that are served, and what each does to its objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{metadata, schema};

/// A kind: its names, its schema and its rules.
#[derive(Debug)]
pub(super) struct Kind {
    pub group: String,
    pub version: String,
    pub plural: Arc<str>,
    /// As in `kind:` of an object.
    pub name: String,
    /// Whether its objects are in no namespace.
    pub cluster: bool,
    /// Whether it has the subresource `status`.
    pub status: bool,
    pub rules: Rules,
    /// The members that a field selector may name besides the name and the namespace.
    selectable: Vec<String>,
    schema: Value,
}

/// Where kinds differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Custom,
    Event,
    Lease,
}

impl Rules {
    /// Whether a PUT of an object that does not exist creates it.
    pub(super) fn created_by_update(self) -> bool {
        !self.are_custom()
    }

    /// Whether a PUT without a resourceVersion overwrites whatever is there.
    pub(super) fn updated_unconditionally(self) -> bool {
        self == Self::Event
    }

    /// Whether it is a custom resource: it counts the generations of its spec, and bodies and items of lists carry `apiVersion` and `kind`.
    pub(super) fn are_custom(self) -> bool {
        self == Self::Custom
    }
}

impl Kind {
    /// The first served version of a CRD.
    pub(super) fn of_crd(crd: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let spec = &crd["spec"];
        let versions = spec["versions"].as_array();
        let version =
            versions.and_then(|all| all.iter().find(|version| version["served"] == true)).unwrap_or(&Value::Null);
        Self {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&spec["names"]["plural"]).into(),
            name: text(&spec["names"]["kind"]),
            cluster: spec["scope"] == "Cluster",
            status: version["subresources"]["status"].is_object(),
            rules: Rules::Custom,
            selectable: selectable_fields(version),
            schema: rooted(version["schema"]["openAPIV3Schema"].clone()),
        }
    }

    /// As messages name the resource.
    pub(super) fn resource(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    pub(super) fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// Makes of what somebody wrote what is kept of it.
    pub(super) fn admit(&self, object: &mut Value) {
        schema::admit(object, &self.schema);
        metadata::admit(object);
        match self.rules {
            Rules::Custom => {}
            Rules::Event => complete_event(object),
            Rules::Lease => add(object, "spec", json!({})),
        }
    }

    /// The group that messages name beside the kind: Events are judged as those of the core group.
    pub(super) fn kind_group(&self) -> &str {
        if self.rules == Rules::Event { "" } else { &self.group }
    }

    /// Whether a field selector may name this member.
    pub(super) fn selects(&self, field: &str) -> bool {
        matches!(field, "metadata.name" | "metadata.namespace") || self.selectable.iter().any(|known| known == field)
    }

    /// What is wrong with an object, if anything.
    pub(super) fn fault(&self, object: &Value) -> Option<String> {
        let abroad = self.rules == Rules::Event
            && !matches!(metadata::text(object, "namespace"), "default" | "kube-system")
            && object["regarding"]["namespace"].is_null();
        let fault = schema::fault(object, &self.schema, "");
        fault.or_else(|| {
            abroad.then(|| "involvedObject.namespace: Invalid value: \"\": does not match event.namespace".to_owned())
        })
    }
}

fn selectable_fields(version: &Value) -> Vec<String> {
    let fields = version["selectableFields"].as_array().into_iter().flatten();
    fields.filter_map(|field| field["jsonPath"].as_str()).map(|path| path.trim_start_matches('.').to_owned()).collect()
}

/// Every object has these, whatever its schema.
fn rooted(mut schema: Value) -> Value {
    let text = json!({ "type": "string" });
    schema["properties"]["apiVersion"] = text.clone();
    schema["properties"]["kind"] = text;
    schema["properties"]["metadata"] = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    schema
}

fn add(object: &mut Value, name: &str, value: Value) {
    if object[name].is_null() {
        object[name] = value;
    }
}

/// Members that are always there, because they were of types without a notion of absence.
fn complete_event(object: &mut Value) {
    add(object, "regarding", json!({}));
    add(object, "deprecatedSource", json!({}));
    add(object, "deprecatedFirstTimestamp", Value::Null);
    add(object, "deprecatedLastTimestamp", Value::Null);
}

fn reference() -> Value {
    let text = json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "apiVersion": text, "fieldPath": text, "kind": text, "name": text, "namespace": text, "resourceVersion": text, "uid": text,
    } })
}

/// `events.k8s.io/v1`, as far as kube's recorder writes it.
pub(super) fn event() -> Kind {
    let required = json!({ "type": "string", "minLength": 1, "maxLength": 128 });
    let moment = json!({ "type": "string", "format": "date-time" });
    let series = json!({
        "type": "object", "required": ["count", "lastObservedTime"],
        "properties": { "count": { "type": "integer", "minimum": 2 }, "lastObservedTime": moment },
    });
    let schema = json!({
        "type": "object",
        "required": ["eventTime", "action", "reason", "reportingController", "reportingInstance", "type"],
        "properties": {
            "action": required, "reason": required, "reportingController": required, "reportingInstance": required,
            "eventTime": moment, "note": { "type": "string", "maxLength": 1024 },
            "regarding": reference(), "related": reference(), "series": series,
            "type": { "type": "string", "enum": ["Normal", "Warning"] },
        },
    });
    built_in("events.k8s.io", "events", "Event", Rules::Event, schema)
}

/// `coordination.k8s.io/v1`, without coordinated leader election.
pub(super) fn lease() -> Kind {
    let moment = json!({ "type": "string", "format": "date-time" });
    let spec = json!({ "type": "object", "properties": {
        "acquireTime": moment, "renewTime": moment,
        "holderIdentity": { "type": "string" },
        "leaseDurationSeconds": { "type": "integer", "minimum": 1 },
        "leaseTransitions": { "type": "integer", "minimum": 0 },
    } });
    let schema = json!({ "type": "object", "properties": { "spec": spec } });
    built_in("coordination.k8s.io", "leases", "Lease", Rules::Lease, schema)
}

fn built_in(group: &str, plural: &str, name: &str, rules: Rules, schema: Value) -> Kind {
    Kind {
        group: group.to_owned(),
        version: "v1".to_owned(),
        plural: plural.into(),
        name: name.to_owned(),
        cluster: false,
        status: false,
        rules,
        selectable: Vec::new(),
        schema: rooted(schema),
    }
}
