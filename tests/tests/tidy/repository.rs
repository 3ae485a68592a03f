//! The repository's own files: those git keeps, and those it would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The paths of all files, from the root, with `/`: what git keeps, and what is new and not ignored.
pub(crate) fn files() -> Vec<String> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = git(&arguments);
    let mut files: Vec<String> =
        listed.split('\0').filter(|path| !path.is_empty() && root().join(path).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    assert!(files.len() > 50, "git lists only {} files", files.len());
    files
}

/// The files whose names end in a dot and this.
pub(crate) fn files_of_kind(extension: &str) -> Vec<String> {
    let of_kind = |path: &String| Path::new(path).extension().is_some_and(|own| own == extension);
    files().into_iter().filter(of_kind).collect()
}

/// The Rust files below the folders.
pub(crate) fn rust_files(folders: &[&str]) -> Vec<String> {
    let below = |path: &String| folders.iter().any(|folder| path.starts_with(folder));
    let files: Vec<String> = files_of_kind("rs").into_iter().filter(below).collect();
    assert!(!files.is_empty(), "there is no Rust file below {folders:?}");
    files
}

/// A file's text; the test fails where it is not there.
#[track_caller]
pub(crate) fn text(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A file's text, where it is text.
pub(crate) fn text_if_any(path: &str) -> Option<String> {
    String::from_utf8(fs::read(root().join(path)).ok()?).ok()
}

/// The part of a Rust file in front of its unit tests.
pub(crate) fn without_tests(source: &str) -> &str {
    source.split_once("\n#[cfg(test)]").map_or(source, |(code, _)| code)
}

/// The lines of a text that hold `pattern`, each as `path:line: text`.
pub(crate) fn lines_with(path: &str, text: &str, pattern: &str) -> Vec<String> {
    let found = text.lines().enumerate().filter(|(_, line)| line.contains(pattern));
    found.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())).collect()
}

/// What git prints.
#[track_caller]
pub(crate) fn git(arguments: &[&str]) -> String {
    // Whoever owns the checkout: a container's user often does not.
    run("git", &[&["-c", "safe.directory=*"], arguments].concat())
}

/// What cargo prints.
#[track_caller]
pub(crate) fn cargo(arguments: &[&str]) -> String {
    run(env!("CARGO"), arguments)
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {errors}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}
