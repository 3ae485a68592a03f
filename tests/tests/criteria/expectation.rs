//! What a fixture expects of an evaluation, and the comparison with what came out.

use callgate::criteria::{Decimal, Outcome, Outcomes};
use callgate::evaluate::Evaluation;
use serde_json::Value;

/// What differs between an evaluation and a fixture's `expected`; empty where nothing does.
pub(crate) fn differences(evaluation: &Evaluation, expected: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: String, came: &str, wanted: &str| {
        if came != wanted {
            differences.push(format!("{what}: expected {wanted}, came {came}"));
        }
    };
    compare("outcome".to_owned(), word(evaluation.outcomes), expected["outcome"].as_str().unwrap());
    let reason = match evaluation.outcomes.decided() {
        Some(Outcome::Unknown) => evaluation
            .cause
            .and_then(|at| evaluation.findings.get(at)?.cause)
            .map_or("none", callgate::verdict::Reason::as_str),
        _ => "null",
    };
    compare("reason".to_owned(), reason, expected["reason"].as_str().unwrap_or("null"));
    let findings = expected["findings"].as_array().unwrap();
    compare("number of findings".to_owned(), &evaluation.findings.len().to_string(), &findings.len().to_string());
    for (at, (came, wanted)) in evaluation.findings.iter().zip(findings).enumerate() {
        compare(format!("outcome of finding {at}"), word(came.outcomes), wanted["outcome"].as_str().unwrap());
        if let Some(wanted) = wanted.get("observed") {
            let same = match (number(&came.observed), number(wanted)) {
                (Some(came), Some(wanted)) => came == wanted,
                _ => &came.observed == wanted,
            };
            if !same {
                compare(format!("observed of finding {at}"), &came.observed.to_string(), &wanted.to_string());
            }
        }
    }
    differences
}

fn word(outcomes: Outcomes) -> &'static str {
    match outcomes.decided() {
        Some(Outcome::Met) => "met",
        Some(Outcome::NotMet) => "not_met",
        Some(Outcome::Unknown) => "unknown",
        None => "open",
    }
}

fn number(value: &Value) -> Option<Decimal> {
    value.is_number().then(|| Decimal::from_json_token(&value.to_string()))?
}
