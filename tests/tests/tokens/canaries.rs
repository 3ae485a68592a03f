//! Credentials that are found wherever they leak to, through every way a refresh or a check goes wrong.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callgate::budget::Budget;
use callgate::check::Gate;
use callgate::http::HttpClients;
use callgate::lambda::handle_refresh;
use callgate::providers::genesys_cloud::GenesysCloud as Adapter;
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::desk::{
    CLIENT_SECRET, Desk, HTTP, JWT, KINDS, PASSWORD, REFRESH_TOKEN, endpoint, exchange, grant, joined, token_name,
};
use crate::store::{PutFault, Store};

const NEW_TOKEN: &str = "canary-new-access";
const IN_HAND: &str = "canary-token-in-hand";

fn basic() -> String {
    STANDARD.encode(format!("app:{CLIENT_SECRET}"))
}

fn assert_clean(what: &str, shown: &str) {
    for secret in [CLIENT_SECRET, JWT, REFRESH_TOKEN, PASSWORD, NEW_TOKEN, IN_HAND, "canary", basic().as_str()] {
        assert!(!shown.contains(secret), "{what}: {secret} in {shown}");
    }
}

/// Answers of an endpoint that repeats whatever it was sent.
fn answers(kind: &str) -> Vec<ResponseTemplate> {
    let all = match kind {
        "genesys-cloud" => format!("{CLIENT_SECRET} Basic {}", basic()),
        "jwt-bearer" => format!("{CLIENT_SECRET} {JWT} Basic {}", basic()),
        "refresh_token" => format!("{REFRESH_TOKEN} Basic {} {CLIENT_SECRET}", basic()),
        _ => format!("{PASSWORD}, {PASSWORD}"),
    };
    let mut answers = vec![
        ResponseTemplate::new(200).set_body_string(all.clone()),
        ResponseTemplate::new(200).set_body_json(json!({"token": NEW_TOKEN})),
        ResponseTemplate::new(200).set_body_json(json!({"access_token": [NEW_TOKEN]})),
        ResponseTemplate::new(200).set_body_string(format!("{{\"access_token\": \"{NEW_TOKEN}\"")),
        ResponseTemplate::new(200).set_body_json(json!({"two_factor_enabled": true, "token": NEW_TOKEN})),
        ResponseTemplate::new(302).insert_header("location", format!("http://127.0.0.1:9/?{CLIENT_SECRET}").as_str()),
    ];
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let errors = json!([{"errorCode": all, "code": all, "message": all, "detail": all}]);
        let body = json!({"error": all, "error_description": all, "description": all, "errors": errors});
        answers.push(ResponseTemplate::new(status).set_body_json(body));
        // Where a long text is cut short, what is cut is no credential any more; half of one still is.
        let padded = format!("{}{all}", "x".repeat(145));
        answers.push(ResponseTemplate::new(status).set_body_json(json!({"error": "e", "error_description": padded})));
        answers.push(ResponseTemplate::new(status).set_body_string(all.clone()));
    }
    answers
}

#[tokio::test]
async fn no_failure_of_a_grant_shows_a_credential() {
    for kind in KINDS {
        for answer in answers(kind) {
            let server = endpoint(answer).await;
            let (provider, grant) = grant(kind, &server.uri());
            let grant = joined(grant, json!({"access_token": IN_HAND}));
            if let Err(failure) = exchange(provider, &grant).await {
                assert_clean(kind, &format!("{failure} {failure:?} {:?}", failure.reason()));
            }
        }
        let (provider, grant) = grant(kind, "http://127.0.0.1:9");
        let failure = exchange(provider, &grant).await.err().unwrap();
        assert_clean(kind, &format!("{failure} {failure:?}"));
    }
}

#[tokio::test]
async fn no_line_of_a_run_shows_a_credential() {
    for kind in KINDS {
        for answer in answers(kind) {
            let server = endpoint(answer).await;
            let desk = Desk::with(kind, &server.uri(), 20);
            desk.store.set(&token_name(kind), &joined(desk.token(kind).await, json!({"access_token": IN_HAND})));
            for _ in 0..2 {
                let line = desk.run_one().await;
                assert_clean(kind, &format!("{line:?} {}", serde_json::to_string(&line).unwrap()));
            }
            // What is noted of a refusal is no credential either.
            let mut secret = desk.token(kind).await;
            secret.as_object_mut().unwrap().remove("access_token");
            assert_clean(kind, &secret.to_string());
        }
    }
}

#[tokio::test]
async fn no_stored_fault_is_told_with_its_value() {
    for kind in KINDS {
        for broken in [
            json!("canary"),
            json!(["canary"]),
            json!({"client_id": ["canary"], "client_secret": {"canary": 1}}),
            json!({"username": 7, "password": "canary", "base_url": "canary://canary"}),
            json!({"grant_type": "canary"}),
        ] {
            let desk = Desk::with(kind, "http://127.0.0.1:9", 20);
            desk.set_grant(kind, &broken);
            let line = desk.run_one().await;
            assert!(line.outcome.is_alarming());
            assert_clean(kind, &format!("{line:?} {}", serde_json::to_string(&line).unwrap()));
        }
        let desk = Desk::with(kind, "http://127.0.0.1:9", 20);
        for text in ["canary", "[\"canary\"]", "{\"access_token\": \"canary\""] {
            desk.store.set_text(&token_name(kind), text);
            assert_clean(kind, &format!("{:?}", desk.run_one().await));
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_scheduled_event_shows_no_credential() {
    let settings = Settings { allow_loopback: true, ..Settings::default() };
    for kind in KINDS {
        let body = json!({"access_token": NEW_TOKEN, "refresh_token": REFRESH_TOKEN, "expires_in": 3600});
        let server = endpoint(ResponseTemplate::new(200).set_body_json(body)).await;
        for fault in [None, Some(PutFault::NotWritten)] {
            let store = Store::default();
            let desk = Desk { store: store.clone(), clock: callgate::clock::Clock::system() };
            desk.connect("acme", kind, &server.uri(), 10);
            if let Some(fault) = fault {
                store.fail_puts("callgate", fault, 1);
            }
            let answer = handle_refresh(&store, &HTTP, &settings, "{\"refresh\": {}, \"more\": 1}").await;
            assert!(answer["refreshed"][0]["outcome"].is_string(), "{answer}");
            assert_clean(kind, &answer.to_string());
            store.set_down(true);
            let answer = handle_refresh(&store, &HTTP, &settings, "{\"refresh\": {}}").await;
            assert_eq!(answer["status"], 503, "{answer}");
        }
    }
    let answer = handle_refresh(&Store::default(), &HTTP, &settings, "{\"warm\": {}}").await;
    assert_eq!(answer["status"], 400);
}

#[tokio::test]
async fn no_verdict_shows_a_token() {
    let mut answers = answers("genesys-cloud");
    for status in [400, 401, 403, 404, 429, 500] {
        let body = json!({"code": IN_HAND, "message": format!("{}{IN_HAND}", "x".repeat(150)), "details": [IN_HAND]});
        answers.push(ResponseTemplate::new(status).set_body_json(body));
    }
    for answer in answers {
        let server = endpoint(answer).await;
        let store = Store::default();
        let secret = json!({"access_token": IN_HAND, "region": "mypurecloud.com", "base_url": server.uri()});
        store.set("callgate/genesys-cloud/acme", &secret);
        let settings =
            Settings { allow_loopback: true, log_checks: false, explain_bodies: true, ..Settings::default() };
        let gate = Gate::<Adapter, _>::new(store, Arc::new(HttpClients::new().unwrap()), settings);
        let question = json!({"connection": "acme", "queue": "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90", "explain": true});
        let check = CheckRequest::from_json::<Adapter>(&question.to_string()).unwrap();
        let budget = Budget::start(Duration::from_secs(5), Duration::ZERO, None);
        let verdict: Value = serde_json::to_value(gate.check(&check, None, budget).await.unwrap()).unwrap();
        assert!(!verdict.to_string().contains(IN_HAND), "{verdict:#}");
    }
}
