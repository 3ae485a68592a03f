//! Checks that ask the same at the same time: one request, and what becomes of those who wait when it comes to nothing.

use std::time::Duration;

use callgate_local::simulator::{self, CallTools, Failure, Fault};
use serde_json::json;

use crate::desk::{Centre, Site, agents, all_at_once, assert_says, merged, number_of};
use crate::standstill::Standstill;

#[tokio::test]
async fn checks_at_the_same_time_are_one_request_whatever_their_age() {
    let time = Standstill::begin();
    for question in [json!({}), json!({"max_age_ms": 5000}), json!({"stale_if_error_ms": 5000})] {
        let site = Site::<CallTools>::with(3).await;
        let gate = site.instance();
        site.simulator.faults().push(Fault::pass().held());
        let checks = all_at_once((0..50).map(|_| gate.asking(question.clone())));
        site.received(1).await;
        time.settle().await;
        site.simulator.faults().release();
        let verdicts = checks.verdicts().await;
        assert_eq!(number_of(&verdicts, "source", "live"), 1);
        assert_eq!(number_of(&verdicts, "source", "coalesced"), 49);
        assert_eq!(number_of(&verdicts, "reason", "ok"), 50);
        let requests: u64 = verdicts.iter().map(|verdict| verdict["upstream_requests"].as_u64().unwrap()).sum();
        assert_eq!((site.requests(), requests), (1, 1), "{question}");
    }
}

#[tokio::test]
async fn whoever_comes_after_the_answer_asks_anew() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    for turn in 1..=3 {
        assert_says("one by one", &gate.ask(json!({})).await, &json!({"source": "live"}));
        assert_eq!(site.requests(), turn);
    }
}

#[tokio::test]
async fn each_who_waits_has_a_verdict_of_its_own() {
    let time = Standstill::begin();
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    site.simulator.faults().push(Fault::pass().held());
    let checks = all_at_once((1..=6).map(|wanted| gate.asking(agents("available", "at_least", wanted))));
    site.received(1).await;
    time.settle().await;
    site.simulator.faults().release();
    let verdicts = checks.verdicts().await;
    let accepted: Vec<_> = verdicts.iter().map(|verdict| verdict["accept"] == true).collect();
    assert_eq!(accepted, [true, true, true, false, false, false]);
    let mut ids: Vec<_> = verdicts.iter().map(|verdict| verdict["decision_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), site.requests()), (6, 1));
}

#[tokio::test]
async fn different_questions_are_asked_side_by_side() {
    let time = Standstill::begin();
    let site = Site::of(CallTools::staffed(3, simulator::Clock::stopped()).queue("9999", "support")).await;
    let gate = site.instance();
    gate.gate.put_secret("other", site.secret(json!({})).to_string());
    site.simulator.faults().push(Fault::pass().held().always());
    let checks = all_at_once(
        [
            json!({}),
            json!({"queue": "9999"}),
            json!({"options": {"ready": true}}),
            json!({"template": "ready_agents", "options": {"ready": true, "agent_status_id": 20561}}),
            json!({"connection": "other"}),
        ]
        .map(|question| gate.asking(question)),
    );
    // None waits for another's answer: all of them are under way before the first has one.
    site.received(5).await;
    time.settle().await;
    site.simulator.faults().release();
    assert_eq!(number_of(&checks.verdicts().await, "source", "live"), 5);
    assert_eq!(site.requests(), 5);
}

#[tokio::test]
async fn a_check_that_is_given_up_strands_nobody() {
    let time = Standstill::begin();
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    site.simulator.faults().push(Fault::pass().held());
    let leader = tokio::spawn(gate.asking(json!({})));
    site.received(1).await;
    let followers = all_at_once((0..20).map(|_| gate.asking(json!({}))));
    time.settle().await;
    leader.abort();
    let verdicts = followers.verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "ok"), 20);
    // One of them took its place.
    assert_eq!(number_of(&verdicts, "source", "live"), 1);
    assert_eq!(number_of(&verdicts, "source", "coalesced"), 19);
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn who_has_more_time_than_the_check_it_waited_for_asks_itself() {
    let time = Standstill::begin();
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    site.simulator.faults().push(Fault::pass().held());
    let hurried = tokio::spawn(gate.asking(json!({"deadline_ms": 200})));
    site.received(1).await;
    let patient = all_at_once((0..10).map(|_| gate.asking(json!({"deadline_ms": 5000}))));
    time.settle().await;
    time.pass(Duration::from_millis(200)).await;
    assert_says("200 ms", &hurried.await.unwrap(), &json!({"source": "policy", "reason": "provider_timeout"}));
    let verdicts = patient.verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "ok"), 10);
    assert_eq!(number_of(&verdicts, "source", "live"), 1);
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn who_has_less_time_than_the_check_it_waits_for_is_answered_in_its_own() {
    let time = Standstill::begin();
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    gate.ask(json!({"stale_if_error_ms": 60_000})).await;
    site.pass(Duration::from_secs(7));
    site.simulator.faults().push(Fault::pass().held());
    let patient = tokio::spawn(gate.asking(json!({"deadline_ms": 5000})));
    site.received(2).await;
    let hurried = tokio::spawn(gate.asking(json!({"deadline_ms": 200})));
    let stale = tokio::spawn(gate.asking(json!({"deadline_ms": 200, "stale_if_error_ms": 60_000})));
    time.settle().await;
    assert!(!hurried.is_finished() && !stale.is_finished());
    time.pass(Duration::from_millis(200)).await;
    assert_says("200 ms", &hurried.await.unwrap(), &json!({"source": "policy", "reason": "provider_timeout"}));
    assert_says("stale", &stale.await.unwrap(), &json!({"source": "stale", "data_age_ms": 7000, "reason": "ok"}));
    site.simulator.faults().release();
    assert_says("the patient one", &patient.await.unwrap(), &json!({"source": "live", "reason": "ok"}));
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn a_failure_is_the_answer_to_all_who_wait_for_it() {
    let time = Standstill::begin();
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    site.simulator.faults().push(Fault::failure(Failure::Internal).held().times(2));
    let checks = all_at_once((0..20).map(|_| gate.asking(json!({}))));
    site.received(1).await;
    time.settle().await;
    site.simulator.faults().release();
    // A 5xx is asked once more.
    site.received(2).await;
    time.settle().await;
    site.simulator.faults().release();
    let verdicts = checks.verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "provider_error"), 20);
    assert_eq!(number_of(&verdicts, "source", "policy"), 20);
    assert_eq!(site.requests(), 2);
    assert_says("the next", &gate.ask(json!({})).await, &json!({"source": "live", "reason": "ok"}));
}

#[tokio::test]
async fn who_needs_more_than_was_read_asks_itself() {
    let time = Standstill::begin();
    let site = Site::<CallTools>::with(600).await;
    let gate = site.instance();
    site.simulator.faults().push(Fault::pass().held());
    let content = tokio::spawn(gate.asking(agents("available", "at_least", 3)));
    site.received(1).await;
    let as_content = tokio::spawn(gate.asking(agents("available", "at_least", 250)));
    let thorough = tokio::spawn(gate.asking(merged(agents("available", "at_least", 3), json!({"as": "count"}))));
    time.settle().await;
    site.simulator.faults().release();
    let partly = json!({"source": "coalesced", "counts_complete": false, "reason": "ok", "upstream_requests": 0});
    assert_says("content", &content.await.unwrap(), &json!({"source": "live", "counts_complete": false}));
    assert_says("as content", &as_content.await.unwrap(), &partly);
    let all = json!({"source": "live", "counts_complete": true, "available": 600, "upstream_requests": 3});
    assert_says("thorough", &thorough.await.unwrap(), &all);
    assert_eq!(site.requests(), 4);
}
