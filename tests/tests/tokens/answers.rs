//! What a token endpoint may answer, and what becomes of the grant and of the token in hand.

use std::time::Duration;

use callgate::failure::Failure;
use callgate::refresh::Outcome;
use callgate::verdict::Reason;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::desk::{
    Desk, KINDS, PASSWORD, REFRESH_TOKEN, answer_with, endpoint, exchange, grant, joined, provider, received, token,
    token_name,
};

fn json_answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn oauth(status: u16, error: &str, description: &str) -> ResponseTemplate {
    json_answer(status, json!({"error": error, "description": description, "error_description": description}))
}

fn ringcentral(status: u16, error: &str, code: &str, message: &str) -> ResponseTemplate {
    let errors = json!([{"errorCode": code, "message": message}]);
    json_answer(status, json!({"error": error, "error_description": message, "errors": errors}))
}

fn portsip(status: u16, code: &str) -> ResponseTemplate {
    json_answer(status, json!({"errors": [{"code": code, "message": "Unauthorized", "detail": ""}]}))
}

/// The failure of an exchange with an endpoint that answers so, and how many requests it took.
async fn failure(kind: &str, answer: ResponseTemplate) -> (Failure, usize) {
    let server = endpoint(answer).await;
    let (provider, grant) = grant(kind, &server.uri());
    let failure = exchange(provider, &grant).await.err().unwrap();
    (failure, received(&server).await.len())
}

#[tokio::test]
async fn a_refusal_has_its_reason_and_its_explanation() {
    let oau = |code: &str| ringcentral(400, "invalid_request", code, "Unsupported grant type");
    for (kind, answer, reason, words) in [
        (
            "genesys-cloud",
            oauth(400, "invalid_client", "authentication failed"),
            Reason::AuthRejected,
            &["secret", "region"][..],
        ),
        (
            "genesys-cloud",
            oauth(401, "invalid_client", "authentication failed"),
            Reason::AuthRejected,
            &["secret", "region"],
        ),
        ("genesys-cloud", oauth(400, "unauthorized_client", "no"), Reason::AuthRejected, &["unauthorized_client"]),
        (
            "genesys-cloud",
            oauth(400, "invalid_request", "rate limit exceeded; try later"),
            Reason::RateLimited,
            &["rate limit"],
        ),
        (
            "genesys-cloud",
            json_answer(400, json!({"error": "invalid_request", "description": "rate limit exceeded"})),
            Reason::RateLimited,
            &[],
        ),
        ("genesys-cloud", oauth(429, "too_many", "later"), Reason::RateLimited, &[]),
        ("jwt-bearer", oau("OAU-250"), Reason::AuthRejected, &["OAU-250", "application's settings"]),
        ("jwt-bearer", oau("OAU-251"), Reason::AuthRejected, &["OAU-251", "application's settings"]),
        ("client_credentials", oau("OAU-250"), Reason::AuthRejected, &["OAU-250", "jwt-bearer"]),
        ("client_credentials", oau("OAU-251"), Reason::AuthRejected, &["OAU-251", "jwt-bearer"]),
        (
            "jwt-bearer",
            ringcentral(400, "invalid_grant", "OAU-213", "Token not found"),
            Reason::AuthRejected,
            &["OAU-213"],
        ),
        (
            "refresh_token",
            ringcentral(400, "invalid_grant", "OAU-210", "Token expired"),
            Reason::AuthRejected,
            &["OAU-210"],
        ),
        (
            "jwt-bearer",
            ringcentral(401, "invalid_client", "OAU-123", "authentication"),
            Reason::AuthRejected,
            &["invalid_client"],
        ),
        ("jwt-bearer", json_answer(429, json!({"errorCode": "CMN-301"})), Reason::RateLimited, &[]),
        ("portsip", portsip(400, "UNAUTHORIZED"), Reason::AuthRejected, &["UNAUTHORIZED", "50"]),
        ("portsip", portsip(401, "UNAUTHORIZED"), Reason::AuthRejected, &["UNAUTHORIZED"]),
        ("portsip", portsip(403, "FORBIDDEN"), Reason::AuthRejected, &["FORBIDDEN"]),
        ("portsip", json_answer(429, json!({})), Reason::RateLimited, &[]),
    ] {
        let (failure, requests) = failure(kind, answer).await;
        let text = failure.to_string();
        assert_eq!(failure.reason(), reason, "{kind}: {text}");
        assert_eq!(requests, 1, "{kind}: {text}");
        assert_eq!(matches!(failure, Failure::AuthRejected { .. }), reason == Reason::AuthRejected, "{kind}: {text}");
        for word in words {
            assert!(text.contains(word), "{kind}: {text}");
        }
    }
}

#[tokio::test]
async fn the_wait_that_a_rate_limit_asks_for_is_read() {
    for kind in KINDS {
        let (failure, _) = failure(kind, ResponseTemplate::new(429).insert_header("retry-after", "60")).await;
        let Failure::RateLimited { retry_after, .. } = failure else { panic!("{failure}") };
        assert_eq!(retry_after, Some(Duration::from_mins(1)), "{kind}");
    }
}

/// Answers that are no refusal: whatever is wrong, it is not the grant.
fn mishaps() -> Vec<(&'static str, ResponseTemplate, Reason)> {
    let page = |status| ResponseTemplate::new(status).set_body_raw("<html>Access denied</html>", "text/html");
    vec![
        ("500", ResponseTemplate::new(500), Reason::ProviderError),
        ("502", page(502), Reason::ProviderError),
        ("503", ResponseTemplate::new(503), Reason::ProviderError),
        ("HTML", page(200), Reason::UnexpectedResponse),
        ("empty", ResponseTemplate::new(200), Reason::UnexpectedResponse),
        ("null", json_answer(200, Value::Null), Reason::UnexpectedResponse),
        ("list", json_answer(200, json!([])), Reason::UnexpectedResponse),
        ("no token", json_answer(200, json!({"expires_in": 3600})), Reason::UnexpectedResponse),
        ("empty token", json_answer(200, json!({"access_token": " ", "expires_in": 3600})), Reason::UnexpectedResponse),
        ("number", json_answer(200, json!({"access_token": 7})), Reason::UnexpectedResponse),
        (
            "redirect",
            ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/"),
            Reason::UnexpectedResponse,
        ),
    ]
}

#[tokio::test]
async fn a_mishap_leaves_the_grant_and_the_token_as_they_were() {
    for kind in KINDS {
        for (what, answer, reason) in mishaps() {
            assert_eq!(failure(kind, answer.clone()).await.0.reason(), reason, "{kind} {what}");
            let server = endpoint(answer).await;
            let desk = Desk::with(kind, &server.uri(), 20);
            let (grant, before) = (desk.grant(kind).await, desk.token(kind).await);
            let line = desk.run_one().await;
            assert_eq!((line.outcome, line.minutes_left), (Outcome::Failed, Some(20)), "{kind} {what}: {line:?}");
            assert!(line.outcome.is_alarming() && line.cause.is_some());
            assert_eq!(desk.token(kind).await, before, "{kind} {what}");
            assert_eq!(desk.store.versions(&token_name(kind)), 1, "{kind} {what}");
            let mut after = desk.grant(kind).await;
            after.as_object_mut().unwrap().remove("claimed");
            assert_eq!(after, grant, "{kind} {what}");

            // When it is over there is a new token.
            answer_with(&server, token("new")).await;
            desk.pass(10);
            assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed, "{kind} {what}");
            assert_eq!(desk.token(kind).await["access_token"], "new", "{kind} {what}");
        }
    }
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_refusal_of_the_grant() {
    for kind in ["genesys-cloud", "jwt-bearer", "refresh_token"] {
        for status in [400, 403, 404] {
            let page = ResponseTemplate::new(status).set_body_raw("<html>Blocked</html>", "text/html");
            let (failure, _) = failure(kind, page).await;
            assert_eq!(failure.reason(), Reason::UnexpectedResponse, "{kind} {status}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_life_is_believed_between_a_minute_and_two_days() {
    for kind in KINDS {
        let ordinary = if kind == "genesys-cloud" { 86_400 } else { 3_600 };
        for (expires_in, seconds) in [
            (json!(3600), 3_600),
            (json!("7200"), 7_200),
            (json!(0), 60),
            (json!(-5), 60),
            (json!(59), 60),
            (json!(1_000_000_000), 172_800),
            (json!(1e300), 172_800),
            (json!("soon"), ordinary),
            (json!(null), ordinary),
            (json!([3600]), ordinary),
        ] {
            let body = json!({"access_token": "new", "expires_in": expires_in});
            let server = endpoint(json_answer(200, body)).await;
            let (provider, grant) = grant(kind, &server.uri());
            let tokens = exchange(provider, &grant).await.unwrap();
            assert_eq!(tokens.life.as_secs(), seconds, "{kind} {expires_in}");
        }
        let server = endpoint(json_answer(200, json!({"access_token": "new"}))).await;
        let (provider, grant) = grant(kind, &server.uri());
        assert_eq!(exchange(provider, &grant).await.unwrap().life.as_secs(), ordinary, "{kind}");
    }
}

#[tokio::test]
async fn a_refused_grant_is_not_tried_again_until_it_changes_and_then_once() {
    let refusals = [
        ("genesys-cloud", oauth(400, "invalid_client", "authentication failed")),
        ("jwt-bearer", ringcentral(400, "invalid_grant", "OAU-213", "Token not found")),
        ("refresh_token", ringcentral(400, "invalid_grant", "OAU-213", "Token not found")),
        ("portsip", portsip(400, "UNAUTHORIZED")),
    ];
    for (kind, refusal) in refusals {
        let server = endpoint(refusal).await;
        let desk = Desk::with(kind, &server.uri(), 20);
        for run in 0..20 {
            let line = desk.run_one().await;
            let expected = if run == 0 { Outcome::Rejected } else { Outcome::StillRejected };
            assert_eq!(line.outcome, expected, "{kind} run {run}: {line:?}");
            assert_eq!(line.minutes_left, Some(20 - 5 * run), "{kind}");
            assert!(line.cause.is_some() && line.outcome.is_alarming());
            assert_eq!(desk.token(kind).await["access_token"], "token-in-hand", "{kind}");
            desk.pass(5);
        }
        assert_eq!(received(&server).await.len(), 1, "{kind}");

        let changed = joined(desk.grant(kind).await, json!({"note": "looked at"}));
        desk.set_grant(kind, &changed);
        for run in 0..20 {
            let expected = if run == 0 { Outcome::Rejected } else { Outcome::StillRejected };
            assert_eq!(desk.run_one().await.outcome, expected, "{kind}");
            desk.pass(5);
        }
        assert_eq!(received(&server).await.len(), 2, "{kind}");

        answer_with(&server, token("new")).await;
        desk.set_grant(kind, &joined(changed, json!({"note": "mended"})));
        assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed, "{kind}");
        let secret = desk.token(kind).await;
        assert_eq!(secret["access_token"], "new", "{kind}");
        assert!(!secret.to_string().contains("reject"), "{kind}: {secret}");
        assert_eq!(received(&server).await.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_sent_once() {
    let pbx = callgate_local::simulator::PortSip::new(callgate_local::simulator::Dialect::Real);
    let pbx = pbx.user("gate", "another").start().await.unwrap();
    let desk = Desk::with("portsip", pbx.base_url(), 20);
    for _ in 0..20 {
        desk.run().await;
        desk.pass(5);
    }
    assert_eq!(pbx.with(|pbx| pbx.failed_sign_ins()), 1);

    // A refresh token that is over costs no sign-in; the password after it does, once.
    desk.set_grant("portsip", &joined(desk.grant("portsip").await, json!({"refresh_token": REFRESH_TOKEN})));
    for _ in 0..20 {
        desk.run().await;
        desk.pass(5);
    }
    assert_eq!(pbx.with(|pbx| pbx.failed_sign_ins()), 2);
    pbx.with(|pbx| {
        let fresh = callgate_local::simulator::PortSip::new(callgate_local::simulator::Dialect::Real);
        *pbx = fresh.user("gate", PASSWORD);
    });
    desk.set_grant("portsip", &joined(desk.grant("portsip").await, json!({"refresh_token": null})));
    assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed);
    assert_eq!(provider("portsip"), desk.run_one().await.provider);
}

#[tokio::test]
async fn a_rate_limit_is_no_refusal_and_is_asked_again() {
    let limited = oauth(400, "invalid_request", "rate limit exceeded; try again later");
    let server = endpoint(limited).await;
    let desk = Desk::with("genesys-cloud", &server.uri(), 30);
    for _ in 0..3 {
        let line = desk.run_one().await;
        assert_eq!(line.outcome, Outcome::Failed, "{line:?}");
        assert!(line.cause.unwrap().contains("rate limit"));
        desk.pass(5);
    }
    assert_eq!(received(&server).await.len(), 3);
    answer_with(&server, token("new")).await;
    assert_eq!(desk.run_one().await.outcome, Outcome::Refreshed);
}
