//! One provider's gate in this process, the questions put to it, and what the provider was sent meanwhile.

use std::sync::Arc;
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::{Gate, Refusal};
use callgate::credentials::MemoryStore;
use callgate::http::HttpClients;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use callgate_tests::providers::{CONNECTION, PROVIDERS, Provider as Canned};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A gate whose one connection has a secret of the test's.
pub(crate) struct Desk<P> {
    pub(crate) gate: Gate<P, MemoryStore>,
}

impl<P: Provider> Desk<P> {
    /// A gate with a secret that sends to `base_url`, and is otherwise as each provider's should be.
    pub(crate) fn sending_to(base_url: &str) -> Self {
        Self::with(&canned::<P>().secret(base_url).to_string())
    }

    /// A gate with this secret.
    pub(crate) fn with(secret: &str) -> Self {
        let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
        let gate = Gate::new(MemoryStore::default(), Arc::new(HttpClients::new().unwrap()), settings);
        gate.put_secret(CONNECTION, secret);
        Self { gate }
    }

    /// The verdict on the provider's queue; `more` are further fields of the question.
    pub(crate) async fn ask(&self, more: Value) -> Value {
        self.ask_as(None, more).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// The same, asked with a gateway key.
    pub(crate) async fn ask_as(&self, api_key_id: Option<&str>, more: Value) -> Result<Value, Refusal> {
        let question = canned::<P>().question_with(more).to_string();
        let check = CheckRequest::from_json::<P>(&question).map_err(Refusal::NotUnderstood)?;
        let deadline = check.deadline.unwrap_or(self.gate.settings().deadline);
        let budget = Budget::start(deadline, Duration::ZERO, None);
        let verdict = self.gate.check(&check, api_key_id, budget).await?;
        Ok(serde_json::to_value(verdict).unwrap())
    }
}

/// The canned secret and question of a provider.
pub(crate) fn canned<P: Provider>() -> Canned {
    PROVIDERS.into_iter().find(|canned| canned.name == P::NAME.as_str()).unwrap()
}

/// The verdict of the named provider's gate with this secret.
pub(crate) async fn verdict(provider: Canned, secret: &str, more: Value) -> Value {
    match provider.name {
        "calltools" => Desk::<CallTools>::with(secret).ask(more).await,
        "genesys-cloud" => Desk::<GenesysCloud>::with(secret).ask(more).await,
        "ringcentral" => Desk::<RingCentral>::with(secret).ask(more).await,
        "portsip" => Desk::<PortSip>::with(secret).ask(more).await,
        other => panic!("no provider {other}"),
    }
}

/// The verdict where the provider is at `base_url`.
pub(crate) async fn verdict_at(provider: Canned, base_url: &str, more: Value) -> Value {
    verdict(provider, &provider.secret(base_url).to_string(), more).await
}

/// A server of the test's own. One from wiremock's pool may still be sent what was meant for whoever had it before: a
/// request that a check has given up.
pub(crate) async fn own_server() -> MockServer {
    MockServer::builder().start().await
}

/// A provider that answers every request alike.
pub(crate) async fn always(answer: ResponseTemplate) -> MockServer {
    let server = own_server().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// A provider that answers a request for exactly this path and query with this body, and all others with 404.
pub(crate) async fn serving(answers: &[(&str, Value)]) -> MockServer {
    let server = own_server().await;
    for (target, body) in answers {
        serve(&server, target, ResponseTemplate::new(200).set_body_json(body)).await;
    }
    server
}

/// Lets the provider answer a request for exactly this path and query.
pub(crate) async fn serve(server: &MockServer, target: &str, answer: ResponseTemplate) {
    let target = target.to_owned();
    let is_target = move |request: &wiremock::Request| self::target(request) == target;
    Mock::given(is_target).respond_with(answer).mount(server).await;
}

/// Every request so far, as `GET /path?query`, in order.
pub(crate) async fn requests(server: &MockServer) -> Vec<String> {
    let line = |request: &wiremock::Request| format!("{} {}", request.method, target(request));
    server.received_requests().await.unwrap().iter().map(line).collect()
}

fn target(request: &wiremock::Request) -> String {
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", request.url.path())
}

/// Checks the headers of every request so far: these, and no others that say anything.
pub(crate) async fn assert_headers(server: &MockServer, authorization: &str) {
    let host = server.address().to_string();
    for request in server.received_requests().await.unwrap() {
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let mut names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "authorization", "host", "user-agent"]);
        assert_eq!(request.headers["authorization"], authorization);
        assert_eq!(request.headers["accept"], "application/json");
        assert_eq!(request.headers["host"], host);
        assert!(request.body.is_empty());
    }
}

/// The verdict without what differs from one check to the next; those fields are checked for their form.
#[track_caller]
pub(crate) fn golden(mut verdict: Value) -> Value {
    let fields = verdict.as_object_mut().unwrap();
    for volatile in ["data_age_ms", "elapsed_ms"] {
        assert!(fields.remove(volatile).unwrap().is_u64(), "{volatile}");
    }
    for text in ["decision_id", "checked_at", "message"] {
        assert!(!fields.remove(text).unwrap().as_str().unwrap().is_empty(), "{text}");
    }
    verdict
}

/// Checks the fields of a verdict that `expected` has.
#[track_caller]
pub(crate) fn assert_says(what: &str, verdict: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&verdict[field], value, "{what}: {field} in {verdict:#}");
    }
}

/// Checks a verdict that `on_unknown` decided by rejecting, for this reason.
#[track_caller]
pub(crate) fn assert_unknown(what: &str, verdict: &Value, reason: &str) {
    assert_says(what, verdict, &json!({"reason": reason, "accept": false, "on_unknown_applied": true}));
}

/// One criterion on a normalised count.
pub(crate) fn agents(count: &str, condition: &str, value: u32) -> Value {
    json!({"parse_type": "agents", "parse_field": count, "condition": condition, "value": value})
}

/// One criterion on a field.
pub(crate) fn field(path: &str, condition: &str, value: u32) -> Value {
    json!({"parse_type": "json", "parse_field": path, "condition": condition, "value": value})
}
