//! The document as a tree, and its schemas as validators.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Where the document lies.
pub(crate) fn path() -> PathBuf {
    root().join("infra/openapi.yaml")
}

/// The folder with the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file's text; the test fails where it is not there.
#[track_caller]
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The document, as it is written.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = fs::read_to_string(path()).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("infra/openapi.yaml: {error}"))
});

/// The document without what is not in it: a field that no schema names is a fault.
///
/// The document itself cannot say so, since API Gateway's models cannot.
pub(crate) fn tightened() -> Value {
    let mut document = DOCUMENT.clone();
    for schema in document["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        tighten(schema);
    }
    document
}

fn tighten(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tighten);
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    if let Some(items) = object.get_mut("items") {
        tighten(items);
    }
}

/// One of the document's operations.
pub(crate) struct Operation {
    /// The path, with its leading slash.
    pub(crate) path: String,
    /// The part of the path that names it.
    pub(crate) provider: String,
    /// In lower case.
    pub(crate) method: String,
    /// What is written of it.
    pub(crate) written: Value,
}

impl Operation {
    /// Whether it is a check; the others end holds.
    pub(crate) fn is_check(&self) -> bool {
        self.path == format!("/v1/check/{}", self.provider)
    }
}

/// Every operation.
pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, written) in item.as_object().unwrap() {
            let provider = path.split('/').nth(3).unwrap().to_owned();
            let (path, method, written) = (path.clone(), method.clone(), written.clone());
            operations.push(Operation { path, provider, method, written });
        }
    }
    operations
}

/// The operation with this method on a provider's path.
#[track_caller]
pub(crate) fn operation(provider: &str, method: &str) -> Value {
    let found = operations().into_iter().find(|one| one.provider == provider && one.method == method);
    found.unwrap_or_else(|| panic!("there is no {method} for {provider}")).written
}

/// What a reference leads to; anything else is itself.
#[track_caller]
pub(crate) fn resolved(value: &Value) -> &Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
    let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is not of this document"));
    resolved(DOCUMENT.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere")))
}

/// The schema of that name.
#[track_caller]
pub(crate) fn schema(name: &str) -> &'static Value {
    DOCUMENT["components"]["schemas"].get(name).unwrap_or_else(|| panic!("there is no schema {name}"))
}

/// The name of a provider's request schema.
#[track_caller]
pub(crate) fn request_schema(provider: &str) -> String {
    let schema = &operation(provider, "post")["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    schema.as_str().and_then(|reference| reference.rsplit('/').next()).unwrap().to_owned()
}

/// The names of a schema's properties.
#[track_caller]
pub(crate) fn properties(schema: &Value) -> BTreeSet<String> {
    resolved(schema)["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The words of a schema's `enum`, in order.
#[track_caller]
pub(crate) fn words(schema: &Value) -> Vec<String> {
    let words = resolved(schema)["enum"].as_array().unwrap_or_else(|| panic!("no enum: {schema}"));
    words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The query parameters of an operation, by name: each what is written of it.
pub(crate) fn parameters(operation: &Value) -> Map<String, Value> {
    let written = operation["parameters"].as_array().into_iter().flatten().map(resolved);
    written.map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), parameter.clone())).collect()
}

/// Holds a value against the schema of that name; a field that is not in it is a fault. Gives the faults.
pub(crate) fn faults(name: &str, value: &Value) -> Vec<String> {
    let validator = validator(name);
    let faults = validator.iter_errors(value);
    // A number is taken as text where text is wanted.
    let faults = faults.filter(|fault| !(fault.instance().is_number() && fault.to_string().contains("\"string\"")));
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

fn validator(name: &str) -> Validator {
    let mut components = tightened()["components"].take();
    null_as_a_type(&mut components);
    let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": components});
    jsonschema::validator_for(&schema).unwrap()
}

/// JSON Schema has null as a type, this version of `OpenAPI` as a word of its own.
fn null_as_a_type(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(Value::Bool(true)) {
                let kind = members["type"].take();
                members.insert("type".to_owned(), json!([kind, "null"]));
            }
            members.values_mut().for_each(null_as_a_type);
        }
        Value::Array(items) => items.iter_mut().for_each(null_as_a_type),
        _ => {}
    }
}

#[test]
fn the_validator_refuses_what_the_document_does_not_say() {
    let fault = json!({"pointer": "/value", "detail": "is missing"});
    assert_eq!(faults("Fault", &fault), [""; 0]);
    for wrong in [json!({"pointer": "/value"}), json!({"pointer": "", "detail": "", "x": 1}), json!("text")] {
        assert!(!faults("Fault", &wrong).is_empty(), "{wrong}");
    }
    let entry = json!({"method": "GET", "url": "u", "status": null, "elapsed_ms": 1, "bytes": 1});
    assert_eq!(faults("TraceEntry", &entry), [""; 0], "null is allowed where it is said");
    let finding = json!({"criterion": "c", "observed": 1, "outcome": "perhaps"});
    assert!(!faults("Finding", &finding).is_empty(), "an outcome there is not");
}
