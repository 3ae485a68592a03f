//! PortSIP PBX: call queues, their agents one by one, and the callers waiting.
//!
//! # Dialects
//! Both are the same: the printed API is the real one.
//!
//! # Simulated
//! - `GET /api/call_queues` with `skip`, `top` and `search`, and `GET /api/call_queues/{id}`.
//! - `GET /api/call_queues/{id}/status`, `/agents` (without a status), `/agents/{number}` (with it) and `/waiting`, which
//!   older versions do not have.
//! - `POST /api/call_queues/{id}/agents/{number}` to set a status.
//! - 1000 requests a minute for each token; the administrator of a PBX sets more or fewer.
//! - Signing in with a user's name and password, in the form of the PBX's [`Version`]. The domain is not looked at. Every
//!   50th failed sign-in locks signing in, the right password's too, for an hour; tokens are accepted meanwhile.

mod sign_in;
mod words;

use std::time::Duration;

use serde_json::{Value, json};

use super::control::{Changes, Refusal};
use super::document::{set, text};
use super::layout::Layout;
use super::quota::Quota;
use super::roster::{Member, Queue, Roster};
use super::tokens::Standing;
use super::vocabulary::{Vocabulary, words};
use super::wire::{Answer, Request};
use super::{Clock, Dialect, Failure, Provider, Simulator, Tokens, shown};

use sign_in::SignIn;
pub use sign_in::Version;
use words::SETTABLE;
pub use words::{Service, Status};

const REQUESTS_PER_MINUTE: u64 = 1_000;
const MAX_TOP: usize = 100;

/// A simulated PortSIP PBX.
#[derive(Debug)]
pub struct PortSip {
    dialect: Dialect,
    roster: Roster<QueueState, Agent, Status>,
    tokens: Tokens,
    clock: Clock,
    quota: Quota,
    has_waiting_list: bool,
    has_bulk_status: bool,
    sign_in: SignIn,
}

/// What is known of a queue.
#[derive(Clone, Debug)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// The number callers dial for it.
    pub extension_number: String,
    /// Whether the queue service is running.
    pub service: Service,
    /// Callers waiting in it.
    pub waiting: u64,
}

/// An agent: an extension that may be a member of queues, with a status in each.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Her extension number, digits.
    pub number: String,
    /// Her display name.
    pub name: String,
    /// Her skill level, 1 to 100.
    pub skill_level: u64,
    /// Her status in the queue she is added to. From then on her membership has it.
    pub status: Status,
}

impl Agent {
    /// An agent in this status.
    #[must_use]
    pub fn new(number: &str, name: &str, status: Status) -> Self {
        Self { number: number.to_owned(), name: name.to_owned(), skill_level: 1, status }
    }

    /// An agent who would get the next call.
    #[must_use]
    pub fn ready(number: &str, name: &str) -> Self {
        Self::new(number, name, Status::Ready)
    }
}

impl PortSip {
    /// A PBX without queues, agents or tokens.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            roster: Roster::default(),
            tokens: Tokens::default(),
            clock: Clock::system(),
            quota: Quota::new(REQUESTS_PER_MINUTE, Duration::from_mins(1)),
            has_waiting_list: true,
            has_bulk_status: false,
            sign_in: SignIn::default(),
        }
    }

    /// With a queue: its opaque id, its name, the number callers dial.
    #[must_use]
    pub fn queue(mut self, id: &str, name: &str, extension_number: &str) -> Self {
        let about = QueueState {
            name: name.to_owned(),
            extension_number: extension_number.to_owned(),
            service: Service::Online,
            waiting: 0,
        };
        self.roster.put_queue(id, about);
        self
    }

    /// With an agent as a member of a queue, which is added under its id where it is not there yet.
    #[must_use]
    pub fn agent(mut self, queue: &str, agent: Agent) -> Self {
        if self.roster.queue(queue).is_none() {
            self = self.queue(queue, queue, "8000");
        }
        let (number, status) = (agent.number.clone(), agent.status);
        self.roster.put_member(queue, &number, agent, status);
        self
    }

    /// With so many callers waiting in a queue.
    #[must_use]
    pub fn waiting(mut self, queue: &str, callers: u64) -> Self {
        if let Some(queue) = self.roster.queue_mut(queue) {
            queue.about.waiting = callers;
        }
        self
    }

    /// As a version before the list of waiting callers: it answers 404 there.
    #[must_use]
    pub fn without_waiting_list(mut self) -> Self {
        self.has_waiting_list = false;
        self
    }

    /// Answering for all agents of a queue at once, as 22.3 and later do. The form of that request is not published:
    /// this one takes the listed agents' `extension_numbers`, and answers their numbers and statuses as `items`.
    #[must_use]
    pub fn with_bulk_status(mut self) -> Self {
        self.has_bulk_status = true;
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

    /// Serves the PBX on a port that the system picks.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(self) -> std::io::Result<Simulator<Self>> {
        Simulator::start(self).await
    }

    /// Queues and agents.
    pub fn roster(&mut self) -> &mut Roster<QueueState, Agent, Status> {
        &mut self.roster
    }

    fn route(&mut self, request: &Request) -> Answer {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["api", resource @ ..] = segments.as_slice() else {
            return self.failure(Failure::NotFound);
        };
        if let ["auth" | "login", ..] = resource {
            return self.signed_in(resource, request);
        }
        if let Err(refused) = self.admit(request) {
            return refused;
        }
        let (id, rest) = match resource {
            ["call_queues"] if request.method == "GET" => return self.list(request),
            ["call_queues", id, rest @ ..] => (*id, rest),
            _ => return self.failure(Failure::NotFound),
        };
        let Some(queue) = self.roster.queue(id) else {
            return error(404, "NOT_FOUND", "Call queue not found", &format!("id: {id}"));
        };
        match (request.method.as_str(), rest) {
            ("GET", []) => ok(&full(queue)),
            ("GET", ["status"]) => ok(&json!({ "status": queue.about.service.word() })),
            ("GET", ["waiting"]) if self.has_waiting_list => ok(&callers(queue)),
            ("GET", ["agents"]) => {
                let agents = self.roster.members(queue).map(|member| listed(member.agent));
                ok(&json!({ "items": agents.collect::<Vec<_>>() }))
            }
            ("POST", ["agents", "status", "get_many"]) if self.has_bulk_status => {
                let wanted = request.json().unwrap_or_default();
                let wanted: Vec<&str> = wanted
                    .get("extension_numbers")
                    .and_then(Value::as_array)
                    .map(|numbers| numbers.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                let named = self.roster.members(queue).filter(|member| wanted.contains(&member.agent.number.as_str()));
                let statuses = named.map(
                    |member| json!({ "extension_number": member.agent.number, "status": member.membership.word() }),
                );
                ok(&json!({ "items": statuses.collect::<Vec<_>>() }))
            }
            ("GET", ["agents", number]) => self.one_agent(queue, number),
            ("POST", ["agents", number]) => self.set_status(id, number, request),
            _ => self.failure(Failure::NotFound),
        }
    }

    fn admit(&mut self, request: &Request) -> Result<(), Answer> {
        let token = request.credential("bearer").unwrap_or_default().to_owned();
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
            return Err(self.failure(Failure::RateLimited { retry_after_seconds: usage.resets_in_seconds }));
        }
        Ok(())
    }

    fn list(&self, request: &Request) -> Answer {
        let read = |name, default| {
            let given = request.parameter(name);
            given.map_or(Some(default), |text| text.parse::<usize>().ok())
        };
        let (Some(skip), Some(top)) = (read("skip", 0), read("top", MAX_TOP)) else {
            return invalid("skip and top are whole numbers");
        };
        if !(1..=MAX_TOP).contains(&top) {
            return invalid("top lies in 1 to 100");
        }
        let sought = request.parameter("search").unwrap_or_default();
        let found = self
            .roster
            .queues()
            .filter(|queue| queue.about.name.contains(sought) || queue.about.extension_number.contains(sought));
        let found: Vec<Value> = found.map(summary).collect();
        let items: Vec<&Value> = found.iter().skip(skip).take(top).collect();
        ok(&json!({ "count": found.len(), "items": items }))
    }

    fn one_agent(&self, queue: &Queue<QueueState, Status>, number: &str) -> Answer {
        let mut members = self.roster.members(queue);
        let Some(member) = members.find(|member| member.id == number) else {
            return no_agent(number);
        };
        let mut agent = listed(member.agent);
        set(&mut agent, "status", json!(member.membership.word()));
        ok(&agent)
    }

    fn set_status(&mut self, queue: &str, number: &str, request: &Request) -> Answer {
        let Some(status) = self.roster.membership_mut(queue, number) else {
            return no_agent(number);
        };
        let body = request.json().unwrap_or_default();
        let word = text(&body, "status");
        let Some((_, wanted)) = SETTABLE.iter().find(|(known, _)| *known == word) else {
            return invalid("status is none of the values that can be set");
        };
        *status = *wanted;
        Answer::empty(200)
    }

    fn shown_queue(&self, queue: &Queue<QueueState, Status>) -> Value {
        let agents = self.roster.members(queue).map(shown_member);
        json!({
            "id": queue.id,
            "name": queue.about.name,
            "extension_number": queue.about.extension_number,
            "status": queue.about.service.word(),
            "waiting": queue.about.waiting,
            "agents": agents.collect::<Vec<_>>(),
        })
    }
}

impl Provider for PortSip {
    const NAME: &'static str = "portsip";

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
        self.route(request)
    }

    fn failure(&mut self, failure: Failure) -> Answer {
        match failure {
            Failure::Unauthorized => error(401, "UNAUTHORIZED", "Unauthorized", "the access token is not valid"),
            Failure::Forbidden => error(403, "FORBIDDEN", "Forbidden", "the user lacks the permission"),
            Failure::NotFound => error(404, "NOT_FOUND", "Not found", "no such resource"),
            Failure::RateLimited { retry_after_seconds: seconds } => {
                let detail = format!("retry in {seconds} seconds");
                error(429, "TOO_MANY_REQUESTS", "Too many requests", &detail).number("Retry-After", seconds)
            }
            Failure::Internal => error(500, "INTERNAL", "Internal server error", ""),
            Failure::Unavailable => error(503, "UNAVAILABLE", "Service unavailable", ""),
            // The web server in front of the API answers this one.
            Failure::TimedOut => Answer::text(504, "text/html", "<h1>504 Gateway Time-out</h1>"),
        }
    }

    fn failure_of(&mut self, request: &Request, failure: Failure) -> Answer {
        let segments = request.segments();
        let mut segments = segments.iter().map(String::as_str);
        let is_sign_in = segments.next() == Some("api") && matches!(segments.next(), Some("auth" | "login"));
        if is_sign_in { self.sign_in_failure(failure) } else { self.failure(failure) }
    }

    fn state(&self) -> Value {
        let queues = self.roster.queues().map(|queue| self.shown_queue(queue));
        json!({
            "issued_tokens": self.sign_in.issued(),
            "failed_sign_ins": self.failed_sign_ins(),
            "sign_in_is_locked": self.is_locked(),
            "queues": queues.collect::<Vec<_>>(),
            "allowed": { "status": words::<Status>(), "queue status": words::<Service>() },
        })
    }

    /// Field: `status`, any that an agent can be in.
    fn set_agent(&mut self, queue: &str, id: &str, change: &Value) -> Result<Value, Refusal> {
        let (agent, status) = self.roster.require_member(queue, id)?;
        let wanted = Changes::of(change, &["status"])?.word("status")?;
        let status: Status = wanted.unwrap_or(status);
        let state = shown_member(Member { id, agent: &agent, membership: &status });
        self.roster.replace_member(queue, id, agent, status);
        Ok(state)
    }

    /// Fields: `status` and `waiting`.
    fn set_queue(&mut self, queue: &str, change: &Value) -> Result<Value, Refusal> {
        self.roster.require_queue(queue)?;
        let changes = Changes::of(change, &["status", "waiting"])?;
        let (service, waiting) = (changes.word("status")?, changes.number("waiting")?);
        if let Some(queue) = self.roster.queue_mut(queue) {
            queue.about.service = service.unwrap_or(queue.about.service);
            queue.about.waiting = waiting.unwrap_or(queue.about.waiting);
        }
        Ok(self.shown_queue(self.roster.require_queue(queue)?))
    }
}

fn ok(document: &Value) -> Answer {
    Answer::json(200, document, Layout::Compact)
}

fn error(status: u16, code: &str, message: &str, detail: &str) -> Answer {
    let document = json!({ "errors": [{ "code": code, "message": message, "detail": detail }] });
    Answer::json(status, &document, Layout::Compact)
}

fn invalid(detail: &str) -> Answer {
    error(400, "INVALID_ARGUMENT", "Invalid argument", detail)
}

fn no_agent(number: &str) -> Answer {
    let detail = format!("agent_number: {number}");
    error(404, "NOT_FOUND", "Call queue agent not found", &detail)
}

/// An agent as the list has her: without her status.
fn listed(agent: &Agent) -> Value {
    json!({
        "extension_number": agent.number,
        "display_name": agent.name,
        "skill_level": agent.skill_level,
    })
}

fn summary(queue: &Queue<QueueState, Status>) -> Value {
    json!({
        "id": queue.id,
        "name": queue.about.name,
        "extension_number": queue.about.extension_number,
        "ring_time": 20,
        "polling_strategy": "RING_SIMULTANEOUSLY",
    })
}

fn full(queue: &Queue<QueueState, Status>) -> Value {
    let mut document = summary(queue);
    set(&mut document, "max_callers", json!(100));
    set(&mut document, "max_waiting_time", json!(300));
    set(&mut document, "wait_when_no_agents_online", json!(false));
    set(&mut document, "agent_auto_ready", json!(true));
    set(&mut document, "language", json!("en-US"));
    document
}

/// The waiting callers, the first of whom has waited longest.
fn callers(queue: &Queue<QueueState, Status>) -> Value {
    let waiting = queue.about.waiting;
    let callers = (0..waiting).map(|place| {
        json!({
            "session_id": format!("session-{place}"),
            "extension_number": format!("1650555{place:04}"),
            "display_name": format!("Caller {}", place + 1),
            "waiting_time": (waiting - place) * 10,
        })
    });
    json!({ "items": callers.collect::<Vec<_>>() })
}

fn shown_member(member: Member<'_, Agent, Status>) -> Value {
    let state = json!({ "status": member.membership.word() });
    shown(member.id, &member.agent.name, state)
}
