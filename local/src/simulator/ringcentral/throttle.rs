//! A group's limit of requests a minute, and the penalty of who exceeds it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::quota::{Quota, Usage};
use super::super::wire::Answer;

/// How long a caller is refused after one request too many, and after each that it sends meanwhile.
pub(super) const PENALTY: Duration = Duration::from_mins(1);

/// The requests of one group, counted caller by caller.
#[derive(Debug)]
pub(super) struct Throttle {
    group: &'static str,
    quota: Quota,
    penalties: BTreeMap<String, Duration>,
}

impl Throttle {
    pub(super) fn new(group: &'static str, limit: u64) -> Self {
        Self { group, quota: Quota::new(limit, Duration::from_mins(1)), penalties: BTreeMap::new() }
    }

    /// Changes the limit from the next request on.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.quota.set_limit(limit);
    }

    /// Counts a request. `None` where it is refused, and the caller's penalty begins anew.
    pub(super) fn take(&mut self, caller: &str, now: Duration) -> Option<Usage> {
        if self.penalties.get(caller).is_none_or(|end| now >= *end) {
            if self.penalties.remove(caller).is_some() {
                self.quota.forget(caller);
            }
            let usage = self.quota.take(caller, now);
            if !usage.is_exceeded() {
                return Some(usage);
            }
        }
        self.penalties.insert(caller.to_owned(), now + PENALTY);
        None
    }

    /// Where a caller stands who has no request left.
    pub(super) fn used_up(&self, resets_in_seconds: u64) -> Usage {
        Usage { used: self.quota.limit(), limit: self.quota.limit(), resets_in_seconds }
    }

    /// An answer with the headers that tell a caller where it stands.
    pub(super) fn told(&self, answer: Answer, usage: Usage) -> Answer {
        answer
            .header("X-Rate-Limit-Group", self.group)
            .number("X-Rate-Limit-Limit", usage.limit)
            .number("X-Rate-Limit-Remaining", usage.remaining())
            .number("X-Rate-Limit-Window", 60)
    }
}
