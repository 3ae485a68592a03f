//! The only place an HTTP client is built: one TLS stack, compiled-in roots, no redirects, bounded answers, one retry.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use rustls::ClientConfig;
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use crate::budget::Budget;
use crate::clock::{Clock, millis};
use crate::failure::Failure;
use crate::freshness::Meter;
use crate::settings::Settings;
use crate::trust;
use crate::verdict::TraceEntry;

/// The HTTP clients of a process: one for public certificate authorities, and one for each private authority in use.
#[derive(Debug)]
pub struct HttpClients {
    public: Client,
    private: Mutex<HashMap<String, Client>>,
}

/// Two clients that accept the same certificates: one keeps its connections, the other opens one for each request.
#[derive(Clone, Debug)]
pub struct Client {
    pooled: reqwest::Client,
    fresh: reqwest::Client,
}

impl HttpClients {
    /// Builds the client for public certificate authorities.
    ///
    /// # Errors
    /// The TLS configuration is not accepted: a fault of this build.
    pub fn new() -> Result<Self, Failure> {
        let tls = trust::public_authorities().map_err(|_| Failure::Internal)?;
        Ok(Self { public: Client::new(&tls)?, private: Mutex::default() })
    }

    /// The client for public certificate authorities.
    #[must_use]
    pub fn public(&self) -> reqwest::Client {
        self.public.pooled.clone()
    }

    /// The client for AWS's own services: by the deployment's certificates where it has set any, else the public one.
    #[must_use]
    pub fn aws(&self, settings: &Settings) -> reqwest::Client {
        let own = self.trusting(settings.aws_ca_pem.as_deref());
        // The settings have certificates that can be used, or none.
        own.map_or_else(|_| self.public(), |client| client.pooled)
    }

    /// The client that trusts the certificates in `ca_pem` and no others; the public one where there are none.
    ///
    /// # Errors
    /// What is wrong with the PEM text.
    pub fn trusting(&self, ca_pem: Option<&str>) -> Result<Client, String> {
        let Some(pem) = ca_pem else { return Ok(self.public.clone()) };
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = private.get(pem) {
            return Ok(known.clone());
        }
        let built = Client::new(&trust::own_certificates(pem)?).map_err(|failure| failure.to_string())?;
        if private.len() >= MOST_AUTHORITIES {
            // Certificates are replaced now and then; what is still in use is built again.
            private.clear();
        }
        private.insert(pem.to_owned(), built.clone());
        Ok(built)
    }
}

impl Client {
    fn new(tls: &ClientConfig) -> Result<Self, Failure> {
        Ok(Self { pooled: client(tls, MAX_IDLE_CONNECTIONS)?, fresh: client(tls, 0)? })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that builds HTTP clients")]
fn client(tls: &ClientConfig, max_idle_connections: usize) -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(max_idle_connections)
        .tcp_nodelay(true)
        .build()
        .map_err(|_| Failure::Internal)
}

/// Where a credential may be sent, and with which header: bound in the secret, never by a request.
#[derive(Clone)]
pub struct Endpoint {
    /// Scheme, host and port. Paths come from the adapter.
    pub origin: Url,
    /// The `Authorization` header; marked sensitive, so that it does not print.
    pub authorization: HeaderValue,
    /// Tells one account's credential from another's in what an adapter remembers; no part of the credential.
    pub account: String,
    /// Who vouches for the host's certificate.
    pub client: Client,
}

/// The provider, as one check talks to it: every request is within the budget, counted and traced.
pub struct Upstream {
    endpoint: Endpoint,
    budget: Budget,
    clock: Clock,
    meter: Option<Metered>,
    trace: Mutex<Vec<TraceEntry>>,
}

/// The account's meter, and whether a permit for the first request has been taken.
struct Metered {
    meter: Arc<Meter>,
    first_is_permitted: bool,
}

/// A request to a provider.
#[derive(Clone)]
pub struct Ask {
    url: Url,
    accept: &'static str,
    body: Option<(&'static str, Bytes)>,
    authorization: Authorize,
    cookie: Option<HeaderValue>,
    repeatable: bool,
}

/// Which credential a request carries.
#[derive(Clone)]
enum Authorize {
    AsTheSecretSays,
    With(HeaderValue),
    InTheBody,
}

impl Ask {
    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            url,
            accept: JSON,
            body: None,
            authorization: Authorize::AsTheSecretSays,
            cookie: None,
            repeatable: true,
        }
    }

    /// A query that is sent as a POST with a JSON body, and changes nothing: it may be sent twice.
    #[must_use]
    pub fn query(url: Url, body: &Value) -> Self {
        Self { body: Some((JSON, Bytes::from(body.to_string()))), ..Self::get(url) }
    }

    /// Exchanges the secret's token for another, as a form field of that name; never sent twice.
    #[must_use]
    pub fn exchange(url: Url, upstream: &Upstream, token_field: &str, more: &[(&str, &str)]) -> Self {
        let token = credential_in(&upstream.endpoint.authorization);
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair(token_field, token).extend_pairs(more).finish();
        Self { body: Some((FORM, Bytes::from(form))), ..Self::once(url) }
    }

    /// A form, sent once: what it asks for must not be asked for twice. It carries no credential but its own.
    #[must_use]
    pub fn form_once(url: Url, fields: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { body: Some((FORM, Bytes::from(form))), ..Self::once(url) }
    }

    /// A JSON body, sent once. It carries no credential but its own.
    #[must_use]
    pub fn json_once(url: Url, body: &Value) -> Self {
        Self { body: Some((JSON, Bytes::from(body.to_string()))), ..Self::once(url) }
    }

    /// A GET, sent once and without a credential.
    #[must_use]
    pub fn once(url: Url) -> Self {
        Self { authorization: Authorize::InTheBody, repeatable: false, ..Self::get(url) }
    }

    /// With a session's cookie.
    #[must_use]
    pub fn with_cookie(self, cookie: HeaderValue) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Wanting another media type.
    #[must_use]
    pub fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    /// With a token got by [`Self::exchange`], in place of the secret's own.
    #[must_use]
    pub fn with_authorization(self, header: HeaderValue) -> Self {
        Self { authorization: Authorize::With(header), ..self }
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A provider's answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`MAX_BODY_BYTES`].
    pub body: Bytes,
    /// When the request was sent, by the wall clock.
    pub sent_at: SystemTime,
}

impl Upstream {
    /// Talks to `endpoint` within `budget`, by no meter.
    #[must_use]
    pub fn new(endpoint: Endpoint, budget: Budget) -> Self {
        Self { endpoint, budget, clock: Clock::system(), meter: None, trace: Mutex::default() }
    }

    /// With the account's meter, which is asked before each request and told after it. `first_is_permitted`: the permit
    /// for the first one has been taken.
    #[must_use]
    pub fn metered(self, meter: Arc<Meter>, first_is_permitted: bool) -> Self {
        Self { clock: meter.clock(), meter: Some(Metered { meter, first_is_permitted }), ..self }
    }

    /// The URL of a path on the credential's host. Segments are percent-encoded; an empty last one ends it in `/`.
    #[must_use]
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.endpoint.origin.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        url
    }

    /// Tells the account, for what an adapter remembers between checks.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.endpoint.account
    }

    /// GETs a URL on the credential's host.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.send(&Ask::get(url.clone())).await
    }

    /// Sends a request to the credential's host; once more on a fresh connection where the first was cut or a 5xx came.
    ///
    /// # Errors
    /// No answer, and why. An answer of any status is no error here: the adapter knows what it means.
    pub async fn send(&self, ask: &Ask) -> Result<Answer, Failure> {
        let Client { pooled, fresh } = &self.endpoint.client;
        let first = self.send_once(ask, pooled).await;
        let (again, by) = match &first {
            Ok(answer) => ((500..600).contains(&answer.status), pooled),
            // Where one kept connection was dead the others may be.
            Err(failure) => (failure.is_transient(), fresh),
        };
        if !again || !ask.repeatable || self.budget.left_to_ask() < self.budget.elapsed() {
            return first;
        }
        match self.send_once(ask, by).await {
            // Why the first attempt came to nothing says more.
            Err(Failure::NotAsked { .. }) => first,
            second => second,
        }
    }

    async fn send_once(&self, ask: &Ask, client: &reqwest::Client) -> Result<Answer, Failure> {
        // Whatever built the URL, the credential goes to its own host only.
        if ask.url.origin() != self.endpoint.origin.origin() {
            return Err(Failure::UnexpectedResponse { problem: "it points to another host".to_owned() });
        }
        let started = Instant::now();
        let until = self.budget.ask_until();
        if started >= until {
            return Err(Failure::DeadlineExceeded { step: "ask the provider" });
        }
        if let Some(Metered { meter, first_is_permitted }) = &self.meter {
            meter.before(*first_is_permitted && self.requests() == 0)?;
        }
        let entry = self.trace_start(ask);
        let result = match tokio::time::timeout_at(until, self.exchange(ask, client)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::ProviderTimeout { waited_ms: millis(started.elapsed()) }),
        };
        if let Some(Metered { meter, .. }) = &self.meter {
            match &result {
                Ok(answer) => meter.answered(answer.status, &answer.headers),
                Err(failure) => meter.failed(failure),
            }
        }
        if let Some(entry) = self.trace.lock().unwrap_or_else(PoisonError::into_inner).get_mut(entry) {
            entry.status = result.as_ref().ok().map(|answer| answer.status);
            entry.elapsed_ms = millis(started.elapsed());
            entry.bytes = result.as_ref().map_or(0, |answer| answer.body.len());
            entry.quota = result.as_ref().map(|answer| quota(&answer.headers)).unwrap_or_default();
        }
        result
    }

    /// The status of the last answer.
    #[must_use]
    pub fn last_status(&self) -> Option<u16> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().find_map(|entry| entry.status)
    }

    /// How many requests were sent so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Notes a request as it is sent: one that is given up before its answer was sent all the same.
    fn trace_start(&self, ask: &Ask) -> usize {
        let method = if ask.body.is_some() { "POST" } else { "GET" };
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        trace.push(TraceEntry {
            method,
            url: ask.url.to_string(),
            status: None,
            elapsed_ms: 0,
            bytes: 0,
            quota: Map::new(),
        });
        trace.len() - 1
    }

    async fn exchange(&self, ask: &Ask, client: &reqwest::Client) -> Result<Answer, Failure> {
        let sent_at = self.clock.now();
        let method = if ask.body.is_some() { Method::POST } else { Method::GET };
        let mut request = client
            .request(method, ask.url.clone())
            .header(ACCEPT, ask.accept)
            .header(USER_AGENT, concat!("callgate/", env!("CARGO_PKG_VERSION")));
        request = match &ask.authorization {
            Authorize::AsTheSecretSays => request.header(AUTHORIZATION, self.endpoint.authorization.clone()),
            Authorize::With(header) => request.header(AUTHORIZATION, header.clone()),
            Authorize::InTheBody => request,
        };
        if let Some(cookie) = &ask.cookie {
            request = request.header(COOKIE, cookie.clone());
        }
        if let Some((content_type, body)) = &ask.body {
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
        }
        let mut response = request.send().await.map_err(|error| network_failure(&error))?;
        let encoding = response.headers().get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(unexpected("it is compressed, which was not asked for"));
        }
        let too_large = || unexpected(&format!("it is larger than {MAX_BODY_BYTES} bytes"));
        if response
            .content_length()
            .is_some_and(|length| usize::try_from(length).map_or(true, |length| length > MAX_BODY_BYTES))
        {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| network_failure(&error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: without_credential(body.freeze(), &self.endpoint.authorization),
            sent_at,
        })
    }

    /// Opens a connection to the host for later use, with a request that carries no credential.
    pub async fn open_connection(&self) {
        let request = self.endpoint.client.pooled.request(Method::HEAD, self.endpoint.origin.clone());
        // Warming is a favour: whether it came off shows in the next check's time.
        let _ = tokio::time::timeout_at(self.budget.ask_until(), request.send()).await;
    }

    /// What was sent and answered so far, in order.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 4 << 20;
const MAX_IDLE_CONNECTIONS: usize = 8;
const MOST_AUTHORITIES: usize = 64;
/// What is shorter is no credential, and may be any word of an answer.
pub(crate) const SHORTEST_CREDENTIAL: usize = 8;

/// The headers in which providers state their limits.
fn quota(headers: &HeaderMap) -> Map<String, Value> {
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("x-rate-limit-") || name.starts_with("inin-ratelimit-") || name == "retry-after"
        })
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?))))
        .collect()
}

fn unexpected(problem: &str) -> Failure {
    Failure::UnexpectedResponse { problem: problem.to_owned() }
}

/// What a client error means. The texts are our own: reqwest's may carry the URL.
fn network_failure(error: &reqwest::Error) -> Failure {
    let causes = || std::iter::successors(error.source(), |cause| (*cause).source());
    if let Some(tls) = causes().find_map(tls_error) {
        return Failure::TlsFailed { problem: tls.to_string() };
    }
    if error.is_timeout() {
        return Failure::ProviderTimeout { waited_ms: 0 };
    }
    if error.is_connect() {
        let problem = match causes().find_map(|cause| cause.downcast_ref::<std::io::Error>()) {
            Some(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => "the connection was refused",
            Some(io) if io.kind() == std::io::ErrorKind::ConnectionReset => "the connection was reset",
            Some(io) if io.raw_os_error().is_none() => "its name was not found or the connection failed",
            _ => "the connection failed",
        };
        return Failure::ProviderUnreachable { problem: problem.to_owned() };
    }
    let hyper = causes().find_map(|cause| cause.downcast_ref::<hyper::Error>());
    if error.is_body() || error.is_decode() {
        return unexpected("it ended before its announced length");
    }
    if hyper.is_some_and(hyper::Error::is_parse) {
        return unexpected("it is no valid HTTP");
    }
    Failure::ProviderUnreachable { problem: "the connection was closed before an answer came".to_owned() }
}

fn tls_error<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    // An I/O error leaves the error within it out of its `source`, and may hold another of its kind.
    tls_error(cause.downcast_ref::<std::io::Error>()?.get_ref()?)
}

/// The credential in an `Authorization` header: what follows its scheme.
pub(crate) fn credential_in(authorization: &HeaderValue) -> &str {
    let written = authorization.to_str().unwrap_or_default();
    written.split_once(' ').map_or(written, |(_, credential)| credential)
}

/// The body without the credential: a provider that repeats it in an answer must not bring it into a verdict.
fn without_credential(body: Bytes, authorization: &HeaderValue) -> Bytes {
    let credential = credential_in(authorization);
    if credential.len() < SHORTEST_CREDENTIAL {
        return body;
    }
    match std::str::from_utf8(&body) {
        Ok(text) if text.contains(credential) => Bytes::from(text.replace(credential, "***")),
        _ => body,
    }
}
