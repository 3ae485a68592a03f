//! Genesys Cloud: the agents on queue and idle, what is observed of a queue, and the members who stand in for both.

use callgate::providers::ProviderName;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::request::CheckRequest;
use callgate_local::simulator::genesys_cloud::{Agent, GenesysCloud as Simulated, Presence, RoutingStatus};
use callgate_local::simulator::{Dialect, Failure, Fault, Simulator};
use serde_json::{Map, Value, json};
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::desk::{CANARY, COUNTS, Desk, agents, field, merged};
use crate::removal::{fields, without};

const QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";
const OTHER_QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-000000000002";
const SKILL: &str = "5b2f9c1d-3e4a-4f6b-9a8c-7d6e5f4a3b2c";
const STATUS_COUNTS: &str = "POST /api/v2/analytics/agents/status/counts?groupBy=routingStatus";
const OBSERVATIONS: &str = "POST /api/v2/analytics/queues/observations/query";
const ANALYTICS: [(&str, &str, &str); 2] = [
    ("on_queue_idle", STATUS_COUNTS, "analytics:agentState:view"),
    ("queue_observations", OBSERVATIONS, "analytics:queueObservation:view"),
];

fn members_line() -> String {
    format!(
        "GET /api/v2/routing/queues/{QUEUE}/members?joined=true&routingStatus=IDLE&expand=presence\
         &expand=routingStatus&pageSize=100"
    )
}

fn uuid(number: usize) -> String {
    format!("3fa0c6ea-5b0a-4a35-9d2e-{number:012}")
}

async fn ask(base_url: &str, template: &str, more: &Value) -> Value {
    let question = merged(json!({"queue": QUEUE, "template": template}), more);
    Desk::at(ProviderName::GenesysCloud, base_url).ask(&question).await
}

/// With this acceptance.
fn by(acceptance: &Value) -> Value {
    json!({"acceptance": acceptance})
}

fn with_fallback() -> Value {
    json!({"options": {"members_fallback": true}})
}

#[track_caller]
fn assert_says(what: &str, verdict: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&verdict[field], value, "{what}: {field} in {verdict:#}");
    }
}

#[track_caller]
fn assert_unknown(what: &str, verdict: &Value, reason: &str) {
    assert_says(what, verdict, &json!({"reason": reason, "accept": false, "on_unknown_applied": true}));
}

/// A server that has one answer.
async fn always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn answering(body: &Value) -> MockServer {
    always(ResponseTemplate::new(200).set_body_json(body)).await
}

/// A server where analytics is refused and the members are these.
async fn refusing(members: &Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(refusal()).mount(&server).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"entities": members})))
        .mount(&server)
        .await;
    server
}

fn refusal() -> ResponseTemplate {
    ResponseTemplate::new(403).set_body_json(json!({
        "message": "Unable to perform the requested action. You must have at least one of the following permissions \
                    assigned: [some:other:permission, and:several:more]",
        "code": "missing.any.permissions", "status": 403, "details": [], "errors": []
    }))
}

/// Every request so far, as `METHOD /path?query`, in order.
async fn requests(server: &MockServer) -> Vec<String> {
    let received = server.received_requests().await.unwrap();
    let query = |query: Option<&str>| query.map(|query| format!("?{query}")).unwrap_or_default();
    let lines = received.iter().map(|one| format!("{} {}{}", one.method, one.url.path(), query(one.url.query())));
    lines.collect()
}

fn idle_rows(count: usize) -> Value {
    json!({"routingStatusCounts": [{"routingStatus": "IDLE", "count": count}]})
}

fn on_queue(qualifier: &str, count: usize) -> Value {
    json!({"metric": "oOnQueueUsers", "qualifier": qualifier, "stats": {"count": count}})
}

/// Groups as the provider sends them: of the agents, and of the callers.
fn observed(agents: &[Value], waiting: usize) -> Value {
    json!({
        "systemToOrganizationMappings": {"ON_QUEUE": ["e08eaf1b-ee47-4fa9-a231-1200e284798f"]},
        "results": [
            {"group": {"queueId": QUEUE}, "data": agents},
            {
                "group": {"queueId": QUEUE, "mediaType": "voice"},
                "data": [{"metric": "oWaiting", "stats": {"count": waiting}}]
            }
        ]
    })
}

/// A member who is joined, and has this presence and routing status.
fn member(presence: &str, status: &str) -> Value {
    json!({
        "id": uuid(1), "name": "Agent", "joined": true, "memberBy": "user",
        "user": {"id": uuid(1), "presence": {"presenceDefinition": {"systemPresence": presence}}},
        "routingStatus": {"userId": uuid(1), "status": status}
    })
}

/// Agents of every presence and routing status, of whom two would take a call and one of the two has the skill; four
/// callers wait. Those who are not joined, and those of another queue, do not count.
async fn organisation(dialect: Dialect) -> Simulator<Simulated> {
    let mut centre = Simulated::new(dialect)
        .token(CANARY)
        .requests_per_minute(1_000_000)
        .queue(QUEUE, "Sales")
        .waiting(QUEUE, 4)
        .queue(OTHER_QUEUE, "Support")
        .waiting(OTHER_QUEUE, 9)
        .agent(QUEUE, Agent::idle(&uuid(1), "Ada").skill(SKILL))
        .agent(QUEUE, Agent::idle(&uuid(2), "Ben"))
        .agent(QUEUE, Agent::interacting(&uuid(3), "Cy").skill(SKILL))
        .agent(QUEUE, Agent::new(&uuid(4), "Di", Presence::OnQueue, RoutingStatus::Communicating))
        .agent(QUEUE, Agent::new(&uuid(5), "Ed", Presence::OnQueue, RoutingStatus::NotResponding))
        .agent(QUEUE, Agent::off_queue(&uuid(6), "Flo"))
        // Idle is a presence, too.
        .agent(QUEUE, Agent::new(&uuid(7), "Gus", Presence::Idle, RoutingStatus::OffQueue))
        .agent(QUEUE, Agent::idle(&uuid(8), "Hal").not_joined());
    for number in 9..=20 {
        centre = centre.agent(OTHER_QUEUE, Agent::idle(&uuid(number), "Ian"));
    }
    centre.start().await.unwrap()
}

#[tokio::test]
async fn the_questions_are_sent_to_the_letter() {
    let predicate = |dimension: &str, value: &str| json!({"dimension": dimension, "value": value});
    let idle = [
        predicate("activeQueueId", QUEUE),
        predicate("systemPresence", "ON_QUEUE"),
        predicate("routingStatus", "IDLE"),
    ];
    let skilled = [&idle[..], &[predicate("assignedSkillId", SKILL)]].concat();
    let of_users = |predicates: &[Value]| json!({"userFilter": {"type": "and", "predicates": predicates}});
    let of_queue = json!({
        "filter": {
            "type": "or",
            "predicates": [{"type": "dimension", "dimension": "queueId", "operator": "matches", "value": QUEUE}]
        },
        "metrics": ["oOnQueueUsers", "oWaiting"]
    });
    for (template, options, line, body) in [
        ("on_queue_idle", json!({}), STATUS_COUNTS, of_users(&idle)),
        ("on_queue_idle", json!({"skill_id": format!(" {SKILL} ")}), STATUS_COUNTS, of_users(&skilled)),
        ("on_queue_idle", json!({"skill_id": null, "members_fallback": true}), STATUS_COUNTS, of_users(&idle)),
        ("queue_observations", json!({}), OBSERVATIONS, of_queue.clone()),
        ("queue_observations", json!({"members_fallback": "true"}), OBSERVATIONS, of_queue),
    ] {
        let server = answering(&json!({"routingStatusCounts": [], "results": []})).await;
        let verdict = ask(&server.uri(), template, &json!({"options": options})).await;
        assert_says(template, &verdict, &json!({"reason": "condition_not_met", "upstream_requests": 1}));
        assert_eq!(requests(&server).await, [line], "{options}");
        let received = server.received_requests().await.unwrap();
        let request = received.first().unwrap();
        assert_eq!(request.body_json::<Value>().unwrap(), body, "{options}");
        let mut names: Vec<&str> = request.headers.keys().map(wiremock::http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]);
        assert_eq!(request.headers["authorization"], format!("Bearer {CANARY}"));
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["accept"], "application/json");
    }
}

#[tokio::test]
async fn a_success_is_told_in_full() {
    let server = answering(&idle_rows(3)).await;
    let expected = json!({
        "decision": "accept", "accept": true, "reason": "ok", "available": 3, "counts": {"available": 3},
        "counts_complete": true,
        "findings": [{"criterion": "agents available greater_than 0", "observed": 3, "outcome": "met"}],
        "template": "on_queue_idle", "source": "live", "on_unknown_applied": false, "warnings": [],
        "upstream_requests": 1
    });
    assert_says("idle", &ask(&server.uri(), "on_queue_idle", &json!({})).await, &expected);
    let statuses = [("IDLE", 5), ("INTERACTING", 2), ("COMMUNICATING", 1), ("NOT_RESPONDING", 3)];
    let server = answering(&observed(&statuses.map(|(status, count)| on_queue(status, count)), 1)).await;
    let expected = json!({
        "decision": "accept", "accept": true, "reason": "ok", "available": 5,
        "counts": {"available": 5, "on_call": 3, "not_ready": 3, "waiting": 1}, "counts_complete": true,
        "findings": [{"criterion": "agents headroom greater_than 0", "observed": 4, "outcome": "met"}],
        "template": "queue_observations", "source": "live", "on_unknown_applied": false, "warnings": [],
        "upstream_requests": 1
    });
    assert_says("observed", &ask(&server.uri(), "queue_observations", &json!({})).await, &expected);
}

#[tokio::test]
async fn each_recipe_counts_those_who_would_take_a_call() {
    for dialect in Dialect::ALL {
        let simulator = organisation(dialect).await;
        let base = simulator.base_url();
        let what = dialect.name();
        let idle = ask(base, "on_queue_idle", &json!({})).await;
        assert_says(what, &idle, &json!({"reason": "ok", "available": 2, "counts": {"available": 2}}));
        let skilled = json!({"options": {"skill_id": SKILL}});
        assert_says(what, &ask(base, "on_queue_idle", &skilled).await, &json!({"reason": "ok", "available": 1}));
        let unknown_skill = json!({"options": {"skill_id": OTHER_QUEUE}});
        let none = ask(base, "on_queue_idle", &unknown_skill).await;
        assert_says(what, &none, &json!({"reason": "condition_not_met", "available": 0}));
        // The two are spoken for by the four who wait.
        let observed = ask(base, "queue_observations", &json!({})).await;
        let counts = json!({"available": 2, "on_call": 2, "not_ready": 1, "waiting": 4});
        assert_says(what, &observed, &json!({"reason": "condition_not_met", "counts": counts}));
        assert_eq!(observed["findings"][0]["observed"], -2);
        simulator.set_queue(QUEUE, &json!({"waiting": 1})).unwrap();
        let observed = ask(base, "queue_observations", &json!({})).await;
        assert_says(what, &observed, &json!({"reason": "ok", "available": 2}));
        // Once both are gone there is no row for them.
        for agent in [1, 2] {
            simulator.set_agent(QUEUE, &uuid(agent), &json!({"routingStatus": "INTERACTING"})).unwrap();
        }
        for template in ["on_queue_idle", "queue_observations"] {
            let nobody = ask(base, template, &json!({})).await;
            let expected = json!({"reason": "condition_not_met", "available": 0, "on_unknown_applied": false});
            assert_says(what, &nobody, &expected);
        }
    }
}

#[tokio::test]
async fn a_presence_that_the_guides_ask_for_is_not_the_one_that_counts() {
    for dialect in Dialect::ALL {
        let simulator = organisation(dialect).await;
        let verdict = ask(simulator.base_url(), "queue_members", &json!({"explain": true})).await;
        assert_says(dialect.name(), &verdict, &json!({"reason": "ok", "available": null}));
        assert_eq!(verdict["findings"][0]["observed"], 1);
        let right = &verdict["trace"]["right_answer"];
        assert_eq!(right["template"], "on_queue_idle", "{verdict:#}");
        assert_eq!(right["counts"], json!({"available": 2}));
        assert_eq!(right["requests"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn rows_of_other_queues_media_and_metrics_do_not_count() {
    let waiting = json!([{"metric": "oWaiting", "stats": {"count": 50}}]);
    let voice = |queue: &str| json!({"queueId": queue, "mediaType": "voice"});
    let stray = |group: Value, data: &Value| json!({"group": group, "data": data});
    for stray in [
        stray(voice(OTHER_QUEUE), &waiting),
        stray(json!({"queueId": OTHER_QUEUE}), &json!([on_queue("IDLE", 50)])),
        stray(json!({"queueId": QUEUE, "mediaType": "chat"}), &waiting),
        stray(json!({"queueId": QUEUE, "mediaType": "callback"}), &waiting),
        stray(
            json!({"queueId": QUEUE}),
            &json!([{"metric": "oUserRoutingStatuses", "qualifier": "IDLE", "stats": {"count": 50}}]),
        ),
        stray(
            json!({"queueId": QUEUE}),
            &json!([{"metric": "oOffQueueUsers", "qualifier": "IDLE", "stats": {"count": 50}}]),
        ),
        stray(voice(QUEUE), &json!([{"metric": "oInteracting", "stats": {"count": 50}}])),
        stray(json!({"queueId": OTHER_QUEUE}), &json!(null)),
        stray(json!({"queueId": QUEUE}), &json!([])),
    ] {
        for at in [0, 2] {
            let mut body = observed(&[on_queue("IDLE", 3)], 1);
            body["results"].as_array_mut().unwrap().insert(at, stray.clone());
            let server = answering(&body).await;
            let verdict = ask(&server.uri(), "queue_observations", &json!({})).await;
            let counts = json!({"available": 3, "on_call": 0, "not_ready": 0, "waiting": 1});
            assert_says(&stray.to_string(), &verdict, &json!({"reason": "ok", "counts": counts}));
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_zero_or_unknown_by_definition() {
    for (template, body, expected) in [
        ("on_queue_idle", json!({"routingStatusCounts": []}), Some(0)),
        ("on_queue_idle", json!({"routingStatusCounts": [{"routingStatus": "INTERACTING", "count": 2}]}), Some(0)),
        ("on_queue_idle", json!({"routingStatusCounts": [{"routingStatus": "READY_AT_LAST", "count": 2}]}), Some(0)),
        ("on_queue_idle", json!({"routingStatusCounts": [{"routingStatus": "IDLE"}]}), None),
        ("on_queue_idle", json!({"routingStatusCounts": [{"routingStatus": "IDLE", "count": -1}]}), None),
        ("on_queue_idle", json!({"routingStatusCounts": null}), None),
        ("on_queue_idle", json!({"presenceCounts": [{"systemPresence": "ON_QUEUE", "count": 2}]}), None),
        ("on_queue_idle", json!({}), None),
        ("queue_observations", json!({"results": []}), Some(0)),
        ("queue_observations", json!({"results": [{"group": {"queueId": QUEUE}}]}), Some(0)),
        ("queue_observations", observed(&[on_queue("READY_AT_LAST", 2)], 0), Some(0)),
        ("queue_observations", observed(&[], 0), Some(0)),
        ("queue_observations", json!({"results": null}), None),
        ("queue_observations", json!({"results": {}}), None),
        ("queue_observations", json!({}), None),
        ("queue_observations", json!({"results": [{"group": {"queueId": QUEUE}, "data": {}}]}), None),
    ] {
        let server = answering(&body).await;
        for criterion in [json!({}), agents("available", "at_least", 1), agents("available", "less_than", 1)] {
            let more = if criterion == json!({}) { criterion.clone() } else { by(&criterion) };
            let verdict = ask(&server.uri(), template, &more).await;
            let what = format!("{body} {criterion}");
            assert_says(&what, &verdict, &json!({"available": expected}));
            match expected {
                None => assert_unknown(&what, &verdict, "field_missing"),
                Some(_) if criterion["condition"] == "less_than" => {
                    assert_says(&what, &verdict, &json!({"reason": "ok"}));
                }
                Some(_) => assert_says(&what, &verdict, &json!({"reason": "condition_not_met"})),
            }
        }
    }
}

#[tokio::test]
async fn a_field_taken_away_is_unknown_and_never_met() {
    let statuses = ["IDLE", "INTERACTING", "COMMUNICATING", "NOT_RESPONDING"];
    let agents_seen = statuses.map(|status| on_queue(status, 2));
    let all = "available on_call not_ready waiting headroom";
    let users = "available on_call not_ready headroom";
    let entities = json!([member("On Queue", "IDLE"), member("ON_QUEUE", "IDLE"), member("On Queue", "INTERACTING")]);
    let cases: [(&str, Value, bool, &[Reading]); 3] = [
        (
            "on_queue_idle",
            idle_rows(2),
            false,
            &[
                ("routingStatusCounts", "available"),
                ("routingStatusCounts.routingStatus", "available"),
                ("routingStatusCounts.count", "available"),
            ],
        ),
        (
            "queue_observations",
            observed(&agents_seen, 1),
            false,
            &[
                ("results", all),
                ("results.group", all),
                ("results.group.queueId", all),
                ("results.group.mediaType", "waiting headroom"),
                ("results.data", all),
                ("results.data.metric", all),
                ("results.data.qualifier", users),
                ("results.data.stats", all),
                ("results.data.stats.count", all),
            ],
        ),
        (
            "on_queue_idle",
            json!({"entities": entities}),
            true,
            &[
                ("entities", "available"),
                ("entities.joined", "available"),
                ("entities.routingStatus", "available"),
                ("entities.routingStatus.status", "available"),
                ("entities.user", "available"),
                ("entities.user.presence", "available"),
                ("entities.user.presence.presenceDefinition", "available"),
                ("entities.user.presence.presenceDefinition.systemPresence", "available"),
            ],
        ),
    ];
    for (template, body, by_fallback, readings) in cases {
        for path in fields(&body) {
            let name = path.join(".");
            let reading = readings.iter().find(|(field, _)| *field == name).map_or("", |(_, counts)| *counts);
            for count in COUNTS {
                let before = outcome_of(template, &body, by_fallback, count).await;
                let after = outcome_of(template, &without(&body, &path), by_fallback, count).await;
                let reads = reading.split_whitespace().any(|word| word == count);
                assert!(!reads || before == "met", "{template}: {count} is {before}");
                let expected = if reads { json!("unknown") } else { before };
                assert_eq!(after, expected, "{template}: {count} without {name}");
            }
        }
    }
}

/// A field, and the counts that are made of it.
type Reading = (&'static str, &'static str);

/// Whether there is at least one of a count, in an answer or in the members that stand in for one.
async fn outcome_of(template: &str, body: &Value, by_fallback: bool, count: &str) -> Value {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(body);
    if by_fallback {
        Mock::given(method("POST")).respond_with(refusal()).mount(&server).await;
    }
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let more = merged(with_fallback(), &by(&agents(count, "at_least", 1)));
    ask(&server.uri(), template, &more).await["findings"][0]["outcome"].clone()
}

#[tokio::test]
async fn a_refusal_says_which_permission_is_missing() {
    for (template, line, permission) in ANALYTICS {
        let server = refusing(&json!([member("On Queue", "IDLE")])).await;
        for options in [json!({}), json!({"members_fallback": false}), json!({"members_fallback": null})] {
            let verdict = ask(&server.uri(), template, &json!({"options": options})).await;
            assert_unknown(template, &verdict, "auth_forbidden");
            assert_says(template, &verdict, &json!({"source": "policy", "upstream_requests": 1}));
            let message = verdict["message"].as_str().unwrap();
            assert!(message.contains(permission) && message.contains("missing.any.permissions"), "{message}");
        }
        assert_eq!(requests(&server).await, [line; 3]);
    }
    let server = always(refusal()).await;
    let verdict = ask(&server.uri(), "queue_members", &json!({})).await;
    assert_unknown("members", &verdict, "auth_forbidden");
    assert!(verdict["message"].as_str().unwrap().contains("routing:queue:view"), "{verdict:#}");
}

#[tokio::test]
async fn members_stand_in_where_the_option_says_so() {
    for dialect in Dialect::ALL {
        for (template, line, permission) in ANALYTICS {
            let simulator = organisation(dialect).await;
            simulator.faults().push(Fault::failure(Failure::Forbidden).only("/analytics/").always());
            let more = merged(with_fallback(), &by(&agents("available", "equals", 2)));
            let verdict = ask(simulator.base_url(), template, &more).await;
            let expected = json!({
                "reason": "ok", "available": 2, "counts": {"available": 2}, "counts_complete": true,
                "template": template, "upstream_requests": 2, "source": "live"
            });
            assert_says(dialect.name(), &verdict, &expected);
            let warnings = verdict["warnings"].as_array().unwrap();
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            let warning = warnings[0].as_str().unwrap();
            assert!(warning.contains("members_fallback") && warning.contains(permission), "{warning}");
            let sent: Vec<String> = simulator
                .requests()
                .iter()
                .map(|sent| format!("{} {}?{}", sent.method, sent.path, sent.query).trim_end_matches('?').to_owned())
                .collect();
            assert_eq!(sent, [line.to_owned(), members_line()]);
            // Who is waiting the members do not say.
            let headroom = ask(simulator.base_url(), "queue_observations", &with_fallback()).await;
            assert_unknown("headroom", &headroom, "field_missing");
            assert_says("headroom", &headroom, &json!({"available": 2}));
            let idle = ask(simulator.base_url(), "on_queue_idle", &with_fallback()).await;
            assert_says("idle", &idle, &json!({"reason": "ok", "available": 2}));
        }
    }
}

#[tokio::test]
async fn nothing_but_a_refusal_is_stood_in_for() {
    for (status, reason, sent) in [
        (400, "invalid_query", 1),
        (401, "auth_expired", 1),
        (404, "queue_not_found", 1),
        (429, "rate_limited", 1),
        (500, "provider_error", 2),
    ] {
        for (template, line, _) in ANALYTICS {
            let server = MockServer::start().await;
            Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
            let verdict = ask(&server.uri(), template, &with_fallback()).await;
            assert_unknown(template, &verdict, reason);
            assert_eq!(requests(&server).await, vec![line; sent]);
        }
    }
    for body in ["", "[]", "null", "3", "<html>"] {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let verdict = ask(&server.uri(), "on_queue_idle", &with_fallback()).await;
        assert_unknown(body, &verdict, "unexpected_response");
        assert_eq!(requests(&server).await, [STATUS_COUNTS]);
    }
}

#[tokio::test]
async fn where_the_members_fail_too_their_failure_is_told() {
    let server = always(refusal()).await;
    let verdict = ask(&server.uri(), "on_queue_idle", &with_fallback()).await;
    assert_unknown("both", &verdict, "auth_forbidden");
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains("analytics:agentState:view") && message.contains("routing:queue:view"), "{message}");
    assert_eq!(requests(&server).await, [STATUS_COUNTS.to_owned(), members_line()]);
    for (status, reason) in [(404, "queue_not_found"), (429, "rate_limited"), (400, "invalid_query")] {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(refusal()).mount(&server).await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        assert_unknown(reason, &ask(&server.uri(), "on_queue_idle", &with_fallback()).await, reason);
    }
}

#[tokio::test]
async fn no_more_pages_are_read_than_the_threshold_needs() {
    const IDLE: i64 = 250;
    for dialect in Dialect::ALL {
        let mut centre = Simulated::new(dialect).token(CANARY).requests_per_minute(1_000_000);
        for number in 0..usize::try_from(IDLE).unwrap() {
            centre = centre.agent(QUEUE, Agent::idle(&uuid(number), &format!("Agent {number:03}")));
        }
        let simulator = centre.start().await.unwrap();
        simulator.faults().push(Fault::failure(Failure::Forbidden).only("/analytics/").always());
        // Only the documented answer says how many there are.
        let out_of_reach = if dialect == Dialect::Documented { 1 } else { 3 };
        for (condition, value, pages, reason) in [
            ("greater_than", 0, 1, "ok"),
            ("at_least", 100, 1, "ok"),
            ("at_least", 101, 2, "ok"),
            ("at_least", 200, 2, "ok"),
            ("at_least", 201, 3, "ok"),
            ("equals", IDLE, 3, "ok"),
            ("less_than", 100, 1, "condition_not_met"),
            ("at_least", IDLE + 1, out_of_reach, "condition_not_met"),
        ] {
            simulator.forget_requests();
            let more = merged(with_fallback(), &by(&agents("available", condition, value)));
            let verdict = ask(simulator.base_url(), "on_queue_idle", &more).await;
            let what = format!("{} {condition} {value}", dialect.name());
            let expected = json!({"reason": reason, "upstream_requests": 1 + pages, "counts_complete": pages == 3});
            assert_says(&what, &verdict, &expected);
            assert_eq!(simulator.requests().len(), 1 + pages, "{what}");
        }
        let all = ask(simulator.base_url(), "on_queue_idle", &merged(with_fallback(), &json!({"as": "count"}))).await;
        assert_says(dialect.name(), &all, &json!({"available": IDLE, "upstream_requests": 4}));
    }
}

#[tokio::test]
async fn only_joined_members_on_queue_and_idle_are_ready() {
    let changed = |pointer: &str, value: Value| {
        let mut member = member("On Queue", "IDLE");
        *member.pointer_mut(pointer).unwrap() = value;
        member
    };
    let mut on_the_user = member("On Queue", "IDLE");
    on_the_user["user"]["routingStatus"] = on_the_user["routingStatus"].take();
    for (one, is_ready) in [
        (member("On Queue", "IDLE"), true),
        (member("ON_QUEUE", "IDLE"), true),
        (on_the_user, true),
        (member("On Queue", "INTERACTING"), false),
        (member("On Queue", "COMMUNICATING"), false),
        (member("On Queue", "NOT_RESPONDING"), false),
        (member("On Queue", "OFF_QUEUE"), false),
        (member("On Queue", "READY_AT_LAST"), false),
        (member("On Queue", ""), false),
        (member("Available", "IDLE"), false),
        (member("Off Queue", "IDLE"), false),
        (member("Idle", "IDLE"), false),
        (member("Somewhere", "IDLE"), false),
        (changed("/joined", json!(false)), false),
        (changed("/joined", json!(null)), false),
        (changed("/routingStatus", json!(null)), false),
        (changed("/user/presence", json!(null)), false),
        (changed("/user", json!(null)), false),
    ] {
        // Beside one who has every field, so that none is missing from all.
        let server = refusing(&json!([one, member("Meeting", "OFF_QUEUE")])).await;
        let verdict = ask(&server.uri(), "on_queue_idle", &with_fallback()).await;
        let reason = if is_ready { "ok" } else { "condition_not_met" };
        let expected = json!({"reason": reason, "available": u8::from(is_ready)});
        assert_says(&one.to_string(), &verdict, &expected);
    }
}

#[tokio::test]
async fn criteria_see_the_answer_itself() {
    let idle = answering(&idle_rows(3)).await;
    let seen = answering(&observed(&[on_queue("IDLE", 3), on_queue("INTERACTING", 2)], 1)).await;
    let over = "$.results[*].data[?@.metric == 'oOnQueueUsers' && @.qualifier == 'IDLE']";
    let regex = |kind: &str, pattern: &str, value: i64| json!({"parse_type": "regex", "regex_type": kind, "pattern": pattern, "condition": "equals", "value": value});
    for (server, template, criterion) in [
        (&idle, "on_queue_idle", field("routingStatusCounts[0].count", "equals", 3)),
        (&idle, "on_queue_idle", field("routingStatusCounts", "equals", 1)),
        (&idle, "on_queue_idle", regex("capture", r#""routingStatus": "IDLE", "count": (\d+)"#, 3)),
        (&seen, "queue_observations", field(over, "equals", 1)),
        (&seen, "queue_observations", field("results", "equals", 2)),
        // The whole body is the default scope: a pattern may reach from one group into the next.
        (&seen, "queue_observations", regex("count", r#""IDLE".*"oWaiting""#, 1)),
        (&seen, "queue_observations", regex("count", r#""metric": "oOnQueueUsers""#, 2)),
    ] {
        let verdict = ask(&server.uri(), template, &by(&criterion)).await;
        assert_says(&criterion.to_string(), &verdict, &json!({"reason": "ok"}));
    }
    // The members that stand in have another shape.
    let server = refusing(&json!([member("On Queue", "IDLE")])).await;
    let ask_fallback = |criterion: Value| {
        let uri = server.uri();
        async move { ask(&uri, "on_queue_idle", &merged(with_fallback(), &by(&criterion))).await }
    };
    let verdict = ask_fallback(field("routingStatusCounts[0].count", "at_least", 0)).await;
    assert_unknown("fallback", &verdict, "field_missing");
    let verdict = ask_fallback(field("entities", "equals", 1)).await;
    assert_says("fallback", &verdict, &json!({"reason": "ok"}));
}

#[tokio::test]
async fn filters_that_seem_to_be_ignored_are_remarked() {
    for (entities, remarks) in [
        (json!([member("Available", "OFF_QUEUE")]), 0),
        (json!([]), 0),
        (json!([member("Available", "OFF_QUEUE"), member("On Queue", "IDLE")]), 1),
        (json!([merged(member("Available", "IDLE"), &json!({"joined": false}))]), 1),
        (json!([merged(member("Break", "IDLE"), &json!({"joined": false}))]), 2),
    ] {
        let server = answering(&json!({"entities": entities, "total": 1})).await;
        let verdict = ask(&server.uri(), "queue_members", &json!({})).await;
        let warnings = verdict["warnings"].as_array().unwrap();
        let ignored = warnings.iter().filter(|warning| warning.as_str().unwrap().contains("ignore the filter"));
        assert_eq!(ignored.count(), remarks, "{entities}: {warnings:?}");
    }
    let rows = json!([{"routingStatus": "IDLE", "count": 1}, {"routingStatus": "INTERACTING", "count": 2}]);
    let server = answering(&json!({"routingStatusCounts": rows})).await;
    let verdict = ask(&server.uri(), "on_queue_idle", &json!({})).await;
    assert_says("rows", &verdict, &json!({"reason": "ok", "available": 1}));
    assert!(verdict["warnings"].to_string().contains("ignore its filters"), "{verdict:#}");
}

#[test]
fn options_that_a_recipe_cannot_honour_are_faults() {
    let skill = json!({"skill_id": SKILL});
    let fallback = json!({"members_fallback": true});
    let both = merged(skill.clone(), &fallback);
    let at_skill = ["/options/skill_id"].as_slice();
    let at_fallback = ["/options/members_fallback"].as_slice();
    let cases = [
        ("on_queue_idle", skill.clone(), [].as_slice()),
        ("on_queue_idle", fallback.clone(), &[]),
        ("on_queue_idle", both.clone(), at_skill),
        ("queue_observations", fallback.clone(), &[]),
        ("queue_observations", skill.clone(), at_skill),
        ("queue_observations", both.clone(), at_skill),
        ("queue_members", skill, at_skill),
        ("queue_members", fallback, at_fallback),
        ("queue_members", both, &["/options/skill_id", "/options/members_fallback"]),
        ("queue_members", json!({"skill_id": null, "members_fallback": false}), &[]),
        ("on_queue_idle", json!({"skill_id": ""}), at_skill),
        ("on_queue_idle", json!({"skill_id": "  "}), at_skill),
        ("on_queue_idle", json!({"skill_id": 7}), at_skill),
        ("on_queue_idle", json!({"skill_id": [SKILL]}), at_skill),
        ("on_queue_idle", json!({"members_fallback": "yes"}), at_fallback),
        ("on_queue_idle", json!({"members_fallback": 1}), at_fallback),
        ("on_queue_idle", json!({"members": true}), &["/options/members"]),
    ];
    for (template, options, expected) in cases {
        let options: &Map<String, Value> = options.as_object().unwrap();
        let plan = CheckRequest::plan_for_saved::<GenesysCloud>(&json!({"value": 0}), Some(template), options);
        let faults = plan.err().unwrap_or_default();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, expected, "{template} {options:?}");
    }
}
