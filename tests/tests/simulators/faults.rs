//! Faults: late, held, broken, missing and foreign answers, and every failure in its provider's form.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use callgate_local::simulator::{
    CallTools, Dialect, Failure, Fault, GenesysCloud, PortSip, Provider, RingCentral, Simulator,
};

use crate::http::{get, try_get};
use crate::schemas::assert_fits;

const KEY: &str = "Token good";
const LIST: &str = "/api/agentstatuses/";

async fn calltools() -> Simulator<CallTools> {
    let account = CallTools::new(Dialect::Real).token("good").queue("7", "Sales");
    account.start().await.unwrap()
}

const FAILURES: [(Failure, u16); 7] = [
    (Failure::Unauthorized, 401),
    (Failure::Forbidden, 403),
    (Failure::NotFound, 404),
    (Failure::RateLimited { retry_after_seconds: 42 }, 429),
    (Failure::Internal, 500),
    (Failure::Unavailable, 503),
    (Failure::TimedOut, 504),
];

/// Asks for each failure; those in JSON fit the provider's schema of errors.
async fn assert_failures_fit<P: Provider>(provider: P, schema: &str, in_json: &[u16]) {
    let simulator = Simulator::start(provider).await.unwrap();
    for (failure, status) in FAILURES {
        simulator.faults().push(Fault::failure(failure));
        let answer = get(simulator.base_url(), "/anything", "").await;
        assert_eq!(answer.status, status, "{schema}");
        let is_limit = matches!(failure, Failure::RateLimited { .. });
        assert_eq!(answer.header("retry-after"), is_limit.then_some("42"), "{schema}");
        if in_json.contains(&status) {
            assert_fits(schema, &answer.json());
        } else {
            assert!(answer.header("content-type").unwrap().starts_with("text/"), "{status}");
        }
    }
    assert_eq!(simulator.faults().pending(), 0);
}

#[tokio::test]
async fn each_provider_has_a_form_of_its_own_for_every_failure() {
    let all = FAILURES.map(|(_, status)| status);
    let without = |missing: &[u16]| {
        let kept = all.into_iter().filter(|status| !missing.contains(status));
        kept.collect::<Vec<_>>()
    };
    for dialect in Dialect::ALL {
        let calltools = without(&[500, 503, 504]);
        assert_failures_fit(CallTools::new(dialect), "calltools/error.json", &calltools).await;
        assert_failures_fit(GenesysCloud::new(dialect), "genesys-cloud/error.json", &all).await;
        let rest = without(&[504]);
        assert_failures_fit(RingCentral::new(dialect), "ringcentral/error.json", &rest).await;
        assert_failures_fit(PortSip::new(dialect), "portsip/error.json", &rest).await;
    }
}

#[tokio::test]
async fn a_broken_answer_is_followed_by_a_whole_one() {
    let simulator = calltools().await;
    let whole = get(simulator.base_url(), LIST, KEY).await.text;
    let after = |kept: usize| format!("{kept} of {} bytes", whole.len());
    for (fault, said) in [
        (Fault::truncated(0), after(0)),
        (Fault::truncated(9), after(9)),
        (Fault::disconnect(), "unexpected end of file".to_owned()),
    ] {
        simulator.faults().push(fault);
        let broken = try_get(simulator.base_url(), LIST, KEY).await;
        assert_eq!(broken.unwrap_err().to_string(), said);
        assert_eq!(get(simulator.base_url(), LIST, KEY).await.text, whole);
    }
    simulator.faults().push(Fault::truncated(1_000));
    assert_eq!(get(simulator.base_url(), LIST, KEY).await.text, whole);
    assert_eq!(simulator.requests().len(), 8);
}

#[tokio::test]
async fn an_answer_may_be_replaced_in_status_headers_and_body() {
    let simulator = calltools().await;
    simulator.faults().push(Fault::answer(200, "[1, 2]").header("X-Trace", "abc"));
    simulator.faults().push(Fault::html(530));
    simulator.faults().push(Fault::pass().header("Content-Type", "text/plain"));
    let replaced = get(simulator.base_url(), LIST, KEY).await;
    assert_eq!((replaced.status, replaced.text.as_str()), (200, "[1, 2]"));
    assert_eq!(replaced.header("x-trace"), Some("abc"));
    assert_eq!(replaced.header("content-type"), Some("application/json"));
    let page = get(simulator.base_url(), LIST, KEY).await;
    assert_eq!((page.status, page.header("content-type")), (530, Some("text/html")));
    let own = get(simulator.base_url(), LIST, KEY).await;
    assert_eq!((own.status, own.header("content-type")), (200, Some("text/plain")));
    assert_eq!(own.json()["count"], 0);
}

#[tokio::test]
async fn a_fault_keeps_to_its_requests_and_its_number() {
    let simulator = calltools().await;
    let status = async |target: &str| get(simulator.base_url(), target, KEY).await.status;
    simulator.faults().push(Fault::failure(Failure::Internal).only("page=2").times(2));
    assert_eq!(status(LIST).await, 200);
    assert_eq!(status("/api/agentstatuses/?page=2").await, 500);
    assert_eq!(status("/api/agentstatuses/?page=2").await, 500);
    assert_eq!(status("/api/agentstatuses/?page=1").await, 200);
    simulator.faults().push(Fault::failure(Failure::Unavailable).always());
    for _ in 0..3 {
        assert_eq!(status(LIST).await, 503);
    }
    simulator.faults().clear();
    assert_eq!(status(LIST).await, 200);
}

#[tokio::test]
async fn a_held_answer_goes_when_it_is_released() {
    let simulator = calltools().await;
    simulator.faults().push(Fault::pass().held());
    let base = simulator.base_url().to_owned();
    let held = tokio::spawn(async move { get(&base, LIST, KEY).await.status });
    simulator.received(1).await;
    assert_eq!(get(simulator.base_url(), LIST, KEY).await.status, 200);
    assert!(!held.is_finished());
    simulator.faults().release();
    assert_eq!(held.await.unwrap(), 200);
}

#[tokio::test]
async fn a_delayed_answer_is_late() {
    let simulator = calltools().await;
    let delay = Duration::from_millis(60);
    simulator.faults().push(Fault::pass().delayed(delay));
    let began = Instant::now();
    assert_eq!(get(simulator.base_url(), LIST, KEY).await.status, 200);
    assert!(began.elapsed() >= delay);
}

#[tokio::test]
async fn a_simulator_that_ended_cannot_be_reached() {
    let simulator = calltools().await;
    let base = simulator.base_url().to_owned();
    simulator.faults().push(Fault::pass().delayed(Duration::from_hours(1)));
    let late = tokio::spawn({
        let base = base.clone();
        async move { get(&base, LIST, KEY).await.status }
    });
    simulator.received(1).await;
    simulator.shut_down().await;
    assert_eq!(late.await.unwrap(), 200);
    let refused = try_get(&base, LIST, KEY).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
