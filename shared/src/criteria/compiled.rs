//! The paths and patterns compiled of late: requests repeat the same criteria at every call.
//!
//! What is compiled of a text depends on that text alone, so that this memory changes nothing but the time it takes.

use std::sync::{Arc, Mutex, PoisonError};

use super::path::Parsed;
use super::pattern::Expression;

/// The paths.
pub(super) static PATHS: Compiled<Parsed> = Compiled::new();
/// The patterns.
pub(super) static PATTERNS: Compiled<Expression> = Compiled::new();

/// The most of a kind that are remembered. A request has 64 criteria at most, and a deployment sees few requests.
const MOST: usize = 64;

/// What was compiled from a text, the latest used first.
#[derive(Debug)]
pub(super) struct Compiled<T> {
    latest: Mutex<Vec<(String, Arc<T>)>>,
}

impl<T> Compiled<T> {
    const fn new() -> Self {
        Self { latest: Mutex::new(Vec::new()) }
    }

    /// What is remembered of a text.
    pub(super) fn get(&self, text: &str) -> Option<Arc<T>> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let at = latest.iter().position(|(known, _)| known == text)?;
        latest.get_mut(..=at)?.rotate_right(1);
        latest.first().map(|(_, compiled)| Arc::clone(compiled))
    }

    /// Remembers what was compiled, in place of what was used longest ago where there is no room.
    pub(super) fn put(&self, text: &str, compiled: T) -> Arc<T> {
        let compiled = Arc::new(compiled);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.truncate(MOST - 1);
        latest.insert(0, (text.to_owned(), Arc::clone(&compiled)));
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::{Compiled, MOST};

    #[test]
    fn the_latest_used_are_remembered_and_no_more() {
        let memory = Compiled::new();
        for text in 0..MOST {
            memory.put(&text.to_string(), text);
        }
        assert_eq!(memory.get("0").as_deref(), Some(&0));
        memory.put("more", MOST);
        assert_eq!(memory.get("0").as_deref(), Some(&0), "used again just now");
        assert_eq!(memory.get("1"), None, "used longest ago");
        assert_eq!(memory.get("more").as_deref(), Some(&MOST));
        assert_eq!(memory.latest.lock().unwrap().len(), MOST);
    }
}
