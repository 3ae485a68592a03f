//! The acceptance criteria held against written-down expectations: every documented example, every rule, every fault.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod compliance;
mod examples;
mod expectation;
mod faults;
mod rules;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The JSON files below a fixtures folder, by name.
fn fixtures(folder: &str) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {}", folder.display());
    files
        .into_iter()
        .map(|path| (path.clone(), callgate::json::parse(&std::fs::read_to_string(path).unwrap()).unwrap()))
        .collect()
}
