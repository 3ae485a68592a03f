//! The ladder: cached, coalesced, live, stale, and if there is nothing, the failure for policy to decide on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::account::{Quota, Refused};
use super::flights::{Flights, Role, landed};
use super::lease::{Agreement, Claim, Keys, Sharing};
use super::meter::Meter;
use super::near::Near;
use super::shared::{Home, Shared};
use super::state::MemoryState;
use super::stored::DocumentForm;
use crate::budget::Budget;
use crate::clock::{Clock, millis};
use crate::failure::Failure;
use crate::need::Need;
use crate::snapshot::Snapshot;
use crate::verdict::Source;

/// What a gate knows of answers and accounts, and what it shares of it.
#[derive(Debug)]
pub struct Freshness {
    near: Near,
    flights: Flights<Observation>,
    meters: Mutex<HashMap<String, Arc<Meter>>>,
    shared: Option<Shared>,
    own: Shared,
    clock: Clock,
}

/// What is wanted: the question, and how old its answer may be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Names the account: `{provider}/{connection}`.
    pub account: &'a str,
    /// Names the question among all there are: the account, the queue, the recipe and its options.
    pub question: &'a str,
    /// How old an answer may be to be as good as a new one.
    pub max_age: Duration,
    /// How old an answer may be where a new one cannot be had.
    pub stale_if_error: Duration,
    /// What is to be read in it.
    pub need: &'a Need<'a>,
    /// The check's time.
    pub budget: &'a Budget,
    /// How the recipe's documents are read.
    pub form: &'a DocumentForm,
}

/// An answer, or why there is none.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The answer.
    pub result: Result<Arc<Snapshot>, Failure>,
    /// On which rung it was found; policy where there is none.
    pub source: Source,
    /// Where the account's quota, cool-down or breaker chose the rung: why.
    pub held_back: Option<String>,
}

impl Freshness {
    /// With what is shared, if anything is.
    #[must_use]
    pub fn new(shared: Option<Shared>, clock: Clock) -> Self {
        let own = Shared::new(Home::Memory(MemoryState::new(clock.clone())), Duration::MAX);
        Self { near: Near::default(), flights: Flights::default(), meters: Mutex::default(), shared, own, clock }
    }

    /// The clock by which everything here is old or new.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Items of this process alone.
    pub(super) fn own(&self) -> &Shared {
        &self.own
    }

    /// Where holds are: with the others, if there are others.
    pub(super) fn holds_home(&self) -> &Shared {
        self.shared.as_ref().unwrap_or(&self.own)
    }

    /// What is shared with other instances.
    #[must_use]
    pub fn shared(&self) -> Option<&Shared> {
        self.shared.as_ref()
    }

    /// The meter of an account.
    pub fn meter(&self, account: &str, quota: Quota) -> Arc<Meter> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = meters.get(account).filter(|meter| meter.quota() == quota) {
            return Arc::clone(meter);
        }
        let meter = Arc::new(Meter::new(quota, self.clock.clone()));
        meters.insert(account.to_owned(), Arc::clone(&meter));
        meter
    }

    /// Finds an answer. `ask` is awaited only where the provider is to be asked.
    pub async fn observe(
        &self,
        wanted: &Wanted<'_>,
        meter: &Meter,
        ask: impl Future<Output = Result<Snapshot, Failure>>,
    ) -> Observation {
        if let Some(cached) = self.near.get(wanted.question).filter(|known| self.is_fresh(known, wanted)) {
            return Observation::of(cached, Source::Cached);
        }
        let started = Instant::now();
        loop {
            let answer = match self.flights.join(wanted.question) {
                Role::Leader(flight) => {
                    let answer = self.lead(wanted, meter, ask).await;
                    flight.land(answer.clone());
                    return answer;
                }
                Role::Follower(answer) => answer,
            };
            let Ok(landed) = tokio::time::timeout_at(wanted.budget.ask_until(), landed(answer)).await else {
                let timed_out = Failure::ProviderTimeout { waited_ms: millis(started.elapsed()) };
                return self.stale_or(wanted, None, timed_out, None);
            };
            match landed {
                Some(Observation { result: Ok(snapshot), source, held_back }) if wanted.need.is_met_by(&snapshot) => {
                    match source {
                        Source::Live | Source::Coalesced => return Observation::of(snapshot, Source::Coalesced),
                        // The other check may have been content with less than this one.
                        Source::Cached if self.is_fresh(&snapshot, wanted) => {
                            return Observation::of(snapshot, Source::Cached);
                        }
                        Source::Stale if self.is_within(&snapshot, wanted.stale_if_error) => {
                            return Observation { held_back, ..Observation::of(snapshot, Source::Stale) };
                        }
                        Source::Cached | Source::Stale | Source::Policy => {}
                    }
                }
                Some(Observation { result: Err(failure), held_back, .. }) if !is_of_its_own(&failure) => {
                    return self.stale_or(wanted, None, failure, held_back);
                }
                _ => {}
            }
            if wanted.budget.left_to_ask().is_zero() {
                let timed_out = Failure::ProviderTimeout { waited_ms: millis(started.elapsed()) };
                return self.stale_or(wanted, None, timed_out, None);
            }
        }
    }

    /// Climbs the rest of the ladder for everybody who asks the same in this process.
    async fn lead(
        &self,
        wanted: &Wanted<'_>,
        meter: &Meter,
        ask: impl Future<Output = Result<Snapshot, Failure>>,
    ) -> Observation {
        let Some(shared) = &self.shared else {
            let may_wait = self.older(wanted, None).is_some();
            return match meter.permit(may_wait) {
                Err(refused) => self.refused(wanted, None, refused),
                Ok(()) => self.asked(wanted, None, ask.await),
            };
        };
        let keys = Keys::new(wanted.account, wanted.question);
        let agreement = Agreement { shared, keys, meter, clock: &self.clock, form: wanted.form };
        let sharing = match (wanted.max_age.is_zero(), wanted.stale_if_error.is_zero()) {
            (false, _) => Sharing::AnswersAndLease,
            (true, false) => Sharing::Answers,
            (true, true) => Sharing::AccountOnly,
        };
        let started = Instant::now();
        let mut step = FIRST_STEP;
        let mut source = Source::Cached;
        let held = loop {
            let is_fresh = |snapshot: &Snapshot| self.is_fresh(snapshot, wanted);
            let has_older = |theirs: Option<&Snapshot>| {
                theirs.is_some_and(|theirs| self.is_older(theirs, wanted)) || self.older(wanted, None).is_some()
            };
            match agreement.claim(sharing, is_fresh, has_older).await {
                Ok(Claim::Answered(snapshot)) => {
                    self.near.keep(wanted.question, &snapshot, self.clock.now());
                    return Observation::of(snapshot, source);
                }
                Ok(Claim::Refused(refused, theirs)) => return self.refused(wanted, theirs, refused),
                Ok(Claim::Ours(held)) => break held,
                Ok(Claim::TheirsFor(left, theirs)) => {
                    source = Source::Coalesced;
                    let next = Instant::now() + step.min(left);
                    if next >= wanted.budget.ask_until() {
                        let timed_out = Failure::ProviderTimeout { waited_ms: millis(started.elapsed()) };
                        return self.stale_or(wanted, theirs, timed_out, None);
                    }
                    tokio::time::sleep_until(next).await;
                    step = (step * 2).min(LAST_STEP);
                }
                // The others cannot be heard: go on alone.
                Err(_) => match meter.permit_alone(self.older(wanted, None).is_some()) {
                    Err(refused) => return self.refused(wanted, None, refused),
                    Ok(()) => return self.asked(wanted, None, ask.await),
                },
            }
        };
        let result = ask.await;
        let answer = result.as_ref().ok().filter(|_| sharing != Sharing::AccountOnly);
        // What cannot be told now is told with the next check; the verdict does not wait for it.
        let _ = agreement.publish(held, answer).await;
        let _ = agreement.tell().await;
        let theirs = match &result {
            Err(_) if sharing != Sharing::AccountOnly => agreement.snapshot().await.ok().flatten(),
            _ => None,
        };
        self.asked(wanted, theirs, result)
    }

    fn asked(
        &self,
        wanted: &Wanted<'_>,
        theirs: Option<Arc<Snapshot>>,
        result: Result<Snapshot, Failure>,
    ) -> Observation {
        match result {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                let is_wanted = !(wanted.max_age.is_zero() && wanted.stale_if_error.is_zero());
                // What a failure stopped is this check's answer, and nobody else's.
                if is_wanted && snapshot.unread_because.is_none() {
                    self.near.keep(wanted.question, &snapshot, self.clock.now());
                }
                Observation::of(snapshot, Source::Live)
            }
            Err(failure) => {
                let held_back = matches!(failure, Failure::NotAsked { .. }).then(|| failure.to_string());
                self.stale_or(wanted, theirs, failure, held_back)
            }
        }
    }

    fn refused(&self, wanted: &Wanted<'_>, theirs: Option<Arc<Snapshot>>, refused: Refused) -> Observation {
        let failure = refused.failure(self.clock.now());
        let held_back = Some(failure.to_string());
        self.stale_or(wanted, theirs, failure, held_back)
    }

    /// The last rung with data, and what is below it.
    fn stale_or(
        &self,
        wanted: &Wanted<'_>,
        theirs: Option<Arc<Snapshot>>,
        failure: Failure,
        held_back: Option<String>,
    ) -> Observation {
        let older = self.older(wanted, theirs).filter(|_| failure.lets_stale_stand_in());
        match older {
            Some(snapshot) => Observation { result: Ok(snapshot), source: Source::Stale, held_back },
            None => Observation { result: Err(failure), source: Source::Policy, held_back },
        }
    }

    /// The newest snapshot that could stand in for a new one.
    fn older(&self, wanted: &Wanted<'_>, theirs: Option<Arc<Snapshot>>) -> Option<Arc<Snapshot>> {
        let own = self.near.get(wanted.question);
        let newest = [own, theirs].into_iter().flatten().max_by_key(|known| known.observed_at)?;
        self.is_older(&newest, wanted).then_some(newest)
    }

    fn is_older(&self, snapshot: &Snapshot, wanted: &Wanted<'_>) -> bool {
        self.is_within(snapshot, wanted.stale_if_error.max(wanted.max_age)) && wanted.need.is_met_by(snapshot)
    }

    fn is_fresh(&self, snapshot: &Snapshot, wanted: &Wanted<'_>) -> bool {
        !wanted.max_age.is_zero() && self.is_within(snapshot, wanted.max_age) && wanted.need.is_met_by(snapshot)
    }

    /// Whether a snapshot is no older than that. One from the future is of an age that nobody knows.
    fn is_within(&self, snapshot: &Snapshot, age: Duration) -> bool {
        let now: SystemTime = self.clock.now();
        match now.duration_since(snapshot.observed_at) {
            Ok(old) => old <= age,
            Err(ahead) => ahead.duration() <= CLOCK_SKEW && !age.is_zero(),
        }
    }
}

impl Observation {
    fn of(snapshot: Arc<Snapshot>, source: Source) -> Self {
        Self { result: Ok(snapshot), source, held_back: None }
    }
}

/// Whether a failure is the other check's own: its time was up, or it broke. Then this one asks itself.
fn is_of_its_own(failure: &Failure) -> bool {
    matches!(failure, Failure::ProviderTimeout { .. } | Failure::DeadlineExceeded { .. } | Failure::Internal)
}

/// How often another instance's answer is looked for.
const FIRST_STEP: Duration = Duration::from_millis(25);
const LAST_STEP: Duration = Duration::from_millis(200);
/// How far the clocks of two instances may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(2);
