//! Secrets in a file of this machine's user: the local store of connections and grants.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use callgate::credentials::{OpenStore, SecretStore, StoreFailure, StoredSecret, WritableStore, Written};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A file with secrets, readable by its user alone. Every write replaces the whole file at once.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    /// One writer at a time in this process; across processes the last whole file wins.
    writing: Mutex<()>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    version: String,
    value: String,
}

impl FileStore {
    /// A store in this file, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writing: Mutex::default() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn load(&self) -> Result<BTreeMap<String, Kept>, StoreFailure> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                let (path, line, column) = (self.path.display(), error.line(), error.column());
                StoreFailure::Unavailable(format!("{path} is no store (line {line}, column {column})"))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Kept>) -> Result<T, StoreFailure>,
    ) -> Result<T, StoreFailure> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = self.load()?;
        let result = change(&mut secrets)?;
        self.save(&secrets).map_err(|error| self.unavailable(&error))?;
        Ok(result)
    }

    fn save(&self, secrets: &BTreeMap<String, Kept>) -> io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut next = self.path.clone().into_os_string();
        next.push(format!(".{}", std::process::id()));
        let next = PathBuf::from(next);
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(serde_json::to_string_pretty(secrets)?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&next, &self.path)
    }

    fn unavailable(&self, error: &io::Error) -> StoreFailure {
        StoreFailure::Unavailable(format!("{}: {error}", self.path.display()))
    }
}

impl SecretStore for FileStore {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        let Kept { version, value } = self.load()?.remove(name).ok_or(StoreFailure::Missing)?;
        Ok(StoredSecret { version, value: SecretString::from(value) })
    }
}

impl WritableStore for FileStore {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreFailure> {
        Ok(self.load()?.into_keys().filter(|name| name.starts_with(prefix)).collect())
    }

    async fn put(&self, name: &str, value: SecretString, request_id: &str) -> Result<Written, StoreFailure> {
        self.change(|secrets| {
            let kept = secrets.get_mut(name).ok_or(StoreFailure::Missing)?;
            // Only the current version is kept: a write under its name again is the same write or another's.
            if kept.version == request_id {
                return Ok(if kept.value == value.expose_secret() {
                    Written::Done
                } else {
                    Written::RefusedForAnother
                });
            }
            *kept = Kept { version: request_id.to_owned(), value: value.expose_secret().to_owned() };
            Ok(Written::Done)
        })
    }
}

impl OpenStore for FileStore {
    async fn store(&self, name: &str, value: SecretString) -> Result<(), StoreFailure> {
        self.change(|secrets| {
            // A time as the version: whatever was there, this is another.
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let version = format!("stored-{}", now.as_nanos());
            secrets.insert(name.to_owned(), Kept { version, value: value.expose_secret().to_owned() });
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::FileStore;
    use callgate::credentials::{OpenStore, SecretStore, StoreFailure, WritableStore, Written};
    use secrecy::{ExposeSecret, SecretString};
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn what_is_stored_is_read_again_by_another_and_by_nobody_elses_user() {
        let folder = std::env::temp_dir().join(format!("callgate-store-{}", std::process::id()));
        let path = folder.join("below").join("secrets.json");
        let store = FileStore::new(&path);
        assert_eq!(store.read("a").await.unwrap_err(), StoreFailure::Missing);
        assert_eq!(store.put("a", SecretString::from("1"), "x").await.unwrap_err(), StoreFailure::Missing);
        store.store("a", SecretString::from("1")).await.unwrap();
        assert_eq!(store.put("a", SecretString::from("2"), "x").await, Ok(Written::Done));
        assert_eq!(store.put("a", SecretString::from("2"), "x").await, Ok(Written::Done));
        assert_eq!(store.put("a", SecretString::from("3"), "x").await, Ok(Written::RefusedForAnother));
        let again = FileStore::new(&path);
        assert_eq!(again.read("a").await.unwrap().value.expose_secret(), "2");
        assert_eq!(again.list("").await.unwrap(), ["a"]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(again.read("a").await, Err(StoreFailure::Unavailable(_))));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
