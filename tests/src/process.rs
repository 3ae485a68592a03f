//! A function's process: its binary in the environment that Lambda gives it, and what it prints.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::binaries::executable;
use crate::{HarnessError, Result, lock};

/// The access key id every function is given.
pub const ACCESS_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
/// The secret key every function is given.
pub const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The session token every function is given: Lambda's credentials are always temporary.
pub const SESSION_TOKEN: &str = "callgate-tests-session-token";
/// The region every function runs in.
pub const REGION: &str = "us-east-1";

/// A function's process, whichever Runtime API it asks; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    package: String,
    child: Child,
    stdout: Capture,
    stderr: Capture,
    open_streams: watch::Receiver<usize>,
}

/// What a function printed.
#[derive(Debug, Clone)]
pub struct Output {
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

impl Process {
    /// Builds the binaries where that has not happened yet, and starts the one of `package` with what Lambda sets and
    /// `environment` on top. `runtime_api` is the value of `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// When the build fails, or the binary cannot be started.
    pub fn start(package: &str, runtime_api: &str, environment: &[(&str, &str)]) -> Result<Self> {
        Self::run(package, Command::new(executable(package)?), runtime_api, environment)
    }

    /// Starts what `command` runs as a function called `package`, in the same way.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(package: &str, mut command: Command, runtime_api: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let mut child = command
            .env_clear()
            .envs(lambda_environment(package, runtime_api))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (streams, open_streams) = watch::channel(2);
        let stdout = Capture::of(child.stdout.take(), streams.clone());
        let stderr = Capture::of(child.stderr.take(), streams);
        Ok(Self { package: package.to_owned(), child, stdout, stderr, open_streams })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The output of `work`.
    ///
    /// # Errors
    /// When both of the process's streams close first; the error says how the process ended.
    pub async fn unless_it_exits<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        let mut open_streams = self.open_streams.clone();
        tokio::select! {
            done = work => Ok(done),
            _ = open_streams.wait_for(|open| *open == 0) => Err(self.exited()),
        }
    }

    /// An error with all that the process has printed.
    #[must_use]
    pub fn failure(&self, what: &str) -> HarnessError {
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        HarnessError::new(format!("{}: {what}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---", self.package))
    }

    /// Ends the process, and returns all it ever printed.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn end(mut self) -> Result<Output> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.all_output())
    }

    /// An error that says how the process, whose streams are closed, ended.
    fn exited(&mut self) -> HarnessError {
        // A process that closed its streams and lives on is ended, so that the wait below is bounded.
        drop(self.child.kill());
        let what = match self.child.wait() {
            Ok(status) => format!("the process ended by itself, {status}"),
            Err(error) => format!("the process ended by itself, status unknown: {error}"),
        };
        drop(self.all_output());
        self.failure(&what)
    }

    /// All output, once the process has ended.
    fn all_output(&mut self) -> Output {
        Output { stdout: self.stdout.read_to_end(), stderr: self.stderr.read_to_end() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One output stream, read by a thread of its own so that the process never blocks on a full pipe.
#[derive(Debug)]
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    fn of(stream: Option<impl Read + Send + 'static>, open_streams: watch::Sender<usize>) -> Self {
        let bytes = Arc::default();
        let sink = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            if let Some(stream) = stream {
                copy(stream, &sink);
            }
            open_streams.send_modify(|open| *open -= 1);
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.bytes)).into_owned()
    }

    fn read_to_end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            // It ends with the stream; a panic in it leaves what it had read.
            drop(reader.join());
        }
        self.text()
    }
}

fn copy(mut stream: impl Read, sink: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        lock(sink).extend(buffer.iter().take(read));
    }
}

/// What Lambda sets for a function on `provided.al2023`.
fn lambda_environment(package: &str, runtime_api: &str) -> Vec<(&'static str, String)> {
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    [
        ("AWS_LAMBDA_FUNCTION_NAME", package),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/callgate"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef"),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN),
        ("_HANDLER", "bootstrap"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
    ]
    .map(owned)
    .into()
}
