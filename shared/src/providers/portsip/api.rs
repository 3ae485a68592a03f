//! `PortSIP` on the wire: URLs, bodies and error bodies.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes_utils::Str;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::http::{Answer, Ask, Upstream};
use crate::providers::response::{json, said, status_failure, unexpected};

/// The field with the agents.
pub(super) const LIST: &str = "items";

/// The queue service's own status.
pub(super) struct QueueStatus {
    /// Whether it says that the queue takes no calls.
    pub(super) closed: bool,
    /// The body.
    pub(super) body: Value,
    /// The body as received.
    pub(super) text: Str,
    /// When it was asked for.
    pub(super) sent_at: SystemTime,
}

/// The agents of a queue, without their statuses.
#[derive(Clone, Debug)]
pub(super) struct AgentList {
    /// The answer, its list emptied.
    pub(super) envelope: Value,
    /// The list.
    pub(super) items: Vec<Value>,
}

/// What a PBX says of the callers waiting.
pub(super) enum Waiting {
    /// So many.
    Callers(i64),
    /// It does not serve the list.
    NotServed,
    /// The recipe does not want to know.
    NotAskedFor,
}

const QUEUES_A_PAGE: usize = 100;
const MAX_QUEUES: usize = 2000;

/// The id of the queue with this extension number.
pub(super) async fn find_queue(upstream: &Upstream, extension_number: &str) -> Result<String, Failure> {
    let mut skip = 0;
    while skip < MAX_QUEUES {
        let mut url = upstream.url(&["api", "call_queues"]);
        url.query_pairs_mut().append_pair("skip", &skip.to_string()).append_pair("top", &QUEUES_A_PAGE.to_string());
        let answer = ok(upstream.get(&url).await?)?;
        let (body, _) = json(&answer)?;
        let queues =
            body.get(LIST).and_then(Value::as_array).ok_or_else(|| unexpected("the queue list has no items"))?;
        let found =
            queues.iter().find(|queue| queue.get("extension_number").and_then(Value::as_str) == Some(extension_number));
        if let Some(queue) = found {
            let id = queue.get("id").and_then(Value::as_str);
            return id.map(str::to_owned).ok_or_else(|| unexpected("the queue has no id"));
        }
        if queues.len() < QUEUES_A_PAGE {
            break;
        }
        skip += queues.len();
    }
    Err(Failure::QueueNotFound { said: format!("no queue has the extension number {extension_number}") })
}

/// The queue's own status.
pub(super) async fn queue_status(upstream: &Upstream, queue: &str) -> Result<QueueStatus, Failure> {
    let answer = ok(upstream.get(&upstream.url(&["api", "call_queues", queue, "status"])).await?)?;
    let (body, text) = json(&answer)?;
    let status = body.get("status").and_then(Value::as_str).ok_or_else(|| unexpected("the queue has no status"))?;
    let closed = match status.to_ascii_uppercase().as_str() {
        "ONLINE" => false,
        "OFFLINE" => true,
        _ => return Err(unexpected("the queue's status is neither ONLINE nor OFFLINE")),
    };
    Ok(QueueStatus { closed, text, sent_at: answer.sent_at, body })
}

/// The queue's agents.
pub(super) async fn agents(upstream: &Upstream, queue: &str) -> Result<AgentList, Failure> {
    let answer = ok(upstream.get(&upstream.url(&["api", "call_queues", queue, "agents"])).await?)?;
    let (mut envelope, _) = json(&answer)?;
    let mut items = envelope
        .get_mut(LIST)
        .and_then(Value::as_array_mut)
        .map(std::mem::take)
        .ok_or_else(|| unexpected("the agent list has no items"))?;
    // What a later version may say of statuses in the list is minutes old by the time it is used.
    for agent in items.iter_mut().filter_map(Value::as_object_mut) {
        agent.remove("status");
    }
    Ok(AgentList { envelope, items })
}

/// The callers waiting in the queue.
pub(super) async fn waiting(upstream: &Upstream, queue: &str) -> Result<Waiting, Failure> {
    let answer = upstream.get(&upstream.url(&["api", "call_queues", queue, "waiting"])).await?;
    // Whether the queue itself is known, its status tells.
    if answer.status == 404 {
        return Ok(Waiting::NotServed);
    }
    let (body, _) = json(&ok(answer)?)?;
    let callers =
        body.get(LIST).and_then(Value::as_array).ok_or_else(|| unexpected("the waiting list has no items"))?;
    i64::try_from(callers.len()).map(Waiting::Callers).map_err(|_| unexpected("the waiting list is too long"))
}

/// The status of every agent, by extension number, in one request. `None`: this PBX does not answer it as hoped.
pub(super) async fn all_statuses(
    upstream: &Upstream,
    queue: &str,
    agents: &[Value],
) -> Result<Option<HashMap<String, Value>>, Failure> {
    let numbers: Vec<&Value> = agents.iter().filter_map(|agent| agent.get("extension_number")).collect();
    let url = upstream.url(&["api", "call_queues", queue, "agents", "status", "get_many"]);
    let ask = Ask::query(url, &serde_json::json!({"extension_numbers": numbers}));
    let answer = upstream.send(&ask).await?;
    match answer.status {
        200 => {}
        // Not there, or another form of question wanted.
        400 | 404 | 405 => return Ok(None),
        _ => return Err(failure(&answer)),
    }
    let Ok((body, _)) = json(&answer) else { return Ok(None) };
    let Some(items) = body.as_array().or_else(|| body.get(LIST)?.as_array()) else { return Ok(None) };
    let statuses: HashMap<String, Value> = items
        .iter()
        .filter_map(|item| Some((item.get("extension_number")?.as_str()?.to_owned(), item.get("status")?.clone())))
        .collect();
    // An answer that leaves agents out is none that can be counted on.
    Ok(Some(statuses).filter(|statuses| statuses.len() >= numbers.len()))
}

/// An agent of the list, with what the PBX says of it now merged in.
pub(super) async fn with_status(upstream: &Upstream, queue: &str, mut agent: Value) -> Result<Value, Failure> {
    let listed = agent.as_object_mut().ok_or_else(|| unexpected("an agent in the list is no object"))?;
    let number = listed
        .get("extension_number")
        .and_then(Value::as_str)
        .filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| unexpected("an agent in the list has no extension number"))?;
    let url = upstream.url(&["api", "call_queues", queue, "agents", number]);
    let answer = upstream.get(&url).await?;
    // An agent who has left the queue since the list was read takes no call.
    if answer.status != 404 {
        let (body, _) = json(&ok(answer)?)?;
        let status: Map<String, Value> =
            body.as_object().cloned().ok_or_else(|| unexpected("an agent's answer is no object"))?;
        listed.extend(status);
    }
    Ok(agent)
}

fn ok(answer: Answer) -> Result<Answer, Failure> {
    if answer.status == 200 { Ok(answer) } else { Err(failure(&answer)) }
}

/// What an answer other than 200 means.
fn failure(answer: &Answer) -> Failure {
    let body = json(answer).map(|(body, _)| body).unwrap_or_default();
    let field = |name: &str| body.pointer(&format!("/errors/0/{name}")).and_then(Value::as_str);
    let said = said(&[field("code"), field("message")]);
    match field("code") {
        Some("UNAUTHORIZED") => Failure::AuthExpired { said },
        _ => status_failure(answer, said),
    }
}
