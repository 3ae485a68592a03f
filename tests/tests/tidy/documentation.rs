//! The documentation names everything there is, and leads to what it names.

use callgate::criteria::{AgentCount, Condition, PatternKind, SINGLE_CRITERION_FIELDS, Scope};
use callgate::http::MAX_BODY_BYTES;
use callgate::providers::ProviderName;
use callgate::request::MAX_REQUEST_BYTES;
use callgate::settings::Settings;
use callgate::verdict::Reason;

use crate::providers::{options, templates, written};
use crate::repository::{files_of_kind, root, text};

#[test]
fn every_reason_has_a_row_that_says_what_it_means_who_must_act_and_what_to_do_first() {
    let page = text("docs/reasons.md");
    let rows = rows(&page, "| Reason | What it means | Who acts | Do this first |");
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row.iter().all(|cell| cell.len() > 1), "a cell is empty: {row:?}");
    }
    let named: Vec<&str> = rows.iter().filter_map(|row| row.first().map(|cell| cell.trim_matches('`'))).collect();
    let all: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(named, all, "docs/reasons.md has other reasons, or another order, than the verdict");
}

#[test]
fn every_provider_has_a_row_in_the_readme() {
    let readme = text("README.md");
    for provider in ProviderName::ALL {
        let start = format!("| {}", written(provider));
        let address = format!("`/v1/check/{provider}`");
        let row = readme.lines().find(|line| line.starts_with(&start) && line.contains(&address));
        let row = row.unwrap_or_else(|| panic!("README.md needs a table row that starts {start:?} and has {address}"));
        let template = templates(provider).first().copied().unwrap_or_default();
        assert!(row.contains(&format!("`{template}`")), "README.md: the row of {provider} must name `{template}`");
    }
}

#[test]
fn every_provider_has_its_place_on_each_page() {
    for page in ["docs/providers.md", "docs/secrets.md", "docs/request.md", "docs/reasons.md"] {
        let text = text(page);
        for provider in ProviderName::ALL {
            let heading =
                |line: &str| line.starts_with('#') && line.trim_start_matches('#').trim() == written(provider);
            let row = |line: &str| line.starts_with(&format!("| {} |", written(provider)));
            let found = text.lines().any(|line| heading(line) || row(line));
            assert!(found, "{page} needs a heading or a table row for {}", written(provider));
        }
    }
}

#[test]
fn every_template_and_option_has_a_row_in_the_docs() {
    for provider in ProviderName::ALL {
        for name in templates(provider).iter().chain(options(provider)) {
            let start = format!("| `{name}` |");
            let found = section(&text("docs/providers.md"), written(provider)).contains(&start);
            assert!(found, "docs/providers.md: the section {} needs a row {start:?}", written(provider));
        }
    }
}

#[test]
fn every_word_of_a_criterion_has_a_row_in_the_docs() {
    let page = text("docs/criteria.md");
    let words = SINGLE_CRITERION_FIELDS.into_iter();
    let words = words
        .chain(Condition::ALL.map(Condition::as_str))
        .chain(PatternKind::ALL.map(PatternKind::as_str))
        .chain(Scope::ALL.map(Scope::as_str))
        .chain(AgentCount::ALL.map(AgentCount::as_str));
    let missing: Vec<&str> = words.filter(|word| !page.contains(&format!("\n| `{word}` |"))).collect();
    assert!(missing.is_empty(), "docs/criteria.md has no row for {missing:?}");
}

#[test]
fn every_setting_has_a_row_in_the_docs() {
    let source = text("shared/src/settings.rs");
    let page = text("docs/secrets.md");
    let quoted = source.split('"').skip(1).step_by(2);
    let names: Vec<&str> = quoted.filter(|name| name.starts_with("CALLGATE_") || name.starts_with("AWS_")).collect();
    assert!(names.len() >= 7, "only {names:?}");
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .filter(|name| !page.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{name}`"))))
        .collect();
    assert!(missing.is_empty(), "docs/secrets.md has no row for {missing:?}");
}

#[test]
fn the_limits_in_the_docs_are_the_codes_own() {
    let kib = format!("{} KiB", MAX_REQUEST_BYTES >> 10);
    for page in ["docs/request.md", "docs/verdict.md"] {
        assert!(text(page).contains(&kib), "{page} must say that a request has at most {kib}");
    }
    let mib = format!("{} MiB", MAX_BODY_BYTES >> 20);
    assert!(text("docs/criteria.md").contains(&mib), "docs/criteria.md must say that an answer has at most {mib}");
    let deadline = Settings::default().deadline.as_millis().to_string();
    for page in ["docs/request.md", "docs/secrets.md"] {
        assert!(text(page).contains(&deadline), "{page} must name the deadline as shipped, {deadline}");
    }
}

#[test]
fn the_readme_leads_to_every_page_and_names_the_two_commands() {
    let readme = text("README.md");
    for page in files_of_kind("md").iter().filter(|path| path.starts_with("docs/")) {
        assert!(readme.contains(&format!("]({page}")), "README.md must link to {page}");
    }
    for command in ["cargo run", "./test"] {
        assert!(readme.contains(command), "README.md must name `{command}`");
    }
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in &files_of_kind("md") {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in links(&text(page)) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { joined(folder, path) };
            followed += 1;
            if !root().join(&target).exists() {
                broken.push(format!("{page}: {link}"));
            } else if !anchor.is_empty() && !anchors(&text(&target)).iter().any(|known| known == anchor) {
                broken.push(format!("{page}: {link} (no such heading)"));
            }
        }
    }
    assert!(followed > 10, "only {followed} links found");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The rows of the tables with this header, cell by cell.
#[track_caller]
fn rows(page: &str, header: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = page.lines().collect();
    let mut rows = Vec::new();
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| **line == header) {
        let below = lines.iter().skip(at + 2).take_while(|line| line.starts_with('|'));
        rows.extend(below.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()));
    }
    assert!(!rows.is_empty(), "there is no table with the header {header:?}");
    rows
}

/// The part of a page below a heading, up to the next of the same level or a higher one.
#[track_caller]
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let start = format!("\n## {heading}\n");
    let at = page.find(&start).unwrap_or_else(|| panic!("there is no heading {heading:?}"));
    let rest = page.get(at + start.len()..).unwrap_or_default();
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The targets of a page's links, those to other hosts aside.
fn links(page: &str) -> Vec<String> {
    let mut code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        found.extend(targets.map(|(target, _)| target.to_owned()).filter(|target| !target.contains("://")));
    }
    found
}

fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The names by which a page's headings are linked to.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let slug = |heading: &str| -> String {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(slug).collect()
}
