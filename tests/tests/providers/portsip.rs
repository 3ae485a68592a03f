//! `PortSIP`: queue status, agent list, and each agent's status.

use std::ops::RangeInclusive;

use callgate::providers::portsip::PortSip;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::answers::assert_each_refusal;
use crate::desk::{Desk, agents, assert_headers, assert_says, assert_unknown, canned, field, golden, requests};
use crate::desk::{serve, serving};

const QUEUE: &str = "/api/call_queues/NzAwNTUxOTA5NzczMTQ4MTYw";

/// Requests that may be under way beside the one that settles the matter.
const AT_ONCE: usize = 8;

fn listed(number: usize) -> Value {
    json!({"extension_number": (101 + number).to_string(), "display_name": "Agent", "skill_level": 1})
}

fn with_status(number: usize, status: &str) -> Value {
    let mut agent = listed(number);
    agent["status"] = status.into();
    agent
}

fn agent_path(number: usize) -> String {
    format!("{QUEUE}/agents/{}", 101 + number)
}

/// A queue that is open, with an agent in each status; an empty status is an agent whose answer is not served.
async fn pbx(statuses: &[&str]) -> MockServer {
    let items: Vec<_> = (0..statuses.len()).map(listed).collect();
    let server = serving(&[
        (&format!("{QUEUE}/status"), json!({"status": "ONLINE"})),
        (&format!("{QUEUE}/agents"), json!({"items": items})),
    ])
    .await;
    for (number, status) in statuses.iter().enumerate().filter(|(_, status)| !status.is_empty()) {
        let answer = ResponseTemplate::new(200).set_body_json(with_status(number, status));
        serve(&server, &agent_path(number), answer).await;
    }
    server
}

fn at_least(value: u32) -> Value {
    json!({"acceptance": agents("available", "at_least", value)})
}

#[tokio::test]
async fn the_three_kinds_of_request_are_sent_to_the_letter() {
    let server = pbx(&["READY", "BREAK"]).await;
    let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(at_least(2)).await;
    let mut requests = requests(&server).await;
    // The queue's status and its agents are asked for side by side, and each agent after that.
    requests[..2].sort();
    requests[2..].sort();
    let paths = ["agents", "status", "agents/101", "agents/102"];
    assert_eq!(requests, paths.map(|path| format!("GET {QUEUE}/{path}")));
    assert_headers(&server, &format!("Bearer {}", canned::<PortSip>().canary())).await;
    assert_eq!(verdict["upstream_requests"], 4);
}

#[tokio::test]
async fn a_queue_id_is_one_segment_of_the_path() {
    for (queue, path) in [
        ("a b", "/api/call_queues/a%20b"),
        ("a/b", "/api/call_queues/a%2Fb"),
        ("../x", "/api/call_queues/..%2Fx"),
        ("%2e", "/api/call_queues/%252e"),
        ("é", "/api/call_queues/%C3%A9"),
        ("a?b#c", "/api/call_queues/a%3Fb%23c"),
    ] {
        let server = serving(&[
            (&format!("{path}/status"), json!({"status": "ONLINE"})),
            (&format!("{path}/agents"), json!({"items": [listed(0)]})),
            (&format!("{path}/agents/101"), with_status(0, "READY")),
        ])
        .await;
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({"queue": queue})).await;
        assert_says(queue, &verdict, &json!({"reason": "ok", "queue": queue, "upstream_requests": 3}));
    }
}

#[tokio::test]
async fn a_success_is_told_in_full() {
    let statuses = ["READY", "QUEUE_CALL", "WRAP_UP", "LUNCH", "LOGGED_OUT", "READY", "FUTURE_WORD"];
    let server = pbx(&statuses).await;
    let question = json!({"acceptance": agents("available", "equals", 2)});
    let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(question).await;
    let expected = json!({
        "decision": "accept", "accept": true, "reason": "ok", "available": 2,
        "counts": {"available": 2, "on_call": 1, "wrap_up": 1, "not_ready": 2, "logged_in": 6},
        "counts_complete": true,
        "findings": [{"criterion": "agents available equals 2", "observed": 2, "outcome": "met"}],
        "provider": "portsip", "connection": "acme", "queue": "NzAwNTUxOTA5NzczMTQ4MTYw",
        "template": "queue_agents", "source": "live", "on_unknown_applied": false, "warnings": [],
        "upstream_requests": 9
    });
    assert_eq!(golden(verdict), expected);
}

#[tokio::test]
async fn only_ready_counts_and_an_unknown_word_is_not_ready() {
    for (status, count) in [
        ("READY", "available"),
        ("QUEUE_CALL", "on_call"),
        ("OTHER_CALL", "on_call"),
        ("TRANSFER", "on_call"),
        ("CONSULT_TRANSFER", "on_call"),
        ("ON_HOLD", "on_call"),
        ("WRAP_UP", "wrap_up"),
        ("NOT_READY", "not_ready"),
        ("BREAK", "not_ready"),
        ("LUNCH", "not_ready"),
        ("LOGGED_IN", "not_ready"),
        ("SOMETHING_NEW", "not_ready"),
        ("LOGGED_OUT", ""),
        ("OFFLINE", ""),
    ] {
        let server = pbx(&[status]).await;
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({})).await;
        assert_says(status, &verdict, &json!({"accept": status == "READY", "on_unknown_applied": false}));
        for other in ["available", "on_call", "wrap_up", "not_ready"] {
            assert_eq!(verdict["counts"][other], i32::from(other == count), "{status} {other}: {verdict:#}");
        }
    }
}

#[tokio::test]
async fn the_platforms_value_is_one_less_than_the_agents_it_asks_for() {
    for value in 0..=2 {
        for ready in 0..=4 {
            let statuses = [vec!["BREAK"], vec!["READY"; ready]].concat();
            let server = pbx(&statuses).await;
            let desk = Desk::<PortSip>::sending_to(&server.uri());
            let verdict = desk.ask(json!({"acceptance": {"value": value}})).await;
            let reason = if ready > value { "ok" } else { "condition_not_met" };
            assert_says("threshold", &verdict, &json!({"reason": reason, "on_unknown_applied": false}));
        }
    }
}

#[tokio::test]
async fn an_offline_queue_is_closed_and_nobody_on_it_is_asked_for() {
    for on_unknown in ["accept", "reject"] {
        let server = pbx(&["READY", "READY"]).await;
        server.reset().await;
        let status = ResponseTemplate::new(200).set_body_json(json!({"status": "OFFLINE"}));
        serve(&server, &format!("{QUEUE}/status"), status).await;
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({"on_unknown": on_unknown})).await;
        let expected = json!({
            "decision": "reject", "accept": false, "reason": "queue_closed", "on_unknown_applied": false,
            "source": "live", "available": null, "counts": {}
        });
        assert_says(on_unknown, &verdict, &expected);
        assert!(!requests(&server).await.iter().any(|line| line.contains("/agents/")));
    }
}

#[tokio::test]
async fn reading_stops_once_the_threshold_is_met_or_out_of_reach() {
    let all = |status: &'static str| vec![status; 40];
    for (what, statuses, threshold, reason, asked) in [
        ("met", all("READY"), 1, "ok", 1..=AT_ONCE),
        ("out of reach", all("BREAK"), 40, "condition_not_met", 1..=AT_ONCE),
        ("out of reach from the start", all("READY"), 41, "condition_not_met", 0..=0),
        ("met late", [all("BREAK"), all("READY")].concat(), 1, "ok", 41..=40 + AT_ONCE),
        ("open to the end", [all("READY"), vec!["BREAK"]].concat(), 41, "condition_not_met", 41..=41),
        ("nobody", all("BREAK"), 1, "condition_not_met", 40..=40),
    ] {
        let asked: RangeInclusive<usize> = asked;
        let server = pbx(&statuses).await;
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(at_least(threshold)).await;
        let complete = asked.contains(&statuses.len());
        let expected = json!({"reason": reason, "on_unknown_applied": false, "counts_complete": complete});
        assert_says(what, &verdict, &expected);
        let told = usize::try_from(verdict["upstream_requests"].as_u64().unwrap()).unwrap() - 2;
        assert!(asked.contains(&told), "{what}: {told} agents asked for");
        assert!(requests(&server).await.len() - 2 <= told, "{what}");
    }
}

#[tokio::test]
async fn json_and_patterns_see_the_list_with_each_status_merged_in() {
    let server = pbx(&["READY", "BREAK", "READY"]).await;
    let desk = Desk::<PortSip>::sending_to(&server.uri());
    for acceptance in [
        field("$.items[?@.status == 'READY' && @.skill_level == 1]", "equals", 2),
        field("items[*].status", "equals", 3),
        json!({"parse_type": "regex", "pattern": "\"status\": \"READY\"", "condition": "equals", "value": 2}),
        json!({"parse_type": "json", "parse_field": "items[2].status", "condition": "equals", "value": "READY"}),
    ] {
        let verdict = desk.ask(json!({"acceptance": acceptance})).await;
        assert_eq!(verdict["reason"], "ok", "{acceptance}: {verdict:#}");
    }
}

#[tokio::test]
async fn an_agent_who_cannot_be_read_matters_only_where_the_outcome_is_open() {
    let html = ResponseTemplate::new(200).set_body_string("<html>");
    for (answer, reason) in [
        (ResponseTemplate::new(500), "provider_error"),
        (html, "unexpected_response"),
        (ResponseTemplate::new(200).set_body_string("[]"), "unexpected_response"),
    ] {
        for (threshold, outcome) in [(1, "ok"), (2, "ok"), (3, reason), (4, "condition_not_met")] {
            let server = pbx(&["READY", "", "READY"]).await;
            serve(&server, &agent_path(1), answer.clone()).await;
            let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(at_least(threshold)).await;
            let expected = json!({"reason": outcome, "on_unknown_applied": outcome == reason, "source": "live"});
            assert_says(&format!("{threshold}"), &verdict, &expected);
            if threshold == 3 {
                assert_says("open", &verdict, &json!({"available": 2, "counts_complete": false}));
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_of_the_account_ends_the_asking() {
    for (status, reason) in [(401, "auth_expired"), (403, "auth_forbidden"), (429, "rate_limited")] {
        let server = pbx(&[""; 40]).await;
        for number in 0..40 {
            serve(&server, &agent_path(number), ResponseTemplate::new(status)).await;
        }
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({})).await;
        assert_unknown(reason, &verdict, reason);
        let sent = requests(&server).await.len();
        assert!(sent <= 2 + AT_ONCE, "{reason}: {sent} requests");
    }
}

#[tokio::test]
async fn an_agent_who_has_left_the_queue_is_not_ready() {
    let server = pbx(&["READY", "", "BREAK"]).await;
    let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(at_least(2)).await;
    let expected = json!({"reason": "condition_not_met", "available": 1, "counts_complete": true});
    assert_says("left", &verdict, &expected);
}

#[tokio::test]
async fn without_any_status_nobody_knows() {
    let server = pbx(&["", ""]).await;
    for number in 0..2 {
        serve(&server, &agent_path(number), ResponseTemplate::new(200).set_body_json(listed(number))).await;
    }
    let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({})).await;
    assert_unknown("no status", &verdict, "field_missing");
    let empty = pbx(&[]).await;
    let verdict = Desk::<PortSip>::sending_to(&empty.uri()).ask(json!({})).await;
    assert_says("empty", &verdict, &json!({"reason": "condition_not_met", "available": 0}));
}

#[tokio::test]
async fn each_step_says_what_is_wrong_with_its_answer() {
    let open = json!({"status": "ONLINE"});
    for (status, agents) in [
        (json!({}), json!({"items": []})),
        (json!({"status": null}), json!({"items": []})),
        (json!(null), json!({"items": []})),
        (json!(["ONLINE"]), json!({"items": []})),
        (open.clone(), json!({})),
        (open.clone(), json!({"items": null})),
        (open.clone(), json!([])),
        (open.clone(), json!({"items": [{"display_name": "no number"}]})),
        (open.clone(), json!({"items": [{"extension_number": "../../users"}]})),
        (open, json!({"items": ["101"]})),
    ] {
        let server =
            serving(&[(&format!("{QUEUE}/status"), status.clone()), (&format!("{QUEUE}/agents"), agents.clone())])
                .await;
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({})).await;
        assert_unknown(&format!("{status} {agents}"), &verdict, "unexpected_response");
        assert!(requests(&server).await.len() <= 2);
    }
}

/// A page of queues; only the queue 8001 is the one with agents.
fn queues(first: usize, number: usize) -> Value {
    let queue = |at: usize| {
        let id = if at == 8001 { "NzAwNTUxOTA5NzczMTQ4MTYw".to_owned() } else { format!("other-{at}") };
        json!({"id": id, "name": "Queue", "extension_number": at.to_string()})
    };
    json!({"count": 101, "items": (first..first + number).map(queue).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_queues_extension_number_is_resolved_once_and_remembered() {
    let server = pbx(&["READY"]).await;
    let list = "/api/call_queues?skip=0&top=100";
    serve(&server, list, ResponseTemplate::new(200).set_body_json(queues(8000, 2))).await;
    let desk = Desk::<PortSip>::sending_to(&server.uri());
    let first = desk.ask(json!({"queue": "8001"})).await;
    assert_says("first", &first, &json!({"reason": "ok", "queue": "8001", "upstream_requests": 4}));
    let second = desk.ask(json!({"queue": "8001"})).await;
    assert_says("second", &second, &json!({"reason": "ok", "queue": "8001"}));
    let lists = requests(&server).await.into_iter().filter(|line| line.contains('?')).collect::<Vec<_>>();
    assert_eq!(lists, [format!("GET {list}")]);
}

#[tokio::test]
async fn a_queue_on_a_further_page_of_queues_is_found() {
    let server = pbx(&["READY"]).await;
    for (skip, page) in [(0, queues(7901, 100)), (100, queues(8001, 1))] {
        let target = format!("/api/call_queues?skip={skip}&top=100");
        serve(&server, &target, ResponseTemplate::new(200).set_body_json(page)).await;
    }
    let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(json!({"queue": "8001"})).await;
    assert_says("page 2", &verdict, &json!({"reason": "ok", "upstream_requests": 5}));
}

#[tokio::test]
async fn an_extension_number_of_no_queue_is_not_found_and_asked_for_again() {
    let server = serving(&[("/api/call_queues?skip=0&top=100", queues(9000, 3))]).await;
    let desk = Desk::<PortSip>::sending_to(&server.uri());
    for sent in 1..=2 {
        let verdict = desk.ask(json!({"queue": "8001"})).await;
        assert_unknown("no such queue", &verdict, "queue_not_found");
        assert_eq!(requests(&server).await.len(), sent);
    }
}

#[tokio::test]
async fn a_remembered_queue_that_is_gone_is_looked_up_again() {
    let server = MockServer::start().await;
    let list = "/api/call_queues?skip=0&top=100";
    let old = json!({"items": [{"id": "old", "extension_number": "8001"}]});
    serve(&server, list, ResponseTemplate::new(200).set_body_json(old)).await;
    serve(&server, "/api/call_queues/old/status", ResponseTemplate::new(404)).await;
    let desk = Desk::<PortSip>::sending_to(&server.uri());
    let verdict = desk.ask(json!({"queue": "8001"})).await;
    assert_unknown("gone", &verdict, "queue_not_found");
    server.reset().await;
    serve(&server, list, ResponseTemplate::new(200).set_body_json(queues(8000, 2))).await;
    let status = ResponseTemplate::new(200).set_body_json(json!({"status": "OFFLINE"}));
    serve(&server, &format!("{QUEUE}/status"), status).await;
    let verdict = desk.ask(json!({"queue": "8001"})).await;
    assert_says("created anew", &verdict, &json!({"reason": "queue_closed"}));
}

#[tokio::test]
async fn each_documented_error_has_its_reason() {
    let bodies = [
        (400, "INVALID_ARGUMENT", "invalid_query"),
        (400, "UNAUTHORIZED", "auth_expired"),
        (401, "UNAUTHORIZED", "auth_expired"),
        (403, "FORBIDDEN", "auth_forbidden"),
        (404, "NOT_FOUND", "queue_not_found"),
        (429, "TOO_MANY_REQUESTS", "rate_limited"),
        (500, "INTERNAL_SERVER_ERROR", "provider_error"),
    ]
    .map(|(status, code, reason)| {
        let body = json!({"errors": [{"code": code, "message": "text", "detail": "text"}]});
        (status, body.to_string(), reason)
    });
    let cases: Vec<_> = bodies.iter().map(|(status, body, reason)| (*status, body.as_str(), *reason)).collect();
    assert_each_refusal(canned::<PortSip>(), &cases).await;
}

#[tokio::test]
async fn headroom_is_who_is_ready_less_who_is_waiting() {
    for (ready, waiting, reason) in
        [(3, 2, "ok"), (3, 3, "condition_not_met"), (1, 5, "condition_not_met"), (0, 0, "condition_not_met")]
    {
        let server = pbx(&["READY"; 3][..ready]).await;
        let callers = vec![json!({"session_id": "s", "waiting_time": 1}); waiting];
        let answer = ResponseTemplate::new(200).set_body_json(json!({"items": callers}));
        serve(&server, &format!("{QUEUE}/waiting"), answer).await;
        let question = json!({"template": "queue_headroom", "as": "count"});
        let verdict = Desk::<PortSip>::sending_to(&server.uri()).ask(question).await;
        let expected = json!({"reason": reason, "available": ready, "template": "queue_headroom"});
        assert_says("headroom", &verdict, &expected);
        assert_eq!(verdict["counts"]["waiting"], waiting, "{verdict:#}");
        assert_eq!(verdict["findings"][0]["criterion"], "agents headroom greater_than 0");
        let asked = requests(&server).await.into_iter().filter(|line| line.ends_with("/waiting")).count();
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn who_is_waiting_is_never_nobody_for_want_of_an_answer() {
    for (answer, reason) in [
        (ResponseTemplate::new(404), "field_missing"),
        (ResponseTemplate::new(500), "provider_error"),
        (ResponseTemplate::new(200).set_body_string("{}"), "unexpected_response"),
    ] {
        let server = pbx(&["READY"; 3]).await;
        serve(&server, &format!("{QUEUE}/waiting"), answer).await;
        let desk = Desk::<PortSip>::sending_to(&server.uri());
        let verdict = desk.ask(json!({"template": "queue_headroom"})).await;
        assert_unknown(reason, &verdict, reason);
        // Where the criterion does not read it, it is no matter.
        let question = json!({"template": "queue_headroom", "acceptance": agents("available", "at_least", 3)});
        assert_says(reason, &desk.ask(question).await, &json!({"reason": "ok"}));
    }
}
