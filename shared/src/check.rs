//! The flow of a check: request, credentials, freshness, provider, snapshot, evaluation, verdict. Top to bottom.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::budget::Budget;
use crate::clock::{Clock, millis, millis_between};
use crate::credentials::{Connection, SecretStore, Secrets, secret_name};
use crate::decision::Decided;
use crate::explain::body_of;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::freshness::holds::{Hold, Request as HoldWanted, Taken};
use crate::freshness::state::StateFailure;
use crate::freshness::{DocumentForm, Freshness, Meter, Observation, Shared, Wanted};
use crate::http::{Endpoint, HttpClients, Upstream};
use crate::judge::judge;
use crate::lint;
use crate::need::{Extent, Need};
use crate::projection::Projection;
use crate::providers::{Provider, Question, Template};
use crate::request::{AnswerAs, CheckRequest, Plan};
use crate::settings::Settings;
use crate::snapshot::{Counts, Snapshot, Unread};
use crate::verdict::{Decision, Measured, Source, Trace, Verdict};

/// One provider's gate: what lives as long as the process.
pub struct Gate<P, S> {
    provider: P,
    pub(crate) secrets: Secrets<S>,
    pub(crate) freshness: Freshness,
    http: Arc<HttpClients>,
    settings: Settings,
    clock: Clock,
}

/// Why a check got no verdict: it was not understood, or not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Every fault of the request.
    NotUnderstood(Vec<Fault>),
    /// It is larger than any request is.
    TooLarge,
    /// The gateway key may not use the connection.
    CallerForbidden,
}

impl<P: Provider, S: SecretStore> Gate<P, S> {
    /// A gate over a secret store.
    #[must_use]
    pub fn new(store: S, http: Arc<HttpClients>, settings: Settings) -> Self {
        Self::with_clock(store, http, settings, Clock::system())
    }

    /// A gate that reads another wall clock than the machine's.
    #[must_use]
    pub fn with_clock(store: S, http: Arc<HttpClients>, settings: Settings, clock: Clock) -> Self {
        let secrets = Secrets::new(store, settings.secret_ttl, settings.allow_loopback, clock.clone());
        let freshness = Freshness::new(None, clock.clone());
        Self { provider: P::new(), secrets, freshness, http, settings, clock }
    }

    /// The gate, sharing answers, quotas and holds with other instances.
    #[must_use]
    pub fn sharing(self, shared: Option<Shared>) -> Self {
        Self { freshness: Freshness::new(shared, self.clock.clone()), ..self }
    }

    /// What the deployment sets.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Answers a check that was understood: always with a verdict, unless the caller may not use the connection or the
    /// request turns out faulty once the connection's defaults are known.
    ///
    /// # Errors
    /// The refusal; nothing was sent to the provider.
    pub async fn check(
        &self,
        request: &CheckRequest,
        api_key_id: Option<&str>,
        budget: Budget,
    ) -> Result<Verdict, Refusal> {
        let mut measured = Measured::default();
        let connection = match self.secrets.connection::<P>(&request.connection, budget.read_secret_until()).await {
            Ok(connection) => connection,
            Err(failure) => return Ok(verdict_without_data::<P>(request, &failure, None, &budget)),
        };
        measured.secret_ms = millis(budget.elapsed());
        if !connection.allows(api_key_id) {
            return Err(Refusal::CallerForbidden);
        }
        let plan = match request.plan::<P>(connection.defaults(), connection.fields()) {
            Ok(plan) => plan,
            Err(faults) => return refused_plan::<P>(request, faults, &budget),
        };
        let budget = plan.deadline.map_or(budget, |deadline| budget.with_deadline(deadline));
        let mut need = Need::new(&plan.acceptance, extent(request), &budget);
        // Looked at first: an answer that is enough without them may be too little with them.
        let held = match request.hold_for {
            None if need.reads_holds() => self.freshness.holds(&holds_name::<P>(request)).await,
            _ => Ok(0),
        };
        if held.as_ref().is_ok_and(|held| *held > 0) && extent(request) == Extent::Enough {
            need = Need::new(&plan.acceptance, Extent::EveryPage, &budget);
        }
        let (connection, clock) = (&*connection, &self.clock);
        let quota = connection.quota().unwrap_or(P::QUOTA);
        let meter = &self.freshness.meter(&account_name::<P>(request), quota);
        let check = Check { request, connection, plan: &plan, need: &need, held: &held, meter, budget: &budget, clock };
        if let Some(verdict) = self.held_before(&check).await {
            return Ok(verdict);
        }
        let looked = Instant::now();
        // Boxed: the whole flow in one type would be too deep for the compiler.
        let (observation, upstreams) = Box::pin(self.look(&check)).await;
        measured.provider_ms = millis(looked.elapsed());
        measured.upstream_status = upstreams.iter().rev().find_map(Upstream::last_status);
        measured.held_back = observation.held_back.is_some();
        let decided = Instant::now();
        let mut verdict = match &observation.result {
            Ok(snapshot) => Box::pin(self.decide(&check, &observation, snapshot, requests_of(&upstreams))).await,
            Err(failure) => verdict_without_data(request, failure, Some(&plan), &budget),
        };
        measured.decide_ms = millis(decided.elapsed());
        verdict.upstream_requests = requests_of(&upstreams);
        verdict.measured = measured;
        if request.explain {
            let requests = upstreams.iter().flat_map(Upstream::trace).collect();
            let body = observation.result.as_ref().ok().filter(|_| self.settings.explain_bodies);
            let body = body.map(|snapshot| body_of(snapshot));
            let right_answer = Box::pin(self.right_answer(&check, &verdict)).await;
            verdict.trace = Some(Trace { requests, right_answer, body });
            verdict.elapsed_ms = millis(budget.elapsed());
        }
        if observation.result.is_err() {
            verdict.warnings.extend(connection.warnings().iter().cloned());
        }
        verdict.hide(connection.credential());
        Ok(verdict)
    }

    /// The verdict where a check ended in a panic: by policy, for this one alone.
    #[must_use]
    pub fn internal_error(&self, request: &CheckRequest, budget: &Budget) -> Verdict {
        verdict_without_data::<P>(request, &Failure::Internal, None, budget)
    }

    /// Finds an answer on the ladder of freshness; the provider is asked where none is fresh enough.
    async fn look(&self, check: &Check<'_, P>) -> (Observation, Vec<Upstream>) {
        let Check { request, connection, plan, need, meter, budget, .. } = check;
        let account = account_name::<P>(request);
        let template = plan.question.template;
        let wanted = Wanted {
            account: &account,
            question: &question_key(&account, connection, &plan.question),
            max_age: plan.max_age,
            stale_if_error: plan.stale_if_error,
            need,
            budget,
            form: &DocumentForm {
                list: P::list_field(template),
                length_field: P::length_field(template),
                rows: P::record_fields(template).unwrap_or_default(),
                records: P::list_field(template).map_or(Projection::Whole, |list| need.record_fields(list)),
            },
        };
        let mut upstreams = Vec::new();
        let ask = async {
            let result = self.observe(check, &plan.question, need, Permit::Taken).await;
            upstreams = result.1;
            if requests_of(&upstreams) == 0 {
                meter.not_sent();
            }
            result.0
        };
        let observation = self.freshness.observe(&wanted, meter, ask).await;
        (observation, upstreams)
    }

    /// Asks the provider; once more with a newer token where the one in hand is refused and there is one.
    pub(crate) async fn observe(
        &self,
        check: &Check<'_, P>,
        question: &Question<P>,
        need: &Need<'_>,
        permit: Permit,
    ) -> (Result<Snapshot, Failure>, Vec<Upstream>) {
        let Check { request, connection, meter, budget, .. } = check;
        if self.secrets.was_refused_lately::<P>(&request.connection, connection) {
            let said = "it was refused a moment ago and the secret holds no newer one; nothing was sent".to_owned();
            return (Err(Failure::AuthExpired { said }), Vec::new());
        }
        let upstream = self.upstream(connection, &request.connection, question.template, budget);
        let (first, mut upstreams) = match upstream {
            Ok(upstream) => {
                let upstream = upstream.metered(Arc::clone(meter), permit == Permit::Taken);
                (self.observe_once(&upstream, connection, question, need, budget).await, vec![upstream])
            }
            Err(failure) => return (Err(failure), Vec::new()),
        };
        if !matches!(first, Err(Failure::AuthExpired { .. })) {
            return (first, upstreams);
        }
        let newer = self.secrets.newer::<P>(&request.connection, connection, budget.read_secret_until()).await;
        let Some(newer) = newer else { return (first, upstreams) };
        match self.upstream(&newer, &request.connection, question.template, budget) {
            Ok(upstream) => {
                let upstream =
                    upstream.metered(Arc::clone(meter), permit == Permit::Taken && requests_of(&upstreams) == 0);
                let second = self.observe_once(&upstream, &newer, question, need, budget).await;
                if matches!(second, Err(Failure::AuthExpired { .. })) {
                    self.secrets.refused::<P>(&request.connection, &newer);
                }
                upstreams.push(upstream);
                (second, upstreams)
            }
            Err(failure) => (Err(failure), upstreams),
        }
    }

    async fn observe_once(
        &self,
        upstream: &Upstream,
        connection: &Connection,
        question: &Question<P>,
        need: &Need<'_>,
        budget: &Budget,
    ) -> Result<Snapshot, Failure> {
        if connection.has_expired(self.clock.now()) {
            return Err(Failure::AuthExpired { said: "its expires_at has passed; nothing was sent".to_owned() });
        }
        // Every step has its own limit; this one is for what has none, and for a panic, which costs this verdict only.
        let asking = AssertUnwindSafe(self.provider.observe(upstream, question, need)).catch_unwind();
        match tokio::time::timeout_at(budget.evaluate_until(), asking).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(Failure::Internal),
            Err(_) => Err(Failure::DeadlineExceeded { step: "read the provider's answer" }),
        }
    }

    /// Decides on an answer, with the agents who are held for other calls; and holds one where that is asked for.
    async fn decide(
        &self,
        check: &Check<'_, P>,
        observation: &Observation,
        snapshot: &Snapshot,
        upstream_requests: u32,
    ) -> Verdict {
        let verdict = |held: i64, hold: Option<&Hold>| {
            let mut verdict = verdict_on(check, observation, snapshot, held, check.request.hold_for.is_some());
            verdict.upstream_requests = upstream_requests;
            verdict.hold = hold.map(Hold::shown);
            verdict.hide(check.connection.credential());
            verdict
        };
        let queue = holds_name::<P>(check.request);
        let Some(hold_for) = check.request.hold_for else {
            return match check.held {
                Ok(held) => verdict(*held, None),
                Err(failure) => verdict(0, None).warned(format!("holds could not be looked at: {failure}")),
            };
        };
        let wanted = HoldWanted { queue: &queue, hold_for, call_id: check.request.call_id.as_deref() };
        let mut last = None;
        let mut decide = |held: i64, hold: &Hold| {
            let taken = verdict(held, Some(hold));
            let accepts = taken.accept && !taken.on_unknown_applied;
            let kept = accepts.then(|| serde_json::to_value(&taken).unwrap_or_default());
            last = Some(if accepts { taken } else { Verdict { hold: None, ..taken } });
            kept
        };
        // Many checks on one queue get in each other's way: none may wait for its turn beyond its deadline.
        let turn = tokio::time::timeout_at(check.budget.evaluate_until(), self.freshness.hold(wanted, &mut decide));
        let mut taken = turn.await.unwrap_or_else(|_| Err(StateFailure("no turn came in time".to_owned())));
        let mut warning = None;
        if let Err(failure) = &taken {
            warning = Some(format!("the hold is known to this instance only: {failure}"));
            taken = self.freshness.hold_alone(wanted, &mut decide).await;
        }
        let earlier = match taken {
            Ok(Taken::Already(hold)) => serde_json::from_value(hold.verdict).ok(),
            Ok(Taken::Held(_) | Taken::NotWith(_)) | Err(_) => None,
        };
        let decided = earlier.or(last).unwrap_or_else(|| verdict(0, None));
        match warning {
            Some(warning) => decided.warned(warning),
            None => decided,
        }
    }

    /// The verdict that this call was given already, while the agent it was promised is held for it.
    async fn held_before(&self, check: &Check<'_, P>) -> Option<Verdict> {
        let call_id = check.request.call_id.as_deref().filter(|_| check.request.hold_for.is_some())?;
        let hold = self.freshness.hold_of(&holds_name::<P>(check.request), call_id).await.ok()??;
        let mut verdict: Verdict = serde_json::from_value(hold.verdict).ok()?;
        verdict.measured.repeated = true;
        Some(verdict)
    }

    /// Ends a hold before its time. Whether it was live.
    ///
    /// # Errors
    /// The shared state does not answer.
    pub async fn release(&self, hold_id: &str) -> Result<bool, StateFailure> {
        self.freshness.release(P::NAME.as_str(), hold_id).await
    }

    pub(crate) fn upstream(
        &self,
        connection: &Connection,
        name: &str,
        template: P::Template,
        budget: &Budget,
    ) -> Result<Upstream, Failure> {
        let unusable = |problem: String| Failure::SecretUnusable { name: secret_name(P::NAME, name), problem };
        let client =
            self.http.trusting(connection.ca_pem()).map_err(|problem| unusable(format!("ca_pem {problem}")))?;
        let endpoint = Endpoint {
            origin: connection.origin::<P>(template).map_err(unusable)?,
            authorization: connection.authorization(),
            account: format!("{name}/{}", connection.version()),
            client,
        };
        Ok(Upstream::new(endpoint, *budget))
    }
}

/// Faults in the request are its sender's to mend; faults in the connection's defaults are the operator's.
fn refused_plan<P: Provider>(request: &CheckRequest, faults: Vec<Fault>, budget: &Budget) -> Result<Verdict, Refusal> {
    let in_defaults = faults.iter().find(|fault| fault.pointer.starts_with("/defaults"));
    let Some(fault) = in_defaults else { return Err(Refusal::NotUnderstood(faults)) };
    let failure = Failure::SecretUnusable {
        name: secret_name(P::NAME, &request.connection),
        problem: format!("{} {}", fault.pointer.trim_start_matches('/'), fault.detail),
    };
    Ok(verdict_without_data::<P>(request, &failure, None, budget))
}

/// A check that is under way: what it asks, with what, and in which time.
pub(crate) struct Check<'a, P: Provider> {
    pub(crate) request: &'a CheckRequest,
    pub(crate) connection: &'a Connection,
    pub(crate) plan: &'a Plan<P>,
    pub(crate) need: &'a Need<'a>,
    /// Agents held for other calls when the check began, where a criterion counts them and the check holds none itself.
    pub(crate) held: &'a Result<i64, StateFailure>,
    /// What the account has left.
    pub(crate) meter: &'a Arc<Meter>,
    pub(crate) budget: &'a Budget,
    pub(crate) clock: &'a Clock,
}

/// Names the queue for holds: they are the queue's, whichever recipe saw its agents.
fn holds_name<P: Provider>(request: &CheckRequest) -> String {
    format!("{}/{}", account_name::<P>(request), request.queue)
}

/// Whether the account's permit for a first request has been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Taken,
    NotTaken,
}

fn account_name<P: Provider>(request: &CheckRequest) -> String {
    format!("{}/{}", P::NAME, request.connection)
}

/// How much a request wants to be read beyond what settles its criteria.
fn extent(request: &CheckRequest) -> Extent {
    if request.explain {
        Extent::Everything
    } else if request.answer_as == AnswerAs::Count || request.hold_for.is_some() {
        Extent::EveryPage
    } else {
        Extent::Enough
    }
}

/// Names a question among all there are. What the same name would not mean the same for is part of it.
fn question_key<P: Provider>(account: &str, connection: &Connection, question: &Question<P>) -> String {
    let host = connection.origin::<P>(question.template).map(|origin| origin.to_string()).unwrap_or_default();
    let asked = format!("{host}\n{}\n{}\n{:?}", question.queue, question.template.as_str(), question.options);
    format!("{account}/{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, asked.as_bytes()).simple())
}

fn requests_of(upstreams: &[Upstream]) -> u32 {
    let requests: usize = upstreams.iter().map(Upstream::requests).sum();
    u32::try_from(requests).unwrap_or(u32::MAX)
}

fn verdict_on<P: Provider>(
    check: &Check<'_, P>,
    observation: &Observation,
    snapshot: &Snapshot,
    held: i64,
    holds_one: bool,
) -> Verdict {
    let Check { request, connection, plan, need, budget, clock, .. } = check;
    let judged = judge(plan, need, snapshot, held, holds_one);
    let mut verdict = verdict::<P>(request, judged.decided, Some(plan), budget);
    verdict.counts = Counts { held, ..snapshot.counts.clone() };
    verdict.available = snapshot.counts.available.map(|available| available.low);
    verdict.counts_complete = snapshot.document.unread == Unread::Nothing;
    verdict.source = observation.source;
    verdict.checked_at = clock.now();
    verdict.data_age_ms = Some(millis_between(snapshot.observed_at, verdict.checked_at));
    if let Some(why) = &observation.held_back {
        let age_ms = verdict.data_age_ms.unwrap_or_default();
        verdict.warnings.push(format!("{why}; an answer that is {age_ms} ms old stands in"));
    }
    verdict.warnings.extend(snapshot.warnings.iter().cloned());
    verdict.warnings.extend(P::remarks(plan.question.template, &plan.question.options, &snapshot.document));
    verdict.warnings.extend(judged.evaluation.iter().flat_map(|seen| lint::warnings(&plan.acceptance, seen, snapshot)));
    verdict.warnings.extend(connection.warnings().iter().cloned());
    verdict
}

fn verdict_without_data<P: Provider>(
    request: &CheckRequest,
    failure: &Failure,
    plan: Option<&Plan<P>>,
    budget: &Budget,
) -> Verdict {
    let on_unknown = plan.map_or(request.on_unknown.unwrap_or_default(), |plan| plan.on_unknown);
    verdict::<P>(request, Decided::on_failure(failure, on_unknown), plan, budget)
}

fn verdict<P: Provider>(request: &CheckRequest, decided: Decided, plan: Option<&Plan<P>>, budget: &Budget) -> Verdict {
    let asked = || request.template().map_or_else(P::Template::first, P::Template::from_name);
    let template = plan.map(|plan| plan.question.template).or_else(asked);
    Verdict {
        decision: decided.decision,
        accept: decided.decision == Decision::Accept,
        reason: decided.reason,
        available: None,
        counts: Counts::default(),
        counts_complete: false,
        findings: decided.findings,
        provider: P::NAME,
        connection: request.connection.clone(),
        queue: request.queue.clone(),
        template: template.map_or("", Template::as_str).into(),
        source: Source::Policy,
        data_age_ms: None,
        on_unknown_applied: decided.on_unknown_applied,
        warnings: request.warnings.clone(),
        message: decided.message,
        decision_id: uuid::Uuid::new_v4().to_string(),
        upstream_requests: 0,
        elapsed_ms: millis(budget.elapsed()),
        checked_at: SystemTime::now(),
        hold: None,
        destination: request.destination.clone(),
        call_id: request.call_id.clone(),
        trace: None,
        measured: Measured::default(),
    }
}
