//! The figures by which all this is shown: requests sent for a hundred thousand checks, from one instance and from a hundred.

use std::time::Duration;

use callgate::request::CheckRequest;
use callgate::verdict::Reason;
use callgate_local::simulator::CallTools;
use serde_json::json;

use crate::desk::{Centre, Instance, Site};
use crate::homes::Commons;

const CHECKS: usize = 100_000;
/// Ten checks a second.
const PACE: Duration = Duration::from_millis(100);
/// A check every 100 ms with an answer that may be 5 s old: one request for 51 of them, and some slack.
const MOST: usize = 2100;

type Gate = Instance<<CallTools as Centre>::Adapter>;

/// The requests sent for a hundred thousand checks, which these instances get in turn.
async fn sent_by(site: &Site<CallTools>, gates: &[Gate]) -> usize {
    let request: CheckRequest = gates[0].request(json!({"max_age_ms": 5000}));
    for turn in 0..CHECKS {
        let verdict = gates[turn % gates.len()].verdict(&request).await;
        assert_eq!((verdict.accept, verdict.reason), (true, Reason::Ok), "{verdict:?}");
        assert!(verdict.data_age_ms.is_some_and(|age_ms| age_ms <= 5000), "{verdict:?}");
        site.pass(PACE);
    }
    site.requests()
}

#[tokio::test]
async fn one_instance_asks_once_in_five_seconds() {
    let site = Site::<CallTools>::with(1).await;
    let sent = sent_by(&site, &[site.instance_with(json!({}))]).await;
    assert!(sent <= MOST, "{sent} requests");
    // No answer was older than it may be: that takes one request for every 51 checks at least.
    assert!(sent >= CHECKS / 51, "{sent} requests");
}

#[tokio::test]
async fn a_hundred_instances_ask_hardly_more_than_one() {
    let site = Site::<CallTools>::with(1).await;
    let commons = Commons::memory(&site.clock);
    let gates: Vec<Gate> = (0..100).map(|_| site.sharing_with(commons.shared(), json!({}))).collect();
    let sent = sent_by(&site, &gates).await;
    assert!(sent <= MOST * 11 / 10, "{sent} requests");
    assert!(sent >= CHECKS / 51, "{sent} requests");
}
