//! Secrets in this process's memory: for the local gateway and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::{SecretStore, StoreFailure, StoredSecret};

/// Secrets by name. A value that is put twice has a new version.
#[derive(Debug, Default)]
pub struct MemoryStore {
    secrets: Mutex<HashMap<String, StoredSecret>>,
}

impl MemoryStore {
    /// Puts a secret: a JSON object as text.
    pub fn put(&self, name: &str, value: impl Into<SecretString>) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let version = secrets.get(name).and_then(|known| known.version.parse::<u64>().ok()).unwrap_or(0) + 1;
        secrets.insert(name.to_owned(), StoredSecret { version: version.to_string(), value: value.into() });
    }
}

impl SecretStore for MemoryStore {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().ok_or(StoreFailure::Missing)
    }
}
