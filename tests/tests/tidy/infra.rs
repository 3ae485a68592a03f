//! The page on deploying names what the template asks and prints, with the template's own defaults.

use std::collections::BTreeMap;

use crate::repository::text;
use crate::tables::{names, table};

const PAGE: &str = "docs/deploy.md";

#[test]
fn every_parameter_of_the_template_has_a_row_with_its_default() {
    let mut documented = BTreeMap::new();
    for row in table(&text(PAGE), "| parameter | meaning | default |") {
        let [parameters, meaning, default] = row.as_slice() else { panic!("{row:?}") };
        assert!(meaning.len() > 20, "what does it mean? {row:?}");
        let default = if default == "empty" { "" } else { default.trim_matches('`') };
        for name in names(parameters) {
            assert_eq!(documented.insert(name, default.to_owned()), None, "twice: {row:?}");
        }
    }
    let defaults: BTreeMap<String, String> =
        entries("Parameters").into_iter().map(|(name, body)| (name, default(&body).to_owned())).collect();
    assert!(defaults.len() > 20, "the template's parameters are not found: {defaults:?}");
    assert_eq!(documented, defaults, "the left is the page's, the right is the template's");
}

#[test]
fn every_output_of_the_template_has_a_row() {
    let documented: Vec<String> = table(&text(PAGE), "| output | what it is |")
        .iter()
        .filter_map(|row| row.first())
        .flat_map(|cell| names(cell))
        .collect();
    let outputs: Vec<String> = entries("Outputs").into_iter().map(|(name, _)| name).collect();
    assert!(outputs.len() > 4, "the template's outputs are not found: {outputs:?}");
    assert_eq!(documented, outputs, "the left is the page's, the right is the template's");
}

/// The entries of a section of the template, in order: each name, and the lines below it.
#[track_caller]
fn entries(section: &str) -> Vec<(String, String)> {
    let template = text("infra/template.yaml");
    let start = format!("\n{section}:\n");
    let at = template.find(&start).unwrap_or_else(|| panic!("the template has no {section}"));
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in template.get(at + start.len()..).unwrap_or_default().lines() {
        let depth = line.len() - line.trim_start().len();
        match (line.trim(), depth) {
            ("", _) => {}
            (_, 0) => break,
            (name, 2) if !name.starts_with('#') => entries.push((name.trim_end_matches(':').to_owned(), String::new())),
            _ => {
                if let Some((_, body)) = entries.last_mut() {
                    body.extend([line, "\n"]);
                }
            }
        }
    }
    entries
}

/// A parameter's default, without its quotes.
#[track_caller]
fn default(body: &str) -> &str {
    let default = body.lines().find_map(|line| line.strip_prefix("    Default:"));
    default.unwrap_or_else(|| panic!("it has no default: {body}")).trim().trim_matches('"')
}
