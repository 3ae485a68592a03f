//! Counts of agents by status, and observations of queues.

use serde_json::{Value, json};

use super::super::document::{list, set, text};
use super::super::layout::Layout;
use super::super::roster::{Member, Queue};
use super::super::vocabulary::Vocabulary;
use super::super::wire::{Answer, Request};
use super::{Agent, GenesysCloud, Joined, Presence, QueueState, RoutingStatus, is_uuid};

/// What can be asked of a queue.
const METRICS: &[&str] = &[
    "oActiveUsers",
    "oInteracting",
    "oMemberUsers",
    "oOffQueueUsers",
    "oOnQueueUsers",
    "oUserPresences",
    "oUserRoutingStatuses",
    "oWaiting",
];

impl GenesysCloud {
    pub(super) fn agent_counts(&mut self, request: &Request) -> Answer {
        let Some(query) = request.json().filter(Value::is_object) else {
            return self.error(400, "bad.request", "The request could not be understood.");
        };
        let filter = query.get("userFilter");
        let mut counted = Vec::new();
        for (id, agent) in self.roster.agents() {
            match filter.map_or(Ok(true), |filter| self.matches(id, agent, filter)) {
                Ok(true) => counted.push(agent),
                Ok(false) => {}
                Err(message) => return self.error(400, "invalid.value", &message),
            }
        }
        let group_by = request.list("groupBy");
        let mut document = json!({});
        if group_by.is_empty() || group_by.contains(&"segmentType") {
            set(&mut document, "segmentCounts", json!([]));
        }
        if group_by.contains(&"presence") {
            let rows = rows(
                &counted,
                |agent| agent.presence,
                |presence, count| {
                    json!({
                        "systemPresence": presence.analytics_word(),
                        "organizationPresenceId": presence.definition_id(),
                        "count": count,
                    })
                },
            );
            set(&mut document, "presenceCounts", json!(rows));
        }
        if group_by.contains(&"routingStatus") {
            let rows = rows(
                &counted,
                |agent| agent.routing_status,
                |status, count| json!({ "routingStatus": status.word(), "count": count }),
            );
            set(&mut document, "routingStatusCounts", json!(rows));
        }
        Answer::json(200, &document, Layout::Compact)
    }

    /// Whether an agent passes a filter of predicates and, one level down, clauses.
    fn matches(&self, id: &str, agent: &Agent, filter: &Value) -> Result<bool, String> {
        let mut outcomes = Vec::new();
        for predicate in list(filter, "predicates") {
            outcomes.push(self.holds(id, agent, predicate)?);
        }
        for clause in list(filter, "clauses") {
            outcomes.push(self.matches(id, agent, clause)?);
        }
        match text(filter, "type") {
            "and" => Ok(outcomes.iter().all(|outcome| *outcome)),
            "or" => Ok(outcomes.iter().any(|outcome| *outcome)),
            _ => Err("a filter's type is `and` or `or`".to_owned()),
        }
    }

    fn holds(&self, id: &str, agent: &Agent, predicate: &Value) -> Result<bool, String> {
        let value = text(predicate, "value");
        let membership = |queue: &str| {
            let queue = self.roster.queue(queue)?;
            let mut members = self.roster.members(queue);
            members.find(|member| member.id == id).map(|member| member.membership.0)
        };
        match text(predicate, "dimension") {
            "queueId" => Ok(membership(value).is_some()),
            "activeQueueId" => Ok(membership(value) == Some(true)),
            "inactiveQueueId" => Ok(membership(value) == Some(false)),
            "userId" => Ok(id == value),
            "assignedSkillId" => Ok(agent.skill_ids.iter().any(|skill| skill == value)),
            "systemPresence" => Ok(agent.presence.analytics_word() == value),
            "organizationPresenceId" => Ok(agent.presence.definition_id() == value),
            "routingStatus" => Ok(agent.routing_status.word() == value),
            other => Err(format!("the dimension [{other}] is not simulated")),
        }
    }

    pub(super) fn observations(&mut self, request: &Request) -> Answer {
        let query = request.json().unwrap_or_default();
        let filter = query.get("filter").filter(|filter| filter.is_object());
        let metrics = query.get("metrics").and_then(Value::as_array);
        let (Some(filter), Some(metrics)) = (filter, metrics) else {
            let message = "filter and metrics are required";
            return self.error(400, "constraint.validation", message);
        };
        let metrics: Vec<&str> = metrics.iter().filter_map(Value::as_str).collect();
        if let Some(metric) = metrics.iter().find(|metric| !METRICS.contains(metric)) {
            return self.error(400, "invalid.value", &format!("there is no metric [{metric}]"));
        }
        let ids = queue_ids(filter);
        if ids.iter().any(|id| !is_uuid(id)) {
            let message = "A non-UUID value was specified for an ID field.";
            return self.error(400, "invalid.id", message);
        }
        let queues = self.roster.queues().filter(|queue| ids.contains(&queue.id));
        let results = queues.flat_map(|queue| self.observed(queue, &metrics));
        let document = json!({
            "systemToOrganizationMappings": {
                "ON_QUEUE": [Presence::OnQueue.definition_id()],
                "AVAILABLE": [Presence::Available.definition_id()],
            },
            "results": results.collect::<Vec<_>>(),
        });
        Answer::json(200, &document, Layout::Compact)
    }

    /// A group of the queue's agents, without `data` where there is nothing to count, and one of its voice interactions.
    fn observed(&self, queue: &Queue<QueueState, Joined>, metrics: &[&str]) -> Vec<Value> {
        let joined = self.roster.members(queue).filter(|member| member.membership.0);
        let joined: Vec<Member<'_, Agent, Joined>> = joined.collect();
        let (on, off): (Vec<&Agent>, Vec<&Agent>) =
            joined.iter().map(|member| member.agent).partition(|agent| agent.presence == Presence::OnQueue);
        let all: Vec<&Agent> = joined.iter().map(|member| member.agent).collect();
        let by_status = |metric: &str, agents: &[&Agent]| {
            rows(agents, |agent| agent.routing_status, |status, count| row(metric, Some(status.word()), count))
        };
        let by_presence = |metric: &str, agents: &[&Agent]| {
            rows(agents, |agent| agent.presence, |presence, count| row(metric, Some(presence.definition_id()), count))
        };
        let (mut people, mut voice) = (Vec::new(), Vec::new());
        for metric in metrics {
            match *metric {
                "oOnQueueUsers" => people.extend(by_status(metric, &on)),
                "oUserRoutingStatuses" => people.extend(by_status(metric, &all)),
                "oOffQueueUsers" => people.extend(by_presence(metric, &off)),
                "oUserPresences" => people.extend(by_presence(metric, &all)),
                "oMemberUsers" => {
                    let count = self.roster.members(queue).count();
                    people.push(row(metric, None, count));
                }
                "oActiveUsers" => people.push(row(metric, None, all.len())),
                "oWaiting" => voice.push(row(metric, None, queue.about.waiting)),
                _ => {
                    let is_busy = |agent: &&&Agent| agent.routing_status == RoutingStatus::Interacting;
                    voice.push(row(metric, None, on.iter().filter(is_busy).count()));
                }
            }
        }
        let mut groups = vec![json!({ "group": { "queueId": queue.id } })];
        if let (Some(group), false) = (groups.first_mut(), people.is_empty()) {
            set(group, "data", json!(people));
        }
        if !voice.is_empty() {
            let group = json!({ "queueId": queue.id, "mediaType": "voice" });
            groups.push(json!({ "group": group, "data": voice }));
        }
        groups
    }
}

fn row(metric: &str, qualifier: Option<&str>, count: impl serde::Serialize) -> Value {
    let mut row = json!({ "metric": metric });
    if let Some(qualifier) = qualifier {
        set(&mut row, "qualifier", json!(qualifier));
    }
    set(&mut row, "stats", json!({ "count": count }));
    row
}

/// One row for each word that somebody is in; nobody, no row.
fn rows<V: Vocabulary>(agents: &[&Agent], word: impl Fn(&Agent) -> V, row: impl Fn(V, usize) -> Value) -> Vec<Value> {
    let counts = V::WORDS.iter().map(|(value, _)| {
        let count = agents.iter().filter(|agent| word(agent) == *value).count();
        (*value, count)
    });
    counts.filter(|(_, count)| *count > 0).map(|(value, count)| row(value, count)).collect()
}

/// The queues a filter names, wherever in it.
fn queue_ids(filter: &Value) -> Vec<String> {
    let predicates = list(filter, "predicates");
    let named = predicates.filter(|predicate| text(predicate, "dimension") == "queueId");
    let named = named.map(|predicate| text(predicate, "value").to_owned());
    named.chain(list(filter, "clauses").flat_map(queue_ids)).collect()
}
