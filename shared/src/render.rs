//! An answer as text: what Python's `json.dumps(ensure_ascii=False)` prints, whatever whitespace the provider sent.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::ops::Range;

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

/// An answer on one line, and where its records are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    text: String,
    records: Option<Vec<Range<usize>>>,
}

impl Rendered {
    /// Renders a JSON text whose list of records stands in the field `list`, or is the text's array. The text must be
    /// JSON: of anything else there is nothing to expect of what comes out.
    #[must_use]
    pub fn of(json: &str, list: Option<&str>) -> Self {
        Transcoder::new(json, list).run().unwrap_or_else(|Repeated| {
            // Of a repeated key the last value stays, which only the whole can tell.
            let plain = crate::json::parse(json).map(|value| python_json(&value)).unwrap_or_default();
            Transcoder::new(&plain, list).run().unwrap_or(Self { text: plain.clone(), records: None })
        })
    }

    /// The whole answer.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The records, each by itself. `None`: the answer has no list.
    #[must_use]
    pub fn records(&self) -> Option<impl Iterator<Item = &str>> {
        let records = self.records.as_ref()?.iter();
        Some(records.map(|record| self.text.get(record.clone()).unwrap_or_default()))
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

/// An object has a key twice.
struct Repeated;

/// Copies JSON text and changes what is not as Python prints it: the blanks between tokens, and escapes.
struct Transcoder<'t> {
    json: &'t str,
    list: Option<&'t str>,
    /// How far the text was read, and from where on it is not copied yet.
    at: usize,
    copied: usize,
    text: String,
    open: Vec<Open<'t>>,
    /// Whether a key comes next, and not a value.
    expects_key: bool,
    records: Option<Vec<Range<usize>>>,
}

/// An array or object whose end was not met yet.
enum Open<'t> {
    Object(Keys<'t>),
    Array,
    /// The list of records, with where in the rendered text its present record begins.
    List(usize),
}

impl<'t> Transcoder<'t> {
    fn new(json: &'t str, list: Option<&'t str>) -> Self {
        // A blank behind each comma and colon, of which there is one to some ten bytes.
        let text = String::with_capacity(json.len() + json.len() / 8);
        Self { json, list, at: 0, copied: 0, text, open: Vec::new(), expects_key: false, records: None }
    }

    fn run(mut self) -> Result<Rendered, Repeated> {
        while let Some(byte) = self.json.as_bytes().get(self.at) {
            match byte {
                b'"' => self.string()?,
                b' ' | b'\n' | b'\r' | b'\t' => {
                    self.copy();
                    self.at += 1;
                    self.copied = self.at;
                }
                b':' => self.separator(),
                b',' => {
                    self.end_record();
                    self.separator();
                    match self.open.last_mut() {
                        Some(Open::List(begins)) => *begins = self.text.len(),
                        Some(Open::Object(_)) => self.expects_key = true,
                        Some(Open::Array) | None => {}
                    }
                }
                b'{' => {
                    self.open.push(Open::Object(Keys::default()));
                    self.expects_key = true;
                    self.at += 1;
                }
                b'[' => {
                    let is_list = self.is_list();
                    self.at += 1;
                    self.copy();
                    if is_list {
                        self.records = Some(Vec::new());
                    }
                    self.open.push(if is_list { Open::List(self.text.len()) } else { Open::Array });
                    self.expects_key = false;
                }
                b'}' | b']' => {
                    self.end_record();
                    self.open.pop();
                    self.expects_key = false;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        self.copy();
        Ok(Rendered { text: self.text, records: self.records })
    }

    /// Copies what was read since the last copy.
    fn copy(&mut self) {
        self.text.push_str(self.json.get(self.copied..self.at).unwrap_or_default());
        self.copied = self.at;
    }

    /// A comma or colon, with the one blank behind it.
    fn separator(&mut self) {
        self.at += 1;
        self.copy();
        self.text.push(' ');
    }

    fn string(&mut self) -> Result<(), Repeated> {
        let from = self.at;
        let bytes = self.json.as_bytes();
        let mut is_escaped = false;
        self.at += 1;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
                None => return Ok(()),
            }
        }
        self.at += 1;
        let mut content = Cow::Borrowed(self.json.get(from + 1..self.at - 1).unwrap_or_default());
        if is_escaped {
            let written = self.json.get(from..self.at).unwrap_or_default();
            let plain: String = serde_json::from_str(written).unwrap_or_default();
            self.text.push_str(self.json.get(self.copied..from).unwrap_or_default());
            self.text.push_str(&serde_json::to_string(&plain).unwrap_or_default());
            self.copied = self.at;
            content = Cow::Owned(plain);
        }
        match self.open.last_mut() {
            Some(Open::Object(keys)) if self.expects_key => {
                self.expects_key = false;
                keys.add(content)
            }
            _ => Ok(()),
        }
    }

    /// Whether the array that begins here is the list of records.
    fn is_list(&self) -> bool {
        match self.open.as_slice() {
            [] => true,
            [Open::Object(keys)] => self.list.is_some() && keys.last() == self.list,
            _ => false,
        }
    }

    /// Notes the record that ends here, if one does.
    fn end_record(&mut self) {
        let Some(Open::List(begins)) = self.open.last() else { return };
        let begins = *begins;
        self.copy();
        if let Some(records) = self.records.as_mut()
            && begins < self.text.len()
        {
            records.push(begins..self.text.len());
        }
    }
}

/// The keys that an object has so far.
#[derive(Default)]
struct Keys<'t> {
    in_order: Vec<Cow<'t, str>>,
    /// The same, where they are too many to look through.
    all: HashSet<Cow<'t, str>>,
}

const MOST_LOOKED_THROUGH: usize = 32;

impl<'t> Keys<'t> {
    fn add(&mut self, key: Cow<'t, str>) -> Result<(), Repeated> {
        let is_new = if self.in_order.len() < MOST_LOOKED_THROUGH {
            !self.in_order.contains(&key)
        } else {
            if self.all.is_empty() {
                self.all.extend(self.in_order.iter().cloned());
            }
            self.all.insert(key.clone())
        };
        self.in_order.push(key);
        if is_new { Ok(()) } else { Err(Repeated) }
    }

    fn last(&self) -> Option<&str> {
        self.in_order.last().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::{MOST_LOOKED_THROUGH, Rendered, python_json};

    fn records(json: &str, list: Option<&str>) -> Option<Vec<String>> {
        Some(Rendered::of(json, list).records()?.map(str::to_owned).collect())
    }

    #[test]
    fn whitespace_goes_and_tokens_stay() {
        let received = "{ \"b\" :[1.0 ,1E5,-0],\r\n\"a\":\"\\u00e9\\/\\u0007\" , \"e\":{ },\"b2\":12345678901234567890123,\"f\": [ ]}\n";
        let expected =
            "{\"b\": [1.0, 1E5, -0], \"a\": \"é/\\u0007\", \"e\": {}, \"b2\": 12345678901234567890123, \"f\": []}";
        assert_eq!(python_json(&crate::json::parse(received).unwrap()), expected);
        assert_eq!(Rendered::of(received, None).text(), expected);
    }

    #[test]
    fn of_a_repeated_key_the_last_value_stays_in_the_first_place() {
        for received in ["{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"b\":2,\"\\u0061\":3}"] {
            let value = serde_json::from_str(received).unwrap();
            assert_eq!(python_json(&value), "{\"a\": 3, \"b\": 2}");
            assert_eq!(Rendered::of(received, None).text(), "{\"a\": 3, \"b\": 2}");
        }
        assert_eq!(records("{\"l\":[1],\"l\":[{\"a\":1,\"a\":2}]}", Some("l")).unwrap(), ["{\"a\": 2}"]);
        let many: Vec<String> = (0..=MOST_LOOKED_THROUGH).map(|key| format!("\"{key}\":{key}")).collect();
        let many = many.join(",");
        assert!(Rendered::of(&format!("{{{many}}}"), None).text().starts_with("{\"0\": 0, "));
        assert!(Rendered::of(&format!("{{{many},\"0\":7}}"), None).text().starts_with("{\"0\": 7, "));
    }

    #[test]
    fn the_records_are_found_in_the_list_or_in_an_answer_that_is_one() {
        let answer = "{\"m\":[7],\"n\":{\"l\":[8]},\"l\":[ {\"l\":[1]} ,\"a,b\", [2,3],null ] ,\"z\":[9]}";
        assert_eq!(records(answer, Some("l")).unwrap(), ["{\"l\": [1]}", "\"a,b\"", "[2, 3]", "null"]);
        assert_eq!(records("[1,[2], {\"a\":3}]", Some("l")).unwrap(), ["1", "[2]", "{\"a\": 3}"]);
        assert_eq!(records("[1]", None).unwrap(), ["1"]);
        for empty in ["{\"l\":[]}", "{\"l\": [ \n] }", "[ ]"] {
            assert_eq!(records(empty, Some("l")).unwrap(), [""; 0], "{empty}");
        }
        for none in ["{\"l\":{\"a\":[1]}}", "{\"m\":[1]}", "{\"l\":null}", "7", "\"[1]\"", "{}"] {
            assert_eq!(records(none, Some("l")), None, "{none}");
        }
        assert_eq!(records("{\"l\":[1]}", None), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec!["1.50", "-0", "18446744073709551616"])
                .prop_map(|token| serde_json::from_str(token).unwrap()),
            "[\\PC\\x00-\\x1f\"\\\\]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[l-n\"\\\\]", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The text with every letter beyond ASCII escaped, as many providers send it.
    fn escaped(json: &str) -> String {
        let mut text = String::new();
        for letter in json.chars() {
            if letter.is_ascii() {
                text.push(letter);
            } else {
                let mut units = [0; 2];
                letter.encode_utf16(&mut units).iter().for_each(|unit| write!(text, "\\u{unit:04x}").unwrap());
            }
        }
        text
    }

    proptest! {
        #[test]
        fn the_text_is_rendered_as_its_value_would_be(value in any_json()) {
            let expected = python_json(&value);
            let list = if value.is_array() { Some(&value) } else { value.get("l") };
            let expected_records = list.and_then(Value::as_array);
            let expected_records = expected_records.map(|records| records.iter().map(python_json).collect::<Vec<_>>());
            for text in [value.to_string(), format!("{value:#}"), expected.clone(), escaped(&value.to_string())] {
                let rendered = Rendered::of(&text, Some("l"));
                prop_assert_eq!(rendered.text(), &expected, "{}", text);
                prop_assert_eq!(records(&text, Some("l")), expected_records.clone(), "{}", text);
            }
        }
    }
}
