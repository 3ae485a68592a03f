//! The answers of a simulated provider, given again by a server that leaves one of their fields out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use callgate::providers::ProviderName;
use callgate_local::simulator::wire::Request as Simulated;
use callgate_local::simulator::{Provider, Simulator};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::desk::{Desk, merged};
use crate::removal::{Path, fields, without};

/// A field of the answers of one kind of request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// The end of the request's path, with `#` in place of ids.
    pub(crate) of: String,
    pub(crate) path: Path,
}

/// A recorded provider.
pub(crate) struct Replay {
    provider: ProviderName,
    question: Value,
    answers: Arc<Vec<Answer>>,
    missing: Arc<Mutex<Option<Field>>>,
    strangers: Arc<Mutex<Vec<String>>>,
    server: MockServer,
}

struct Answer {
    target: String,
    of: String,
    status: u16,
    document: Value,
}

impl Replay {
    /// Records what the provider answers to a question, all of it.
    pub(crate) async fn of<P: Provider>(provider: ProviderName, simulator: &Simulator<P>, question: &Value) -> Self {
        simulator.forget_requests();
        let read_all = merged(question.clone(), &json!({"explain": true}));
        let verdict = Desk::at(provider, simulator.base_url()).ask(&read_all).await;
        assert!(verdict["source"] == "live", "{question}: {verdict}");
        let requests = simulator.requests();
        let answers = requests.iter().map(|recorded| {
            let target = target(&recorded.path, &recorded.query);
            // What the provider did not record of a request.
            let is_form = !recorded.body.starts_with('{');
            let content_type = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
            let headers = [
                ("authorization", recorded.authorization.as_deref()),
                ("accept", recorded.accept.as_deref()),
                ("content-type", Some(content_type)),
            ];
            let headers =
                headers.into_iter().filter_map(|(name, value)| Some((name.parse().unwrap(), value?.parse().unwrap())));
            let body = recorded.body.clone().into();
            let request = Simulated::new(&recorded.method, &target.parse().unwrap(), headers.collect(), body);
            let answer = simulator.with(|provider| provider.answer(&request));
            assert!(matches!(answer.status, 200 | 207), "{target}: {answer:?}");
            let document = serde_json::from_slice(&answer.body).unwrap();
            Answer { of: shape(&recorded.path), target, status: answer.status, document }
        });
        let answers = Arc::new(answers.collect::<Vec<_>>());
        let (missing, strangers) = (Arc::default(), Arc::default());
        let server = serve(Arc::clone(&answers), Arc::clone(&missing), Arc::clone(&strangers)).await;
        Self { provider, question: question.clone(), answers, missing, strangers, server }
    }

    /// Every field of every answer.
    pub(crate) fn fields(&self) -> BTreeSet<Field> {
        let of_each = |answer: &Answer| {
            let of = answer.of.clone();
            fields(&answer.document).into_iter().map(move |path| Field { of: of.clone(), path })
        };
        self.answers.iter().flat_map(of_each).collect()
    }

    /// The verdict of a gate that remembers nothing, on answers without this field.
    pub(crate) async fn verdict(&self, missing: Option<&Field>, more: &Value) -> Value {
        *self.missing.lock().unwrap() = missing.cloned();
        let desk = Desk::at(self.provider, &self.server.uri());
        let verdict = desk.ask(&merged(self.question.clone(), more)).await;
        let strangers = self.strangers.lock().unwrap();
        assert!(strangers.is_empty(), "without {missing:?}: not asked before: {strangers:?}");
        verdict
    }
}

async fn serve(
    answers: Arc<Vec<Answer>>,
    missing: Arc<Mutex<Option<Field>>>,
    strangers: Arc<Mutex<Vec<String>>>,
) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| {
        let wanted = target(request.url.path(), request.url.query().unwrap_or_default());
        let Some(answer) = answers.iter().find(|answer| answer.target == wanted) else {
            strangers.lock().unwrap().push(wanted);
            return ResponseTemplate::new(404);
        };
        let missing = missing.lock().unwrap();
        let path = missing.as_ref().filter(|field| field.of == answer.of).map(|field| field.path.as_slice());
        let document = path.map_or_else(|| answer.document.clone(), |path| without(&answer.document, path));
        ResponseTemplate::new(answer.status).set_body_json(document)
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

fn target(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What kind of request a path is: its last segments, without the ids.
fn shape(path: &str) -> String {
    let is_id = |part: &str| part.len() > 4 && part.bytes().any(|byte| byte.is_ascii_digit());
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.map(|part| if is_id(part) { "#" } else { part }).collect();
    let from = parts.len().saturating_sub(3);
    parts[from..].join("/")
}
