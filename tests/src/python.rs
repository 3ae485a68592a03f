//! Other people's programs for the tests: what `./test` has installed from `requirements.txt`.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The installed Python, with its packages.
#[derive(Debug)]
pub struct Python {
    programs: PathBuf,
}

impl Python {
    /// What is installed. `None`, with a word on standard error: nothing is, and the test is left out.
    ///
    /// # Panics
    /// When nothing is and `CI` is `true`: then nothing is left out.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin");
        // The last of what is installed: half an installation is none.
        if programs.join("cargo-lambda").exists() {
            return Some(Self { programs });
        }
        assert!(
            !in_continuous_integration(),
            "the Python packages are not set up: ./test does that, and CI=true leaves nothing out"
        );
        // Written past the test runner's capture.
        drop(writeln!(std::io::stderr(), "left out: the Python packages are not set up; ./test does that"));
        None
    }

    /// A command that runs a module.
    #[must_use]
    pub fn module(&self, name: &str) -> Command {
        self.run(["-m", name])
    }

    /// A command that runs an installed script.
    #[must_use]
    pub fn script(&self, name: &str) -> Command {
        // Not by its own first line, which names the place where it was installed.
        self.run([self.programs.join(name)])
    }

    /// A command that runs an installed program which is none of Python's.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.stdin(Stdio::null());
        command
    }

    fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(self.programs.join("python"));
        command.args(arguments).stdin(Stdio::null());
        command
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
fn in_continuous_integration() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
