//! The crates that are built in: their licences, which of them are kept out, and how many there are.

use std::collections::BTreeSet;

use callgate::providers::ProviderName;
use cargo_metadata::MetadataCommand;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::repository::{cargo, root};

/// The licences that occur and are acceptable. Each imposes no more than keeping its notice.
const LICENCES: [&str; 9] =
    ["Apache-2.0", "BSD-3-Clause", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib"];

/// Crates that must not be built in, and why.
const BANNED: [(&str, &str); 14] = [
    ("openssl", "a second TLS stack"),
    ("openssl-sys", "a second TLS stack"),
    ("native-tls", "a second TLS stack"),
    ("hyper-tls", "a second TLS stack"),
    ("tokio-native-tls", "a second TLS stack"),
    ("boring", "a second TLS stack"),
    ("s2n-tls", "a second TLS stack"),
    ("schannel", "a second TLS stack"),
    ("aws-lc-rs", "a second cryptography library, slow to start; ring serves"),
    ("aws-lc-sys", "a second cryptography library, slow to start; ring serves"),
    ("graviola", "a second cryptography library; ring serves"),
    ("h2", "the providers are asked over HTTP/1.1"),
    ("aws-config", "the role's credentials stand in the environment; the rest is dead weight"),
    ("lambda_http", "the events are read here, so that a fault is named in our own words"),
];

/// The most crates a function may be built from, itself included. Raise it on purpose only.
const MOST_CRATES: usize = 180;

#[test]
fn every_dependency_has_a_licence_that_is_acceptable() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .unwrap();
    let mut refused = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.source.is_some()) {
        let licence = package.license.clone().unwrap_or_default();
        let acceptable = Expression::parse_mode(&licence, ParseMode::LAX)
            .is_ok_and(|expression| expression.evaluate(|requirement| LICENCES.contains(&name(requirement).as_str())));
        if !acceptable {
            refused.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    assert!(metadata.packages.len() > 100, "only {} packages", metadata.packages.len());
    assert!(refused.is_empty(), "licences that are not on the list: {refused:#?}");
}

#[test]
fn every_licence_on_the_list_occurs() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .unwrap();
    let occurring: BTreeSet<String> = metadata
        .packages
        .iter()
        .filter_map(|package| Expression::parse_mode(package.license.as_deref()?, ParseMode::LAX).ok())
        .flat_map(|expression| expression.requirements().map(|each| name(&each.req)).collect::<Vec<_>>())
        .collect();
    let unused: Vec<&str> = LICENCES.into_iter().filter(|licence| !occurring.contains(*licence)).collect();
    assert!(unused.is_empty(), "on the list, and no dependency has it: {unused:?}");
}

/// A licence's SPDX name; with its exception, which is then another licence.
fn name(requirement: &LicenseReq) -> String {
    requirement.to_string()
}

#[test]
fn what_is_built_in_has_one_tls_stack_and_none_of_the_banned_crates() {
    let mut packages: Vec<String> = ProviderName::ALL.iter().map(|provider| format!("callgate-{provider}")).collect();
    packages.extend(["callgate", "callgate-local", "callgate-token-refresh"].map(str::to_owned));
    for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
        for package in &packages {
            let crates = crates_of(package, target);
            for (banned, why) in BANNED {
                let found = crates.iter().find(|(name, _)| name == banned);
                assert!(found.is_none(), "{package} on {target} has {banned}: {why}");
            }
            for single in ["rustls", "ring", "hyper", "http", "reqwest", "tokio", "rustls-webpki"] {
                let versions: Vec<&str> =
                    crates.iter().filter(|(name, _)| name == single).map(|(_, version)| version.as_str()).collect();
                assert_eq!(versions.len(), 1, "{package} on {target} has {single} in versions {versions:?}");
            }
            let hyper = crates.iter().find(|(name, _)| name == "hyper").unwrap();
            assert!(hyper.1.starts_with("1."), "{package} on {target} has hyper {}", hyper.1);
        }
    }
}

#[test]
fn a_function_is_built_from_no_more_crates_than_is_written_here() {
    for provider in ProviderName::ALL {
        let crates = crates_of(&format!("callgate-{provider}"), "x86_64-unknown-linux-gnu");
        assert!(crates.len() > 50, "only {} crates listed for {provider}", crates.len());
        assert!(crates.len() <= MOST_CRATES, "{provider} is built from {} crates", crates.len());
    }
}

/// The names and versions of what a package is built from, itself and procedural macros included.
fn crates_of(package: &str, target: &str) -> BTreeSet<(String, String)> {
    let arguments =
        ["tree", "--locked", "--package", package, "--edges", "normal", "--target", target, "--prefix", "none"];
    let listed = cargo(&arguments);
    let mut crates = BTreeSet::new();
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(version)) = (words.next(), words.next()) else { panic!("cargo tree wrote {line:?}") };
        crates.insert((name.to_owned(), version.trim_start_matches('v').to_owned()));
    }
    crates
}
