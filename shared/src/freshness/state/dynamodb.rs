//! Shared items in a `DynamoDB` table: conditional writes, one item or several at once, and a time to live.

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, KeysAndAttributes, Put, TransactWriteItem};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{Change, Item, Seen, SharedState, StateFailure, Swapped};
use crate::aws::{OwnHttpClient, credentials, said};
use crate::clock::millis_between;
use crate::settings::{RoleCredentials, Settings};

/// Items in a table whose key is the text `key`, and whose time to live is `expires_at`.
#[derive(Clone, Debug)]
pub struct DynamoDbState {
    client: Client,
    table: String,
}

impl DynamoDbState {
    /// In `table`, with the function's own role. Nothing is sent twice: the caller has better things to do than to wait.
    #[must_use]
    pub fn new(table: &str, settings: &Settings, role: Option<RoleCredentials>, http: reqwest::Client) -> Self {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(OwnHttpClient { http })
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::disabled())
            .region(settings.region.clone().map(Region::new));
        if let Some(role) = role {
            config = config.credentials_provider(credentials(role));
        }
        if let Some(endpoint) = &settings.state_endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(config.build()), table: table.to_owned() }
    }
}

impl SharedState for DynamoDbState {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Item>>, StateFailure> {
        if let [key] = keys {
            let request = self.client.get_item().table_name(&self.table).key(KEY, text(key)).consistent_read(true);
            let output = request.send().await.map_err(|error| failure(&error))?;
            return Ok(vec![output.item.map(|item| read(&item)).transpose()?]);
        }
        let mut wanted = KeysAndAttributes::builder().consistent_read(true);
        for key in keys {
            wanted = wanted.keys(HashMap::from([(KEY.to_owned(), text(key))]));
        }
        let wanted = wanted.build().map_err(|error| faulty(&error))?;
        let output = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .send()
            .await
            .map_err(|error| failure(&error))?;
        if output.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
            return Err(StateFailure("the table is throttled".to_owned()));
        }
        let found = output.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
        let by_key: HashMap<&str, &Attributes> =
            found.iter().filter_map(|item| Some((item.get(KEY)?.as_s().ok()?.as_str(), item))).collect();
        keys.iter().map(|key| by_key.get(key).map(|item| read(item)).transpose()).collect()
    }

    async fn swap(&self, changes: &[Change]) -> Result<Swapped, StateFailure> {
        let versions: Vec<String> = changes
            .iter()
            .map(|change| change.body.as_ref().map_or_else(String::new, |_| uuid::Uuid::new_v4().simple().to_string()))
            .collect();
        let mut writes = Vec::new();
        for (change, version) in changes.iter().zip(&versions) {
            writes.extend(self.write(change, version)?);
        }
        let result = match writes.as_slice() {
            [TransactWriteItem { put: Some(put), .. }] => self.put(put).await,
            _ => self.transact(writes).await,
        };
        match result {
            Ok(()) => Ok(Swapped::Done(versions)),
            Err(Refusal::Conflict) => Ok(Swapped::Conflict),
            Err(Refusal::Failed(failure)) => Err(failure),
        }
    }
}

enum Refusal {
    Conflict,
    Failed(StateFailure),
}

type Attributes = HashMap<String, AttributeValue>;

impl DynamoDbState {
    /// The write of a change; `None` where it asks for nothing.
    fn write(&self, change: &Change, version: &str) -> Result<Option<TransactWriteItem>, StateFailure> {
        let (condition, seen) = match &change.seen {
            Seen::Anything => (None, None),
            Seen::Nothing => (Some("attribute_not_exists(#key)"), None),
            Seen::Version(version) => {
                (Some("#version = :seen"), Some(HashMap::from([(":seen".to_owned(), text(version))])))
            }
        };
        let name = if matches!(change.seen, Seen::Nothing) { ("#key", KEY) } else { ("#version", VERSION) };
        let names = condition.map(|_| HashMap::from([(name.0.to_owned(), name.1.to_owned())]));
        let Some(body) = &change.body else {
            let Some(condition) = condition else { return Ok(None) };
            let check = ConditionCheck::builder()
                .table_name(&self.table)
                .key(KEY, text(&change.key))
                .condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(seen)
                .build()
                .map_err(|error| faulty(&error))?;
            return Ok(Some(TransactWriteItem::builder().condition_check(check).build()));
        };
        let expires_at = millis_between(UNIX_EPOCH, change.expires_at) / 1000;
        let put = Put::builder()
            .table_name(&self.table)
            .item(KEY, text(&change.key))
            .item(VERSION, text(version))
            .item(BODY, text(body))
            .item(EXPIRES_AT, AttributeValue::N(expires_at.to_string()))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(seen)
            .build()
            .map_err(|error| faulty(&error))?;
        Ok(Some(TransactWriteItem::builder().put(put).build()))
    }

    /// One item needs no transaction, which costs double.
    async fn put(&self, put: &Put) -> Result<(), Refusal> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(put.item.clone()))
            .set_condition_expression(put.condition_expression.clone())
            .set_expression_attribute_names(put.expression_attribute_names.clone())
            .set_expression_attribute_values(put.expression_attribute_values.clone())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Err(Refusal::Conflict),
            Err(error) => Err(Refusal::Failed(failure(&error))),
        }
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), Refusal> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let reasons = error
            .as_service_error()
            .and_then(|error| match error {
                aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
                    canceled,
                ) => canceled.cancellation_reasons.as_deref(),
                _ => None,
            })
            .unwrap_or_default();
        let is_conflict = |code: &str| matches!(code, "ConditionalCheckFailed" | "TransactionConflict");
        let conflict = reasons.iter().filter_map(|reason| reason.code()).any(is_conflict)
            || error.code() == Some("TransactionInProgressException");
        Err(if conflict { Refusal::Conflict } else { Refusal::Failed(failure(&error)) })
    }
}

const KEY: &str = "key";
const VERSION: &str = "version";
const BODY: &str = "body";
const EXPIRES_AT: &str = "expires_at";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn read(item: &Attributes) -> Result<Item, StateFailure> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    match (text(VERSION), text(BODY)) {
        (Some(version), Some(body)) => Ok(Item { version, body }),
        _ => Err(StateFailure("an item of the table is not callgate's".to_owned())),
    }
}

/// A request that cannot be built is a fault of ours; the gate goes on alone all the same.
fn faulty(error: &BuildError) -> StateFailure {
    StateFailure(format!("the request could not be built: {error}"))
}

fn failure<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> StateFailure {
    StateFailure(match error.code() {
        Some("ResourceNotFoundException") => "there is no such table; check CALLGATE_STATE_TABLE".to_owned(),
        _ => said(error, "a permission on the table"),
    })
}
