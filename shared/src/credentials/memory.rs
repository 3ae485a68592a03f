//! Secrets in this process's memory: for the local gateway and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::{OpenStore, SecretStore, StoreFailure, StoredSecret, WritableStore, Written};

/// Secrets by name, each with all its versions. A value that is put twice has a new version.
#[derive(Debug, Default)]
pub struct MemoryStore {
    secrets: Mutex<HashMap<String, Vec<StoredSecret>>>,
}

impl MemoryStore {
    /// Puts a secret: a JSON object as text.
    pub fn put_secret(&self, name: &str, value: impl Into<SecretString>) {
        let mut secrets = self.lock();
        let versions = secrets.entry(name.to_owned()).or_default();
        let version = format!("put-{}", versions.len() + 1);
        versions.push(StoredSecret { version, value: value.into() });
    }

    /// How many versions a secret has had.
    #[must_use]
    pub fn versions(&self, name: &str) -> usize {
        self.lock().get(name).map_or(0, Vec::len)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<StoredSecret>>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for MemoryStore {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        self.lock().get(name).and_then(|versions| versions.last().cloned()).ok_or(StoreFailure::Missing)
    }
}

impl OpenStore for MemoryStore {
    async fn store(&self, name: &str, value: SecretString) -> Result<(), StoreFailure> {
        self.put_secret(name, value);
        Ok(())
    }
}

impl WritableStore for MemoryStore {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreFailure> {
        let mut names: Vec<String> = self.lock().keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names.sort();
        Ok(names)
    }

    async fn put(&self, name: &str, value: SecretString, request_id: &str) -> Result<Written, StoreFailure> {
        let mut secrets = self.lock();
        let versions = secrets.get_mut(name).ok_or(StoreFailure::Missing)?;
        if let Some(known) = versions.iter().find(|known| known.version == request_id) {
            let same = known.value.expose_secret() == value.expose_secret();
            return Ok(if same { Written::Done } else { Written::RefusedForAnother });
        }
        versions.push(StoredSecret { version: request_id.to_owned(), value });
        Ok(Written::Done)
    }
}
