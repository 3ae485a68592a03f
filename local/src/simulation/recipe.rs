//! What a check asks of each provider, and the answer in the provider's own words: the recipe that is right on its API.

use std::future::Future;
use std::time::{Duration, SystemTime};

use callgate::criteria::Interval;
use callgate::failure::Failure;
use callgate::need::Need;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::Plan;
use callgate::snapshot::{Counts, Document, Snapshot, Unread};
use serde_json::{Value, json};

use super::provider::Line;

/// A provider whose recipe is simulated.
pub(super) trait Recipe: Provider {
    /// Its name.
    const TEMPLATE: &'static str;

    /// The options it is run with.
    fn asked_with() -> Value {
        json!({})
    }

    /// The most requests that one answer takes in a queue of so many agents.
    fn requests(agents: u32) -> u32;

    /// Asks. `lists_agents`: whether the list of a queue's agents is read, where it is remembered between checks.
    fn ask(
        line: &Line<'_>,
        plan: &Plan<Self>,
        queue: usize,
        lists_agents: bool,
        need: &Need<'_>,
    ) -> impl Future<Output = Result<Snapshot, Failure>> + Send
    where
        Self: Sized;
}

/// An instance reads who belongs to a queue again after this.
pub(super) const AGENTS_REMEMBERED: Duration = Duration::from_mins(2);

impl Recipe for CallTools {
    const TEMPLATE: &'static str = "ready_agents";

    fn asked_with() -> Value {
        json!({"agent_status_id": 1, "ready": true})
    }

    fn requests(_: u32) -> u32 {
        1
    }

    async fn ask(line: &Line<'_>, plan: &Plan<Self>, queue: usize, _: bool, _: &Need<'_>) -> Result<Snapshot, Failure> {
        let (free, sent_at) = line.send(1, queue, count).await.all()?;
        let first = (free > 0).then(|| json!({"agent_status": 1, "ready": true, "live_calls_count": 0}));
        let page: Vec<Value> = first.into_iter().collect();
        let root = json!({"count": free, "next": null, "previous": null, "results": page});
        Ok(snapshot(plan, root, Unread::Nothing, sent_at))
    }
}

impl Recipe for GenesysCloud {
    const TEMPLATE: &'static str = "on_queue_idle";

    fn requests(_: u32) -> u32 {
        1
    }

    async fn ask(line: &Line<'_>, plan: &Plan<Self>, queue: usize, _: bool, _: &Need<'_>) -> Result<Snapshot, Failure> {
        let (free, sent_at) = line.send(1, queue, count).await.all()?;
        // Nobody: no row.
        let row = (free > 0).then(|| json!({"routingStatus": "IDLE", "count": free}));
        let rows: Vec<Value> = row.into_iter().collect();
        Ok(snapshot(plan, json!({"routingStatusCounts": rows}), Unread::Nothing, sent_at))
    }
}

impl Recipe for RingCentral {
    const TEMPLATE: &'static str = "ready_agents";

    /// The queue's members, then the presence of thirty of them at a time.
    fn requests(agents: u32) -> u32 {
        1 + agents.div_ceil(PRESENCES_AT_ONCE)
    }

    async fn ask(
        line: &Line<'_>,
        plan: &Plan<Self>,
        queue: usize,
        _: bool,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let (members, sent_at) = line.send(1, queue, <[bool]>::len).await.all()?;
        let at_once = usize::try_from(PRESENCES_AT_ONCE).unwrap_or(usize::MAX);
        let mut known = Vec::new();
        let mut seen = members_seen(plan, &known, members, sent_at);
        while known.len() < members && !need.is_settled_by(&seen) {
            let range = known.len()..(known.len() + at_once).min(members);
            let batch = line.send(1, queue, |shown| shown.get(range).map(<[bool]>::to_vec)).await.all();
            match batch {
                Ok((batch, _)) => known.extend(batch.into_iter().flatten()),
                Err(failure) => {
                    seen.unread_because = Some(failure);
                    break;
                }
            }
            seen = members_seen(plan, &known, members, sent_at);
        }
        Ok(seen)
    }
}

/// The members whose presence is known; the others are unread.
fn members_seen(plan: &Plan<RingCentral>, known: &[bool], members: usize, sent_at: SystemTime) -> Snapshot {
    let record = |(at, is_free): (usize, &bool)| {
        json!({
            "member": {"id": (at + 1).to_string()},
            "acceptQueueCalls": true,
            "acceptCurrentQueueCalls": true,
            "telephonyStatus": if *is_free { "NoCall" } else { "CallConnected" },
            "userStatus": "Available",
            "dndStatus": "TakeAllCalls",
        })
    };
    let records: Vec<Value> = known.iter().enumerate().map(record).collect();
    let mut seen = snapshot(plan, json!({"records": records}), unread(members - known.len()), sent_at);
    // The recipe's own counts are those of a list that was read whole.
    let more = i64::try_from(members - known.len()).unwrap_or(i64::MAX);
    let Counts { available, on_call, not_ready, .. } = &mut seen.counts;
    for count in [available, on_call, not_ready].into_iter().flatten() {
        *count = Interval { low: count.low, high: Some(count.low.saturating_add(more)) };
    }
    seen
}

impl Recipe for PortSip {
    const TEMPLATE: &'static str = "queue_agents";

    /// The queue's status, the list of its agents, and each agent's status.
    fn requests(agents: u32) -> u32 {
        2 + agents
    }

    async fn ask(
        line: &Line<'_>,
        plan: &Plan<Self>,
        queue: usize,
        lists_agents: bool,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let first = line.send(1 + u32::from(lists_agents), queue, <[bool]>::len).await;
        let (agents, sent_at) = first.all()?;
        let mut seen = snapshot(plan, json!({"items": []}), unread(agents), sent_at);
        let mut known = 0;
        while known < agents && !need.is_settled_by(&seen) {
            let together = u32::try_from(agents - known).unwrap_or(u32::MAX).min(AGENTS_AT_ONCE);
            let batch = line.send(together, queue, <[bool]>::to_vec).await;
            let answered = usize::try_from(batch.answered).unwrap_or_default();
            let shown = batch.look.unwrap_or_default();
            let read = shown.iter().enumerate().skip(known).take(answered).map(agent);
            if let Some(records) = seen.document.records_mut() {
                records.extend(read);
                known = records.len();
            }
            seen.document.unread = unread(agents - known);
            seen.counts = PortSip::counts(plan.question.template, &plan.question.options, &seen.document);
            if let Some(failure) = batch.failure {
                seen.unread_because = Some(failure);
                break;
            }
        }
        seen.document.pages = vec![seen.document.root().to_string().into()];
        Ok(seen)
    }
}

fn agent((at, is_free): (usize, &bool)) -> Value {
    json!({
        "extension_number": (101 + at).to_string(),
        "status": if *is_free { "READY" } else { "QUEUE_CALL" },
    })
}

/// A snapshot as the adapter makes it of such an answer.
fn snapshot<P: Provider>(plan: &Plan<P>, root: Value, unread: Unread, observed_at: SystemTime) -> Snapshot {
    let template = plan.question.template;
    let text = root.to_string();
    let mut document = Document::new(root, P::list_field(template), text);
    document.length_field = P::length_field(template);
    document.unread = unread;
    let counts = P::counts(template, &plan.question.options, &document);
    Snapshot { counts, document, queue_closed: false, observed_at, warnings: Vec::new(), unread_because: None }
}

fn unread(records: usize) -> Unread {
    match u64::try_from(records) {
        Ok(0) => Unread::Nothing,
        Ok(records) => Unread::AtMost(records),
        Err(_) => Unread::Unbounded,
    }
}

fn count(shown: &[bool]) -> usize {
    shown.iter().filter(|is_free| **is_free).count()
}

const PRESENCES_AT_ONCE: u32 = 30;
const AGENTS_AT_ONCE: u32 = 8;
