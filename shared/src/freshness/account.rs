//! What a provider account has left: its quota, its cool-down after a 429, and its breaker. Pure: time is handed in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::millis;
use crate::verdict::Reason;

/// How many requests a provider allows an account in any window of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The requests.
    pub requests: u32,
    /// The length of the window.
    pub window: Duration,
}

impl Quota {
    /// So many requests in so many seconds.
    #[must_use]
    pub const fn new(requests: u32, per_seconds: u64) -> Self {
        Self { requests, window: Duration::from_secs(per_seconds) }
    }

    /// A part of it, at least one request.
    pub(crate) fn thousandths(self, thousandths: u64) -> Self {
        let part = u64::from(self.requests).saturating_mul(thousandths) / 1000;
        Self { requests: u32::try_from(part).unwrap_or(u32::MAX).max(1), ..self }
    }

    fn slot_ms(self) -> u64 {
        (millis(self.window) / SLOTS).max(1)
    }

    fn slot(self, now_ms: u64) -> u64 {
        now_ms / self.slot_ms()
    }

    fn slot_starts_at(self, slot: u64) -> u64 {
        slot.saturating_mul(self.slot_ms())
    }
}

/// The state of one account, as instances share it. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The twelfth of a window in which the newest of `counts` were sent.
    slot: u64,
    /// Requests sent in that twelfth and the ones before it, the newest first.
    counts: Vec<u32>,
    cooling_until_ms: u64,
    /// Failures since the last answer.
    failures: u32,
    broken: Option<Broken>,
    /// While the breaker is open: until when somebody else is trying.
    probing_until_ms: u64,
    hint: Option<Hint>,
}

/// What made the breaker open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Broken {
    TimedOut,
    Unreachable,
    Failed,
}

/// What the provider itself says is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Requests left.
    pub remaining: u32,
    /// Of so many.
    pub limit: u32,
    /// Until then.
    pub until_ms: u64,
}

/// What became of a request, as far as the account is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many requests were sent beside the one that the permit was for.
    Sent(u32),
    /// The request that the permit was for was not sent after all.
    NotSent,
    /// The provider answered, and is well.
    Answered,
    /// It said what is left.
    Hinted(Hint),
    /// It wants to be left alone for so long.
    Throttled(Duration),
    /// It did not answer, though there was time.
    TimedOut,
    /// It could not be reached.
    Unreachable,
    /// It answered with a 5xx.
    Failed,
}

/// Why nothing may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// After a 429, until then.
    CoolingDown {
        /// Milliseconds since the epoch.
        until_ms: u64,
    },
    /// The quota is spent, until then.
    Spent {
        /// Milliseconds since the epoch.
        until_ms: u64,
    },
    /// More than the planned part of the quota is spent, and there is another answer.
    Planned,
    /// The provider failed again and again, and somebody else is finding out whether it is back.
    Probing {
        /// As it failed last.
        reason: Reason,
    },
}

impl Account {
    /// Takes the permit for one request. `may_wait`: there is another answer, so that only the planned part of the quota
    /// may be used.
    ///
    /// # Errors
    /// Why nothing may be sent now; nothing was taken.
    pub fn permit(&mut self, quota: Quota, now_ms: u64, may_wait: bool) -> Result<(), Refused> {
        self.may_send(quota, now_ms)?;
        if may_wait && self.used_thousandths(quota, now_ms) >= PLANNED_THOUSANDTHS {
            return Err(Refused::Planned);
        }
        if self.is_broken() {
            if is_ahead(self.probing_until_ms, now_ms, PROBE) {
                return Err(Refused::Probing { reason: self.broken.map_or(Reason::ProviderError, Broken::reason) });
            }
            self.probing_until_ms = now_ms + millis(PROBE);
        }
        self.count(1, quota, now_ms);
        Ok(())
    }

    /// Whether a further request of a check that has its permit may be sent.
    ///
    /// # Errors
    /// Why not.
    pub fn may_send(&self, quota: Quota, now_ms: u64) -> Result<(), Refused> {
        if is_ahead(self.cooling_until_ms, now_ms, LONGEST_COOL_DOWN) {
            return Err(Refused::CoolingDown { until_ms: self.cooling_until_ms });
        }
        if let Some(hint) = self.hint_at(quota, now_ms).filter(|hint| hint.remaining == 0) {
            return Err(Refused::Spent { until_ms: hint.until_ms });
        }
        if self.used(quota, now_ms) >= quota.requests {
            let until_ms = quota.slot_starts_at(quota.slot(now_ms) + 1);
            return Err(Refused::Spent { until_ms });
        }
        Ok(())
    }

    /// Notes what became of a request.
    pub fn note(&mut self, event: Event, quota: Quota, now_ms: u64) {
        match event {
            Event::Sent(requests) => self.count(requests, quota, now_ms),
            Event::NotSent => {
                if let Some(newest) = self.counts.first_mut() {
                    *newest = newest.saturating_sub(1);
                }
                self.probing_until_ms = 0;
            }
            Event::Answered => self.well(),
            Event::Hinted(hint) => self.hint = Some(hint),
            Event::Throttled(wait) => {
                // The limit is its way of being well.
                self.well();
                let until = now_ms + millis(wait.clamp(SHORTEST_COOL_DOWN, LONGEST_COOL_DOWN));
                self.cooling_until_ms = self.cooling_until_ms.max(until);
            }
            Event::TimedOut => self.broke(Broken::TimedOut),
            Event::Unreachable => self.broke(Broken::Unreachable),
            Event::Failed => self.broke(Broken::Failed),
        }
    }

    /// How much of the quota is used, in thousandths; by the provider's own word, where that says more.
    #[must_use]
    pub fn used_thousandths(&self, quota: Quota, now_ms: u64) -> u64 {
        let own = self.used_about(quota, now_ms) / u64::from(quota.requests.max(1));
        let hinted = self.hint_at(quota, now_ms).map_or(0, |hint| {
            u64::from(hint.limit.saturating_sub(hint.remaining)) * 1000 / u64::from(hint.limit.max(1))
        });
        own.max(hinted)
    }

    /// Requests of the last window. The twelfth in which it began is counted whole, so that the true number is never
    /// above this one.
    #[must_use]
    pub fn used(&self, quota: Quota, now_ms: u64) -> u32 {
        let slot = quota.slot(now_ms);
        let still_counts = |age: &usize| self.slot + SLOTS >= slot + u64::try_from(*age).unwrap_or(u64::MAX);
        // A clock that was set back leaves the newest counts ahead of it: they count all the same.
        self.counts.iter().enumerate().filter(|(age, _)| still_counts(age)).map(|(_, count)| count).sum()
    }

    /// Requests of the last window in thousandths, as if those of the twelfth in which it began had come evenly: what is
    /// planned by, so that an even pace is not taken for a faster one.
    fn used_about(&self, quota: Quota, now_ms: u64) -> u64 {
        let slot = quota.slot(now_ms);
        let gone = now_ms.saturating_sub(quota.slot_starts_at(slot)) * 1000 / quota.slot_ms();
        let oldest = (self.slot + SLOTS).checked_sub(slot).and_then(|age| self.counts.get(usize::try_from(age).ok()?));
        let all = u64::from(self.used(quota, now_ms)) * 1000;
        all.saturating_sub(u64::from(oldest.copied().unwrap_or_default()) * gone.min(1000))
    }

    /// Whether the breaker is open.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.failures >= FAILURES_IN_A_RUN
    }

    /// Whether it failed since its last answer.
    #[must_use]
    pub fn has_failed_lately(&self) -> bool {
        self.failures > 0
    }

    fn count(&mut self, requests: u32, quota: Quota, now_ms: u64) {
        let slot = quota.slot(now_ms);
        let kept = usize::try_from(SLOTS + 1).unwrap_or(usize::MAX);
        let newer = slot.saturating_sub(self.slot).min(SLOTS + 1);
        for _ in 0..newer {
            self.counts.insert(0, 0);
        }
        self.counts.truncate(kept);
        self.slot = self.slot.max(slot);
        match self.counts.first_mut() {
            Some(newest) => *newest = newest.saturating_add(requests),
            None => self.counts.push(requests),
        }
        if let Some(hint) = &mut self.hint {
            hint.remaining = hint.remaining.saturating_sub(requests);
        }
    }

    fn hint_at(&self, quota: Quota, now_ms: u64) -> Option<Hint> {
        self.hint.filter(|hint| is_ahead(hint.until_ms, now_ms, quota.window.max(LONGEST_COOL_DOWN)))
    }

    fn well(&mut self) {
        self.failures = 0;
        self.broken = None;
        self.probing_until_ms = 0;
    }

    fn broke(&mut self, broken: Broken) {
        self.failures = self.failures.saturating_add(1);
        self.broken = Some(broken);
        self.probing_until_ms = 0;
    }
}

impl Broken {
    fn reason(self) -> Reason {
        match self {
            Self::TimedOut => Reason::ProviderTimeout,
            Self::Unreachable => Reason::ProviderUnreachable,
            Self::Failed => Reason::ProviderError,
        }
    }
}

/// Whether a time is ahead, and no further than it can have been set: clocks of instances differ.
fn is_ahead(at_ms: u64, now_ms: u64, furthest: Duration) -> bool {
    at_ms > now_ms && at_ms <= now_ms + millis(furthest + CLOCK_SKEW)
}

/// A window is counted in so many parts.
const SLOTS: u64 = 12;
/// What is planned for: the rest is for checks that have no other answer, and for whoever else uses the account.
const PLANNED_THOUSANDTHS: u64 = 700;
const FAILURES_IN_A_RUN: u32 = 5;
/// How long a probe may take before another is tried.
const PROBE: Duration = Duration::from_secs(2);
const SHORTEST_COOL_DOWN: Duration = Duration::from_secs(1);
const LONGEST_COOL_DOWN: Duration = Duration::from_mins(5);
const CLOCK_SKEW: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::{Account, Event, Hint, Quota, Refused};
    use crate::verdict::Reason;
    use proptest::prelude::*;
    use std::time::Duration;

    const HOURLY: Quota = Quota::new(1000, 3600);
    const START: u64 = 1_795_000_000_000;

    #[test]
    fn what_is_planned_ends_at_seven_tenths_and_what_must_be_asked_at_the_quota() {
        let mut account = Account::default();
        let planned = (0..2000).filter(|_| account.permit(HOURLY, START, true).is_ok()).count();
        assert_eq!(planned, 700);
        assert_eq!(account.permit(HOURLY, START, true), Err(Refused::Planned));
        let more = (0..2000).filter(|_| account.permit(HOURLY, START, false).is_ok()).count();
        assert_eq!(more, 300);
        assert!(matches!(account.permit(HOURLY, START, false), Err(Refused::Spent { .. })));
    }

    #[test]
    fn a_cool_down_is_what_the_provider_says_between_a_second_and_five_minutes() {
        for (said, expected) in [(60, 60), (0, 1), (1_000_000_000_000, 300)] {
            let mut account = Account::default();
            account.note(Event::Throttled(Duration::from_secs(said)), HOURLY, START);
            let until_ms = START + expected * 1000;
            assert_eq!(account.permit(HOURLY, until_ms - 1, false), Err(Refused::CoolingDown { until_ms }));
            assert_eq!(account.permit(HOURLY, until_ms, false), Ok(()));
        }
    }

    #[test]
    fn after_a_run_of_failures_one_probe_goes_at_a_time_and_an_answer_closes_the_breaker() {
        let mut account = Account::default();
        for _ in 0..4 {
            account.note(Event::Failed, HOURLY, START);
        }
        assert!(!account.is_broken());
        account.note(Event::TimedOut, HOURLY, START);
        assert!(account.is_broken());
        assert_eq!(account.permit(HOURLY, START, false), Ok(()), "the probe");
        let refused = Err(Refused::Probing { reason: Reason::ProviderTimeout });
        assert_eq!(account.permit(HOURLY, START + 1999, false), refused, "while it is under way");
        account.note(Event::Failed, HOURLY, START + 100);
        assert_eq!(account.permit(HOURLY, START + 100, false), Ok(()), "the next, once it is known how the first went");
        assert_eq!(account.permit(HOURLY, START + 2100, false), Ok(()), "or once nothing was heard of it");
        account.note(Event::Answered, HOURLY, START + 2200);
        assert!(!account.is_broken());
        assert_eq!(account.permit(HOURLY, START + 2200, false), Ok(()));
        assert_eq!(account.permit(HOURLY, START + 2200, false), Ok(()));
    }

    #[test]
    fn the_providers_own_word_counts_where_it_says_that_less_is_left() {
        let mut account = Account::default();
        account.note(Event::Hinted(Hint { remaining: 2, limit: 50, until_ms: START + 30_000 }), HOURLY, START);
        assert_eq!(account.permit(HOURLY, START, true), Err(Refused::Planned));
        assert_eq!(account.permit(HOURLY, START, false), Ok(()));
        assert_eq!(account.permit(HOURLY, START, false), Ok(()));
        assert_eq!(account.permit(HOURLY, START, false), Err(Refused::Spent { until_ms: START + 30_000 }));
        assert_eq!(account.permit(HOURLY, START + 30_000, true), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_neither_blocks_for_ever_nor_forgets() {
        let mut account = Account::default();
        account.note(Event::Throttled(Duration::from_mins(1)), HOURLY, START);
        account.note(Event::Sent(1000), HOURLY, START);
        let an_hour_back = START - 3_600_000;
        assert!(matches!(account.permit(HOURLY, an_hour_back, false), Err(Refused::Spent { .. })));
    }

    proptest! {
        /// The definition of a quota: no window of its length, wherever it begins, sees more requests.
        #[test]
        fn no_window_ever_sees_more_than_the_quota(
            gaps in proptest::collection::vec(0_u64..2000, 1..400),
            requests in 1_u32..40,
        ) {
            let quota = Quota::new(requests, 10);
            let mut account = Account::default();
            let mut now = START;
            let mut sent: Vec<u64> = Vec::new();
            for gap in gaps {
                now += gap;
                if account.permit(quota, now, false).is_ok() {
                    sent.push(now);
                }
                let in_window = sent.iter().filter(|at| **at + 10_000 > now).count();
                prop_assert!(in_window <= usize::try_from(requests).unwrap());
            }
        }

        /// One CallTools queue that is asked every 5.2 s is within what is planned, however long that goes on.
        #[test]
        fn an_even_pace_within_what_is_planned_is_never_told_to_wait(start in 0_u64..3_600_000) {
            let mut account = Account::default();
            for turn in 0..2500 {
                prop_assert_eq!(account.permit(HOURLY, START + start + turn * 5200, true), Ok(()));
            }
        }

        /// A caller who keeps within eleven twelfths of the rate is never refused.
        #[test]
        fn an_even_pace_below_the_quota_is_never_refused(requests in 12_u64..200) {
            let quota = Quota::new(u32::try_from(requests).unwrap(), 60);
            let mut account = Account::default();
            let step = 60_000 * 13 / 12 / requests + 1;
            for turn in 0..1000 {
                prop_assert_eq!(account.permit(quota, START + turn * step, false), Ok(()));
            }
        }
    }
}
