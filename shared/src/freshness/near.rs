//! Snapshots as this process remembers them: the latest of each question, bounded in number and size.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::snapshot::Snapshot;

/// The latest snapshot of each question.
#[derive(Debug, Default)]
pub(super) struct Near {
    kept: Mutex<HashMap<String, Arc<Snapshot>>>,
}

impl Near {
    /// The snapshot of a question, whatever its age.
    pub(super) fn get(&self, key: &str) -> Option<Arc<Snapshot>> {
        self.lock().get(key).cloned()
    }

    /// Remembers a snapshot, unless a newer one is known. One from the future was seen before the clock was set back: it
    /// is of an age that nobody knows, and gives way.
    pub(super) fn keep(&self, key: &str, snapshot: &Arc<Snapshot>, now: SystemTime) {
        if size(snapshot) > MOST_BYTES / 4 {
            return;
        }
        let mut kept = self.lock();
        let is_newer = |known: &Arc<Snapshot>| known.observed_at > snapshot.observed_at && known.observed_at <= now;
        if kept.get(key).is_some_and(is_newer) {
            return;
        }
        kept.insert(key.to_owned(), Arc::clone(snapshot));
        while kept.len() > MOST_SNAPSHOTS || kept.values().map(|snapshot| size(snapshot)).sum::<usize>() > MOST_BYTES {
            let oldest = kept.iter().min_by_key(|(_, snapshot)| snapshot.observed_at).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            kept.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Snapshot>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(snapshot: &Snapshot) -> usize {
    snapshot.document.pages.iter().map(|page| page.len()).sum()
}

const MOST_SNAPSHOTS: usize = 256;
/// Of text; what is kept of it as values comes on top.
const MOST_BYTES: usize = 16 << 20;
