//! `PortSIP` PBX: the agents of a call queue, each agent's status, and the queue's own.
//!
//! # Endpoints
//! [`GET /api/call_queues/{id}/status`, `/agents` and `/agents/{extension}`](https://www.portsip.com/docs/) of the
//! PBX REST API since 22.2, on the customer's own host, port 8887. `GET /api/call_queues` finds the id of a queue
//! that is named by its extension number.
//!
//! # Limits
//! Set by the PBX's administrator: 1,000 to 10,000 requests a minute.
//!
//! # Mapping
//! | the provider's | ours |
//! | --- | --- |
//! | `READY` | available |
//! | `QUEUE_CALL`, `OTHER_CALL`, `TRANSFER`, `CONSULT_TRANSFER`, `ON_HOLD` | on call |
//! | `WRAP_UP` | wrap-up |
//! | `NOT_READY`, `BREAK`, `LUNCH`, no status, any other word | not ready |
//! | `LOGGED_OUT`, `OFFLINE` | not counted |
//! | all but `LOGGED_OUT`, `OFFLINE`, no status | logged in |
//!
//! # Quirks
//! The agent list has no status, so each agent is asked for, eight at a time, and no more once the outcome is settled.
//! Who belongs to a queue changes seldom: the list is remembered for two minutes. An agent who has left it since answers
//! 404 and is not ready. Since 22.3 there is a request for all statuses at once, whose form is not published: it is
//! tried where the option `bulk_status` says so, and not again where the PBX does not answer as hoped. `/waiting` does
//! not work before 22.2.22: there the number of callers waiting is missing.
//! The document that criteria see is the agent list with each agent's status merged in.

mod api;
mod mapping;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use super::response::{awaits_a_newer_token, concerns_the_account, unexpected};
use super::{Provider, ProviderName, Question, Template, flag_option};
use crate::credentials::HostRule;
use crate::criteria::{AgentCount, CriterionDraft, Interval};
use crate::failure::Failure;
use crate::fault::Faults;
use crate::freshness::Quota;
use crate::http::Upstream;
use crate::need::Need;
use crate::render::python_json;
use crate::snapshot::{Counts, Document, Snapshot, Unread};

/// The adapter. For each PBX it remembers which id belongs to a queue's extension number, who the agents of a queue are,
/// and whether it answers for all of them at once.
#[derive(Debug, Default)]
pub struct PortSip {
    queue_ids: Mutex<HashMap<(String, String), String>>,
    agents: Mutex<HashMap<(String, String), (Instant, api::AgentList)>>,
    without_bulk: Mutex<HashSet<String>>,
}

/// What a request may say beside the queue.
#[derive(Clone, Debug, Default)]
pub struct PortSipOptions {
    /// Whether to try the request for all agents' statuses at once.
    pub bulk_status: bool,
}

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSipTemplate {
    /// The queue's status, its agents, and each agent's status.
    QueueAgents,
    /// The same, and the callers waiting.
    QueueHeadroom,
}

impl Template for PortSipTemplate {
    const ALL: &'static [Self] = &[Self::QueueAgents, Self::QueueHeadroom];

    fn as_str(self) -> &'static str {
        match self {
            Self::QueueAgents => "queue_agents",
            Self::QueueHeadroom => "queue_headroom",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::QueueAgents => CriterionDraft::agents_above_zero(AgentCount::Available),
            Self::QueueHeadroom => CriterionDraft::agents_above_zero(AgentCount::Headroom),
        }
    }
}

/// How many agents are asked for at once: enough to hide the latency, few enough for a small PBX.
const AGENTS_AT_ONCE: usize = 8;
/// How many queues' ids are remembered; a request may name any number.
const MOST_REMEMBERED: usize = 1000;
/// How long the list of a queue's agents is used before it is read again.
const AGENTS_REMEMBERED: Duration = Duration::from_mins(2);

impl Provider for PortSip {
    const NAME: ProviderName = ProviderName::PortSip;
    const HOSTS: HostRule = HostRule::CustomersOwn;
    const TOKEN_FIELD: &'static str = "access_token";
    const TOKEN_SCHEME: &'static str = "Bearer";
    const OPTIONS: &'static [&'static str] = &["bulk_status"];
    const QUOTA: Quota = Quota::new(1000, 60);

    type Options = PortSipOptions;
    type Template = PortSipTemplate;

    fn new() -> Self {
        Self::default()
    }

    fn origin(_: &Map<String, Value>, _: PortSipTemplate) -> Result<Url, String> {
        Err("base_url is missing; write the PBX's address, such as https://pbx.example.com:8887".to_owned())
    }

    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> PortSipOptions {
        let bulk_status = flag_option(options, "bulk_status", pointer, faults).unwrap_or_default();
        PortSipOptions { bulk_status }
    }

    fn list_field(_: PortSipTemplate) -> Option<&'static str> {
        Some(api::LIST)
    }

    fn counts(_: PortSipTemplate, _: &PortSipOptions, document: &Document) -> Counts {
        mapping::counts(document)
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let queue = self.queue_id(upstream, &question.queue).await?;
        let (status, agents) = futures_util::join!(api::queue_status(upstream, &queue), self.agents(upstream, &queue));
        if matches!(status, Err(Failure::QueueNotFound { .. })) {
            // The extension number may belong to another queue by now: the next check looks it up again.
            self.queue_ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&queue_key(upstream, &question.queue));
        }
        let status = status?;
        if status.closed {
            return Ok(closed(status));
        }
        let agents = agents?;
        let mut snapshot = Snapshot {
            counts: Counts::default(),
            document: Document::new(agents.envelope, Some(api::LIST), String::new()),
            queue_closed: false,
            observed_at: status.sent_at,
            warnings: Vec::new(),
            unread_because: None,
        };
        let mut waiting_failed = None;
        let waiting = match question.template {
            PortSipTemplate::QueueAgents => Ok(api::Waiting::NotAskedFor),
            // After the others, so that a refused token costs two requests and not three.
            PortSipTemplate::QueueHeadroom => api::waiting(upstream, &queue).await,
        };
        let waiting = match waiting {
            Ok(api::Waiting::NotAskedFor) => None,
            Ok(api::Waiting::Callers(callers)) => Some(Interval::exactly(callers)),
            Ok(api::Waiting::NotServed) => {
                snapshot
                    .warnings
                    .push("this PBX does not say who is waiting; it does since version 22.2.22".to_owned());
                None
            }
            Err(failure) => {
                waiting_failed = Some(failure);
                None
            }
        };
        let reader = StatusReader { upstream, queue: &queue, need, waiting };
        let bulk = question.options.bulk_status && !self.is_without_bulk(upstream);
        let statuses = if bulk { api::all_statuses(upstream, &queue, &agents.items).await? } else { None };
        if bulk && statuses.is_none() {
            self.without_bulk.lock().unwrap_or_else(PoisonError::into_inner).insert(upstream.url(&[]).to_string());
        }
        let snapshot = match statuses {
            Some(statuses) => reader.merge(snapshot, agents.items, &statuses)?,
            None => reader.read(snapshot, agents.items).await?,
        };
        match waiting_failed {
            // Whether it matters, the criteria decide; then it is the cause, and not that the count is missing.
            Some(failure) if need.evaluate(&snapshot).outcomes.may_be_unsettled() => Err(failure),
            _ => Ok(snapshot),
        }
    }
}

impl PortSip {
    /// The id of a queue. An extension number is looked up once and remembered.
    async fn queue_id(&self, upstream: &Upstream, queue: &str) -> Result<String, Failure> {
        if queue.is_empty() || !queue.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(queue.to_owned());
        }
        let key = queue_key(upstream, queue);
        let known = self.queue_ids.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(id) = known {
            return Ok(id);
        }
        let id = api::find_queue(upstream, queue).await?;
        let mut known = self.queue_ids.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(key, id.clone());
        Ok(id)
    }

    /// Who the agents of a queue are, from memory where that was read lately.
    async fn agents(&self, upstream: &Upstream, queue: &str) -> Result<api::AgentList, Failure> {
        // A token that may no longer see the list must not see the remembered one: the account is part of the key.
        let key = queue_key(upstream, queue);
        let known = self.agents.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((read_at, agents)) = known
            && read_at.elapsed() < AGENTS_REMEMBERED
        {
            return Ok(agents);
        }
        let agents = api::agents(upstream, queue).await?;
        let mut remembered = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|_, (read_at, _)| read_at.elapsed() < AGENTS_REMEMBERED);
        remembered.insert(key, (Instant::now(), agents.clone()));
        Ok(agents)
    }

    fn is_without_bulk(&self, upstream: &Upstream) -> bool {
        let without = self.without_bulk.lock().unwrap_or_else(PoisonError::into_inner);
        without.contains(upstream.url(&[]).as_str())
    }
}

/// What is remembered of a queue is remembered by this: the PBX, the account, and how the queue was named.
fn queue_key(upstream: &Upstream, queue: &str) -> (String, String) {
    // One PBX serves several tenants: the account is part of what is remembered.
    (format!("{} {}", upstream.url(&[]), upstream.account()), queue.to_owned())
}

fn closed(status: api::QueueStatus) -> Snapshot {
    Snapshot {
        counts: Counts::default(),
        document: Document::new(status.body, None, status.text),
        queue_closed: true,
        observed_at: status.sent_at,
        warnings: Vec::new(),
        unread_because: None,
    }
}

/// Merges each agent's status into the list, in its order.
struct StatusReader<'a> {
    upstream: &'a Upstream,
    queue: &'a str,
    need: &'a Need<'a>,
    waiting: Option<Interval>,
}

impl StatusReader<'_> {
    /// Asks for one agent after another, and stops once nothing unread can change the outcome.
    async fn read(&self, mut snapshot: Snapshot, agents: Vec<Value>) -> Result<Snapshot, Failure> {
        let total = agents.len();
        let mut answers = stream::iter(agents)
            .map(|agent| api::with_status(self.upstream, self.queue, agent))
            .buffered(AGENTS_AT_ONCE);
        loop {
            let merged = snapshot.document.records().map_or(0, <[Value]>::len);
            self.count(&mut snapshot, total - merged);
            if merged == total || self.need.is_settled_by(&snapshot) {
                break;
            }
            match answers.next().await {
                Some(Ok(agent)) => push(&mut snapshot, agent)?,
                // A newer token may read them all.
                Some(Err(failure)) if awaits_a_newer_token(&failure, &snapshot, self.need) => return Err(failure),
                Some(Err(failure)) => {
                    // The agents behind this one may still settle the matter, unless nobody is to be asked any more.
                    let ends = concerns_the_account(&failure);
                    snapshot.unread_because.get_or_insert(failure);
                    if ends {
                        break;
                    }
                }
                None => break,
            }
        }
        drop(answers);
        Ok(as_seen(snapshot))
    }

    /// Merges statuses that came all at once. An agent without one has none.
    fn merge(
        &self,
        mut snapshot: Snapshot,
        agents: Vec<Value>,
        statuses: &HashMap<String, Value>,
    ) -> Result<Snapshot, Failure> {
        for mut agent in agents {
            let number = agent.get("extension_number").and_then(Value::as_str).map(str::to_owned);
            if let (Some(status), Some(listed)) =
                (number.and_then(|number| statuses.get(&number)), agent.as_object_mut())
            {
                listed.insert("status".to_owned(), status.clone());
            }
            push(&mut snapshot, agent)?;
        }
        self.count(&mut snapshot, 0);
        Ok(as_seen(snapshot))
    }

    fn count(&self, snapshot: &mut Snapshot, unread: usize) {
        let unread = u64::try_from(unread).unwrap_or(u64::MAX);
        snapshot.document.unread = if unread == 0 { Unread::Nothing } else { Unread::AtMost(unread) };
        snapshot.counts = Counts { waiting: self.waiting, ..mapping::counts(&snapshot.document) };
    }
}

fn push(snapshot: &mut Snapshot, agent: Value) -> Result<(), Failure> {
    snapshot.document.records_mut().ok_or_else(|| unexpected("the agent list has no items"))?.push(agent);
    Ok(())
}

/// `raw` means what a person would see: the merged list, since no single answer has it.
fn as_seen(mut snapshot: Snapshot) -> Snapshot {
    snapshot.document.pages = vec![python_json(snapshot.document.root()).into()];
    snapshot
}
