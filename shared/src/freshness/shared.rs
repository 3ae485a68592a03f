//! The shared state as a gate uses it: never waited for longer than it may take, and left alone while it is down.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::state::{Change, DynamoDbState, Item, MemoryState, SharedState, StateFailure, Swapped};

/// Where shared items are. Static dispatch: there are two homes.
#[derive(Clone, Debug)]
pub enum Home {
    /// This process, for the gates that were given a clone of it.
    Memory(MemoryState),
    /// A table, for all instances.
    DynamoDb(DynamoDbState),
}

/// A home with a limit on its time.
#[derive(Debug)]
pub struct Shared {
    home: Home,
    timeout: Duration,
    down_until: Mutex<Option<Instant>>,
}

impl Shared {
    /// A home that may take so long for each operation.
    #[must_use]
    pub fn new(home: Home, timeout: Duration) -> Self {
        Self { home, timeout, down_until: Mutex::default() }
    }

    /// As [`SharedState::get`], in time.
    ///
    /// # Errors
    /// The home does not answer, or did not a moment ago.
    pub async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Item>>, StateFailure> {
        self.in_time(async {
            match &self.home {
                Home::Memory(memory) => memory.get(keys).await,
                Home::DynamoDb(table) => Box::pin(table.get(keys)).await,
            }
        })
        .await
    }

    /// As [`SharedState::swap`], in time.
    ///
    /// # Errors
    /// The home does not answer, or did not a moment ago.
    pub async fn swap(&self, changes: &[Change]) -> Result<Swapped, StateFailure> {
        self.in_time(async {
            match &self.home {
                Home::Memory(memory) => memory.swap(changes).await,
                Home::DynamoDb(table) => Box::pin(table.swap(changes)).await,
            }
        })
        .await
    }

    /// Opens the connection to the home for later use, without the limit: before the first event there is time.
    /// `key` names an item that this gate may read.
    pub async fn open(&self, key: &str, within: Duration) {
        if let Home::DynamoDb(table) = &self.home {
            // Whether it came off shows in the next check's time.
            let _ = tokio::time::timeout(within, table.get(&[key])).await;
        }
    }

    async fn in_time<T>(&self, operation: impl Future<Output = Result<T, StateFailure>>) -> Result<T, StateFailure> {
        if self.lock().is_some_and(|until| Instant::now() < until) {
            return Err(StateFailure("it did not answer a moment ago".to_owned()));
        }
        let result = match tokio::time::timeout(self.timeout, operation).await {
            Ok(result) => result,
            Err(_) => Err(StateFailure(format!("no answer within {} ms", self.timeout.as_millis()))),
        };
        if result.is_err() {
            *self.lock() = Some(Instant::now() + LEFT_ALONE);
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.down_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a home that did not answer is not asked: it would cost each check its time-out.
const LEFT_ALONE: Duration = Duration::from_secs(2);
