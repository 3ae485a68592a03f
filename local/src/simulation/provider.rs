//! The provider's API: it counts every request in windows of its own, refuses with 429, takes its time, and may be down.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use callgate::budget::Budget;
use callgate::clock::{Clock, millis};
use callgate::failure::Failure;
use callgate::freshness::Meter;
use callgate::providers::ProviderName;
use fastrand::Rng;
use tokio::time::Instant;

use super::centre::Queue;
use super::scenario::Scenario;
use crate::simulator::quota::{Quota as Windows, Usage};

/// The provider, with the contact centre behind it.
#[derive(Debug)]
pub(super) struct Api {
    name: ProviderName,
    started: Instant,
    clock: Clock,
    outage: std::ops::Range<Duration>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queues: Vec<Queue>,
    windows: Windows,
    window: Duration,
    /// `RingCentral`: until when every request is refused.
    penalty_until: Duration,
    /// When requests were sent, as far back as a window goes.
    lately: VecDeque<Duration>,
    rng: Rng,
    seen: Seen,
}

/// What the provider saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Requests, those it refused included.
    pub(super) requests: u64,
    /// Those it refused.
    pub(super) refused: u64,
    /// The most requests in any window of the quota's length.
    pub(super) most_in_a_window: u64,
}

impl Api {
    pub(super) fn new(scenario: &Scenario, clock: Clock) -> Self {
        let agents = usize::try_from(scenario.agents).unwrap_or(usize::MAX);
        let middle = Duration::from_hours(u64::from(scenario.hours)) / 2;
        let quota = scenario.quota;
        Self {
            name: scenario.provider,
            started: Instant::now(),
            clock,
            outage: middle..middle + scenario.outage,
            state: Mutex::new(State {
                queues: (0..scenario.queues).map(|_| Queue::new(agents)).collect(),
                windows: Windows::new(u64::from(quota.requests), quota.window),
                window: quota.window,
                penalty_until: Duration::ZERO,
                lately: VecDeque::new(),
                // Not the calls' numbers: how often the provider is asked must not change who calls.
                rng: Rng::with_seed(scenario.seed ^ DELAYS),
                seen: Seen::default(),
            }),
        }
    }

    /// Since the simulation began.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Looks at a queue as it is, or changes it.
    pub(super) fn with_queue<T>(&self, queue: usize, look: impl FnOnce(&mut Queue, Duration) -> T) -> Option<T> {
        let now = self.now();
        self.lock().queues.get_mut(queue).map(|queue| look(queue, now))
    }

    /// What it saw so far.
    pub(super) fn seen(&self) -> Seen {
        self.lock().seen
    }

    /// Counts a request. Its headers, and whether it is answered.
    fn take(&self) -> (bool, HeaderMap) {
        let now = self.now();
        let mut state = self.lock();
        let state = &mut *state;
        state.seen.requests += 1;
        state.lately.push_back(now);
        while state.lately.front().is_some_and(|at| *at + state.window <= now) {
            state.lately.pop_front();
        }
        let in_window = u64::try_from(state.lately.len()).unwrap_or(u64::MAX);
        state.seen.most_in_a_window = state.seen.most_in_a_window.max(in_window);
        let (is_answered, usage) = match self.name {
            ProviderName::RingCentral => state.take_with_penalty(now),
            ProviderName::CallTools | ProviderName::GenesysCloud | ProviderName::PortSip => {
                let usage = state.windows.take(ACCOUNT, now);
                (!usage.is_exceeded(), usage)
            }
        };
        if !is_answered {
            state.seen.refused += 1;
        }
        (is_answered, self.headers(is_answered, usage, state.window))
    }

    fn headers(&self, is_answered: bool, usage: Usage, window: Duration) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let told: &[(&'static str, u64)] = match self.name {
            ProviderName::CallTools | ProviderName::PortSip => &[],
            ProviderName::GenesysCloud => &[
                ("inin-ratelimit-count", usage.used),
                ("inin-ratelimit-allowed", usage.limit),
                ("inin-ratelimit-reset", usage.resets_in_seconds),
            ],
            ProviderName::RingCentral => &[
                ("x-rate-limit-limit", usage.limit),
                ("x-rate-limit-remaining", usage.remaining()),
                ("x-rate-limit-window", window.as_secs()),
            ],
        };
        for (name, number) in told {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(*number));
        }
        if !is_answered {
            headers.insert(RETRY_AFTER, HeaderValue::from(usage.resets_in_seconds));
        }
        headers
    }

    fn is_down(&self) -> bool {
        self.outage.contains(&self.now())
    }

    /// The way there, and the same time back.
    fn half_a_delay(&self) -> Duration {
        Duration::from_millis(self.lock().rng.u64(HALF_A_DELAY_MS))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The wait after one request too many begins anew with each that is sent meanwhile.
    fn take_with_penalty(&mut self, now: Duration) -> (bool, Usage) {
        if now >= self.penalty_until {
            if !self.penalty_until.is_zero() {
                self.penalty_until = Duration::ZERO;
                self.windows.forget(ACCOUNT);
            }
            let usage = self.windows.take(ACCOUNT, now);
            if !usage.is_exceeded() {
                return (true, usage);
            }
        }
        self.penalty_until = now + self.window;
        let limit = self.windows.limit();
        (false, Usage { used: limit, limit, resets_in_seconds: self.window.as_secs() })
    }
}

/// The provider as one check talks to it.
pub(super) struct Line<'a> {
    api: &'a Api,
    budget: &'a Budget,
    /// `None`: nobody counts.
    meter: Option<&'a Meter>,
    sent: AtomicU32,
}

/// What came of requests that were sent together.
pub(super) struct Answers<T> {
    /// When they were sent.
    pub(super) sent_at: SystemTime,
    /// What the contact centre was like when the provider looked.
    pub(super) look: Option<T>,
    /// How many were answered.
    pub(super) answered: u32,
    /// Why the others were not.
    pub(super) failure: Option<Failure>,
}

impl<'a> Line<'a> {
    pub(super) fn new(api: &'a Api, budget: &'a Budget, meter: Option<&'a Meter>) -> Self {
        Self { api, budget, meter, sent: AtomicU32::new(0) }
    }

    /// Whether nothing was sent.
    pub(super) fn is_unused(&self) -> bool {
        self.sent.load(Ordering::SeqCst) == 0
    }

    /// Sends so many requests at once, which look at one queue.
    pub(super) async fn send<T>(&self, together: u32, queue: usize, look: impl FnOnce(&[bool]) -> T) -> Answers<T> {
        let sent_at = self.api.clock.now();
        let started = Instant::now();
        let mut answers = Answers { sent_at, look: None, answered: 0, failure: None };
        let mut sent = 0;
        while sent < together {
            if let Some(Err(failure)) = self.meter.map(|meter| meter.before(self.is_unused())) {
                answers.failure = Some(failure);
                break;
            }
            self.sent.fetch_add(1, Ordering::SeqCst);
            sent += 1;
        }
        if sent == 0 {
            return answers;
        }
        let way = self.api.half_a_delay();
        let there = async {
            tokio::time::sleep(way).await;
            if self.api.is_down() {
                std::future::pending::<()>().await;
            }
            let taken: Vec<(bool, HeaderMap)> = (0..sent).map(|_| self.api.take()).collect();
            let shown = self.api.with_queue(queue, Queue::shown_free);
            tokio::time::sleep(way).await;
            (taken, shown)
        };
        let Ok((taken, shown)) = tokio::time::timeout_at(self.budget.ask_until(), there).await else {
            let failure = Failure::ProviderTimeout { waited_ms: millis(started.elapsed()) };
            for _ in 0..sent {
                self.meter.inspect(|meter| meter.failed(&failure));
            }
            answers.failure = Some(failure);
            return answers;
        };
        for (is_answered, headers) in taken {
            self.meter.inspect(|meter| meter.answered(if is_answered { 200 } else { 429 }, &headers));
            if is_answered {
                answers.answered += 1;
            } else {
                let said = "too many requests".to_owned();
                answers.failure = Some(Failure::RateLimited { said, retry_after: None });
            }
        }
        answers.look = shown.filter(|_| answers.answered > 0).map(|shown| look(&shown));
        answers
    }
}

impl<T> Answers<T> {
    /// What was seen, where every request was answered.
    pub(super) fn all(self) -> Result<(T, SystemTime), Failure> {
        match (self.failure, self.look) {
            (None, Some(look)) => Ok((look, self.sent_at)),
            (failure, _) => Err(failure.unwrap_or(Failure::Internal)),
        }
    }
}

/// All requests carry one credential.
const ACCOUNT: &str = "account";
/// From 80 to 300 ms there and back.
const HALF_A_DELAY_MS: std::ops::RangeInclusive<u64> = 40..=150;
const DELAYS: u64 = 0x6465_6c61_7973;
