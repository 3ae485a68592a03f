//! `RingCentral`: the queue presence recipe.

use callgate::providers::ringcentral::RingCentral;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::answers::assert_each_refusal;
use crate::desk::{Desk, agents, always, assert_headers, assert_says, assert_unknown, canned, field, golden, requests};
use crate::desk::{serve, serving};

const PRESENCE: &str = "/restapi/v1.0/account/~/call-queues/987654321/presence";

fn record(accepts: bool) -> Value {
    json!({
        "member": {"id": "400130001", "name": "Agent", "extensionNumber": "101", "site": {"id": "main-site"}},
        "acceptQueueCalls": true, "acceptCurrentQueueCalls": accepts
    })
}

/// `yes` members who accept the queue's calls and `no` who do not.
fn records(yes: usize, no: usize) -> Vec<Value> {
    [vec![record(true); yes], vec![record(false); no]].concat()
}

/// Printed as the provider prints it, with a blank on both sides of each colon.
fn printed(body: &Value) -> String {
    format!("{body:#}").replace("\": ", "\" : ")
}

async fn answering(records: &[Value]) -> MockServer {
    let body = printed(&json!({"records": records}));
    always(ResponseTemplate::new(200).set_body_raw(body, "application/json;charset=utf-8")).await
}

/// The first of two pages, as the recipe's documentation shows paging.
async fn two_pages(second: ResponseTemplate) -> MockServer {
    let paging = json!({"page": 1, "totalPages": 2, "totalElements": 3});
    let server = serving(&[(PRESENCE, json!({"records": records(1, 1), "paging": paging}))]).await;
    serve(&server, &format!("{PRESENCE}?page=2"), second).await;
    server
}

fn second_page() -> ResponseTemplate {
    let paging = json!({"page": 2, "totalPages": 2, "totalElements": 3});
    ResponseTemplate::new(200).set_body_json(json!({"records": records(1, 0), "paging": paging}))
}

#[tokio::test]
async fn the_presence_request_is_sent_to_the_letter() {
    let cases = [
        (json!({}), PRESENCE),
        (json!({"options": {"account_id": "~"}}), PRESENCE),
        (
            json!({"options": {"account_id": 123_456_789}}),
            "/restapi/v1.0/account/123456789/call-queues/987654321/presence",
        ),
        (
            json!({"options": {"account_id": " 123456789 "}}),
            "/restapi/v1.0/account/123456789/call-queues/987654321/presence",
        ),
        (json!({"queue": 42}), "/restapi/v1.0/account/~/call-queues/42/presence"),
        (json!({"queue": "a b/../c?d"}), "/restapi/v1.0/account/~/call-queues/a%20b%2F..%2Fc%3Fd/presence"),
        (json!({"queue": "é%"}), "/restapi/v1.0/account/~/call-queues/%C3%A9%25/presence"),
    ];
    for (question, path) in cases {
        let server = answering(&records(1, 0)).await;
        let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(question).await;
        assert_eq!(requests(&server).await, [format!("GET {path}")]);
        assert_headers(&server, &format!("Bearer {}", canned::<RingCentral>().canary())).await;
        assert_eq!(verdict["reason"], "ok", "{verdict:#}");
    }
}

#[tokio::test]
async fn a_success_is_told_in_full() {
    let server = answering(&records(2, 1)).await;
    let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(json!({})).await;
    let mut verdict = golden(verdict);
    // Members in a call or set to do-not-disturb count: the recipe miscounts, and says so.
    let warnings = verdict.as_object_mut().unwrap().remove("warnings").unwrap();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
    let criterion = "regex count \"acceptCurrentQueueCalls\": true greater_than 0";
    let expected = json!({
        "decision": "accept", "accept": true, "reason": "ok", "available": null, "counts": {"logged_in": 2},
        "counts_complete": true,
        "findings": [{"criterion": criterion, "observed": 2, "outcome": "met"}],
        "provider": "ringcentral", "connection": "acme", "queue": "987654321", "template": "queue_presence",
        "source": "live", "on_unknown_applied": false, "upstream_requests": 1
    });
    assert_eq!(verdict, expected);
}

#[tokio::test]
async fn the_platforms_value_is_one_less_than_the_agents_it_asks_for() {
    for value in 0..=2 {
        for yes in 0..=4 {
            let server = answering(&records(yes, 2)).await;
            let desk = Desk::<RingCentral>::sending_to(&server.uri());
            let verdict = desk.ask(json!({"acceptance": {"value": value}})).await;
            let reason = if yes > value { "ok" } else { "condition_not_met" };
            assert_says("threshold", &verdict, &json!({"reason": reason, "on_unknown_applied": false}));
            assert_eq!(verdict["findings"][0]["observed"], yes);
        }
    }
}

#[tokio::test]
async fn a_pattern_over_two_keys_never_joins_two_agents() {
    let member =
        |accepts: bool, presence: &str| json!({"acceptCurrentQueueCalls": accepts, "presenceStatus": presence});
    let pattern = r#""acceptCurrentQueueCalls": true.*"presenceStatus": "Available""#;
    for (members, observed) in [
        ([member(true, "Busy"), member(false, "Available")], 0),
        ([member(true, "Available"), member(false, "Available")], 1),
        ([member(true, "Available"), member(true, "Available")], 2),
    ] {
        let server = answering(&members).await;
        let verdict =
            Desk::<RingCentral>::sending_to(&server.uri()).ask(json!({"acceptance": {"pattern": pattern}})).await;
        assert_eq!(verdict["findings"][0]["observed"], observed, "{verdict:#}");
        assert_eq!(verdict["accept"], observed > 0);
    }
}

#[tokio::test]
async fn the_paging_of_the_documentation_is_followed_while_the_outcome_is_open() {
    for (value, sent, reason, complete) in [(0, 1, "ok", false), (1, 2, "ok", true), (2, 2, "condition_not_met", true)]
    {
        let server = two_pages(second_page()).await;
        let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(json!({"acceptance": {"value": value}})).await;
        let expected = json!({"reason": reason, "counts_complete": complete, "upstream_requests": sent});
        assert_says("paging", &verdict, &expected);
        let pages = [format!("GET {PRESENCE}"), format!("GET {PRESENCE}?page=2")];
        assert_eq!(requests(&server).await, pages[..sent]);
    }
    let server = two_pages(second_page()).await;
    let paths = [("logged_in", 2), ("logged_in", 1)];
    for (count, value) in paths {
        let question = json!({"acceptance": agents(count, "equals", value)});
        let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(question).await;
        assert_eq!(verdict["accept"], value == 2, "{verdict:#}");
        assert_eq!(verdict["upstream_requests"], 2);
    }
    // Three in all, one of two known to accept: four cannot be.
    let question = json!({"acceptance": agents("logged_in", "at_least", 3)});
    let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(question).await;
    assert_says("cannot be", &verdict, &json!({"reason": "condition_not_met", "upstream_requests": 1}));
}

#[tokio::test]
async fn one_page_of_documented_paging_is_one_request() {
    let paging = json!({"page": 1, "totalPages": 1, "totalElements": 2});
    let body = json!({"records": records(1, 1), "paging": paging});
    let server = always(ResponseTemplate::new(200).set_body_json(&body)).await;
    let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(json!({"acceptance": {"value": 5}})).await;
    let expected = json!({"reason": "condition_not_met", "counts_complete": true, "upstream_requests": 1});
    assert_says("one page", &verdict, &expected);
    let question = json!({"acceptance": field("paging.totalElements", "equals", 2)});
    let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(question).await;
    assert_eq!(verdict["reason"], "ok", "{verdict:#}");
}

#[tokio::test]
async fn a_navigation_link_is_followed_on_its_own_host_only() {
    let canary = always(second_page()).await;
    for (origin, reason) in [("", "ok"), (canary.uri().as_str(), "unexpected_response")] {
        let next = json!({"nextPage": {"uri": format!("{origin}{PRESENCE}?page=2")}});
        let server = serving(&[(PRESENCE, json!({"records": records(1, 1), "navigation": next}))]).await;
        serve(&server, &format!("{PRESENCE}?page=2"), second_page()).await;
        let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(json!({"acceptance": {"value": 1}})).await;
        assert_eq!(verdict["reason"], reason, "{verdict:#}");
        assert_eq!(requests(&canary).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_page_that_fails_matters_only_where_the_outcome_was_open() {
    for (second, reason) in [
        (ResponseTemplate::new(502), "provider_error"),
        (ResponseTemplate::new(429), "rate_limited"),
        (ResponseTemplate::new(404), "queue_not_found"),
        (ResponseTemplate::new(200).set_body_string("{\"records\": 7}"), "unexpected_response"),
    ] {
        let server = two_pages(second).await;
        // A gate for each check: after a 429 it leaves the account alone.
        let desk = || Desk::<RingCentral>::sending_to(&server.uri());
        let open = desk().ask(json!({"acceptance": {"value": 1}})).await;
        assert_unknown(reason, &open, reason);
        assert_says(reason, &open, &json!({"source": "live", "counts_complete": false}));
        let settled = desk().ask(json!({})).await;
        assert_says(reason, &settled, &json!({"reason": "ok", "on_unknown_applied": false}));
    }
}

#[tokio::test]
async fn an_answer_without_its_list_is_missing_and_an_empty_list_is_nobody() {
    for (body, reason) in [
        ("{}", "field_missing"),
        (r#"{"records": null}"#, "field_missing"),
        (r#"{"records": {}}"#, "field_missing"),
        (r#"{"records": []}"#, "condition_not_met"),
    ] {
        let server = always(ResponseTemplate::new(200).set_body_string(body)).await;
        let verdict = Desk::<RingCentral>::sending_to(&server.uri()).ask(json!({})).await;
        assert_eq!(verdict["reason"], reason, "{body}: {verdict:#}");
    }
}

#[tokio::test]
async fn who_is_available_is_not_said() {
    let server = answering(&records(2, 0)).await;
    let desk = Desk::<RingCentral>::sending_to(&server.uri());
    for count in ["available", "on_call", "waiting", "headroom"] {
        let verdict = desk.ask(json!({"acceptance": agents(count, "at_least", 0)})).await;
        assert_unknown(count, &verdict, "field_missing");
    }
}

#[tokio::test]
async fn each_documented_error_has_its_reason() {
    let bodies = [
        (401, "OAU-128", "auth_expired"),
        (401, "OAU-129", "auth_expired"),
        (401, "OAU-149", "auth_expired"),
        (401, "OAU-213", "auth_expired"),
        (401, "TokenInvalid", "auth_expired"),
        (401, "AGW-401", "auth_expired"),
        // The code says more than the status.
        (400, "TokenInvalid", "auth_expired"),
        (400, "CMN-101", "invalid_query"),
        (403, "CMN-401", "auth_forbidden"),
        (403, "CMN-408", "auth_forbidden"),
        (404, "CMN-102", "queue_not_found"),
        (400, "CMN-102", "queue_not_found"),
        (429, "CMN-301", "rate_limited"),
        (500, "CMN-201", "provider_error"),
        (503, "CMN-203", "provider_error"),
    ]
    .map(|(status, code, reason)| {
        let error = json!({"errorCode": code, "message": "text"});
        (status, json!({"errorCode": code, "message": "text", "errors": [error]}).to_string(), reason)
    });
    let cases: Vec<_> = bodies.iter().map(|(status, body, reason)| (*status, body.as_str(), *reason)).collect();
    assert_each_refusal(canned::<RingCentral>(), &cases).await;
}
