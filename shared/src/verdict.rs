//! The answer to a check: a decision, its reason, what was seen and how old it is; and its wire format.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::criteria::{AgentCount, Interval};
use crate::http::SHORTEST_CREDENTIAL;
use crate::providers::ProviderName;
use crate::snapshot::Counts;

/// What the platform does with the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Send it.
    Accept,
    /// Do not.
    Reject,
}

/// What to decide where the evaluation is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// Send the call all the same.
    Accept,
    /// Hold it back.
    #[default]
    Reject,
}

/// Why a verdict is what it is. The set is closed, and a cause is never folded into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The criteria are met.
    Ok,
    /// The criteria are not met.
    ConditionNotMet,
    /// The provider says that the queue takes no calls.
    QueueClosed,
    /// Free agents there are, all held for other calls.
    HeldByOthers,
    /// The answer lacks what a criterion reads.
    FieldMissing,
    /// What was read cannot be compared in that way.
    NotComparable,
    /// The answer is not what the provider's API promises.
    UnexpectedResponse,
    /// The provider knows no such queue.
    QueueNotFound,
    /// The provider does not understand the question.
    InvalidQuery,
    /// There is no usable secret for the connection.
    AuthMissing,
    /// 401.
    AuthExpired,
    /// 403.
    AuthForbidden,
    /// The token endpoint refused.
    AuthRejected,
    /// The gateway key may not use the connection.
    CallerForbidden,
    /// Secrets Manager did not answer.
    SecretsUnavailable,
    /// 429, or the quota is spent.
    RateLimited,
    /// No answer in time.
    ProviderTimeout,
    /// DNS or connection.
    ProviderUnreachable,
    /// The certificate is not accepted.
    TlsFailed,
    /// 5xx.
    ProviderError,
    /// There was no time left to ask, or to evaluate.
    DeadlineExceeded,
    /// A fault of callgate's own.
    InternalError,
}

impl Reason {
    /// Every reason, in the order in which they are documented.
    pub const ALL: [Self; 22] = [
        Self::Ok,
        Self::ConditionNotMet,
        Self::QueueClosed,
        Self::HeldByOthers,
        Self::FieldMissing,
        Self::NotComparable,
        Self::UnexpectedResponse,
        Self::QueueNotFound,
        Self::InvalidQuery,
        Self::AuthMissing,
        Self::AuthExpired,
        Self::AuthForbidden,
        Self::AuthRejected,
        Self::CallerForbidden,
        Self::SecretsUnavailable,
        Self::RateLimited,
        Self::ProviderTimeout,
        Self::ProviderUnreachable,
        Self::TlsFailed,
        Self::ProviderError,
        Self::DeadlineExceeded,
        Self::InternalError,
    ];

    /// The word in a verdict.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ConditionNotMet => "condition_not_met",
            Self::QueueClosed => "queue_closed",
            Self::HeldByOthers => "held_by_others",
            Self::FieldMissing => "field_missing",
            Self::NotComparable => "not_comparable",
            Self::UnexpectedResponse => "unexpected_response",
            Self::QueueNotFound => "queue_not_found",
            Self::InvalidQuery => "invalid_query",
            Self::AuthMissing => "auth_missing",
            Self::AuthExpired => "auth_expired",
            Self::AuthForbidden => "auth_forbidden",
            Self::AuthRejected => "auth_rejected",
            Self::CallerForbidden => "caller_forbidden",
            Self::SecretsUnavailable => "secrets_unavailable",
            Self::RateLimited => "rate_limited",
            Self::ProviderTimeout => "provider_timeout",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::TlsFailed => "tls_failed",
            Self::ProviderError => "provider_error",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::InternalError => "internal_error",
        }
    }
}

/// Where the data behind a verdict came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A snapshot within `max_age_ms`.
    Cached,
    /// The provider was asked for another check of the same question, which was under way.
    Coalesced,
    /// The provider was asked for this check.
    Live,
    /// A snapshot within `stale_if_error_ms`: the provider could not be asked, or did not answer.
    Stale,
    /// There was no data at all: policy decided.
    Policy,
}

/// What one criterion saw, as a verdict shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingShown {
    /// The criterion in words.
    pub criterion: String,
    /// The value it saw; null where there was none.
    pub observed: Value,
    /// `met`, `not_met`, `unknown`, or `undecided` where the rest of the criteria settled the matter.
    pub outcome: Cow<'static, str>,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// How a verdict came about, with `explain`. The values the criteria saw are in the findings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trace {
    /// The requests to the provider, in the order in which they ended.
    pub requests: Vec<TraceEntry>,
    /// What the recipe that is right on the real API says of the same queue, where this one is known to miscount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right_answer: Option<RightAnswer>,
    /// The provider's answer as received, its pages one after another, at most 64 KiB; where the deployment allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What another recipe says of the same queue.
#[derive(Clone, Debug, Serialize)]
pub struct RightAnswer {
    /// The recipe.
    pub template: &'static str,
    /// Its counts; empty where it could not be had.
    #[serde(serialize_with = "counts")]
    pub counts: Counts,
    /// The two answers in a sentence, or why there is none.
    pub message: String,
    /// The requests it took.
    pub requests: Vec<TraceEntry>,
}

/// One request to the provider, as `explain` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceEntry {
    /// The HTTP method.
    pub method: &'static str,
    /// The URL; it never holds a credential.
    pub url: String,
    /// The status, where there was an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub elapsed_ms: u64,
    /// The size of the body.
    pub bytes: usize,
    /// What the provider's headers say of its limits, by header name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub quota: Map<String, Value>,
}

/// The answer to a check. Serialised, it is the wire format; the field order is the documented one. It is read again
/// where a call that holds an agent is asked about once more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// Accept or reject.
    pub decision: Decision,
    /// The decision as a boolean, for platforms that read one field.
    pub accept: bool,
    /// Why.
    pub reason: Reason,
    /// Agents available, where the provider says so.
    pub available: Option<i64>,
    /// The counts the provider gave.
    #[serde(serialize_with = "counts", deserialize_with = "counts_shown")]
    pub counts: Counts,
    /// Whether everything was read. Otherwise counts are lower bounds.
    pub counts_complete: bool,
    /// What each criterion saw.
    pub findings: Vec<FindingShown>,
    /// Who was asked.
    pub provider: ProviderName,
    /// With which account.
    pub connection: String,
    /// About which queue.
    pub queue: String,
    /// By which recipe.
    pub template: Cow<'static, str>,
    /// Where the data came from.
    pub source: Source,
    /// How old the data was when the verdict was made, in milliseconds; null without data.
    pub data_age_ms: Option<u64>,
    /// Whether `on_unknown` decided.
    pub on_unknown_applied: bool,
    /// What to know before trusting this with money.
    pub warnings: Vec<String>,
    /// The verdict in a sentence.
    pub message: String,
    /// Also in the log line.
    pub decision_id: String,
    /// How many requests were sent to the provider.
    pub upstream_requests: u32,
    /// How long the check took, in milliseconds.
    pub elapsed_ms: u64,
    /// When the verdict was made, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339", deserialize_with = "time")]
    pub checked_at: SystemTime,
    /// The agent held for the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldShown>,
    /// Set by the caller, for logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Set by the caller, for logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// What was sent and answered, with `explain`.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub trace: Option<Trace>,
    /// For the log line; no part of the answer.
    #[serde(skip)]
    pub measured: Measured,
}

/// What a check took, for its log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Reading the connection's secret, in milliseconds.
    pub secret_ms: u64,
    /// Finding an answer: the provider's time, or another's.
    pub provider_ms: u64,
    /// Evaluating and deciding, holds included.
    pub decide_ms: u64,
    /// The status of the last answer from the provider.
    pub upstream_status: Option<u16>,
    /// Whether the account's quota, cool-down or breaker chose the source.
    pub held_back: bool,
    /// Whether this is a verdict given before, to the same call: then no request was sent for this check.
    pub repeated: bool,
}

/// A hold, as a verdict shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldShown {
    /// Its id, to end it by.
    pub id: String,
    /// When it ends by itself, RFC 3339 in UTC.
    pub expires_at: String,
}

impl Verdict {
    /// With one more warning.
    #[must_use]
    pub(crate) fn warned(mut self, warning: String) -> Self {
        self.warnings.push(warning);
        self
    }

    /// Hides a credential that the provider repeated, plainly or percent-encoded, in whatever of its texts are shown.
    pub(crate) fn hide(&mut self, credential: &str) {
        if credential.len() < SHORTEST_CREDENTIAL {
            return;
        }
        let encoded: String = form_urlencoded::byte_serialize(credential.as_bytes()).collect();
        let escaped = credential.replace('/', "\\/");
        let hide = |text: &mut String| {
            for spelling in [credential, &encoded, &escaped] {
                if text.contains(spelling) {
                    *text = text.replace(spelling, HIDDEN);
                }
            }
        };
        hide(&mut self.message);
        self.warnings.iter_mut().for_each(hide);
        for finding in &mut self.findings {
            if let Value::String(text) = &mut finding.observed {
                hide(text);
            }
        }
        let Some(trace) = &mut self.trace else { return };
        let mut requests: Vec<&mut TraceEntry> = trace.requests.iter_mut().collect();
        if let Some(right) = &mut trace.right_answer {
            hide(&mut right.message);
            requests.extend(&mut right.requests);
        }
        for request in requests {
            hide(&mut request.url);
            for value in request.quota.values_mut() {
                if let Value::String(text) = value {
                    hide(text);
                }
            }
        }
        if let Some(body) = &mut trace.body {
            hide(body);
            // Spelt in yet another way, such as with \u0041, it cannot be cut out; then nothing is shown.
            if serde_json::from_str::<Value>(body).is_ok_and(|value| value.to_string().contains(credential)) {
                "withheld: it repeats the credential".clone_into(body);
            }
        }
    }
}

const HIDDEN: &str = "***";
/// The count of agents held for other calls.
const HELD: &str = "held";

impl Counts {
    /// As a verdict shows them: what is known, by name.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        for count in AgentCount::ALL.into_iter().filter(|count| *count != AgentCount::Headroom) {
            if let Some(Interval { low, .. }) = self.count(count) {
                shown.insert(count.as_str().to_owned(), Value::from(low));
            }
        }
        if self.held > 0 {
            shown.insert(HELD.to_owned(), Value::from(self.held));
        }
        Value::Object(shown)
    }
}

fn counts<S: Serializer>(counts: &Counts, serializer: S) -> Result<S::Ok, S::Error> {
    counts.shown().serialize(serializer)
}

/// The counts as they were shown: whole numbers, whatever was left unread.
fn counts_shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Counts, D::Error> {
    let shown: Map<String, Value> = Map::deserialize(deserializer)?;
    let count = |count: AgentCount| shown.get(count.as_str()).and_then(Value::as_i64).map(Interval::exactly);
    Ok(Counts {
        available: count(AgentCount::Available),
        on_call: count(AgentCount::OnCall),
        wrap_up: count(AgentCount::WrapUp),
        not_ready: count(AgentCount::NotReady),
        logged_in: count(AgentCount::LoggedIn),
        waiting: count(AgentCount::Waiting),
        held: shown.get(HELD).and_then(Value::as_i64).unwrap_or_default(),
    })
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let written = Value::deserialize(deserializer)?;
    crate::clock::parse(&written).ok_or_else(|| serde::de::Error::custom("it is no time"))
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::clock::rfc3339(*at))
}
