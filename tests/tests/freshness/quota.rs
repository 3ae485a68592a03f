//! The quota: what of it is planned, what counts, and that no provider is ever sent more than it allows.

use std::time::Duration;

use callgate_local::simulator::{
    CallTools, Clock, Dialect, Failure, Fault, GenesysCloud, PortSip, RingCentral, portsip,
};
use serde_json::{Value, json};

use crate::desk::{CONNECTION, Centre, Instance, START_MS, Site, agents, assert_says, assert_warns, merged, quota};

#[tokio::test]
async fn beyond_the_planned_part_old_answers_serve_and_only_who_has_none_asks() {
    let site = Site::<CallTools>::with(3).await;
    let gate = site.instance_with(quota(20, 60));
    let with_old = json!({"stale_if_error_ms": 60_000});
    // Seven tenths of twenty.
    for turn in 1..=14 {
        assert_says(&turn.to_string(), &gate.ask(with_old.clone()).await, &json!({"source": "live"}));
    }
    site.pass(Duration::from_secs(1));
    let stale = gate.ask(with_old.clone()).await;
    assert_says("the fifteenth", &stale, &json!({"source": "stale", "data_age_ms": 1000, "reason": "ok"}));
    assert_warns(&stale, &["quota"]);
    // What is left is for those who have no other answer.
    for turn in 15..=20 {
        let verdict = gate.ask(json!({"options": {"agent_status_id": turn}})).await;
        assert_says(&turn.to_string(), &verdict, &json!({"source": "live", "upstream_requests": 1}));
    }
    assert_eq!(site.requests(), 20);
    let spent = gate.ask(json!({})).await;
    assert_says("spent", &spent, &json!({"source": "policy", "reason": "rate_limited", "upstream_requests": 0}));
    assert!(spent["message"].as_str().unwrap().contains("max_age_ms"), "what to do: {spent:#}");
    assert_says("old", &gate.ask(with_old.clone()).await, &json!({"source": "stale", "reason": "ok"}));
    assert_eq!(site.requests(), 20);
    // A window and its twelfth later all of it is there again.
    site.pass(Duration::from_secs(65));
    assert_says("anew", &gate.ask(with_old).await, &json!({"source": "live"}));
}

/// How many requests a provider is sent until its account has none left, with this in the secret.
async fn sent_until_spent<C: Centre>(more: Value) -> usize {
    let site = Site::<C>::with(1).await;
    let gate = site.instance_with(more);
    let request = gate.request(json!({}));
    loop {
        let verdict = gate.check(&request).await;
        if verdict["reason"] != "ok" {
            assert_says(C::NAME, &verdict, &json!({"reason": "rate_limited", "accept": false}));
            return site.requests();
        }
    }
}

#[tokio::test]
async fn each_provider_has_its_quota_unless_the_secret_says_otherwise() {
    assert_eq!(sent_until_spent::<CallTools>(json!({})).await, 1000);
    assert_eq!(sent_until_spent::<GenesysCloud>(json!({})).await, 300);
    assert_eq!(sent_until_spent::<RingCentral>(json!({})).await, 50);
    assert_eq!(sent_until_spent::<PortSip>(json!({})).await, 1000);
    assert_eq!(sent_until_spent::<CallTools>(quota(7, 60)).await, 7);
    assert_eq!(sent_until_spent::<GenesysCloud>(quota(8, 60)).await, 8);
    assert_eq!(sent_until_spent::<RingCentral>(quota(60, 60)).await, 60);
    assert_eq!(sent_until_spent::<PortSip>(quota(1100, 60)).await, 1100);
}

#[tokio::test]
async fn each_provider_counts_in_a_window_of_its_own() {
    async fn assert_window<C: Centre>(seconds: u64) {
        let site = Site::<C>::with(1).await;
        let gate = site.instance_with(json!({}));
        while gate.ask(json!({})).await["reason"] == "ok" {}
        let spent = site.requests();
        site.pass(Duration::from_secs(seconds - 1));
        assert_says("within", &gate.ask(json!({})).await, &json!({"reason": "rate_limited"}));
        assert_eq!(site.requests(), spent);
        // The twelfth in which the window began counts whole.
        site.pass(Duration::from_secs(1 + seconds / 12));
        assert_says("after", &gate.ask(json!({})).await, &json!({"reason": "ok"}));
    }
    assert_window::<CallTools>(3600).await;
    assert_window::<GenesysCloud>(60).await;
    assert_window::<RingCentral>(60).await;
    assert_window::<PortSip>(60).await;
}

/// How much of a quota a check uses up: asked with so many left, it is the last that is answered whole.
async fn assert_uses<C: Centre>(what: &str, site: &Site<C>, question: &Value, requests: u32) {
    for (left, is_whole) in [(requests, true), (requests - 1, false)] {
        let sent = site.requests();
        let gate = site.instance_with(quota(left, 60));
        gate.ask(question.clone()).await;
        let next = gate.ask(json!({"queue": "another"})).await;
        assert_says(what, &next, &json!({"reason": "rate_limited", "upstream_requests": 0}));
        assert_eq!(site.requests() - sent, usize::try_from(left).unwrap(), "{what}, {is_whole}");
    }
}

#[tokio::test]
async fn whatever_is_sent_is_counted() {
    let few = Site::<CallTools>::with(3).await;
    few.simulator.faults().push(Fault::failure(Failure::Internal).always());
    assert_uses("a retry", &few, &json!({}), 2).await;
    few.simulator.faults().clear();
    let options = json!({"explain": true, "options": {"agent_status_id": 20561, "ready": true}});
    assert_uses("the other recipe that explain runs", &few, &options, 2).await;

    let many = Site::<CallTools>::with(600).await;
    assert_uses("pages", &many, &agents("available", "at_least", 600), 3).await;

    // The queue's status, the list, and each of three agents.
    let pbx = Site::<PortSip>::with(3).await;
    let all = merged(agents("available", "at_least", 3), json!({"as": "count"}));
    assert_uses("one request for each agent", &pbx, &all, 5).await;
    let headroom = merged(all, json!({"template": "queue_headroom"}));
    assert_uses("and for who is waiting", &pbx, &headroom, 6).await;
}

#[tokio::test]
async fn a_permit_for_what_was_never_sent_is_given_back() {
    let site = Site::<PortSip>::with(1).await;
    let lapsed = merged(site.secret(quota(5, 60)), json!({"expires_at": START_MS / 1000 - 3600}));
    let gate = Instance::<<PortSip as Centre>::Adapter>::new(&lapsed, PortSip::QUEUE, &site.clock, None);
    for _ in 0..20 {
        let verdict = gate.ask(json!({})).await;
        assert_says("expired", &verdict, &json!({"reason": "auth_expired", "upstream_requests": 0}));
    }
    assert_eq!(site.requests(), 0);
    gate.gate.put_secret(CONNECTION, site.secret(quota(5, 60)).to_string());
    let one = agents("available", "at_least", 1);
    assert_says("renewed", &gate.ask(one).await, &json!({"reason": "ok", "upstream_requests": 3}));
}

/// Pours checks on a provider with its own limit, at a steady pace for this long, and checks that it never refused one.
async fn assert_never_refuses<C: Centre>(limited: C, pace: Duration, lasting: Duration, allowed: usize) {
    let site = Site::of(limited).await;
    let gate = site.instance_with(json!({}));
    let request = gate.request(json!({}));
    let checks = lasting.as_millis() / pace.as_millis();
    let mut refused = 0;
    for _ in 0..checks {
        let verdict = gate.check(&request).await;
        if verdict["reason"] == "rate_limited" {
            refused += 1;
            // By the gate, before anything was sent; a provider's own 429 would read otherwise.
            let message = verdict["message"].as_str().unwrap();
            assert!(message.contains("was not asked"), "{verdict:#}");
        } else {
            assert_says(C::NAME, &verdict, &json!({"reason": "ok"}));
        }
        site.pass(pace);
    }
    assert!(refused > 0, "{}: it was never short of anything", C::NAME);
    assert!(site.requests() <= allowed, "{}: {} requests", C::NAME, site.requests());
    // And not by sending next to nothing.
    assert!(site.requests() * 10 >= allowed * 6, "{}: only {} requests", C::NAME, site.requests());
}

#[tokio::test]
async fn no_provider_is_sent_more_than_it_allows_while_checks_pour_in() {
    let clock = Clock::stopped;
    let minutes = Duration::from_mins(3);
    let ringcentral = RingCentral::staffed(1, clock()).requests_per_minute(50);
    assert_never_refuses(ringcentral, Duration::from_millis(200), minutes, 150).await;
    let genesys = GenesysCloud::staffed(1, clock()).requests_per_minute(300);
    assert_never_refuses(genesys, Duration::from_millis(100), minutes, 900).await;
    let calltools = CallTools::staffed(1, clock()).requests_per_hour(1000);
    assert_never_refuses(calltools, Duration::from_secs(2), Duration::from_hours(2), 2000).await;
    let pbx = PortSip::new(Dialect::Real).queue(PortSip::QUEUE, "sales", "8001").with_clock(clock());
    let pbx = pbx.agent(PortSip::QUEUE, portsip::Agent::ready("101", "Ada Byrne")).requests_per_minute(1000);
    assert_never_refuses(pbx, Duration::from_millis(100), minutes, 3000).await;
}
