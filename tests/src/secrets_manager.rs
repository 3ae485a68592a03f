//! A strict fake of AWS Secrets Manager: `GetSecretValue` over the JSON 1.1 wire protocol, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::function::{ACCESS_KEY_ID, REGION, SESSION_TOKEN};
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
}

/// A running fake; dropping it ends it.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    secrets: HashMap<String, Version>,
    condition: Condition,
    asked: Vec<String>,
    refused: Vec<String>,
}

/// The current version of one secret.
#[derive(Debug, Clone)]
struct Version {
    number: u32,
    value: SecretValue,
    created: SystemTime,
}

#[derive(Debug, Clone)]
enum SecretValue {
    Text(String),
    Binary(Vec<u8>),
}

impl SecretsManager {
    /// Starts the service, up and empty, on a loopback port the system picks.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self> {
        let shared = Arc::new(Mutex::new(Shared {
            secrets: HashMap::new(),
            condition: Condition::Up,
            asked: Vec::new(),
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

    /// Writes `secret` as the current version of the secret called `name`.
    pub fn put(&self, name: &str, secret: &Value) {
        self.put_text(name, secret.to_string());
    }

    /// Writes any text as the current version of the secret called `name`.
    pub fn put_text(&self, name: &str, text: impl Into<String>) {
        self.put_value(name, SecretValue::Text(text.into()));
    }

    /// Writes a binary secret as the current version of the secret called `name`.
    pub fn put_binary(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.put_value(name, SecretValue::Binary(bytes.into()));
    }

    /// Changes how the service behaves from the next request on.
    pub fn set(&self, condition: Condition) {
        lock(&self.shared).condition = condition;
    }

    /// The names asked for, in order, whatever was answered.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared).asked.clone()
    }

    /// What AWS would have refused whatever the secrets: unsigned requests, other operations, malformed bodies.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        lock(&self.shared).refused.clone()
    }

    fn put_value(&self, name: &str, value: SecretValue) {
        let secrets = &mut lock(&self.shared).secrets;
        let number = secrets.get(name).map_or(1, |version| version.number + 1);
        secrets.insert(name.to_owned(), Version { number, value, created: SystemTime::now() });
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let name = match name_asked_for(&headers, &body) {
        Ok(name) => name,
        Err(fault) => {
            lock(&shared).refused.push(format!("{}: {}", fault.kind, fault.message));
            return fault.into_response();
        }
    };
    let condition = {
        let mut shared = lock(&shared);
        shared.asked.push(name.clone());
        shared.condition
    };
    match condition {
        Condition::Up => {}
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
    let version = lock(&shared).secrets.get(&name).cloned();
    version.map_or_else(|| not_found().into_response(), |version| found(&name, version))
}

/// The secret a `GetSecretValue` request names, once it is one that AWS would look at.
fn name_asked_for(headers: &HeaderMap, body: &[u8]) -> std::result::Result<String, Fault> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();

    check_signature(header(header::AUTHORIZATION.as_str()), header("x-amz-date"))?;
    if header("x-amz-security-token") != SESSION_TOKEN {
        let message = "The security token included in the request is invalid.";
        return Err(Fault::new("UnrecognizedClientException", message));
    }
    if header(header::CONTENT_TYPE.as_str()) != CONTENT_TYPE {
        return Err(Fault::new("SerializationException", "the content type is not application/x-amz-json-1.1"));
    }
    match header("x-amz-target").split_once('.') {
        Some(("secretsmanager", "GetSecretValue")) => {}
        Some(("secretsmanager", operation)) => {
            let message = format!("not authorized to perform: secretsmanager:{operation}");
            return Err(Fault::new("AccessDeniedException", message));
        }
        _ => return Err(Fault::new("UnknownOperationException", "no such operation")),
    }
    let request: Value =
        serde_json::from_slice(body).map_err(|error| Fault::new("SerializationException", error.to_string()))?;
    if request.get("VersionId").is_some() || request.get("VersionStage").is_some_and(|stage| stage != CURRENT) {
        return Err(not_found());
    }
    match request.get("SecretId").and_then(Value::as_str) {
        Some(name) if (1..=2048).contains(&name.len()) => Ok(name.to_owned()),
        _ => Err(Fault::new("ValidationException", "'secretId' must have length between 1 and 2048")),
    }
}

/// Checks everything of a signature version 4 `Authorization` header but the signature's value.
fn check_signature(authorization: &str, date: &str) -> std::result::Result<(), Fault> {
    if authorization.is_empty() {
        return Err(Fault::new("MissingAuthenticationTokenException", "Missing Authentication Token"));
    }
    let incomplete = |what: &str| Fault::new("IncompleteSignatureException", what);
    let parts = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or_else(|| incomplete("the algorithm is not AWS4-HMAC-SHA256"))?;
    let parts: HashMap<&str, &str> = parts.split(',').filter_map(|part| part.trim().split_once('=')).collect();
    let part = |name: &str| parts.get(name).copied().unwrap_or_default();

    let day = date.get(..8).ok_or_else(|| incomplete("no x-amz-date"))?;
    if part("Credential") != format!("{ACCESS_KEY_ID}/{day}/{REGION}/secretsmanager/aws4_request") {
        return Err(incomplete("the credential is not this account's, or scoped to another day, region or service"));
    }
    let signed: Vec<&str> = part("SignedHeaders").split(';').collect();
    if !["host", "x-amz-date", "x-amz-security-token"].iter().all(|name| signed.contains(name)) {
        return Err(incomplete("host, x-amz-date and x-amz-security-token are not all signed"));
    }
    let signature = part("Signature");
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(incomplete("the signature is not 64 hexadecimal digits"));
    }
    Ok(())
}

fn found(name: &str, version: Version) -> Response {
    let created = version.created.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (key, value) = match version.value {
        SecretValue::Text(text) => ("SecretString", text),
        SecretValue::Binary(bytes) => ("SecretBinary", STANDARD.encode(bytes)),
    };
    let mut secret = json!({
        "ARN": format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-a1b2c3"),
        "CreatedDate": created.as_secs_f64(),
        "Name": name,
        "VersionId": format!("00000000-0000-4000-8000-{:012x}", version.number),
        "VersionStages": [CURRENT],
    });
    if let Some(secret) = secret.as_object_mut() {
        secret.insert(key.to_owned(), value.into());
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], secret.to_string()).into_response()
}

fn not_found() -> Fault {
    Fault::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

/// An error answer of the service: HTTP 400 unless the caller says otherwise.
#[derive(Debug)]
struct Fault {
    kind: &'static str,
    message: String,
}

impl Fault {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({"__type": self.kind, "Message": self.message}).to_string();
        let headers = [(header::CONTENT_TYPE, CONTENT_TYPE)];
        (StatusCode::BAD_REQUEST, headers, body).into_response()
    }
}

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The stage label of the version a plain request reads.
const CURRENT: &str = "AWSCURRENT";
