//! A strict fake of AWS Secrets Manager over the JSON 1.1 wire protocol: reading, listing and writing secrets, as the
//! role of who asks allows, and nothing else.

mod protocol;
mod vault;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use serde_json::Value;

use self::protocol::{CONTENT_TYPE, Fault, Operation, Request};
use self::vault::{SecretValue, Vault};
use crate::server::Server;
use crate::{Result, lock};

/// How the service behaves towards well-formed requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It answers.
    Up,
    /// It answers 503 `ServiceUnavailableException`.
    Unavailable,
    /// It answers 400 `ThrottlingException`.
    Throttled,
    /// It takes this long to answer.
    Slow(Duration),
    /// It takes the request and never answers.
    Silent,
    /// It answers what reads; what writes is done, and answered with 500 `InternalServiceError` all the same.
    WritesUnconfirmed,
}

/// Whose permissions the requests have. The credentials are the same for all; a test says who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A check function's: it reads `callgate/*`.
    Check,
    /// The token refresher's: it lists, and reads and writes `callgate/*` and `callgate-grant/*`.
    Refresher,
    /// A person's who connects accounts: the refresher's permissions, and making such secrets.
    Keeper,
}

/// A running fake; dropping it ends it.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    vault: Vault,
    condition: Condition,
    role: Role,
    asked: Vec<String>,
    written: Vec<String>,
    refused: Vec<String>,
}

impl SecretsManager {
    /// Starts the service, up and empty, on a loopback port the system picks. Requests come from a check function.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self> {
        let shared = Arc::new(Mutex::new(Shared {
            vault: Vault::default(),
            condition: Condition::Up,
            role: Role::Check,
            asked: Vec::new(),
            written: Vec::new(),
            refused: Vec::new(),
        }));
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&shared));
        Ok(Self { server: Server::start(router).await?, shared })
    }

    /// The value of `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// `host:port`, for what stands in front of it.
    #[must_use]
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Writes `secret` as the current version of the secret called `name`.
    pub fn put(&self, name: &str, secret: &Value) {
        self.put_text(name, secret.to_string());
    }

    /// Writes any text as the current version of the secret called `name`.
    pub fn put_text(&self, name: &str, text: impl Into<String>) {
        lock(&self.shared).vault.set(name, SecretValue::Text(text.into()));
    }

    /// Writes a binary secret as the current version of the secret called `name`.
    pub fn put_binary(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        lock(&self.shared).vault.set(name, SecretValue::Binary(bytes.into()));
    }

    /// The current version of a secret that is a JSON document; null where it is not, or there is none.
    #[must_use]
    pub fn current(&self, name: &str) -> Value {
        lock(&self.shared).vault.text(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The names of all secrets, in alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        lock(&self.shared).vault.names()
    }

    /// Changes how the service behaves from the next request on.
    pub fn set(&self, condition: Condition) {
        lock(&self.shared).condition = condition;
    }

    /// Changes whose permissions requests have from the next one on.
    pub fn permit(&self, role: Role) {
        lock(&self.shared).role = role;
    }

    /// Lets a page of a list hold at most so many names, however many are asked for: the service may.
    pub fn list_in_pages_of(&self, names: usize) {
        lock(&self.shared).vault.page_max = names;
    }

    /// The names that were read, in order, whatever was answered.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared).asked.clone()
    }

    /// The names that have a new version by a request, in order, once for each version.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        lock(&self.shared).written.clone()
    }

    /// What AWS would have refused whatever the secrets: unsigned requests, operations or names that the role does not
    /// allow, malformed bodies.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        lock(&self.shared).refused.clone()
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let read = Request::read(&headers, &body);
    let (condition, request) = {
        let mut shared = lock(&shared);
        let allowed = read.and_then(|request| shared.role.allows(&request).map(|()| request));
        match allowed {
            Ok(request) => {
                if let Operation::Get { name } = &request.operation {
                    shared.asked.push(name.clone());
                }
                (shared.condition, request)
            }
            Err(fault) => {
                shared.refused.push(fault.to_string());
                return fault.into_response();
            }
        }
    };
    match condition {
        Condition::Up | Condition::WritesUnconfirmed => {}
        Condition::Unavailable => {
            let fault = Fault::new("ServiceUnavailableException", "Service is unavailable");
            return (StatusCode::SERVICE_UNAVAILABLE, fault).into_response();
        }
        Condition::Throttled => {
            return Fault::new("ThrottlingException", "Rate exceeded").into_response();
        }
        Condition::Slow(delay) => tokio::time::sleep(delay).await,
        Condition::Silent => std::future::pending().await,
    }
    let writes = request.operation.writes();
    let result = {
        let mut shared = lock(&shared);
        let before = shared.vault.versions_made();
        let result = shared.vault.perform(&request.operation);
        if let (Some(name), true) = (writes, shared.vault.versions_made() > before) {
            shared.written.push(name.to_owned());
        }
        result
    };
    match result {
        Ok(_) if writes.is_some() && condition == Condition::WritesUnconfirmed => {
            let fault = Fault::new("InternalServiceError", "An error occurred on the server side.");
            (StatusCode::INTERNAL_SERVER_ERROR, fault).into_response()
        }
        Ok(document) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], document.to_string()).into_response(),
        Err(fault) => fault.into_response(),
    }
}

impl Role {
    /// Whether the role's policy allows a request.
    fn allows(self, request: &Request) -> std::result::Result<(), Fault> {
        let below = |name: &str, prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let ours = ["callgate/", "callgate-grant/"];
        let allowed = match (&request.operation, self) {
            (Operation::Get { name }, Self::Check) => below(name, &["callgate/"]),
            (Operation::Get { name } | Operation::Put { name, .. }, Self::Refresher | Self::Keeper)
            | (Operation::Create { name, .. }, Self::Keeper) => below(name, &ours),
            (Operation::List { .. }, Self::Refresher | Self::Keeper) => true,
            (Operation::Put { .. } | Operation::List { .. }, Self::Check)
            | (Operation::Create { .. }, Self::Check | Self::Refresher) => false,
        };
        if allowed { Ok(()) } else { Err(Fault::denied(request.operation.name())) }
    }
}
