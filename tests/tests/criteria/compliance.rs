//! The JSONPath compliance test suite of RFC 9535, on our paths: what they take they take right, and what is none they
//! refuse. The suite comes with a crate that is in the tree for it alone.

use std::fs;

use callgate::criteria::{AcceptanceDraft, CriterionDraft, FieldPath};
use callgate::fault::Faults;
use callgate::snapshot::Document;
use cargo_metadata::MetadataCommand;
use serde_json::{Value, json};

/// The tests of the suite.
fn suite() -> Vec<Value> {
    let metadata =
        MetadataCommand::new().other_options(["--locked".to_owned(), "--offline".to_owned()]).exec().unwrap();
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "jsonpath-rfc9535").unwrap();
    let file = package.manifest_path.with_file_name("tests").join("data/compliance_test_suite.json");
    let suite: Value = callgate::json::parse(&fs::read_to_string(file).unwrap()).unwrap();
    let tests = suite.get("tests").and_then(Value::as_array).unwrap().clone();
    assert!(tests.len() >= 700, "{} tests", tests.len());
    tests
}

/// The selections that a test allows: several where the order of members is no matter. `None`: it is no JSONPath.
fn allowed(test: &Value) -> Option<Vec<&Value>> {
    if test["invalid_selector"] == true {
        return None;
    }
    Some(
        test.get("results")
            .map_or_else(|| vec![&test["result"]], |results| results.as_array().unwrap().iter().collect()),
    )
}

/// What our paths leave out of JSONPath, each with its own words: it could not be interrupted, or would be read twice.
const LEFT_OUT: [&str; 3] =
    ["compares with `$` in a filter", "has a filter within a filter", "has a pattern in match() or search()"];

#[test]
fn what_is_taken_selects_what_the_suite_says_and_what_is_no_jsonpath_is_refused() {
    let (mut taken, mut left_out) = (0, 0);
    for test in suite() {
        let selector = test["selector"].as_str().unwrap();
        // Without `$` in front it is a plain path of ours, with rules of its own.
        if !selector.starts_with('$') {
            continue;
        }
        match (allowed(&test), FieldPath::parse(selector)) {
            (None, Ok(_)) => panic!("{}: {selector} is taken", test["name"]),
            (None, Err(_)) => {}
            (Some(_), Err(problem)) => {
                assert!(LEFT_OUT.iter().any(|rule| problem.contains(rule)), "{}: {selector} {problem}", test["name"]);
                left_out += 1;
            }
            (Some(allowed), Ok(path)) => {
                let selected = selected(&path, &test["document"]);
                assert!(allowed.contains(&&selected), "{}: {selector} selects {selected}", test["name"]);
                taken += 1;
            }
        }
    }
    assert!(taken >= 400 && left_out <= 20, "{taken} taken, {left_out} left out");
}

#[test]
fn it_selects_the_same_of_a_record_of_which_only_the_fields_it_reads_are_kept() {
    let mut tried = 0;
    for test in suite() {
        let selector = test["selector"].as_str().unwrap();
        let Some((allowed, rest)) = allowed(&test).zip(selector.strip_prefix('$')) else { continue };
        let in_records = format!("$.l[*]{rest}");
        let criterion = json!({"parse_type": "json", "parse_field": in_records, "condition": "exists"});
        let mut faults = Faults::default();
        let draft = AcceptanceDraft::parse(&criterion, "", &mut faults);
        let acceptance = draft.and_then(|draft| draft.complete(&CriterionDraft::default(), "", &mut faults));
        // What our paths leave out, and what selects too much behind a list.
        let Some(acceptance) = acceptance.filter(|_| FieldPath::parse(&in_records).is_ok()) else { continue };
        let answer = json!({"l": [test["document"]]}).to_string();
        let document = Document::read(answer, Some("l"), &acceptance.record_fields(Some("l"))).unwrap();
        let selected = selected(&FieldPath::parse(&in_records).unwrap(), document.root());
        assert!(allowed.contains(&&selected), "{}: {in_records} selects {selected}", test["name"]);
        tried += 1;
    }
    assert!(tried >= 400, "{tried} tried");
}

fn selected(path: &FieldPath, document: &Value) -> Value {
    Value::Array(path.select(document).into_iter().cloned().collect())
}
