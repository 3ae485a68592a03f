//! Credentials: where secrets are kept, how one is read and remembered, and the host each may be sent to.

mod connection;
mod host;
mod memory;
mod remembered;
mod secrets_manager;

use std::future::Future;

use secrecy::SecretString;

pub use connection::Connection;
pub(crate) use connection::text;
pub use host::{HostRule, origin_of};
pub use memory::MemoryStore;
pub use remembered::Secrets;
pub use secrets_manager::SecretsManagerStore;

/// Where secrets are kept: Secrets Manager, or this process's memory.
pub trait SecretStore: Send + Sync + 'static {
    /// Reads the current version of a secret.
    ///
    /// # Errors
    /// There is none of that name, or the store does not answer.
    fn read(&self, name: &str) -> impl Future<Output = Result<StoredSecret, StoreFailure>> + Send;
}

/// A store whose secrets can be listed and rewritten: for token-refresh, and for no check.
pub trait WritableStore: SecretStore {
    /// The names below a prefix.
    ///
    /// # Errors
    /// The store does not answer.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreFailure>> + Send;

    /// Writes a new version of a secret that is there. `request_id` names the version: the same write repeated is one
    /// version, and another write under the same name is refused.
    ///
    /// # Errors
    /// There is none of that name, or the store does not answer.
    fn put(
        &self,
        name: &str,
        value: SecretString,
        request_id: &str,
    ) -> impl Future<Output = Result<Written, StoreFailure>> + Send;
}

/// A store in which secrets can be made: for `callgate connect`, which alone makes them.
pub trait OpenStore: WritableStore {
    /// Writes a secret, whether it is there or not.
    ///
    /// # Errors
    /// The store does not answer.
    fn store(&self, name: &str, value: SecretString) -> impl Future<Output = Result<(), StoreFailure>> + Send;
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// This is the current version now, or was before: the write is done.
    Done,
    /// Somebody else wrote something else under the same version.
    RefusedForAnother,
}

/// A secret as it is stored.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// Changes whenever the value does.
    pub version: String,
    /// The text; a JSON object for every secret of ours. It does not print.
    pub value: SecretString,
}

/// Why a secret could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// There is none of that name.
    Missing,
    /// There is one, and it is not text.
    Binary,
    /// The store did not answer; what it said.
    Unavailable(String),
}

/// The name of the secret that a check of this connection reads.
#[must_use]
pub fn secret_name(provider: crate::providers::ProviderName, connection: &str) -> String {
    format!("callgate/{provider}/{connection}")
}
