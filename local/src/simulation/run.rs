//! A scenario, run: its calls, checked one after another or at once, on a clock that waits for nobody.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callgate::budget::Budget;
use callgate::clock::{Clock, millis_between};
use callgate::failure::Failure;
use callgate::freshness::holds::{Hold, Request as HoldWanted};
use callgate::freshness::state::MemoryState;
use callgate::freshness::{DocumentForm, Freshness, Home, Meter, Shared, Wanted};
use callgate::judge::{Judged, judge};
use callgate::need::{Extent, Need};
use callgate::projection::Projection;
use callgate::providers::ProviderName;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::{CheckRequest, Plan};
use callgate::snapshot::Snapshot;
use callgate::verdict::Decision;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::calls::{Call, Calls};
use super::provider::{Api, Line};
use super::recipe::{AGENTS_REMEMBERED, Recipe};
use super::scenario::{Asking, Scenario, Settings};
use super::tally::{Outcome, Tally};

/// Lets a scenario happen. The same scenario comes to the same tally, however often it is run.
///
/// # Errors
/// The machine gives no thread.
pub fn simulate(scenario: &Scenario, asking: Asking) -> io::Result<Tally> {
    match scenario.provider {
        ProviderName::CallTools => on_its_own_clock::<CallTools>(scenario, asking),
        ProviderName::GenesysCloud => on_its_own_clock::<GenesysCloud>(scenario, asking),
        ProviderName::RingCentral => on_its_own_clock::<RingCentral>(scenario, asking),
        ProviderName::PortSip => on_its_own_clock::<PortSip>(scenario, asking),
    }
}

/// On a thread of its own: the caller's runtime has a clock that goes.
fn on_its_own_clock<P: Recipe>(scenario: &Scenario, asking: Asking) -> io::Result<Tally> {
    std::thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
            runtime.block_on(run::<P>(scenario, asking))
        };
        scope.spawn(run).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

async fn run<P: Recipe>(scenario: &Scenario, asking: Asking) -> io::Result<Tally> {
    let options = P::asked_with().as_object().cloned().unwrap_or_default();
    // Without criteria of its own: the recipe's.
    let plan = CheckRequest::plan_for_saved::<P>(&Value::Object(Map::new()), Some(P::TEMPLATE), &options)
        .map_err(|faults| io::Error::other(format!("{faults:?}")))?;
    let day = Arc::new(Day::new(scenario, asking, plan));
    let started = Instant::now();
    let mut under_way = JoinSet::new();
    for call in Calls::new(scenario) {
        tokio::time::sleep_until(started + call.at).await;
        match call.checked_by {
            Some(instance) => {
                under_way.spawn(Arc::clone(&day).check(call, instance));
            }
            None => {
                day.api.with_queue(call.queue, |queue, now| queue.take(now, call.talks));
            }
        }
        while let Some(done) = under_way.try_join_next() {
            done?;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done?;
    }
    let tally = std::mem::take(&mut *day.tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(tally.close(day.api.seen()))
}

/// A day, with all that it is made of.
struct Day<P: Recipe> {
    scenario: Scenario,
    asking: Asking,
    plan: Plan<P>,
    clock: Clock,
    api: Api,
    instances: Vec<Instance>,
    tally: Mutex<Tally>,
}

/// An instance of the function, and what it remembers.
struct Instance {
    freshness: Freshness,
    /// When the agents of a queue were listed last.
    listed: Mutex<HashMap<usize, Instant>>,
}

impl<P: Recipe> Day<P> {
    fn new(scenario: &Scenario, asking: Asking, plan: Plan<P>) -> Self {
        let clock = Clock::with_tokio(MIDNIGHT_MS);
        let state = MemoryState::new(clock.clone());
        let is_shared = matches!(asking, Asking::With(Settings { is_shared: true, .. }));
        let instance = |_| {
            let shared = is_shared.then(|| Shared::new(Home::Memory(state.clone()), STATE_TIMEOUT));
            Instance { freshness: Freshness::new(shared, clock.clone()), listed: Mutex::default() }
        };
        Self {
            scenario: *scenario,
            asking,
            plan,
            api: Api::new(scenario, clock.clone()),
            instances: (0..scenario.instances).map(instance).collect(),
            tally: Mutex::default(),
            clock,
        }
    }

    async fn check(self: Arc<Self>, call: Call, instance: usize) {
        let Some(instance) = self.instances.get(instance) else { return };
        let budget = Budget::start(DEADLINE, Duration::ZERO, None);
        let hold_for = match self.asking {
            Asking::Anew => None,
            Asking::With(settings) => settings.hold_for,
        };
        // How many are free is to be known, and nothing else of them.
        let extent = if hold_for.is_some() { Extent::EveryPage } else { Extent::Enough };
        let need = Need::new(&self.plan.acceptance, extent, &budget);
        let answer = match self.asking {
            Asking::Anew => self.ask(instance, call.queue, &need, &budget, None).await.map(Arc::new),
            Asking::With(settings) => self.look(instance, call.queue, &need, &budget, settings).await,
        };
        let age_ms = answer.as_ref().ok().map(|snapshot| millis_between(snapshot.observed_at, self.clock.now()));
        let judged = match &answer {
            Err(_) => None,
            Ok(snapshot) => Some(match hold_for {
                // No recipe's own criterion here looks at holds.
                None => judge(&self.plan, &need, snapshot, 0, false),
                Some(hold_for) => self.hold(instance, call.queue, &need, snapshot, hold_for).await,
            }),
        };
        let is_accepted = judged.as_ref().is_some_and(|judged| judged.decided.decision == Decision::Accept);
        let is_unknown = judged.as_ref().is_none_or(|judged| judged.decided.on_unknown_applied);
        let had_room = self.api.with_queue(call.queue, |queue, now| {
            let had_room = queue.has_room(now);
            if is_accepted {
                queue.send(now, call.rings, call.talks);
            }
            had_room
        });
        let outcome = Outcome { is_unknown, is_accepted, had_room: had_room.unwrap_or_default(), age_ms };
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(outcome);
    }

    /// Looks for an answer on the ladder of freshness.
    async fn look(
        &self,
        instance: &Instance,
        queue: usize,
        need: &Need<'_>,
        budget: &Budget,
        settings: Settings,
    ) -> Result<Arc<Snapshot>, Failure> {
        let template = self.plan.question.template;
        let question = Self::question(queue);
        let wanted = Wanted {
            account: &Self::account(),
            question: &question,
            max_age: settings.max_age,
            stale_if_error: settings.stale_if_error,
            need,
            budget,
            form: &DocumentForm {
                list: P::list_field(template),
                length_field: P::length_field(template),
                rows: P::record_fields(template).unwrap_or_default(),
                records: P::list_field(template).map_or(Projection::Whole, |list| need.record_fields(list)),
            },
        };
        let meter = instance.freshness.meter(&Self::account(), self.scenario.quota);
        let ask = self.ask(instance, queue, need, budget, Some(&meter));
        instance.freshness.observe(&wanted, &meter, ask).await.result
    }

    async fn ask(
        &self,
        instance: &Instance,
        queue: usize,
        need: &Need<'_>,
        budget: &Budget,
        meter: Option<&Meter>,
    ) -> Result<Snapshot, Failure> {
        let line = Line::new(&self.api, budget, meter);
        let answer = P::ask(&line, &self.plan, queue, instance.lists_agents(queue), need).await;
        if line.is_unused() {
            meter.inspect(|meter| meter.not_sent());
        }
        answer
    }

    /// Decides, and holds an agent where that accepts.
    async fn hold(
        &self,
        instance: &Instance,
        queue: usize,
        need: &Need<'_>,
        snapshot: &Snapshot,
        hold_for: Duration,
    ) -> Judged {
        let question = Self::question(queue);
        let wanted = HoldWanted { queue: &question, hold_for, call_id: None };
        let mut last = None;
        let decide = |held: i64, _: &Hold| {
            let judged = judge(&self.plan, need, snapshot, held, true);
            let accepts = judged.decided.decision == Decision::Accept && !judged.decided.on_unknown_applied;
            last = Some(judged);
            accepts.then_some(Value::Null)
        };
        // The state is in memory and answers: what was decided last is what was done.
        let _ = instance.freshness.hold(wanted, decide).await;
        last.unwrap_or_else(|| judge(&self.plan, need, snapshot, 0, true))
    }

    /// The account's name, as the gate has it.
    fn account() -> String {
        format!("{}/simulated", P::NAME)
    }

    /// The name of the one question about a queue, and of the queue.
    fn question(queue: usize) -> String {
        format!("{}/{queue}", Self::account())
    }
}

impl Instance {
    /// Whether the list of a queue's agents is due to be read. It counts as read from now on.
    fn lists_agents(&self, queue: usize) -> bool {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = listed.get(&queue).is_none_or(|at| at.elapsed() >= AGENTS_REMEMBERED);
        if is_due {
            listed.insert(queue, Instant::now());
        }
        is_due
    }
}

/// 2026-11-21, as the first hour of the quota's.
const MIDNIGHT_MS: u64 = 1_795_219_200_000;
/// What most platforms leave for an answer, and less than all of them do.
const DEADLINE: Duration = Duration::from_millis(1700);
/// As shipped; the memory of one process is never so slow.
const STATE_TIMEOUT: Duration = Duration::from_millis(40);
