//! A function on its stage: its secret in place, and its provider a server of the test's.

use serde_json::Value;
use wiremock::MockServer;

use crate::Result;
use crate::events::Event;
use crate::function::Function;
use crate::outcome::Outcome;
use crate::providers::Provider;
use crate::secrets_manager::SecretsManager;

/// A running function and the Secrets Manager it reads.
#[derive(Debug)]
pub struct Stage {
    /// Whose function it is.
    pub provider: Provider,
    /// What it reads its secrets from.
    pub secrets: SecretsManager,
    /// The function.
    pub function: Function,
}

impl Stage {
    /// Starts a function whose connection sends to `base_url`.
    ///
    /// # Errors
    /// As [`start_function`].
    pub async fn start(provider: Provider, base_url: &str) -> Result<Self> {
        let secrets = SecretsManager::start().await?;
        secrets.put(&provider.secret_name(), &provider.secret(base_url));
        Self::with(provider, secrets).await
    }

    /// Starts a function that reads `secrets`, as they are.
    ///
    /// # Errors
    /// As [`start_function`].
    pub async fn with(provider: Provider, secrets: SecretsManager) -> Result<Self> {
        let function = start_function(provider, &secrets.url(), &[]).await?;
        Ok(Self { provider, secrets, function })
    }

    /// Invokes the function with the event called `shape`, which asks `question`.
    ///
    /// # Errors
    /// As [`Function::invoke`].
    pub async fn ask(&mut self, shape: &str, question: &Value) -> Result<Outcome> {
        let event = Event::load(shape)?.provider(self.provider.name).asking(question);
        self.function.invoke(event).await
    }

    /// The verdict, or the problem, in answer to `question` asked directly.
    ///
    /// # Errors
    /// As [`Function::invoke`], and on a function error.
    pub async fn verdict(&mut self, question: &Value) -> Result<Value> {
        self.ask("direct", question).await?.json()
    }

    /// Checks that neither a secret nor `upstream` was ever asked for anything.
    ///
    /// # Panics
    /// When one was.
    pub async fn assert_nothing_was_asked(&self, upstream: &MockServer) {
        assert_eq!(self.secrets.asked(), [""; 0], "{}", self.provider);
        assert_eq!(self.secrets.refused(), [""; 0], "{}", self.provider);
        assert_eq!(requests(upstream).await, 0, "{}", self.provider);
    }
}

/// Starts the function of `provider` with the Secrets Manager at `secrets_url` and `more` in its environment; it may
/// send to loopback.
///
/// # Errors
/// As [`Function::start`].
pub async fn start_function(provider: Provider, secrets_url: &str, more: &[(&str, &str)]) -> Result<Function> {
    let mut environment = vec![("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_url), ("CALLGATE_ALLOW_LOOPBACK", "1")];
    environment.extend(more);
    Function::start(provider.package, &environment).await
}

/// Starts the service of `provider`, where `ready` of the agents on the queue are ready.
pub async fn upstream(provider: Provider, ready: usize) -> MockServer {
    let server = MockServer::start().await;
    provider.mount(&server, ready).await;
    server
}

/// How many requests `upstream` has received.
pub async fn requests(upstream: &MockServer) -> usize {
    upstream.received_requests().await.map_or(0, |requests| requests.len())
}
