//! What one invocation came to, and the HTTP answer inside it where the event came through a gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::{HarnessError, Result};

/// How a function ended one invocation.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It posted a response.
    Response {
        /// The payload as posted.
        body: Bytes,
        /// From handing over the event to receiving the answer.
        elapsed: Duration,
    },
    /// It reported a function error.
    FunctionError {
        /// The `errorType` it named.
        error_type: String,
        /// The `errorMessage` it gave.
        message: String,
        /// From handing over the event to receiving the answer.
        elapsed: Duration,
    },
}

/// The HTTP response a gateway would send for a function's answer.
#[derive(Debug, Clone)]
pub struct GatewayAnswer {
    /// The HTTP status code.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body, decoded where the function sent base64.
    pub body: String,
}

impl Outcome {
    /// From handing over the event to receiving the answer.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Response { elapsed, .. } | Self::FunctionError { elapsed, .. } => *elapsed,
        }
    }

    /// The payload the function responded with.
    ///
    /// # Errors
    /// When it reported a function error instead.
    pub fn body(&self) -> Result<&Bytes> {
        match self {
            Self::Response { body, .. } => Ok(body),
            Self::FunctionError { error_type, message, .. } => {
                Err(HarnessError::new(format!("the function answered with a function error: {error_type}: {message}")))
            }
        }
    }

    /// The payload as JSON: the bare verdict or problem of a direct invocation.
    ///
    /// # Errors
    /// On a function error, and when the payload is not JSON.
    pub fn json(&self) -> Result<Value> {
        let body = self.body()?;
        serde_json::from_slice(body)
            .map_err(|error| HarnessError::new(format!("the response is not JSON ({error}): {body:?}")))
    }

    /// The verdict or problem, bare or in a proxy integration's response.
    ///
    /// # Errors
    /// On a function error, and when there is no JSON where it should be.
    pub fn document(&self) -> Result<Value> {
        let answer = self.json()?;
        if answer.get("statusCode").is_some() { self.gateway()?.json() } else { Ok(answer) }
    }

    /// The payload read as a proxy integration's response.
    ///
    /// # Errors
    /// On a function error, and where API Gateway would answer 502 itself: no integer `statusCode`, a `body` that is
    /// not text, a header value that is not a scalar.
    pub fn gateway(&self) -> Result<GatewayAnswer> {
        let answer = self.json()?;
        let malformed = |what: &str| HarnessError::new(format!("malformed proxy response, {what}: {answer}"));

        let status = answer
            .get("statusCode")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .ok_or_else(|| malformed("`statusCode` is not an HTTP status"))?;
        let mut headers = BTreeMap::new();
        for (name, value) in answer.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    return Err(malformed("a header is not a scalar"));
                }
            };
            headers.insert(name.to_ascii_lowercase(), value);
        }
        let body = match answer.get("body") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(malformed("`body` is not text")),
        };
        let encoded = answer.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
        let body = if encoded { String::from_utf8(STANDARD.decode(body)?)? } else { body };
        Ok(GatewayAnswer { status, headers, body })
    }
}

impl GatewayAnswer {
    /// The media type without its parameters, lower-case; empty where there is none.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.headers.get("content-type").map_or("", String::as_str);
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body)
            .map_err(|error| HarnessError::new(format!("the body is not JSON ({error}): {}", self.body)))
    }
}
