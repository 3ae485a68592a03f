//! A function's binary, built once and run as Lambda runs it: a clean environment and a Runtime API.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::binaries::executable;
use crate::outcome::Outcome;
use crate::runtime_api::{InitError, InvokeOptions, RuntimeApi};
use crate::{HarnessError, Result, lock};

/// The access key id every function is given.
pub const ACCESS_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
/// The secret key every function is given.
pub const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The session token every function is given: Lambda's credentials are always temporary.
pub const SESSION_TOKEN: &str = "callgate-tests-session-token";
/// The region every function runs in.
pub const REGION: &str = "us-east-1";

/// A running function; dropping it kills the process.
#[derive(Debug)]
pub struct Function {
    package: String,
    runtime_api: RuntimeApi,
    init_error: Option<InitError>,
    init: Duration,
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

impl Function {
    /// Builds the binaries where that has not happened yet, and starts the one of `package` with what Lambda sets and
    /// `environment` on top. Returns once it has asked for its first event or reported an init error.
    ///
    /// # Errors
    /// When the build fails, the binary cannot be started, or it neither asks for an event nor reports within 30 s.
    pub async fn start(package: &str, environment: &[(&str, &str)]) -> Result<Self> {
        Self::run(package, Command::new(executable(package)?), environment).await
    }

    /// Starts what `command` runs as a function called `package`: in Lambda's environment, with `environment` on top.
    ///
    /// # Errors
    /// As [`Function::start`].
    pub async fn run(package: &str, mut command: Command, environment: &[(&str, &str)]) -> Result<Self> {
        let runtime_api = RuntimeApi::start().await?;
        let started = Instant::now();
        let mut child = command
            .env_clear()
            .envs(lambda_environment(package, &runtime_api.address()))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (streams, open_streams) = watch::channel(2);
        let stdout = Capture::of(child.stdout.take(), streams.clone());
        let stderr = Capture::of(child.stderr.take(), streams);

        let package = package.to_owned();
        let init = Duration::ZERO;
        let mut function = Self { package, runtime_api, init_error: None, init, child, stdout, stderr, open_streams };
        let initialised = function.unless_it_exits(timeout(INIT_MAX, function.runtime_api.initialised())).await;
        function.init = started.elapsed();
        match initialised {
            Some(Ok(init_error)) => function.init_error = init_error,
            Some(Err(_elapsed)) => {
                return Err(function.failure(&format!("no first poll within {INIT_MAX:?}")));
            }
            None => return Err(function.exited()),
        }
        Ok(function)
    }

    /// Hands the function an event under the default options.
    ///
    /// # Errors
    /// As [`Function::invoke_with`].
    pub async fn invoke(&mut self, payload: impl Into<Bytes>) -> Result<Outcome> {
        self.invoke_with(payload, InvokeOptions::default()).await
    }

    /// Hands the function an event and waits for its answer.
    ///
    /// # Errors
    /// When the process ends, or no answer comes within the patience of `options`; the message holds its output.
    pub async fn invoke_with(&mut self, payload: impl Into<Bytes>, options: InvokeOptions) -> Result<Outcome> {
        match self.unless_it_exits(self.runtime_api.invoke(payload, options)).await {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(error)) => Err(self.failure(&error.to_string())),
            None => Err(self.exited()),
        }
    }

    /// What the function reported instead of asking for its first event, if it did.
    #[must_use]
    pub fn init_error(&self) -> Option<&InitError> {
        self.init_error.as_ref()
    }

    /// From its start until it asked for its first event.
    #[must_use]
    pub fn init(&self) -> Duration {
        self.init
    }

    /// The process id: the same for as long as the function has not been started again.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the last invocation is over: the function asks for another event.
    ///
    /// # Errors
    /// When the process ended by itself, or does not ask within 10 s.
    pub async fn idle(&mut self) -> Result<()> {
        match self.unless_it_exits(timeout(IDLE_MAX, self.runtime_api.idle())).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_elapsed)) => Err(self.failure(&format!("no further poll within {IDLE_MAX:?}"))),
            None => Err(self.exited()),
        }
    }

    /// Waits until the last invocation is over, ends the process, and returns all it ever printed.
    ///
    /// # Errors
    /// As [`Function::idle`].
    pub async fn finish(mut self) -> Result<Output> {
        self.idle().await?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.all_output())
    }

    /// The output of `work`, or nothing where both of the process's streams close first.
    async fn unless_it_exits<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut open_streams = self.open_streams.clone();
        tokio::select! {
            done = work => Some(done),
            _ = open_streams.wait_for(|open| *open == 0) => None,
        }
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

    fn failure(&self, what: &str) -> HarnessError {
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        HarnessError::new(format!("{}: {what}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---", self.package))
    }

    /// All output, once the process has ended.
    fn all_output(&mut self) -> Output {
        Output { stdout: self.stdout.read_to_end(), stderr: self.stderr.read_to_end() }
    }
}

impl Drop for Function {
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

/// How long a function may take to ask for its first event.
const INIT_MAX: Duration = Duration::from_secs(30);

/// How long a function may take to ask for the next event after its answer.
const IDLE_MAX: Duration = Duration::from_secs(10);
