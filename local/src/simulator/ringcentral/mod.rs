//! RingCentral: the presence of a call queue's members and of extensions, and RingCX queue availability.
//!
//! # Dialects
//! The documented queue presence has `extension`, `presenceStatus` and `paging`; the real one has `member` and both of a
//! member's flags, and is printed with a blank before each colon. The documented token endpoint gives a token for
//! `client_credentials`, which the real one refuses. Everything else is the same in both.
//!
//! # Simulated
//! - `GET /restapi/v1.0/account/{~|id}/call-queues/{group}/presence`.
//! - `GET /restapi/v1.0/account/{~|id}/extension/{id[,id…]}/presence`: one extension plainly, up to 30 as a 207.
//! - RingCX: `POST /api/auth/login/rc/accesstoken` for a token of 5 minutes, 5 exchanges a minute, and
//!   `GET /cx/routing/v1/sub-accounts/{id}/queues/{id}/availability`, with `/voice/api` before it or not.
//! - `POST /restapi/oauth/token`: sessions with rotating refresh tokens, see [`Session`].
//! - 50 requests a minute for each app, or each token that the simulator did not give out itself (group Light), and 5 for
//!   tokens (group Auth); then 60 seconds of refusal that begin anew with each request sent in them.

mod agent;
mod oauth;
mod presence;
mod ringcx;
mod session;
mod throttle;
mod words;

use std::time::Duration;

use serde_json::{Value, json};

use super::control::{Changes, Refusal};
use super::document::{set, text};
use super::layout::Layout;
use super::quota::{Quota, Usage};
use super::roster::{Member, Queue, Roster};
use super::tokens::Standing;
use super::vocabulary::{Vocabulary, words};
use super::wire::{Answer, Request};
use super::{Clock, Denial, Dialect, Failure, Provider, Simulator, Tokens, shown};

pub use agent::{Accepts, Agent, QueueState};
use oauth::OAuth;
pub use session::Session;
use throttle::Throttle;
pub use words::{DndStatus, TelephonyStatus, UserStatus};

const ACCOUNT_ID: &str = "809646000";
const SUB_ACCOUNT_ID: &str = "99999999";
const REQUESTS_PER_MINUTE: u64 = 50;

/// A simulated RingCentral account.
#[derive(Debug)]
pub struct RingCentral {
    dialect: Dialect,
    account_id: String,
    sub_account_id: String,
    roster: Roster<QueueState, Agent, Accepts>,
    tokens: Tokens,
    ringcx_tokens: Tokens,
    clock: Clock,
    light: Throttle,
    oauth: OAuth,
    exchanges: Quota,
    exchanged: u64,
}

impl RingCentral {
    /// An account without queues, agents or tokens.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            account_id: ACCOUNT_ID.to_owned(),
            sub_account_id: SUB_ACCOUNT_ID.to_owned(),
            roster: Roster::default(),
            tokens: Tokens::default(),
            ringcx_tokens: Tokens::default(),
            clock: Clock::system(),
            light: Throttle::new("light", REQUESTS_PER_MINUTE),
            oauth: OAuth::default(),
            exchanges: Quota::new(ringcx::EXCHANGES_PER_MINUTE, Duration::from_mins(1)),
            exchanged: 0,
        }
    }

    /// With another account id than 809646000.
    #[must_use]
    pub fn account(mut self, id: &str) -> Self {
        id.clone_into(&mut self.account_id);
        self
    }

    /// With another RingCX sub-account id than 99999999.
    #[must_use]
    pub fn sub_account(mut self, id: &str) -> Self {
        id.clone_into(&mut self.sub_account_id);
        self
    }

    /// With a call queue.
    #[must_use]
    pub fn queue(mut self, id: &str, name: &str) -> Self {
        let about = QueueState { name: name.to_owned(), waiting: 0, is_open: true };
        self.roster.put_queue(id, about);
        self
    }

    /// With an agent as a member of a queue, which is added under its id where it is not there yet.
    #[must_use]
    pub fn agent(mut self, queue: &str, agent: Agent) -> Self {
        if self.roster.queue(queue).is_none() {
            self = self.queue(queue, queue);
        }
        let (id, accepts) = (agent.id.clone(), Accepts(agent.accept_current_queue_calls));
        self.roster.put_member(queue, &id, agent, accepts);
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

    /// With so many requests a minute for each app, or each token that the simulator did not give out itself.
    #[must_use]
    pub fn requests_per_minute(mut self, limit: u64) -> Self {
        self.light.set_limit(limit);
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
    pub fn roster(&mut self) -> &mut Roster<QueueState, Agent, Accepts> {
        &mut self.roster
    }

    /// The tokens that RingCX accepts, beside those it gives out itself.
    #[must_use]
    pub fn ringcx_tokens(&self) -> &Tokens {
        &self.ringcx_tokens
    }

    fn route(&mut self, request: &Request) -> Answer {
        let segments = request.segments();
        let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments.starts_with(&["voice", "api"]) {
            segments.drain(..2);
        }
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["api", "auth", "login", "rc", "accesstoken"]) => self.exchange(request),
            ("GET", ["cx", "routing", "v1", "sub-accounts", account, "queues", queue, "availability"]) => {
                self.availability(account, queue, request)
            }
            ("POST", ["restapi", "oauth", "token"]) => self.grant(request),
            (_, ["restapi", "v1.0", resource @ ..]) => self.platform(resource, request),
            _ => self.failure(Failure::NotFound),
        }
    }

    fn platform(&mut self, resource: &[&str], request: &Request) -> Answer {
        let usage = match self.admit(request) {
            Ok(usage) => usage,
            Err(refused) => return refused,
        };
        let answer = match (request.method.as_str(), resource) {
            ("GET", ["account", account, rest @ ..]) => {
                if *account != "~" && *account != self.account_id {
                    self.not_found("accountId")
                } else {
                    match rest {
                        ["call-queues", group, "presence"] => self.queue_presence(group),
                        ["extension", ids, "presence"] => self.extension_presence(ids, request),
                        _ => self.failure(Failure::NotFound),
                    }
                }
            }
            _ => self.failure(Failure::NotFound),
        };
        self.light.told(answer, usage)
    }

    fn admit(&mut self, request: &Request) -> Result<Usage, Answer> {
        let Some(token) = request.credential("bearer").map(str::to_owned) else {
            let error = json!({ "errorCode": "OAU-149", "message": "Unparsable access token" });
            return Err(self.error(401, "OAU-149", &error));
        };
        let now = self.clock.now();
        match self.tokens.standing(&token, now) {
            Standing::Accepted => {}
            Standing::Expired => {
                let error = json!({ "errorCode": "OAU-128", "message": "Access token expired." });
                return Err(self.error(401, "OAU-128", &error));
            }
            Standing::Unknown => return Err(self.failure(Failure::Unauthorized)),
            Standing::Denied(denial) => return Err(self.forbidden(denial)),
        }
        let caller = self.oauth.client_of(&token).unwrap_or(&token);
        self.light.take(caller, now).ok_or_else(|| self.limited(&self.light, throttle::PENALTY.as_secs()))
    }

    /// The refusal of a group of requests that is used up.
    fn limited(&self, group: &Throttle, retry_after_seconds: u64) -> Answer {
        let error = json!({ "errorCode": "CMN-301", "message": "Request rate exceeded" });
        let answer = self.error(429, "CMN-301", &error).number("Retry-After", retry_after_seconds);
        group.told(answer, group.used_up(retry_after_seconds))
    }

    fn forbidden(&self, denial: Denial) -> Answer {
        let (code, holder, permission, tail) = match denial {
            Denial::Application => ("CMN-401", "application", "ReadPresence", ""),
            Denial::User => ("CMN-408", "user", "ReadPresenceStatus", " for requested resource."),
        };
        let message =
            format!("In order to call this API endpoint, {holder} needs to have [{permission}] permission{tail}");
        let error = json!({ "errorCode": code, "message": message, "permissionName": permission });
        self.error(403, code, &error)
    }

    fn not_found(&self, parameter: &str) -> Answer {
        self.error(404, "CMN-102", &missing(parameter))
    }

    /// An error whose outer code may differ from that of the error it wraps.
    fn error(&self, status: u16, code: &str, error: &Value) -> Answer {
        self.reply(status, &wrapped(code, error))
    }

    fn reply(&self, status: u16, document: &Value) -> Answer {
        let layout = match self.dialect {
            Dialect::Documented => Layout::Printed,
            Dialect::Real => Layout::Spaced,
        };
        Answer::json(status, document, layout)
            .header("Content-Type", "application/json; charset=UTF-8")
            .header("Content-Language", "en-US")
    }

    fn shown_queue(&self, queue: &Queue<QueueState, Accepts>) -> Value {
        let agents = self.roster.members(queue).map(shown_member);
        json!({
            "id": queue.id,
            "name": queue.about.name,
            "waiting": queue.about.waiting,
            "isQueueOpen": queue.about.is_open,
            "agents": agents.collect::<Vec<_>>(),
        })
    }
}

impl Provider for RingCentral {
    const NAME: &'static str = "ringcentral";

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
        let plain = |code: &str, message: &str| json!({ "errorCode": code, "message": message });
        match failure {
            Failure::Unauthorized => self.error(401, "TokenInvalid", &plain("OAU-213", "Token not found")),
            Failure::Forbidden => self.forbidden(Denial::Application),
            Failure::NotFound => self.error(404, "CMN-102", &plain("CMN-102", "Resource not found")),
            Failure::RateLimited { retry_after_seconds } => self.limited(&self.light, retry_after_seconds),
            Failure::Internal => self.error(500, "CMN-203", &plain("CMN-203", "Internal Server Error")),
            Failure::Unavailable => self.error(503, "CMN-201", &plain("CMN-201", "Service Temporary Unavailable")),
            // A gateway in front of the API answers this one.
            Failure::TimedOut => Answer::text(504, "text/html", "<h1>504 Gateway Time-out</h1>"),
        }
    }

    fn failure_of(&mut self, request: &Request, failure: Failure) -> Answer {
        let is_grant = request.segments() == ["restapi", "oauth", "token"];
        if is_grant { self.grant_failure(failure) } else { self.failure(failure) }
    }

    fn state(&self) -> Value {
        let queues = self.roster.queues().map(|queue| self.shown_queue(queue));
        json!({
            "account": self.account_id,
            "sessions": self.sessions().len(),
            "issued_tokens": self.oauth.issued(),
            "queues": queues.collect::<Vec<_>>(),
            "allowed": {
                "telephonyStatus": words::<TelephonyStatus>(),
                "userStatus": words::<UserStatus>(),
                "dndStatus": words::<DndStatus>(),
            },
        })
    }

    /// Fields: `acceptQueueCalls`, `acceptCurrentQueueCalls`, `telephonyStatus`, `userStatus`, `dndStatus`. A `dndStatus`
    /// carries `acceptQueueCalls` along where that is not among them.
    fn set_agent(&mut self, queue: &str, id: &str, change: &Value) -> Result<Value, Refusal> {
        let known = ["acceptQueueCalls", "acceptCurrentQueueCalls", "telephonyStatus", "userStatus", "dndStatus"];
        let (mut agent, mut accepts) = self.roster.require_member(queue, id)?;
        let changes = Changes::of(change, &known)?;
        if let Some(status) = changes.word("dndStatus")? {
            agent = agent.dnd(status);
        }
        let accepts_any = changes.flag("acceptQueueCalls")?;
        agent.accept_queue_calls = accepts_any.unwrap_or(agent.accept_queue_calls);
        let telephony = changes.word("telephonyStatus")?;
        agent.telephony_status = telephony.unwrap_or(agent.telephony_status);
        agent.user_status = changes.word("userStatus")?.unwrap_or(agent.user_status);
        accepts.0 = changes.flag("acceptCurrentQueueCalls")?.unwrap_or(accepts.0);
        let state = shown_member(Member { id, agent: &agent, membership: &accepts });
        self.roster.replace_member(queue, id, agent, accepts);
        Ok(state)
    }

    /// Fields: `waiting` and `isQueueOpen`, which RingCX alone shows.
    fn set_queue(&mut self, queue: &str, change: &Value) -> Result<Value, Refusal> {
        self.roster.require_queue(queue)?;
        let changes = Changes::of(change, &["waiting", "isQueueOpen"])?;
        let (waiting, is_open) = (changes.number("waiting")?, changes.flag("isQueueOpen")?);
        if let Some(queue) = self.roster.queue_mut(queue) {
            queue.about.waiting = waiting.unwrap_or(queue.about.waiting);
            queue.about.is_open = is_open.unwrap_or(queue.about.is_open);
        }
        Ok(self.shown_queue(self.roster.require_queue(queue)?))
    }
}

/// The one error inside, and again its parameter or permission outside.
fn wrapped(code: &str, error: &Value) -> Value {
    let mut document = json!({
        "errorCode": code,
        "message": text(error, "message"),
        "errors": [],
    });
    for field in ["parameterName", "permissionName"] {
        if let Some(value) = error.get(field) {
            set(&mut document, field, value.clone());
        }
    }
    set(&mut document, "errors", json!([error]));
    document
}

fn missing(parameter: &str) -> Value {
    json!({
        "errorCode": "CMN-102",
        "message": format!("Resource for parameter [{parameter}] is not found"),
        "parameterName": parameter,
    })
}

fn shown_member(member: Member<'_, Agent, Accepts>) -> Value {
    let agent = member.agent;
    let state = json!({
        "acceptQueueCalls": agent.accept_queue_calls,
        "acceptCurrentQueueCalls": member.membership.0,
        "telephonyStatus": agent.telephony_status.word(),
        "userStatus": agent.user_status.word(),
        "dndStatus": agent.dnd_status.word(),
        "presenceStatus": agent.presence_status().word(),
    });
    shown(member.id, &agent.name, state)
}
