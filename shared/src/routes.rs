//! The HTTP API, whichever server carries it: one request in, one answer out.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::budget::Budget;
use crate::check::{Gate, Refusal};
use crate::credentials::SecretStore;
use crate::fault::Fault;
use crate::freshness::holds::is_hold_id;
use crate::invocation::Invocation;
use crate::providers::{Provider, ProviderName};
use crate::request::{AnswerAs, CheckRequest, MAX_REQUEST_BYTES};
use crate::telemetry;
use crate::verdict::{Reason, Verdict};

/// An HTTP request as a gateway hands it on.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, perhaps behind a stage's prefix.
    pub path: String,
    /// The query's pairs, decoded, in order, repeated keys included.
    pub query: Vec<(String, String)>,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Which of the gateway's keys was sent: its id, never the key.
    pub api_key_id: Option<String>,
    /// When the gateway received the request.
    pub received_at: Option<SystemTime>,
}

/// The answer to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// The methods that the address has, where another was used.
    pub allow: Option<&'static str>,
}

impl HttpAnswer {
    /// The headers of the answer, by lower-case name.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let allow = self.allow.map(|methods| ("allow", methods));
        [("content-type", self.content_type), ("cache-control", "no-store")].into_iter().chain(allow)
    }
}

/// A faulty request must not become an answer that the gateway is not able to carry.
const MAX_FAULTS_SHOWN: usize = 64;
const VERDICT: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const PROBLEM: &str = "application/problem+json";

/// Answers an HTTP request to one provider's gate.
pub async fn respond<P: Provider, S: SecretStore>(
    gate: &Gate<P, S>,
    request: &HttpRequest,
    invocation: &Invocation,
) -> HttpAnswer {
    let answered = AssertUnwindSafe(answer_to(gate, request, invocation)).catch_unwind().await;
    answered.unwrap_or_else(|_panic| broken())
}

async fn answer_to<P: Provider, S: SecretStore>(
    gate: &Gate<P, S>,
    request: &HttpRequest,
    invocation: &Invocation,
) -> HttpAnswer {
    match routed::<P>(request) {
        Ok(Route::Check) => {}
        Ok(Route::Hold(id)) => return release(gate, id).await,
        Err(problem) => return problem,
    }
    let check = match understood::<P>(request) {
        Ok(check) => check,
        Err(refusal) => return refused(gate, &refusal, invocation),
    };
    let spent = request.received_at.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
    match decide(gate, &check, request.api_key_id.as_deref(), spent, invocation).await {
        Ok(verdict) => answer(&verdict, check.answer_as),
        Err(refusal) => refused(gate, &refusal, invocation),
    }
}

/// Answers a check that came as a bare JSON body: the verdict, or the problem object.
pub async fn respond_directly<P: Provider, S: SecretStore>(
    gate: &Gate<P, S>,
    body: &str,
    invocation: &Invocation,
) -> Value {
    let answered = AssertUnwindSafe(answer_directly(gate, body, invocation)).catch_unwind().await;
    answered.unwrap_or_else(|_panic| serde_json::from_str(&broken().body).unwrap_or_default())
}

async fn answer_directly<P: Provider, S: SecretStore>(gate: &Gate<P, S>, body: &str, invocation: &Invocation) -> Value {
    let check = if body.len() > MAX_REQUEST_BYTES {
        Err(Refusal::TooLarge)
    } else {
        CheckRequest::from_json::<P>(body).map_err(Refusal::NotUnderstood)
    };
    let decided = match check {
        Ok(check) => decide(gate, &check, None, Duration::ZERO, invocation).await,
        Err(refusal) => Err(refusal),
    };
    match decided {
        Ok(verdict) => serde_json::to_value(&verdict).unwrap_or_default(),
        Err(refusal) => serde_json::from_str(&refused(gate, &refusal, invocation).body).unwrap_or_default(),
    }
}

async fn decide<P: Provider, S: SecretStore>(
    gate: &Gate<P, S>,
    check: &CheckRequest,
    api_key_id: Option<&str>,
    spent: Duration,
    invocation: &Invocation,
) -> Result<Verdict, Refusal> {
    let deadline = check.deadline.unwrap_or(gate.settings().deadline);
    let budget = Budget::start(deadline, spent, invocation.time_left);
    // A panic anywhere in a check costs this verdict, and not the sandbox.
    let checked = AssertUnwindSafe(gate.check(check, api_key_id, budget)).catch_unwind().await;
    let result = checked.unwrap_or_else(|_panic| Ok(gate.internal_error(check, &budget)));
    if let Ok(verdict) = &result {
        telemetry::write(gate.settings(), verdict, invocation);
    }
    result
}

/// What an address and a method mean.
enum Route<'a> {
    /// Is an agent ready?
    Check,
    /// End the hold of that id.
    Hold(&'a str),
}

fn routed<P: Provider>(request: &HttpRequest) -> Result<Route<'_>, HttpAnswer> {
    let below = request.path.split_once("/v1/check/").map(|(_, rest)| rest.trim_end_matches('/'));
    let below = below.and_then(|below| below.strip_prefix(P::NAME.as_str())).ok_or_else(no_such_path)?;
    if below.is_empty() {
        return match request.method.as_str() {
            "GET" | "POST" => Ok(Route::Check),
            _ => Err(not_allowed("GET, POST", "use GET or POST")),
        };
    }
    let id = below.strip_prefix("/holds/").filter(|id| is_hold_id(id)).ok_or_else(no_such_path)?;
    match request.method.as_str() {
        "DELETE" => Ok(Route::Hold(id)),
        _ => Err(not_allowed("DELETE", "a hold can be ended, with DELETE, and nothing else")),
    }
}

/// Ends a hold. One that ended by itself, or never was, is ended just as well.
async fn release<P: Provider, S: SecretStore>(gate: &Gate<P, S>, id: &str) -> HttpAnswer {
    match gate.release(id).await {
        Ok(released) => HttpAnswer {
            status: 200,
            content_type: VERDICT,
            body: json!({"released": released}).to_string(),
            allow: None,
        },
        Err(failure) => {
            let detail = format!("{failure}; the hold ends by itself at its time");
            problem(503, "Service Unavailable", &detail, &[], None)
        }
    }
}

fn understood<P: Provider>(request: &HttpRequest) -> Result<CheckRequest, Refusal> {
    if request.method == "GET" {
        return CheckRequest::from_query::<P>(&request.query).map_err(Refusal::NotUnderstood);
    }
    if request.body.len() > MAX_REQUEST_BYTES {
        return Err(Refusal::TooLarge);
    }
    let no_text =
        || Refusal::NotUnderstood(vec![Fault { pointer: String::new(), detail: "is not UTF-8 text".to_owned() }]);
    let text = std::str::from_utf8(&request.body).map_err(|_| no_text())?;
    let mut check = CheckRequest::from_json::<P>(text).map_err(Refusal::NotUnderstood)?;
    // A platform's form often has one fixed body; the form of the answer may then stand in the address.
    let flags: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "as" | "explain"))
        .cloned()
        .chain([("connection".to_owned(), check.connection.clone()), ("queue".to_owned(), check.queue.clone())])
        .collect();
    let asked = CheckRequest::from_query::<P>(&flags).map_err(Refusal::NotUnderstood)?;
    if asked.answer_as != AnswerAs::Verdict {
        check.answer_as = asked.answer_as;
    }
    check.explain |= asked.explain;
    let ignored = request.query.iter().filter(|(key, _)| !matches!(key.as_str(), "as" | "explain")).count();
    if ignored > 0 {
        check.warnings.push("with POST the query may hold `as` and `explain`; the rest was ignored".to_owned());
    }
    Ok(check)
}

fn answer(verdict: &Verdict, form: AnswerAs) -> HttpAnswer {
    let bit = if verdict.accept { "1" } else { "0" };
    let text = match form {
        AnswerAs::Verdict => {
            let body = serde_json::to_string(verdict).unwrap_or_default();
            return HttpAnswer { status: 200, content_type: VERDICT, body, allow: None };
        }
        AnswerAs::Count if !verdict.on_unknown_applied => observed(verdict).unwrap_or_else(|| bit.to_owned()),
        AnswerAs::Bool | AnswerAs::Count => bit.to_owned(),
    };
    HttpAnswer { status: 200, content_type: TEXT, body: text, allow: None }
}

/// The one criterion's value, else the number of agents available.
fn observed(verdict: &Verdict) -> Option<String> {
    match verdict.findings.as_slice() {
        [only] => match &only.observed {
            Value::Null => None,
            Value::String(text) => Some(text.chars().filter(|letter| !letter.is_control()).collect()),
            Value::Bool(flag) => Some(u8::from(*flag).to_string()),
            other => Some(other.to_string()),
        },
        // A closed queue has no criterion's value; nobody there can take a call.
        [] if verdict.reason == Reason::QueueClosed => Some("0".to_owned()),
        _ => verdict.available.map(|available| available.to_string()),
    }
}

/// The answer to a refused request, and its log line.
fn refused<P: Provider, S: SecretStore>(gate: &Gate<P, S>, refusal: &Refusal, invocation: &Invocation) -> HttpAnswer {
    let (answer, faults) = match refusal {
        Refusal::NotUnderstood(faults) => (not_understood(faults), faults.as_slice()),
        Refusal::TooLarge => (too_large(), [].as_slice()),
        Refusal::CallerForbidden => {
            let detail = "this key may not use the connection; add its id to allowed_api_key_ids in the secret";
            (problem(403, "Forbidden", detail, &[], Some(Reason::CallerForbidden)), [].as_slice())
        }
    };
    telemetry::write_refusal(gate.settings(), P::NAME, answer.status, faults, invocation);
    answer
}

fn not_understood(faults: &[Fault]) -> HttpAnswer {
    problem(400, "Bad Request", "the request has faults; nothing was sent to the provider", faults, None)
}

/// The answer to a path that is none of the API's.
#[must_use]
pub fn no_such_path() -> HttpAnswer {
    let names = ProviderName::ALL.map(ProviderName::as_str).join(", ");
    let detail = format!("the path is /v1/check/{{provider}}, with one of {names} that is served here");
    problem(404, "Not Found", &detail, &[], None)
}

/// The answer where a request that was not yet understood ended in a panic: there is no policy to decide by.
fn broken() -> HttpAnswer {
    let detail = "callgate failed on this request; report it with the time";
    problem(500, "Internal Server Error", detail, &[], Some(Reason::InternalError))
}

fn not_allowed(allow: &'static str, detail: &str) -> HttpAnswer {
    HttpAnswer { allow: Some(allow), ..problem(405, "Method Not Allowed", detail, &[], None) }
}

/// The answer to a request that is too large to be one.
#[must_use]
pub fn too_large() -> HttpAnswer {
    let detail = format!("the request is larger than {MAX_REQUEST_BYTES} bytes");
    problem(413, "Content Too Large", &detail, &[], None)
}

/// A problem of RFC 9457; its `errors` hold each fault and its pointer.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

fn problem(status: u16, title: &str, detail: &str, errors: &[Fault], reason: Option<Reason>) -> HttpAnswer {
    let mut shown: Vec<Fault> = errors.iter().take(MAX_FAULTS_SHOWN).cloned().collect();
    if errors.len() > MAX_FAULTS_SHOWN {
        let detail = format!("{} more faults are not shown", errors.len() - MAX_FAULTS_SHOWN);
        shown.push(Fault { pointer: String::new(), detail });
    }
    let errors = shown.as_slice();
    let body = Problem { r#type: "about:blank", title, status, detail, errors, reason };
    let body = serde_json::to_string(&body).unwrap_or_else(|_| json!({"status": status}).to_string());
    HttpAnswer { status, content_type: PROBLEM, body, allow: None }
}
