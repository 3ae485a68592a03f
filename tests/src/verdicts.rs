//! What every verdict and every problem of a kind must say, whichever way it was asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::outcome::Outcome;
use crate::providers::{CONNECTION, Provider};

/// Checks a live verdict on the default recipe that says agents are ready; `what` tells cases apart.
///
/// # Panics
/// When it says anything else.
#[track_caller]
pub fn assert_accepts(provider: Provider, what: &str, verdict: &Value) {
    let expected = json!({
        "decision": "accept",
        "accept": true,
        "reason": "ok",
        "provider": provider.name,
        "connection": CONNECTION,
        "queue": provider.queue,
        "template": provider.default_template,
        "source": "live",
        "on_unknown_applied": false,
    });
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(verdict.get(name), Some(value), "{provider} {what}, {name}: {verdict}");
    }
    let findings = verdict["findings"].as_array().into_iter().flatten();
    let outcomes: Vec<_> = findings.map(|finding| &finding["outcome"]).collect();
    assert_eq!(outcomes, ["met"], "{provider} {what}: {verdict}");
    for name in ["decision_id", "checked_at", "message"] {
        let given = verdict[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(given, "{provider} {what}, {name}: {verdict}");
    }
    for name in ["data_age_ms", "upstream_requests", "elapsed_ms"] {
        assert!(verdict[name].is_u64(), "{provider} {what}, {name}: {verdict}");
    }
}

/// Checks a verdict that policy gave because there was no data at all.
///
/// # Panics
/// When it says anything else.
#[track_caller]
pub fn assert_policy(verdict: &Value, reason: &str, accept: bool) {
    let decision = if accept { "accept" } else { "reject" };
    let expected = json!({
        "decision": decision,
        "accept": accept,
        "reason": reason,
        "source": "policy",
        "on_unknown_applied": true,
        "available": null,
    });
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(verdict.get(name), Some(value), "{name}: {verdict}");
    }
}

/// Checks that the answer came before `deadline` had passed since the event was handed over.
///
/// # Panics
/// When it did not.
#[track_caller]
pub fn assert_in_time(outcome: &Outcome, deadline: Duration) {
    let elapsed = outcome.elapsed();
    assert!(elapsed < deadline, "took {elapsed:?} of {deadline:?}: {outcome:?}");
}

/// Checks a 400 problem whose faults are at exactly these JSON pointers, written plainly or as URI fragments.
///
/// # Panics
/// When it says anything else.
#[track_caller]
pub fn assert_names_every_fault(problem: &Value, pointers: &[&str]) {
    let mut named = BTreeSet::new();
    collect_pointers(problem, &mut named);
    let expected: BTreeSet<String> = pointers.iter().map(ToString::to_string).collect();
    assert_eq!(named, expected, "{problem}");
    assert_eq!(problem["status"], 400, "{problem}");
    assert!(problem["title"].is_string(), "{problem}");
}

/// Every text under a key `pointer`, at any depth.
fn collect_pointers(value: &Value, pointers: &mut BTreeSet<String>) {
    let inner: Vec<_> = match value {
        Value::Object(members) => {
            if let Some(Value::String(pointer)) = members.get("pointer") {
                pointers.insert(pointer.trim_start_matches('#').to_owned());
            }
            members.values().collect()
        }
        Value::Array(items) => items.iter().collect(),
        _ => return,
    };
    for value in inner {
        collect_pointers(value, pointers);
    }
}
