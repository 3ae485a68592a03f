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
//! The document that criteria see is the agent list with each agent's status merged in.

mod api;
mod mapping;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value};
use url::Url;

use super::response::unexpected;
use super::{Provider, ProviderName, Question, Template};
use crate::credentials::HostRule;
use crate::criteria::{AgentCount, CriterionDraft};
use crate::failure::Failure;
use crate::fault::Faults;
use crate::http::Upstream;
use crate::need::Need;
use crate::render::python_json;
use crate::snapshot::{Counts, Document, Snapshot, Unread};

/// The adapter. It remembers which id belongs to a queue's extension number, for each PBX.
#[derive(Debug)]
pub struct PortSip {
    queue_ids: Mutex<HashMap<(String, String), String>>,
}

/// What a request may say beside the queue: nothing.
#[derive(Clone, Debug, Default)]
pub struct PortSipOptions;

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSipTemplate {
    /// The queue's status, its agents, and each agent's status.
    QueueAgents,
}

impl Template for PortSipTemplate {
    const ALL: &'static [Self] = &[Self::QueueAgents];

    fn as_str(self) -> &'static str {
        match self {
            Self::QueueAgents => "queue_agents",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::QueueAgents => CriterionDraft::agents_above_zero(AgentCount::Available),
        }
    }
}

/// How many agents are asked for at once: enough to hide the latency, few enough for a small PBX.
const AGENTS_AT_ONCE: usize = 8;

impl Provider for PortSip {
    const NAME: ProviderName = ProviderName::PortSip;
    const HOSTS: HostRule = HostRule::CustomersOwn;
    const TOKEN_FIELD: &'static str = "access_token";
    const TOKEN_SCHEME: &'static str = "Bearer";
    const OPTIONS: &'static [&'static str] = &[];

    type Options = PortSipOptions;
    type Template = PortSipTemplate;

    fn new() -> Self {
        Self { queue_ids: Mutex::default() }
    }

    fn origin(_: &Map<String, Value>, _: PortSipTemplate) -> Result<Url, String> {
        Err("base_url is missing; write the PBX's address, such as https://pbx.example.com:8887".to_owned())
    }

    fn options(_: &Map<String, Value>, _: &str, _: &mut Faults) -> PortSipOptions {
        PortSipOptions
    }

    fn list_field(template: PortSipTemplate) -> Option<&'static str> {
        match template {
            PortSipTemplate::QueueAgents => Some(api::LIST),
        }
    }

    fn counts(template: PortSipTemplate, _: &PortSipOptions, document: &Document) -> Counts {
        match template {
            PortSipTemplate::QueueAgents => mapping::counts(document),
        }
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let PortSipTemplate::QueueAgents = question.template;
        let queue = self.queue_id(upstream, &question.queue).await?;
        let status = api::queue_status(upstream, &queue).await?;
        if status.closed {
            return Ok(closed(status));
        }
        let agents = api::agents(upstream, &queue).await?;
        read_statuses(upstream, &queue, agents, status.sent_at, need).await
    }
}

impl PortSip {
    /// The id of a queue. An extension number is looked up once and remembered.
    async fn queue_id(&self, upstream: &Upstream, queue: &str) -> Result<String, Failure> {
        if queue.is_empty() || !queue.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(queue.to_owned());
        }
        let key = (upstream.url(&[]).to_string(), queue.to_owned());
        let known = self.queue_ids.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(id) = known {
            return Ok(id);
        }
        let id = api::find_queue(upstream, queue).await?;
        self.queue_ids.lock().unwrap_or_else(PoisonError::into_inner).insert(key, id.clone());
        Ok(id)
    }
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

/// Merges each agent's status into the list, in its order, and stops once nothing unread can change the outcome.
async fn read_statuses(
    upstream: &Upstream,
    queue: &str,
    agents: api::AgentList,
    observed_at: SystemTime,
    need: &Need<'_>,
) -> Result<Snapshot, Failure> {
    let total = agents.items.len();
    let mut snapshot = Snapshot {
        counts: Counts::default(),
        document: Document::new(agents.envelope, Some(api::LIST), agents.text),
        queue_closed: false,
        observed_at,
        warnings: Vec::new(),
        unread_because: None,
    };
    let mut merged = 0;
    let mut answers = stream::iter(agents.items)
        .map(|agent| async move { api::with_status(upstream, queue, agent).await })
        .buffered(AGENTS_AT_ONCE);
    loop {
        let unread = u64::try_from(total - merged).unwrap_or(u64::MAX);
        snapshot.document.unread = if unread == 0 { Unread::Nothing } else { Unread::AtMost(unread) };
        snapshot.counts = mapping::counts(&snapshot.document);
        if unread == 0 || need.is_settled_by(&snapshot) {
            break;
        }
        match answers.next().await {
            Some(Ok(agent)) => match snapshot.document.records_mut() {
                Some(records) => records.push(agent),
                None => return Err(unexpected("the agent list has no items")),
            },
            // The agents behind this one may still settle the matter; this one stays unread.
            Some(Err(failure)) if snapshot.unread_because.is_none() => snapshot.unread_because = Some(failure),
            Some(Err(_)) => {}
            None => break,
        }
        merged = snapshot.document.records().map_or(0, <[Value]>::len);
    }
    drop(answers);
    // `raw` means what a person would see: the merged list, since no single answer has it.
    snapshot.document.pages = vec![python_json(snapshot.document.root())];
    Ok(snapshot)
}
