//! AWS Secrets Manager, over the process's own HTTP client, so that there is one TLS stack.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use secrecy::{ExposeSecret, SecretString};

use super::{OpenStore, SecretStore, StoreFailure, StoredSecret, WritableStore, Written};
use crate::aws::{OwnHttpClient, credentials, said};
use crate::settings::{RoleCredentials, Settings};

/// Secrets in AWS Secrets Manager.
#[derive(Clone, Debug)]
pub struct SecretsManagerStore {
    client: Client,
}

impl SecretsManagerStore {
    /// A reader with the function's own role, or with none: then every read says what is missing.
    #[must_use]
    pub fn new(settings: &Settings, role: Option<RoleCredentials>, http: reqwest::Client) -> Self {
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(OwnHttpClient { http })
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
            .region(settings.region.clone().map(Region::new));
        if let Some(role) = role {
            config = config.credentials_provider(credentials(role));
        }
        if let Some(endpoint) = &settings.secrets_endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(config.build()) }
    }
}

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const LIST_PAGE: i32 = 100;
const MAX_LIST_PAGES: usize = 100;

impl SecretStore for SecretsManagerStore {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        let output =
            self.client.get_secret_value().secret_id(name).send().await.map_err(|error| store_failure(&error))?;
        let version = output.version_id().unwrap_or_default().to_owned();
        let value = output.secret_string.ok_or(StoreFailure::Binary)?;
        Ok(StoredSecret { version, value: SecretString::from(value) })
    }
}

impl WritableStore for SecretsManagerStore {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreFailure> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let mut names = Vec::new();
        let mut next = None;
        // A listing that never ends must; no account has so many grants.
        for _ in 0..MAX_LIST_PAGES {
            let page = self
                .client
                .list_secrets()
                .filters(filter.clone())
                .max_results(LIST_PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| store_failure(&error))?;
            // The filter matches beginnings of words, too: the prefix is held to here.
            let listed = page.secret_list().iter().filter_map(|secret| secret.name());
            names.extend(listed.filter(|name| name.starts_with(prefix)).map(str::to_owned));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        names.sort();
        Ok(names)
    }

    async fn put(&self, name: &str, value: SecretString, request_id: &str) -> Result<Written, StoreFailure> {
        let result = self
            .client
            .put_secret_value()
            .secret_id(name)
            .client_request_token(request_id)
            .secret_string(value.expose_secret())
            .send()
            .await;
        match result {
            Ok(_) => Ok(Written::Done),
            Err(error) if error.code() == Some("ResourceExistsException") => Ok(Written::RefusedForAnother),
            Err(error) => Err(store_failure(&error)),
        }
    }
}

impl OpenStore for SecretsManagerStore {
    async fn store(&self, name: &str, value: SecretString) -> Result<(), StoreFailure> {
        let text = value.expose_secret();
        let created = self.client.create_secret().name(name).secret_string(text).send().await;
        match created {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceExistsException") => {
                let put = self.client.put_secret_value().secret_id(name).secret_string(text).send().await;
                put.map(|_| ()).map_err(|error| store_failure(&error))
            }
            Err(error) => Err(store_failure(&error)),
        }
    }
}

fn store_failure<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> StoreFailure {
    if error.code() == Some("ResourceNotFoundException") {
        return StoreFailure::Missing;
    }
    StoreFailure::Unavailable(said(error, "a permission on the secret"))
}
