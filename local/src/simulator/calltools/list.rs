//! The list of agent statuses: filters, pages, records.

use serde_json::{Value, json};

use super::super::Dialect;
use super::super::document::set;
use super::super::wire::{Answer, Request, encode};
use super::{Agent, CallTools, detail, reply};

const DEFAULT_PAGE_SIZE: usize = 25;
const MAX_PAGE_SIZE: usize = 250;

impl CallTools {
    pub(super) fn list(&self, request: &Request) -> Answer {
        let records = match self.selected(request) {
            Ok(records) => records,
            Err((field, message)) => return reply(400, &json!({ field: [message] })),
        };
        let size = request.parameter("page_size").and_then(|size| size.parse().ok());
        let size = size.filter(|size| *size > 0).map_or(DEFAULT_PAGE_SIZE, |size: usize| size.min(MAX_PAGE_SIZE));
        let pages = records.len().div_ceil(size).max(1);
        let page = match request.parameter("page") {
            None => Some(1),
            Some("last") => Some(pages),
            Some(page) => page.parse().ok(),
        };
        let Some(page) = page.filter(|page| (1..=pages).contains(page)) else {
            return detail(404, "Invalid page.");
        };
        let next = (page < pages).then(|| link(request, page + 1));
        let previous = (page > 1).then(|| link(request, page - 1));
        let shown = records.iter().skip((page - 1) * size).take(size);
        reply(
            200,
            &json!({
                "count": records.len(),
                "next": next,
                "previous": previous,
                "results": shown.collect::<Vec<_>>(),
            }),
        )
    }

    /// The records that pass the filters, or the field that is wrong and why.
    fn selected(&self, request: &Request) -> Result<Vec<Value>, (&'static str, &'static str)> {
        const NO_CHOICE: &str = "Select a valid choice. That choice is not one of the available choices.";
        let given = |name| request.parameter(name).filter(|value| !value.is_empty());
        let status_id = given("agent_status_id").map(str::parse::<u64>).transpose();
        let status_id = status_id.map_err(|_| ("agent_status_id", "Enter a number."))?;
        // Django's boolean widget takes any other word for no filter at all.
        let ready = given("ready").and_then(|ready| ready.to_ascii_lowercase().parse::<bool>().ok());
        let passes = |agent: &Agent| {
            status_id.is_none_or(|id| id == agent.status_id) && ready.is_none_or(|ready| ready == agent.ready)
        };
        let Some(wanted) = given("queue") else {
            let everyone = self.roster.agents().filter(|(_, agent)| passes(agent));
            let anywhere = everyone.map(|(id, agent)| self.record(agent, self.is_in_any_queue(id)));
            return Ok(anywhere.collect());
        };
        let mut queues = self.roster.queues();
        let queue = queues.find(|queue| queue.id == wanted || queue.about == wanted);
        let queue = queue.ok_or(("queue", NO_CHOICE))?;
        let members = self.roster.members(queue).filter(|member| passes(member.agent));
        Ok(members.map(|member| self.record(member.agent, member.membership.0)).collect())
    }

    fn is_in_any_queue(&self, id: &str) -> bool {
        self.roster.queues().any(|queue| {
            let mut members = self.roster.members(queue);
            members.any(|member| member.id == id && member.membership.0)
        })
    }

    fn record(&self, agent: &Agent, queue_logged_in: bool) -> Value {
        let mut record = json!({
            "app_user": agent.id,
            "full_name": agent.name,
            "agent_status": agent.status_id,
            "status": self.status_name(agent.status_id),
            "ready": agent.ready,
            "logged_in": agent.logged_in,
            "queue_logged_in": queue_logged_in,
        });
        if self.dialect == Dialect::Real {
            let phone = if agent.logged_in { "registered" } else { "unregistered" };
            set(&mut record, "web_phone_status", json!(phone));
            set(&mut record, "live_calls_count", json!(agent.live_calls_count));
            set(&mut record, "live_queue_calls_count", json!(agent.live_calls_count));
            set(&mut record, "campaign_name", Value::Null);
        }
        record
    }
}

/// The absolute address of another page: the request's own, parameters sorted by name, the first page without a number.
fn link(request: &Request, page: usize) -> String {
    let kept = request.parameters().iter().filter(|(name, _)| name != "page");
    let mut parameters: Vec<(String, String)> = kept.cloned().collect();
    if page > 1 {
        parameters.push(("page".to_owned(), page.to_string()));
    }
    parameters.sort_by(|one, other| one.0.cmp(&other.0));
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let query = pairs.collect::<Vec<_>>().join("&");
    let host = request.header("host").unwrap_or("localhost");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("http://{host}{}{mark}{query}", request.path)
}
