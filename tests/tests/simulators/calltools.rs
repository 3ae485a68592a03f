//! CallTools: the list of agent statuses, its filters and pages, keys and throttling.

use std::time::Duration;

use callgate_local::simulator::calltools::{AVAILABLE, Agent, CallTools};
use callgate_local::simulator::{Clock, Denial, Dialect, Simulator};
use serde_json::{Value, json};

use crate::http::{get, post};
use crate::schemas::{assert_fits, assert_refused};

const KEY: &str = "Token abc123";
const LIST: &str = "/api/agentstatuses/";

async fn account(dialect: Dialect) -> Simulator<CallTools> {
    CallTools::new(dialect)
        .with_clock(Clock::stopped())
        .token("abc123")
        .queue("5457", "sales-queue")
        .agent("5457", Agent::ready(101, "Ada Agent"))
        .agent("5457", Agent::on_call(102, "Bob Busy"))
        .agent("5457", Agent::away(103, "Cy Coffee", 20_562))
        .queue("5458", "support-team")
        .agent("5458", Agent::ready(104, "Di Desk"))
        .start()
        .await
        .unwrap()
}

fn schema(dialect: Dialect) -> String {
    format!("calltools/agent-statuses.{}.json", dialect.name())
}

fn users(page: &Value) -> Vec<u64> {
    let results = page["results"].as_array().unwrap().iter();
    results.map(|record| record["app_user"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    for dialect in Dialect::ALL {
        let simulator = account(dialect).await;
        let base = simulator.base_url();
        let everyone = get(base, LIST, KEY).await;
        assert_eq!(everyone.status, 200);
        assert_fits(&schema(dialect), &everyone.json());
        let error = "calltools/error.json";
        for (target, key, status) in [
            (LIST, "", 401),
            (LIST, "Token wrong", 401),
            (LIST, "Bearer abc123", 401),
            (LIST, "Token abc 123", 401),
            ("/api/agentstatus/", KEY, 404),
            ("/api/agentstatuses/?page=9", KEY, 404),
        ] {
            let refused = get(base, target, key).await;
            assert_eq!(refused.status, status, "{target} {key}");
            assert_fits(error, &refused.json());
        }
        let refused = post(base, LIST, KEY, &json!({})).await;
        assert_eq!(refused.status, 405);
        assert_fits(error, &refused.json());
        for faulty in ["queue=nobody", "agent_status_id=Available"] {
            let refused = get(base, &format!("{LIST}?{faulty}"), KEY).await;
            assert_eq!(refused.status, 400, "{faulty}");
            assert_fits("calltools/invalid-parameter.json", &refused.json());
        }
        simulator.tokens().deny("abc123", Denial::Application);
        let refused = get(base, LIST, KEY).await;
        assert_eq!(refused.status, 403);
        assert_fits(error, &refused.json());
    }
}

#[tokio::test]
async fn the_dialects_differ_in_their_records() {
    let documented = account(Dialect::Documented).await;
    let body = get(documented.base_url(), LIST, KEY).await.json();
    assert_refused(&schema(Dialect::Real), &body);
    let mut body = body;
    body.as_object_mut().unwrap().remove("count");
    assert_refused(&schema(Dialect::Documented), &body);
}

#[tokio::test]
async fn the_filters_select_and_unknown_parameters_do_not() {
    let simulator = account(Dialect::Real).await;
    for (query, expected) in [
        ("queue=5457", vec![101, 102, 103]),
        ("queue=sales-queue", vec![101, 102, 103]),
        ("queue=5458", vec![104]),
        ("", vec![101, 102, 103, 104]),
        ("queue=5457&agent_status_id=20561", vec![101, 102]),
        ("queue=5457&agent_status_id=20561&ready=true", vec![101]),
        ("queue=5457&ready=False", vec![102, 103]),
        ("queue=5457&ready=perhaps", vec![101, 102, 103]),
        ("queue=5457&agent_status_id=1", vec![]),
        ("queue=5457&reddy=true", vec![101, 102, 103]),
    ] {
        let page = get(simulator.base_url(), &format!("{LIST}?{query}"), KEY).await.json();
        assert_fits(&schema(Dialect::Real), &page);
        assert_eq!(users(&page), expected, "{query}");
        assert_eq!(page["count"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn the_pages_join_to_the_whole_list() {
    let mut account = CallTools::new(Dialect::Real).token("abc123").queue("7", "Large");
    for id in 0..60 {
        account = account.agent("7", Agent::ready(id, "Someone"));
    }
    let simulator = account.start().await.unwrap();
    let base = simulator.base_url();
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    let mut next = Some(format!("{base}{LIST}?queue=7&ready=true"));
    while let Some(address) = next {
        let target = address.strip_prefix(base).expect("a page of the same host");
        let page = get(base, target, KEY).await.json();
        assert_fits(&schema(Dialect::Real), &page);
        assert_eq!(page["count"], 60);
        sizes.push(users(&page).len());
        seen.extend(users(&page));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(sizes, [25, 25, 10]);
    assert_eq!(seen, (0..60).collect::<Vec<u64>>());
    let second = get(base, "/api/agentstatuses/?page=2&page_size=7&queue=7", KEY).await.json();
    let previous = format!("{base}/api/agentstatuses/?page_size=7&queue=7");
    assert_eq!(second["previous"], previous);
    assert_eq!(users(&second), (7..14).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_page_holds_250_records_at_most() {
    let mut account = CallTools::new(Dialect::Documented).token("abc123");
    for id in 0..251 {
        account = account.agent("7", Agent::ready(id, "Someone"));
    }
    let simulator = account.start().await.unwrap();
    let page = get(simulator.base_url(), "/api/agentstatuses/?page_size=1000", KEY).await.json();
    assert_eq!(users(&page).len(), 250);
    assert_eq!(page["count"], 251);
}

#[tokio::test]
async fn a_change_shows_in_the_next_answer() {
    let simulator = account(Dialect::Real).await;
    let target = format!("{LIST}?queue=5457&agent_status_id={AVAILABLE}&ready=true");
    let count = async || get(simulator.base_url(), &target, KEY).await.json()["count"].clone();
    assert_eq!(count().await, 1);
    simulator.set_agent("5457", "103", &json!({ "status": "Available" })).unwrap();
    assert_eq!(count().await, 2);
    simulator.set_agent("5457", "101", &json!({ "live_calls_count": 1 })).unwrap();
    simulator.with(|account| account.roster().agent_mut("103").unwrap().ready = false);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_removed_key_is_refused() {
    let simulator = account(Dialect::Real).await;
    assert_eq!(get(simulator.base_url(), LIST, KEY).await.status, 200);
    simulator.tokens().remove("abc123");
    let refused = get(simulator.base_url(), LIST, KEY).await;
    assert_eq!((refused.status, refused.json()), (401, json!({ "detail": "Invalid token." })));
}

#[tokio::test]
async fn a_spent_quota_comes_back_after_its_hour() {
    let clock = Clock::stopped();
    let account = CallTools::new(Dialect::Real).with_clock(clock.clone());
    let account = account.token("abc123").requests_per_hour(2).queue("7", "Small");
    let simulator = account.start().await.unwrap();
    let ask = async || get(simulator.base_url(), LIST, KEY).await;
    assert_eq!(ask().await.status, 200);
    clock.advance(Duration::from_mins(10));
    assert_eq!(ask().await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3000")));
    assert_fits("calltools/error.json", &refused.json());
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("3000 seconds"), "{detail}");
    clock.advance(Duration::from_mins(50));
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn a_path_without_its_slash_is_redirected() {
    let simulator = account(Dialect::Real).await;
    let moved = get(simulator.base_url(), "/api/agentstatuses?queue=5457", KEY).await;
    assert_eq!(moved.status, 301);
    assert_eq!(moved.header("location"), Some("/api/agentstatuses/?queue=5457"));
}
