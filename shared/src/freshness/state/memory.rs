//! Shared items in this process's memory: the default, and what several gates of one process can share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::{Change, Item, Seen, SharedState, StateFailure, Swapped};
use crate::clock::Clock;

/// Items in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct MemoryState {
    clock: Clock,
    items: Arc<Mutex<Items>>,
}

#[derive(Debug, Default)]
struct Items {
    by_key: HashMap<String, (Item, SystemTime)>,
    changes: u64,
    swept_at: Option<SystemTime>,
}

impl MemoryState {
    /// No items. What has expired by that clock is forgotten in time.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, items: Arc::default() }
    }
}

impl SharedState for MemoryState {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Item>>, StateFailure> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.iter().map(|key| items.by_key.get(*key).map(|(item, _)| item.clone())).collect())
    }

    async fn swap(&self, changes: &[Change]) -> Result<Swapped, StateFailure> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.sweep(self.clock.now());
        let as_seen = |change: &Change| match (&change.seen, items.by_key.get(&change.key)) {
            (Seen::Anything, _) | (Seen::Nothing, None) => true,
            (Seen::Version(version), Some((item, _))) => *version == item.version,
            (Seen::Nothing, Some(_)) | (Seen::Version(_), None) => false,
        };
        if !changes.iter().all(as_seen) {
            return Ok(Swapped::Conflict);
        }
        let mut versions = Vec::new();
        for change in changes {
            let Some(body) = change.body.clone() else {
                versions.push(String::new());
                continue;
            };
            items.changes += 1;
            let version = items.changes.to_string();
            let item = Item { version: version.clone(), body };
            items.by_key.insert(change.key.clone(), (item, change.expires_at));
            versions.push(version);
        }
        Ok(Swapped::Done(versions))
    }
}

impl Items {
    fn sweep(&mut self, now: SystemTime) {
        let due = self.swept_at.is_none_or(|at| now.duration_since(at).is_ok_and(|since| since >= SWEEP));
        if due {
            self.by_key.retain(|_, (_, expires_at)| *expires_at > now);
            self.swept_at = Some(now);
        }
    }
}

const SWEEP: Duration = Duration::from_mins(1);
