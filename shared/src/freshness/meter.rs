//! One account's state as this process knows it: asked before each request, told after it, and shared when it matters.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

use super::account::{Account, Event, Hint, Quota, Refused};
use crate::clock::{Clock, millis_between, rfc3339};
use crate::failure::Failure;
use crate::providers::retry_after;
use crate::verdict::Reason;

/// One account's quota, cool-down and breaker, in this process.
#[derive(Debug)]
pub struct Meter {
    quota: Quota,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    account: Account,
    /// What other instances have not been told.
    untold: Vec<Event>,
    /// What this process sent itself.
    own: Account,
    /// Its part of what all instances sent, in thousandths, when they were last heard.
    share: Option<u64>,
}

impl Meter {
    /// Of an account with that quota.
    #[must_use]
    pub fn new(quota: Quota, clock: Clock) -> Self {
        Self { quota, clock, state: Mutex::default() }
    }

    /// The account's quota.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// The clock it goes by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// How much of the quota is used, in thousandths.
    #[must_use]
    pub fn used_thousandths(&self) -> u64 {
        self.lock().account.used_thousandths(self.quota, self.now_ms())
    }

    /// Takes the permit for a check's first request, from what is known here.
    ///
    /// # Errors
    /// Why nothing may be sent.
    pub fn permit(&self, may_wait: bool) -> Result<(), Refused> {
        self.lock().account.permit(self.quota, self.now_ms(), may_wait)
    }

    /// Takes the permit while other instances cannot be heard: of the quota, this one's share of late.
    ///
    /// # Errors
    /// Why nothing may be sent.
    pub fn permit_alone(&self, may_wait: bool) -> Result<(), Refused> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        let share = state.share.unwrap_or(UNKNOWN_SHARE).clamp(LEAST_SHARE, 1000) * PLANNED_ALONE / 1000;
        // The cool-down and the breaker are the account's, as far as they are known.
        let mut account = state.account.clone();
        account.permit(self.quota, now_ms, may_wait)?;
        state.own.may_send(self.quota.thousandths(share), now_ms)?;
        state.own.note(Event::Sent(1), self.quota, now_ms);
        state.account = account;
        state.untell(Event::Sent(1));
        Ok(())
    }

    /// The account as other instances know it, with what they have not been told.
    #[must_use]
    pub fn completed(&self, mut account: Account) -> (Account, Untold) {
        let now_ms = self.now_ms();
        let untold = self.lock().untold.clone();
        for event in &untold {
            account.note(*event, self.quota, now_ms);
        }
        (account, Untold(untold))
    }

    /// Takes over what instances agree on: [`Self::completed`], perhaps with the permit that was taken there.
    pub fn adopt(&self, account: Account, with_permit: bool) {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.account = account;
        if with_permit {
            state.own.note(Event::Sent(1), self.quota, now_ms);
        }
        let all = u64::from(state.account.used(self.quota, now_ms)).max(1);
        state.share = Some(u64::from(state.own.used(self.quota, now_ms)) * 1000 / all);
    }

    /// Whether a request may be sent now. `is_first`: the check's permit was for it.
    ///
    /// # Errors
    /// Why not; the failure says that nothing was sent.
    pub fn before(&self, is_first: bool) -> Result<(), Failure> {
        if is_first {
            return Ok(());
        }
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.account.may_send(self.quota, now_ms).map_err(|refused| refused.failure(self.now()))?;
        state.account.note(Event::Sent(1), self.quota, now_ms);
        state.own.note(Event::Sent(1), self.quota, now_ms);
        state.untell(Event::Sent(1));
        Ok(())
    }

    /// Gives a permit back that was not used.
    pub fn not_sent(&self) {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.own.note(Event::NotSent, self.quota, now_ms);
        self.note(&mut state, Event::NotSent);
    }

    /// Notes an answer, of whatever status.
    pub fn answered(&self, status: u16, headers: &HeaderMap) {
        let event = match status {
            429 => Event::Throttled(retry_after(headers, self.now()).unwrap_or(COOL_DOWN)),
            500.. => Event::Failed,
            _ => Event::Answered,
        };
        let hint = hint(headers, self.now_ms());
        let mut state = self.lock();
        if let Some(hint) = hint {
            self.note(&mut state, Event::Hinted(hint));
        }
        // That all is well matters to others only where it was not.
        if event != Event::Answered || state.account.has_failed_lately() {
            self.note(&mut state, event);
        }
    }

    /// Notes that there was no answer.
    pub fn failed(&self, failure: &Failure) {
        let event = match failure {
            Failure::ProviderUnreachable { .. } => Event::Unreachable,
            // A deadline that leaves no time is no fault of the provider's.
            Failure::ProviderTimeout { waited_ms } if *waited_ms >= FAIR_WAIT_MS => Event::TimedOut,
            _ => return,
        };
        let mut state = self.lock();
        self.note(&mut state, event);
    }

    /// Notes that the other instances were told.
    pub fn told(&self, told: Untold) {
        let mut state = self.lock();
        for event in told.0 {
            let is_it =
                |untold: &Event| *untold == event || matches!((untold, event), (Event::Sent(_), Event::Sent(_)));
            if let Some(at) = state.untold.iter().position(is_it) {
                state.forget(at, event);
            }
        }
    }

    /// Whether the other instances should be told now. What else there is they are told with the next permit.
    #[must_use]
    pub fn is_pressing(&self) -> bool {
        self.lock().untold.iter().any(|event| match event {
            Event::Sent(requests) => *requests >= MANY_REQUESTS,
            Event::NotSent | Event::Hinted(_) => false,
            Event::Answered | Event::Throttled(_) | Event::TimedOut | Event::Unreachable | Event::Failed => true,
        })
    }

    fn note(&self, state: &mut State, event: Event) {
        state.account.note(event, self.quota, self.now_ms());
        state.untell(event);
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn now_ms(&self) -> u64 {
        millis_between(UNIX_EPOCH, self.now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What other instances have not been told.
#[derive(Debug)]
pub struct Untold(Vec<Event>);

impl State {
    /// Notes what other instances are to be told. Requests are added up, and the latest hint says it all.
    fn untell(&mut self, event: Event) {
        let known = self.untold.iter_mut().find_map(|known| match (known, event) {
            (Event::Sent(requests), Event::Sent(more)) => {
                *requests = requests.saturating_add(more);
                Some(())
            }
            (known @ Event::Hinted(_), Event::Hinted(_)) => {
                *known = event;
                Some(())
            }
            _ => None,
        });
        if known.is_none() && self.untold.len() < MOST_UNTOLD {
            self.untold.push(event);
        }
    }

    fn forget(&mut self, at: usize, told: Event) {
        if let (Some(Event::Sent(requests)), Event::Sent(fewer)) = (self.untold.get_mut(at), told)
            && *requests > fewer
        {
            *requests -= fewer;
            return;
        }
        self.untold.remove(at);
    }
}

impl Refused {
    /// The failure of a check that was refused and has no other answer.
    #[must_use]
    pub fn failure(self, now: SystemTime) -> Failure {
        let at = |until_ms: u64| rfc3339(UNIX_EPOCH + Duration::from_millis(until_ms));
        let (reason, why) = match self {
            Self::CoolingDown { until_ms } => {
                (Reason::RateLimited, format!("it answered 429, and is left alone until {}", at(until_ms)))
            }
            Self::Spent { until_ms } => {
                let why = format!("the account's quota is spent until {} at least; raise max_age_ms", at(until_ms));
                (Reason::RateLimited, why)
            }
            Self::Planned => {
                (Reason::RateLimited, format!("the planned part of the account's quota is spent at {}", rfc3339(now)))
            }
            Self::Probing { reason } => {
                (reason, "it failed several times in a row, and another check is trying it now".to_owned())
            }
        };
        Failure::NotAsked { reason, why }
    }
}

/// What the provider's headers say is left, in the words of those that say it.
fn hint(headers: &HeaderMap, now_ms: u64) -> Option<Hint> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
    let hint = |remaining, limit, seconds: u32| Hint {
        remaining,
        limit,
        until_ms: now_ms.saturating_add(u64::from(seconds).min(LONGEST_HINT_SECONDS) * 1000),
    };
    // RingCentral: what is left of the window, and the window's length.
    if let (Some(remaining), Some(limit), Some(window)) =
        (number("x-rate-limit-remaining"), number("x-rate-limit-limit"), number("x-rate-limit-window"))
    {
        return Some(hint(remaining.min(limit), limit, window));
    }
    // Genesys Cloud: what was used of what is allowed, and the seconds until that begins anew.
    let (used, limit) = (number("inin-ratelimit-count")?, number("inin-ratelimit-allowed")?);
    Some(hint(limit.saturating_sub(used), limit, number("inin-ratelimit-reset")?))
}

/// The cool-down after a 429 that says nothing usable of how long it wants.
const COOL_DOWN: Duration = Duration::from_mins(1);
/// A provider that does not answer for so long has had time to.
const FAIR_WAIT_MS: u64 = 500;
const MOST_UNTOLD: usize = 64;
/// So many requests beside the permit's are told at once: the next permit may be long in coming.
const MANY_REQUESTS: u32 = 5;
const LONGEST_HINT_SECONDS: u64 = 3600;
/// What instances that cannot hear each other may use together, in thousandths of the quota.
const PLANNED_ALONE: u64 = 700;
/// The part of that for an instance that never heard the others.
const UNKNOWN_SHARE: u64 = 100;
/// The part for one that sent next to nothing when it heard them.
const LEAST_SHARE: u64 = 20;

#[cfg(test)]
mod tests {
    use super::Meter;
    use crate::clock::Clock;
    use crate::freshness::account::{Account, Event, Quota};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn meter() -> Meter {
        Meter::new(Quota::new(300, 60), Clock::stopped_at(1_795_000_000_000))
    }

    #[test]
    fn the_words_of_each_provider_are_read() {
        for said in [
            headers(&[("x-rate-limit-remaining", "10"), ("x-rate-limit-limit", "40"), ("x-rate-limit-window", "60")]),
            headers(&[
                ("inin-ratelimit-count", "225"),
                ("inin-ratelimit-allowed", "300"),
                ("inin-ratelimit-reset", "12"),
            ]),
        ] {
            let meter = meter();
            meter.answered(200, &said);
            assert_eq!(meter.used_thousandths(), 750, "{said:?}");
        }
        let broken = meter();
        broken.answered(200, &headers(&[("x-rate-limit-remaining", "-1"), ("x-rate-limit-limit", "40")]));
        assert_eq!(broken.used_thousandths(), 0);
    }

    #[test]
    fn an_instance_that_is_alone_keeps_to_its_share() {
        let alone = |meter: &Meter| (0..300).filter(|_| meter.permit_alone(false).is_ok()).count();
        assert_eq!(alone(&meter()), 21, "a tenth of the 210 that are planned, where it never heard of others");

        let known = meter();
        let mut account = Account::default();
        account.note(Event::Sent(6), Quota::new(300, 60), 1_795_000_000_000);
        known.adopt(account.clone(), true);
        known.adopt(account.clone(), true);
        known.adopt(account, true);
        assert_eq!(alone(&known), 105 - 3, "half of it, where it sent half of what was sent");
    }
}
