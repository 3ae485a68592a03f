//! A document as text: what Python's `json.dumps(ensure_ascii=False)` prints, whatever whitespace the provider sent.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// The value on one line, `"key": value, "key": value`; keys in the order received, number tokens as received.
#[must_use]
pub fn python_json(value: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, OneLine);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        // Writing a `Value` to memory has no way to fail.
        Err(_) => String::new(),
    }
}

struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::python_json;

    #[test]
    fn whitespace_goes_and_tokens_stay() {
        let received =
            "{ \"b\" :[1.0 ,1E5,-0],\r\n\"a\":\"\\u00e9\\/\\u0007\" , \"e\":{},\"b2\":12345678901234567890123}";
        let value = crate::json::parse(received).unwrap();
        assert_eq!(
            python_json(&value),
            "{\"b\": [1.0, 1E5, -0], \"a\": \"é/\\u0007\", \"e\": {}, \"b2\": 12345678901234567890123}"
        );
    }

    #[test]
    fn of_a_repeated_key_the_last_value_stays_in_the_first_place() {
        let value = serde_json::from_str("{\"a\":1,\"b\":2,\"a\":3}").unwrap();
        assert_eq!(python_json(&value), "{\"a\": 3, \"b\": 2}");
    }
}
