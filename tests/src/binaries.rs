//! The project's binaries, built once for a test process and found by name.

use std::collections::HashMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::Message;

use crate::{HarnessError, Result};

/// Where the binary of that name is; the first call of the process builds them all.
///
/// # Errors
/// When they do not build, or none has that name.
pub fn executable(name: &str) -> Result<&'static Path> {
    static EXECUTABLES: OnceLock<std::result::Result<HashMap<String, PathBuf>, String>> = OnceLock::new();
    match EXECUTABLES.get_or_init(|| build(&PACKAGES, "dev").map_err(|error| error.to_string())) {
        Ok(executables) => executables
            .get(name)
            .map(PathBuf::as_path)
            .ok_or_else(|| HarnessError::new(format!("no binary called {name} was built"))),
        Err(error) => Err(HarnessError::new(error)),
    }
}

/// Builds the binaries of `packages` by a profile of the workspace's manifest, and says where each is, by its name.
///
/// # Errors
/// When they do not build; the message holds what the compiler says.
pub fn build(packages: &[&str], profile: &str) -> Result<HashMap<String, PathBuf>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--message-format=json", "--profile", profile]);
    for package in packages {
        cargo.args(["-p", package]);
    }
    for name in SET_FOR_THIS_PACKAGE {
        cargo.env_remove(name);
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = cargo.current_dir(workspace).stdin(Stdio::null()).output()?;

    let mut executables = HashMap::new();
    let mut diagnostics = String::new();
    for message in Message::parse_stream(BufReader::new(output.stdout.as_slice())) {
        match message? {
            Message::CompilerArtifact(artifact) => {
                if let Some(executable) = artifact.executable {
                    executables.insert(artifact.target.name, executable.into());
                }
            }
            Message::CompilerMessage(message) => diagnostics.extend(message.message.rendered),
            _ => {}
        }
    }
    if output.status.success() {
        Ok(executables)
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(HarnessError::new(format!("the binaries do not build:\n{diagnostics}\n{stderr}")))
    }
}

/// The packages whose binaries are under test; a function's binary has its package's name, the command is `callgate`.
const PACKAGES: [&str; 6] = [
    "callgate-calltools",
    "callgate-genesys-cloud",
    "callgate-ringcentral",
    "callgate-portsip",
    "callgate-token-refresh",
    "callgate-local",
];

/// What the cargo that runs this test set for it: build scripts that watch these would run again under the inner cargo.
const SET_FOR_THIS_PACKAGE: [&str; 9] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
];
