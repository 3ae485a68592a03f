//! RingCentral's token endpoint: rotating refresh tokens with their grace, five sessions, and a limit with a penalty.

use std::time::Duration;

use callgate_local::simulator::ringcentral::{RingCentral, Session};
use callgate_local::simulator::{Clock, Dialect, Failure, Fault, Simulator};
use serde_json::{Value, json};

use crate::http::{Response, basic, get, post, post_form, send};
use crate::schemas::{assert_fits, assert_refused};

const TARGET: &str = "/restapi/oauth/token";
const JWT: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c";
const PRESENCE: &str = "/restapi/v1.0/account/~/call-queues/1/presence";
const MINUTE: Duration = Duration::from_mins(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

fn account() -> RingCentral {
    let account = RingCentral::new(Dialect::Real).with_clock(Clock::stopped()).queue("1", "Sales");
    account.client("app", "s3cret").jwt("a.b.c").refresh_token("seed").token_requests_per_minute(100)
}

async fn started() -> Simulator<RingCentral> {
    account().start().await.unwrap()
}

async fn ask(simulator: &Simulator<RingCentral>, form: &str) -> Response {
    post_form(simulator.base_url(), TARGET, &basic("app", "s3cret"), form).await
}

async fn refresh(simulator: &Simulator<RingCentral>, token: &str) -> Response {
    ask(simulator, &format!("grant_type=refresh_token&refresh_token={token}")).await
}

/// The access token, the refresh token and the session of a granted request.
#[track_caller]
fn granted(answer: &Response) -> (String, String, String) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_fits("ringcentral/token.json", &body);
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    (field("access_token"), field("refresh_token"), field("session_id"))
}

async fn status_with(simulator: &Simulator<RingCentral>, token: &str) -> (u16, Value) {
    let answer = get(simulator.base_url(), PRESENCE, &format!("Bearer {token}")).await;
    (answer.status, answer.json()["errorCode"].clone())
}

#[track_caller]
fn assert_error(answer: &Response, error: &str, code: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["error"], &body["errors"][0]["errorCode"]), (&json!(error), &json!(code)));
    assert_fits("ringcentral/oauth-error.json", &body);
    assert_refused("ringcentral/error.json", &body);
}

fn sessions(simulator: &Simulator<RingCentral>) -> Vec<Session> {
    simulator.with(|account| account.sessions())
}

#[tokio::test]
async fn a_jwt_begins_a_session_and_its_answer_is_printed_as_the_real_one_is() {
    let simulator = started().await;
    let expected = r#"{
  "access_token" : "ringcentral-access-0001",
  "token_type" : "bearer",
  "expires_in" : 3600,
  "refresh_token" : "ringcentral-refresh-0001",
  "refresh_token_expires_in" : 604800,
  "scope" : "ReadPresence ReadAccounts",
  "owner_id" : "256440016",
  "endpoint_id" : "8zXq6oaLT7WvwWITlGiA1A",
  "session_id" : "sess-0002"
}"#;
    let answer = ask(&simulator, JWT).await;
    assert_eq!(answer.text, expected);
    let (access, refresh_token, id) = granted(&answer);
    let session = sessions(&simulator).pop().unwrap();
    assert_eq!((session.id, session.client.as_deref()), (id, Some("app")));
    assert_eq!((session.access_token.as_ref(), session.refresh_token), (Some(&access), refresh_token));
    assert_eq!(status_with(&simulator, &access).await.0, 200);
    simulator.clock().advance(Duration::from_hours(1));
    assert_eq!(status_with(&simulator, &access).await, (401, json!("OAU-128")));
}

#[tokio::test]
async fn a_refresh_ends_the_old_access_token_at_once() {
    let simulator = started().await;
    let (first, refresh_token, session) = granted(&refresh(&simulator, "seed").await);
    assert_eq!(status_with(&simulator, &first).await.0, 200);
    let (second, _, same_session) = granted(&refresh(&simulator, &refresh_token).await);
    assert_eq!(same_session, session);
    assert_eq!(status_with(&simulator, &first).await, (401, json!("TokenInvalid")));
    assert_eq!(status_with(&simulator, &second).await.0, 200);
    assert_eq!(sessions(&simulator).len(), 1);
}

#[tokio::test]
async fn an_old_refresh_token_works_for_ten_seconds_and_then_never() {
    let simulator = started().await;
    granted(&refresh(&simulator, "seed").await);
    simulator.clock().advance(Duration::from_millis(9_999));
    granted(&refresh(&simulator, "seed").await);
    simulator.clock().advance(Duration::from_millis(1));
    assert_error(&refresh(&simulator, "seed").await, "invalid_grant", "OAU-213");
}

#[tokio::test]
async fn an_old_refresh_token_in_its_grace_yields_another_pair_and_ends_the_first() {
    let simulator = started().await;
    let (first, first_refresh, session) = granted(&refresh(&simulator, "seed").await);
    simulator.clock().advance(Duration::from_secs(4));
    let (second, second_refresh, same_session) = granted(&refresh(&simulator, "seed").await);
    assert_eq!(same_session, session);
    assert_ne!((&first, &first_refresh), (&second, &second_refresh));
    assert_eq!(status_with(&simulator, &first).await, (401, json!("TokenInvalid")));
    assert_eq!(status_with(&simulator, &second).await.0, 200);
    simulator.clock().advance(Duration::from_millis(9_999));
    let (third, ..) = granted(&refresh(&simulator, &first_refresh).await);
    assert_eq!(status_with(&simulator, &second).await.0, 401);
    assert_eq!(status_with(&simulator, &third).await.0, 200);
    assert_eq!(sessions(&simulator).len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_can_be_had_again_in_the_grace() {
    let simulator = started().await;
    simulator.faults().push(Fault::truncated(0).only(TARGET));
    let authorization = basic("app", "s3cret");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let form = "grant_type=refresh_token&refresh_token=seed";
    send(simulator.base_url(), "POST", TARGET, &headers, form).await.unwrap_err();
    let (access, ..) = granted(&refresh(&simulator, "seed").await);
    assert_eq!(access, "ringcentral-access-0002");
    assert_eq!(simulator.tokens().accepted(simulator.clock().now()), [access]);
}

#[tokio::test]
async fn a_refresh_token_lives_seven_days() {
    let simulator = started().await;
    let (_, token, _) = granted(&ask(&simulator, JWT).await);
    simulator.clock().advance(WEEK.checked_sub(Duration::from_secs(1)).unwrap());
    let (_, token, _) = granted(&refresh(&simulator, &token).await);
    simulator.clock().advance(WEEK);
    assert_eq!(sessions(&simulator).len(), 1, "the one without an end");
    assert_error(&refresh(&simulator, &token).await, "invalid_grant", "OAU-210");
}

#[tokio::test]
async fn a_sixth_sign_in_ends_the_oldest_session() {
    let simulator = started().await;
    granted(&refresh(&simulator, "seed").await);
    let mut issued = vec![sessions(&simulator)[0].clone()];
    for _ in 0..4 {
        granted(&ask(&simulator, JWT).await);
        issued.push(sessions(&simulator).last().unwrap().clone());
    }
    assert_eq!(sessions(&simulator), issued);
    let (sixth, ..) = granted(&ask(&simulator, JWT).await);
    assert_eq!(sessions(&simulator).len(), 5);
    let evicted = &issued[0];
    let access = evicted.access_token.as_ref().unwrap();
    assert_eq!(status_with(&simulator, access).await, (401, json!("TokenInvalid")));
    assert_error(&refresh(&simulator, &evicted.refresh_token).await, "invalid_grant", "OAU-213");
    assert_eq!(status_with(&simulator, issued[1].access_token.as_ref().unwrap()).await.0, 200);
    assert_eq!(status_with(&simulator, &sixth).await.0, 200);
}

#[tokio::test]
async fn each_app_has_its_own_sessions() {
    let simulator = account().client("other", "t").start().await.unwrap();
    let (_, token, _) = granted(&refresh(&simulator, "seed").await);
    for _ in 0..5 {
        let answer = post_form(simulator.base_url(), TARGET, &basic("other", "t"), JWT).await;
        granted(&answer);
    }
    assert_eq!(sessions(&simulator).len(), 6);
    let foreign = format!("grant_type=refresh_token&refresh_token={token}");
    let refused = post_form(simulator.base_url(), TARGET, &basic("other", "t"), &foreign).await;
    assert_error(&refused, "invalid_grant", "OAU-213");
    granted(&refresh(&simulator, &token).await);
}

#[tokio::test]
async fn what_is_not_known_is_refused_with_its_code() {
    let simulator = started().await;
    for (form, error, code) in [
        ("grant_type=client_credentials&client_id=app&client_secret=s3cret", "invalid_request", "OAU-250"),
        ("grant_type=password&username=a&password=b", "invalid_request", "OAU-250"),
        ("", "invalid_request", "OAU-250"),
        ("grant_type=authorization_code&code=a", "unauthorized_client", "OAU-251"),
        ("grant_type=partner_jwt&assertion=a.b.c", "unauthorized_client", "OAU-251"),
        (&JWT.replace("a.b.c", "x.y.z"), "invalid_grant", "OAU-213"),
        (&JWT.replace("a.b.c", ""), "invalid_request", "CMN-101"),
        ("grant_type=refresh_token&refresh_token=unknown", "invalid_grant", "OAU-213"),
        ("grant_type=refresh_token", "invalid_request", "CMN-101"),
    ] {
        assert_error(&ask(&simulator, form).await, error, code);
    }
    for authorization in [basic("app", "wrong"), basic("other", "s3cret"), String::new()] {
        let refused = post_form(simulator.base_url(), TARGET, &authorization, JWT).await;
        assert_error(&refused, "invalid_client", "OAU-123");
    }
    let no_form = post(simulator.base_url(), TARGET, &basic("app", "s3cret"), &json!({})).await;
    assert_eq!((no_form.status, no_form.text.as_str()), (415, ""));
    assert_eq!(simulator.tokens().accepted(simulator.clock().now()).len(), 0);
}

#[tokio::test]
async fn the_documented_dialect_takes_the_grant_that_guides_print() {
    let account = RingCentral::new(Dialect::Documented).with_clock(Clock::stopped()).queue("1", "Sales");
    let simulator = account.client("app", "s3cret").start().await.unwrap();
    let form = "grant_type=client_credentials&client_id=app&client_secret=";
    let answer = post_form(simulator.base_url(), TARGET, "", &format!("{form}s3cret")).await;
    assert_eq!((answer.status, answer.json().get("refresh_token")), (200, None));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status_with(&simulator, &token).await.0, 200);
    let refused = post_form(simulator.base_url(), TARGET, "", &format!("{form}wrong")).await;
    assert_error(&refused, "invalid_client", "OAU-123");
}

#[tokio::test]
async fn the_limit_on_tokens_is_five_a_minute_with_a_penalty_that_begins_anew() {
    let simulator = account().token_requests_per_minute(5).start().await.unwrap();
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = ask(&simulator, JWT).await;
        assert_eq!(answer.header("x-rate-limit-group"), Some("auth"));
        assert_eq!(answer.header("x-rate-limit-remaining"), Some(remaining));
    }
    let limited = |answer: &Response| {
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")));
        assert_eq!(
            (answer.header("x-rate-limit-group"), &answer.json()["errorCode"]),
            (Some("auth"), &json!("CMN-301"))
        );
        assert_fits("ringcentral/error.json", &answer.json());
    };
    limited(&ask(&simulator, JWT).await);
    simulator.clock().advance(MINUTE.checked_sub(Duration::from_secs(1)).unwrap());
    limited(&ask(&simulator, JWT).await);
    simulator.clock().advance(MINUTE.checked_sub(Duration::from_secs(1)).unwrap());
    limited(&ask(&simulator, JWT).await);
    let other = post_form(simulator.base_url(), TARGET, &basic("other", "t"), JWT).await;
    assert_error(&other, "invalid_client", "OAU-123");
    simulator.clock().advance(MINUTE);
    granted(&ask(&simulator, JWT).await);
}

#[tokio::test]
async fn the_limit_on_requests_is_the_apps_and_a_new_token_does_not_lift_it() {
    let simulator = account().requests_per_minute(1).start().await.unwrap();
    let (first, token, _) = granted(&refresh(&simulator, "seed").await);
    assert_eq!(status_with(&simulator, &first).await.0, 200);
    let (second, ..) = granted(&refresh(&simulator, &token).await);
    assert_eq!(status_with(&simulator, &second).await, (429, json!("CMN-301")));
}

#[tokio::test]
async fn a_fault_is_told_in_the_form_of_the_token_endpoint() {
    let simulator = started().await;
    for (failure, error, code) in
        [(Failure::Unauthorized, "invalid_client", "OAU-123"), (Failure::Forbidden, "unauthorized_client", "OAU-251")]
    {
        simulator.faults().push(Fault::failure(failure).only("/oauth/token"));
        assert_eq!(status_with(&simulator, "wrong").await.0, 401);
        assert_error(&ask(&simulator, JWT).await, error, code);
    }
    let failure = Failure::RateLimited { retry_after_seconds: 9 };
    simulator.faults().push(Fault::failure(failure).only("/oauth/token"));
    let limited = ask(&simulator, JWT).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("9")));
    assert_eq!(limited.header("x-rate-limit-group"), Some("auth"));
    granted(&ask(&simulator, JWT).await);
}

#[tokio::test]
async fn the_state_counts_sessions_and_shows_no_token() {
    let simulator = account().token("given").start().await.unwrap();
    let (access, refresh_token, _) = granted(&ask(&simulator, JWT).await);
    let state = get(simulator.base_url(), "/_simulator/state", "").await;
    assert_eq!((&state.json()["sessions"], &state.json()["issued_tokens"]), (&json!(2), &json!(1)));
    assert_eq!(state.json()["accepted_tokens"], 2);
    for secret in [access.as_str(), refresh_token.as_str(), "given", "seed", "s3cret", "a.b.c"] {
        assert!(!state.text.contains(secret), "{secret}");
    }
}
