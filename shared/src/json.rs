//! JSON as providers send it, with every number token kept as received.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Error, Map, Number, Value};

/// Reads JSON text.
///
/// # Errors
/// It is no JSON, or nested more than 128 deep.
pub fn parse(text: &str) -> Result<Value, Error> {
    // This also bounds the depth, for what follows.
    let value = serde_json::from_str(text)?;
    // serde_json keeps number tokens, but writes exponents its own way (`1E5` becomes `1e+5`).
    // What is mended here is read once for each level of depth: a long answer keeps serde_json's exponents instead.
    let mended = text.len() <= MAX_MENDED_BYTES && has_exponent(text.as_bytes());
    if mended { as_received(serde_json::from_str(text)?) } else { Ok(value) }
}

const MAX_MENDED_BYTES: usize = 256 << 10;

/// Whether a number in the text may have an exponent. A text within strings that looks like one costs time only.
fn has_exponent(text: &[u8]) -> bool {
    text.windows(3).any(|three| {
        matches!(three, [before, b'e' | b'E', after]
            if before.is_ascii_digit() && (after.is_ascii_digit() || matches!(after, b'+' | b'-')))
    })
}

fn as_received(raw: &RawValue) -> Result<Value, Error> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            let mut object = Map::new();
            for (key, member) in members {
                object.insert(key, as_received(member)?);
            }
            Ok(Value::Object(object))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            items.into_iter().map(as_received).collect::<Result<_, _>>().map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') => Ok(Value::Number(Number::from_string_unchecked(text.to_owned()))),
        _ => serde_json::from_str(text),
    }
}

/// An object's members in order, repeated keys included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(InOrder).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn number_tokens_are_kept() {
        for token in ["1.0", "1E5", "1e+5", "-0", "1e400", "0.10", "12345678901234567890123", "1e-7"] {
            let document = format!("{{\"a\": [{token}, {{\"b\": {token}}}]}}");
            let value = parse(&document).unwrap();
            assert_eq!(value.pointer("/a/0").unwrap().to_string(), token);
            assert_eq!(value.pointer("/a/1/b").unwrap().to_string(), token);
        }
    }

    #[test]
    fn the_exact_reading_is_the_plain_one_in_all_else() {
        let document = r#"{"b": null, "a": "x1e5\u00e9", "b": [true, {}, [], 2], "n": 1e2}"#;
        assert_eq!(parse(document).unwrap().to_string(), r#"{"b":[true,{},[],2],"a":"x1e5é","n":1e2}"#);
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for text in ["", "nul", "NaN", "{\"a\":1", "\u{feff}{}", "\"\\ud800\"", "1e", deep.as_str()] {
            assert!(parse(text).is_err());
        }
        assert!(parse(&format!("[1e5,{deep}]")).is_err());
    }
}
