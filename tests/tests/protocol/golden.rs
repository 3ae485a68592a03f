//! The answers that were written down, and how an answer is held against one.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// What stands for a value that differs from one run to the next.
const ANY: &str = "*";

/// The file `fixtures/golden/{name}.json`.
#[track_caller]
pub(crate) fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/golden/{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Holds an answer against what was written down.
#[track_caller]
pub(crate) fn assert_matches(what: &str, expected: &Value, answer: &Value) {
    let answered = masked(expected, answer);
    assert_eq!(expected, &answered, "{what}: the left was written down, the right came\n{answer:#}");
}

/// The answer, with [`ANY`] in the places where anything but null is expected.
fn masked(expected: &Value, answer: &Value) -> Value {
    match (expected, answer) {
        (Value::String(any), answer) if any == ANY && !answer.is_null() => Value::from(ANY),
        (Value::Object(expected), Value::Object(answer)) => answer
            .iter()
            .map(|(name, value)| (name.clone(), masked(expected.get(name).unwrap_or(&Value::Null), value)))
            .collect(),
        (Value::Array(expected), Value::Array(answer)) => {
            let nothing = Value::Null;
            answer.iter().enumerate().map(|(at, one)| masked(expected.get(at).unwrap_or(&nothing), one)).collect()
        }
        (_, answer) => answer.clone(),
    }
}

#[test]
fn only_what_is_written_as_varying_may_vary() {
    let expected = serde_json::json!({"id": "*", "n": 1, "list": [{"at": "*"}]});
    let same = |answer: Value| masked(&expected, &answer) == expected;
    assert!(same(serde_json::json!({"id": "x", "n": 1, "list": [{"at": 5}]})));
    for other in [
        serde_json::json!({"id": null, "n": 1, "list": [{"at": 5}]}),
        serde_json::json!({"id": "x", "n": 2, "list": [{"at": 5}]}),
        serde_json::json!({"id": "x", "n": 1, "list": [{"at": 5}, {"at": 5}]}),
        serde_json::json!({"id": "x", "n": 1, "list": []}),
        serde_json::json!({"id": "x", "n": 1, "list": [{"at": 5}], "more": 1}),
        serde_json::json!({"n": 1, "list": [{"at": 5}]}),
    ] {
        assert!(!same(other.clone()), "{other}");
    }
}
