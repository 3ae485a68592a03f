//! A function run as Lambda runs it: its process, and a Runtime API of its own.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use crate::Result;
use crate::outcome::Outcome;
use crate::process::Process;
pub use crate::process::{ACCESS_KEY_ID, Output, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};
use crate::runtime_api::{InitError, InvokeOptions, RuntimeApi};

/// A running function; dropping it kills the process.
#[derive(Debug)]
pub struct Function {
    runtime_api: RuntimeApi,
    init_error: Option<InitError>,
    process: Process,
}

impl Function {
    /// Builds the binaries where that has not happened yet, and starts the one of `package` with what Lambda sets and
    /// `environment` on top. Returns once it has asked for its first event or reported an init error.
    ///
    /// # Errors
    /// When the build fails, the binary cannot be started, or it neither asks for an event nor reports within 30 s.
    pub async fn start(package: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let runtime_api = RuntimeApi::start().await?;
        let mut process = Process::start(package, &runtime_api.address(), environment)?;
        match process.unless_it_exits(timeout(INIT_MAX, runtime_api.initialised())).await? {
            Ok(init_error) => Ok(Self { runtime_api, init_error, process }),
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

    /// The process id: the same for as long as the function has not been started again.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the last invocation is over, ends the process, and returns all it ever printed.
    ///
    /// # Errors
    /// When the process ended by itself, or does not ask for another event within 10 s.
    pub async fn finish(mut self) -> Result<Output> {
        match self.process.unless_it_exits(timeout(IDLE_MAX, self.runtime_api.idle())).await? {
            Ok(()) => self.process.end(),
            Err(_elapsed) => Err(self.process.failure(&format!("no further poll within {IDLE_MAX:?}"))),
        }
    }
}

/// How long a function may take to ask for its first event.
const INIT_MAX: Duration = Duration::from_secs(30);

/// How long a function may take to ask for the next event after its answer.
const IDLE_MAX: Duration = Duration::from_secs(10);
