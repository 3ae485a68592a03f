//! RFC 9535 by its rules: what each kind of selector, comparison and function selects, and what is no JSONPath.

use callgate::criteria::{AcceptanceDraft, CriterionDraft, FieldPath};
use callgate::fault::Faults;
use callgate::snapshot::Document;
use serde_json::{Value, json};

fn rules() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/jsonpath/rules.json");
    callgate::json::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn selects(rules: &Value) -> Vec<(&str, Vec<&Value>)> {
    let cases = rules["selects"].as_array().unwrap().iter();
    cases.map(|case| (case[0].as_str().unwrap(), case[1].as_array().unwrap().iter().collect())).collect()
}

#[test]
fn a_path_selects_what_the_rules_say() {
    let rules = rules();
    let cases = selects(&rules);
    assert!(cases.len() >= 70, "{} cases", cases.len());
    for (path, expected) in cases {
        let read = FieldPath::parse(path).unwrap_or_else(|problem| panic!("{path} {problem}"));
        assert_eq!(read.select(&rules["document"]), expected, "{path}");
    }
}

#[test]
fn a_path_selects_the_same_of_records_of_which_only_its_fields_are_kept() {
    let rules = rules();
    let answer = json!({"l": [rules["document"], null, 7]}).to_string();
    for (path, expected) in selects(&rules) {
        let in_records = format!("$.l[*]{}", path.strip_prefix('$').unwrap());
        let criterion = json!({"parse_type": "json", "parse_field": in_records, "condition": "exists"});
        let mut faults = Faults::default();
        let draft = AcceptanceDraft::parse(&criterion, "", &mut faults);
        let acceptance = draft.and_then(|draft| draft.complete(&CriterionDraft::default(), "", &mut faults)).unwrap();
        let document = Document::read(answer.clone(), Some("l"), &acceptance.record_fields(Some("l"))).unwrap();
        let read = FieldPath::parse(&in_records).unwrap();
        assert_eq!(read.select(document.root()), expected, "{in_records}");
    }
}

#[test]
fn what_is_no_jsonpath_is_refused() {
    let rules = rules();
    let refused = rules["refused"].as_array().unwrap();
    assert!(refused.len() >= 35, "{} paths", refused.len());
    let taken: Vec<&Value> = refused.iter().filter(|path| FieldPath::parse(path.as_str().unwrap()).is_ok()).collect();
    assert!(taken.is_empty(), "{taken:?}");
}
