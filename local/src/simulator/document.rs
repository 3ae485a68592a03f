//! Fields of JSON documents, set and read without a panic where a document is no object.

use serde_json::Value;

/// Sets a field of an object.
pub(super) fn set(document: &mut Value, field: &str, value: impl Into<Value>) {
    if let Some(fields) = document.as_object_mut() {
        fields.insert(field.to_owned(), value.into());
    }
}

/// An object with the fields of another behind its own.
pub(super) fn joined(mut document: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (document.as_object_mut(), more) {
        fields.extend(more);
    }
    document
}

/// A field's text; empty where there is none.
pub(super) fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a field that is a list; none where it is not.
pub(super) fn list<'a>(document: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    document.get(field).and_then(Value::as_array).into_iter().flatten()
}
