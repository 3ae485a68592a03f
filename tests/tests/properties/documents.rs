//! Whitespace between the tokens of any document, evaluated without a provider.

use std::time::SystemTime;

use callgate::criteria::{Acceptance, AcceptanceDraft, CriterionDraft};
use callgate::evaluate::evaluate;
use callgate::fault::Faults;
use callgate::snapshot::{Counts, Document, Snapshot};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A number as it is written, a word, or text with the marks of JSON in it.
fn scalar() -> impl Strategy<Value = Value> {
    let numbers = ["0", "1", "2", "-1", "1.50", "1E5", "1e-7", "12345678901234567890123"];
    let texts = ["", "true", "2", "Available", "a  b", "\"a\": 1", "\"a\" : 1", "{\n}", "é\u{7}", "\\\""];
    prop_oneof![
        Just(Value::Null),
        proptest::bool::ANY.prop_map(Value::Bool),
        select(numbers.to_vec()).prop_map(|number| callgate::json::parse(number).unwrap()),
        select(texts.to_vec()).prop_map(Value::from),
    ]
}

fn record() -> impl Strategy<Value = Value> {
    let member = (select(vec!["a", "b", "c"]), prop_oneof![4 => scalar(), 1 => Just(json!({"b": [1, {}]}))]);
    prop::collection::vec(member, 0..4).prop_map(|members| {
        let members = members.into_iter().map(|(key, value)| (key.to_owned(), value));
        Value::Object(members.collect::<Map<_, _>>())
    })
}

fn document() -> impl Strategy<Value = Value> {
    let list = prop_oneof![
        6 => prop::collection::vec(prop_oneof![5 => record(), 1 => scalar()], 0..5).prop_map(Value::from),
        1 => scalar(),
    ];
    (record(), list, proptest::bool::ANY).prop_map(|(mut document, list, has_list)| {
        if has_list {
            document["list"] = list;
        }
        document
    })
}

/// Writes a document with blanks of the test's between all its tokens.
fn written(value: &Value, blanks: &mut dyn FnMut() -> &'static str) -> String {
    let text = match value {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                let key = Value::from(key.as_str()).to_string();
                format!("{}{key}{}:{}", blanks(), blanks(), written(value, blanks))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| written(item, blanks)).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    };
    format!("{}{text}{}", blanks(), blanks())
}

/// Criteria of every parse type and condition over such documents; none of scope `raw`, whose point is the whitespace.
fn criteria() -> Vec<Acceptance> {
    let paths = [
        "a",
        "a.b",
        "a.b[0]",
        "list",
        "list[*]",
        "list[*].a",
        "list[0].a",
        "list[1].b",
        "$.list[?@.a == true]",
        "$.list[?@.a > 1 && @.b]",
        "$.list[?@.b == 'Available'].c",
        "$..a",
        "$.list[-1:].a",
        "$['list'][0]",
    ];
    let patterns = [
        "\"a\": true",
        "\"a\": 1",
        ", \"b\"",
        "\\{\"a\"",
        "[{}]",
        "\\s\\s",
        "\"a\" :",
        "^\\{",
        "\\}$",
        "\\[",
        "1E5",
        "\"list\": ",
        "(?m)^\\{",
        "a.*b",
    ];
    let conditions =
        [("greater_than", json!(0)), ("equals", json!(1)), ("equals", json!("Available")), ("contains", json!("a  b"))];
    let mut written = Vec::new();
    for (condition, value) in &conditions {
        let fields = json!({"condition": condition, "value": value});
        let with = |more: Value| {
            let mut criterion = fields.clone();
            criterion.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            criterion
        };
        written.extend(paths.map(|path| with(json!({"parse_type": "json", "parse_field": path}))));
        for pattern in patterns {
            written.extend(
                ["record", "body"]
                    .map(|scope| with(json!({"parse_type": "regex", "pattern": pattern, "scope": scope}))),
            );
            written.push(with(json!({"parse_type": "regex", "regex_type": "match", "pattern": pattern})));
            let capture = format!("({pattern})");
            written.push(with(json!({"parse_type": "regex", "regex_type": "capture", "pattern": capture})));
        }
    }
    written.extend(paths.map(|path| json!({"parse_type": "json", "parse_field": path, "condition": "exists"})));
    written.iter().map(acceptance).collect()
}

fn acceptance(written: &Value) -> Acceptance {
    let mut faults = Faults::default();
    let draft = AcceptanceDraft::parse(written, "", &mut faults);
    let completed = draft.and_then(|draft| draft.complete(&CriterionDraft::default(), "", &mut faults));
    faults.or(completed).unwrap_or_else(|faults| panic!("{written}: {faults:?}"))
}

/// What every criterion makes of a text, in words.
fn evaluations(text: &str, criteria: &[Acceptance]) -> Vec<String> {
    let root = callgate::json::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let snapshot = Snapshot {
        counts: Counts::default(),
        document: Document::new(root, Some("list"), text.to_owned()),
        queue_closed: false,
        observed_at: SystemTime::UNIX_EPOCH,
        warnings: Vec::new(),
        unread_because: None,
    };
    criteria.iter().map(|criterion| format!("{:?}", evaluate(criterion, &snapshot, &|| true))).collect()
}

#[test]
fn whitespace_between_tokens_never_changes_an_evaluation() {
    let criteria = criteria();
    let blanks = prop::collection::vec(select(vec!["", " ", "  ", "\n", "\t", "\r\n   "]), 1..40);
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(document in document(), blanks in blanks)| {
        let compact = document.to_string();
        let expected = evaluations(&compact, &criteria);
        let mut next = blanks.iter().copied().cycle();
        let scattered = written(&document, &mut || next.next().unwrap_or_default());
        let spaced = written(&document, &mut || " ");
        for text in [scattered, spaced, format!("{document:#}")] {
            prop_assert_eq!(&evaluations(&text, &criteria), &expected, "{:?}", text);
        }
    });
}
