//! The schemas of the providers' answers, and a check that each of them can fail.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Holds a document against a schema.
#[track_caller]
pub(crate) fn assert_fits(schema: &str, document: &Value) {
    let faults = faults(schema, document);
    assert!(faults.is_empty(), "{schema}: {faults:#?}\n{document:#}");
}

/// Requires that a schema refuses a document.
#[track_caller]
pub(crate) fn assert_refused(schema: &str, document: &Value) {
    assert!(!faults(schema, document).is_empty(), "{schema} lets this pass:\n{document:#}");
}

fn faults(schema: &str, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&read(&folder().join(schema))).unwrap();
    let faults = validator.iter_errors(document);
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/schemas")
}

#[test]
fn every_schema_is_valid_and_refuses_a_text_and_an_unknown_field() {
    let mut seen = 0;
    for provider in fs::read_dir(folder()).unwrap() {
        for file in fs::read_dir(provider.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let schema = read(&path);
            assert!(jsonschema::meta::is_valid(&schema), "{}", path.display());
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
            let validator = jsonschema::validator_for(&schema).unwrap();
            let refuses = |document: Value| !validator.is_valid(&document);
            assert!(refuses(json!("text")), "{}", path.display());
            assert!(refuses(json!({ "unheard of": 1 })), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} schemas found");
}
