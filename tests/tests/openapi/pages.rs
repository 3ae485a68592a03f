//! The document and the pages of the documentation say the same.

use std::collections::BTreeSet;

use callgate::providers::ProviderName;
use serde_json::Value;

use crate::document::{faults, properties, request_schema, schema, text, words};
use crate::providers::{known, request_fields};

/// The cells of the first table below a heading.
#[track_caller]
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let text = format!("\n{}", text(page));
    let start = format!("\n{heading}\n");
    let below = text.split_once(&start).unwrap_or_else(|| panic!("{page} has no {heading:?}")).1;
    let rows = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands in backticks in a text.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names in the first column of a table.
#[track_caller]
fn names(page: &str, heading: &str) -> BTreeSet<String> {
    table(page, heading).iter().flat_map(|row| quoted(&row[0])).collect()
}

/// The row of a table that is about a name.
#[track_caller]
fn row(page: &str, heading: &str, name: &str) -> Vec<String> {
    let rows = table(page, heading);
    let found = rows.into_iter().find(|row| quoted(&row[0]).contains(name));
    found.unwrap_or_else(|| panic!("{page}, {heading}: no row for {name}"))
}

#[test]
fn the_requests_table_has_the_documents_fields_and_limits() {
    let page = "docs/request.md";
    assert_eq!(names(page, "## Fields"), request_fields());
    for provider in ProviderName::ALL {
        assert_eq!(properties(schema(&request_schema(provider.as_str()))), names(page, "## Fields"), "{provider}");
    }
    for (field, name) in
        [("deadline_ms", "DeadlineMs"), ("max_age_ms", "MaxAgeMs"), ("stale_if_error_ms", "StaleIfErrorMs")]
    {
        let limits = format!("{} to {}", schema(name)["minimum"], schema(name)["maximum"]);
        assert!(row(page, "## Fields", field)[1].contains(&limits), "{page}: {field} must say {limits}");
    }
    for (field, name) in [("queue", "Queue"), ("destination", "Destination"), ("call_id", "CallId")] {
        let limit = format!("up to {} bytes", schema(name)["maxLength"]);
        assert!(row(page, "## Fields", field)[1].contains(&limit), "{page}: {field} must say {limit}");
    }
    let connection = format!("up to {}", schema("Connection")["maxLength"]);
    assert!(row(page, "## Fields", "connection")[1].contains(&connection), "{page}: connection must say {connection}");
    for (field, name) in [("on_unknown", "OnUnknown"), ("as", "AnswerAs")] {
        let said = quoted(&row(page, "## Fields", field)[1]);
        assert_eq!(said, words(schema(name)).into_iter().collect(), "{page}: {field}");
    }
}

#[test]
fn the_criterias_tables_have_the_documents_words() {
    let page = "docs/criteria.md";
    assert_eq!(names(page, "## Conditions"), words(schema("Condition")).into_iter().collect());
    let of_criterion = names(page, "## From the form to the request");
    let joined = ["all", "any", "not"].map(str::to_owned);
    assert_eq!(&of_criterion | &joined.into(), properties(schema("Acceptance")));
    for field in ["parse_type", "regex_type", "scope"] {
        let name = match field {
            "parse_type" => "ParseType",
            "regex_type" => "RegexType",
            _ => "Scope",
        };
        let said = quoted(&row(page, "## From the form to the request", field)[2]);
        let missing: Vec<String> = words(schema(name)).into_iter().filter(|word| !said.contains(word)).collect();
        assert!(missing.is_empty(), "{page}: {field} must name {missing:?}");
    }
}

#[test]
fn the_verdicts_tables_have_the_documents_fields_and_words() {
    let page = "docs/verdict.md";
    for (heading, name) in [
        ("## Fields", "Verdict"),
        ("## Findings", "Finding"),
        ("## The trace", "Trace"),
        ("Each of the `requests`:", "TraceEntry"),
    ] {
        assert_eq!(names(page, heading), properties(schema(name)), "{page}, {heading}");
    }
    let verdict = &schema("Verdict")["properties"];
    assert_eq!(quoted(&row(page, "## Fields", "decision")[1]), words(&verdict["decision"]).into_iter().collect());
    let mut sources = quoted(&row(page, "## Fields", "source")[1]);
    for field in ["on_unknown", "max_age_ms", "stale_if_error_ms"] {
        sources.remove(field);
    }
    assert_eq!(sources, words(&verdict["source"]).into_iter().collect());
    let outcomes = quoted(&row(page, "## Findings", "outcome")[1]);
    assert_eq!(outcomes, words(&schema("Finding")["properties"]["outcome"]).into_iter().collect());
    assert_eq!(names(page, "## Three forms"), words(schema("AnswerAs")).into_iter().collect());
    let reasons = names("docs/reasons.md", "# Reasons");
    assert_eq!(reasons, words(schema("Reason")).into_iter().collect());
}

#[test]
fn the_statuses_without_a_verdict_are_the_codes_own() {
    let said: Vec<String> =
        table("docs/verdict.md", "## When there is no verdict").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(said, ["400", "403", "404", "405", "413", "500"]);
}

#[test]
fn the_readme_names_each_path_and_its_default_recipe() {
    let rows = table("README.md", "## Providers");
    assert_eq!(rows.len(), ProviderName::ALL.len());
    for (row, provider) in rows.iter().zip(ProviderName::ALL) {
        assert_eq!(row[1], format!("`/v1/check/{provider}`"));
        let templates = words(&schema(&request_schema(provider.as_str()))["properties"]["template"]);
        assert_eq!(row[2], format!("`{}`", templates[0]));
        assert_eq!(templates, known(provider).templates);
    }
}

#[test]
fn every_example_of_the_pages_fits_its_schema() {
    let mut held = 0;
    for page in ["README.md", "docs/criteria.md", "docs/providers.md", "docs/request.md", "docs/verdict.md"] {
        let text = text(page);
        for block in text.split("\n```json ").skip(1) {
            let (info, rest) = block.split_once('\n').unwrap();
            let body = rest.split("\n```").next().unwrap();
            let name = match info.split(' ').collect::<Vec<_>>().as_slice() {
                ["request", provider] => request_schema(provider),
                ["verdict"] => "Verdict".to_owned(),
                ["problem"] => "Problem".to_owned(),
                _ => continue,
            };
            let value: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{page}: {error}: {body}"));
            let faults = faults(&name, &value);
            assert!(faults.is_empty(), "{page}: {faults:#?}\n{body}");
            held += 1;
        }
    }
    assert!(held >= 15, "only {held} examples");
}
