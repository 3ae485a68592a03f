//! Recorded event shapes with what a test asks filled in; the files are `fixtures/events/*.json`.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description};

use crate::{HarnessError, Result};

/// Every shape that reaches a function through a gateway and gets an HTTP answer.
pub const GATEWAY_SHAPES: [&str; 8] = [
    "rest_api_get",
    "rest_api_post",
    "rest_api_post_base64",
    "http_api_get",
    "http_api_post",
    "http_api_post_base64",
    "function_url_get",
    "function_url_post",
];

/// One event on its way to a function.
#[derive(Debug, Clone)]
pub struct Event {
    shape: Shape,
    value: Value,
    /// A direct payload that need not be JSON, sent instead of `value`.
    raw: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A REST API's proxy event, payload version 1.0.
    Rest,
    /// An HTTP API's or a function URL's event, payload version 2.0.
    Http,
    Direct,
}

impl Event {
    /// The event in `fixtures/events/{name}.json`, requested now.
    ///
    /// # Errors
    /// When there is no such file or it is not JSON.
    pub fn load(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/events/{name}.json"));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| HarnessError::new(format!("{}: {error}", path.display())))?;
        let value: Value = serde_json::from_str(&text)?;
        let shape = if value.get("httpMethod").is_some() {
            Shape::Rest
        } else if value.get("rawPath").is_some() {
            Shape::Http
        } else {
            Shape::Direct
        };
        Self { shape, value, raw: None }.requested_at(SystemTime::now())
    }

    /// Addresses the event to `/v1/check/{provider}`; a direct event has no path.
    #[must_use]
    pub fn provider(mut self, provider: &str) -> Self {
        let path = format!("/v1/check/{provider}");
        match self.shape {
            Shape::Rest => {
                self.set("/requestContext/path", format!("/prod{path}"));
                self.set("/path", path);
            }
            Shape::Http => {
                self.set("/requestContext/http/path", path.clone());
                self.set("/rawPath", path);
            }
            Shape::Direct => {}
        }
        self.set("/pathParameters/provider", provider);
        self
    }

    /// Sends the event with another HTTP method; a direct event has none.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        for pointer in ["/httpMethod", "/requestContext/httpMethod", "/requestContext/http/method"] {
            self.set(pointer, method);
        }
        self
    }

    /// Asks `question`, a check's JSON body, in the way of this event: as the body, as the payload, or, for a GET, as a
    /// flat query in which the members of `acceptance` and `options` stand beside the rest.
    #[must_use]
    pub fn asking(self, question: &Value) -> Self {
        if self.is_get() { self.query(&flat(question)) } else { self.body(question) }
    }

    /// Replaces the query string, in every form the event carries it.
    #[must_use]
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        let mut many: Map<String, Value> = Map::new();
        for (name, value) in pairs {
            let values = many.entry(name.as_ref()).or_insert_with(|| json!([]));
            if let Some(values) = values.as_array_mut() {
                values.push(value.as_ref().into());
            }
        }
        let single = |join: fn(Vec<&str>) -> String| -> Value {
            let texts = |values: &Value| {
                let values = values.as_array().into_iter().flatten();
                join(values.filter_map(Value::as_str).collect())
            };
            many.iter().map(|(name, values)| (name.clone(), texts(values))).collect()
        };
        match self.shape {
            Shape::Rest => {
                // Of a repeated name the last value is the single one.
                let last = single(|values| values.last().copied().unwrap_or_default().to_owned());
                self.set("/queryStringParameters", last);
                self.set("/multiValueQueryStringParameters", many);
            }
            Shape::Http => {
                self.set("/queryStringParameters", single(|values| values.join(",")));
                let raw = Serializer::new(String::new()).extend_pairs(pairs).finish();
                self.set("/rawQueryString", raw);
            }
            Shape::Direct => {}
        }
        self
    }

    /// Replaces the body, or the payload of a direct event.
    #[must_use]
    pub fn body(self, body: &Value) -> Self {
        self.body_text(&body.to_string())
    }

    /// Replaces the body, or the payload of a direct event, by text that need not be JSON.
    #[must_use]
    pub fn body_text(mut self, body: &str) -> Self {
        if self.shape == Shape::Direct {
            self.raw = Some(body.to_owned());
            return self;
        }
        let encoded = self.value.get("isBase64Encoded") == Some(&Value::Bool(true));
        self.set("/headers/content-length", body.len().to_string());
        self.set("/body", if encoded { STANDARD.encode(body) } else { body.to_owned() });
        self
    }

    /// Names the API key the caller presented; only a REST API's event carries one.
    #[must_use]
    pub fn api_key_id(mut self, id: &str) -> Self {
        self.set("/requestContext/identity/apiKeyId", id);
        self
    }

    /// Sets when the gateway received the request, as text and as epoch milliseconds.
    ///
    /// # Errors
    /// When the time cannot be written in the gateway's format.
    pub fn requested_at(mut self, at: SystemTime) -> Result<Self> {
        let format = format_description::parse_borrowed::<2>(REQUEST_TIME_FORMAT)?;
        let text = OffsetDateTime::from(at).format(&format)?;
        let epoch_ms = u64::try_from(at.duration_since(UNIX_EPOCH)?.as_millis())?;
        match self.shape {
            Shape::Rest => {
                self.set("/requestContext/requestTime", text);
                self.set("/requestContext/requestTimeEpoch", epoch_ms);
            }
            Shape::Http => {
                self.set("/requestContext/time", text);
                self.set("/requestContext/timeEpoch", epoch_ms);
            }
            Shape::Direct => {}
        }
        Ok(self)
    }

    /// Sets the request time this long before now.
    ///
    /// # Errors
    /// As [`Event::requested_at`].
    pub fn requested_before(self, age: Duration) -> Result<Self> {
        self.requested_at(SystemTime::now() - age)
    }

    /// Whether the event is a GET request.
    #[must_use]
    pub fn is_get(&self) -> bool {
        ["/httpMethod", "/requestContext/http/method"]
            .iter()
            .any(|pointer| self.value.pointer(pointer).is_some_and(|method| method == "GET"))
    }

    /// Replaces what the event has at `pointer`; what it does not have is not added.
    fn set(&mut self, pointer: &str, replacement: impl Into<Value>) {
        if let Some(place) = self.value.pointer_mut(pointer) {
            *place = replacement.into();
        }
    }
}

impl From<Event> for Bytes {
    fn from(event: Event) -> Self {
        event.raw.unwrap_or_else(|| event.value.to_string()).into()
    }
}

/// The members of `question` as query pairs, those of nested objects beside the rest; a list is one text with commas.
#[must_use]
pub fn flat(question: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in question.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => pairs.extend(flat(value)),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                pairs.push((name.clone(), items.join(",")));
            }
            _ => pairs.push((name.clone(), plain(value))),
        }
    }
    pairs
}

/// A text as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// API Gateway's request time, always in UTC.
const REQUEST_TIME_FORMAT: &str = "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000";
