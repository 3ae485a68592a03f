//! After a 429: how long an account is left alone, what is answered meanwhile, and what the provider's headers add.

use std::time::{Duration, UNIX_EPOCH};

use callgate::clock::rfc3339;
use callgate_local::simulator::{CallTools, Fault, GenesysCloud, PortSip, RingCentral};
use serde_json::{Value, json};

use crate::desk::{Centre, START_MS, Site, all_at_once, assert_says, assert_warns, number_of};

/// What `Retry-After` says, and for how many seconds the account is left alone.
const RETRY_AFTER: [(Option<&str>, u64); 11] = [
    (Some("60"), 60),
    (Some("2"), 2),
    // The start, 2026-11-20T15:04:05Z, and 90 seconds.
    (Some("Fri, 20 Nov 2026 15:05:35 GMT"), 90),
    (None, 60),
    (Some("-1"), 60),
    (Some("1000000000000"), 300),
    (Some("1e12"), 300),
    (Some("301"), 300),
    (Some("Sat, 20 Nov 2027 15:04:05 GMT"), 300),
    (Some("soon"), 60),
    (Some("NaN"), 60),
];

fn too_many(retry_after: Option<&str>) -> Fault {
    let fault = Fault::answer(429, "{}");
    retry_after.map_or(fault.clone(), |said| fault.header("Retry-After", said))
}

#[tokio::test]
async fn an_account_is_left_alone_for_as_long_as_the_provider_says() {
    for (said, seconds) in RETRY_AFTER {
        let what = format!("Retry-After: {said:?}");
        let site = Site::<CallTools>::with(3).await;
        let gate = site.instance();
        site.simulator.faults().push(too_many(said));
        let first = gate.ask(json!({})).await;
        assert_says(&what, &first, &json!({"source": "policy", "reason": "rate_limited", "upstream_requests": 1}));

        let until = rfc3339(UNIX_EPOCH + Duration::from_millis(START_MS + seconds * 1000));
        for passed in [Duration::ZERO, Duration::from_millis(seconds * 1000 - 1)] {
            site.pass(passed);
            for on_unknown in ["reject", "accept"] {
                // Whatever is asked: the limit is the account's.
                for queue in [CallTools::QUEUE, "9999"] {
                    let verdict = gate.ask(json!({"on_unknown": on_unknown, "queue": queue})).await;
                    let policy = json!({"source": "policy", "reason": "rate_limited", "upstream_requests": 0,
                                        "accept": on_unknown == "accept", "on_unknown_applied": true});
                    assert_says(&what, &verdict, &policy);
                    assert!(verdict["message"].as_str().unwrap().contains(&until), "{what}: {verdict:#}");
                }
            }
        }
        assert_eq!(site.requests(), 1, "{what}");
        site.pass(Duration::from_millis(1));
        assert_says(&what, &gate.ask(json!({})).await, &json!({"source": "live", "reason": "ok"}));
    }
}

#[tokio::test]
async fn meanwhile_an_old_answer_stands_in_and_says_why_and_until_when() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    let question = json!({"stale_if_error_ms": 30_000});
    gate.ask(question.clone()).await;
    site.pass(Duration::from_secs(10));
    site.simulator.faults().push(too_many(Some("60")));
    assert_says("the 429", &gate.ask(question.clone()).await, &json!({"source": "stale", "data_age_ms": 10_000}));
    site.pass(Duration::from_secs(20));
    let held_back = gate.ask(question.clone()).await;
    assert_says("cool-down", &held_back, &json!({"source": "stale", "data_age_ms": 30_000, "reason": "ok"}));
    let until = rfc3339(UNIX_EPOCH + Duration::from_millis(START_MS + 70_000));
    assert_warns(&held_back, &["429", &until, "30000 ms old"]);
    site.pass(Duration::from_millis(1));
    let too_old = gate.ask(question.clone()).await;
    assert_says("too old", &too_old, &json!({"source": "policy", "reason": "rate_limited", "data_age_ms": null}));
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn a_429_half_way_through_stops_what_else_the_check_would_send() {
    let site = Site::<CallTools>::with(600).await;
    let gate = site.instance();
    site.simulator.faults().push(too_many(Some("60")).only("page=2"));
    let verdict = gate
        .ask(json!({"as": "count", "acceptance": {"parse_type": "agents", "parse_field": "available",
                                   "condition": "at_least", "value": 600}}))
        .await;
    assert_says("half", &verdict, &json!({"reason": "rate_limited", "upstream_requests": 2, "source": "live"}));
    assert_says("next", &gate.ask(json!({})).await, &json!({"reason": "rate_limited", "upstream_requests": 0}));
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn two_hundred_checks_under_a_429_send_nothing_and_are_served_after_it() {
    let site = Site::<PortSip>::with(3).await;
    let gate = site.instance();
    site.simulator.faults().push(too_many(Some("60")).always());
    gate.ask(json!({})).await;
    site.simulator.faults().clear();
    // The queue's status and its agents are asked for side by side.
    let sent = site.requests();
    assert!(sent <= 2);
    let verdicts = all_at_once((0..200).map(|_| gate.asking(json!({})))).verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "rate_limited"), 200);
    assert_eq!(site.requests(), sent);
    site.pass(Duration::from_mins(1));
    let verdicts = all_at_once((0..200).map(|_| gate.asking(json!({})))).verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "ok"), 200);
}

/// Checks that headers which say that nothing is left end the asking, for as long as they say.
async fn assert_spent<C: Centre>(left: &[(&str, &str)], nothing_left: &[(&str, &str)], seconds: u64) {
    let site = Site::<C>::with(3).await;
    // No number of its own: what is left is the provider's word alone.
    let gate = site.instance();
    let with = |headers: &[(&str, &str)]| {
        headers.iter().fold(Fault::pass(), |fault, (name, value)| fault.header(name, value)).always()
    };
    site.simulator.faults().push(with(left));
    for _ in 0..2 {
        assert_says("some left", &gate.ask(json!({})).await, &json!({"source": "live", "reason": "ok"}));
    }
    site.simulator.faults().clear();
    site.simulator.faults().push(with(nothing_left));
    let old = json!({"stale_if_error_ms": 600_000});
    assert_says("the last", &gate.ask(old.clone()).await, &json!({"source": "live", "reason": "ok"}));
    let sent = site.requests();
    site.pass(Duration::from_millis(seconds * 1000 - 1));
    let until = rfc3339(UNIX_EPOCH + Duration::from_millis(START_MS + seconds * 1000));
    let refused: Value = gate.ask(json!({})).await;
    assert_says("spent", &refused, &json!({"source": "policy", "reason": "rate_limited", "upstream_requests": 0}));
    assert!(refused["message"].as_str().unwrap().contains(&until), "{refused:#}");
    let old_one = gate.ask(old).await;
    assert_says("spent", &old_one, &json!({"source": "stale", "reason": "ok"}));
    assert_warns(&old_one, &["quota", &until]);
    assert_eq!(site.requests(), sent);
    site.pass(Duration::from_millis(1));
    assert_says("anew", &gate.ask(json!({})).await, &json!({"source": "live", "reason": "ok"}));
}

#[tokio::test]
async fn what_the_provider_says_is_left_is_all_that_is_sent() {
    assert_spent::<RingCentral>(
        &[("X-Rate-Limit-Limit", "40"), ("X-Rate-Limit-Remaining", "30"), ("X-Rate-Limit-Window", "60")],
        &[("X-Rate-Limit-Limit", "40"), ("X-Rate-Limit-Remaining", "0"), ("X-Rate-Limit-Window", "60")],
        60,
    )
    .await;
    assert_spent::<GenesysCloud>(
        &[("inin-ratelimit-count", "3"), ("inin-ratelimit-allowed", "180"), ("inin-ratelimit-reset", "12")],
        &[("inin-ratelimit-count", "180"), ("inin-ratelimit-allowed", "180"), ("inin-ratelimit-reset", "12")],
        12,
    )
    .await;
}
