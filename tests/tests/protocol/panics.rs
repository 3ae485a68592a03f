//! A panic while a check is handled: it costs that verdict and no other.

use std::sync::Arc;

use callgate::check::Gate;
use callgate::credentials::{HostRule, MemoryStore};
use callgate::failure::Failure;
use callgate::fault::Faults;
use callgate::http::{HttpClients, Upstream};
use callgate::invocation::Invocation;
use callgate::lambda::handle;
use callgate::need::Need;
use callgate::providers::calltools::{CallTools, CallToolsOptions, CallToolsTemplate};
use callgate::providers::{Provider, ProviderName, Question};
use callgate::settings::Settings;
use callgate::snapshot::{Counts, Document, Snapshot};
use callgate_local::simulator::calltools::Agent;
use callgate_local::simulator::{self, Dialect, Simulator};
use callgate_tests::events::Event;
use serde_json::{Map, Value, json};
use url::Url;

/// `CallTools`, whose adapter panics where the status that counts as available is one of these.
#[derive(Debug)]
struct Panicking(CallTools);

/// While the request is completed by the connection's defaults.
const BEFORE: &str = "1";
/// While the provider is asked.
const WITHIN: &str = "2";
/// While the verdict on its answer is made.
const AFTER: &str = "3";

fn panic_at(place: &str, options: &CallToolsOptions) {
    assert!(options.agent_status_id.as_deref() != Some(place), "as the test wants it");
}

impl Provider for Panicking {
    const NAME: ProviderName = CallTools::NAME;
    const HOSTS: HostRule = CallTools::HOSTS;
    const TOKEN_FIELD: &'static str = CallTools::TOKEN_FIELD;
    const TOKEN_SCHEME: &'static str = CallTools::TOKEN_SCHEME;
    const QUOTA: callgate::freshness::Quota = CallTools::QUOTA;
    const OPTIONS: &'static [&'static str] = CallTools::OPTIONS;

    type Options = CallToolsOptions;
    type Template = CallToolsTemplate;

    fn new() -> Self {
        Self(CallTools::new())
    }

    fn origin(secret: &Map<String, Value>, template: CallToolsTemplate) -> Result<Url, String> {
        CallTools::origin(secret, template)
    }

    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> CallToolsOptions {
        CallTools::options(options, pointer, faults)
    }

    fn check_options(template: CallToolsTemplate, options: &CallToolsOptions, pointer: &str, faults: &mut Faults) {
        panic_at(BEFORE, options);
        CallTools::check_options(template, options, pointer, faults);
    }

    fn list_field(template: CallToolsTemplate) -> Option<&'static str> {
        CallTools::list_field(template)
    }

    fn counts(template: CallToolsTemplate, options: &CallToolsOptions, document: &Document) -> Counts {
        CallTools::counts(template, options, document)
    }

    fn remarks(template: CallToolsTemplate, options: &CallToolsOptions, document: &Document) -> Vec<String> {
        panic_at(AFTER, options);
        CallTools::remarks(template, options, document)
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        panic_at(WITHIN, &question.options);
        let question = Question {
            queue: question.queue.clone(),
            options: question.options.clone(),
            template: question.template,
            account: question.account.clone(),
        };
        self.0.observe(upstream, &question, need).await
    }
}

#[tokio::test]
async fn a_panic_costs_one_verdict_and_the_next_check_is_answered() {
    let account = simulator::CallTools::new(Dialect::Real).token("abc").queue("5457", "sales");
    let calltools = Simulator::start(account.agent("5457", Agent::ready(101, "Ada Byrne"))).await.unwrap();
    let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
    let http = Arc::new(HttpClients::new().unwrap());
    let gate = Gate::<Panicking, _>::new(MemoryStore::default(), http, settings);
    gate.put_secret("acme", json!({"token": "abc", "base_url": calltools.base_url()}).to_string());

    for place in [BEFORE, WITHIN, AFTER] {
        for (on_unknown, accept) in [("reject", false), ("accept", true)] {
            for shape in ["direct", "rest_api_post", "http_api_get", "function_url_get"] {
                let what = format!("{place} {on_unknown} {shape}");
                let question = json!({"connection": "acme", "queue": "5457", "on_unknown": on_unknown,
                                      "options": {"agent_status_id": place}});
                let verdict = asked(&gate, shape, &question).await;
                assert_eq!(verdict["reason"], "internal_error", "{what}: {verdict}");
                assert_eq!(
                    (&verdict["accept"], &verdict["on_unknown_applied"]),
                    (&json!(accept), &json!(true)),
                    "{what}"
                );

                let question = json!({"connection": "acme", "queue": "5457", "on_unknown": on_unknown});
                let verdict = asked(&gate, shape, &question).await;
                assert_eq!(
                    (&verdict["reason"], &verdict["source"]),
                    (&json!("ok"), &json!("live")),
                    "{what}: {verdict}"
                );
            }
        }
    }
}

/// The verdict on a question that came in an event of this shape.
async fn asked(gate: &Gate<Panicking, MemoryStore>, shape: &str, question: &Value) -> Value {
    let event: bytes::Bytes = Event::load(shape).unwrap().provider("calltools").asking(question).into();
    let answer = handle(gate, std::str::from_utf8(&event).unwrap(), &Invocation::default()).await;
    let Some(status) = answer.get("statusCode") else { return answer };
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}
