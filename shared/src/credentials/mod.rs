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
