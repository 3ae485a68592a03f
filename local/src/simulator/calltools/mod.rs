//! CallTools: the agent statuses of a queue, as pages of a Django REST framework list.
//!
//! # Dialects
//! Both have the same envelope, filters, limits and errors. The documented records carry what the guides name; the real ones
//! also carry the phone, the live calls and the campaign. No schema is public, so any other field may exist.
//!
//! # Simulated
//! `GET /api/agentstatuses/` with `queue` (id or name), `agent_status_id`, `ready`, `page` and `page_size`; unknown parameters
//! are ignored, as Django's filters do. 1000 requests an hour for each key. Keys do not end by themselves.

mod list;

use std::time::Duration;

use serde_json::{Value, json};

use super::control::{Changes, Refusal};
use super::layout::Layout;
use super::quota::{Quota, Usage};
use super::roster::{Member, Queue, Roster};
use super::tokens::Standing;
use super::wire::{Answer, Request};
use super::{Clock, Dialect, Failure, Provider, Simulator, Tokens, shown};

/// The id of the status "Available" in every simulated account.
pub const AVAILABLE: u64 = 20_561;

/// The statuses an account begins with: id, name, and whether an agent in it can take calls.
const STATUSES: &[(u64, &str, bool)] = &[
    (AVAILABLE, "Available", true),
    (20_562, "Break", false),
    (20_563, "Lunch", false),
    (20_564, "Wrap Up", false),
    (20_565, "Meeting", false),
];

const REQUESTS_PER_HOUR: u64 = 1_000;

/// A simulated CallTools account.
#[derive(Debug)]
pub struct CallTools {
    dialect: Dialect,
    statuses: Vec<Status>,
    roster: Roster<String, Agent, QueueLogin>,
    tokens: Tokens,
    clock: Clock,
    quota: Quota,
}

/// A status of the account.
#[derive(Clone, Debug)]
struct Status {
    id: u64,
    name: String,
    takes_calls: bool,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// `app_user`.
    pub id: u64,
    /// `full_name`.
    pub name: String,
    /// `agent_status`: an id from the account's statuses.
    pub status_id: u64,
    /// `ready`: the platform would send a call now.
    pub ready: bool,
    /// `logged_in`.
    pub logged_in: bool,
    /// `queue_logged_in` in the queue she is added to. From then on her membership has it.
    pub queue_logged_in: bool,
    /// `live_calls_count`.
    pub live_calls_count: u64,
}

/// Whether an agent is logged in to one queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueLogin(pub bool);

impl Agent {
    /// An agent who is available, ready, and logged in to her queue.
    #[must_use]
    pub fn ready(id: u64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            status_id: AVAILABLE,
            ready: true,
            logged_in: true,
            queue_logged_in: true,
            live_calls_count: 0,
        }
    }

    /// An agent on a call: available by her status, and not ready.
    #[must_use]
    pub fn on_call(id: u64, name: &str) -> Self {
        Self { ready: false, live_calls_count: 1, ..Self::ready(id, name) }
    }

    /// An agent in a status of this id, not ready.
    #[must_use]
    pub fn away(id: u64, name: &str, status_id: u64) -> Self {
        Self { status_id, ready: false, ..Self::ready(id, name) }
    }
}

impl CallTools {
    /// An account without queues, agents or keys, and with five statuses: Available, Break, Lunch, Wrap Up, Meeting.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let statuses =
            STATUSES.iter().map(|&(id, name, takes_calls)| Status { id, name: name.to_owned(), takes_calls });
        Self {
            dialect,
            statuses: statuses.collect(),
            roster: Roster::default(),
            tokens: Tokens::default(),
            clock: Clock::system(),
            quota: Quota::new(REQUESTS_PER_HOUR, Duration::from_hours(1)),
        }
    }

    /// With a queue.
    #[must_use]
    pub fn queue(mut self, id: &str, name: &str) -> Self {
        self.roster.put_queue(id, name.to_owned());
        self
    }

    /// With an agent as a member of a queue, which is added under its id where it is not there yet.
    #[must_use]
    pub fn agent(mut self, queue: &str, agent: Agent) -> Self {
        if self.roster.queue(queue).is_none() {
            self.roster.put_queue(queue, queue.to_owned());
        }
        let (id, login) = (agent.id.to_string(), QueueLogin(agent.queue_logged_in));
        self.roster.put_member(queue, &id, agent, login);
        self
    }

    /// With a status beside those an account begins with.
    #[must_use]
    pub fn status(mut self, id: u64, name: &str, takes_calls: bool) -> Self {
        let name = name.to_owned();
        self.statuses.push(Status { id, name, takes_calls });
        self
    }

    /// With an API key.
    #[must_use]
    pub fn token(self, key: &str) -> Self {
        self.tokens.accept(key);
        self
    }

    /// With another clock than the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// With so many requests an hour for each key.
    #[must_use]
    pub fn requests_per_hour(mut self, limit: u64) -> Self {
        self.quota.set_limit(limit);
        self
    }

    /// Serves the account on a port that the system picks.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(self) -> std::io::Result<Simulator<Self>> {
        Simulator::start(self).await
    }

    /// Queues and agents.
    pub fn roster(&mut self) -> &mut Roster<String, Agent, QueueLogin> {
        &mut self.roster
    }

    fn status_name(&self, id: u64) -> Option<&str> {
        let status = self.statuses.iter().find(|status| status.id == id);
        status.map(|status| status.name.as_str())
    }

    fn takes_calls(&self, id: u64) -> bool {
        self.statuses.iter().any(|status| status.id == id && status.takes_calls)
    }

    /// Refuses who has no good key, in the order in which the framework checks.
    fn admit(&mut self, request: &Request) -> Result<(), Answer> {
        let key = request.credential("token").map(str::to_owned);
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Err(unauthorized("Authentication credentials were not provided."));
        };
        if key.contains(' ') {
            let message = "Invalid token header. Token string should not contain spaces.";
            return Err(unauthorized(message));
        }
        let now = self.clock.now();
        match self.tokens.standing(&key, now) {
            Standing::Accepted => {}
            Standing::Denied(_) => return Err(self.failure(Failure::Forbidden)),
            Standing::Expired | Standing::Unknown => {
                return Err(self.failure(Failure::Unauthorized));
            }
        }
        let usage: Usage = self.quota.take(&key, now);
        if usage.is_exceeded() {
            let retry_after_seconds = usage.resets_in_seconds;
            return Err(self.failure(Failure::RateLimited { retry_after_seconds }));
        }
        Ok(())
    }

    fn status_of(&self, value: &Value) -> Option<u64> {
        let is_meant = |status: &&Status| match value {
            Value::String(name) => status.name.eq_ignore_ascii_case(name.trim()),
            other => other.as_u64() == Some(status.id),
        };
        self.statuses.iter().find(is_meant).map(|status| status.id)
    }

    fn status_names(&self) -> Vec<String> {
        self.statuses.iter().map(|status| status.name.clone()).collect()
    }

    fn shown_queue(&self, queue: &Queue<String, QueueLogin>) -> Value {
        let members = self.roster.members(queue).map(|member| self.shown_member(member));
        json!({ "id": queue.id, "name": queue.about, "agents": members.collect::<Vec<_>>() })
    }

    fn shown_member(&self, member: Member<'_, Agent, QueueLogin>) -> Value {
        let agent = member.agent;
        let state = json!({
            "status": self.status_name(agent.status_id),
            "ready": agent.ready,
            "logged_in": agent.logged_in,
            "queue_logged_in": member.membership.0,
            "live_calls_count": agent.live_calls_count,
        });
        shown(member.id, &agent.name, state)
    }
}

impl Provider for CallTools {
    const NAME: &'static str = "calltools";

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn answer(&mut self, request: &Request) -> Answer {
        match request.path.as_str() {
            "/api/agentstatuses/" => {}
            "/api/agentstatuses" => {
                let query = Some(request.query.as_str()).filter(|query| !query.is_empty());
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                let moved = format!("/api/agentstatuses/{query}");
                return Answer::empty(301).header("Location", &moved);
            }
            _ => return self.failure(Failure::NotFound),
        }
        if let Err(refused) = self.admit(request) {
            return refused;
        }
        if request.method != "GET" {
            let message = format!("Method \"{}\" not allowed.", request.method);
            return detail(405, &message).header("Allow", "GET, HEAD, OPTIONS");
        }
        self.list(request)
    }

    fn failure(&mut self, failure: Failure) -> Answer {
        match failure {
            Failure::Unauthorized => unauthorized("Invalid token."),
            Failure::Forbidden => detail(403, "You do not have permission to perform this action."),
            Failure::NotFound => detail(404, "Not found."),
            Failure::RateLimited { retry_after_seconds: seconds } => {
                let message = format!("Request was throttled. Expected available in {seconds} seconds.");
                detail(429, &message).number("Retry-After", seconds)
            }
            Failure::Internal => Answer::text(500, "text/html", "<h1>Server Error (500)</h1>".to_owned()),
            // Both come from the edge, which does not speak JSON.
            Failure::Unavailable => Answer::text(503, "text/plain", "error code: 503"),
            Failure::TimedOut => Answer::text(504, "text/plain", "error code: 504"),
        }
    }

    fn state(&self) -> Value {
        let queues = self.roster.queues().map(|queue| self.shown_queue(queue));
        json!({
            "queues": queues.collect::<Vec<_>>(),
            "allowed": { "status": self.status_names() },
        })
    }

    /// Fields: `status` (a name or an id), `ready`, `logged_in`, `queue_logged_in`, `live_calls_count`. Where `ready` is not
    /// among them it follows from the others, as it does on the platform.
    fn set_agent(&mut self, queue: &str, id: &str, change: &Value) -> Result<Value, Refusal> {
        let known = ["status", "ready", "logged_in", "queue_logged_in", "live_calls_count"];
        let (mut agent, mut login) = self.roster.require_member(queue, id)?;
        let changes = Changes::of(change, &known)?;
        let status = changes.read("status", self.status_names(), |value| self.status_of(value))?;
        agent.status_id = status.unwrap_or(agent.status_id);
        agent.logged_in = changes.flag("logged_in")?.unwrap_or(agent.logged_in);
        let live = changes.number("live_calls_count")?;
        agent.live_calls_count = live.unwrap_or(agent.live_calls_count);
        login.0 = changes.flag("queue_logged_in")?.unwrap_or(login.0);
        let can_take = self.takes_calls(agent.status_id) && agent.logged_in && agent.live_calls_count == 0;
        agent.ready = changes.flag("ready")?.unwrap_or(can_take);
        let state = self.shown_member(Member { id, agent: &agent, membership: &login });
        self.roster.replace_member(queue, id, agent, login);
        Ok(state)
    }

    /// A queue has nothing to change here.
    fn set_queue(&mut self, queue: &str, _change: &Value) -> Result<Value, Refusal> {
        self.roster.require_queue(queue)?;
        let message = "a CallTools queue has no state of its own: change its agents";
        Err(Refusal::invalid(message, Vec::new()))
    }
}

fn reply(status: u16, document: &Value) -> Answer {
    Answer::json(status, document, Layout::Compact)
}

fn detail(status: u16, message: &str) -> Answer {
    reply(status, &json!({ "detail": message }))
}

fn unauthorized(message: &str) -> Answer {
    detail(401, message).header("WWW-Authenticate", "Token")
}
