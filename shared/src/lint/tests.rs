//! The lint held to what its warnings promise, and to silence where nothing is wrong.

use std::time::SystemTime;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{distance, nearest, warnings};
use crate::criteria::{Acceptance, AcceptanceDraft, CriterionDraft, Interval};
use crate::evaluate::evaluate;
use crate::fault::Faults;
use crate::providers::calltools::CallTools;
use crate::providers::genesys_cloud::GenesysCloud;
use crate::providers::portsip::PortSip;
use crate::providers::ringcentral::RingCentral;
use crate::providers::{Provider, Template};
use crate::request::CheckRequest;
use crate::saved::evaluate_saved;
use crate::snapshot::{Counts, Document, Snapshot, Unread};

const CALLTOOLS: &str = r#"{"count": 4, "next": null, "previous": null, "results": [
    {"id": 1, "full_name": "Ada", "status": "Available", "ready": true, "queue_logged_in": true, "live_calls_count": 0},
    {"id": 2, "full_name": "Ben", "status": "On Call", "ready": false, "queue_logged_in": true, "live_calls_count": 1},
    {"id": 3, "full_name": "Cho", "status": "Available", "ready": true, "queue_logged_in": true, "live_calls_count": 0},
    {"id": 4, "full_name": "Dev", "status": "Lunch", "ready": false, "queue_logged_in": false, "live_calls_count": null}
]}"#;

const GENESYS: &str = r#"{"entities": [
    {"id": "5e5e0000", "name": "Ada", "joined": true, "routingStatus": {"status": "IDLE"},
     "user": {"id": "5e5e0000", "presence": {"presenceDefinition": {"systemPresence": "Available"}}}},
    {"id": "5e5e0001", "name": "Ben", "joined": true, "routingStatus": {"status": "OFF_QUEUE"},
     "user": {"id": "5e5e0001", "presence": {"presenceDefinition": {"systemPresence": "Available"}}}}
], "pageSize": 25, "pageNumber": 1}"#;

const RINGCENTRAL: &str = r#"{
  "records" : [ {
    "member" : { "id" : "979428000", "name" : "Ada", "extensionNumber" : "12104" },
    "acceptQueueCalls" : true, "acceptCurrentQueueCalls" : true
  }, {
    "member" : { "id" : "979429000", "name" : "Ben", "extensionNumber" : "12105" },
    "acceptQueueCalls" : false, "acceptCurrentQueueCalls" : true
  } ]
}"#;

const PORTSIP: &str = r#"{"items": [
    {"extension_number": "1001", "display_name": "Ada", "skill_level": 1, "status": "READY"},
    {"extension_number": "1002", "display_name": "Ben", "skill_level": 2, "status": "QUEUE_CALL"},
    {"extension_number": "1003", "display_name": "Cho", "skill_level": 3}
]}"#;

fn parsed(acceptance: &Value) -> Acceptance {
    let mut faults = Faults::default();
    AcceptanceDraft::parse(acceptance, "", &mut faults)
        .and_then(|draft| draft.complete(&CriterionDraft::default(), "", &mut faults))
        .unwrap_or_else(|| panic!("{acceptance}: {:?}", faults.into_vec()))
}

fn snapshot(document: &str, list: Option<&'static str>) -> Snapshot {
    Snapshot {
        counts: Counts {
            available: Some(Interval::exactly(2)),
            waiting: Some(Interval::exactly(1)),
            ..Counts::default()
        },
        document: Document::new(crate::json::parse(document).unwrap(), list, document.to_owned()),
        queue_closed: false,
        observed_at: SystemTime::UNIX_EPOCH,
        warnings: Vec::new(),
        unread_because: None,
    }
}

fn lint_on(snapshot: &Snapshot, acceptance: &Value) -> Vec<String> {
    let acceptance = parsed(acceptance);
    warnings(&acceptance, &evaluate(&acceptance, snapshot, &|| true), snapshot)
}

/// The warnings on an answer of `CallTools`, without the criterion that they begin with.
fn lint(acceptance: &Value) -> Vec<String> {
    remarks(lint_on(&snapshot(CALLTOOLS, Some("results")), acceptance))
}

fn remarks(warnings: Vec<String>) -> Vec<String> {
    let remark =
        |warning: String| warning.rsplit_once(" reads `").map_or(warning.clone(), |(_, rest)| format!("reads `{rest}"));
    let of = |warning: String| {
        let starts = ["can ", "counts ", "has a ", "asks ", "reads ", "saw "];
        let at = starts.iter().filter_map(|start| warning.find(&format!("` {start}"))).min();
        at.and_then(|at| warning.get(at + 2..)).map_or_else(|| remark(warning.clone()), str::to_owned)
    };
    warnings.into_iter().map(of).collect()
}

fn json_criterion(path: &str, condition: &str, value: &Value) -> Value {
    let mut criterion = json!({"parse_type": "json", "parse_field": path, "condition": condition});
    if !value.is_null() {
        criterion["value"] = value.clone();
    }
    criterion
}

fn regex_criterion(kind: &str, scope: &str, pattern: &str) -> Value {
    let mut criterion =
        json!({"parse_type": "regex", "regex_type": kind, "pattern": pattern, "condition": "greater_than", "value": 0});
    if !scope.is_empty() {
        criterion["scope"] = Value::from(scope);
    }
    criterion
}

#[test]
fn a_warning_names_the_criterion_and_says_what_to_write() {
    let warnings = lint_on(&snapshot(CALLTOOLS, Some("results")), &json_criterion("Count", "greater_than", &json!(0)));
    assert_eq!(warnings, ["`json Count greater_than 0` reads `Count`, which the answer does not have; write `count`"]);
}

#[test]
fn a_field_that_is_never_present_is_named_with_what_is_there() {
    for (path, condition, value, expected) in [
        ("Count", "greater_than", json!(0), "reads `Count`, which the answer does not have; write `count`"),
        ("cuont", "greater_than", json!(0), "reads `cuont`, which the answer does not have; write `count`"),
        (
            "total",
            "greater_than",
            json!(0),
            "reads `total`, which the answer does not have; write one of the names there: count, next, previous, results",
        ),
        ("$.total", "exists", json!(null), ""),
        ("$.error", "not_exists", json!(null), ""),
        ("Next", "not_exists", json!(null), "reads `Next`, which the answer does not have; write `next`"),
        (
            "status",
            "equals",
            json!("Available"),
            "reads `status`, which the answer does not have; write `results[*].status`",
        ),
        (
            "$.status",
            "equals",
            json!("x"),
            "reads `status`, which the answer does not have; write `$.results[*].status`",
        ),
        (
            "results.status",
            "equals",
            json!("x"),
            "reads `status` of a list; write `results[*].status` to read it of each item",
        ),
        (
            "$['results'].status",
            "equals",
            json!("x"),
            "reads `status` of a list; write `$['results'][*].status` to read it of each item",
        ),
        ("results[0].Status", "equals", json!("x"), "reads `Status`, which `results[0]` does not have; write `status`"),
        (
            "results[*].queueLoggedIn",
            "greater_than",
            json!(0),
            "reads `queueLoggedIn`, which none of the 4 records looked at has; write `queue_logged_in`",
        ),
        (
            "$.results[?@.Status == 'Available']",
            "greater_than",
            json!(0),
            "reads `Status`, which none of the 4 records looked at has; write `status`",
        ),
        (
            "$.results[?@['stauts']=='Available']",
            "greater_than",
            json!(0),
            "reads `stauts`, which none of the 4 records looked at has; write `status`",
        ),
        (
            "$.results[?@.status == 'Available'].redy",
            "greater_than",
            json!(0),
            "reads `redy`, which none of the 4 records looked at has; write `ready`",
        ),
        (
            "$.results[?match(@.state, 'Avail.*')]",
            "greater_than",
            json!(0),
            "reads `state`, which none of the 4 records looked at has; write one of the names there: id, full_name, status, ready, queue_logged_in, live_calls_count",
        ),
        ("$..staus", "greater_than", json!(0), "reads `staus`, which nothing in the answer has; write `status`"),
        ("$..agents", "greater_than", json!(0), "reads `agents`, which nothing in the answer has"),
        // A list that is not there, in front of a filter.
        (
            "$.Results[?@.ready == true]",
            "greater_than",
            json!(0),
            "reads `Results`, which the answer does not have; write `results`",
        ),
    ] {
        let expected: Vec<&str> = Some(expected).into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(lint(&json_criterion(path, condition, &value)), expected, "{path}");
    }
}

#[test]
fn a_field_is_not_missing_where_it_is_null_or_may_sensibly_be_absent() {
    for (path, condition, value) in [
        ("next", "equals", json!(0)),
        ("next", "not_exists", json!(null)),
        ("results[9].status", "equals", json!("Available")),
        ("$.results[-9].status", "equals", json!("Available")),
        ("$.results[?!@.error]", "greater_than", json!(0)),
        ("$.results[?@.paused != true || @.status == 'Available']", "greater_than", json!(0)),
        ("$.results[?'@.Status' == @.status]", "greater_than", json!(0)),
        ("$.results[?@.status == \"@.Ready\" ]", "greater_than", json!(0)),
        ("$.results[?@.live_calls_count == null]", "greater_than", json!(0)),
    ] {
        let warnings = lint(&json_criterion(path, condition, &value));
        assert!(warnings.is_empty(), "{path}: {warnings:?}");
    }
    // Nothing to lack it.
    let empty = snapshot(r#"{"count": 0, "results": []}"#, Some("results"));
    for path in ["results[*].Status", "$.results[?@.Status == 'Available']", "$.results[*].a.b"] {
        let warnings = lint_on(&empty, &json_criterion(path, "greater_than", &json!(0)));
        assert!(warnings.is_empty(), "{path}: {warnings:?}");
    }
}

#[test]
fn a_count_that_the_answer_does_not_give_is_named_with_those_it_gives() {
    let criterion = json!({"parse_type": "agents", "parse_field": "on_call", "condition": "equals", "value": 0});
    assert_eq!(
        lint(&criterion),
        ["reads a count that this answer does not give; it gives available, waiting, headroom"]
    );
    let mut snapshot = snapshot(CALLTOOLS, Some("results"));
    snapshot.counts = Counts::default();
    let warnings = lint_on(&snapshot, &criterion);
    assert!(warnings.first().is_some_and(|warning| warning.contains("use another template")), "{warnings:?}");
}

#[test]
fn a_key_that_the_pattern_cannot_do_without_and_the_answer_lacks_is_named() {
    for (pattern, expected) in [
        (
            r#""Status": "Available""#,
            "reads the key `Status`, which none of the 4 records looked at has; write `status`",
        ),
        (
            r#""ready": true.*"presenceStatus": "Available""#,
            "reads the key `presenceStatus`, which none of the 4 records looked at has; write a key of the answer, which `explain` shows",
        ),
        (
            r#""count": [0-9]+"#,
            "reads the key `count`, which none of the 4 records looked at has; write a key of the answer, which `explain` shows",
        ),
        (r#""status": "Available""#, ""),
        (r#"(?i)"STATUS": "available""#, ""),
        (r#""presence": "Idle"|"status": "Available""#, ""),
        ("Available", ""),
    ] {
        let expected: Vec<&str> = Some(expected).into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(lint(&regex_criterion("count", "", pattern)), expected, "{pattern}");
    }
    // Met where nothing matches: the key is one that is not wanted.
    let guard = json!({"parse_type": "regex", "regex_type": "match", "pattern": "\"error\": ", "condition": "equals", "value": 0});
    assert!(lint(&guard).is_empty());
    assert!(lint(&json!({"not": regex_criterion("match", "", "\"error\": ")})).is_empty());
    assert_eq!(lint(&regex_criterion("match", "", "\"error\": ")).len(), 1);
    // An empty list lacks nothing.
    let empty = snapshot(r#"{"count": 0, "results": []}"#, Some("results"));
    for scope in ["", "body", "raw"] {
        assert!(lint_on(&empty, &regex_criterion("count", scope, r#""Status": "x""#)).is_empty());
    }
}

#[test]
fn a_pattern_that_can_run_from_one_record_into_the_next_is_told_so() {
    let record =
        "can begin in one record and end in another, and so join two agents in one match; write scope `record`";
    for (kind, scope, pattern, joins) in [
        ("count", "body", r#""status": "Available".*"queue_logged_in": true"#, true),
        ("count", "body", r#""status": "Available".*?"ready": true"#, true),
        ("match", "", r#""status": "Available".*"ready": true"#, true),
        ("match", "", r#""status": "Available"[^\]]+"ready": true"#, true),
        ("match", "", r#""status": "Available".{0,150}"ready": true"#, true),
        ("count", "body", r#""ready": true.*"#, true),
        ("count", "body", r#"("status": "Available"|"ready": true)(, |\W|\w)*"queue_logged_in": true"#, true),
        ("count", "raw", r#""status": "Available"[\s\S]*"ready": true"#, true),
        // The default scope of a count, and those that stop at the record's end.
        ("count", "", r#""status": "Available".*"ready": true"#, false),
        ("match", "record", r#""status": "Available".*"ready": true"#, false),
        ("count", "body", r#""status": "Available"[^{}]*"ready": true"#, false),
        ("count", "body", r#""status": "Available"[^}]*"ready": true"#, false),
        ("count", "body", r#""status": "Available"[^{]*"ready": true"#, false),
        // Numbers, blanks and texts that stay within their quotes.
        ("capture", "", r#""count": (\d+)"#, false),
        ("count", "body", r#""status":\s*"Available""#, false),
        ("count", "body", r#""status": "[^"]*""#, false),
        ("capture", "", r#""status": "([^"]*)""#, false),
        ("count", "body", r#""[^"]*": true"#, false),
        ("count", "body", r#""status": "(?:Available|On Call)""#, false),
        ("count", "body", r#""status": "\w+", "ready": \w+"#, false),
        // Too short to have been meant to run on.
        ("count", "body", r#""status": "Available".{0,30}"ready": true"#, false),
        // Looser at its ends only: there is a match or there is none.
        ("match", "", r#".*"ready": true.*"#, false),
        // Written out.
        ("count", "body", r"\}, \{", false),
        // As received, the records are on lines of their own.
        ("count", "raw", r#""status": "Available".*"ready": true"#, false),
    ] {
        let found = lint(&regex_criterion(kind, scope, pattern));
        let expected = if joins { vec![record] } else { vec![] };
        assert_eq!(found, expected, "{kind} {scope} {pattern}");
    }
    let capture = lint(&regex_criterion("capture", "", r#""status": "On Call".*"live_calls_count": (\d+)"#));
    assert!(capture.first().is_some_and(|warning| warning.contains("write `[^{}]*`")), "{capture:?}");
    let one = snapshot(r#"{"count": 1, "results": [{"status": "Available", "ready": true}]}"#, Some("results"));
    assert!(lint_on(&one, &regex_criterion("count", "body", r#""status": "Available".*"ready": true"#)).is_empty());
}

#[test]
fn a_condition_that_can_never_be_false_or_never_be_true_is_told_so() {
    let agents = |count: &str| json!({"parse_type": "agents", "parse_field": count});
    let json = |path: &str| json!({"parse_type": "json", "parse_field": path});
    let regex = |kind: &str| json!({"parse_type": "regex", "regex_type": kind, "pattern": "\"ready\": true"});
    let counts = [
        agents("available"),
        regex("count"),
        json("results"),
        json("results[*].ready"),
        json("$.results[?@.ready == true]"),
        json("count"),
    ];
    let mut cases = Vec::new();
    for count in counts {
        for (condition, value, never) in [
            ("greater_than", json!(-1), "false"),
            ("greater_than", json!("-0.5"), "false"),
            ("greater_than", json!(0), ""),
            ("at_least", json!(0), "false"),
            ("at_least", json!(false), "false"),
            ("at_least", json!(1), ""),
            ("less_than", json!(0), "true"),
            ("less_than", json!(1), ""),
            ("at_most", json!(-1), "true"),
            ("at_most", json!(0), ""),
            ("equals", json!(-1), "true"),
            ("equals", json!(1.5), "true"),
            ("equals", json!("1.0"), ""),
            ("equals", json!(0), ""),
            ("equals", json!("three"), "true"),
            ("not_equals", json!(-1), "false"),
            ("not_equals", json!(2.5), "false"),
            ("not_equals", json!(0), ""),
            ("greater_than", json!("three"), ""),
        ] {
            cases.push((count.clone(), condition, value, never));
        }
    }
    for (condition, value, never) in [
        ("greater_than", json!(1), "true"),
        ("greater_than", json!(0), ""),
        ("at_most", json!(1), "false"),
        ("less_than", json!(2), "false"),
        ("less_than", json!(1), ""),
        ("at_least", json!(2), "true"),
        ("equals", json!(2), "true"),
        ("equals", json!(1), ""),
        ("equals", json!(true), ""),
        ("not_equals", json!(3), "false"),
        ("exists", json!(null), "false"),
        ("not_exists", json!(null), "true"),
    ] {
        cases.push((regex("match"), condition, value, never));
    }
    for (reading, condition, value, never) in [
        (regex("count"), "exists", json!(null), "false"),
        (agents("headroom"), "less_than", json!(0), ""),
        (agents("headroom"), "at_least", json!(0), ""),
        (agents("headroom"), "equals", json!(0.5), "true"),
        (agents("headroom"), "not_equals", json!(-2), ""),
        (json("results[0].ready"), "greater_than", json!(1), "true"),
        (json("results[0].ready"), "equals", json!("TRUE"), ""),
        (json("results[0].ready"), "equals", json!("yes"), "true"),
        // Nobody says that these cannot be negative, or broken.
        (json("results[0].id"), "at_least", json!(0), ""),
        (json("results[0].id"), "equals", json!(1.5), ""),
        (json("results[0].status"), "equals", json!("Idle"), ""),
        (json("results"), "contains", json!(-1), ""),
        (
            json!({"parse_type": "regex", "regex_type": "capture", "pattern": "\"count\": (\\d+)"}),
            "at_least",
            json!(0),
            "",
        ),
    ] {
        cases.push((reading, condition, value, never));
    }
    for (mut criterion, condition, value, never) in cases {
        criterion["condition"] = Value::from(condition);
        if !value.is_null() {
            criterion["value"] = value;
        }
        let found = lint(&criterion);
        let told: Vec<&String> = found.iter().filter(|remark| remark.starts_with("can never be ")).collect();
        if never.is_empty() {
            assert!(told.is_empty(), "{criterion}: {told:?}");
        } else {
            let start = format!("can never be {never}: ");
            assert!(
                told.len() == 1 && found.iter().any(|remark| remark.starts_with(&start) && remark.contains(';')),
                "{criterion}: {found:?}"
            );
        }
    }
    assert_eq!(
        lint(&json!({"parse_type": "agents", "parse_field": "available", "condition": "at_least", "value": 0})),
        ["can never be false: it is never below 0; write `greater_than` 0 for at least 1"]
    );
}

#[test]
fn numbers_that_are_counted_where_they_were_to_be_compared_are_told_so() {
    let counts = "counts the numbers that the path selects and does not compare them; ";
    for (path, condition, value, instead) in [
        (
            "results[*].live_calls_count",
            "less_than",
            json!(1),
            "write `$.results[?@.live_calls_count < 1]` with `greater_than` 0 to compare each",
        ),
        (
            "$.results[?@.status == 'Available'].live_calls_count",
            "equals",
            json!(0),
            "write `$.results[?@.status == 'Available' && @.live_calls_count == 0]` with `greater_than` 0 to compare each",
        ),
        (
            "$.results[?@.status == 'a' || @.status == 'b']['live_calls_count']",
            "greater_than",
            json!(2),
            "write `$.results[?(@.status == 'a' || @.status == 'b') && @['live_calls_count'] > 2]` with `greater_than` 0 to compare each",
        ),
    ] {
        assert_eq!(lint(&json_criterion(path, condition, &value)), [format!("{counts}{instead}")], "{path}");
    }
    let rows = snapshot(r#"{"idle": {"a": 3, "b": 0}, "rows": [{"status": "IDLE", "count": 7}]}"#, None);
    for (path, instead) in [
        ("$.rows[?@.status == 'IDLE'].count", "write `$.rows[?@.status == 'IDLE' && @.count > 2]` with"),
        ("$.idle.*", "name one of them"),
    ] {
        let found = lint_on(&rows, &json_criterion(path, "greater_than", &json!(2)));
        assert!(found.len() == 1 && found.iter().all(|warning| warning.contains(instead)), "{path}: {found:?}");
    }
    for (path, condition, value) in [
        ("results[*].id", "greater_than", json!(0)),
        ("results[*].status", "greater_than", json!(0)),
        ("results[*]", "greater_than", json!(0)),
        ("results[*].live_calls_count", "contains", json!(0)),
        ("results[0].live_calls_count", "greater_than", json!(0)),
    ] {
        assert_eq!(lint(&json_criterion(path, condition, &value)), [""; 0], "{path} {condition}");
    }
}

#[test]
fn a_filter_that_tests_existence_where_truth_was_meant_is_told_so() {
    let there = |field: &str, what: &str, instead: &str| {
        format!(
            "has a filter that asks only whether `{field}` is there, and it is there also where it is {what}; write `{instead}`"
        )
    };
    for (path, expected) in [
        ("$.results[?@.ready]", vec![there("@.ready", "false", "@.ready == true")]),
        ("$.results[?!@.ready]", vec![there("@.ready", "false", "@.ready == false")]),
        ("$.results[?!(@['ready'])]", vec![there("@['ready']", "false", "@['ready'] == false")]),
        ("$.results[? @.status=='Available'&&@.ready ]", vec![there("@.ready", "false", "@.ready == true")]),
        (
            "$.results[?(@.ready) && @.queue_logged_in]",
            vec![
                there("@.ready", "false", "@.ready == true"),
                there("@.queue_logged_in", "false", "@.queue_logged_in == true"),
            ],
        ),
        ("$.results[?@.live_calls_count]", vec![there("@.live_calls_count", "0", "@.live_calls_count != 0")]),
        ("$.results[?@.ready == true]", vec![]),
        ("$.results[?true == @.ready]", vec![]),
        ("$.results[?@.ready!=false]", vec![]),
        ("$.results[?@.status]", vec![]),
        ("$.results[?@.status == 'a && @.ready']", vec![]),
        ("$.results[?@.status == \"it's @.ready\" || @.full_name == ']@.ready']", vec![]),
        ("$.results[?length(@.full_name) > 2]", vec![]),
    ] {
        assert_eq!(lint(&json_criterion(path, "greater_than", &json!(0))), expected, "{path}");
    }
    let calls = snapshot(r#"{"results": [{"call": null}, {"call": {"id": 1}}, {"call": {"id": 2}}]}"#, Some("results"));
    let found = lint_on(&calls, &json_criterion("$.results[?@.call]", "greater_than", &json!(0)));
    assert!(found.iter().any(|warning| warning.ends_with("write `@.call && @.call != null`")), "{found:?}");
    for (path, expected) in [
        ("results[1].ready", "write `equals` true"),
        ("results[*].ready", "write `greater_than` 0"),
        ("results[0].ready", ""),
        ("$.results[?@.ready == true].ready", ""),
    ] {
        let found = lint(&json_criterion(path, "exists", &json!(null)));
        assert!(found.iter().all(|remark| remark.ends_with(expected)), "{path}: {found:?}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{path}: {found:?}");
    }
}

#[test]
fn a_criterion_that_saw_one_page_of_several_is_told_so() {
    let page = r#"{"count": 60, "next": "https://east-1.calltools.io/api/agentstatuses/?page=2", "results": [
        {"status": "Available", "ready": true}, {"status": "Lunch", "ready": false}]}"#;
    let one_page = snapshot(page, Some("results"));
    let saw = "saw one page of several, 2 of 60 records, so that what it counts is a lower bound; read `count`, or run a \
               check with `explain`, which reads all the pages it can";
    let agents =
        |count: &str| json!({"parse_type": "agents", "parse_field": count, "condition": "greater_than", "value": 0});
    for (criterion, expected) in [
        (json_criterion("results[*].ready", "greater_than", &json!(0)), saw),
        (json_criterion("results", "at_least", &json!(3)), saw),
        (json_criterion("$.results[?@.ready == true]", "exists", &json!(null)), saw),
        (regex_criterion("count", "", r#""ready": true"#), saw),
        (agents("available"), saw),
        (json_criterion("count", "greater_than", &json!(0)), ""),
        (json_criterion("results[0].status", "equals", &json!("Available")), ""),
        (regex_criterion("match", "", r#""count": [1-9]"#), ""),
        (regex_criterion("capture", "", r#""count": (\d+)"#), ""),
    ] {
        let found = remarks(lint_on(&one_page, &criterion));
        let expected: Vec<&str> = Some(expected).into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(found, expected, "{criterion}");
    }
    // The provider counted itself, over all pages.
    let mut counted = one_page.clone();
    counted.counts.available = Some(Interval::exactly(60));
    assert!(lint_on(&counted, &agents("available")).is_empty());
    // Read on, or read in part because the outcome was settled.
    let mut read_on = one_page.clone();
    read_on.document.join(json!({"results": [{"status": "Available", "ready": true}]}), String::new()).unwrap();
    let mut settled = one_page.clone();
    settled.document.unread = Unread::AtMost(58);
    for snapshot in [&read_on, &settled] {
        assert!(lint_on(snapshot, &json_criterion("results[*].ready", "greater_than", &json!(0))).is_empty());
    }
}

#[test]
fn a_number_that_describes_a_page_is_no_number_of_the_list() {
    let mut snapshot = snapshot(GENESYS, Some("entities"));
    let criterion = json_criterion("pageSize", "greater_than", &json!(0));
    assert!(lint_on(&snapshot, &criterion).is_empty(), "there is one page");
    snapshot.document.unread = Unread::Unbounded;
    assert_eq!(
        remarks(lint_on(&snapshot, &criterion)),
        ["reads `pageSize` of one page of several; write `entities` to count the whole list"]
    );
    let paged = r#"{"records": [{"a": 1}], "paging": {"page": 1, "totalPages": 2, "totalElements": 2}}"#;
    let paged = self::snapshot(paged, Some("records"));
    for (path, warns) in [("paging.page", true), ("paging.totalPages", false), ("paging.totalElements", false)] {
        assert_eq!(
            lint_on(&paged, &json_criterion(path, "greater_than", &json!(0))).len(),
            usize::from(warns),
            "{path}"
        );
    }
}

#[test]
fn nothing_is_said_where_the_evaluation_ran_out_of_time_or_the_queue_is_closed() {
    let acceptance = parsed(&json_criterion("Count", "at_least", &json!(0)));
    let mut snapshot = snapshot(CALLTOOLS, Some("results"));
    assert!(warnings(&acceptance, &evaluate(&acceptance, &snapshot, &|| false), &snapshot).is_empty());
    snapshot.queue_closed = true;
    assert!(warnings(&acceptance, &evaluate(&acceptance, &snapshot, &|| true), &snapshot).is_empty());
}

#[test]
fn the_same_is_said_once() {
    let criterion = json_criterion("$.results[?@.Status == 'a' && @.Status != 'b']", "greater_than", &json!(0));
    assert_eq!(lint(&json!({"any": [criterion, criterion]})).len(), 1);
}

#[test]
fn the_default_criteria_draw_no_warning_on_what_the_providers_answer() {
    fn quiet<P: Provider>(documents: &[&str]) {
        for document in documents {
            let template = P::Template::first().unwrap().as_str();
            let plan = CheckRequest::plan_for_saved::<P>(&json!({}), Some(template), &Map::new()).unwrap();
            let (snapshot, evaluation) = evaluate_saved(&plan, document).unwrap();
            let found = warnings(&plan.acceptance, &evaluation, &snapshot);
            assert!(found.is_empty(), "{}: {found:?}", P::NAME);
        }
    }
    quiet::<CallTools>(&[
        CALLTOOLS,
        r#"{"count": 0, "next": null, "previous": null, "results": []}"#,
        r#"{"count": 60, "next": "https://east-1.calltools.io/api/agentstatuses/?page=2", "previous": null, "results": [{"ready": true}]}"#,
    ]);
    quiet::<GenesysCloud>(&[
        GENESYS,
        r#"{"entities": [], "pageSize": 25, "pageNumber": 1}"#,
        r#"{"entities": [{"id": "5e5e0000", "joined": true}], "pageSize": 25, "pageNumber": 1, "total": 5, "pageCount": 1}"#,
    ]);
    quiet::<RingCentral>(&[
        RINGCENTRAL,
        r#"{"records": []}"#,
        r#"{"records": [{"extension": {"id": "12345"}, "acceptCurrentQueueCalls": true, "presenceStatus": "Available"}],
            "paging": {"page": 1, "totalPages": 1, "totalElements": 1}}"#,
    ]);
    quiet::<PortSip>(&[PORTSIP, r#"{"items": []}"#]);
}

#[test]
fn criteria_that_people_write_draw_no_warning() {
    for criterion in [
        json_criterion("count", "greater_than", &json!(4)),
        json_criterion("results", "at_least", &json!(2)),
        json_criterion("results[0].status", "contains", &json!("Avail")),
        json_criterion("results[*].status", "contains", &json!("Lunch")),
        json_criterion("results[*].queue_logged_in", "greater_than", &json!(0)),
        json_criterion("$.results[?@.status == 'Available' && @.queue_logged_in == true]", "greater_than", &json!(2)),
        json_criterion("$.results[?@.live_calls_count > 0]", "exists", &json!(null)),
        json_criterion("$..status", "greater_than", &json!(0)),
        json_criterion("$.results[0:2].queue_logged_in", "greater_than", &json!(0)),
        regex_criterion("count", "", r#""status": "Available".*"queue_logged_in": true"#),
        regex_criterion("match", "", r#"(?i)"status": "lunch""#),
        json!({"not": {"parse_type": "agents", "parse_field": "available", "condition": "equals", "value": 0}}),
        json!({"parse_type": "agents", "parse_field": "headroom", "condition": "at_least", "value": 0}),
    ] {
        let found = lint(&criterion);
        assert!(found.is_empty(), "{criterion}: {found:?}");
    }
}

#[test]
fn a_name_is_near_to_what_was_probably_meant() {
    let names = ["count", "next", "queue_logged_in", "id", "status", "ready"];
    for (wanted, meant) in [
        ("Count", Some("count")),
        ("queueLoggedIn", Some("queue_logged_in")),
        ("queue_loged_in", Some("queue_logged_in")),
        ("staus", Some("status")),
        ("satus", Some("status")),
        ("sattus", Some("status")),
        ("ID", Some("id")),
        ("is", None),
        ("total", None),
        ("redial", None),
        ("", None),
    ] {
        assert_eq!(nearest(wanted, names.into_iter()), meant, "{wanted}");
    }
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    for (one, other, steps) in [("", "ab", 2), ("abc", "abc", 0), ("abc", "acb", 1), ("abcd", "bd", 2), ("ab", "cd", 2)]
    {
        assert_eq!(distance(&letters(one), &letters(other), 2), Some(steps), "{one} {other}");
    }
    assert_eq!(distance(&letters("abc"), &letters("xyz"), 2), None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-c]{1,2}", "results|Status|status|count|next|\\PC{0,3}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        "\\.[a-c]{1,2}",
        "\\.results|\\.status|\\.\\*|\\[\\*\\]|\\[0\\]|\\[-1\\]|\\[0:2\\]|\\.\\.a|\\['a','b'\\]|\\['\\\\'\\]'\\]",
        "\\[\\?@\\.(a|b|status)( (==|!=|<) ('x'|1|true|null|@\\.a))?( (&&|\\|\\|) !?@(\\.c|\\['a'\\]))?\\]",
        "\\[\\?(length\\(@\\.a\\) > 1|!\\(@\\.a\\)|match\\(@\\.b, 'x'\\)|\\$\\.a)\\]",
    ];
    let jsonpath = prop::collection::vec(step, 0..4).prop_map(|steps| format!("${}", steps.concat()));
    prop_oneof![4 => jsonpath, 1 => "[a-c]{1,2}(\\.status|\\[\\*\\]|\\[1\\]){0,2}", 1 => "\\PC{0,12}"]
}

fn any_criterion() -> impl Strategy<Value = Value> {
    let condition =
        prop::sample::select(crate::criteria::Condition::ALL.map(crate::criteria::Condition::as_str).to_vec());
    let value = prop_oneof![
        any::<i8>().prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
        any::<f32>().prop_filter_map("finite", |number| serde_json::Number::from_f64(number.into()).map(Value::from))
    ];
    let pattern = prop_oneof![
        "(\"status\": |\\.\\*|\\[\\^x\\]\\+|true|\\{|a\\{0,40\\}|(\\(a\\|\\.\\)){1,2}\\*|\\$){0,5}",
        "\\PC{0,12}",
    ];
    let reading = prop_oneof![
        any_path().prop_map(|path| json!({"parse_type": "json", "parse_field": path})),
        (prop::sample::select(vec!["count", "match", "capture"]), prop::sample::select(vec!["record", "body", "raw"]), pattern)
            .prop_map(|(kind, scope, pattern)| json!({"parse_type": "regex", "regex_type": kind, "scope": scope, "pattern": pattern})),
        prop::sample::select(crate::criteria::AgentCount::ALL.map(crate::criteria::AgentCount::as_str).to_vec())
            .prop_map(|count| json!({"parse_type": "agents", "parse_field": count})),
    ];
    (reading, condition, value).prop_map(|(mut criterion, condition, value)| {
        criterion["condition"] = Value::from(condition);
        criterion["value"] = value;
        criterion
    })
}

proptest! {
    #[test]
    fn whatever_the_answer_and_the_criteria_each_warning_is_one_line_and_told_once(
        root in any_json(),
        criteria in prop::collection::vec(any_criterion(), 1..4),
        list in prop::sample::select(vec![None, Some("results")]),
        unread in prop::sample::select(vec![Unread::Nothing, Unread::AtMost(3), Unread::Unbounded]),
    ) {
        let mut faults = Faults::default();
        let criteria: Vec<Value> = criteria
            .into_iter()
            .filter(|criterion| {
                let mut faults = Faults::default();
                let draft = AcceptanceDraft::parse(criterion, "", &mut faults);
                draft.and_then(|draft| draft.complete(&CriterionDraft::default(), "", &mut faults)).is_some()
                    && faults.is_empty()
            })
            .collect();
        let draft = AcceptanceDraft::parse(&json!({"any": [{"not": {"all": criteria}}]}), "", &mut faults);
        let acceptance = draft.and_then(|draft| draft.complete(&CriterionDraft::default(), "", &mut faults));
        if let Some(acceptance) = acceptance {
            let text = root.to_string();
            let mut snapshot = snapshot(&text, list);
            snapshot.document.unread = unread;
            let found = warnings(&acceptance, &evaluate(&acceptance, &snapshot, &|| true), &snapshot);
            for (at, warning) in found.iter().enumerate() {
                prop_assert!(warning.starts_with('`') && !warning.contains(char::is_control), "{warning}");
                prop_assert!(!found[..at].contains(warning), "{warning}");
            }
        }
    }
}
