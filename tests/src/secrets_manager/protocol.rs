//! The wire: what a request must carry before the service looks at a secret, and how a fault is answered.

use std::collections::HashMap;
use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::vault::SecretValue;
use crate::function::{ACCESS_KEY_ID, REGION, SESSION_TOKEN};

/// A request that AWS would look at.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
}

/// What is asked for.
#[derive(Debug)]
pub(super) enum Operation {
    Get { name: String },
    List { prefix: String, most: usize, next: Option<String> },
    Put { name: String, value: SecretValue, token: String },
    Create { name: String, value: SecretValue, token: String },
}

impl Operation {
    /// Its name in policies.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "GetSecretValue",
            Self::List { .. } => "ListSecrets",
            Self::Put { .. } => "PutSecretValue",
            Self::Create { .. } => "CreateSecret",
        }
    }

    /// The secret that it may give a new version.
    pub(super) fn writes(&self) -> Option<&str> {
        match self {
            Self::Put { name, .. } | Self::Create { name, .. } => Some(name),
            Self::Get { .. } | Self::List { .. } => None,
        }
    }
}

impl Request {
    /// Reads a request as strictly as the service does.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Fault> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();

        check_signature(header(header::AUTHORIZATION.as_str()), header("x-amz-date"))?;
        if header("x-amz-security-token") != SESSION_TOKEN {
            let message = "The security token included in the request is invalid.";
            return Err(Fault::new("UnrecognizedClientException", message));
        }
        if header(header::CONTENT_TYPE.as_str()) != CONTENT_TYPE {
            return Err(Fault::new("SerializationException", "the content type is not application/x-amz-json-1.1"));
        }
        let Some(("secretsmanager", target)) = header("x-amz-target").split_once('.') else {
            return Err(Fault::new("UnknownOperationException", "no such operation"));
        };
        let body = || -> Result<Value, Fault> {
            serde_json::from_slice(body).map_err(|error| Fault::new("SerializationException", error.to_string()))
        };
        let operation = match target {
            "GetSecretValue" => get(&body()?)?,
            "ListSecrets" => list(&body()?)?,
            "PutSecretValue" => {
                let body = body()?;
                let token = token(&body)?;
                Operation::Put { name: name(&body, "SecretId", 2048)?, value: value(&body)?, token }
            }
            "CreateSecret" => {
                let body = body()?;
                let token = token(&body)?;
                Operation::Create { name: new_name(&body)?, value: value(&body)?, token }
            }
            other => return Err(Fault::denied(other)),
        };
        Ok(Self { operation })
    }
}

fn get(body: &Value) -> Result<Operation, Fault> {
    if body.get("VersionId").is_some() || body.get("VersionStage").is_some_and(|stage| stage != "AWSCURRENT") {
        return Err(Fault::not_found());
    }
    Ok(Operation::Get { name: name(body, "SecretId", 2048)? })
}

/// One filter, by name, is all that is understood: of others the service would list something else.
fn list(body: &Value) -> Result<Operation, Fault> {
    let prefix = match body.get("Filters").and_then(Value::as_array).map(Vec::as_slice) {
        Some([filter]) if filter.get("Key").is_some_and(|key| key == "name") => {
            match filter.get("Values").and_then(Value::as_array).map(Vec::as_slice) {
                // A value that begins with an exclamation mark is a negation.
                Some([Value::String(prefix)]) if !prefix.is_empty() && !prefix.starts_with('!') => prefix.clone(),
                _ => return Err(Fault::invalid("one filter value of text is understood here")),
            }
        }
        _ => return Err(Fault::invalid("one filter, by name, is understood here")),
    };
    let most = match body.get("MaxResults") {
        None => 100,
        Some(most) => most
            .as_u64()
            .and_then(|most| usize::try_from(most).ok())
            .filter(|most| (1..=100).contains(most))
            .ok_or_else(|| Fault::invalid("'maxResults' must be between 1 and 100"))?,
    };
    let next = body.get("NextToken").and_then(Value::as_str).map(str::to_owned);
    Ok(Operation::List { prefix, most, next })
}

fn name(body: &Value, field: &str, longest: usize) -> Result<String, Fault> {
    match body.get(field).and_then(Value::as_str) {
        Some(name) if (1..=longest).contains(&name.len()) => Ok(name.to_owned()),
        _ => Err(Fault::invalid(format!("'{field}' must have length between 1 and {longest}"))),
    }
}

fn new_name(body: &Value) -> Result<String, Fault> {
    let name = name(body, "Name", 512)?;
    if name.chars().all(|letter| letter.is_ascii_alphanumeric() || "/_+=.@-".contains(letter)) {
        Ok(name)
    } else {
        Err(Fault::invalid(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of: -/_+=.@!",
        ))
    }
}

/// The token that becomes the version's id. The SDKs make one where none is given.
fn token(body: &Value) -> Result<String, Fault> {
    match body.get("ClientRequestToken").and_then(Value::as_str) {
        Some(token) if (32..=64).contains(&token.len()) => Ok(token.to_owned()),
        _ => Err(Fault::new("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")),
    }
}

fn value(body: &Value) -> Result<SecretValue, Fault> {
    let value = match (body.get("SecretString"), body.get("SecretBinary")) {
        (Some(Value::String(text)), None) => SecretValue::Text(text.clone()),
        (None, Some(Value::String(encoded))) => {
            let bytes = STANDARD.decode(encoded);
            SecretValue::Binary(bytes.map_err(|error| Fault::new("SerializationException", error.to_string()))?)
        }
        _ => {
            let message = "You must provide either SecretString or SecretBinary.";
            return Err(Fault::new("InvalidRequestException", message));
        }
    };
    if (1..=65_536).contains(&value.len()) {
        Ok(value)
    } else {
        Err(Fault::invalid("the secret's value must have length between 1 and 65536"))
    }
}

/// Checks everything of a signature version 4 `Authorization` header but the signature's value.
fn check_signature(authorization: &str, date: &str) -> Result<(), Fault> {
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

/// An error answer of the service: HTTP 400 unless the caller says otherwise.
#[derive(Debug)]
pub(super) struct Fault {
    kind: &'static str,
    message: String,
}

impl Fault {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn not_found() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    pub(super) fn denied(operation: &str) -> Self {
        Self::new("AccessDeniedException", format!("not authorized to perform: secretsmanager:{operation}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind, self.message)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({"__type": self.kind, "Message": self.message}).to_string();
        let headers = [(header::CONTENT_TYPE, CONTENT_TYPE)];
        (StatusCode::BAD_REQUEST, headers, body).into_response()
    }
}

/// What the service takes and answers.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
