//! PortSIP: signing in by name and password in each version's form, second factors, and the lock after fifty failures.

use std::time::Duration;

use callgate_local::simulator::portsip::{PortSip, Version};
use callgate_local::simulator::{Clock, Dialect, Failure, Fault, Simulator};
use serde_json::{Value, json};

use crate::http::{Response, get, post, post_form, send};
use crate::schemas::{assert_fits, assert_refused};

const SIGN_IN: &str = "/api/auth/sign_in";
const REFRESH: &str = "/api/auth/refresh_token";
const LOGIN: &str = "/api/login";
const GRANT: &str = "/api/login/oauth/token";
const HALF_AN_HOUR: Duration = Duration::from_mins(30);

fn pbx() -> PortSip {
    let pbx = PortSip::new(Dialect::Real).with_clock(Clock::stopped()).queue("7", "Sales", "8001");
    pbx.user("gate", "s3cret").two_factor_user("ada", "passw0rd")
}

async fn started(version: Version) -> Simulator<PortSip> {
    pbx().version(version).start().await.unwrap()
}

async fn sign_in(simulator: &Simulator<PortSip>, name: &str, password: &str) -> Response {
    let body = json!({ "username": name, "password": password, "domain": "pbx.example.com" });
    post(simulator.base_url(), SIGN_IN, "", &body).await
}

async fn status_with(simulator: &Simulator<PortSip>, token: &Value) -> u16 {
    let authorization = format!("Bearer {}", token.as_str().unwrap());
    get(simulator.base_url(), "/api/call_queues/7/status", &authorization).await.status
}

#[track_caller]
fn assert_error(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (status, &json!(code)));
    assert_fits("portsip/error.json", &answer.json());
}

fn failed(simulator: &Simulator<PortSip>) -> u64 {
    simulator.with(|pbx| pbx.failed_sign_ins())
}

#[tokio::test]
async fn a_user_signs_in_for_an_hour() {
    let simulator = started(Version::V22_2).await;
    let answer = sign_in(&simulator, "gate", "s3cret").await.json();
    assert_fits("portsip/token.json", &answer);
    assert_eq!(answer["expires_in"], 3_600);
    assert_eq!(status_with(&simulator, &answer["access_token"]).await, 200);
    simulator.clock().advance(Duration::from_hours(1));
    assert_eq!(status_with(&simulator, &answer["access_token"]).await, 401);
    assert_eq!(failed(&simulator), 0);
}

#[tokio::test]
async fn a_life_may_be_set() {
    let simulator = pbx().token_life(Duration::from_mins(5)).start().await.unwrap();
    let answer = sign_in(&simulator, "gate", "s3cret").await.json();
    assert_eq!(answer["expires_in"], 300);
    simulator.clock().advance(Duration::from_mins(5));
    assert_eq!(simulator.tokens().accepted(simulator.clock().now()).len(), 0);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_with_a_token_that_opens_nothing() {
    let simulator = started(Version::V22_2).await;
    let answer = sign_in(&simulator, "ada", "passw0rd").await;
    assert_eq!(answer.status, 200);
    assert_fits("portsip/two-factor.json", &answer.json());
    assert_refused("portsip/token.json", &answer.json());
    assert_eq!(status_with(&simulator, &answer.json()["token"]).await, 401);
    assert_error(&sign_in(&simulator, "ada", "wrong").await, 400, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_refresh_token_is_taken_once_and_the_old_access_token_lives_on() {
    let simulator = started(Version::V22_2).await;
    let first = sign_in(&simulator, "gate", "s3cret").await.json();
    let refresh =
        async |token: &Value| post(simulator.base_url(), REFRESH, "", &json!({ "refresh_token": token })).await;
    let second = refresh(&first["refresh_token"]).await.json();
    assert_fits("portsip/token.json", &second);
    assert_ne!(second["access_token"], first["access_token"]);
    for pair in [&first, &second] {
        assert_eq!(status_with(&simulator, &pair["access_token"]).await, 200);
    }
    assert_error(&refresh(&first["refresh_token"]).await, 400, "UNAUTHORIZED");
    assert_error(&refresh(&json!("")).await, 400, "INVALID_ARGUMENT");
    assert_eq!(refresh(&second["refresh_token"]).await.status, 200);
    assert_eq!(failed(&simulator), 0);
}

#[tokio::test]
async fn a_wrong_password_is_a_400_and_is_counted() {
    let simulator = started(Version::V22_2).await;
    for (name, password) in [("gate", "wrong"), ("nobody", "s3cret"), ("gate", "passw0rd")] {
        assert_error(&sign_in(&simulator, name, password).await, 400, "UNAUTHORIZED");
    }
    assert_eq!(failed(&simulator), 3);
    for body in [json!({}), json!([]), json!({ "username": "gate" }), json!({ "username": "", "password": "" })] {
        assert_error(&post(simulator.base_url(), SIGN_IN, "", &body).await, 400, "INVALID_ARGUMENT");
    }
    assert_eq!(failed(&simulator), 3);
}

#[tokio::test]
async fn fifty_failures_lock_signing_in_for_an_hour_and_leave_tokens_alone() {
    let simulator = started(Version::V22_2).await;
    let pair = sign_in(&simulator, "gate", "s3cret").await.json();
    for _ in 0..25 {
        assert_eq!(sign_in(&simulator, "gate", "wrong").await.status, 400);
    }
    assert_eq!(sign_in(&simulator, "gate", "s3cret").await.status, 200);
    for _ in 0..25 {
        assert_eq!(sign_in(&simulator, "gate", "wrong").await.status, 400);
    }
    assert!(simulator.with(|pbx| pbx.is_locked()));
    assert_error(&sign_in(&simulator, "gate", "s3cret").await, 403, "FORBIDDEN");
    let refresh = json!({ "refresh_token": pair["refresh_token"] });
    assert_error(&post(simulator.base_url(), REFRESH, "", &refresh).await, 403, "FORBIDDEN");
    assert_eq!(status_with(&simulator, &pair["access_token"]).await, 200);
    simulator.clock().advance(Duration::from_secs(3_599));
    assert_eq!(sign_in(&simulator, "gate", "wrong").await.status, 403);
    assert_eq!(failed(&simulator), 50);
    simulator.clock().advance(Duration::from_secs(1));
    assert_eq!(sign_in(&simulator, "gate", "s3cret").await.status, 200);
    for _ in 0..50 {
        assert_eq!(sign_in(&simulator, "gate", "wrong").await.status, 400);
    }
    assert_eq!(sign_in(&simulator, "gate", "s3cret").await.status, 403);
}

#[tokio::test]
async fn each_version_knows_its_own_form_alone() {
    let all = [("POST", SIGN_IN), ("POST", REFRESH), ("POST", LOGIN), ("GET", LOGIN), ("POST", GRANT)];
    for (version, own) in [
        (Version::V22_2, [SIGN_IN, REFRESH].as_slice()),
        (Version::V22_1, &[LOGIN]),
        (Version::V22_0, &[LOGIN]),
        (Version::PasswordGrant, &[GRANT]),
    ] {
        let simulator = started(version).await;
        for (method, target) in all {
            let answer = send(simulator.base_url(), method, target, &[], "{}").await.unwrap();
            assert_eq!(answer.status == 404, !own.contains(&target), "{version:?} {method} {target}");
            assert_fits("portsip/error.json", &answer.json());
        }
    }
}

#[tokio::test]
async fn before_22_2_a_session_gives_its_token_on_asking() {
    for version in [Version::V22_0, Version::V22_1] {
        let simulator = started(version).await;
        let base = simulator.base_url();
        let ask = async |cookie: &str| send(base, "GET", LOGIN, &[("Cookie", cookie)], "").await.unwrap();
        assert_error(&ask("").await, 401, "UNAUTHORIZED");
        let wrong = post(base, LOGIN, "", &json!({ "username": "gate", "password": "wrong" })).await;
        assert_error(&wrong, 400, "UNAUTHORIZED");
        assert_eq!(failed(&simulator), 1);
        let begun = post(base, LOGIN, "", &json!({ "username": "gate", "password": "s3cret" })).await;
        assert_eq!((begun.status, begun.text.as_str()), (200, ""));
        let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        simulator.clock().advance(Duration::from_mins(10));
        let session = ask(&format!("theme=dark; {cookie}")).await.json();
        assert_fits("portsip/login.json", &session);
        assert_eq!((&session["expires_in"], &session["expires_at"]), (&json!(1_200), &json!("2026-11-20T15:34:05Z")));
        let bearer = format!("Bearer {}", session["access_token"].as_str().unwrap());
        assert_eq!(get(base, LOGIN, &bearer).await.json(), session);
        assert_eq!(status_with(&simulator, &session["access_token"]).await, 200);
        simulator.clock().advance(HALF_AN_HOUR);
        assert_error(&ask(&cookie).await, 401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn the_password_grant_is_a_form_and_refreshes_too() {
    let simulator = started(Version::PasswordGrant).await;
    let ask = async |form: &str| post_form(simulator.base_url(), GRANT, "", form).await;
    let password = "grant_type=password&username=gate&scope=all&password=";
    let pair = ask(&format!("{password}s3cret")).await.json();
    assert_fits("portsip/token.json", &pair);
    assert_eq!(pair["expires_in"], 1_800);
    assert_eq!(status_with(&simulator, &pair["access_token"]).await, 200);
    let refresh = format!("grant_type=refresh_token&refresh_token={}", pair["refresh_token"].as_str().unwrap());
    assert_fits("portsip/token.json", &ask(&refresh).await.json());
    assert_error(&ask(&refresh).await, 400, "UNAUTHORIZED");
    assert_error(&ask(&format!("{password}wrong")).await, 400, "UNAUTHORIZED");
    assert_eq!(failed(&simulator), 1);
    assert_error(&ask("grant_type=client_credentials").await, 400, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn a_fault_is_told_in_the_form_of_signing_in() {
    let simulator = started(Version::V22_2).await;
    for (failure, status, code) in [
        (Failure::Unauthorized, 400, "UNAUTHORIZED"),
        (Failure::Forbidden, 403, "FORBIDDEN"),
        (Failure::RateLimited { retry_after_seconds: 9 }, 429, "TOO_MANY_REQUESTS"),
        (Failure::Unavailable, 503, "UNAVAILABLE"),
    ] {
        simulator.faults().push(Fault::failure(failure).only("/auth/"));
        assert_eq!(status_with(&simulator, &json!("wrong")).await, 401);
        assert_error(&sign_in(&simulator, "gate", "s3cret").await, status, code);
    }
    assert_eq!((sign_in(&simulator, "gate", "s3cret").await.status, failed(&simulator)), (200, 0));
}

#[tokio::test]
async fn the_state_counts_failures_and_shows_no_token() {
    let simulator = started(Version::V22_2).await;
    let pair = sign_in(&simulator, "gate", "s3cret").await.json();
    sign_in(&simulator, "gate", "wrong").await;
    let state = get(simulator.base_url(), "/_simulator/state", "").await;
    let shown = state.json();
    assert_eq!((&shown["issued_tokens"], &shown["accepted_tokens"]), (&json!(1), &json!(1)));
    assert_eq!((&shown["failed_sign_ins"], &shown["sign_in_is_locked"]), (&json!(1), &json!(false)));
    for secret in [&pair["access_token"], &pair["refresh_token"], &json!("s3cret"), &json!("passw0rd")] {
        assert!(!state.text.contains(secret.as_str().unwrap()), "{secret}");
    }
}
