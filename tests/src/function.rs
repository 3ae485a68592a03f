//! A function run as Lambda runs it: its process, and a Runtime API of its own.

use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;

use crate::Result;
use crate::binaries::executable;
use crate::outcome::Outcome;
use crate::process::Process;
pub use crate::process::{ACCESS_KEY_ID, Output, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};
use crate::runtime_api::{InitError, InvokeOptions, RuntimeApi};

/// A running function; dropping it kills the process.
#[derive(Debug)]
pub struct Function {
    runtime_api: RuntimeApi,
    init_error: Option<InitError>,
    init: Duration,
    process: Process,
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
    pub async fn run(package: &str, command: Command, environment: &[(&str, &str)]) -> Result<Self> {
        let runtime_api = RuntimeApi::start().await?;
        let started = Instant::now();
        let mut process = Process::run(package, command, &runtime_api.address(), environment)?;
        match process.unless_it_exits(timeout(INIT_MAX, runtime_api.initialised())).await? {
            Ok(init_error) => Ok(Self { runtime_api, init_error, init: started.elapsed(), process }),
            Err(_elapsed) => Err(process.failure(&format!("no first poll within {INIT_MAX:?}"))),
        }
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
        let answered = self.process.unless_it_exits(self.runtime_api.invoke(payload, options)).await?;
        answered.map_err(|error| self.process.failure(&error.to_string()))
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
        self.process.id()
    }

    /// Waits until the last invocation is over: the function asks for another event.
    ///
    /// # Errors
    /// When the process ended by itself, or does not ask within 10 s.
    pub async fn idle(&mut self) -> Result<()> {
        let asked = self.process.unless_it_exits(timeout(IDLE_MAX, self.runtime_api.idle())).await?;
        asked.map_err(|_elapsed| self.process.failure(&format!("no further poll within {IDLE_MAX:?}")))
    }

    /// Waits until the last invocation is over, ends the process, and returns all it ever printed.
    ///
    /// # Errors
    /// As [`Function::idle`].
    pub async fn finish(mut self) -> Result<Output> {
        self.idle().await?;
        self.process.end()
    }
}

/// How long a function may take to ask for its first event.
const INIT_MAX: Duration = Duration::from_secs(30);

/// How long a function may take to ask for the next event after its answer.
const IDLE_MAX: Duration = Duration::from_secs(10);
