//! `DynamoDB` for tests: a table made over its API, and a small server of its protocol that can be told to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::server::Server;
use crate::{HarnessError, Result, lock};

/// Makes a table as the deployment has it: its key is the text `key`. `client` sends the request.
///
/// # Errors
/// When the service does not make it.
pub async fn create_table(client: &reqwest::Client, url: &str, name: &str) -> Result<()> {
    let table = json!({
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    let answer = client
        .post(url)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.CreateTable")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261121/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(table.to_string())
        .send()
        .await?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(HarnessError::new(format!("the table {name} was not made: {}", answer.status())))
}

/// A way to a service that lets one request at a time through; dropping it ends it.
///
/// moto undoes a transaction that fails by putting all tables back to what they were before it, and with them what others
/// wrote in the meantime. One at a time, its transactions are as isolated as the service's.
#[derive(Debug)]
pub struct OneAtATime {
    server: Server,
}

impl OneAtATime {
    /// Hands requests on to `target` by `client`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn before(target: &str, client: reqwest::Client) -> Result<Self> {
        let way = Arc::new(tokio::sync::Mutex::new((client, target.to_owned())));
        Ok(Self { server: Server::start(Router::new().fallback(hand_on).with_state(way)).await? })
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

async fn hand_on(
    State(way): State<Arc<tokio::sync::Mutex<(reqwest::Client, String)>>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let way = way.lock().await;
    let (client, target) = &*way;
    let answer = match client.request(method, target).headers(headers).body(body).send().await {
        Ok(answer) => (answer.status(), answer.headers().get(CONTENT_TYPE).cloned(), answer.bytes().await),
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    match answer {
        (status, Some(content_type), Ok(body)) => (status, [(CONTENT_TYPE, content_type)], body).into_response(),
        (status, _, body) => (status, body.unwrap_or_default()).into_response(),
    }
}

/// How a [`DynamoDb`] answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Manner {
    /// As the service does.
    Well,
    /// With this error of the service's, by its name.
    Error(&'static str),
    /// As the service does, so much later.
    After(Duration),
    /// Not at all, until the manner changes.
    Silence,
    /// With this status and text, whatever was asked.
    Text(u16, &'static str),
    /// With an item of somebody else's under every key.
    ForeignItems,
    /// Reading only in part: what it leaves out is to be asked for again.
    Unprocessed,
}

/// A running server with one table in memory; dropping it ends it.
#[derive(Debug)]
pub struct DynamoDb {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manner: watch::Sender<Manner>,
    calls: watch::Sender<usize>,
    items: Mutex<HashMap<String, Value>>,
}

impl DynamoDb {
    /// Starts a server whose table is empty, and which behaves well.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self> {
        let shared = Arc::new(Shared {
            manner: watch::Sender::new(Manner::Well),
            calls: watch::Sender::default(),
            items: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        Ok(Self { server: Server::start(router).await?, shared })
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Has it answer so from now on.
    pub fn behave(&self, manner: Manner) {
        self.shared.manner.send_replace(manner);
    }

    /// How many requests it has received.
    #[must_use]
    pub fn calls(&self) -> usize {
        *self.shared.calls.borrow()
    }

    /// Waits until it has received so many requests; the caller bounds the wait.
    pub async fn called(&self, times: usize) {
        // The sender lives in `self`, so the channel cannot be closed.
        drop(self.shared.calls.subscribe().wait_for(|calls| *calls >= times).await);
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.calls.send_modify(|calls| *calls += 1);
    let manner = shared.manner.borrow().clone();
    match manner {
        Manner::Well | Manner::Unprocessed | Manner::ForeignItems => {}
        Manner::Error(name) => return error(name, &json!({})),
        Manner::After(delay) => tokio::time::sleep(delay).await,
        Manner::Silence => {
            // The sender lives as long as the server.
            drop(shared.manner.subscribe().wait_for(|manner| *manner != Manner::Silence).await);
        }
        Manner::Text(status, text) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, text).into_response();
        }
    }
    let operation = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = operation.rsplit('.').next().unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    operate(&shared, operation, &request, &manner)
}

fn operate(shared: &Shared, operation: &str, request: &Value, manner: &Manner) -> Response {
    let mut items = lock(&shared.items);
    let find = |items: &HashMap<String, Value>, key: &Value| match manner {
        Manner::ForeignItems => Some(json!({"key": key, "owner": {"S": "somebody else"}})),
        _ => items.get(text(key)).cloned(),
    };
    match operation {
        "GetItem" => match find(&items, at(request, "/Key/key")) {
            Some(item) => ok(&json!({"Item": item})),
            None => ok(&json!({})),
        },
        "BatchGetItem" => {
            let tables = at(request, "/RequestItems").as_object().cloned().unwrap_or_default();
            let mut responses = Map::new();
            let mut left = Map::new();
            for (table, wanted) in tables {
                let mut keys = at(&wanted, "/Keys").as_array().cloned().unwrap_or_default();
                if *manner == Manner::Unprocessed
                    && let Some(last) = keys.pop()
                {
                    left.insert(table.clone(), json!({"Keys": [last]}));
                }
                let found: Vec<Value> = keys.iter().filter_map(|key| find(&items, at(key, "/key"))).collect();
                responses.insert(table, found.into());
            }
            ok(&json!({"Responses": responses, "UnprocessedKeys": left}))
        }
        "PutItem" => {
            if !holds(&items, request) {
                return error("ConditionalCheckFailedException", &json!({}));
            }
            items.insert(text(at(request, "/Item/key")).to_owned(), at(request, "/Item").clone());
            ok(&json!({}))
        }
        "TransactWriteItems" => {
            let writes = at(request, "/TransactItems").as_array().cloned().unwrap_or_default();
            let inner: Vec<&Value> = writes.iter().filter_map(|write| write.as_object()?.values().next()).collect();
            let codes = inner.iter().map(|write| if holds(&items, write) { "None" } else { "ConditionalCheckFailed" });
            let codes: Vec<&str> = codes.collect();
            if codes.iter().any(|code| *code != "None") {
                let reasons: Vec<Value> = codes.iter().map(|code| json!({"Code": code})).collect();
                return error("TransactionCanceledException", &json!({"CancellationReasons": reasons}));
            }
            for put in writes.iter().filter_map(|write| write.get("Put")) {
                items.insert(text(at(put, "/Item/key")).to_owned(), at(put, "/Item").clone());
            }
            ok(&json!({}))
        }
        _ => error("UnknownOperationException", &json!({})),
    }
}

/// Whether a write's condition is met: one of the two that are in use here.
fn holds(items: &HashMap<String, Value>, write: &Value) -> bool {
    let key = if write.get("Item").is_some() { at(write, "/Item/key") } else { at(write, "/Key/key") };
    let known = items.get(text(key));
    match at(write, "/ConditionExpression").as_str() {
        None => true,
        Some("attribute_not_exists(#key)") => known.is_none(),
        Some("#version = :seen") => {
            known.is_some_and(|item| at(item, "/version") == at(write, "/ExpressionAttributeValues/:seen"))
        }
        Some(_) => false,
    }
}

/// A member at any depth; null where there is none.
fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NULL)
}

/// An attribute's text.
fn text(attribute: &Value) -> &str {
    at(attribute, "/S").as_str().unwrap_or_default()
}

fn ok(body: &Value) -> Response {
    ([("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}

fn error(name: &str, more: &Value) -> Response {
    let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": name});
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}
