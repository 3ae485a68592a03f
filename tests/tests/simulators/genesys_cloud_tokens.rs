//! Genesys Cloud's token endpoint: client credentials, the tokens they give, and refusals that are all 400s.

use std::time::Duration;

use callgate_local::simulator::genesys_cloud::GenesysCloud;
use callgate_local::simulator::{Clock, Dialect, Failure, Fault, Simulator};
use serde_json::json;

use crate::http::{Response, basic, get, post, post_form};
use crate::schemas::{assert_fits, assert_refused};

const TARGET: &str = "/oauth/token";
const GRANT: &str = "grant_type=client_credentials";
const QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";
const DAY: Duration = Duration::from_hours(24);

fn organisation() -> GenesysCloud {
    let organisation = GenesysCloud::new(Dialect::Real).with_clock(Clock::stopped()).queue(QUEUE, "Sales");
    organisation.client("app", "s3cret")
}

async fn started() -> Simulator<GenesysCloud> {
    organisation().start().await.unwrap()
}

async fn ask(simulator: &Simulator<GenesysCloud>, authorization: &str, form: &str) -> Response {
    post_form(simulator.base_url(), TARGET, authorization, form).await
}

async fn granted(simulator: &Simulator<GenesysCloud>) -> String {
    let answer = ask(simulator, &basic("app", "s3cret"), GRANT).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_fits("genesys-cloud/token.json", &answer.json());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn status_with(simulator: &Simulator<GenesysCloud>, token: &str) -> u16 {
    let target = format!("/api/v2/routing/queues/{QUEUE}/members");
    get(simulator.base_url(), &target, &format!("Bearer {token}")).await.status
}

#[track_caller]
fn assert_error(answer: &Response, error: &str) {
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)));
    assert_fits("genesys-cloud/token-error.json", &answer.json());
    assert_refused("genesys-cloud/error.json", &answer.json());
}

#[tokio::test]
async fn a_client_gets_a_token_by_basic_or_by_its_form() {
    let simulator = started().await;
    let answer = ask(&simulator, &basic("app", "s3cret"), GRANT).await;
    assert_eq!(answer.text, r#"{"access_token":"genesys-cloud-access-0001","token_type":"bearer","expires_in":86400}"#);
    let in_form = ask(&simulator, "", &format!("{GRANT}&client_id=app&client_secret=s3cret")).await;
    assert_eq!(in_form.status, 200);
    assert_eq!(simulator.tokens().accepted(simulator.clock().now()).len(), 2);
}

#[tokio::test]
async fn a_token_is_accepted_until_its_end_and_another_one_beside_it() {
    let simulator = started().await;
    let first = granted(&simulator).await;
    simulator.clock().advance(DAY / 2);
    let second = granted(&simulator).await;
    assert_eq!((status_with(&simulator, &first).await, status_with(&simulator, &second).await), (200, 200));
    simulator.clock().advance(DAY / 2);
    assert_eq!((status_with(&simulator, &first).await, status_with(&simulator, &second).await), (401, 200));
    simulator.tokens().expire(&second);
    assert_eq!(status_with(&simulator, &second).await, 401);
}

#[tokio::test]
async fn a_life_may_be_set() {
    let simulator = organisation().token_life(Duration::from_mins(5)).start().await.unwrap();
    let answer = ask(&simulator, &basic("app", "s3cret"), GRANT).await.json();
    assert_eq!(answer["expires_in"], 300);
    simulator.clock().advance(Duration::from_mins(5));
    assert_eq!(simulator.tokens().accepted(simulator.clock().now()).len(), 0);
}

#[tokio::test]
async fn a_client_that_is_not_known_is_refused() {
    let simulator = started().await;
    let half = format!("{GRANT}&client_id=app");
    for (authorization, form) in [
        (basic("app", "wrong"), GRANT),
        (basic("other", "s3cret"), GRANT),
        (basic("app", "wrong"), "client_id=app&client_secret=s3cret"),
        ("Bearer s3cret".to_owned(), GRANT),
        (String::new(), GRANT),
        (String::new(), &half),
    ] {
        let refused = ask(&simulator, &authorization, form).await;
        assert_error(&refused, "invalid_client");
        assert_eq!(refused.json()["description"], "authentication failed");
    }
    assert_eq!(simulator.tokens().accepted(simulator.clock().now()).len(), 0);
}

#[tokio::test]
async fn another_grant_type_is_refused() {
    let simulator = started().await;
    let app = basic("app", "s3cret");
    for (form, error) in [
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=a", "unsupported_grant_type"),
        ("grant_type=", "invalid_request"),
        ("", "invalid_request"),
    ] {
        assert_error(&ask(&simulator, &app, form).await, error);
    }
    let no_form = post(simulator.base_url(), TARGET, &app, &json!({ "grant_type": "client_credentials" })).await;
    assert_error(&no_form, "invalid_request");
}

#[tokio::test]
async fn the_rate_limit_is_a_400_without_a_time_to_wait() {
    let organisation = organisation().client("other", "t").token_requests_per_minute(2);
    let simulator = organisation.start().await.unwrap();
    granted(&simulator).await;
    assert_error(&ask(&simulator, &basic("app", "wrong"), GRANT).await, "invalid_client");
    let refused = ask(&simulator, &basic("app", "s3cret"), GRANT).await;
    assert_error(&refused, "invalid_request");
    assert!(refused.json()["description"].as_str().unwrap().starts_with("rate limit exceeded;"));
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(ask(&simulator, &basic("other", "t"), GRANT).await.status, 200);
    simulator.clock().advance(Duration::from_mins(1));
    granted(&simulator).await;
}

#[tokio::test]
async fn a_fault_is_told_in_the_form_of_the_token_endpoint() {
    let simulator = started().await;
    for (failure, error) in [
        (Failure::Unauthorized, "invalid_client"),
        (Failure::Forbidden, "unauthorized_client"),
        (Failure::RateLimited { retry_after_seconds: 9 }, "invalid_request"),
    ] {
        simulator.faults().push(Fault::failure(failure).only(TARGET));
        assert_eq!(status_with(&simulator, "wrong").await, 401);
        assert_error(&ask(&simulator, &basic("app", "s3cret"), GRANT).await, error);
    }
    simulator.faults().push(Fault::failure(Failure::Unavailable).only(TARGET));
    assert_eq!(ask(&simulator, &basic("app", "s3cret"), GRANT).await.status, 503);
    granted(&simulator).await;
}

#[tokio::test]
async fn the_state_counts_tokens_and_shows_none() {
    let simulator = organisation().token("given").start().await.unwrap();
    let token = granted(&simulator).await;
    let state = get(simulator.base_url(), "/_simulator/state", "").await;
    assert_eq!((&state.json()["accepted_tokens"], &state.json()["issued_tokens"]), (&json!(2), &json!(1)));
    for secret in [token.as_str(), "given", "s3cret"] {
        assert!(!state.text.contains(secret), "{secret}");
    }
}
