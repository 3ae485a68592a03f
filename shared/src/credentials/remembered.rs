//! Secrets as an instance remembers them: read once, used for a time, and for longer where the store is down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{Connection, SecretStore, StoreFailure, secret_name};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::providers::Provider;

/// The secrets of one provider's connections, over a store.
pub struct Secrets<S> {
    store: S,
    ttl: Duration,
    allow_loopback: bool,
    clock: Clock,
    remembered: Mutex<HashMap<String, Arc<Entry>>>,
}

/// What is remembered of one secret. Whoever reads the store holds `reading`, so that there is one reader at a time.
#[derive(Default)]
struct Entry {
    reading: tokio::sync::Mutex<()>,
    value: Mutex<Option<Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    connection: Arc<Connection>,
    /// When the store was last asked, whatever it said.
    asked_at: SystemTime,
    /// When the provider last refused this version's token.
    refused_at: Option<SystemTime>,
}

/// How long before its end a token is looked for anew: the refresher has long written the next.
const NEAR_ITS_END: Duration = Duration::from_mins(1);
/// How often the store is asked while the token in hand nears its end.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long a refused token is not sent again: the provider must not take a queue of calls for an attack.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// How long the next token of a rotating chain is waited for: its writer needs two writes.
const ROTATION: Duration = Duration::from_millis(1500);
const ROTATION_STEP: Duration = Duration::from_millis(150);

impl<S: SecretStore> Secrets<S> {
    /// Secrets from `store`, each used for `ttl` before it is read again.
    pub fn new(store: S, ttl: Duration, allow_loopback: bool, clock: Clock) -> Self {
        Self { store, ttl, allow_loopback, clock, remembered: Mutex::default() }
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
        self.known::<P>(connection, until).await.map(|known| known.connection)
    }

    /// Whether the provider refused this very token within the last ten seconds: then it is not sent again.
    #[must_use]
    pub fn was_refused_lately<P: Provider>(&self, connection: &str, known: &Connection) -> bool {
        let remembered = self.entry(&secret_name(P::NAME, connection)).get();
        remembered.is_some_and(|entry| entry.connection.version() == known.version() && self.is_refused(&entry))
    }

    fn is_refused(&self, known: &Remembered) -> bool {
        let lately = |at: SystemTime| self.clock.now().duration_since(at).is_ok_and(|age| age < REFUSED_FOR);
        known.refused_at.is_some_and(lately)
    }

    async fn known<P: Provider>(&self, connection: &str, until: Instant) -> Result<Remembered, Failure> {
        let name = secret_name(P::NAME, connection);
        let entry = self.entry(&name);
        if let Some(usable) = entry.get().filter(|known| self.is_fresh(known)) {
            return Ok(usable);
        }
        let Ok(_reading) = tokio::time::timeout_at(until, entry.reading.lock()).await else {
            return entry.get().ok_or_else(no_answer_in_time);
        };
        // Whoever was before may have read it meanwhile.
        if let Some(usable) = entry.get().filter(|known| self.is_fresh(known)) {
            return Ok(usable);
        }
        match self.read::<P>(&name, &entry, until).await {
            Err(Failure::SecretsUnavailable { problem }) => {
                // What is in hand serves as long as the token lives.
                let Some(known) = entry.get() else {
                    self.forget(&name);
                    return Err(Failure::SecretsUnavailable { problem });
                };
                entry.set(Some(Remembered { asked_at: self.clock.now(), ..known.clone() }));
                Ok(known)
            }
            Err(failure) => {
                self.forget(&name);
                Err(failure)
            }
            read => read,
        }
    }

    /// The connection as it is stored now, where that is another version than the one whose token was refused.
    ///
    /// The next token of a rotating chain is waited for, up to a second and a half and never beyond `until`. Where there
    /// is none, the refused one is not used again for ten seconds.
    pub async fn newer<P: Provider>(
        &self,
        connection: &str,
        refused: &Connection,
        until: Instant,
    ) -> Option<Arc<Connection>> {
        let name = secret_name(P::NAME, connection);
        let entry = self.entry(&name);
        let last_look = until.min(Instant::now() + if refused.rotates() { ROTATION } else { Duration::ZERO });
        loop {
            {
                let _reading = tokio::time::timeout_at(until, entry.reading.lock()).await.ok()?;
                let known = entry.get().filter(|known| known.connection.version() != refused.version());
                let read = match known {
                    Some(known) => Some(known),
                    None => self.read::<P>(&name, &entry, until).await.ok(),
                };
                if let Some(newer) = read.filter(|read| read.connection.version() != refused.version()) {
                    return Some(newer.connection);
                }
            }
            if Instant::now() + ROTATION_STEP > last_look {
                break;
            }
            tokio::time::sleep(ROTATION_STEP).await;
        }
        self.refused::<P>(connection, refused);
        None
    }

    /// Notes that the provider refused a connection's token: it is not used again for ten seconds.
    pub fn refused<P: Provider>(&self, connection: &str, refused: &Connection) {
        let entry = self.entry(&secret_name(P::NAME, connection));
        if let Some(known) = entry.get().filter(|known| known.connection.version() == refused.version()) {
            entry.set(Some(Remembered { refused_at: Some(self.clock.now()), ..known }));
        }
    }

    /// A request may name any connection: what is not there must not be remembered for ever.
    fn forget(&self, name: &str) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn entry(&self, name: &str) -> Arc<Entry> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(remembered.entry(name.to_owned()).or_default())
    }

    /// Whether what is in hand can be used without asking the store. What is of no use is looked for anew each time; a
    /// clock that was set back makes every age unknown.
    fn is_fresh(&self, known: &Remembered) -> bool {
        let now = self.clock.now();
        if self.is_refused(known) || known.connection.has_expired(now) {
            return false;
        }
        let limit =
            if known.connection.ends_within(NEAR_ITS_END, now) { ASK_AGAIN_AFTER.min(self.ttl) } else { self.ttl };
        now.duration_since(known.asked_at).is_ok_and(|age| age < limit)
    }

    async fn read<P: Provider>(&self, name: &str, entry: &Entry, until: Instant) -> Result<Remembered, Failure> {
        let stored = match tokio::time::timeout_at(until, self.store.read(name)).await {
            Err(_) => return Err(no_answer_in_time()),
            Ok(Err(StoreFailure::Unavailable(problem))) => return Err(Failure::SecretsUnavailable { problem }),
            Ok(Err(StoreFailure::Missing)) => {
                entry.set(None);
                return Err(Failure::AuthMissing { name: name.to_owned() });
            }
            Ok(Err(StoreFailure::Binary)) => Err("it is binary; store a JSON object as text".to_owned()),
            Ok(Ok(stored)) => Connection::read::<P>(&stored, self.allow_loopback),
        };
        let connection = stored.map_err(|problem| {
            entry.set(None);
            Failure::SecretUnusable { name: name.to_owned(), problem }
        })?;
        let before = entry.get().filter(|known| known.connection.version() == connection.version());
        let read = Remembered {
            connection: Arc::new(connection),
            asked_at: self.clock.now(),
            refused_at: before.and_then(|known| known.refused_at),
        };
        entry.set(Some(read.clone()));
        Ok(read)
    }
}

impl Entry {
    fn get(&self) -> Option<Remembered> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, value: Option<Remembered>) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

fn no_answer_in_time() -> Failure {
    Failure::SecretsUnavailable { problem: "no answer in time".to_owned() }
}
