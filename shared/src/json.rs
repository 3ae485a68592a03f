//! JSON as providers send it, with every number token kept as received.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Error, Map, Number, Value};

use crate::projection::Projection;
use crate::rows::{Columns, Filling, Rows, shallow};

/// Reads JSON text.
///
/// # Errors
/// It is no JSON, or nested more than 128 deep.
pub fn parse(text: &str) -> Result<Value, Error> {
    parse_list(text, None, &Projection::Whole)
}

/// Reads an answer of which not every field of its records is wanted: those of the list that stands in the field `list`
/// are read by `records`, all else in full. An answer that is an array is that list; what is no list is read in full.
///
/// Where a number has an exponent, which `serde_json` does not hand over as received, all of it is read in full.
/// What is skipped is checked like what is kept: a text is refused by every projection, and for the same reason, or by
/// none.
///
/// # Errors
/// It is no JSON, or nested more than 128 deep.
pub fn parse_list(text: &str, list: Option<&str>, records: &Projection) -> Result<Value, Error> {
    parse_rows(text, list, records, &[]).map(|(value, _)| value)
}

/// The same, and beside what is kept of the records these fields of each in rows.
///
/// # Errors
/// It is no JSON, or nested more than 128 deep.
pub fn parse_rows(
    text: &str,
    list: Option<&str>,
    records: &Projection,
    fields: &'static [&'static str],
) -> Result<(Value, Rows), Error> {
    let answer = Answer {
        list,
        records,
        columns: Columns::of(fields),
        rows: Filling::new(fields),
        needs_care: Cell::new(false),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root = Reader { part: Part::Root, answer: &answer }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    if !answer.needs_care.get() {
        return Ok((root, answer.rows.into_rows()));
    }
    let root = parse_with_care(text)?;
    let rows = list_in(&root, list).map_or_else(|| Rows::none(fields), |records| Rows::of(records, fields));
    Ok((root, rows))
}

/// The items of an answer's list: those of the field, or of an answer that is a list. `None`: it has none.
pub(crate) fn list_in<'v>(root: &'v Value, list: Option<&str>) -> Option<&'v Vec<Value>> {
    root.as_array().or_else(|| root.get(list?)?.as_array())
}

/// What is read of an answer.
struct Answer<'a> {
    list: Option<&'a str>,
    records: &'a Projection,
    columns: Columns,
    rows: Filling,
    /// Set where `serde_json` does not hand over what was received.
    needs_care: Cell<bool>,
}

/// A place in an answer, and what is wanted there.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// The answer itself.
    Root,
    /// What the list's field holds.
    List,
    /// What is kept as a value, perhaps with columns of a row in it.
    Kept(&'a Projection, Option<&'a Columns>),
    /// Columns of a row, and nothing else.
    Columns(&'a Columns),
}

impl<'a> Part<'a> {
    /// What is wanted of an object's member. `None`: nothing.
    fn member(self, key: &str, answer: &'a Answer<'a>) -> Option<Self> {
        match self {
            Self::Root if answer.list == Some(key) => Some(Self::List),
            Self::Root | Self::List => Some(Self::Kept(&Projection::Whole, None)),
            Self::Kept(fields, columns) => {
                let columns = columns.and_then(|columns| columns.member(key));
                match fields.of_field(key) {
                    Some(fields) => Some(Self::Kept(fields, columns)),
                    None => columns.map(Self::Columns),
                }
            }
            Self::Columns(columns) => columns.member(key).map(Self::Columns),
        }
    }

    fn columns(self) -> Option<&'a Columns> {
        match self {
            Self::Root | Self::List => None,
            Self::Kept(_, columns) => columns,
            Self::Columns(columns) => Some(columns),
        }
    }
}

/// Builds what is kept, and fills rows; where nothing is kept null is built, and dropped.
#[derive(Clone, Copy)]
struct Reader<'a> {
    part: Part<'a>,
    answer: &'a Answer<'a>,
}

impl<'a> Reader<'a> {
    fn at(self, part: Part<'a>) -> Self {
        Self { part, ..self }
    }

    fn skip(self) -> Skip<'a> {
        Skip { needs_care: &self.answer.needs_care }
    }

    /// A value that was read.
    fn read(self, value: Value) -> Value {
        match self.part {
            Part::Kept(_, Some(Columns::Here(column))) => {
                self.answer.rows.put(*column, Some(shallow(&value)));
                value
            }
            Part::Columns(Columns::Here(column)) => {
                self.answer.rows.put(*column, Some(value));
                Value::Null
            }
            Part::Columns(Columns::Within(_)) => Value::Null,
            Part::Root | Part::List | Part::Kept(..) => value,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        // What is repeated counts where it stands last.
        if let Part::List = self.part {
            self.answer.rows.start_list();
        }
        if let Some(columns) = self.part.columns() {
            columns.clear(&self.answer.rows);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(self.read(Value::Null))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(self.read(Value::Bool(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(self.read(Value::Number(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(self.read(Value::Number(number.into())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(self.read(Value::String(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        match self.part {
            Part::Root | Part::List => {
                let record = self.at(Part::Kept(self.answer.records, Some(&self.answer.columns)));
                self.answer.rows.start_row();
                while let Some(item) = items.next_element_seed(record)? {
                    kept.push(item);
                    self.answer.rows.start_row();
                }
                self.answer.rows.drop_row();
            }
            Part::Kept(fields, _) => {
                let item = self.at(Part::Kept(fields, None));
                while let Some(item) = items.next_element_seed(item)? {
                    kept.push(item);
                }
            }
            Part::Columns(_) => while items.next_element_seed(self.skip())?.is_some() {},
        }
        Ok(self.read(Value::Array(kept)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        let mut is_first = true;
        while let Some(key) = map.next_key_seed(Key { of: self, is_first })? {
            is_first = false;
            match key {
                Member::Kept(key, part) => {
                    kept.insert(key, map.next_value_seed(self.at(part))?);
                }
                Member::Columns(part) => {
                    map.next_value_seed(self.at(part))?;
                }
                Member::Skipped => map.next_value_seed(self.skip())?,
                Member::Own(Own::Number) => {
                    return number(map, &self.answer.needs_care).map(|number| self.read(Value::Number(number)));
                }
                Member::Own(Own::Other) => {
                    self.answer.needs_care.set(true);
                    map.next_value_seed(self.skip())?;
                }
            }
        }
        Ok(self.read(Value::Object(kept)))
    }
}

/// Reads a key; only one whose value is kept is copied.
struct Key<'a> {
    of: Reader<'a>,
    is_first: bool,
}

enum Member<'a> {
    Kept(String, Part<'a>),
    Columns(Part<'a>),
    Skipped,
    Own(Own),
}

/// A first key that has a meaning of its own to `serde_json`.
enum Own {
    /// What follows is a number, handed over as text.
    Number,
    Other,
}

impl Own {
    fn of(key: &str) -> Option<Self> {
        let name = key.strip_prefix("$serde_json::private::")?;
        Some(if name == "Number" { Self::Number } else { Self::Other })
    }
}

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = Member<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Member<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Member<'a>, E> {
        if let Some(own) = Own::of(key).filter(|_| self.is_first) {
            return Ok(Member::Own(own));
        }
        Ok(match self.of.part.member(key, self.of.answer) {
            None => Member::Skipped,
            Some(part @ Part::Columns(_)) => Member::Columns(part),
            Some(part) => Member::Kept(key.to_owned(), part),
        })
    }
}

/// Reads what is not kept, as strictly as what is.
#[derive(Clone, Copy)]
struct Skip<'p> {
    needs_care: &'p Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key_seed(FirstKey)? {
            None => return Ok(()),
            Some(Some(Own::Number)) => return number(map, self.needs_care).map(drop),
            Some(Some(Own::Other)) => self.needs_care.set(true),
            Some(None) => {}
        }
        map.next_value_seed(self)?;
        while map.next_key_seed(self)?.is_some() {
            map.next_value_seed(self)?;
        }
        Ok(())
    }
}

/// Reads the first key of an object that is skipped.
struct FirstKey;

impl<'de> DeserializeSeed<'de> for FirstKey {
    type Value = Option<Own>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Own>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FirstKey {
    type Value = Option<Own>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<Own>, E> {
        Ok(Own::of(key))
    }
}

/// A number as `serde_json` hands it over where it is no small integer: an object of one member, whose key was read.
fn number<'de, A: MapAccess<'de>>(mut map: A, needs_care: &Cell<bool>) -> Result<Number, A::Error> {
    let token: Cow<'de, str> = map.next_value()?;
    if token.contains('e') {
        needs_care.set(true);
    }
    token.parse().map_err(A::Error::custom)
}

/// Reads in full what `serde_json` does not hand over as received: it keeps number tokens, but writes exponents its own
/// way (`1E5` becomes `1e+5`).
fn parse_with_care(text: &str) -> Result<Value, Error> {
    let value = serde_json::from_str(text)?;
    // What is mended here is read once for each level of depth: a long answer keeps serde_json's exponents instead.
    if text.len() <= MAX_MENDED_BYTES { as_received(serde_json::from_str(text)?) } else { Ok(value) }
}

const MAX_MENDED_BYTES: usize = 256 << 10;

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
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{list_in, parse, parse_list, parse_rows};
    use crate::projection::Projection;
    use crate::rows::Rows;

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

    /// What the projections below keep of a text with the list `l`.
    fn kept(text: &str, fields: &[&str]) -> String {
        parse_list(text, Some("l"), &Projection::of_fields(fields)).unwrap().to_string()
    }

    #[test]
    fn of_the_records_only_the_fields_wanted_are_kept_and_all_else_in_full() {
        let text = r#"{"n":1,"l":[{"a":{"x":1},"b":[{"c":1,"d":2},3],"e":0},null,true,"t",[{"a":1,"e":2}],-1.50],"e":{"z":[]}}"#;
        assert_eq!(kept(text, &[]), r#"{"n":1,"l":[{},null,true,"t",[{}],-1.50],"e":{"z":[]}}"#);
        assert_eq!(
            kept(text, &["a", "b.c"]),
            r#"{"n":1,"l":[{"a":{"x":1},"b":[{"c":1},3]},null,true,"t",[{"a":1}],-1.50],"e":{"z":[]}}"#
        );
        assert_eq!(kept(r#"[{"a":1,"e":2},[{"e":2}]]"#, &["a"]), r#"[{"a":1},[{}]]"#);
        for in_full in [r#"{"l":{"a":{"e":1}}}"#, r#"{"l":"x","m":[{"e":1}]}"#, r#"{"m":{"l":[{"e":1}]}}"#, "7"] {
            assert_eq!(kept(in_full, &["a"]), in_full);
        }
    }

    #[test]
    fn a_number_with_an_exponent_has_the_answer_read_in_full() {
        let text = r#"{"l":[{"a":1,"b":1E5}]}"#;
        assert_eq!(kept(text, &["a"]), text);
    }

    #[test]
    fn of_a_repeated_key_the_last_value_stays_in_the_first_place() {
        assert_eq!(kept(r#"{"l":[{"a":1}],"b":2,"l":[{"a":2,"b":0,"a":3}]}"#, &["a"]), r#"{"l":[{"a":3}],"b":2}"#);
        assert_eq!(kept(r#"{"l":{"b":1},"l":[{"b":1}]}"#, &["a"]), r#"{"l":[{}]}"#);
    }

    #[test]
    fn of_a_member_that_is_repeated_the_last_fills_the_row() {
        let text = r#"{"l":[{"a":{"x":1,"y":2},"b":3,"a":{"y":4},"b":null},{"a":{"x":5},"a":6}]}"#;
        let (_, rows) = parse_rows(text, Some("l"), &Projection::nothing(), &["a.x", "a.y", "b"]).unwrap();
        let cells: Vec<_> =
            rows.each().iter().map(|row| ["a.x", "a.y", "b"].map(|field| row.get(field).cloned())).collect();
        assert_eq!(cells, [[None, Some(json!(4)), Some(Value::Null)], [None, None, None]]);
    }

    #[test]
    fn a_text_is_refused_by_every_projection_or_by_none() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let name = "$serde_json::private::Number";
        let values = [
            nested(120),
            nested(124),
            nested(125),
            nested(126),
            nested(127),
            nested(10_000),
            r#""\ud800""#.to_owned(),
            r#""\ud83d\ude00""#.to_owned(),
            r#""\x""#.to_owned(),
            "\"\u{1}\"".to_owned(),
            "01".to_owned(),
            "1.".to_owned(),
            "1e400".to_owned(),
            "-".to_owned(),
            "[1,]".to_owned(),
            r#"{"a":1,}"#.to_owned(),
            r#"{"a"}"#.to_owned(),
            "nul".to_owned(),
            format!(r#"{{"{name}":"1"}}"#),
            format!(r#"{{"{name}":"x"}}"#),
            format!(r#"{{"{name}":7}}"#),
            r#"{"$serde_json::private::RawValue":"["}"#.to_owned(),
        ];
        let (mut taken, mut refused) = (0, 0);
        for value in &values {
            let text = format!(r#"{{"l":[{{"a":1,"skipped":{value}}}]}}"#);
            let plain = serde_json::from_str::<Value>(&text).map_err(|error| (error.line(), error.column()));
            match &plain {
                Ok(_) => taken += 1,
                Err(_) => refused += 1,
            }
            for projection in [Projection::Whole, Projection::nothing(), Projection::of_fields(&["a"])] {
                let read = parse_list(&text, Some("l"), &projection);
                let read = read.map(drop).map_err(|error| (error.line(), error.column()));
                assert_eq!(read, plain.clone().map(drop), "{text} by {projection:?}");
            }
        }
        assert!(taken >= 5 && refused >= 12, "{taken} taken, {refused} refused");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec!["1.50", "-0", "18446744073709551616", "0.0"])
                .prop_map(|token| serde_json::from_str(token).unwrap()),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[a-d]", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// What a projection keeps, by its definition.
    fn projected(value: &Value, projection: &Projection) -> Value {
        match (value, projection) {
            (Value::Object(members), Projection::Fields(fields)) => {
                let wanted = |(key, value): (&String, &Value)| Some((key.clone(), projected(value, fields.get(key)?)));
                Value::Object(members.iter().filter_map(wanted).collect())
            }
            (Value::Array(items), _) => items.iter().map(|item| projected(item, projection)).collect(),
            _ => value.clone(),
        }
    }

    proptest! {
        #[test]
        fn rows_are_the_same_read_from_the_text_or_made_of_its_values(
            lists in prop::collection::vec(prop_oneof![4 => prop::collection::vec(any_json(), 0..5).prop_map(Value::from), 1 => any_json()], 1..3),
            kept in prop::collection::vec("[a-d](\\.[a-d]){0,2}", 0..3),
            is_bare in any::<bool>(),
        ) {
            const FIELDS: &[&str] = &["a", "b.a", "b.c", "c.d.a", "d.d"];
            let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
            // A repeated key counts where it stands last.
            let lists: Vec<String> = lists.iter().map(|list| format!("\"l\":{list}")).collect();
            let text = format!("{{{}}}", lists.join(","));
            let text = if is_bare { lists[0][4..].to_owned() } else { text };
            let plain = parse(&text).unwrap();
            let records = list_in(&plain, Some("l")).map(Vec::as_slice).unwrap_or_default();
            let expected = format!("{:?}", Rows::of(records, FIELDS).each());
            for projection in [Projection::nothing(), Projection::of_fields(&kept), Projection::Whole] {
                let (root, rows) = parse_rows(&text, Some("l"), &projection, FIELDS).unwrap();
                prop_assert_eq!(format!("{:?}", rows.each()), expected.clone(), "{} by {:?}", text, projection);
                prop_assert_eq!(root, parse_list(&text, Some("l"), &projection).unwrap());
            }
        }

        #[test]
        fn what_is_read_by_a_projection_is_what_the_projection_keeps(
            records in prop::collection::vec(any_json(), 0..5),
            envelope in any_json(),
            fields in prop::collection::vec("[a-d](\\.[a-d]){0,2}", 0..4),
        ) {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let projection = Projection::of_fields(&fields);
            let text = json!({"n": envelope, "l": records}).to_string();
            let plain = parse(&text).unwrap();
            let mut expected = plain.clone();
            for record in expected["l"].as_array_mut().unwrap() {
                *record = projected(record, &projection);
            }
            prop_assert_eq!(parse(&plain.to_string()).unwrap(), plain);
            let read = parse_list(&text, Some("l"), &projection).unwrap();
            prop_assert_eq!(read, expected);
        }
    }
}
