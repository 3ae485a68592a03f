//! `cargo lambda watch`: another's reading of the Lambda APIs than our own fake's.
//!
//! It differs from Lambda: the deadline it names is in 1970, the next event has no content type, and a function error is
//! HTTP 500.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use callgate::http::HttpClients;
use callgate_tests::outcome::Outcome;
use callgate_tests::python::Python;
use callgate_tests::{HarnessError, Result};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Running Lambda APIs; they end with this handle.
pub(crate) struct Emulator {
    child: Child,
    address: SocketAddr,
    http: HttpClients,
}

impl Emulator {
    /// Starts them. `None`: cargo-lambda is not set up here, and the test is left out.
    pub(crate) async fn start() -> Result<Option<Self>> {
        let Some(python) = Python::installed() else { return Ok(None) };
        let mut failed = String::new();
        for _ in 0..TRIES {
            match Self::try_start(&python).await {
                Ok(emulator) => return Ok(Some(emulator)),
                Err(error) => failed = error.to_string(),
            }
        }
        Err(HarnessError::new(failed))
    }

    async fn try_start(python: &Python) -> Result<Self> {
        // It takes 0 for its own default. So the system picks the port here, and another process may be faster.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut child = python
            .program("cargo-lambda")
            .args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port"])
            .arg(address.port().to_string())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said = child.stdout.take().ok_or_else(|| HarnessError::new("cargo-lambda has no standard output"))?;
        let emulator = Self { child, address, http: HttpClients::new()? };
        let (line, told) = mpsc::channel();
        // Reads on to the end: a server whose pipe is full would stand still.
        std::thread::spawn(move || {
            for said in BufReader::new(said).lines().map_while(std::result::Result::ok) {
                if said.contains("starting Runtime server") {
                    let _ = line.send(());
                }
            }
        });
        told.recv_timeout(START_MAX).map_err(|_| HarnessError::new("cargo-lambda did not start its server"))?;
        // It says so before it listens.
        timeout(START_MAX, async {
            while TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await?;
        Ok(emulator)
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API` for a function of that name.
    pub(crate) fn runtime_api(&self, function: &str) -> String {
        format!("http://{}/.rt/{function}", self.address)
    }

    /// Invokes the function of that name.
    pub(crate) async fn invoke(&self, function: &str, payload: Bytes) -> Result<Outcome> {
        let handed_over = Instant::now();
        let url = format!("http://{}/2015-03-31/functions/{function}/invocations", self.address);
        let answer = timeout(ANSWER_MAX, self.http.public().post(url).body(payload).send()).await??;
        let status = answer.status();
        let body = answer.bytes().await?;
        let elapsed = handed_over.elapsed();
        if status.is_success() {
            return Ok(Outcome::Response { body, elapsed });
        }
        let message = String::from_utf8_lossy(&body).into_owned();
        Ok(Outcome::FunctionError { error_type: status.to_string(), message, elapsed })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Nothing to do where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often another port is tried.
const TRIES: usize = 3;

/// How long it may take to start: it asks cargo for the workspace first.
const START_MAX: Duration = Duration::from_secs(30);

/// How long a function may take, its start included.
const ANSWER_MAX: Duration = Duration::from_secs(40);
