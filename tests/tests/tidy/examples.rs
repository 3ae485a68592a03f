//! The examples in the documentation are real: each is read, asked or answered by the code itself.
//!
//! The words behind the three backticks say what an example is:
//!
//! ```text
//! json request PROVIDER       a request that is understood
//! json acceptance [PROVIDER]  acceptance criteria; with a provider, its template fills in what they leave out
//! json faulty PROVIDER        a request with faults; the `json problem` behind it is the answer
//! json secret PROVIDER        a secret that can be used
//! json answer PROVIDER        what the provider answers
//! json verdict                what callgate answers to the request and the provider's answer in front of it
//! json verdict part           some fields of a verdict
//! http                        lines `GET /v1/check/PROVIDER?…`, each understood
//! ```
//!
//! Below a `json answer`, a table row that begins with a criterion in backticks says what the criterion sees in that
//! answer and what it comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use callgate::check::Gate;
use callgate::credentials::{Connection, MemoryStore, StoredSecret};
use callgate::http::HttpClients;
use callgate::invocation::Invocation;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName};
use callgate::request::CheckRequest;
use callgate::routes::{HttpAnswer, HttpRequest, respond};
use callgate::settings::Settings;
use callgate::verdict::Reason;
use serde_json::{Map, Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::repository::{files_of_kind, text};

/// A fenced block of a page, or a row of one of its tables.
enum Piece {
    Block { at: String, info: Vec<String>, body: String },
    Row { at: String, cells: Vec<String> },
}

#[tokio::test]
async fn every_example_in_the_docs_is_what_the_code_does() {
    let mut checked = BTreeMap::new();
    for page in files_of_kind("md").iter().filter(|path| path.starts_with("docs/")) {
        check_page(page, &mut checked).await;
    }
    for (kind, at_least) in
        [("request", 4), ("acceptance", 3), ("problem", 2), ("secret", 4), ("verdict", 3), ("row", 30), ("http", 1)]
    {
        let count = checked.get(kind).copied().unwrap_or(0);
        assert!(count >= at_least, "only {count} examples of the kind {kind}: {checked:?}");
    }
}

#[tokio::test]
async fn every_example_in_the_readme_is_what_the_code_does() {
    let mut checked = BTreeMap::new();
    check_page("README.md", &mut checked).await;
    assert!(checked.contains_key("request"), "README.md shows no request: {checked:?}");
}

async fn check_page(page: &str, checked: &mut BTreeMap<String, usize>) {
    let mut reader = Reader::default();
    for piece in pieces(page, &text(page)) {
        if let Some(kind) = reader.check(piece).await {
            *checked.entry(kind).or_default() += 1;
        }
    }
}

/// What stood in front of an example on its page.
#[derive(Default)]
struct Reader {
    request: Option<(ProviderName, String)>,
    faulty: Option<(ProviderName, String)>,
    answer: Option<(ProviderName, String)>,
}

impl Reader {
    /// Checks a piece; gives its kind, where it is an example.
    async fn check(&mut self, piece: Piece) -> Option<String> {
        let (at, info, body) = match piece {
            Piece::Row { at, cells } => return self.check_row(&at, &cells).await,
            Piece::Block { at, info, body } => (at, info, body),
        };
        let words: Vec<&str> = info.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["json", "request", name] => {
                let provider = provider(&at, name);
                requested(provider, &body).unwrap_or_else(|faults| panic!("{at}: {faults}"));
                self.request = Some((provider, body));
                self.answer = None;
            }
            ["json", "acceptance", rest @ ..] => {
                let acceptance: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{at}: {error}"));
                let provider = rest.first().map_or(ProviderName::CallTools, |name| provider(&at, name));
                if rest.is_empty() {
                    assert!(stands_alone(&acceptance), "{at}: it leaves fields to a template; name the provider");
                }
                let request = json!({"connection": "acme", "queue": "1", "acceptance": acceptance});
                requested(provider, &request.to_string()).unwrap_or_else(|faults| panic!("{at}: {faults}"));
            }
            ["json", "faulty", name] => {
                let provider = provider(&at, name);
                assert!(requested(provider, &body).is_err(), "{at}: it has no fault");
                self.faulty = Some((provider, body));
            }
            ["json", "problem"] => {
                let (provider, request) = self.faulty.take().unwrap_or_else(|| panic!("{at}: no faulty request"));
                let answered = asked(provider, &request, None).await;
                assert_eq!(answered.content_type, "application/problem+json", "{at}");
                assert_same(&at, &body, &answered.body, &[]);
            }
            ["json", "secret", name] => {
                usable(provider(&at, name), &body).unwrap_or_else(|problem| panic!("{at}: {problem}"));
            }
            ["json", "answer", name] => {
                let _: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{at}: {error}"));
                self.answer = Some((provider(&at, name), body));
            }
            ["json", "verdict"] => {
                let (provider, request) = self.request.take().unwrap_or_else(|| panic!("{at}: no request"));
                let answer = self.answer.take().map(|(_, answer)| answer);
                let answered = asked(provider, &request, answer.as_deref()).await;
                assert_eq!(answered.status, 200, "{at}: {}", answered.body);
                assert_same(&at, &body, &answered.body, &["decision_id", "elapsed_ms", "data_age_ms", "checked_at"]);
            }
            ["json", "verdict", "part"] => {
                let shown: Map<String, Value> =
                    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{at}: {error}"));
                let answered = asked(ProviderName::CallTools, r#"{"connection": "acme", "queue": "1"}"#, None).await;
                let verdict: Value = serde_json::from_str(&answered.body).unwrap_or_default();
                let unknown: Vec<&String> = shown.keys().filter(|key| verdict.get(key.as_str()).is_none()).collect();
                assert!(unknown.is_empty(), "{at}: a verdict has no {unknown:?}");
                let reason = shown.get("reason").and_then(Value::as_str);
                let known = reason.is_none_or(|reason| Reason::ALL.iter().any(|known| known.as_str() == reason));
                assert!(known, "{at}: there is no reason {reason:?}");
            }
            ["http"] => {
                for line in body.lines().filter(|line| line.starts_with("GET ")) {
                    check_address(&at, line);
                }
            }
            ["json", ..] => panic!("{at}: say what this example is: {words:?}"),
            _ => return None,
        }
        words.get(1).or(words.first()).map(|kind| (*kind).to_owned())
    }

    async fn check_row(&self, at: &str, cells: &[String]) -> Option<String> {
        let [criterion, shown, outcome, ..] = cells else { return None };
        let criterion = criterion.strip_prefix("`{")?.strip_suffix("}`")?;
        let (provider, answer) = self.answer.as_ref().unwrap_or_else(|| panic!("{at}: no answer in front of it"));
        let acceptance: Value =
            serde_json::from_str(&format!("{{{criterion}}}")).unwrap_or_else(|error| panic!("{at}: {error}"));
        let request = json!({"connection": "acme", "queue": "1", "acceptance": acceptance});
        let answered = asked(*provider, &request.to_string(), Some(answer)).await;
        let verdict: Value = serde_json::from_str(&answered.body).unwrap_or_default();
        assert_eq!(answered.status, 200, "{at}: {}", answered.body);
        let observed: Vec<String> = findings(&verdict).map(|finding| finding["observed"].to_string()).collect();
        let came_to = match (&verdict["reason"], &verdict["on_unknown_applied"]) {
            (reason, Value::Bool(true)) => format!("unknown, `{}`", reason.as_str().unwrap_or_default()),
            (reason, _) if reason == "ok" => "met".to_owned(),
            _ => "not met".to_owned(),
        };
        assert_eq!(
            (shown.trim_matches('`'), outcome.as_str()),
            (observed.join(", ").as_str(), came_to.as_str()),
            "{at}"
        );
        Some("row".to_owned())
    }
}

fn findings(verdict: &Value) -> impl Iterator<Item = &Value> {
    verdict.get("findings").and_then(Value::as_array).into_iter().flatten()
}

#[track_caller]
fn provider(at: &str, name: &str) -> ProviderName {
    ProviderName::from_name(name).unwrap_or_else(|| panic!("{at}: there is no provider {name}"))
}

/// Whether criteria need nothing from a template.
fn stands_alone(acceptance: &Value) -> bool {
    ["all", "any", "not", "parse_type"].iter().any(|key| acceptance.get(*key).is_some())
}

/// Reads a request, and completes its criteria.
fn requested(provider: ProviderName, request: &str) -> Result<(), String> {
    fn by<P: Provider>(request: &str) -> Result<(), String> {
        CheckRequest::from_json::<P>(request).map(drop).map_err(|faults| format!("{faults:?}"))
    }
    match provider {
        ProviderName::CallTools => by::<CallTools>(request),
        ProviderName::GenesysCloud => by::<GenesysCloud>(request),
        ProviderName::RingCentral => by::<RingCentral>(request),
        ProviderName::PortSip => by::<PortSip>(request),
    }
}

/// Reads a secret, and its defaults as if they stood in a request.
fn usable(provider: ProviderName, secret: &str) -> Result<(), String> {
    fn by<P: Provider>(secret: &str) -> Result<Map<String, Value>, String> {
        let stored = StoredSecret { version: "1".to_owned(), value: secret.to_owned().into() };
        Ok(Connection::read::<P>(&stored, false)?.defaults().clone())
    }
    let mut defaults = match provider {
        ProviderName::CallTools => by::<CallTools>(secret),
        ProviderName::GenesysCloud => by::<GenesysCloud>(secret),
        ProviderName::RingCentral => by::<RingCentral>(secret),
        ProviderName::PortSip => by::<PortSip>(secret),
    }?;
    defaults.insert("connection".to_owned(), Value::from("acme"));
    defaults.insert("queue".to_owned(), Value::from("1"));
    requested(provider, &Value::Object(defaults).to_string())
}

/// What callgate answers where the provider gives this answer to whatever it is asked. Without an answer the
/// connection has no secret.
async fn asked(provider: ProviderName, request: &str, answer: Option<&str>) -> HttpAnswer {
    match provider {
        ProviderName::CallTools => asked_of::<CallTools>(request, answer).await,
        ProviderName::GenesysCloud => asked_of::<GenesysCloud>(request, answer).await,
        ProviderName::RingCentral => asked_of::<RingCentral>(request, answer).await,
        ProviderName::PortSip => asked_of::<PortSip>(request, answer).await,
    }
}

async fn asked_of<P: Provider>(request: &str, answer: Option<&str>) -> HttpAnswer {
    let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
    let http = Arc::new(HttpClients::new().unwrap());
    let gate = Gate::<P, MemoryStore>::new(MemoryStore::default(), http, settings);
    let server = MockServer::start().await;
    if let Some(answer) = answer {
        let response = ResponseTemplate::new(200).set_body_raw(answer, "application/json");
        Mock::given(any()).respond_with(response).mount(&server).await;
        let mut secret = Map::new();
        secret.insert(P::TOKEN_FIELD.to_owned(), Value::from("abc123"));
        secret.insert("base_url".to_owned(), Value::from(server.uri()));
        gate.put_secret("acme", Value::Object(secret).to_string());
    }
    let request = HttpRequest {
        method: "POST".to_owned(),
        path: format!("/v1/check/{}", P::NAME),
        body: request.as_bytes().to_vec(),
        ..HttpRequest::default()
    };
    respond(&gate, &request, &Invocation::default()).await
}

/// Reads the query of a line `GET /v1/check/{provider}?…`.
#[track_caller]
fn check_address(at: &str, line: &str) {
    fn by<P: Provider>(pairs: &[(String, String)]) -> Result<(), String> {
        CheckRequest::from_query::<P>(pairs).map(drop).map_err(|faults| format!("{faults:?}"))
    }
    let address = line.split_whitespace().nth(1).and_then(|address| address.strip_prefix("/v1/check/"));
    let (name, query) = address.and_then(|address| address.split_once('?')).unwrap_or_else(|| panic!("{at}: {line}"));
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let read = match provider(at, name) {
        ProviderName::CallTools => by::<CallTools>(&pairs),
        ProviderName::GenesysCloud => by::<GenesysCloud>(&pairs),
        ProviderName::RingCentral => by::<RingCentral>(&pairs),
        ProviderName::PortSip => by::<PortSip>(&pairs),
    };
    read.unwrap_or_else(|faults| panic!("{at}: {line}: {faults}"));
}

/// Compares what a page shows with what the code answers, the order of fields included. Of the fields that differ from
/// one check to the next only the type is compared.
#[track_caller]
fn assert_same(at: &str, shown: &str, answered: &str, varying: &[&str]) {
    let read = |text: &str| -> String {
        let mut value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{at}: {error}"));
        for key in varying {
            if let Some(member) = value.get_mut(*key) {
                *member = Value::from(match member {
                    Value::String(_) => "some text",
                    Value::Number(_) => "some number",
                    _ => "something else",
                });
            }
        }
        format!("{value:#}")
    };
    assert_eq!(read(shown), read(answered), "{at}: the left is the page's, the right is the code's\n{answered}");
}

/// The fenced blocks and the table rows of a page, in order.
fn pieces(page: &str, text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut block: Option<(String, Vec<String>, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let place = format!("{page}:{}", at + 1);
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(info)) => {
                block = Some((place, info.split_whitespace().map(str::to_owned).collect(), String::new()));
            }
            (Some(_), Some(_)) => {
                pieces.extend(block.take().map(|(at, info, body)| Piece::Block { at, info, body }));
            }
            (Some((_, _, body)), None) => body.extend([line, "\n"]),
            (None, None) if line.starts_with('|') => {
                let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
                pieces.push(Piece::Row { at: place, cells });
            }
            (None, None) => {}
        }
    }
    assert!(block.is_none(), "{page}: a block is not closed");
    pieces
}
