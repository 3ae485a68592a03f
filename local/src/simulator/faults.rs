//! Faults: what the next answers do instead of arriving whole, at once, and as the provider means them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::watch;

use super::control::Refusal;
use super::lock;
use super::wire::Request;

/// A failure that each provider reports in a form of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 401: the credential is not accepted.
    Unauthorized,
    /// 403: the credential is known and may not do this.
    Forbidden,
    /// 404: what was asked for does not exist.
    NotFound,
    /// 429: too many requests.
    RateLimited {
        /// What `Retry-After` says.
        retry_after_seconds: u64,
    },
    /// 500.
    Internal,
    /// 503.
    Unavailable,
    /// 504: a server behind the provider's edge did not answer in time.
    TimedOut,
}

/// The failures by the name the control interface knows them by.
const FAILURES: &[(&str, Failure)] = &[
    ("unauthorized", Failure::Unauthorized),
    ("forbidden", Failure::Forbidden),
    ("not_found", Failure::NotFound),
    ("rate_limited", Failure::RateLimited { retry_after_seconds: 60 }),
    ("internal", Failure::Internal),
    ("unavailable", Failure::Unavailable),
    ("timed_out", Failure::TimedOut),
];

/// What happens to one answer, or to several.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(super) effect: Effect,
    pub(super) headers: Vec<(String, String)>,
    pub(super) delay: Duration,
    pub(super) is_held: bool,
    times: Option<u64>,
    only: Option<String>,
}

/// What becomes of the answer itself.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Pass,
    Fail(Failure),
    Replace(u16, Bytes),
    Truncate(usize),
    Disconnect,
}

impl Fault {
    fn new(effect: Effect) -> Self {
        Self { effect, headers: Vec::new(), delay: Duration::ZERO, is_held: false, times: Some(1), only: None }
    }

    /// The provider's own answer: something to delay, hold, or give another header, or a turn before the next fault.
    #[must_use]
    pub fn pass() -> Self {
        Self::new(Effect::Pass)
    }

    /// A failure in the provider's own form.
    #[must_use]
    pub fn failure(failure: Failure) -> Self {
        Self::new(Effect::Fail(failure))
    }

    /// Any answer; JSON unless a header says otherwise.
    #[must_use]
    pub fn answer(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(Effect::Replace(status, body.into())).header("Content-Type", "application/json")
    }

    /// The HTML page that a load balancer in front of a provider sends.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n");
        Self::new(Effect::Replace(status, page.into())).header("Content-Type", "text/html")
    }

    /// The provider's own answer, broken off after so many bytes of its body although `Content-Length` promises them all.
    #[must_use]
    pub fn truncated(kept_bytes: usize) -> Self {
        Self::new(Effect::Truncate(kept_bytes))
    }

    /// The connection closed without an answer.
    #[must_use]
    pub fn disconnect() -> Self {
        Self::new(Effect::Disconnect)
    }

    /// The fault with its answer sent so much later.
    #[must_use]
    pub fn delayed(mut self, by: Duration) -> Self {
        self.delay = by;
        self
    }

    /// The fault with its answer kept back until [`Faults::release`].
    #[must_use]
    pub fn held(mut self) -> Self {
        self.is_held = true;
        self
    }

    /// The fault with a header set on its answer, in place of one of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The fault for so many answers; 1 unless said.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The fault for every answer until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// The fault for those requests only whose path and query contain this text.
    #[must_use]
    pub fn only(mut self, path_and_query: &str) -> Self {
        self.only = Some(path_and_query.to_owned());
        self
    }

    fn concerns(&self, request: &Request) -> bool {
        let target = || format!("{}?{}", request.path, request.query);
        self.only.as_ref().is_none_or(|part| target().contains(part))
    }
}

/// The faults waiting for requests; clones are one and the same queue.
#[derive(Clone, Debug)]
pub struct Faults {
    queue: Arc<Mutex<VecDeque<Fault>>>,
    released: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        let (released, _) = watch::channel(0);
        Self { queue: Arc::default(), released }
    }
}

impl Faults {
    /// Queues a fault behind those that wait already. A request takes the first that concerns it.
    pub fn push(&self, fault: Fault) {
        lock(&self.queue).push_back(fault);
    }

    /// Drops every waiting fault.
    pub fn clear(&self) {
        lock(&self.queue).clear();
    }

    /// How many faults wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        lock(&self.queue).len()
    }

    /// Lets every answer go that is held now.
    pub fn release(&self) {
        self.released.send_modify(|generation| *generation += 1);
    }

    /// The fault for a request, counted down.
    pub(super) fn take(&self, request: &Request) -> Option<Fault> {
        let mut queue = lock(&self.queue);
        let index = queue.iter().position(|fault| fault.concerns(request))?;
        let fault = queue.get_mut(index)?;
        let taken = fault.clone();
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        if fault.times == Some(0) {
            queue.remove(index);
        }
        Some(taken)
    }

    /// Resolves at the next [`release`](Self::release).
    pub(super) fn next_release(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut receiver = self.released.subscribe();
        async move {
            // The sender lives as long as the simulator: an error means that it ends.
            let _ = receiver.changed().await;
        }
    }
}

/// A fault as the control interface receives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultRequest {
    failure: Option<String>,
    retry_after_seconds: Option<u64>,
    status: Option<u16>,
    body: Option<String>,
    html: Option<u16>,
    truncate_to_bytes: Option<usize>,
    #[serde(default)]
    disconnect: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    delay_ms: u64,
    times: Option<u64>,
    #[serde(default)]
    always: bool,
    only: Option<String>,
}

impl FaultRequest {
    /// The fault that was asked for.
    pub(super) fn into_fault(self) -> Result<Fault, Refusal> {
        let mut effects = Vec::new();
        if let Some(name) = &self.failure {
            effects.push(Fault::failure(self.named_failure(name)?));
        }
        if let Some(status) = self.status.or(self.body.is_some().then_some(200)) {
            effects.push(Fault::answer(checked(status)?, self.body.unwrap_or_default()));
        }
        if let Some(status) = self.html {
            effects.push(Fault::html(checked(status)?));
        }
        if let Some(kept_bytes) = self.truncate_to_bytes {
            effects.push(Fault::truncated(kept_bytes));
        }
        if self.disconnect {
            effects.push(Fault::disconnect());
        }
        if effects.len() > 1 {
            let message = "a fault has one effect";
            return Err(Refusal::invalid(message, effect_names()));
        }
        let mut fault = effects.pop().unwrap_or_else(Fault::pass);
        for (name, value) in &self.headers {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err() {
                let message = format!("`{name}: {value}` is no header");
                return Err(Refusal::invalid(&message, Vec::new()));
            }
            fault = fault.header(name, value);
        }
        fault.delay = Duration::from_millis(self.delay_ms);
        fault.only = self.only;
        fault.times = if self.always { None } else { self.times.or(Some(1)) };
        if fault.times == Some(0) {
            return Err(Refusal::invalid("`times` is at least 1", Vec::new()));
        }
        Ok(fault)
    }

    fn named_failure(&self, name: &str) -> Result<Failure, Refusal> {
        let known = FAILURES.iter().find(|(known, _)| *known == name);
        let names = || FAILURES.iter().map(|(known, _)| (*known).to_owned()).collect();
        let (_, failure) = known.ok_or_else(|| Refusal::invalid(&format!("no failure is named `{name}`"), names()))?;
        Ok(match (failure, self.retry_after_seconds) {
            (Failure::RateLimited { .. }, Some(retry_after_seconds)) => Failure::RateLimited { retry_after_seconds },
            _ => *failure,
        })
    }
}

fn effect_names() -> Vec<String> {
    let names = ["failure", "status and body", "html", "truncate_to_bytes", "disconnect"];
    names.map(str::to_owned).to_vec()
}

fn checked(status: u16) -> Result<u16, Refusal> {
    let message = "a status lies between 200 and 599";
    (200..600).contains(&status).then_some(status).ok_or_else(|| Refusal::invalid(message, Vec::new()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn request(uri: &str) -> Request {
        Request::new("GET", &uri.parse().unwrap(), HeaderMap::new(), Bytes::new())
    }

    #[test]
    fn a_request_takes_the_first_fault_that_concerns_it() {
        let faults = Faults::default();
        faults.push(Fault::disconnect().only("page=2"));
        faults.push(Fault::html(502).times(2));
        let effect = |uri: &str| faults.take(&request(uri)).map(|fault| fault.effect);
        assert!(matches!(effect("/list?page=1"), Some(Effect::Replace(502, _))));
        assert!(matches!(effect("/list?page=2"), Some(Effect::Disconnect)));
        assert!(matches!(effect("/list?page=2"), Some(Effect::Replace(502, _))));
        assert!(effect("/list").is_none());
        assert_eq!(faults.pending(), 0);
    }

    #[test]
    fn a_fault_may_last_until_it_is_cleared() {
        let faults = Faults::default();
        faults.push(Fault::pass().always());
        for _ in 0..3 {
            assert!(faults.take(&request("/")).is_some());
        }
        faults.clear();
        assert!(faults.take(&request("/")).is_none());
    }
}
