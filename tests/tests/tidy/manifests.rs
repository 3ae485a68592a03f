//! The manifests and the files a build depends on.

use cargo_metadata::MetadataCommand;

use crate::repository::{files, git, root, text};

#[test]
fn the_lock_file_is_kept() {
    let kept = git(&["ls-files", "Cargo.lock"]);
    assert_eq!(kept.trim(), "Cargo.lock", "Cargo.lock must be committed");
}

#[test]
fn every_member_inherits_the_lints_and_what_is_the_same_for_all() {
    let manifests: Vec<String> = files().into_iter().filter(|path| path.ends_with("/Cargo.toml")).collect();
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    assert_eq!(manifests.len(), metadata.workspace_members.len(), "a manifest is no member: {manifests:?}");
    for path in manifests {
        let manifest = text(&path);
        assert_eq!(section(&manifest, "lints").trim(), "workspace = true", "{path}: [lints]");
        let package = section(&manifest, "package");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            let inherited = format!("{key}.workspace = true");
            assert!(package.lines().any(|line| line == inherited), "{path} must have `{inherited}`");
        }
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let own: Vec<&str> = section(&manifest, kind)
                .lines()
                .filter(|line| line.contains('=') && !line.starts_with('#') && !line.contains("workspace = true"))
                .collect();
            assert!(own.is_empty(), "{path} names versions of its own: {own:?}");
        }
    }
}

#[test]
fn a_panic_in_a_release_unwinds() {
    let manifest = text("Cargo.toml");
    let release = section(&manifest, "profile.release");
    assert!(release.lines().any(|line| line == "panic = \"unwind\""), "[profile.release] has {release}");
}

#[test]
fn the_pinned_toolchain_is_the_version_the_manifest_asks_for() {
    let toolchain = text("rust-toolchain.toml");
    let manifest = text("Cargo.toml");
    let channel = value(section(&toolchain, "toolchain"), "channel");
    let asked = value(section(&manifest, "workspace.package"), "rust-version");
    assert!(channel == asked || channel.starts_with(&format!("{asked}.")), "pinned {channel}, asked for {asked}");
}

#[test]
fn both_licences_are_there_in_full() {
    let manifest = text("Cargo.toml");
    assert_eq!(value(section(&manifest, "workspace.package"), "license"), "MIT OR Apache-2.0");
    assert!(text("LICENSE-MIT").contains("Permission is hereby granted, free of charge"));
    let apache = text("LICENSE-APACHE");
    for part in ["Version 2.0, January 2004", "END OF TERMS AND CONDITIONS", "9. Accepting Warranty"] {
        assert!(apache.contains(part), "LICENSE-APACHE lacks {part:?}");
    }
}

#[test]
fn the_changelog_has_the_version_that_is_built() {
    let manifest = text("Cargo.toml");
    let version = value(section(&manifest, "workspace.package"), "version");
    let heading = format!("## [{version}]");
    assert!(text("CHANGELOG.md").lines().any(|line| line.starts_with(&heading)), "CHANGELOG.md lacks {heading}");
}

/// The lines of a manifest's section.
fn section<'m>(manifest: &'m str, name: &str) -> &'m str {
    let header = format!("[{name}]\n");
    let from = if manifest.starts_with(&header) { Some(header.len()) } else { None };
    let from = from.or_else(|| manifest.find(&format!("\n{header}")).map(|at| at + 1 + header.len()));
    let Some(rest) = from.and_then(|from| manifest.get(from..)) else { return "" };
    rest.split("\n[").next().unwrap_or(rest)
}

/// The text a key has in a section.
#[track_caller]
fn value<'m>(section: &'m str, key: &str) -> &'m str {
    let start = format!("{key} = \"");
    let line = section.lines().find_map(|line| line.strip_prefix(&start)).and_then(|rest| rest.strip_suffix('"'));
    line.unwrap_or_else(|| panic!("there is no {key} in {section}"))
}
