//! Any contact centre of the four, through the gate: more agents never hurt, a field that is gone is never a yes, and
//! reading less of an answer never decides otherwise.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::Gate;
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
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// How a provider prints its JSON.
#[derive(Clone, Copy, Debug)]
enum Style {
    Compact,
    Pretty,
    /// Pretty, with a blank on both sides of each colon.
    Spaced,
}

/// A contact centre's answers for one queue.
#[derive(Clone, Debug)]
struct Centre {
    provider: Canned,
    /// Whether each agent is ready, in the order of the list.
    agents: Vec<bool>,
    page_size: usize,
    style: Style,
    /// A field that is missing wherever it stood.
    without: Option<&'static str>,
}

impl Centre {
    fn answer(&self, request: &Request) -> ResponseTemplate {
        let mut body = match self.provider.name {
            "calltools" => self.calltools(request),
            "genesys-cloud" => self.genesys_cloud(request),
            "ringcentral" => self.ringcentral(request),
            _ => self.portsip(request),
        };
        if let Some(field) = self.without {
            remove(&mut body, field);
        }
        let text = match self.style {
            Style::Compact => body.to_string(),
            Style::Pretty => format!("{body:#}"),
            Style::Spaced => format!("{body:#}").replace("\": ", "\" : "),
        };
        ResponseTemplate::new(200).set_body_raw(text, "application/json")
    }

    /// The records of the page that a request names, and whether another follows.
    fn page(&self, request: &Request, name: &str, record: impl Fn(bool) -> Value) -> (Vec<Value>, usize, bool) {
        let number =
            request.url.query_pairs().find(|(key, _)| key == name).map_or(1, |(_, page)| page.parse().unwrap());
        let records = self.agents.iter().skip((number - 1) * self.page_size).take(self.page_size);
        (records.map(|ready| record(*ready)).collect(), number, number * self.page_size < self.agents.len())
    }

    fn calltools(&self, request: &Request) -> Value {
        let (results, number, more) = self.page(request, "page", |ready| {
            json!({
                "app_user": 7001, "status": if ready { "Available" } else { "Lunch" }, "ready": ready,
                "logged_in": true, "queue_logged_in": ready, "live_calls_count": 0
            })
        });
        let next = more.then(|| format!("{}?page={}", request.url.path(), number + 1));
        json!({"count": self.agents.len(), "next": next, "previous": null, "results": results})
    }

    fn genesys_cloud(&self, request: &Request) -> Value {
        let (entities, number, more) =
            self.page(request, "pageNumber", |ready| json!({"id": "agent-uuid-1", "joined": ready, "name": "A"}));
        let mut page = json!({"entities": entities, "pageSize": self.page_size, "pageNumber": number, "pageCount": 1});
        if more {
            page["nextUri"] = format!("{}?pageNumber={}", request.url.path(), number + 1).into();
        }
        page
    }

    fn ringcentral(&self, request: &Request) -> Value {
        let (records, number, _) = self.page(
            request,
            "page",
            |ready| json!({"member": {"id": "1"}, "acceptQueueCalls": true, "acceptCurrentQueueCalls": ready}),
        );
        let pages = self.agents.len().div_ceil(self.page_size).max(1);
        let paging = json!({"page": number, "totalPages": pages, "totalElements": self.agents.len()});
        json!({"records": records, "paging": paging})
    }

    fn portsip(&self, request: &Request) -> Value {
        let listed = |at: usize| json!({"extension_number": (101 + at).to_string(), "skill_level": 1});
        match request.url.path().rsplit('/').next().unwrap() {
            "status" => json!({"status": "ONLINE"}),
            "agents" => json!({"items": (0..self.agents.len()).map(listed).collect::<Vec<_>>()}),
            number => {
                let at: usize = number.parse::<usize>().unwrap() - 101;
                let mut agent = listed(at);
                // A request of the question before, given up by now, may ask for an agent who is no more.
                agent["status"] = if self.agents.get(at) == Some(&true) { "READY" } else { "BREAK" }.into();
                agent
            }
        }
    }
}

/// Removes a member wherever it stands.
fn remove(value: &mut Value, field: &str) {
    match value {
        Value::Object(members) => {
            // The queue's own status is not the agents'.
            if members.len() > 1 {
                members.shift_remove(field);
            }
            members.values_mut().for_each(|member| remove(member, field));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, field)),
        _ => {}
    }
}

/// A contact centre that can be exchanged between questions.
struct Scene {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
    centre: Arc<Mutex<Option<Centre>>>,
    http: Arc<HttpClients>,
}

impl Scene {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let centre: Arc<Mutex<Option<Centre>>> = Arc::default();
        let shown = Arc::clone(&centre);
        let server = runtime.block_on(async {
            let server = MockServer::builder().disable_request_recording().start().await;
            let answer = move |request: &Request| shown.lock().unwrap().as_ref().unwrap().answer(request);
            Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
            server
        });
        Self { runtime, server, centre, http: Arc::new(HttpClients::new().unwrap()) }
    }

    /// The verdict of a gate that remembers nothing.
    fn verdict(&self, centre: &Centre, acceptance: &Value, more: &[(&str, &str)]) -> Value {
        *self.centre.lock().unwrap() = Some(centre.clone());
        let mut question = centre.provider.question_with(json!({"acceptance": acceptance}));
        for (key, value) in more {
            question[*key] = (*value).into();
        }
        match centre.provider.name {
            "calltools" => self.block_on(self.ask::<CallTools>(centre, &question)),
            "genesys-cloud" => self.block_on(self.ask::<GenesysCloud>(centre, &question)),
            "ringcentral" => self.block_on(self.ask::<RingCentral>(centre, &question)),
            _ => self.block_on(self.ask::<PortSip>(centre, &question)),
        }
    }

    fn block_on<T>(&self, asking: impl Future<Output = T>) -> T {
        self.runtime.block_on(asking)
    }

    async fn ask<P: Provider>(&self, centre: &Centre, question: &Value) -> Value {
        let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
        let gate = Gate::<P, _>::new(MemoryStore::default(), Arc::clone(&self.http), settings);
        gate.put_secret(CONNECTION, centre.provider.secret(&self.server.uri()).to_string());
        let check = CheckRequest::from_json::<P>(&question.to_string()).unwrap();
        let budget = Budget::start(Duration::from_secs(20), Duration::ZERO, None);
        let verdict = gate.check(&check, None, budget).await.unwrap();
        serde_json::to_value(verdict).unwrap()
    }
}

/// What can be read of each provider's agents: the more are ready, the higher.
fn readings(provider: Canned) -> Vec<Value> {
    let agents = |count: &str| json!({"parse_type": "agents", "parse_field": count});
    let field = |path: &str| json!({"parse_type": "json", "parse_field": path});
    let pattern = |pattern: &str| json!({"parse_type": "regex", "pattern": pattern});
    match provider.name {
        "calltools" => vec![
            field("count"),
            field("results"),
            field("results[*].queue_logged_in"),
            field("$.results[?@.status == 'Available' && @.ready == true]"),
            agents("available"),
            agents("logged_in"),
            pattern("\"ready\": true"),
        ],
        "genesys-cloud" => vec![
            field("total"),
            field("$.total"),
            field("entities"),
            field("entities[*].joined"),
            field("$.entities[?@.joined == true]"),
            pattern("\"joined\": true"),
        ],
        "ringcentral" => vec![
            field("records"),
            field("records[*].acceptCurrentQueueCalls"),
            field("$.records[?@.acceptCurrentQueueCalls == true]"),
            agents("logged_in"),
            pattern("\"acceptCurrentQueueCalls\": true"),
        ],
        _ => vec![
            field("items"),
            field("$.items[?@.status == 'READY']"),
            agents("available"),
            pattern("\"status\": \"READY\""),
        ],
    }
}

const RISING: [&str; 2] = ["greater_than", "at_least"];
const FALLING: [&str; 2] = ["less_than", "at_most"];
const ALL_COMPARISONS: [&str; 6] = ["greater_than", "at_least", "less_than", "at_most", "equals", "not_equals"];

fn leaf(provider: Canned, conditions: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (select(readings(provider)), select(conditions), 0..7_i32).prop_map(|(mut reading, condition, value)| {
        reading["condition"] = condition.into();
        reading["value"] = value.into();
        reading
    })
}

/// Acceptance that more of anything can only help to meet.
fn rising(provider: Canned) -> impl Strategy<Value = Value> {
    let negated = leaf(provider, &FALLING).prop_map(|criterion| json!({"not": criterion}));
    joined(prop_oneof![3 => leaf(provider, &RISING), 1 => negated])
}

/// Acceptance of any kind.
fn whatever(provider: Canned) -> impl Strategy<Value = Value> {
    let negated = leaf(provider, &ALL_COMPARISONS).prop_map(|criterion| json!({"not": criterion}));
    joined(prop_oneof![3 => leaf(provider, &ALL_COMPARISONS), 1 => negated])
}

fn joined(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(2, 6, 3, |inner| {
        (select(vec!["all", "any"]), prop::collection::vec(inner, 1..4)).prop_map(|(join, parts)| json!({join: parts}))
    })
}

fn centre(provider: Canned) -> impl Strategy<Value = Centre> {
    let style = select(vec![Style::Compact, Style::Pretty, Style::Spaced]);
    (prop::collection::vec(any_ready(), 0..7), 1..8_usize, style).prop_map(move |(agents, page_size, style)| Centre {
        provider,
        agents,
        page_size,
        style,
        without: None,
    })
}

fn any_ready() -> impl Strategy<Value = bool> {
    proptest::bool::ANY
}

/// Runs a property for each provider.
fn for_each_provider<T: std::fmt::Debug, S: Strategy<Value = T>>(
    cases: impl Fn(Canned) -> S,
    holds: impl Fn(&Scene, T) -> Result<(), TestCaseError>,
) {
    let scene = Scene::new();
    for provider in PROVIDERS {
        let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
        let result = TestRunner::new(config).run(&cases(provider), |case| holds(&scene, case));
        result.unwrap_or_else(|failure| panic!("{provider}: {failure}"));
    }
}

#[test]
fn more_available_agents_never_turn_an_accept_into_a_reject() {
    let cases = |provider| (centre(provider), rising(provider), any::<prop::sample::Index>());
    for_each_provider(cases, |scene, (before, acceptance, at)| {
        let verdict = scene.verdict(&before, &acceptance, &[]);
        prop_assert_eq!(&verdict["on_unknown_applied"], false, "{}", verdict);
        if verdict["accept"] == false {
            return Ok(());
        }
        let mut joined = before.clone();
        joined.agents.insert(at.index(before.agents.len() + 1), true);
        let with_one_more = scene.verdict(&joined, &acceptance, &[]);
        prop_assert_eq!(&with_one_more["accept"], true, "{} {}", verdict, with_one_more);
        let mut freed = before;
        freed.agents.fill(true);
        let with_all_free = scene.verdict(&freed, &acceptance, &[]);
        prop_assert_eq!(&with_all_free["accept"], true, "{} {}", verdict, with_all_free);
        Ok(())
    });
}

#[test]
fn how_the_provider_prints_its_answer_changes_nothing() {
    let cases = |provider| (centre(provider), whatever(provider));
    for_each_provider(cases, |scene, (mut centre, acceptance)| {
        let verdicts = [Style::Compact, Style::Pretty, Style::Spaced].map(|style| {
            centre.style = style;
            let verdict = scene.verdict(&centre, &acceptance, &[]);
            ["accept", "reason", "findings", "available", "counts", "counts_complete", "message", "warnings"]
                .map(|field| verdict[field].clone())
        });
        prop_assert_eq!(&verdicts[0], &verdicts[1]);
        prop_assert_eq!(&verdicts[0], &verdicts[2]);
        Ok(())
    });
}

#[test]
fn reading_no_further_than_needed_decides_as_reading_all_does() {
    let cases = |provider| (centre(provider), whatever(provider));
    for_each_provider(cases, |scene, (centre, acceptance)| {
        let early = scene.verdict(&centre, &acceptance, &[]);
        // A count as the answer wants everything read.
        let full = scene.verdict(&centre, &acceptance, &[("as", "count")]);
        prop_assert_eq!(&full["counts_complete"], true, "{}", full);
        for field in ["accept", "reason", "on_unknown_applied"] {
            prop_assert_eq!(&early[field], &full[field], "{} {}", early, full);
        }
        let sent = |verdict: &Value| verdict["upstream_requests"].as_u64();
        prop_assert!(sent(&early) <= sent(&full), "{} {}", early, full);
        Ok(())
    });
}

/// A field, what reads it, and for whom.
fn read_fields(provider: Canned) -> Vec<(&'static str, Value)> {
    let agents = |count: &str| json!({"parse_type": "agents", "parse_field": count});
    let field = |path: &str| json!({"parse_type": "json", "parse_field": path});
    let pattern = |pattern: &str| json!({"parse_type": "regex", "pattern": pattern});
    match provider.name {
        "calltools" => vec![
            ("count", field("count")),
            ("results", field("results")),
            ("results", field("$.results[?@.ready == true]")),
            ("results", agents("available")),
            ("results", pattern("\"ready\": true")),
            ("queue_logged_in", field("results[*].queue_logged_in")),
            ("live_calls_count", field("results[0].live_calls_count")),
            ("status", agents("available")),
            ("status", agents("wrap_up")),
            ("ready", agents("available")),
            ("ready", agents("not_ready")),
            ("logged_in", agents("logged_in")),
            ("live_calls_count", agents("on_call")),
        ],
        "genesys-cloud" => vec![
            ("entities", field("entities")),
            ("entities", field("total")),
            ("entities", field("entities[*].joined")),
            ("entities", pattern("\"joined\": true")),
            ("joined", field("entities[*].joined")),
            ("joined", field("entities[0].joined")),
            ("pageCount", field("pageCount")),
        ],
        "ringcentral" => vec![
            ("records", pattern("\"acceptCurrentQueueCalls\": true")),
            ("records", agents("logged_in")),
            ("acceptCurrentQueueCalls", agents("logged_in")),
            ("acceptCurrentQueueCalls", field("records[*].acceptCurrentQueueCalls")),
            ("acceptCurrentQueueCalls", field("records[0].acceptCurrentQueueCalls")),
            ("paging", field("paging.totalElements")),
        ],
        _ => vec![
            ("status", agents("on_call")),
            ("status", field("items[*].status")),
            ("skill_level", field("items[0].skill_level")),
            ("extension_number", agents("available")),
        ],
    }
}

#[test]
fn a_field_that_is_gone_is_unknown_and_never_a_yes() {
    let cases = |provider| (centre(provider), select(read_fields(provider)), select(&ALL_COMPARISONS[..]), any_ready());
    for_each_provider(cases, |scene, (mut centre, (field, mut criterion), condition, ready)| {
        // Somebody has to be there to lack a field, and all on one page: an unread page may still have it.
        centre.agents.push(ready);
        centre.page_size = centre.agents.len();
        // Within reach of the agents there are, so that their number alone decides nothing.
        criterion["condition"] = condition.into();
        criterion["value"] = i32::from(condition != "at_most" && condition != "greater_than").into();
        let known = scene.verdict(&centre, &criterion, &[]);
        prop_assert_eq!(&known["on_unknown_applied"], false, "{} {}", criterion, known);
        centre.without = Some(field);
        for on_unknown in ["reject", "accept"] {
            let verdict = scene.verdict(&centre, &criterion, &[("on_unknown", on_unknown)]);
            prop_assert_eq!(&verdict["on_unknown_applied"], true, "without {}: {} {}", field, criterion, verdict);
            prop_assert_eq!(&verdict["accept"], on_unknown == "accept");
            let reason = verdict["reason"].as_str().unwrap();
            prop_assert!(matches!(reason, "field_missing" | "unexpected_response"), "{}", verdict);
            let negated = scene.verdict(&centre, &json!({"not": criterion}), &[("on_unknown", on_unknown)]);
            prop_assert_eq!(&negated["reason"], reason, "{}", negated);
        }
        Ok(())
    });
}
