//! Holds: as many calls as there are agents, each agent once, whoever asks and wherever it is known.

use std::time::{Duration, UNIX_EPOCH};

use callgate::clock::rfc3339;
use callgate::invocation::Invocation;
use callgate::routes::{HttpAnswer, HttpRequest, respond};
use callgate_local::simulator::{CallTools, PortSip, RingCentral, portsip};
use serde_json::{Value, json};

use crate::desk::{
    Centre, Instance, START_MS, Site, agents, all_at_once, assert_says, assert_warns, merged, number_of,
};
use crate::homes::Commons;

/// Three agents of whom each takes a call for a minute.
fn holding(more: Value) -> Value {
    merged(merged(json!({"hold_ms": 60_000, "deadline_ms": 28_000}), agents("available", "at_least", 1)), more)
}

type Gate = Instance<<CallTools as Centre>::Adapter>;

/// Checks that fifty calls at once, shared among these instances, get the three agents.
async fn assert_three_of_fifty(gates: &[Gate]) {
    let checks = all_at_once((0..50).map(|call| gates[call % gates.len()].asking(holding(json!({})))));
    let verdicts = checks.verdicts().await;
    assert_eq!(number_of(&verdicts, "decision", "accept"), 3);
    assert_eq!(number_of(&verdicts, "reason", "ok"), 3);
    assert_eq!(number_of(&verdicts, "reason", "held_by_others"), 47);
    let mut ids: Vec<_> = verdicts.iter().filter_map(|verdict| verdict["hold"]["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each of the three has a hold, and nobody else");
    for refused in verdicts.iter().filter(|verdict| verdict["accept"] == false) {
        assert_says("refused", refused, &json!({"on_unknown_applied": false, "available": 3}));
        assert_eq!(refused["counts"]["held"], 3, "{refused:#}");
    }
}

#[tokio::test]
async fn of_fifty_calls_at_once_three_get_the_three_agents_in_one_instance() {
    let site = Site::<CallTools>::with(3).await;
    assert_three_of_fifty(&[site.instance()]).await;
}

#[tokio::test]
async fn of_fifty_calls_at_once_three_get_the_three_agents_over_shared_memory() {
    let site = Site::<CallTools>::with(3).await;
    let commons = Commons::memory(&site.clock);
    let gates: Vec<Gate> = (0..10).map(|_| site.sharing(commons.shared())).collect();
    assert_three_of_fifty(&gates).await;
}

#[tokio::test]
async fn of_fifty_calls_at_once_three_get_the_three_agents_over_a_table() {
    let site = Site::<CallTools>::with(3).await;
    let Some(commons) = Commons::moto().await else { return };
    let gates: Vec<Gate> = (0..10).map(|_| site.sharing(commons.shared())).collect();
    assert_three_of_fifty(&gates).await;
}

#[tokio::test]
async fn a_hold_says_what_it_is_and_ends_at_its_time() {
    let site = Site::<CallTools>::with(1).await;
    let gate = site.instance();
    let first = gate.ask(holding(json!({}))).await;
    assert_says("first", &first, &json!({"accept": true, "reason": "ok"}));
    let ends = rfc3339(UNIX_EPOCH + Duration::from_millis(START_MS + 60_000));
    assert_eq!(first["hold"]["expires_at"], ends);
    site.pass(Duration::from_millis(59_999));
    let refused = gate.ask(holding(json!({}))).await;
    assert_says("held", &refused, &json!({"accept": false, "reason": "held_by_others"}));
    assert_eq!(refused.get("hold"), None);
    site.pass(Duration::from_millis(1));
    let next = gate.ask(holding(json!({}))).await;
    assert_says("ended", &next, &json!({"accept": true, "reason": "ok"}));
    assert_ne!(next["hold"]["id"], first["hold"]["id"]);
}

#[tokio::test]
async fn who_waits_for_an_agent_already_comes_first() {
    for (waiting, accepted) in [(0, 3), (1, 2), (3, 0), (4, 0)] {
        let site = Site::of(PortSip::staffed(3, callgate_local::simulator::Clock::stopped())).await;
        site.simulator.set_queue(PortSip::QUEUE, &json!({"waiting": waiting})).unwrap();
        let gate = site.instance();
        let question = holding(json!({"template": "queue_headroom"}));
        let mut verdicts = Vec::new();
        for _ in 0..4 {
            verdicts.push(gate.ask(question.clone()).await);
        }
        assert_eq!(number_of(&verdicts, "decision", "accept"), accepted, "{waiting} waiting");
        let last = verdicts.last().unwrap();
        // Without anybody's hold there would be an agent only where one is left by the callers.
        let reason = if accepted > 0 { "held_by_others" } else { "condition_not_met" };
        assert_says("the last", last, &json!({"reason": reason, "on_unknown_applied": false}));
    }
}

#[tokio::test]
async fn without_the_number_of_agents_nobody_can_be_held() {
    let site = Site::<RingCentral>::with(3).await;
    let gate = site.instance();
    for on_unknown in ["reject", "accept"] {
        let verdict = gate.ask(json!({"hold_ms": 60_000, "on_unknown": on_unknown})).await;
        let unknown = json!({"reason": "field_missing", "on_unknown_applied": true, "accept": on_unknown == "accept",
                             "available": null});
        assert_says(on_unknown, &verdict, &unknown);
        assert_eq!(verdict.get("hold"), None, "{verdict:#}");
    }
    // The criterion itself was met, and still is where nobody is to be held.
    assert_says("without", &gate.ask(json!({})).await, &json!({"reason": "ok"}));
}

#[tokio::test]
async fn what_is_refused_anyway_is_not_refused_for_the_holds() {
    let site = Site::<CallTools>::with(1).await;
    let gate = site.instance();
    gate.ask(holding(json!({}))).await;
    let many = gate.ask(holding(agents("available", "at_least", 2))).await;
    assert_says("two wanted of one", &many, &json!({"reason": "condition_not_met", "accept": false}));
    site.simulator.set_agent(CallTools::QUEUE, "101", &json!({"status": "Lunch"})).unwrap();
    assert_says("nobody", &gate.ask(holding(json!({}))).await, &json!({"reason": "condition_not_met"}));
}

async fn one_call_has_one_hold(site: &Site<CallTools>, gates: [Gate; 2]) {
    let [gate, other] = gates;
    let call = |id: &str| holding(json!({"call_id": id}));
    let first = gate.ask(call("a")).await;
    assert_says("first", &first, &json!({"accept": true, "call_id": "a", "source": "live"}));
    // The one agent is in a call by now: perhaps in this one.
    site.simulator.set_agent(CallTools::QUEUE, "101", &json!({"live_calls_count": 1})).unwrap();
    let sent = site.requests();
    site.pass(Duration::from_secs(30));
    for instance in [&gate, &other] {
        let again = instance.ask(call("a")).await;
        assert_eq!(again, first, "the very same verdict");
    }
    assert_eq!(site.requests(), sent, "and nobody is asked for it");
    assert_says("another call", &other.ask(call("b")).await, &json!({"accept": false, "reason": "condition_not_met"}));
    site.simulator.set_agent(CallTools::QUEUE, "101", &json!({"live_calls_count": 0})).unwrap();
    assert_says("another call", &other.ask(call("b")).await, &json!({"accept": false, "reason": "held_by_others"}));
    site.pass(Duration::from_secs(30));
    let after = gate.ask(call("a")).await;
    assert_says("after its time", &after, &json!({"accept": true, "source": "live"}));
    assert_ne!(after["decision_id"], first["decision_id"]);
}

#[tokio::test]
async fn a_call_that_asks_again_has_the_same_verdict_and_takes_nobody_else() {
    let site = Site::<CallTools>::with(1).await;
    let gate = site.instance();
    one_call_has_one_hold(&site, [gate.clone(), gate]).await;
}

#[tokio::test]
async fn a_call_that_asks_another_instance_has_the_same_verdict_in_memory() {
    let site = Site::<CallTools>::with(1).await;
    let commons = Commons::memory(&site.clock);
    one_call_has_one_hold(&site, [site.sharing(commons.shared()), site.sharing(commons.shared())]).await;
}

#[tokio::test]
async fn a_call_that_asks_another_instance_has_the_same_verdict_over_a_table() {
    let site = Site::<CallTools>::with(1).await;
    let Some(commons) = Commons::moto().await else { return };
    one_call_has_one_hold(&site, [site.sharing(commons.shared()), site.sharing(commons.shared())]).await;
}

#[tokio::test]
async fn a_call_that_asks_twice_at_once_takes_one_agent() {
    let site = Site::<CallTools>::with(3).await;
    let commons = Commons::memory(&site.clock);
    let gates = [site.sharing(commons.shared()), site.sharing(commons.shared())];
    let checks = all_at_once((0..10).map(|turn| gates[turn % 2].asking(holding(json!({"call_id": "a"})))));
    let verdicts = checks.verdicts().await;
    let first = &verdicts[0];
    for verdict in &verdicts {
        assert_says("at once", verdict, &json!({"accept": true, "decision_id": first["decision_id"]}));
        assert_eq!(verdict["hold"], first["hold"]);
    }
    let free = gates[0].ask(agents("headroom", "at_least", 0)).await;
    assert_eq!(free["counts"]["held"], 1, "{free:#}");
}

#[tokio::test]
async fn other_recipes_of_the_queue_and_criteria_on_headroom_see_the_holds() {
    let site = Site::<PortSip>::with(2).await;
    let commons = Commons::memory(&site.clock);
    let (gate, other) = (site.sharing(commons.shared()), site.sharing(commons.shared()));
    assert_says("one", &gate.ask(holding(json!({}))).await, &json!({"accept": true}));
    let headroom = json!({"template": "queue_headroom"});
    let room = |value: u32| merged(headroom.clone(), agents("headroom", "at_least", value));
    assert_says("one left", &other.ask(room(1)).await, &json!({"reason": "ok", "available": 2}));
    assert_says("not two", &other.ask(room(2)).await, &json!({"reason": "held_by_others", "accept": false}));
    assert_says("never three", &other.ask(room(3)).await, &json!({"reason": "condition_not_met"}));
    // What counts agents as they are does not count holds.
    assert_says("as they are", &other.ask(agents("available", "at_least", 2)).await, &json!({"reason": "ok"}));
    assert_says("the other one", &other.ask(holding(headroom.clone())).await, &json!({"accept": true}));
    assert_says("both held", &gate.ask(holding(headroom)).await, &json!({"reason": "held_by_others"}));
    // Another queue has agents of its own.
    site.simulator.with(|pbx| *pbx = with_another_queue(2));
    let another = gate.ask(holding(json!({"queue": ANOTHER}))).await;
    assert_says("another queue", &another, &json!({"accept": true}));
}

const ANOTHER: &str = "NzAwNTUxOTA5NzczMTQ4MTYx";

fn with_another_queue(ready: u64) -> PortSip {
    let pbx = PortSip::staffed(ready, callgate_local::simulator::Clock::stopped()).token(crate::desk::TOKEN);
    pbx.queue(ANOTHER, "support", "8002").agent(ANOTHER, portsip::Agent::ready("201", "Grace Hale"))
}

/// The answer to a request about a hold.
async fn send(gate: &Gate, method: &str, id: &str) -> HttpAnswer {
    let request = HttpRequest {
        method: method.to_owned(),
        path: format!("/v1/check/calltools/holds/{id}"),
        ..HttpRequest::default()
    };
    respond(&gate.gate, &request, &Invocation::default()).await
}

#[tokio::test]
async fn a_hold_can_be_ended_before_its_time_wherever_it_was_taken() {
    let site = Site::<CallTools>::with(1).await;
    let commons = Commons::memory(&site.clock);
    let (gate, other) = (site.sharing(commons.shared()), site.sharing(commons.shared()));
    let taken = gate.ask(holding(json!({"call_id": "a"}))).await;
    let id = taken["hold"]["id"].as_str().unwrap();
    assert_says("held", &other.ask(holding(json!({}))).await, &json!({"reason": "held_by_others"}));
    for released in [true, false] {
        let answer = send(&other, "DELETE", id).await;
        assert_eq!((answer.status, answer.body), (200, json!({"released": released}).to_string()));
    }
    let next = other.ask(holding(json!({}))).await;
    assert_says("free again", &next, &json!({"accept": true}));
    assert_says("the call's own", &gate.ask(holding(json!({"call_id": "a"}))).await, &json!({"accept": false}));
    // One that ended by itself is no longer there to be ended.
    site.pass(Duration::from_mins(1));
    let answer = send(&gate, "DELETE", next["hold"]["id"].as_str().unwrap()).await;
    assert_eq!(answer.body, json!({"released": false}).to_string());
}

#[tokio::test]
async fn what_is_no_hold_is_not_found_and_a_hold_has_one_method() {
    let site = Site::<CallTools>::with(1).await;
    let gate = site.instance();
    let taken = gate.ask(holding(json!({}))).await;
    let id = taken["hold"]["id"].as_str().unwrap();
    let longer = format!("{id}0");
    let upper = id.to_uppercase();
    let other_digit = format!("{}g", &id[1..]);
    for malformed in ["", "1", &id[1..], &longer, &upper, &other_digit, "..", "%2e%2e", &format!("{id}/x")] {
        for method in ["DELETE", "GET"] {
            let expected = if malformed.is_empty() { 404 } else { send(&gate, method, malformed).await.status };
            assert_eq!(expected, 404, "{method} {malformed}");
        }
    }
    for method in ["GET", "POST", "PUT", "PATCH", "HEAD"] {
        let answer = send(&gate, method, id).await;
        assert_eq!((answer.status, answer.allow), (405, Some("DELETE")), "{method}");
    }
    assert_says("still held", &gate.ask(holding(json!({}))).await, &json!({"reason": "held_by_others"}));
    // One that never was is ended just as well.
    let never = "0".repeat(id.len());
    assert_eq!(send(&gate, "DELETE", &never).await.body, json!({"released": false}).to_string());
}

#[tokio::test]
async fn a_hold_that_cannot_be_shared_is_known_to_its_instance_and_says_so() {
    let site = Site::<CallTools>::with(1).await;
    let port = callgate_tests::sockets::RefusingPort::reserve().unwrap();
    let home = callgate::freshness::Home::DynamoDb(crate::homes::table_at(&port.url()));
    let gate = site.sharing(callgate::freshness::Shared::new(home, Duration::from_secs(5)));
    let taken = gate.ask(holding(json!({"call_id": "a"}))).await;
    assert_says("alone", &taken, &json!({"accept": true, "reason": "ok", "source": "live"}));
    assert_warns(&taken, &["hold", "this instance only"]);
    let next = gate.ask(holding(json!({"call_id": "b"}))).await;
    assert_says("held here", &next, &json!({"reason": "held_by_others"}));
    let again = gate.ask(holding(json!({"call_id": "a"}))).await;
    assert_says("the same call", &again, &json!({"accept": true, "decision_id": taken["decision_id"]}));
    assert_eq!(again["hold"], taken["hold"]);
    let released = send(&gate, "DELETE", taken["hold"]["id"].as_str().unwrap()).await;
    assert_eq!((released.status, released.body), (200, json!({"released": true}).to_string()));
    let free = gate.ask(holding(json!({"call_id": "b"}))).await;
    assert_says("free again", &free, &json!({"accept": true}));
}
