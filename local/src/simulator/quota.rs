//! Counting requests against a provider's limit, caller by caller, in windows that begin with a first request.

use std::collections::BTreeMap;
use std::time::Duration;

/// A limit on the requests of each caller in a window.
#[derive(Debug)]
pub(crate) struct Quota {
    limit: u64,
    window: Duration,
    windows: BTreeMap<String, Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Duration,
    used: u64,
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Requests in this window, this one included.
    pub(crate) used: u64,
    /// Requests allowed in a window.
    pub(crate) limit: u64,
    /// Whole seconds until the window ends, never 0.
    pub(crate) resets_in_seconds: u64,
}

impl Usage {
    /// Whether this request was one too many.
    pub(crate) fn is_exceeded(self) -> bool {
        self.used > self.limit
    }

    /// How many requests are left in the window.
    pub(crate) fn remaining(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

impl Quota {
    pub(crate) fn new(limit: u64, window: Duration) -> Self {
        Self { limit, window, windows: BTreeMap::new() }
    }

    /// Requests allowed in a window.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Changes the limit from the next request on.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Counts a request, a refused one too.
    pub(crate) fn take(&mut self, caller: &str, now: Duration) -> Usage {
        let fresh = Window { began: now, used: 0 };
        let window = self.windows.entry(caller.to_owned()).or_insert(fresh);
        if now >= window.began + self.window {
            *window = fresh;
        }
        window.used += 1;
        let left = (window.began + self.window).saturating_sub(now);
        Usage { used: window.used, limit: self.limit, resets_in_seconds: whole_seconds(left) }
    }

    /// Begins a new window with the caller's next request.
    pub(crate) fn forget(&mut self, caller: &str) {
        self.windows.remove(caller);
    }
}

/// Seconds rounded up, at least 1: a client told to wait 0 would ask again at once.
fn whole_seconds(left: Duration) -> u64 {
    (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_a_whole_window_after_its_first_request() {
        let mut quota = Quota::new(1, Duration::from_mins(1));
        assert!(!quota.take("a", Duration::ZERO).is_exceeded());
        assert!(!quota.take("b", Duration::ZERO).is_exceeded());
        let refused = quota.take("a", Duration::from_millis(59_500));
        assert!(refused.is_exceeded());
        assert_eq!(refused.resets_in_seconds, 1);
        assert!(!quota.take("a", Duration::from_mins(1)).is_exceeded());
    }
}
