//! The fields of JSON documents, and the documents without one of them.

use std::collections::BTreeSet;

use serde_json::Value;

/// The names that lead to a field; lists on the way are not named, since the field is meant in all their records.
pub(crate) type Path = Vec<String>;

/// Every field of a document.
pub(crate) fn fields(document: &Value) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    collect(document, &mut Vec::new(), &mut found);
    found
}

fn collect(value: &Value, at: &mut Path, found: &mut BTreeSet<Path>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, at, found)),
        Value::Object(members) => {
            for (name, member) in members {
                at.push(name.clone());
                found.insert(at.clone());
                collect(member, at, found);
                at.pop();
            }
        }
        _ => {}
    }
}

/// The document without a field, wherever the path leads.
pub(crate) fn without(document: &Value, path: &[String]) -> Value {
    let mut document = document.clone();
    remove(&mut document, path);
    document
}

fn remove(value: &mut Value, path: &[String]) {
    match (value, path) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| remove(item, path)),
        (Value::Object(members), [last]) => {
            members.shift_remove(last);
        }
        (Value::Object(members), [name, rest @ ..]) => {
            if let Some(member) = members.get_mut(name) {
                remove(member, rest);
            }
        }
        _ => {}
    }
}

#[test]
fn a_field_is_removed_from_all_records() {
    let document = serde_json::json!({"n": 1, "list": [{"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"d": null}]});
    let paths: Vec<String> = fields(&document).iter().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["list", "list.a", "list.a.b", "list.a.c", "list.d", "n"]);
    let path = ["list", "a", "b"].map(str::to_owned);
    let expected = serde_json::json!({"n": 1, "list": [{"a": {"c": 2}}, {"a": {}}, {"d": null}]});
    assert_eq!(without(&document, &path), expected);
}
