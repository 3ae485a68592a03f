//! The operators' page names every field of the log line, every metric and every alarm.

use std::collections::BTreeSet;

use crate::repository::{files_of_kind, text};
use crate::tables::{names, table};

const PAGE: &str = "docs/operations.md";
const SOURCE: &str = "shared/src/telemetry.rs";

#[test]
fn every_field_of_the_log_line_has_a_row_and_stands_in_the_example() {
    let page = text(PAGE);
    let source = text(SOURCE);
    let (_, line) = source.split_once("struct Line<'a> {\n").expect("the line's fields");
    let (line, _) = line.split_once("\n}").expect("their end");
    let fields: Vec<&str> = line.lines().filter(|line| !line.trim().starts_with("#[")).filter_map(field).collect();
    assert!(fields.len() > 25, "only {fields:?}");
    let documented = first_cells(&table(&page, "| field | meaning |"));
    assert_eq!(documented, fields, "the left is the page's, the right is the code's");
    let example = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let shown: BTreeSet<&str> = example.split('"').skip(1).step_by(2).collect();
    let missing: Vec<&&str> =
        fields.iter().filter(|field| !["trace_id", "hold_id"].contains(field) && !shown.contains(**field)).collect();
    assert!(missing.is_empty(), "{PAGE}: the example lacks {missing:?}");
}

#[test]
fn every_event_that_is_written_is_on_the_page() {
    let page = text(PAGE);
    let source = text(SOURCE);
    let events: BTreeSet<&str> = ["\"event\": \"", "event: \""]
        .iter()
        .flat_map(|start| source.split(start).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(events.len() >= 4, "only {events:?}");
    for event in events {
        assert!(page.contains(&format!("| `{event}` |")), "{PAGE} has no row for the event {event}");
    }
}

#[test]
fn every_metric_has_a_row() {
    let source = text(SOURCE);
    let mut metrics: BTreeSet<String> = source
        .split("(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\", "))
        .filter(|(_, unit)| ["COUNT)", "MILLISECONDS)", "\"None\")"].iter().any(|known| unit.starts_with(known)))
        .map(|(name, _)| name.to_owned())
        .collect();
    let template = text("infra/template.yaml");
    let (_, filter) = template.split_once("MetricTransformations:").expect("the filter's metric");
    let name = filter.split_once("MetricName: ").and_then(|(_, rest)| rest.lines().next()).expect("its name");
    metrics.insert(name.trim().to_owned());
    assert!(metrics.len() > 8, "only {metrics:?}");
    let documented: BTreeSet<String> = first_cells(&table(&text(PAGE), "| metric | meaning |")).into_iter().collect();
    assert_eq!(documented, metrics, "the left is the page's, the right is the code's and the template's");
}

#[test]
fn every_alarm_has_a_row_that_says_what_to_do() {
    let template = text("infra/template.yaml");
    let lines: Vec<&str> = template.lines().collect();
    let named: BTreeSet<String> = lines
        .windows(2)
        .filter(|pair| pair.last().is_some_and(|line| line.trim() == "Type: AWS::CloudWatch::Alarm"))
        .filter_map(|pair| pair.first().map(|name| name.trim().trim_end_matches(':').to_owned()))
        .collect();
    assert!(named.len() > 20, "only {named:?}");
    let mut documented = BTreeSet::new();
    for row in table(&text(PAGE), "| alarm | it means | do first |") {
        assert!(row.len() == 3 && row.iter().all(|cell| cell.len() > 5), "{row:?}");
        for name in row.first().map(|cell| names(cell)).unwrap_or_default() {
            for provider in ["CallTools", "GenesysCloud", "RingCentral", "PortSip"] {
                documented.insert(name.replace("{Provider}", provider));
            }
        }
    }
    assert_eq!(documented, named, "the left is the page's, the right is the template's");
}

#[test]
fn the_questions_ask_for_fields_that_there_are() {
    let page = text(PAGE);
    let mut known: BTreeSet<String> = first_cells(&table(&page, "| field | meaning |")).into_iter().collect();
    known.extend(["status", "faults"].map(str::to_owned));
    let mut asked = 0;
    for query in page.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let lines = query.lines().filter_map(|line| line.trim_start_matches("| ").strip_prefix("fields "));
        for field in lines.filter(|line| !line.contains('(')).flat_map(|line| line.split(", ")) {
            assert!(known.contains(field), "{PAGE}: there is no field {field:?}");
            asked += 1;
        }
    }
    assert!(asked > 10, "only {asked}");
}

#[test]
fn no_page_names_a_log_group_that_the_template_does_not_make() {
    let template = text("infra/template.yaml");
    let mut found = 0;
    for page in files_of_kind("md").iter().filter(|path| path.starts_with("docs/")) {
        for rest in text(page).split("`/callgate/{stack}/").skip(1) {
            let group = rest.split('`').next().unwrap_or_default();
            assert!(template.contains(&format!("/callgate/${{AWS::StackName}}/{group}\n")), "{page}: {group}");
            found += 1;
        }
    }
    assert!(found > 0, "{PAGE} names no log group");
}

fn field(line: &str) -> Option<&str> {
    line.trim().split_once(": ").map(|(name, _)| name)
}

fn first_cells(table: &[Vec<String>]) -> Vec<String> {
    table.iter().filter_map(|row| row.first()).flat_map(|cell| names(cell)).collect()
}
