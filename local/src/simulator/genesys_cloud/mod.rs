//! Genesys Cloud: queue members, agent counts and queue observations.
//!
//! # Dialects
//! The documented members list carries `total`, `pageCount` and `lastUri`, and of a user only what the guide prints; the real
//! one has none of the three, carries the whole user, and is compact. Everything else is the same in both.
//!
//! # Simulated
//! - `GET /api/v2/routing/queues/{id}/members` with `presence`, `joined`, `routingStatus`, `name`, `sortOrder`, `expand`,
//!   `pageNumber` and `pageSize`. "Available" is a presence off the queue: who takes calls from it is "On Queue".
//! - `POST /api/v2/analytics/agents/status/counts` by `routingStatus` and `presence`.
//! - `POST /api/v2/analytics/queues/observations/query` for `oOnQueueUsers`, `oOffQueueUsers`, `oMemberUsers`, `oWaiting`
//!   and `oInteracting`; a count of 0 has no row, waiting and interacting aside.
//! - 300 requests a minute for each token.
//! - `POST /oauth/token`, which the real one serves on another host, `login.{region}`: `grant_type=client_credentials` in a
//!   form, with the client's id and secret as HTTP Basic or both in the form, for a token of a day. Its refusals are 400s,
//!   the rate limit's too.

mod analytics;
mod members;
mod oauth;
mod words;

use std::time::Duration;

use serde_json::{Value, json};

use super::control::{Changes, Refusal};
use super::layout::Layout;
use super::quota::{Quota, Usage};
use super::roster::{Member, Queue, Roster};
use super::tokens::Standing;
use super::vocabulary::{Vocabulary, words};
use super::wire::{Answer, Request};
use super::{Clock, Dialect, Failure, Provider, Simulator, Tokens, shown};

use oauth::OAuth;
pub use words::{Presence, RoutingStatus};

const REQUESTS_PER_MINUTE: u64 = 300;

/// A simulated Genesys Cloud organisation.
#[derive(Debug)]
pub struct GenesysCloud {
    dialect: Dialect,
    roster: Roster<QueueState, Agent, Joined>,
    tokens: Tokens,
    clock: Clock,
    quota: Quota,
    oauth: OAuth,
    answered: u64,
}

/// What is known of a queue.
#[derive(Clone, Debug)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Voice callers waiting in it.
    pub waiting: u64,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The user's id, a UUID.
    pub id: String,
    /// The user's name.
    pub name: String,
    /// The presence the person set.
    pub presence: Presence,
    /// The routing status the ACD set.
    pub routing_status: RoutingStatus,
    /// Whether she is joined to the queue she is added to. From then on her membership has it.
    pub joined: bool,
    /// The ids of her skills.
    pub skill_ids: Vec<String>,
}

/// Whether an agent is joined to one queue.
#[derive(Clone, Copy, Debug)]
pub struct Joined(pub bool);

impl Agent {
    /// A joined agent in this presence and routing status.
    #[must_use]
    pub fn new(id: &str, name: &str, presence: Presence, routing_status: RoutingStatus) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), presence, routing_status, joined: true, skill_ids: Vec::new() }
    }

    /// An agent who would get the next call: on queue and idle.
    #[must_use]
    pub fn idle(id: &str, name: &str) -> Self {
        Self::new(id, name, Presence::OnQueue, RoutingStatus::Idle)
    }

    /// An agent on queue with a call, or with its after-call work.
    #[must_use]
    pub fn interacting(id: &str, name: &str) -> Self {
        Self::new(id, name, Presence::OnQueue, RoutingStatus::Interacting)
    }

    /// An agent who is available to colleagues, and off the queue.
    #[must_use]
    pub fn off_queue(id: &str, name: &str) -> Self {
        Self::new(id, name, Presence::Available, RoutingStatus::OffQueue)
    }

    /// The agent without having joined her queue.
    #[must_use]
    pub fn not_joined(mut self) -> Self {
        self.joined = false;
        self
    }

    /// The agent with a skill.
    #[must_use]
    pub fn skill(mut self, id: &str) -> Self {
        self.skill_ids.push(id.to_owned());
        self
    }
}

impl GenesysCloud {
    /// An organisation without queues, agents or tokens.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            roster: Roster::default(),
            tokens: Tokens::default(),
            clock: Clock::system(),
            quota: Quota::new(REQUESTS_PER_MINUTE, Duration::from_mins(1)),
            oauth: OAuth::default(),
            answered: 0,
        }
    }

    /// With a queue, whose id is a UUID.
    #[must_use]
    pub fn queue(mut self, id: &str, name: &str) -> Self {
        let name = name.to_owned();
        self.roster.put_queue(id, QueueState { name, waiting: 0 });
        self
    }

    /// With an agent as a member of a queue, which is added under its id where it is not there yet.
    #[must_use]
    pub fn agent(mut self, queue: &str, agent: Agent) -> Self {
        if self.roster.queue(queue).is_none() {
            self = self.queue(queue, queue);
        }
        let (id, joined) = (agent.id.clone(), Joined(agent.joined));
        self.roster.put_member(queue, &id, agent, joined);
        self
    }

    /// With so many voice callers waiting in a queue.
    #[must_use]
    pub fn waiting(mut self, queue: &str, callers: u64) -> Self {
        if let Some(queue) = self.roster.queue_mut(queue) {
            queue.about.waiting = callers;
        }
        self
    }

    /// With an access token that does not end.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.tokens.accept(token);
        self
    }

    /// With another clock than the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// With so many requests a minute for each token.
    #[must_use]
    pub fn requests_per_minute(mut self, limit: u64) -> Self {
        self.quota.set_limit(limit);
        self
    }

    /// Serves the organisation on a port that the system picks.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(self) -> std::io::Result<Simulator<Self>> {
        Simulator::start(self).await
    }

    /// Queues and agents.
    pub fn roster(&mut self) -> &mut Roster<QueueState, Agent, Joined> {
        &mut self.roster
    }

    fn route(&mut self, request: &Request) -> Answer {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let resource = match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["oauth", "token"]) => return self.grant(request),
            (_, ["api", "v2", resource @ ..]) => resource,
            _ => return self.failure(Failure::NotFound),
        };
        let usage = match self.admit(request) {
            Ok(usage) => usage,
            Err(refused) => return refused,
        };
        let answer = match (request.method.as_str(), resource) {
            ("GET", ["routing", "queues", queue, "members"]) => self.members(queue, request),
            ("POST", ["analytics", "agents", "status", "counts"]) => self.agent_counts(request),
            ("POST", ["analytics", "queues", "observations", "query"]) => self.observations(request),
            _ => self.failure(Failure::NotFound),
        };
        with_usage(answer, usage)
    }

    fn admit(&mut self, request: &Request) -> Result<Usage, Answer> {
        let Some(token) = request.credential("bearer").map(str::to_owned) else {
            let message = "No authentication bearer token specified in authorization header.";
            return Err(self.error(401, "authentication.required", message));
        };
        let now = self.clock.now();
        match self.tokens.standing(&token, now) {
            Standing::Accepted => {}
            Standing::Denied(_) => return Err(self.failure(Failure::Forbidden)),
            Standing::Expired | Standing::Unknown => {
                return Err(self.failure(Failure::Unauthorized));
            }
        }
        let usage = self.quota.take(&token, now);
        if usage.is_exceeded() {
            let refused = self.failure(Failure::RateLimited { retry_after_seconds: usage.resets_in_seconds });
            return Err(with_usage(refused, usage));
        }
        Ok(usage)
    }

    fn error(&self, status: u16, code: &str, message: &str) -> Answer {
        let document = json!({
            "message": message,
            "code": code,
            "status": status,
            "contextId": self.correlation_id(),
            "details": [],
            "errors": [],
        });
        Answer::json(status, &document, Layout::Compact)
    }

    /// The same in an answer's header and in its error body.
    fn correlation_id(&self) -> String {
        format!("f3ac4404-283d-4d98-8b70-{:012x}", self.answered)
    }

    fn shown_queue(&self, queue: &Queue<QueueState, Joined>) -> Value {
        let agents = self.roster.members(queue).map(shown_member);
        json!({
            "id": queue.id,
            "name": queue.about.name,
            "waiting": queue.about.waiting,
            "agents": agents.collect::<Vec<_>>(),
        })
    }
}

impl Provider for GenesysCloud {
    const NAME: &'static str = "genesys-cloud";

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
        self.answered += 1;
        self.route(request)
            .header("ININ-Correlation-Id", &self.correlation_id())
            .header("Strict-Transport-Security", "max-age=600; includeSubDomains")
            .header("Cache-Control", "no-cache, no-store, must-revalidate")
            .header("Pragma", "no-cache")
            .header("Expires", "0")
    }

    fn failure(&mut self, failure: Failure) -> Answer {
        let answer = match failure {
            Failure::Unauthorized => {
                self.error(401, "bad.credentials", "Invalid login credentials.")
            }
            Failure::Forbidden => self.error(
                403,
                "missing.any.permissions",
                "Unable to perform the requested action. You must have at least one of the following permissions assigned: [routing:queue:view]",
            ),
            Failure::NotFound => {
                self.error(404, "not.found", "The requested resource was not found.")
            }
            Failure::RateLimited {
                retry_after_seconds: seconds,
            } => {
                let message = format!(
                    "Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds"
                );
                self.error(429, "too.many.requests.retry.after", &message)
                    .number("Retry-After", seconds)
            }
            Failure::Internal => self.error(
                500,
                "internal.server.error",
                "The server encountered an unexpected condition which prevented it from fulfilling the request.",
            ),
            Failure::Unavailable => self.error(
                503,
                "service.unavailable",
                "Service Unavailable - The server is currently unavailable (because it is overloaded or down for maintenance).",
            ),
            Failure::TimedOut => self.error(504, "request.timeout", "The request timed out."),
        };
        answer.header("ININ-Correlation-Id", &self.correlation_id())
    }

    fn failure_of(&mut self, request: &Request, failure: Failure) -> Answer {
        if request.segments() == ["oauth", "token"] { self.grant_failure(failure) } else { self.failure(failure) }
    }

    fn state(&self) -> Value {
        let queues = self.roster.queues().map(|queue| self.shown_queue(queue));
        json!({
            "issued_tokens": self.oauth.issued(),
            "queues": queues.collect::<Vec<_>>(),
            "allowed": {
                "presence": words::<Presence>(),
                "routingStatus": words::<RoutingStatus>(),
            },
        })
    }

    /// Fields: `presence`, `routingStatus`, `joined`. A presence alone carries the routing status along: on queue an agent
    /// begins idle, and off it her status is `OFF_QUEUE`.
    fn set_agent(&mut self, queue: &str, id: &str, change: &Value) -> Result<Value, Refusal> {
        let (mut agent, mut joined) = self.roster.require_member(queue, id)?;
        let changes = Changes::of(change, &["presence", "routingStatus", "joined"])?;
        if let Some(presence) = changes.word::<Presence>("presence")? {
            let is_off = agent.routing_status == RoutingStatus::OffQueue;
            agent.presence = presence;
            agent.routing_status = match presence {
                Presence::OnQueue if is_off => RoutingStatus::Idle,
                Presence::OnQueue => agent.routing_status,
                _ => RoutingStatus::OffQueue,
            };
        }
        let status = changes.word("routingStatus")?;
        agent.routing_status = status.unwrap_or(agent.routing_status);
        joined.0 = changes.flag("joined")?.unwrap_or(joined.0);
        let state = shown_member(Member { id, agent: &agent, membership: &joined });
        self.roster.replace_member(queue, id, agent, joined);
        Ok(state)
    }

    /// Field: `waiting`.
    fn set_queue(&mut self, queue: &str, change: &Value) -> Result<Value, Refusal> {
        self.roster.require_queue(queue)?;
        let waiting = Changes::of(change, &["waiting"])?.number("waiting")?;
        if let (Some(queue), Some(waiting)) = (self.roster.queue_mut(queue), waiting) {
            queue.about.waiting = waiting;
        }
        Ok(self.shown_queue(self.roster.require_queue(queue)?))
    }
}

fn with_usage(answer: Answer, usage: Usage) -> Answer {
    answer
        .number("inin-ratelimit-count", usage.used)
        .number("inin-ratelimit-allowed", usage.limit)
        .number("inin-ratelimit-reset", usage.resets_in_seconds)
}

fn shown_member(member: Member<'_, Agent, Joined>) -> Value {
    let state = json!({
        "presence": member.agent.presence.word(),
        "routingStatus": member.agent.routing_status.word(),
        "joined": member.membership.0,
    });
    shown(member.id, &member.agent.name, state)
}

/// Whether a text is a UUID in its usual form.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
