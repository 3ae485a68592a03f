//! Old answers in the place of new ones: for which failures, how old, and what there is where there is none.

use std::time::Duration;

use callgate_local::simulator::{CallTools, Failure, Fault, GenesysCloud};
use callgate_tests::sockets::RefusingPort;
use serde_json::{Value, json};

use crate::desk::{Centre, Instance, Site, agents, ample, assert_says, merged};
use crate::standstill::Standstill;

/// A gate whose last answer is so old: three agents, of whom none is left by now.
async fn last_answered(ago: Duration) -> (Site<CallTools>, Instance<<CallTools as Centre>::Adapter>) {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    gate.ask(json!({"stale_if_error_ms": 60_000})).await;
    site.pass(ago);
    (site, gate)
}

fn stale(age_ms: u64) -> Value {
    json!({"source": "stale", "data_age_ms": age_ms, "reason": "ok", "accept": true, "on_unknown_applied": false})
}

#[tokio::test]
async fn an_old_answer_stands_in_where_the_provider_fails() {
    for (what, fault, reason, sent) in [
        ("500", Fault::failure(Failure::Internal), "provider_error", 2),
        ("503", Fault::failure(Failure::Unavailable), "provider_error", 2),
        ("504", Fault::failure(Failure::TimedOut), "provider_error", 2),
        ("429", Fault::failure(Failure::RateLimited { retry_after_seconds: 60 }), "rate_limited", 1),
        ("cut", Fault::disconnect(), "provider_unreachable", 2),
        ("HTML", Fault::html(200), "unexpected_response", 1),
        ("half", Fault::truncated(5), "unexpected_response", 1),
        ("401", Fault::failure(Failure::Unauthorized), "auth_expired", 1),
    ] {
        let (site, gate) = last_answered(Duration::from_millis(59_999)).await;
        site.simulator.faults().push(fault.always());
        site.pass(Duration::from_millis(1));
        assert_says(what, &gate.ask(json!({"stale_if_error_ms": 60_000})).await, &stale(60_000));
        assert_eq!(site.requests(), 1 + sent, "{what}");
        // A millisecond older than is allowed, or not allowed at all.
        for allowed_ms in [59_999, 0] {
            let (site, gate) = last_answered(Duration::from_mins(1)).await;
            site.simulator.faults().push(match what {
                "429" => Fault::failure(Failure::RateLimited { retry_after_seconds: 60 }).always(),
                "500" | "503" | "504" => Fault::failure(Failure::Internal).always(),
                "cut" => Fault::disconnect().always(),
                "401" => Fault::failure(Failure::Unauthorized).always(),
                _ => Fault::html(200).always(),
            });
            let verdict = gate.ask(json!({"stale_if_error_ms": allowed_ms, "on_unknown": "accept"})).await;
            let policy = json!({"source": "policy", "reason": reason, "accept": true, "on_unknown_applied": true,
                                "data_age_ms": null});
            assert_says(what, &verdict, &policy);
        }
    }
}

#[tokio::test]
async fn an_old_answer_stands_in_where_the_provider_is_silent_or_not_there() {
    let time = Standstill::begin();
    let (site, gate) = last_answered(Duration::from_secs(40)).await;
    site.simulator.faults().push(Fault::pass().held().always());
    let silent = tokio::spawn(gate.asking(json!({"stale_if_error_ms": 60_000, "deadline_ms": 800})));
    site.received(2).await;
    time.pass(Duration::from_millis(800)).await;
    assert_says("silent", &silent.await.unwrap(), &stale(40_000));

    // Nobody listens any more at the same address.
    let (site, gate) = last_answered(Duration::from_secs(40)).await;
    site.simulator.shut_down().await;
    assert_says("gone", &gate.ask(json!({"stale_if_error_ms": 60_000})).await, &stale(40_000));
}

#[tokio::test]
async fn no_old_answer_stands_in_for_a_refusal() {
    for (what, fault, reason) in [
        ("403", Fault::failure(Failure::Forbidden), "auth_forbidden"),
        ("404", Fault::failure(Failure::NotFound), "queue_not_found"),
        ("400", Fault::answer(400, "{}"), "invalid_query"),
    ] {
        let site = Site::<GenesysCloud>::with(3).await;
        let gate = site.instance();
        gate.ask(json!({"stale_if_error_ms": 60_000})).await;
        site.pass(Duration::from_secs(1));
        site.simulator.faults().push(fault.always());
        for on_unknown in ["reject", "accept"] {
            let question = json!({"stale_if_error_ms": 60_000, "on_unknown": on_unknown});
            let policy = json!({"source": "policy", "reason": reason, "accept": on_unknown == "accept",
                                "on_unknown_applied": true, "available": null, "data_age_ms": null});
            assert_says(what, &gate.ask(question).await, &policy);
        }
    }
}

#[tokio::test]
async fn an_old_answer_is_judged_by_the_criteria_of_the_check_it_serves() {
    let (site, gate) = last_answered(Duration::from_secs(9)).await;
    gate.ask(merged(json!({"stale_if_error_ms": 60_000}), agents("available", "at_least", 1))).await;
    site.pass(Duration::from_secs(9));
    site.simulator.faults().push(Fault::html(502).always());
    for (wanted, reason) in [(3, "ok"), (4, "condition_not_met")] {
        let question = merged(json!({"stale_if_error_ms": 60_000}), agents("available", "at_least", wanted));
        let expected = json!({"source": "stale", "reason": reason, "on_unknown_applied": false, "data_age_ms": 9000});
        assert_says("old", &gate.ask(question).await, &expected);
    }
}

#[tokio::test]
async fn an_old_answer_read_in_part_stands_in_for_what_it_decides() {
    let site = Site::<CallTools>::with(600).await;
    let gate = site.instance();
    let at_least = |wanted: u32| merged(json!({"stale_if_error_ms": 60_000}), agents("available", "at_least", wanted));
    gate.ask(at_least(3)).await;
    site.simulator.faults().push(Fault::html(502).always());
    assert_says("decided", &gate.ask(at_least(250)).await, &json!({"source": "stale", "counts_complete": false}));
    let open = gate.ask(at_least(251)).await;
    assert_says("open", &open, &json!({"source": "policy", "reason": "provider_error"}));
    let whole = gate.ask(merged(at_least(3), json!({"explain": true}))).await;
    assert_says("whole", &whole, &json!({"source": "policy", "reason": "provider_error"}));
}

#[tokio::test]
async fn a_new_answer_is_preferred_to_an_old_one() {
    let (site, gate) = last_answered(Duration::from_secs(1)).await;
    for id in ["101", "102", "103"] {
        site.simulator.set_agent(CallTools::QUEUE, id, &json!({"status": "Lunch"})).unwrap();
    }
    let verdict = gate.ask(merged(json!({"stale_if_error_ms": 60_000}), agents("available", "at_least", 1))).await;
    assert_says("asked", &verdict, &json!({"source": "live", "reason": "condition_not_met", "data_age_ms": 0}));
}

#[tokio::test]
async fn where_there_never_was_an_answer_policy_decides() {
    let port = RefusingPort::reserve().unwrap();
    let site = Site::<CallTools>::with(3).await;
    let secret = merged(site.secret(ample()), json!({"base_url": port.url()}));
    let gate = Instance::<<CallTools as Centre>::Adapter>::new(&secret, CallTools::QUEUE, &site.clock, None);
    for on_unknown in ["reject", "accept"] {
        let verdict = gate.ask(json!({"stale_if_error_ms": 86_400_000, "on_unknown": on_unknown})).await;
        let policy = json!({"source": "policy", "reason": "provider_unreachable", "accept": on_unknown == "accept",
                            "on_unknown_applied": true, "available": null, "data_age_ms": null});
        assert_says(on_unknown, &verdict, &policy);
    }
}
