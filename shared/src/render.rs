//! An answer as text: what Python's `json.dumps(ensure_ascii=False)` prints, whatever whitespace the provider sent.

use std::borrow::Cow;
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
        Transcoder::new(json, list, true).run().unwrap_or_else(|| {
            // Of a repeated key the last value stays, which only the whole can tell.
            let plain = crate::json::parse(json).map(|value| python_json(&value)).unwrap_or_default();
            let rendered = Transcoder::new(&plain, list, false).run();
            rendered.unwrap_or(Self { text: plain, records: None })
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

/// Copies JSON text and changes what is not as Python prints it: the blanks between tokens, and escapes.
struct Transcoder<'t> {
    json: &'t str,
    list: Option<&'t str>,
    /// Whether a key may be repeated.
    looks_for_repeated: bool,
    /// How far the text was read, and from where on it is not copied yet.
    at: usize,
    copied: usize,
    text: String,
    open: Vec<Open>,
    /// The keys so far of all objects that are open, the innermost object's last.
    keys: Vec<Cow<'t, str>>,
    /// Whether a key comes next, and not a value.
    expects_key: bool,
    records: Option<Vec<Range<usize>>>,
}

/// An array or object whose end was not met yet.
enum Open {
    /// With the number of keys of the objects around it, and which of 64 marks its own keys have.
    Object {
        before: usize,
        marks: u64,
    },
    Array,
    /// The list of records, with where in the rendered text its present record begins.
    List {
        record: usize,
    },
}

/// The most keys of one object among which one that is repeated is looked for.
const MOST_KEYS: usize = 64;

impl<'t> Transcoder<'t> {
    fn new(json: &'t str, list: Option<&'t str>, looks_for_repeated: bool) -> Self {
        Self {
            json,
            list,
            looks_for_repeated,
            at: 0,
            copied: 0,
            // A blank behind each comma and colon, of which there is one to some ten bytes.
            text: String::with_capacity(json.len() + json.len() / 8),
            open: Vec::new(),
            keys: Vec::new(),
            expects_key: false,
            records: None,
        }
    }

    /// The text. `None`: an object has a key twice, or too many to look for one.
    fn run(mut self) -> Option<Rendered> {
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
                        Some(Open::List { record }) => *record = self.text.len(),
                        Some(Open::Object { .. }) => self.expects_key = true,
                        Some(Open::Array) | None => {}
                    }
                }
                b'{' => {
                    self.open.push(Open::Object { before: self.keys.len(), marks: 0 });
                    self.expects_key = true;
                    self.at += 1;
                }
                b'[' => self.array(),
                b'}' | b']' => {
                    self.end_record();
                    if let Some(Open::Object { before, .. }) = self.open.pop() {
                        self.keys.truncate(before);
                    }
                    self.expects_key = false;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        self.copy();
        Some(Rendered { text: self.text, records: self.records })
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

    fn array(&mut self) {
        let is_list = match self.open.as_slice() {
            [] => true,
            [Open::Object { .. }] => self.list.is_some() && self.keys.last().map(AsRef::as_ref) == self.list,
            _ => false,
        };
        self.at += 1;
        self.expects_key = false;
        if is_list {
            self.copy();
            self.records = Some(Vec::new());
            self.open.push(Open::List { record: self.text.len() });
        } else {
            self.open.push(Open::Array);
        }
    }

    fn string(&mut self) -> Option<()> {
        let from = self.at;
        let bytes = self.json.as_bytes();
        let mut is_escaped = false;
        self.at += 1;
        loop {
            match bytes.get(self.at)? {
                b'"' => break,
                b'\\' => {
                    is_escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let content = if is_escaped {
            let written = self.json.get(from..self.at)?;
            let plain: String = serde_json::from_str(written).ok()?;
            self.text.push_str(self.json.get(self.copied..from)?);
            self.text.push_str(&serde_json::to_string(&plain).ok()?);
            self.copied = self.at;
            Cow::Owned(plain)
        } else {
            Cow::Borrowed(self.json.get(from + 1..self.at - 1)?)
        };
        if self.expects_key { self.key(content) } else { Some(()) }
    }

    /// Notes a key. `None`: it is repeated, or there are too many to tell.
    fn key(&mut self, key: Cow<'t, str>) -> Option<()> {
        self.expects_key = false;
        let Some(Open::Object { before, marks }) = self.open.last_mut() else { return Some(()) };
        if self.looks_for_repeated {
            let own = self.keys.get(*before..)?;
            let mark = mark(&key);
            // Only a key with the same mark can be the same.
            if own.len() >= MOST_KEYS || *marks & mark != 0 && own.contains(&key) {
                return None;
            }
            *marks |= mark;
        }
        self.keys.push(key);
        Some(())
    }

    /// Notes the record that ends here, if one does.
    fn end_record(&mut self) {
        let Some(Open::List { record }) = self.open.last() else { return };
        let begins = *record;
        self.copy();
        if let Some(records) = self.records.as_mut()
            && begins < self.text.len()
        {
            records.push(begins..self.text.len());
        }
    }
}

/// One of 64 marks, the same for keys that are the same.
fn mark(key: &str) -> u64 {
    let sum = |sum: usize, byte: Option<&u8>| sum.wrapping_mul(7).wrapping_add(byte.copied().unwrap_or(0).into());
    let bytes = key.as_bytes();
    1 << ([bytes.first(), bytes.get(bytes.len() / 2), bytes.last()].into_iter().fold(bytes.len(), sum) % 64)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::{MOST_KEYS, Rendered, python_json};

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
        let many: Vec<String> = (0..=MOST_KEYS).map(|key| format!("\"{key}\":{key}")).collect();
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
