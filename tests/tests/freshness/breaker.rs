//! The breaker: a provider that fails again and again is tried by one check at a time until it is well.

use std::time::Duration;

use callgate_local::simulator::{CallTools, Failure, Fault};
use serde_json::{Value, json};

use crate::desk::{Centre, Instance, Site, all_at_once, assert_says, assert_warns, number_of};
use crate::standstill::Standstill;

type Gate = Instance<<CallTools as Centre>::Adapter>;

/// Questions that nobody else is asking.
fn questions(gate: &Gate, number: u32) -> impl Iterator<Item = impl Future<Output = Value> + Send + 'static> {
    (0..number).map(|id| gate.asking(json!({"options": {"agent_status_id": id}})))
}

/// A gate that met five failures in a row, and the requests that took.
async fn broken() -> (Site<CallTools>, Gate, usize) {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    // Each check asks once more: two, two, and the first of two.
    site.simulator.faults().push(Fault::failure(Failure::Internal).times(6));
    for _ in 0..3 {
        assert_says("failing", &gate.ask(json!({})).await, &json!({"reason": "provider_error"}));
    }
    assert_eq!(site.requests(), 6);
    (site, gate, 6)
}

#[tokio::test]
async fn one_check_tries_while_the_others_are_spared() {
    let (site, gate, sent) = broken().await;
    let time = Standstill::begin();
    site.simulator.faults().push(Fault::pass().held());
    let checks = all_at_once(questions(&gate, 20));
    site.received(sent + 1).await;
    time.settle().await;
    assert_eq!(site.requests(), sent + 1);
    site.simulator.faults().release();
    let verdicts = checks.verdicts().await;
    assert_eq!(number_of(&verdicts, "source", "live"), 1);
    assert_eq!(number_of(&verdicts, "reason", "provider_error"), 19);
    assert_eq!(site.requests(), sent + 1);
    let spared = verdicts.iter().find(|verdict| verdict["source"] == "policy").unwrap();
    assert_says("spared", spared, &json!({"upstream_requests": 0, "on_unknown_applied": true}));
    // One success is enough.
    let verdicts = all_at_once(questions(&gate, 20)).verdicts().await;
    assert_eq!(number_of(&verdicts, "source", "live"), 20);
}

#[tokio::test]
async fn four_failures_are_no_reason_to_spare_it() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    site.simulator.faults().push(Fault::failure(Failure::Internal).times(4));
    for _ in 0..2 {
        assert_says("failing", &gate.ask(json!({})).await, &json!({"reason": "provider_error"}));
    }
    let time = Standstill::begin();
    site.simulator.faults().push(Fault::pass().held().always());
    let checks = all_at_once(questions(&gate, 20));
    site.received(24).await;
    time.settle().await;
    site.simulator.faults().release();
    assert_eq!(number_of(&checks.verdicts().await, "source", "live"), 20);
}

#[tokio::test]
async fn an_answer_in_between_begins_the_count_anew() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    for _ in 0..4 {
        site.simulator.faults().push(Fault::failure(Failure::Internal).times(4));
        for reason in ["provider_error", "provider_error", "ok"] {
            let verdict = gate.ask(json!({})).await;
            assert_says("now and then", &verdict, &json!({"reason": reason}));
            assert_ne!(verdict["upstream_requests"], 0);
        }
    }
}

#[tokio::test]
async fn never_are_two_trying_at_once() {
    let (site, gate, mut sent) = broken().await;
    let time = Standstill::begin();
    for _ in 0..3 {
        // The one that tries fails too, and so does its second attempt; after it the next may try.
        site.simulator.faults().push(Fault::failure(Failure::Internal).held().times(2));
        let checks = all_at_once(questions(&gate, 20));
        for _ in 0..2 {
            sent += 1;
            site.received(sent).await;
            time.settle().await;
            assert_eq!(site.requests(), sent, "one request is under way");
            site.simulator.faults().release();
        }
        assert_eq!(number_of(&checks.verdicts().await, "reason", "provider_error"), 20);
        assert_eq!(site.requests(), sent);
    }
}

#[tokio::test]
async fn one_that_is_not_heard_of_again_is_followed_by_another() {
    let (site, gate, sent) = broken().await;
    let time = Standstill::begin();
    site.simulator.faults().push(Fault::pass().held());
    let lost = tokio::spawn(gate.asking(json!({})));
    site.received(sent + 1).await;
    lost.abort();
    time.settle().await;
    site.pass(Duration::from_millis(1999));
    let spared = gate.ask(json!({})).await;
    assert_says("spared", &spared, &json!({"reason": "provider_error", "upstream_requests": 0}));
    site.pass(Duration::from_millis(1));
    assert_says("tried", &gate.ask(json!({})).await, &json!({"source": "live", "reason": "ok"}));
}

#[tokio::test]
async fn who_is_spared_has_an_old_answer_where_there_is_one() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    let old = json!({"stale_if_error_ms": 60_000});
    gate.ask(old.clone()).await;
    site.simulator.faults().push(Fault::failure(Failure::Internal).times(6));
    for _ in 0..3 {
        gate.ask(json!({})).await;
    }
    let time = Standstill::begin();
    // The check that tries is still at it when the other comes.
    site.simulator.faults().push(Fault::pass().held());
    let trying = tokio::spawn(gate.asking(json!({"options": {"ready": true}})));
    site.received(8).await;
    time.settle().await;
    site.pass(Duration::from_secs(1));
    let stale = gate.ask(old).await;
    assert_says("spared", &stale, &json!({"source": "stale", "data_age_ms": 1000, "upstream_requests": 0}));
    assert_warns(&stale, &["failed several times", "1000 ms old"]);
    site.simulator.faults().release();
    trying.await.unwrap();
}

#[tokio::test]
async fn silence_counts_as_a_failure_where_there_was_time_to_answer() {
    for (deadline_ms, is_broken) in [(800, true), (300, false)] {
        let time = Standstill::begin();
        let site = Site::<CallTools>::with(3).await;
        let gate = site.instance();
        site.simulator.faults().push(Fault::pass().held().always());
        for turn in 1..=5 {
            let silent = tokio::spawn(gate.asking(json!({"deadline_ms": deadline_ms})));
            site.received(turn).await;
            time.pass(Duration::from_millis(deadline_ms)).await;
            assert_says("silent", &silent.await.unwrap(), &json!({"reason": "provider_timeout"}));
        }
        let checks = all_at_once(questions(&gate, 20));
        let expected = if is_broken { 6 } else { 25 };
        site.received(expected).await;
        time.settle().await;
        site.simulator.faults().release();
        let verdicts = checks.verdicts().await;
        assert_eq!(number_of(&verdicts, "source", "live"), expected - 5, "{deadline_ms}");
        assert_eq!(number_of(&verdicts, "reason", "provider_timeout"), 25 - expected, "{deadline_ms}");
        drop(time);
        tokio::time::resume();
    }
}
