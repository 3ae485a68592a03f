//! Secrets as an instance remembers them: read once, used for a time, and for longer where the store is down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{Connection, SecretStore, StoreFailure, secret_name};
use crate::failure::Failure;
use crate::providers::Provider;

/// The secrets of one provider's connections, over a store.
pub struct Secrets<S> {
    store: S,
    ttl: Duration,
    allow_loopback: bool,
    remembered: Mutex<HashMap<String, Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    connection: Arc<Connection>,
    read_at: SystemTime,
}

impl<S: SecretStore> Secrets<S> {
    /// Secrets from `store`, each used for `ttl` before it is read again.
    pub fn new(store: S, ttl: Duration, allow_loopback: bool) -> Self {
        Self { store, ttl, allow_loopback, remembered: Mutex::default() }
    }

    /// The store behind.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What a check may know of a connection, from memory where it was read lately.
    ///
    /// # Errors
    /// No such secret, one that cannot be used, or no answer by `until`.
    pub async fn connection<P: Provider>(&self, connection: &str, until: Instant) -> Result<Arc<Connection>, Failure> {
        let name = secret_name(P::NAME, connection);
        let known = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some(known) = &known {
            // A clock that was set back makes the age unknown: read again.
            let age = SystemTime::now().duration_since(known.read_at);
            if age.is_ok_and(|age| age < self.ttl) && !known.connection.has_expired(SystemTime::now()) {
                return Ok(Arc::clone(&known.connection));
            }
        }
        match self.read::<P>(&name, until).await {
            Err(Failure::SecretsUnavailable { problem }) => {
                // What is in hand serves as long as the token lives.
                known.map(|known| known.connection).ok_or(Failure::SecretsUnavailable { problem })
            }
            other => other,
        }
    }

    /// The connection as it is stored now, where that is another version than the one in hand.
    pub async fn newer<P: Provider>(
        &self,
        connection: &str,
        known: &Connection,
        until: Instant,
    ) -> Option<Arc<Connection>> {
        let read = self.read::<P>(&secret_name(P::NAME, connection), until).await.ok()?;
        (read.version() != known.version()).then_some(read)
    }

    async fn read<P: Provider>(&self, name: &str, until: Instant) -> Result<Arc<Connection>, Failure> {
        let stored = match tokio::time::timeout_at(until, self.store.read(name)).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(failure)) => {
                if failure != StoreFailure::Missing && matches!(failure, StoreFailure::Unavailable(_)) {
                    return Err(unavailable(failure));
                }
                self.forget(name);
                return Err(match failure {
                    StoreFailure::Binary => Failure::SecretUnusable {
                        name: name.to_owned(),
                        problem: "it is binary; store a JSON object as text".to_owned(),
                    },
                    _ => Failure::AuthMissing { name: name.to_owned() },
                });
            }
            Err(_) => return Err(Failure::SecretsUnavailable { problem: "no answer in time".to_owned() }),
        };
        let connection = Connection::read::<P>(&stored, self.allow_loopback)
            .map_err(|problem| Failure::SecretUnusable { name: name.to_owned(), problem });
        match connection {
            Ok(connection) => {
                let connection = Arc::new(connection);
                let remembered = Remembered { connection: Arc::clone(&connection), read_at: SystemTime::now() };
                self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), remembered);
                Ok(connection)
            }
            Err(failure) => {
                self.forget(name);
                Err(failure)
            }
        }
    }

    fn forget(&self, name: &str) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

fn unavailable(failure: StoreFailure) -> Failure {
    let problem = match failure {
        StoreFailure::Unavailable(problem) => problem,
        StoreFailure::Missing | StoreFailure::Binary => String::new(),
    };
    Failure::SecretsUnavailable { problem }
}
