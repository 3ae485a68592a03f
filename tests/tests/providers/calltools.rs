//! `CallTools`: the agent statuses recipe.

use callgate::check::Refusal;
use callgate::providers::calltools::CallTools;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::answers::assert_each_refusal;
use crate::desk::{Desk, agents, always, assert_headers, assert_says, assert_unknown, canned, field, golden, requests};
use crate::desk::{serve, serving};

fn agent(status: &str, ready: bool) -> Value {
    json!({
        "app_user": 7001, "full_name": "Agent", "agent_status": 20561, "status": status, "ready": ready,
        "logged_in": true, "queue_logged_in": true, "web_phone_status": "registered",
        "live_calls_count": i32::from(status == "On Call"), "live_queue_calls_count": 0, "campaign_name": "Inbound"
    })
}

fn page(count: usize, next: &Value, results: &[Value]) -> Value {
    json!({"count": count, "next": next, "previous": null, "results": results})
}

fn ready(number: usize) -> Vec<Value> {
    vec![agent("Available", true); number]
}

async fn answering(body: &Value) -> MockServer {
    always(ResponseTemplate::new(200).set_body_json(body)).await
}

#[tokio::test]
async fn the_ping_guides_request_is_sent_to_the_letter() {
    let count = json!({});
    let records = field("results[*].queue_logged_in", "greater_than", 0);
    let cases = [
        (json!({}), "?queue=5457"),
        (json!({"options": {"agent_status_id": 20561, "ready": true}}), "?queue=5457&agent_status_id=20561&ready=true"),
        (
            json!({"options": {"ready": "true", "agent_status_id": "20561"}}),
            "?queue=5457&agent_status_id=20561&ready=true",
        ),
        (json!({"options": {"ready": false}}), "?queue=5457&ready=false"),
        (json!({"options": {"agent_status_id": null}}), "?queue=5457"),
        (json!({"queue": 88}), "?queue=88"),
        (json!({"queue": "sales queue"}), "?queue=sales+queue"),
        (json!({"queue": "a/b?c=d&e#f%20+"}), "?queue=a%2Fb%3Fc%3Dd%26e%23f%2520%2B"),
        (json!({"queue": "ünïcode"}), "?queue=%C3%BCn%C3%AFcode"),
        (json!({"acceptance": count}), "?queue=5457"),
        (json!({"acceptance": records}), "?queue=5457&page_size=250"),
        (json!({"acceptance": agents("available", "at_least", 1)}), "?queue=5457&page_size=250"),
    ];
    for (question, query) in cases {
        let server = answering(&page(3, &Value::Null, &ready(3))).await;
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(question).await;
        assert_eq!(requests(&server).await, [format!("GET /api/agentstatuses/{query}")], "{verdict:#}");
        assert_headers(&server, &format!("Token {}", canned::<CallTools>().canary())).await;
        assert_eq!(verdict["reason"], "ok", "{verdict:#}");
    }
}

#[tokio::test]
async fn a_success_is_told_in_full() {
    let server = answering(&page(2, &Value::Null, &ready(2))).await;
    let question = json!({"options": {"agent_status_id": 20561, "ready": true}, "destination": "d", "call_id": 7});
    let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(question).await;
    let expected = json!({
        "decision": "accept", "accept": true, "reason": "ok", "available": 2,
        "counts": {"available": 2, "on_call": 0, "wrap_up": 0, "not_ready": 0, "logged_in": 2},
        "counts_complete": true,
        "findings": [{"criterion": "json count greater_than 0", "observed": 2, "outcome": "met"}],
        "provider": "calltools", "connection": "acme", "queue": "5457", "template": "agent_statuses",
        "source": "live", "on_unknown_applied": false, "warnings": [], "upstream_requests": 1,
        "destination": "d", "call_id": "7"
    });
    assert_eq!(golden(verdict), expected);
}

#[tokio::test]
async fn without_both_filters_the_verdict_warns_that_everybody_counts() {
    for (options, warns) in [
        (json!({}), true),
        (json!({"agent_status_id": 20561}), true),
        (json!({"ready": true}), true),
        (json!({"agent_status_id": 20561, "ready": false}), true),
        (json!({"agent_status_id": 20561, "ready": true}), false),
    ] {
        let server = answering(&page(1, &Value::Null, &ready(1))).await;
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(json!({"options": options})).await;
        assert_eq!(verdict["warnings"] != json!([]), warns, "{options}: {verdict:#}");
    }
}

#[tokio::test]
async fn the_platforms_value_is_one_less_than_the_agents_it_asks_for() {
    for value in 0..=3 {
        for count in 0..=5 {
            let server = answering(&page(count, &Value::Null, &ready(count))).await;
            let desk = Desk::<CallTools>::sending_to(&server.uri());
            let verdict = desk.ask(json!({"acceptance": {"value": value}})).await;
            let met = count > value;
            let reason = if met { "ok" } else { "condition_not_met" };
            assert_says("threshold", &verdict, &json!({"accept": met, "reason": reason, "on_unknown_applied": false}));
            assert_eq!(verdict["findings"][0]["observed"], count);
        }
    }
}

#[tokio::test]
async fn numbers_of_any_size_are_compared_as_they_were_written() {
    for (count, met) in [
        ("18446744073709551616", true),
        ("1e400", true),
        ("0.5", true),
        ("\"3\"", true),
        ("-1", false),
        ("-0", false),
        ("0e5", false),
    ] {
        let body = format!(r#"{{"count": {count}, "next": null, "previous": null, "results": []}}"#);
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(json!({})).await;
        assert_says(count, &verdict, &json!({"accept": met, "on_unknown_applied": false}));
    }
}

#[tokio::test]
async fn a_missing_count_is_unknown_and_never_zero() {
    for body in [r#"{"next": null, "results": []}"#, r#"{"count": null, "results": []}"#, "[]", "[{}]", "{}"] {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let desk = Desk::<CallTools>::sending_to(&server.uri());
        assert_unknown(body, &desk.ask(json!({})).await, "field_missing");
        let at_most = json!({"acceptance": field("count", "at_most", 100)});
        assert_unknown(body, &desk.ask(at_most).await, "field_missing");
    }
}

#[tokio::test]
async fn a_bare_list_still_has_its_agents() {
    let server = answering(&json!(ready(2))).await;
    let question = json!({"acceptance": agents("available", "equals", 2)});
    let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(question).await;
    assert_says("bare", &verdict, &json!({"reason": "ok", "available": 2, "counts_complete": true}));
}

#[tokio::test]
async fn each_documented_error_has_its_reason() {
    assert_each_refusal(
        canned::<CallTools>(),
        &[
            (401, r#"{"detail":"Invalid token."}"#, "auth_expired"),
            (401, r#"{"detail":"Authentication credentials were not provided."}"#, "auth_expired"),
            (403, r#"{"detail":"Invalid token."}"#, "auth_expired"),
            (403, r#"{"detail":"You do not have permission to perform this action."}"#, "auth_forbidden"),
            (400, r#"{"queue":["Select a valid choice."]}"#, "queue_not_found"),
            (400, r#"{"agent_status_id":["Enter a number."]}"#, "invalid_query"),
            (400, r#"{"queue":[7]}"#, "queue_not_found"),
            (400, "[]", "invalid_query"),
            // The queue is a parameter: what is not found is the path.
            (404, r#"{"detail":"Not found."}"#, "invalid_query"),
            (404, "<html>Not Found</html>", "invalid_query"),
            (429, r#"{"detail":"Request was throttled. Expected available in 42 seconds."}"#, "rate_limited"),
            (500, "<h1>Server Error (500)</h1>", "provider_error"),
            (530, "error code: 1033", "provider_error"),
        ],
    )
    .await;
}

const PAGE_TWO: &str = "/api/agentstatuses/?page=2&queue=5457&page_size=250";

/// Two ready agents on the first of two pages of four, and two on the second.
async fn two_pages(next: impl Fn(&MockServer) -> String) -> MockServer {
    let server = MockServer::start().await;
    let first = page(4, &next(&server).into(), &ready(2));
    let first = ResponseTemplate::new(200).set_body_json(first);
    serve(&server, "/api/agentstatuses/?queue=5457&page_size=250", first.clone()).await;
    serve(&server, "/api/agentstatuses/?queue=5457", first).await;
    let second = page(4, &Value::Null, &ready(2));
    serve(&server, PAGE_TWO, ResponseTemplate::new(200).set_body_json(second)).await;
    server
}

#[tokio::test]
async fn further_pages_are_read_only_while_the_outcome_is_open() {
    let available = |condition, value| agents("available", condition, value);
    for (acceptance, sent, expected) in [
        // The count is there: the list is no matter.
        (json!({}), 1, json!({"reason": "ok", "counts_complete": false})),
        (available("at_least", 2), 1, json!({"reason": "ok", "available": 2, "counts_complete": false})),
        (available("at_least", 3), 2, json!({"reason": "ok", "available": 4, "counts_complete": true})),
        (available("equals", 4), 2, json!({"reason": "ok", "available": 4, "counts_complete": true})),
        // More than all four cannot be.
        (available("at_least", 5), 1, json!({"reason": "condition_not_met", "counts_complete": false})),
        (available("at_most", 1), 1, json!({"reason": "condition_not_met", "counts_complete": false})),
        (json!({"not": available("at_least", 2)}), 1, json!({"reason": "condition_not_met"})),
        (
            json!({"any": [available("at_least", 4), field("count", "equals", 4)]}),
            1,
            json!({"reason": "ok", "counts_complete": false}),
        ),
        (json!({"all": [available("at_least", 4), field("count", "equals", 4)]}), 2, json!({"reason": "ok"})),
        (
            field("$.results[?@.status == 'Available' && @.queue_logged_in == true]", "greater_than", 2),
            2,
            json!({"reason": "ok"}),
        ),
    ] {
        let server = two_pages(|server| format!("{}{PAGE_TWO}", server.uri())).await;
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(json!({"acceptance": acceptance})).await;
        assert_says(&acceptance.to_string(), &verdict, &expected);
        assert_eq!(verdict["upstream_requests"], sent);
        let requests = requests(&server).await;
        assert_eq!(requests.len(), sent, "{requests:?}");
        assert!(sent == 1 || requests[1] == format!("GET {PAGE_TWO}"), "{requests:?}");
    }
}

#[tokio::test]
async fn explain_and_a_count_answer_read_every_page() {
    for more in [json!({"explain": true}), json!({"as": "count"})] {
        let server = two_pages(|server| format!("{}{PAGE_TWO}", server.uri())).await;
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(more).await;
        let expected = json!({"reason": "ok", "available": 4, "counts_complete": true, "upstream_requests": 2});
        assert_says("all", &verdict, &expected);
    }
}

#[tokio::test]
async fn a_next_link_to_another_host_is_never_followed() {
    let canary = always(ResponseTemplate::new(200).set_body_json(page(4, &Value::Null, &ready(2)))).await;
    let elsewhere = format!("{}{PAGE_TWO}", canary.uri());
    let links = [
        elsewhere.clone(),
        elsewhere.replace("http://", "//"),
        elsewhere.replace("http://", "http://user:word@"),
        elsewhere.replace("127.0.0.1", "localhost"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/api/users/".to_owned(),
        "http://[".to_owned(),
    ];
    for link in links {
        let server = two_pages(|_| link.clone()).await;
        let desk = Desk::<CallTools>::sending_to(&server.uri());
        let open = desk.ask(json!({"acceptance": agents("available", "at_least", 3)})).await;
        assert_unknown(&link, &open, "unexpected_response");
        let seen = json!({"source": "live", "available": 2, "counts_complete": false, "upstream_requests": 1});
        assert_says(&link, &open, &seen);
        let settled = desk.ask(json!({"acceptance": agents("available", "at_least", 2)})).await;
        assert_says(&link, &settled, &json!({"reason": "ok", "on_unknown_applied": false}));
        assert_eq!(requests(&server).await.len(), 2, "{link}");
        assert_eq!(requests(&canary).await, [""; 0], "{link}");
    }
}

#[tokio::test]
async fn a_next_link_that_leads_back_to_its_own_page_ends_the_reading() {
    let itself = "/api/agentstatuses/?queue=5457&page_size=250";
    let server = serving(&[(itself, page(4, &itself.into(), &ready(2)))]).await;
    let question = json!({"acceptance": agents("available", "at_least", 3)});
    let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(question).await;
    assert_unknown("loop", &verdict, "unexpected_response");
    assert_eq!(requests(&server).await.len(), 1);
}

#[tokio::test]
async fn a_page_that_fails_matters_only_where_the_outcome_was_open() {
    for (second, reason, sent) in [
        (ResponseTemplate::new(503), "provider_error", 3),
        (ResponseTemplate::new(429), "rate_limited", 2),
        (ResponseTemplate::new(200).set_body_string("{}"), "unexpected_response", 2),
        (ResponseTemplate::new(200).set_body_string("<html>"), "unexpected_response", 2),
    ] {
        let server = MockServer::start().await;
        let first = page(4, &format!("{}{PAGE_TWO}", server.uri()).into(), &ready(2));
        let first = ResponseTemplate::new(200).set_body_json(first);
        serve(&server, "/api/agentstatuses/?queue=5457&page_size=250", first).await;
        serve(&server, PAGE_TWO, second).await;
        let desk = Desk::<CallTools>::sending_to(&server.uri());
        let open = desk.ask(json!({"acceptance": agents("available", "at_least", 3)})).await;
        assert_unknown(reason, &open, reason);
        assert_says(reason, &open, &json!({"source": "live", "available": 2, "counts_complete": false}));
        assert_eq!(open["findings"][0]["outcome"], "unknown");
        assert_eq!(requests(&server).await.len(), sent);
        // Another gate: after a 429 this one leaves the account alone.
        let desk = Desk::<CallTools>::sending_to(&server.uri());
        let explained = desk.ask(json!({"acceptance": agents("available", "at_least", 2), "explain": true})).await;
        assert_says(reason, &explained, &json!({"reason": "ok", "counts_complete": false}));
    }
}

#[tokio::test]
async fn every_agent_is_counted_by_what_the_record_says() {
    let records = ["Available", "On Call", "Wrap Up", "Lunch"].map(|status| agent(status, status == "Available"));
    let server = answering(&page(4, &Value::Null, &records)).await;
    let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(json!({})).await;
    let counts = json!({"available": 1, "on_call": 1, "wrap_up": 1, "not_ready": 1, "logged_in": 4});
    assert_eq!(verdict["counts"], counts);
}

#[tokio::test]
async fn ready_is_what_the_record_says_of_it() {
    let lacking = |key: &str| {
        let mut record = agent("Available", true);
        record.as_object_mut().unwrap().remove(key);
        record
    };
    for (records, options, available) in [
        (vec![agent("Available", true), agent("available", true), agent("Available", false)], json!({}), json!(2)),
        (vec![agent("Ready for sales", true)], json!({}), json!(0)),
        // The account's own status id was the filter: its word is no matter.
        (vec![agent("Ready for sales", true)], json!({"agent_status_id": 1}), json!(1)),
        (vec![lacking("status"), agent("Available", true)], json!({}), json!(1)),
        (vec![lacking("status"), lacking("status")], json!({}), Value::Null),
        (vec![lacking("ready"), agent("Available", true)], json!({}), json!(1)),
        (vec![lacking("ready")], json!({}), Value::Null),
        (vec![], json!({}), json!(0)),
    ] {
        let server = answering(&page(records.len(), &Value::Null, &records)).await;
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(json!({"options": options})).await;
        assert_eq!(verdict["available"], available, "{options} {records:?}: {verdict:#}");
        assert_eq!(verdict["counts"].get("available").is_some(), available.is_number(), "{verdict:#}");
    }
}

#[tokio::test]
async fn ready_agents_asks_for_the_number_alone_with_every_filter() {
    let ready_agents = |more: Value| {
        let mut question = json!({
            "template": "ready_agents", "options": {"agent_status_id": 20561, "ready": true}
        });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    };
    for (count, acceptance, reason) in [
        (0, json!({}), "condition_not_met"),
        (1, json!({}), "ok"),
        (7, json!({"value": 6}), "ok"),
        (7, json!({"value": 7}), "condition_not_met"),
    ] {
        let shown = ready(usize::from(count > 0));
        let next = if count > 1 { "/api/agentstatuses/?page=2".into() } else { Value::Null };
        let server = answering(&page(count, &next, &shown)).await;
        let verdict =
            Desk::<CallTools>::sending_to(&server.uri()).ask(ready_agents(json!({"acceptance": acceptance}))).await;
        let expected = json!({"reason": reason, "available": count, "template": "ready_agents", "warnings": []});
        assert_says("ready agents", &verdict, &expected);
        let query = "?queue=5457&agent_status_id=20561&ready=true&page_size=1";
        assert_eq!(requests(&server).await, [format!("GET /api/agentstatuses/{query}")]);
    }
    let server = answering(&page(7, &Value::Null, &ready(1))).await;
    let desk = Desk::<CallTools>::sending_to(&server.uri());
    for (options, pointers) in [
        (json!({}), vec!["/options/agent_status_id", "/options/ready"]),
        (json!({"agent_status_id": 20561}), vec!["/options/ready"]),
        (json!({"agent_status_id": 20561, "ready": false}), vec!["/options/ready"]),
        (json!({"ready": true}), vec!["/options/agent_status_id"]),
    ] {
        let Err(Refusal::NotUnderstood(faults)) = desk.ask_as(None, ready_agents(json!({"options": options}))).await
        else {
            panic!("{options} is taken");
        };
        let named: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(named, pointers, "{options}");
    }
    assert_eq!(requests(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_filter_the_provider_ignores_is_no_count() {
    let options = json!({"agent_status_id": 20561, "ready": true});
    for record in [agent("Lunch", false), json!({"agent_status": 1, "ready": true})] {
        let server = answering(&page(9, &Value::Null, &[record])).await;
        let question = json!({"template": "ready_agents", "options": options});
        let verdict = Desk::<CallTools>::sending_to(&server.uri()).ask(question).await;
        assert_unknown("ignored", &verdict, "field_missing");
    }
}
