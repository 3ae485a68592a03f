//! A fake Lambda Runtime API: the server a function asks for its next event and posts its answer to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::outcome::Outcome;
use crate::server::Server;
use crate::{HarnessError, Result, lock};

/// What Lambda says about one invocation, and how long the harness waits for its answer.
#[derive(Debug, Clone, Copy)]
pub struct InvokeOptions {
    /// What `Lambda-Runtime-Deadline-Ms` says.
    pub deadline: LambdaDeadline,
    /// How long to wait for the answer before the test fails.
    pub patience: Duration,
}

/// The instant at which Lambda would end the invocation.
#[derive(Debug, Clone, Copy)]
pub enum LambdaDeadline {
    /// This long after the event is handed over.
    In(Duration),
    /// This many milliseconds after the Unix epoch, whatever the time is.
    AtEpochMs(u64),
}

/// What a function reported instead of asking for its first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitError {
    /// The `errorType` it named.
    pub error_type: String,
    /// The `errorMessage` it gave.
    pub message: String,
}

/// A running fake Runtime API; dropping it ends it.
#[derive(Debug)]
pub struct RuntimeApi {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    events: mpsc::UnboundedSender<Event>,
    queue: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    underway: Mutex<HashMap<String, Underway>>,
    progress: watch::Sender<Progress>,
    issued: Mutex<u64>,
}

#[derive(Debug)]
struct Event {
    request_id: String,
    payload: Bytes,
    deadline: LambdaDeadline,
    answer: oneshot::Sender<Outcome>,
}

#[derive(Debug)]
struct Underway {
    handed_over: Instant,
    answer: oneshot::Sender<Outcome>,
}

#[derive(Debug, Default)]
struct Progress {
    polls: usize,
    handed_over: usize,
    init_error: Option<InitError>,
}

impl Default for InvokeOptions {
    fn default() -> Self {
        let deadline = LambdaDeadline::In(Duration::from_secs(30));
        Self { deadline, patience: Duration::from_secs(40) }
    }
}

impl InvokeOptions {
    /// The defaults, with Lambda's deadline this long after the event is handed over.
    #[must_use]
    pub fn deadline_in(after: Duration) -> Self {
        Self { deadline: LambdaDeadline::In(after), ..Self::default() }
    }

    /// The defaults, with Lambda's deadline at this many milliseconds after the Unix epoch.
    #[must_use]
    pub fn deadline_at_epoch_ms(epoch_ms: u64) -> Self {
        Self { deadline: LambdaDeadline::AtEpochMs(epoch_ms), ..Self::default() }
    }
}

impl RuntimeApi {
    /// Starts the server on a loopback port the system picks.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self> {
        let (events, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events,
            queue: tokio::sync::Mutex::new(queue),
            underway: Mutex::default(),
            progress: watch::Sender::default(),
            issued: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{request_id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&shared));
        Ok(Self { server: Server::start(router).await?, shared })
    }

    /// `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Queues `payload` as an event and waits for what the function makes of it.
    ///
    /// # Errors
    /// When no answer comes within the patience of `options`.
    pub async fn invoke(&self, payload: impl Into<Bytes>, options: InvokeOptions) -> Result<Outcome> {
        let request_id = self.issue_request_id();
        let (answer, answered) = oneshot::channel();
        let event =
            Event { request_id: request_id.clone(), payload: payload.into(), deadline: options.deadline, answer };
        self.shared.events.send(event)?;

        match timeout(options.patience, answered).await {
            Ok(outcome) => Ok(outcome?),
            Err(_elapsed) => {
                let asked = if lock(&self.shared.underway).contains_key(&request_id) {
                    "it took the event and never answered"
                } else {
                    "it never asked for the event"
                };
                Err(HarnessError::new(format!("no answer within {:?}: {asked}", options.patience)))
            }
        }
    }

    /// Waits until the function has asked for its first event or reported an init error; the error is returned.
    pub async fn initialised(&self) -> Option<InitError> {
        self.progress(|progress| progress.polls > 0 || progress.init_error.is_some()).await;
        self.init_error()
    }

    /// The init error the function reported, if any.
    #[must_use]
    pub fn init_error(&self) -> Option<InitError> {
        self.shared.progress.borrow().init_error.clone()
    }

    /// Waits until the function has asked for an event beyond those it was given: its last invocation is over.
    pub async fn idle(&self) {
        self.progress(|progress| progress.polls > progress.handed_over).await;
    }

    async fn progress(&self, reached: impl FnMut(&Progress) -> bool) {
        // The sender lives in `self`, so the channel cannot be closed.
        drop(self.shared.progress.subscribe().wait_for(reached).await);
    }

    fn issue_request_id(&self) -> String {
        let mut issued = lock(&self.shared.issued);
        *issued += 1;
        format!("8476a536-e9f4-11e8-9739-{:012x}", *issued)
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.progress.send_modify(|progress| progress.polls += 1);
    let Some(event) = shared.queue.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline_ms = match event.deadline {
        LambdaDeadline::AtEpochMs(epoch_ms) => epoch_ms.into(),
        LambdaDeadline::In(after) => epoch_ms_now().saturating_add(after.as_millis()),
    };
    let headers = [
        ("Content-Type", "application/json".to_owned()),
        ("Lambda-Runtime-Aws-Request-Id", event.request_id.clone()),
        ("Lambda-Runtime-Deadline-Ms", deadline_ms.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:callgate".to_owned()),
        (
            "Lambda-Runtime-Trace-Id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    let underway = Underway { handed_over: Instant::now(), answer: event.answer };
    lock(&shared.underway).insert(event.request_id, underway);
    shared.progress.send_modify(|progress| progress.handed_over += 1);
    (headers, event.payload).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(request_id): Path<String>, body: Bytes) -> Response {
    if body.len() <= RESPONSE_MAX_BYTES {
        return settle(&shared, &request_id, |elapsed| Outcome::Response { body, elapsed });
    }
    let message = format!("response of {} bytes, more than {RESPONSE_MAX_BYTES}", body.len());
    let refusal = refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
    let error_type = "Function.ResponseSizeTooLarge".to_owned();
    drop(settle(&shared, &request_id, |elapsed| Outcome::FunctionError { error_type, message, elapsed }));
    refusal
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (error_type, message) = diagnostic(&headers, &body);
    settle(&shared, &request_id, |elapsed| Outcome::FunctionError { error_type, message, elapsed })
}

async fn init_error(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let (error_type, message) = diagnostic(&headers, &body);
    let reported = InitError { error_type, message };
    shared.progress.send_modify(|progress| progress.init_error = Some(reported));
    accepted()
}

/// Ends the invocation; an id that is not under way (unknown, or answered before) is refused as Lambda does.
fn settle(shared: &Shared, request_id: &str, outcome: impl FnOnce(Duration) -> Outcome) -> Response {
    match lock(&shared.underway).remove(request_id) {
        Some(underway) => {
            let outcome = outcome(underway.handed_over.elapsed());
            // Nobody receives it where the test has given up waiting.
            drop(underway.answer.send(outcome));
            accepted()
        }
        None => refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
    }
}

/// The type and message of an error report; the header names the type where the body does not.
fn diagnostic(headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let report: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
    let header = headers.get("Lambda-Runtime-Function-Error-Type").and_then(|value| value.to_str().ok());
    let error_type = text("errorType").or_else(|| header.map(str::to_owned)).unwrap_or_default();
    let message = text("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    (error_type, message)
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, axum::Json(json!({"errorMessage": message, "errorType": error_type}))).into_response()
}

fn epoch_ms_now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Lambda's limit on a buffered response.
const RESPONSE_MAX_BYTES: usize = 6_291_556;
