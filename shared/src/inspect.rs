//! What can be had of a gate without a check: getting ready, warming a connection, what its secret says of itself.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use secrecy::SecretString;

use crate::budget::Budget;
use crate::check::Gate;
use crate::credentials::{MemoryStore, SecretStore, secret_name};
use crate::failure::Failure;
use crate::providers::{Provider, Template};

/// What a connection's secret says of itself; nothing of it is secret.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The one host its credential may be sent to.
    pub host: String,
    /// When its token ends, where the secret says so.
    pub expires_at: Option<SystemTime>,
    /// What was mended while it was read.
    pub warnings: Vec<String>,
}

impl<P: Provider, S: SecretStore> Gate<P, S> {
    /// Reads a connection's secret and opens a connection to its host; sends no credential and spends no quota.
    ///
    /// # Errors
    /// Why a check of this connection would fail.
    pub async fn warm(&self, connection: &str, budget: Budget) -> Result<(), Failure> {
        let secret = self.secrets.connection::<P>(connection, budget.read_secret_until()).await?;
        let template = P::Template::first().ok_or(Failure::Internal)?;
        self.upstream(&secret, connection, template, &budget)?.open_connection().await;
        Ok(())
    }

    /// Gets ready before the first event: reads the secrets of the connections that the deployment names, opens their
    /// connections and the one to the shared state, all at once. What fails is found out by the check that needs it.
    pub async fn prepare(&self) {
        let warming = self.settings().connections.iter().take(MOST_PREPARED).map(|name| async move {
            let budget = Budget::start(PREPARE_WITHIN, Duration::ZERO, None);
            // A check of this connection will say why.
            let _ = self.warm(name, budget).await;
        });
        let opening = async {
            if let Some(shared) = self.freshness.shared() {
                shared.open(&format!("{}/opened", P::NAME), PREPARE_WITHIN).await;
            }
        };
        let _ = tokio::time::timeout(PREPARE_WITHIN, futures_util::future::join(join_all(warming), opening)).await;
    }

    /// Reads a connection's secret and says what can be said of it.
    ///
    /// # Errors
    /// Why a check of this connection would fail before anything is sent.
    pub async fn inspect(
        &self,
        connection: &str,
        template: Option<&str>,
        budget: Budget,
    ) -> Result<Inspection, Failure> {
        let secret = self.secrets.connection::<P>(connection, budget.read_secret_until()).await?;
        let template = template.map_or_else(P::Template::first, P::Template::from_name).ok_or(Failure::Internal)?;
        let unusable = |problem| Failure::SecretUnusable { name: secret_name(P::NAME, connection), problem };
        Ok(Inspection {
            host: secret.origin::<P>(template).map_err(unusable)?.origin().ascii_serialization(),
            expires_at: secret.expires_at(),
            warnings: secret.warnings().to_vec(),
        })
    }
}

const MOST_PREPARED: usize = 20;
/// Lambda gives ten seconds to the time before the first event, and a caller may be waiting.
const PREPARE_WITHIN: Duration = Duration::from_secs(2);

impl<P: Provider> Gate<P, MemoryStore> {
    /// Puts the secret of a connection: a JSON object as text.
    pub fn put_secret(&self, connection: &str, secret: impl Into<SecretString>) {
        self.secrets.store().put_secret(&secret_name(P::NAME, connection), secret);
    }
}
