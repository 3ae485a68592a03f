//! The flow of a check: request, credentials, provider, snapshot, evaluation, verdict. Top to bottom.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;

use crate::budget::Budget;
use crate::clock::{Clock, millis, millis_between};
use crate::credentials::{Connection, SecretStore, Secrets, secret_name};
use crate::decision::Decided;
use crate::explain::body_of;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::http::{Endpoint, HttpClients, Upstream};
use crate::lint;
use crate::need::Need;
use crate::providers::{Provider, Question, Template};
use crate::request::{AnswerAs, CheckRequest, Plan};
use crate::settings::Settings;
use crate::snapshot::{Counts, Snapshot, Unread};
use crate::verdict::{Decision, Source, Trace, Verdict};

/// One provider's gate: what lives as long as the process.
pub struct Gate<P, S> {
    provider: P,
    pub(crate) secrets: Secrets<S>,
    http: Arc<HttpClients>,
    settings: Settings,
    clock: Clock,
}

/// Why a check got no verdict: it was not understood, or not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Every fault of the request.
    NotUnderstood(Vec<Fault>),
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
        Self { provider: P::new(), secrets, http, settings, clock }
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
        let connection = match self.secrets.connection::<P>(&request.connection, budget.read_secret_until()).await {
            Ok(connection) => connection,
            Err(failure) => return Ok(verdict_without_data::<P>(request, &failure, None, &budget)),
        };
        if !connection.allows(api_key_id) {
            return Err(Refusal::CallerForbidden);
        }
        let plan = match request.plan::<P>(connection.defaults(), connection.fields()) {
            Ok(plan) => plan,
            Err(faults) => return refused_plan::<P>(request, faults, &budget),
        };
        let budget = plan.deadline.map_or(budget, |deadline| budget.with_deadline(deadline));
        let need = Need::new(&plan.acceptance, request.explain || request.answer_as == AnswerAs::Count, &budget);
        let (observed, upstreams) = self.observe(&connection, request, &plan.question, &need, &budget).await;
        let mut verdict = match &observed {
            Ok(snapshot) => verdict_on(request, &plan, &need, snapshot, &budget),
            Err(failure) => verdict_without_data(request, failure, Some(&plan), &budget),
        };
        let requests: Vec<_> = upstreams.iter().flat_map(Upstream::trace).collect();
        verdict.upstream_requests = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        verdict.warnings.extend(connection.warnings().iter().cloned());
        if request.explain {
            let body = observed.as_ref().ok().filter(|_| self.settings.explain_bodies).map(body_of);
            let right_answer = self.right_answer(&connection, request, &plan.question, &verdict, &budget).await;
            verdict.trace = Some(Trace { requests, right_answer, body });
            verdict.elapsed_ms = millis(budget.elapsed());
        }
        verdict.hide(connection.credential());
        Ok(verdict)
    }

    /// The verdict where a check ended in a panic: by policy, for this one alone.
    #[must_use]
    pub fn internal_error(&self, request: &CheckRequest, budget: &Budget) -> Verdict {
        verdict_without_data::<P>(request, &Failure::Internal, None, budget)
    }

    /// Asks the provider; once more with a newer token where the one in hand is refused and there is one.
    pub(crate) async fn observe(
        &self,
        connection: &Connection,
        request: &CheckRequest,
        question: &Question<P>,
        need: &Need<'_>,
        budget: &Budget,
    ) -> (Result<Snapshot, Failure>, Vec<Upstream>) {
        if self.secrets.was_refused_lately::<P>(&request.connection, connection) {
            let said = "it was refused a moment ago and the secret holds no newer one; nothing was sent".to_owned();
            return (Err(Failure::AuthExpired { said }), Vec::new());
        }
        let (first, mut upstreams) = match self.upstream(connection, &request.connection, question.template, budget) {
            Ok(upstream) => (self.observe_once(&upstream, connection, question, need, budget).await, vec![upstream]),
            Err(failure) => return (Err(failure), Vec::new()),
        };
        if !matches!(first, Err(Failure::AuthExpired { .. })) {
            return (first, upstreams);
        }
        let newer = self.secrets.newer::<P>(&request.connection, connection, budget.read_secret_until()).await;
        let Some(newer) = newer else { return (first, upstreams) };
        match self.upstream(&newer, &request.connection, question.template, budget) {
            Ok(upstream) => {
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

fn verdict_on<P: Provider>(
    request: &CheckRequest,
    plan: &Plan<P>,
    need: &Need<'_>,
    snapshot: &Snapshot,
    budget: &Budget,
) -> Verdict {
    let evaluation = std::panic::catch_unwind(AssertUnwindSafe(|| need.evaluate(snapshot)));
    let decided = match &evaluation {
        Ok(evaluation) => Decided::on_answer(&plan.acceptance, evaluation, snapshot, plan.on_unknown),
        Err(_panic) => Decided::on_failure(&Failure::Internal, plan.on_unknown),
    };
    let mut verdict = verdict::<P>(request, decided, Some(plan), budget);
    verdict.counts = snapshot.counts.clone();
    verdict.available = snapshot.counts.available.map(|available| available.low);
    verdict.counts_complete = snapshot.document.unread == Unread::Nothing;
    verdict.source = Source::Live;
    verdict.data_age_ms = Some(millis_between(snapshot.observed_at, verdict.checked_at));
    verdict.warnings.extend(snapshot.warnings.iter().cloned());
    verdict.warnings.extend(P::remarks(plan.question.template, &plan.question.options, &snapshot.document));
    verdict.warnings.extend(evaluation.iter().flat_map(|seen| lint::warnings(&plan.acceptance, seen, snapshot)));
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
        template: template.map_or("", Template::as_str),
        source: Source::Policy,
        data_age_ms: None,
        on_unknown_applied: decided.on_unknown_applied,
        warnings: request.warnings.clone(),
        message: decided.message,
        decision_id: uuid::Uuid::new_v4().to_string(),
        upstream_requests: 0,
        elapsed_ms: millis(budget.elapsed()),
        checked_at: SystemTime::now(),
        destination: request.destination.clone(),
        call_id: request.call_id.clone(),
        trace: None,
    }
}
