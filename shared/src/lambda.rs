//! A function on AWS Lambda: events of every shape in, checks, and answers in the shape of the event out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::budget::Budget;
use crate::check::Gate;
use crate::clock::Clock;
use crate::credentials::{SecretStore, SecretsManagerStore, StoreFailure, WritableStore};
use crate::freshness::state::DynamoDbState;
use crate::freshness::{Home, Shared};
use crate::http::HttpClients;
use crate::invocation::Invocation;
use crate::providers::Provider;
use crate::refresh::Refresher;
use crate::routes::{HttpAnswer, HttpRequest, respond, respond_directly};
use crate::settings::{RoleCredentials, Settings};
use crate::telemetry;

/// Serves one provider's checks until the sandbox ends.
///
/// # Errors
/// The runtime cannot be reached.
pub async fn serve<P: Provider>() -> Result<(), Error> {
    let settings = settings();
    let http = Arc::new(HttpClients::new()?);
    let aws = http.aws(&settings);
    let role = RoleCredentials::from_environment();
    let shared = settings.state_table.as_deref().map(|table| {
        let state = DynamoDbState::new(table, &settings, role.clone(), aws.clone());
        Shared::new(Home::DynamoDb(state), settings.state_timeout)
    });
    let store = SecretsManagerStore::new(&settings, role, aws);
    let gate = Gate::<P, _>::new(store, http, settings).sharing(shared);
    gate.prepare().await;
    let cold = AtomicBool::new(true);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async {
        let (payload, context) = event.into_parts();
        let invocation = invocation(&context, cold.swap(false, Ordering::Relaxed));
        // Boxed: within the runtime's own layers the type would be too deep for the compiler.
        Ok::<Value, Error>(Box::pin(handle(&gate, payload.get(), &invocation)).await)
    }))
    .await
}

/// Serves the scheduled refresh until the sandbox ends.
///
/// # Errors
/// The runtime cannot be reached.
pub async fn serve_refresh() -> Result<(), Error> {
    let settings = settings();
    let http = HttpClients::new()?;
    let store = SecretsManagerStore::new(&settings, RoleCredentials::from_environment(), http.aws(&settings));
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async {
        let (payload, _) = event.into_parts();
        Ok::<Value, Error>(Box::pin(handle_refresh(&store, &http, &settings, payload.get())).await)
    }))
    .await
}

/// The deployment's settings; what is wrong with them is written to the log.
fn settings() -> Settings {
    let (settings, warnings) = Settings::from_environment();
    for warning in warnings {
        telemetry::write_warning(&warning);
    }
    settings
}

/// Answers a scheduled event: `{"refresh": {}}`, whatever else is in it. Anything else is answered with what to send.
pub async fn handle_refresh<S: WritableStore>(
    store: &S,
    http: &HttpClients,
    settings: &Settings,
    payload: &str,
) -> Value {
    let event: Value = serde_json::from_str(payload).unwrap_or_default();
    if event.get("refresh").is_none() {
        return json!({"status": 400, "detail": "this function refreshes tokens: send {\"refresh\": {}}"});
    }
    match Refresher::new(store, http, Clock::system(), settings.allow_loopback).run().await {
        Ok(refreshed) => {
            for line in &refreshed {
                telemetry::write_refreshed(line);
            }
            json!({"refreshed": refreshed})
        }
        Err(failure) => {
            let problem = match failure {
                StoreFailure::Unavailable(problem) => problem,
                StoreFailure::Missing | StoreFailure::Binary => "the secrets cannot be listed".to_owned(),
            };
            telemetry::write_warning(&format!("nothing was refreshed: {problem}"));
            json!({"status": 503, "detail": format!("the secrets cannot be listed: {problem}")})
        }
    }
}

/// Answers one event. There is no event that makes the function fail.
pub async fn handle<P: Provider, S: SecretStore>(gate: &Gate<P, S>, payload: &str, invocation: &Invocation) -> Value {
    // An event too deep to read is a check too deep to read: the direct answer names the fault.
    let event: Value = serde_json::from_str(payload).unwrap_or_default();
    if let Some(request) = event.get("warm") {
        return warm(gate, request, invocation.time_left).await;
    }
    match http_request(&event) {
        Some(request) => gateway_answer(&respond(gate, &request, invocation).await),
        None => respond_directly(gate, payload, invocation).await,
    }
}

/// What the runtime says of an invocation.
#[must_use]
pub fn invocation(context: &Context, cold_start: bool) -> Invocation {
    let trace = context.xray_trace_id.as_deref().unwrap_or_default();
    let root = trace.split(';').find_map(|part| part.trim().strip_prefix("Root="));
    Invocation { time_left: time_left(context, SystemTime::now()), cold_start, trace_id: root.map(str::to_owned) }
}

/// What the invocation has left to live. A deadline that has passed is no real one.
fn time_left(context: &Context, now: SystemTime) -> Option<Duration> {
    let deadline = UNIX_EPOCH.checked_add(Duration::from_millis(context.deadline))?;
    deadline.duration_since(now).ok().filter(|left| !left.is_zero())
}

/// The HTTP request in an API Gateway proxy event of version 1.0 or 2.0, or of a function URL. `None`: no such event.
fn http_request(event: &Value) -> Option<HttpRequest> {
    let context = event.get("requestContext")?.as_object()?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let (method, path, query, received_at) = if let Some(http) = context.get("http") {
        let query = text(event.get("rawQueryString")).unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        (text(http.get("method")), text(event.get("rawPath")), query, context.get("timeEpoch"))
    } else {
        (text(event.get("httpMethod")), text(event.get("path")), rest_query(event), context.get("requestTimeEpoch"))
    };
    let body = event.get("body").and_then(Value::as_str).unwrap_or_default();
    let body = if event.get("isBase64Encoded").and_then(Value::as_bool) == Some(true) {
        // A body that is no base64 goes on as it came, and is named a fault there.
        STANDARD.decode(body).unwrap_or_else(|_| body.as_bytes().to_vec())
    } else {
        body.as_bytes().to_vec()
    };
    Some(HttpRequest {
        method: method?,
        path: path?,
        query,
        body,
        api_key_id: text(context.get("identity").and_then(|identity| identity.get("apiKeyId"))),
        received_at: received_at
            .and_then(Value::as_u64)
            .and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis))),
    })
}

/// A REST API's query; with every value of a repeated key, so that the repetition is noticed.
fn rest_query(event: &Value) -> Vec<(String, String)> {
    let pairs = |key: &str| event.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    let many: Map<String, Value> = pairs("multiValueQueryStringParameters");
    if many.is_empty() {
        let single = |(key, value): (String, Value)| Some((key, value.as_str()?.to_owned()));
        return pairs("queryStringParameters").into_iter().filter_map(single).collect();
    }
    many.into_iter()
        .flat_map(|(key, values)| {
            let values = values.as_array().cloned().unwrap_or_default();
            values
                .into_iter()
                .filter_map(move |value| Some((key.clone(), value.as_str()?.to_owned())))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn gateway_answer(answer: &HttpAnswer) -> Value {
    let headers: Map<String, Value> =
        answer.headers().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    json!({
        "statusCode": answer.status,
        "headers": headers,
        "body": answer.body,
        "isBase64Encoded": false,
    })
}

const MAX_WARMED: usize = 50;

async fn warm<P: Provider, S: SecretStore>(gate: &Gate<P, S>, request: &Value, time_left: Option<Duration>) -> Value {
    let names: Vec<String> = request
        .get("connections")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(MAX_WARMED)
        .map(str::to_owned)
        .collect();
    let budget = Budget::start(gate.settings().deadline, Duration::ZERO, time_left);
    let results = join_all(names.iter().map(|name| gate.warm(name, budget))).await;
    let mut warmed = Vec::new();
    let mut failed = Vec::new();
    for (name, result) in names.into_iter().zip(results) {
        match result {
            Ok(()) => warmed.push(Value::String(name)),
            Err(failure) => {
                telemetry::write_warning(&format!("warming {name}: {failure}"));
                failed.push(json!({"connection": name, "reason": failure.reason(), "message": failure.to_string()}));
            }
        }
    }
    json!({"warmed": warmed, "failed": failed})
}
