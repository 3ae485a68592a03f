//! The HTTP API in front of the gate: forms of the answer, what is refused, and what `explain` shows.

use callgate::invocation::Invocation;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::routes::{HttpAnswer, HttpRequest, respond};
use callgate_tests::stage::upstream;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::desk::{Desk, always, canned, requests};

fn get<P: Provider>(query: &[(&str, &str)]) -> HttpRequest {
    let asked = canned::<P>();
    let question = [("connection", "acme"), ("queue", asked.queue)];
    let pairs = question.iter().chain(query).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    HttpRequest {
        method: "GET".to_owned(),
        path: format!("/v1/check/{}", asked.name),
        query: pairs.collect(),
        ..HttpRequest::default()
    }
}

fn post<P: Provider>(body: impl Into<Vec<u8>>) -> HttpRequest {
    HttpRequest { method: "POST".to_owned(), query: Vec::new(), body: body.into(), ..get::<P>(&[]) }
}

fn media_type(answer: &HttpAnswer) -> &str {
    answer.content_type.split(';').next().unwrap()
}

#[tokio::test]
async fn a_count_or_a_bit_is_plain_text() {
    let paged = json!({"count": 7, "next": "/api/agentstatuses/?page=2", "previous": null, "results": []});
    let documented = json!({"count": 3, "next": null, "previous": null, "results": []});
    for (status, body, query, text) in [
        (200, &documented, vec![("as", "count")], "3"),
        (200, &documented, vec![("as", "bool")], "1"),
        (200, &documented, vec![("as", "bool"), ("value", "3")], "0"),
        (200, &documented, vec![("as", "count"), ("value", "3")], "3"),
        (200, &documented, vec![("as", "count"), ("parse_field", "results"), ("condition", "less_than")], "0"),
        // Unknown: policy decided, and its bit is what both forms print.
        (200, &documented, vec![("as", "count"), ("parse_field", "none")], "0"),
        (200, &documented, vec![("as", "count"), ("parse_field", "none"), ("on_unknown", "accept")], "1"),
        (404, &documented, vec![("as", "count"), ("on_unknown", "accept")], "1"),
        (404, &documented, vec![("as", "count")], "0"),
        (404, &documented, vec![("as", "bool"), ("on_unknown", "accept")], "1"),
        (404, &documented, vec![("as", "bool")], "0"),
        // Its second page is no page, and its count is there.
        (200, &paged, vec![("as", "count")], "7"),
    ] {
        let server = always(ResponseTemplate::new(status).set_body_json(body)).await;
        let desk = Desk::<CallTools>::sending_to(&server.uri());
        let answer = respond(&desk.gate, &get::<CallTools>(&query), &Invocation::default()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, text), "{status} {query:?}");
        assert_eq!(media_type(&answer), "text/plain");
    }
}

#[tokio::test]
async fn a_count_over_several_criteria_is_the_agents_available() {
    let server = upstream(canned::<PortSip>(), 2).await;
    let desk = Desk::<PortSip>::sending_to(&server.uri());
    let acceptance = json!({"any": [
        {"parse_type": "agents", "parse_field": "available", "condition": "at_least", "value": 1},
        {"parse_type": "agents", "parse_field": "on_call", "condition": "at_least", "value": 9}
    ]});
    let question = canned::<PortSip>().question_with(json!({"acceptance": acceptance}));
    for in_query in [false, true] {
        let mut request = if in_query {
            post::<PortSip>(question.to_string())
        } else {
            let mut question = question.clone();
            question["as"] = "count".into();
            post::<PortSip>(question.to_string())
        };
        if in_query {
            request.query = vec![("as".to_owned(), "count".to_owned())];
        }
        assert_eq!(respond(&desk.gate, &request, &Invocation::default()).await.body, "2");
    }
}

#[tokio::test]
async fn a_get_with_flat_fields_asks_what_a_post_asks() {
    let server = upstream(canned::<GenesysCloud>(), 3).await;
    let desk = Desk::<GenesysCloud>::sending_to(&server.uri());
    let flat = [("parse_type", "json"), ("parse_field", "total"), ("condition", "Greater Than"), ("value", "2")];
    let body =
        json!({"acceptance": {"parse_type": "json", "parse_field": "total", "condition": "Greater Than", "value": 2}});
    let body = canned::<GenesysCloud>().question_with(body).to_string();
    for request in [get::<GenesysCloud>(&flat), post::<GenesysCloud>(body)] {
        let answer = respond(&desk.gate, &request, &Invocation::default()).await;
        assert_eq!((answer.status, media_type(&answer)), (200, "application/json"));
        let verdict: Value = serde_json::from_str(&answer.body).unwrap();
        let finding = json!({"criterion": "json total greater_than 2", "observed": 3, "outcome": "met"});
        assert_eq!(verdict["findings"], json!([finding]));
    }
}

#[tokio::test]
async fn what_is_no_check_is_refused_and_sends_nothing() {
    let server = upstream(canned::<RingCentral>(), 3).await;
    let desk = Desk::<RingCentral>::sending_to(&server.uri());
    let question = canned::<RingCentral>().question().to_string();
    let at = |path: &str| HttpRequest { path: path.to_owned(), ..get::<RingCentral>(&[]) };
    let by = |method: &str| HttpRequest { method: method.to_owned(), ..post::<RingCentral>(question.clone()) };
    let padded = format!("{question}{}", " ".repeat(6 << 20));
    let deep = "[".repeat(100_000);
    for (what, request, status) in [
        ("another provider", at("/v1/check/calltools"), 404),
        ("no provider", at("/v1/check/"), 404),
        ("an unknown provider", at("/v1/check/five9"), 404),
        ("more behind it", at("/v1/check/ringcentral/more"), 404),
        ("another path", at("/"), 404),
        ("PUT", by("PUT"), 405),
        ("DELETE", by("DELETE"), 405),
        ("HEAD", by("HEAD"), 405),
        ("6 MiB", post::<RingCentral>(padded), 413),
        ("deep", post::<RingCentral>(deep), 400),
        ("no JSON", post::<RingCentral>("queue=1"), 400),
        ("nothing", post::<RingCentral>(""), 400),
        ("no UTF-8", post::<RingCentral>(*b"{\"queue\": \"\xff\"}"), 400),
        ("a fault", get::<RingCentral>(&[("condition", "roughly")]), 400),
        ("twice", get::<RingCentral>(&[("queue", "2")]), 400),
    ] {
        let answer = respond(&desk.gate, &request, &Invocation::default()).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert_eq!(media_type(&answer), "application/problem+json", "{what}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status, "{what}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{what}");
    }
    assert_eq!(requests(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_key_the_secret_does_not_name_gets_403() {
    let server = upstream(canned::<RingCentral>(), 3).await;
    let mut secret = canned::<RingCentral>().secret(&server.uri());
    secret["allowed_api_key_ids"] = json!(["ours"]);
    let desk = Desk::<RingCentral>::with(&secret.to_string());
    for (key, status) in [(Some("ours"), 200), (Some("theirs"), 403), (None, 403)] {
        let request =
            HttpRequest { api_key_id: key.map(str::to_owned), ..get::<RingCentral>(&[("on_unknown", "accept")]) };
        let answer = respond(&desk.gate, &request, &Invocation::default()).await;
        assert_eq!(answer.status, status);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["reason"], if status == 200 { "ok" } else { "caller_forbidden" });
    }
    assert_eq!(requests(&server).await.len(), 1);
}

#[tokio::test]
async fn explain_shows_each_request_without_the_credential() {
    let server = upstream(canned::<PortSip>(), 1).await;
    let desk = Desk::<PortSip>::sending_to(&server.uri());
    let answer = respond(&desk.gate, &get::<PortSip>(&[("explain", "true")]), &Invocation::default()).await;
    let verdict: Value = serde_json::from_str(&answer.body).unwrap();
    let trace = verdict["trace"]["requests"].as_array().unwrap();
    // Explained, everything is read: the queue's status, its agents, and all three of them.
    assert_eq!(trace.len(), 5, "{verdict:#}");
    assert_eq!(verdict["upstream_requests"], 5);
    assert_eq!(verdict["counts_complete"], true);
    for entry in trace {
        assert_eq!(entry["method"], "GET");
        assert_eq!(entry["status"], 200);
        assert!(entry["url"].as_str().unwrap().starts_with(&format!("{}/api/call_queues/", server.uri())));
        assert!(entry["bytes"].as_u64().unwrap() > 0 && entry["elapsed_ms"].is_u64(), "{entry}");
    }
    assert!(!answer.body.contains(&canned::<PortSip>().canary()));
    let plain = respond(&desk.gate, &get::<PortSip>(&[]), &Invocation::default()).await;
    assert!(!plain.body.contains("\"trace\""));
}
