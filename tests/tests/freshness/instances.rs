//! Many instances with one home: who asks, who waits, who takes over, and what a 429 to one means for all.

use std::time::Duration;

use callgate::freshness::Shared;
use callgate_local::simulator::{CallTools, Failure, Fault};
use serde_json::{Value, json};

use crate::desk::{Centre, Instance, Site, all_at_once, assert_says, number_of, quota};
use crate::homes::Commons;

type Gate = Instance<<CallTools as Centre>::Adapter>;

/// So many cold instances.
fn cold(site: &Site<CallTools>, commons: &Commons, number: usize) -> Vec<Gate> {
    (0..number).map(|_| site.sharing(commons.shared())).collect()
}

/// A check that has all the time there is: the machine may be slow.
fn patient(more: Value) -> Value {
    crate::desk::merged(json!({"deadline_ms": 28_000}), more)
}

async fn a_hundred_ask_once(site: &Site<CallTools>, commons: &Commons) {
    let gates = cold(site, commons, 100);
    let checks = all_at_once(gates.iter().map(|gate| gate.asking(patient(json!({"max_age_ms": 5000})))));
    let verdicts = checks.verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "ok"), 100);
    assert_eq!(number_of(&verdicts, "source", "policy"), 0);
    assert!(site.requests() <= 2, "{} requests", site.requests());
    assert!(number_of(&verdicts, "source", "live") <= 2);
    // Later each has what one of them asked for, as long as it may be used.
    site.pass(Duration::from_secs(5));
    let sent = site.requests();
    let checks = all_at_once(gates.iter().map(|gate| gate.asking(patient(json!({"max_age_ms": 5000})))));
    let verdicts = checks.verdicts().await;
    assert_eq!(number_of(&verdicts, "source", "cached"), 100);
    assert!(verdicts.iter().all(|verdict| verdict["data_age_ms"] == 5000));
    assert_eq!(site.requests(), sent);
}

#[tokio::test]
async fn a_hundred_cold_instances_ask_once_in_memory() {
    let site = Site::<CallTools>::with(3).await;
    a_hundred_ask_once(&site, &Commons::memory(&site.clock)).await;
}

#[tokio::test]
async fn a_hundred_cold_instances_ask_once_over_a_table() {
    let site = Site::<CallTools>::with(3).await;
    let Some(commons) = Commons::moto().await else { return };
    a_hundred_ask_once(&site, &commons).await;
}

async fn another_takes_over(site: &Site<CallTools>, commons: &Commons) {
    let [lost, next, third] = cold(site, commons, 3).try_into().unwrap_or_else(|_| panic!("three"));
    let question = patient(json!({"max_age_ms": 60_000}));
    site.simulator.faults().push(Fault::pass().held());
    let asking = tokio::spawn(lost.asking(question.clone()));
    site.received(1).await;
    let waiting = tokio::spawn(next.asking(question.clone()));
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // It waits for as long as the lease may last.
    site.pass(Duration::from_secs(1));
    assert_eq!(site.requests(), 1);
    site.pass(Duration::from_millis(500));
    let verdict = waiting.await.unwrap();
    assert_says("a second and a half later", &verdict, &json!({"source": "live", "reason": "ok"}));
    assert_eq!(site.requests(), 2);
    assert_says("and shared", &third.ask(question).await, &json!({"source": "cached", "reason": "ok"}));
}

#[tokio::test]
async fn an_instance_that_is_lost_while_it_asks_is_followed_by_another_in_memory() {
    let site = Site::<CallTools>::with(3).await;
    another_takes_over(&site, &Commons::memory(&site.clock)).await;
}

#[tokio::test]
async fn an_instance_that_is_lost_while_it_asks_is_followed_by_another_over_a_table() {
    let site = Site::<CallTools>::with(3).await;
    let Some(commons) = Commons::moto().await else { return };
    another_takes_over(&site, &commons).await;
}

async fn a_late_answer_changes_nothing(site: &Site<CallTools>, commons: &Commons) {
    let [late, next, third] = cold(site, commons, 3).try_into().unwrap_or_else(|_| panic!("three"));
    let question = patient(json!({"max_age_ms": 60_000}));
    let seven = json!({"count": 7, "next": null, "previous": null, "results": []}).to_string();
    site.simulator.faults().push(Fault::answer(200, seven).held());
    let asking = tokio::spawn(late.asking(question.clone()));
    site.received(1).await;
    site.pass(Duration::from_millis(1500));
    assert_says("next", &next.ask(question.clone()).await, &json!({"source": "live", "available": 3}));
    site.simulator.faults().release();
    let own = asking.await.unwrap();
    assert_says("late", &own, &json!({"source": "live", "reason": "ok"}));
    assert_eq!(own["findings"][0]["observed"], 7);
    // What the others see is the answer of who had the lease, not the one that came last.
    let shared = third.ask(question).await;
    assert_says("third", &shared, &json!({"source": "cached", "available": 3, "data_age_ms": 0}));
    assert_eq!(shared["findings"][0]["observed"], 3);
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_lease_was_lost_changes_nothing_in_memory() {
    let site = Site::<CallTools>::with(3).await;
    a_late_answer_changes_nothing(&site, &Commons::memory(&site.clock)).await;
}

#[tokio::test]
async fn an_answer_that_comes_after_the_lease_was_lost_changes_nothing_over_a_table() {
    let site = Site::<CallTools>::with(3).await;
    let Some(commons) = Commons::moto().await else { return };
    a_late_answer_changes_nothing(&site, &commons).await;
}

async fn a_429_to_one_stops_all(site: &Site<CallTools>, commons: &Commons, number: usize) {
    let gates = cold(site, commons, number);
    site.simulator.faults().push(Fault::failure(Failure::RateLimited { retry_after_seconds: 60 }));
    let first = gates[0].ask(patient(json!({}))).await;
    assert_says("the 429", &first, &json!({"reason": "rate_limited", "upstream_requests": 1}));
    for passed in [Duration::ZERO, Duration::from_millis(59_999)] {
        site.pass(passed);
        // Whatever they ask, and however old an answer may be.
        for question in [json!({"max_age_ms": 5000}), json!({}), json!({"queue": "9999"})] {
            let checks = all_at_once(gates.iter().map(|gate| gate.asking(patient(question.clone()))));
            let verdicts = checks.verdicts().await;
            assert_eq!(number_of(&verdicts, "reason", "rate_limited"), number);
            assert_eq!(site.requests(), 1);
        }
    }
    site.pass(Duration::from_millis(1));
    let checks = all_at_once(gates.iter().map(|gate| gate.asking(patient(json!({"max_age_ms": 5000})))));
    assert_eq!(number_of(&checks.verdicts().await, "reason", "ok"), number);
    assert!(site.requests() <= 3, "{} requests", site.requests());
}

#[tokio::test]
async fn a_429_to_one_of_two_hundred_stops_them_all_in_memory() {
    let site = Site::<CallTools>::with(3).await;
    a_429_to_one_stops_all(&site, &Commons::memory(&site.clock), 200).await;
}

#[tokio::test]
async fn a_429_to_one_of_fifty_stops_them_all_over_a_table() {
    let site = Site::<CallTools>::with(3).await;
    let Some(commons) = Commons::moto().await else { return };
    // As many as moto answers within the time that the client of the table gives a connection.
    a_429_to_one_stops_all(&site, &commons, 50).await;
}

#[tokio::test]
async fn the_quota_is_one_for_all_and_so_is_the_breaker() {
    let site = Site::<CallTools>::with(3).await;
    let commons = Commons::memory(&site.clock);
    let some = |number: usize, more: &Value| -> Vec<Gate> {
        (0..number).map(|_| site.sharing_with(commons.shared(), more.clone())).collect()
    };
    let gates = some(10, &quota(20, 60));
    let mut verdicts = Vec::new();
    for _ in 0..5 {
        for gate in &gates {
            verdicts.push(gate.ask(json!({})).await);
        }
    }
    assert_eq!(number_of(&verdicts, "source", "live"), 20);
    assert_eq!(number_of(&verdicts, "reason", "rate_limited"), 30);
    assert_eq!(site.requests(), 20);

    let site = Site::<CallTools>::with(3).await;
    let commons = Commons::memory(&site.clock);
    let gates: Vec<Gate> = (0..10).map(|_| site.sharing(commons.shared())).collect();
    site.simulator.faults().push(Fault::failure(Failure::Internal).times(6));
    for gate in &gates[..3] {
        assert_says("failing", &gate.ask(json!({})).await, &json!({"reason": "provider_error"}));
    }
    site.simulator.faults().push(Fault::pass().held());
    let checks = all_at_once(gates.iter().map(|gate| gate.asking(json!({}))));
    site.received(7).await;
    // Nine are spared at once; the one that tries is told of nobody else.
    let spared = async {
        site.simulator.faults().release();
        checks.verdicts().await
    };
    let verdicts = spared.await;
    assert_eq!(site.requests(), 7);
    assert_eq!(number_of(&verdicts, "source", "live"), 1);
    assert_eq!(number_of(&verdicts, "reason", "provider_error"), 9);
    let verdicts = all_at_once(gates.iter().map(|gate| gate.asking(json!({"max_age_ms": 5000})))).verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "ok"), 10);
}

#[tokio::test]
async fn an_old_answer_of_another_instance_stands_in() {
    let site = Site::<CallTools>::with(3).await;
    let commons = Commons::memory(&site.clock);
    let [asked, cold]: [Gate; 2] = cold(&site, &commons, 2).try_into().unwrap_or_else(|_| panic!("two"));
    let old = json!({"stale_if_error_ms": 60_000});
    asked.ask(old.clone()).await;
    site.pass(Duration::from_secs(30));
    site.simulator.faults().push(Fault::failure(Failure::Internal).always());
    let stale = json!({"source": "stale", "data_age_ms": 30_000, "reason": "ok"});
    assert_says("cold", &cold.ask(old).await, &stale);
    assert_says("not wanted", &cold.ask(json!({})).await, &json!({"source": "policy", "reason": "provider_error"}));
}

#[tokio::test]
async fn an_answer_too_large_to_share_is_shared_as_its_counts() {
    // 250 records of a page, and more than DynamoDB takes in one item.
    let site = Site::<CallTools>::with(3).await;
    let note = "n".repeat(2000);
    let records: Vec<Value> = (0..250)
        .map(|id| {
            json!({"app_user": id, "status": "Available", "ready": true, "logged_in": true, "live_calls_count": 0,
                    "note": note})
        })
        .collect();
    let large = json!({"count": 250, "next": null, "previous": null, "results": records}).to_string();
    site.simulator.faults().push(Fault::answer(200, large).always());
    let commons = Commons::memory(&site.clock);
    let shared = || -> Shared { commons.shared() };
    let (asked, other) = (site.sharing(shared()), site.sharing(shared()));
    let counts = crate::desk::merged(json!({"max_age_ms": 60_000}), crate::desk::agents("available", "at_least", 250));
    assert_says("asked", &asked.ask(counts.clone()).await, &json!({"source": "live", "available": 250}));
    let cached = json!({"source": "cached", "available": 250, "reason": "ok", "counts_complete": true});
    assert_says("counts", &other.ask(counts).await, &cached);
    let field =
        json!({"max_age_ms": 60_000, "acceptance": {"parse_type": "json", "parse_field": "count", "value": 249}});
    assert_says("a field", &other.ask(field).await, &json!({"source": "live", "reason": "ok"}));
}
