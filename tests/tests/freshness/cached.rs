//! Answers that are used again: how long, for which questions, and how much of them.

use std::time::Duration;

use callgate::clock::Clock;
use callgate_local::simulator::{self, CallTools, Failure, Fault, PortSip};
use serde_json::{Value, json};

use crate::desk::{CONNECTION, Centre, Instance, Site, agents, ample, assert_says, merged};

#[tokio::test]
async fn an_answer_is_used_within_its_age_and_not_beyond() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    let question = json!({"max_age_ms": 5000});
    let live = json!({"source": "live", "data_age_ms": 0, "upstream_requests": 1, "reason": "ok"});
    assert_says("at first", &gate.ask(question.clone()).await, &live);
    for id in ["101", "102", "103"] {
        site.simulator.set_agent(CallTools::QUEUE, id, &json!({"queue_logged_in": false, "status": "Lunch"})).unwrap();
    }
    for (passed_ms, age_ms) in [(0, 0), (1, 1), (4999, 5000)] {
        site.pass(Duration::from_millis(passed_ms));
        let cached = json!({"source": "cached", "data_age_ms": age_ms, "upstream_requests": 0, "reason": "ok"});
        assert_says("in time", &gate.ask(question.clone()).await, &cached);
    }
    site.pass(Duration::from_millis(1));
    assert_says("a millisecond later", &gate.ask(question).await, &live);
    assert_eq!(site.requests(), 2);
}

#[tokio::test]
async fn an_answer_may_have_the_age_that_the_check_allows_whoever_asked_for_it() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    gate.ask(json!({"max_age_ms": 1})).await;
    site.pass(Duration::from_secs(3));
    for (max_age_ms, source) in [(3000, "cached"), (2999, "live"), (0, "live")] {
        let verdict = gate.ask(json!({"max_age_ms": max_age_ms})).await;
        assert_says(&max_age_ms.to_string(), &verdict, &json!({"source": source}));
        // What was just asked for is as new as can be: back to one that is three seconds old.
        site.pass(Duration::from_secs(if source == "live" { 3 } else { 0 }));
    }
    assert_eq!(site.requests(), 3);
}

#[tokio::test]
async fn without_an_age_each_check_asks() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    for question in [json!({}), json!({"max_age_ms": 0}), json!({"max_age_ms": 0, "stale_if_error_ms": 60_000})] {
        for _ in 0..3 {
            assert_says("no age", &gate.ask(question.clone()).await, &json!({"source": "live"}));
        }
    }
    assert_eq!(site.requests(), 9);
}

#[tokio::test]
async fn another_question_has_another_answer() {
    let site = Site::of(CallTools::staffed(3, simulator::Clock::stopped()).queue("9999", "support")).await;
    let gate = site.instance();
    gate.gate.put_secret("other", site.secret(ample()).to_string());
    let first = json!({"max_age_ms": 60_000, "options": {"agent_status_id": 20561, "ready": true}});
    for (what, more) in [
        ("the question", json!({})),
        ("another queue", json!({"queue": "9999"})),
        ("another template", json!({"template": "ready_agents"})),
        ("another option's value", json!({"options": {"agent_status_id": 20562, "ready": true}})),
        ("one option less", json!({"options": {"ready": true}})),
        ("another connection", json!({"connection": "other"})),
    ] {
        let question = merged(first.clone(), more);
        assert_says(what, &gate.ask(question.clone()).await, &json!({"source": "live"}));
        assert_says(what, &gate.ask(question).await, &json!({"source": "cached"}));
    }
    assert_eq!(site.requests(), 6);
}

#[tokio::test]
async fn a_connection_that_moves_to_another_host_has_no_answer_of_the_old_ones() {
    let (old, new) = (Site::<CallTools>::with(3).await, Site::<CallTools>::with(0).await);
    let gate = old.instance();
    gate.ask(json!({"max_age_ms": 600_000})).await;
    gate.gate.put_secret(CONNECTION, new.secret(ample()).to_string());
    // As long as a secret is remembered at most, and no longer than the answer may be used.
    old.pass(Duration::from_secs(301));
    let moved = gate.ask(json!({"max_age_ms": 600_000})).await;
    assert_says("moved", &moved, &json!({"source": "live", "reason": "condition_not_met"}));
    assert_eq!((old.requests(), new.requests()), (1, 1));
}

#[tokio::test]
async fn other_criteria_and_wishes_share_one_answer() {
    let site = Site::<PortSip>::with(3).await;
    let gate = site.instance();
    // All there is, so that it answers whatever is asked of it.
    let first = gate.ask(json!({"max_age_ms": 60_000, "explain": true})).await;
    assert_says("at first", &first, &json!({"source": "live", "counts_complete": true}));
    let sent = site.requests();
    for (what, more, reason) in [
        ("three", agents("available", "at_least", 3), "ok"),
        ("four", agents("available", "at_least", 4), "condition_not_met"),
        ("nobody on a call", agents("on_call", "equals", 0), "ok"),
        ("a field", json!({"acceptance": {"parse_type": "json", "parse_field": "items", "value": 2}}), "ok"),
        (
            "a pattern",
            json!({"acceptance": {"parse_type": "regex", "pattern": "\"status\": \"READY\"", "value": 3}}),
            "condition_not_met",
        ),
        ("missing", agents("waiting", "equals", 0), "field_missing"),
        ("everything", json!({"explain": true}), "ok"),
        ("a count", json!({"as": "count"}), "ok"),
        ("labels", json!({"call_id": "1", "destination": "d", "on_unknown": "accept", "deadline_ms": 5000}), "ok"),
    ] {
        let verdict = gate.ask(merged(json!({"max_age_ms": 60_000}), more)).await;
        let expected = json!({"source": "cached", "reason": reason, "upstream_requests": 0, "available": 3});
        assert_says(what, &verdict, &expected);
    }
    assert_eq!(site.requests(), sent);
}

#[tokio::test]
async fn an_answer_read_in_part_decides_only_what_its_interval_decides() {
    // Two pages of 250, and one of 100.
    let site = Site::<CallTools>::with(600).await;
    let at_least = |value: u32| merged(json!({"max_age_ms": 60_000}), agents("available", "at_least", value));
    let partly = |source: &str, requests: u32, reason: &str| json!({"source": source, "upstream_requests": requests, "reason": reason, "counts_complete": false});
    let gate = site.instance();
    assert_says("one page is enough", &gate.ask(at_least(3)).await, &partly("live", 1, "ok"));
    assert_says("for more as well", &gate.ask(at_least(250)).await, &partly("cached", 0, "ok"));
    let beyond = merged(json!({"max_age_ms": 60_000}), agents("available", "at_least", 601));
    assert_says("there are not so many", &gate.ask(beyond).await, &partly("cached", 0, "condition_not_met"));
    assert_says("one more than was seen", &gate.ask(at_least(251)).await, &partly("live", 2, "ok"));
    assert_says("and then it was seen", &gate.ask(at_least(300)).await, &partly("cached", 0, "ok"));

    for more in [json!({"explain": true}), json!({"as": "count"}), json!({"hold_ms": 1000})] {
        let gate = site.instance();
        assert_says("in part", &gate.ask(at_least(3)).await, &partly("live", 1, "ok"));
        let everything = gate.ask(merged(at_least(3), more.clone())).await;
        let expected = json!({"source": "live", "upstream_requests": 3, "counts_complete": true, "available": 600});
        assert_says(&more.to_string(), &everything, &expected);
        let whole = json!({"source": "cached", "counts_complete": true});
        assert_says(&more.to_string(), &gate.ask(merged(at_least(3), more.clone())).await, &whole);
    }
}

#[tokio::test]
async fn a_failure_is_never_kept_and_neither_is_what_it_stopped() {
    let site = Site::<CallTools>::with(600).await;
    let question =
        merged(json!({"max_age_ms": 60_000, "stale_if_error_ms": 60_000}), agents("available", "at_least", 600));
    for (what, fault, reason) in [
        ("404", Fault::failure(Failure::NotFound), "invalid_query"),
        ("403", Fault::failure(Failure::Forbidden), "auth_forbidden"),
        ("400", Fault::answer(400, "{}"), "invalid_query"),
        ("HTML", Fault::html(200), "unexpected_response"),
        ("500 twice", Fault::failure(Failure::Internal).times(2), "provider_error"),
        ("the second page", Fault::html(200).only("page=2"), "unexpected_response"),
    ] {
        let gate = site.instance();
        site.simulator.faults().push(fault);
        let failed = gate.ask(question.clone()).await;
        assert_says(what, &failed, &json!({"reason": reason, "accept": false, "on_unknown_applied": true}));
        assert_eq!(site.simulator.faults().pending(), 0, "{what}");
        let next = gate.ask(question.clone()).await;
        assert_says(what, &next, &json!({"reason": "ok", "source": "live", "counts_complete": true}));
    }
}

#[tokio::test]
async fn a_secret_sets_the_ages_and_a_request_overrides_them() {
    let site = Site::<CallTools>::with(3).await;
    let defaults = json!({"defaults": {"max_age_ms": 5000, "stale_if_error_ms": 60_000}});
    let gate = site.instance_with(merged(defaults, ample()));
    assert_says("at first", &gate.ask(json!({})).await, &json!({"source": "live"}));
    site.pass(Duration::from_secs(5));
    assert_says("by default", &gate.ask(json!({})).await, &json!({"source": "cached", "data_age_ms": 5000}));
    assert_says("not wanted", &gate.ask(json!({"max_age_ms": 0})).await, &json!({"source": "live"}));
    site.pass(Duration::from_secs(6));
    site.simulator.faults().push(Fault::failure(Failure::Forbidden).always());
    assert_says("refused", &gate.ask(json!({})).await, &json!({"source": "policy", "reason": "auth_forbidden"}));
    site.simulator.faults().clear();
    site.simulator.faults().push(Fault::html(200).always());
    assert_says("by default", &gate.ask(json!({})).await, &json!({"source": "stale", "data_age_ms": 6000}));
    let without = gate.ask(json!({"stale_if_error_ms": 0})).await;
    assert_says("not wanted", &without, &json!({"source": "policy", "reason": "unexpected_response"}));
}

#[tokio::test]
async fn age_is_told_by_the_wall_clock_wherever_it_is_set() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance();
    let question = json!({"max_age_ms": 5000});
    let ask = async |what: &str, source: &str, age_ms: u64| {
        let verdict = gate.ask(question.clone()).await;
        assert_says(what, &verdict, &json!({"source": source, "data_age_ms": age_ms, "reason": "ok"}));
    };
    ask("at first", "live", 0).await;
    // A second back may be two machines' clocks apart; the answer is at least not from before.
    set_back(&site.clock, Duration::from_secs(1));
    ask("a second back", "cached", 0).await;
    set_back(&site.clock, Duration::from_hours(1));
    ask("an hour back: of an age that nobody knows", "live", 0).await;
    site.clock.advance(Duration::from_secs(5));
    ask("on from there", "cached", 5000).await;
    site.clock.advance(Duration::from_hours(1));
    ask("an hour forward", "live", 0).await;
    assert_eq!(site.requests(), 3);
}

/// Sets a stopped clock back. Its milliseconds are a whole number that wraps: all the way round but for so many is back.
fn set_back(clock: &Clock, by: Duration) {
    let by_ms = u64::try_from(by.as_millis()).unwrap();
    clock.advance(Duration::from_millis(u64::MAX - by_ms + 1));
}

#[tokio::test]
async fn instances_that_share_nothing_ask_each_for_itself() {
    let site = Site::<CallTools>::with(3).await;
    let question = json!({"max_age_ms": 60_000});
    let gates: Vec<Instance<_>> = (0..3).map(|_| site.instance()).collect();
    for source in ["live", "cached"] {
        for gate in &gates {
            let verdict: Value = gate.ask(question.clone()).await;
            assert_says("on its own", &verdict, &json!({"source": source}));
        }
    }
    assert_eq!(site.requests(), 3);
}
