//! Shared state that is slow, down, throttled or broken: the verdict is true all the same, little is waited for it, and the
//! account is still spared.

use std::time::Duration;

use callgate::freshness::{Home, Shared};
use callgate_local::simulator::{CallTools, Fault};
use callgate_tests::dynamodb::{DynamoDb, Manner};
use callgate_tests::sockets::RefusingPort;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::desk::{Centre, Instance, Site, agents, all_at_once, assert_says, assert_warns, merged, number_of, quota};
use crate::homes::table_at;
use crate::standstill::Standstill;

type Gate = Instance<<CallTools as Centre>::Adapter>;

/// As it is shipped: what a check may wait for the shared state.
const SHIPPED: Duration = Duration::from_millis(40);
/// What the runtime rounds a time-out up by.
const A_TICK: Duration = Duration::from_millis(1);
/// For how long it is then left alone.
const LEFT_ALONE: Duration = Duration::from_secs(2);

fn shared_at(url: &str) -> Shared {
    Shared::new(Home::DynamoDb(table_at(url)), SHIPPED)
}

/// Every way to ask: each has another use for the shared state.
fn questions() -> [Value; 4] {
    let hold = merged(agents("available", "at_least", 1), json!({"hold_ms": 60_000}));
    [json!({"max_age_ms": 5000}), json!({"stale_if_error_ms": 5000}), json!({}), hold]
}

#[tokio::test]
async fn a_state_that_refuses_is_asked_once_and_then_left_alone() {
    for (what, manner) in [
        ("throttled", Manner::Error("ProvisionedThroughputExceededException")),
        ("throttled", Manner::Error("ThrottlingException")),
        ("too many requests", Manner::Error("RequestLimitExceeded")),
        ("no permission", Manner::Error("AccessDeniedException")),
        ("no table", Manner::Error("ResourceNotFoundException")),
        ("broken", Manner::Text(500, "{\"__type\": \"InternalServerError\"}")),
        ("HTML", Manner::Text(200, "<html><h1>It works!</h1></html>")),
        ("HTML as a failure", Manner::Text(503, "<html><h1>503</h1></html>")),
        ("somebody else's items", Manner::ForeignItems),
    ] {
        for question in questions() {
            let time = Standstill::begin();
            let site = Site::<CallTools>::with(3).await;
            let table = DynamoDb::start().await.unwrap();
            table.behave(manner.clone());
            let gate = site.sharing(shared_at(&table.url()));
            let began = Instant::now();
            let verdict = gate.ask(question.clone()).await;
            assert_says(what, &verdict, &json!({"reason": "ok", "source": "live", "upstream_requests": 1}));
            assert_eq!((table.calls(), began.elapsed()), (1, Duration::ZERO), "{what}: {question}");
            // For two seconds nothing more is asked of it, by whatever check.
            time.pass(Duration::from_millis(1995)).await;
            for another in questions() {
                assert_eq!(gate.ask(another).await["reason"], "ok", "{what}");
            }
            assert_eq!(table.calls(), 1, "{what}");
            // And then it is, in case it is well again.
            table.behave(Manner::Well);
            time.pass(Duration::from_millis(5)).await;
            let other = merged(question.clone(), json!({"options": {"agent_status_id": 20561}}));
            assert_eq!(gate.ask(other).await["reason"], "ok", "{what}");
            assert!(table.calls() > 1, "{what}");
            drop(time);
            tokio::time::resume();
        }
    }
}

#[tokio::test]
async fn a_state_that_is_slow_is_waited_for_forty_milliseconds_once() {
    for (what, manner) in [("slow", Manner::After(Duration::from_millis(300))), ("silent", Manner::Silence)] {
        for question in questions() {
            let time = Standstill::begin();
            let site = Site::<CallTools>::with(3).await;
            let table = DynamoDb::start().await.unwrap();
            table.behave(manner.clone());
            let gate = site.sharing(shared_at(&table.url()));
            let checks = all_at_once([gate.asking(merged(question.clone(), json!({"deadline_ms": 200})))]);
            table.called(1).await;
            assert_eq!(site.requests(), 0, "the provider is not asked before it is known who asks");
            time.pass(SHIPPED + A_TICK).await;
            // No further moment passes: time stands still from here to the verdict.
            let verdicts = checks.verdicts().await;
            assert_says(what, &verdicts[0], &json!({"reason": "ok", "source": "live"}));
            let next = gate.ask(json!({})).await;
            assert_says(what, &next, &json!({"reason": "ok", "source": "live", "elapsed_ms": 0}));
            assert_eq!(table.calls(), 1, "{what}");
            drop(time);
            tokio::time::resume();
        }
    }
}

#[tokio::test]
async fn a_state_that_is_not_there_costs_no_verdict() {
    let port = RefusingPort::reserve().unwrap();
    // Closes each connection as soon as it is asked anything.
    let closing = Site::<CallTools>::with(0).await;
    closing.simulator.faults().push(Fault::disconnect().always());
    for url in [port.url(), closing.simulator.base_url().to_owned()] {
        for question in questions() {
            let site = Site::<CallTools>::with(3).await;
            // As long as this machine takes to be refused.
            let gate = site.sharing(Shared::new(Home::DynamoDb(table_at(&url)), Duration::from_secs(20)));
            for _ in 0..3 {
                let verdict = gate.ask(merged(json!({"options": {"ready": true}}), question.clone())).await;
                assert_eq!(verdict["reason"], "ok", "{verdict:#}");
            }
            assert_says("the first", &site.sharing(shared_at(&url)).ask(question).await, &json!({"source": "live"}));
        }
    }
    assert!(closing.requests() > 0);
}

#[tokio::test]
async fn an_empty_table_and_one_that_reads_in_part_are_no_answers() {
    let site = Site::<CallTools>::with(3).await;
    let table = DynamoDb::start().await.unwrap();
    let patient = |table: &DynamoDb| Shared::new(Home::DynamoDb(table_at(&table.url())), Duration::from_secs(20));
    let empty = site.sharing(patient(&table)).ask(json!({"max_age_ms": 5000})).await;
    assert_says("empty", &empty, &json!({"reason": "ok", "source": "live"}));
    let second = site.sharing(patient(&table)).ask(json!({"max_age_ms": 5000})).await;
    assert_says("filled", &second, &json!({"reason": "ok", "source": "cached"}));
    table.behave(Manner::Unprocessed);
    let third = site.sharing(patient(&table)).ask(json!({"max_age_ms": 5000})).await;
    assert_says("in part", &third, &json!({"reason": "ok", "source": "live"}));
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn in_an_instance_on_its_own_checks_are_still_joined_and_answers_still_used() {
    let site = Site::<CallTools>::with(3).await;
    let table = DynamoDb::start().await.unwrap();
    table.behave(Manner::Error("ThrottlingException"));
    let gate = site.sharing(shared_at(&table.url()));
    let checks = all_at_once((0..30).map(|_| gate.asking(json!({"max_age_ms": 5000}))));
    let verdicts = checks.verdicts().await;
    assert_eq!(number_of(&verdicts, "reason", "ok"), 30);
    assert_says("later", &gate.ask(json!({"max_age_ms": 5000})).await, &json!({"source": "cached"}));
    assert_eq!(site.requests(), 1);
}

#[tokio::test]
async fn holds_that_cannot_be_looked_at_are_named_and_cost_no_verdict() {
    let site = Site::<CallTools>::with(3).await;
    let table = DynamoDb::start().await.unwrap();
    table.behave(Manner::Error("ThrottlingException"));
    let gate = site.sharing(shared_at(&table.url()));
    let hold = merged(agents("available", "at_least", 1), json!({"hold_ms": 60_000}));
    let verdict = gate.ask(hold).await;
    assert_says("held", &verdict, &json!({"accept": true, "reason": "ok"}));
    assert_warns(&verdict, &["this instance only"]);
}

/// What these instances send while they cannot hear each other and checks pour in, for a window.
async fn sent_alone(site: &Site<CallTools>, gates: &[Gate]) -> usize {
    let before = site.requests();
    let requests: Vec<_> = gates.iter().map(|gate| gate.request(json!({}))).collect();
    let mut refused = 0;
    for _ in 0..30 {
        for (gate, request) in gates.iter().zip(&requests) {
            let verdict = gate.check(request).await;
            match verdict["reason"].as_str() {
                Some("ok") => {}
                Some("rate_limited") => refused += 1,
                _ => panic!("{verdict:#}"),
            }
        }
        site.pass(Duration::from_secs(2));
    }
    assert!(refused > 0, "none was ever held back: this proves nothing");
    site.requests() - before
}

#[tokio::test]
async fn instances_that_cannot_hear_each_other_keep_the_accounts_quota_between_them() {
    // Nine of ten: they never heard of each other. Forty that did, and sent about the same each.
    for (number, have_met) in [(10, false), (1, false), (40, true)] {
        let site = Site::<CallTools>::with(1).await;
        let table = DynamoDb::start().await.unwrap();
        let gates: Vec<Gate> = (0..number)
            .map(|_| {
                let shared = Shared::new(Home::DynamoDb(table_at(&table.url())), Duration::from_secs(20));
                site.sharing_with(shared, quota(200, 60))
            })
            .collect();
        if have_met {
            for _ in 0..2 {
                for gate in &gates {
                    assert_says("together", &gate.ask(json!({})).await, &json!({"reason": "ok"}));
                }
            }
            // A window later all of the quota is there again.
            site.pass(Duration::from_secs(65));
        }
        table.behave(Manner::Error("ThrottlingException"));
        let sent = sent_alone(&site, &gates).await;
        assert!(sent <= 220, "{number} instances sent {sent} requests of 200");
        // And each was served now and then.
        assert!(sent >= gates.len(), "{sent} requests of {number} instances");
    }
}

#[tokio::test]
async fn what_was_sent_alone_is_told_when_the_others_can_be_heard_again() {
    let site = Site::<CallTools>::with(1).await;
    let table = DynamoDb::start().await.unwrap();
    let time = Standstill::begin();
    let shared = || Shared::new(Home::DynamoDb(table_at(&table.url())), Duration::from_secs(20));
    let (gate, other) = (site.sharing_with(shared(), quota(20, 60)), site.sharing_with(shared(), quota(20, 60)));
    for _ in 0..10 {
        assert_says("together", &gate.ask(json!({})).await, &json!({"reason": "ok"}));
    }
    table.behave(Manner::Error("ThrottlingException"));
    let mut alone = 0;
    while gate.ask(json!({})).await["reason"] == "ok" {
        alone += 1;
    }
    assert!(alone > 0, "nothing was sent alone: this proves nothing");
    table.behave(Manner::Well);
    time.pass(LEFT_ALONE).await;
    let mut together = 0;
    // One tells, the other counts on it.
    while gate.ask(json!({})).await["reason"] == "ok" {
        together += 1;
    }
    let refused = other.ask(json!({})).await;
    assert_says("spent", &refused, &json!({"reason": "rate_limited", "upstream_requests": 0}));
    assert_eq!(10 + alone + together, 20);
    assert_eq!(site.requests(), 20);
}
