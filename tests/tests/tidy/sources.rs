//! Rules that every source file keeps.

use callgate::providers::ProviderName;

use crate::repository::{files, git, lines_with, rust_files, text, text_if_any, without_tests};

/// Where HTTP clients are built.
const HTTP: &str = "shared/src/http.rs";
/// Where the environment is read.
const SETTINGS: &str = "shared/src/settings.rs";
/// Where compiled paths and patterns are remembered: it changes the time they take, and nothing that is decided.
const COMPILED: &str = "shared/src/criteria/compiled.rs";

#[test]
fn only_one_module_builds_http_clients() {
    let patterns = [
        "Client::builder",
        "Client::new",
        "ClientBuilder",
        "reqwest::get",
        "reqwest::blocking",
        "hyper_util::client",
        "hyper::client",
        "TcpStream::connect",
        "TlsConnector",
    ];
    let mut found = Vec::new();
    for path in rust_files(&["shared/", "functions/", "local/"]).iter().filter(|path| *path != HTTP) {
        let source = text(path);
        let code = without_tests(&source);
        found.extend(patterns.iter().flat_map(|pattern| lines_with(path, code, pattern)));
    }
    assert!(found.is_empty(), "only {HTTP} may connect to a host: {found:#?}");
    assert!(text(HTTP).contains("reqwest::Client::builder"), "{HTTP} builds no client: this test looks for nothing");
}

#[test]
fn only_one_module_reads_the_environment() {
    let patterns = ["env::var", "env::vars", "env::set_var", "env::remove_var", "env::args_os", "var_os("];
    let mut found = Vec::new();
    for path in rust_files(&["shared/", "functions/", "local/"]).iter().filter(|path| *path != SETTINGS) {
        let source = text(path);
        found.extend(patterns.iter().flat_map(|pattern| lines_with(path, &source, pattern)));
    }
    assert!(found.is_empty(), "only {SETTINGS} may read the environment: {found:#?}");
    assert!(text(SETTINGS).contains("std::env::var"), "{SETTINGS} reads nothing: this test looks for nothing");
}

#[test]
fn a_disallowed_method_is_called_where_it_belongs_and_in_tests_only() {
    let mut found = Vec::new();
    for path in rust_files(&["shared/", "functions/", "local/"]) {
        if path != HTTP && path != SETTINGS {
            found.extend(lines_with(&path, &text(&path), "disallowed_methods"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    for method in ["std::env::var", "std::env::var_os", "std::env::vars", "reqwest::Client::new"] {
        assert!(text("clippy.toml").contains(&format!("path = \"{method}\"")), "clippy.toml must disallow {method}");
    }
}

#[test]
fn a_functions_main_holds_no_logic() {
    for provider in ProviderName::ALL {
        let path = format!("functions/{provider}/src/main.rs");
        let source = text(&path);
        let lines = source.lines().count();
        assert!(lines <= 20, "{path} has {lines} lines");
        let source = code_only(&source);
        assert!(source.contains("callgate::lambda::serve::<"), "{path} must serve its provider");
        for word in ["if ", "match ", "for ", "while ", "loop ", "let ", "unwrap", "struct ", "mod ", "||"] {
            let found = lines_with(&path, &source, word);
            assert!(found.is_empty(), "{found:#?}");
        }
        let others: Vec<String> =
            rust_files(&[&format!("functions/{provider}/")]).into_iter().filter(|other| *other != path).collect();
        assert!(others.is_empty(), "a function is its main.rs alone: {others:?}");
    }
}

#[test]
fn what_decides_does_no_io_and_reads_no_clock() {
    let pure: Vec<String> = rust_files(&["shared/src/"])
        .into_iter()
        .filter(|path| {
            ["decision", "document", "evaluate", "json", "projection", "render"]
                .iter()
                .any(|name| *path == format!("shared/src/{name}.rs"))
                || path.starts_with("shared/src/criteria/") && path != COMPILED
                || path.ends_with("/mapping.rs")
        })
        .collect();
    assert!(pure.len() >= 18, "only {pure:?}");
    let impure = [
        "tokio",
        "reqwest",
        "SystemTime",
        "Instant",
        "::clock",
        "::http",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "stdin",
        "stdout",
        "stderr",
        "async ",
        ".await",
        "print",
        "uuid",
        "rand",
        "static ",
    ];
    let mut found = Vec::new();
    for path in pure {
        let source = text(&path);
        // A lifetime is no static item, and an operand no random number.
        let code = code_only(without_tests(&source)).replace("&'static ", "&").replace("operand", "");
        found.extend(impure.iter().flat_map(|word| lines_with(&path, &code, word)));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_rust_file_begins_by_saying_what_it_is() {
    let silent: Vec<String> = rust_files(&["shared/", "functions/", "local/", "tests/"])
        .into_iter()
        .filter(|path| !text(path).starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "these must begin with `//! ` and a sentence: {silent:#?}");
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    let patterns = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("dbg", "!("),
    ];
    assert_in_no_file(&patterns, "finish it, or use `#[expect(…, reason = \"…\")]` for a lint");
}

#[test]
fn nothing_is_kept_that_a_build_or_a_run_makes() {
    let kept = git(&["ls-files", "--cached", "--ignored", "--exclude-standard"]);
    assert!(kept.is_empty(), "git keeps what it is told to ignore: {kept}");
}

#[test]
fn the_project_stands_alone() {
    let patterns = [
        concat!("/wo", "rk/"),
        concat!("../sha", "red"),
        concat!(".librar", "y"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
    ];
    assert_in_no_file(&patterns, "nothing here may depend on one machine or on what lies beside the repository");
}

/// A source with an empty line for each line of comment.
fn code_only(source: &str) -> String {
    source
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "\n".to_owned() } else { format!("{line}\n") })
        .collect()
}

#[track_caller]
fn assert_in_no_file(patterns: &[&str], advice: &str) {
    let mut found = Vec::new();
    for path in files().iter().filter(|path| *path != "Cargo.lock") {
        let Some(text) = text_if_any(path) else { continue };
        found.extend(patterns.iter().flat_map(|pattern| lines_with(path, &text, pattern)));
    }
    assert!(found.is_empty(), "{advice}: {found:#?}");
}
