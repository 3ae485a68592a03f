//! PortSIP: queues, agents one by one, waiting callers, and statuses set by the API itself.

use std::time::Duration;

use callgate_local::simulator::portsip::{Agent, PortSip, Status};
use callgate_local::simulator::{Clock, Denial, Dialect, Simulator};
use serde_json::{Value, json};

use crate::http::{get, post, send};
use crate::schemas::{assert_fits, assert_refused};

const TOKEN: &str = "Bearer good";
const QUEUE: &str = "NzAwNTUxOTA5NzczMTQ4MTYw";
const ERROR: &str = "portsip/error.json";

fn pbx(dialect: Dialect) -> PortSip {
    PortSip::new(dialect)
        .with_clock(Clock::stopped())
        .token("good")
        .queue(QUEUE, "Sales", "8001")
        .agent(QUEUE, Agent::ready("1001", "Ada Agent"))
        .agent(QUEUE, Agent::new("1002", "Bob Busy", Status::QueueCall))
        .agent(QUEUE, Agent::new("1003", "Cy Coffee", Status::Break))
        .waiting(QUEUE, 2)
        .queue("b3RoZXI", "Support", "8002")
}

async fn started(dialect: Dialect) -> Simulator<PortSip> {
    pbx(dialect).start().await.unwrap()
}

fn queue(rest: &str) -> String {
    format!("/api/call_queues/{QUEUE}{rest}")
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    for dialect in Dialect::ALL {
        let simulator = started(dialect).await;
        let base = simulator.base_url();
        for (target, schema) in [
            ("/api/call_queues".to_owned(), "call-queues"),
            (queue(""), "call-queue"),
            (queue("/status"), "queue-status"),
            (queue("/agents"), "agents"),
            (queue("/agents/1001"), "agent"),
            (queue("/waiting"), "waiting"),
        ] {
            let answer = get(base, &target, TOKEN).await;
            assert_eq!(answer.status, 200, "{target}");
            assert_fits(&format!("portsip/{schema}.json"), &answer.json());
        }
        for (target, token, status) in [
            (queue("/agents"), "", 401),
            (queue("/agents"), "Bearer wrong", 401),
            ("/api/call_queues/nobody/agents".to_owned(), TOKEN, 404),
            (queue("/agents/9999"), TOKEN, 404),
            (queue("/agents/status/get_many"), TOKEN, 404),
            ("/api/nothing".to_owned(), TOKEN, 404),
            ("/api/call_queues?top=101".to_owned(), TOKEN, 400),
            ("/api/call_queues?skip=x".to_owned(), TOKEN, 400),
        ] {
            let refused = get(base, &target, token).await;
            assert_eq!(refused.status, status, "{target}");
            assert_fits(ERROR, &refused.json());
        }
        simulator.tokens().deny("good", Denial::Application);
        let refused = get(base, &queue("/agents"), TOKEN).await;
        assert_eq!(refused.status, 403);
        assert_fits(ERROR, &refused.json());
    }
}

#[tokio::test]
async fn the_list_has_no_status_and_each_agent_has_one() {
    let simulator = started(Dialect::Real).await;
    let base = simulator.base_url();
    let list = get(base, &queue("/agents"), TOKEN).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    let agent = get(base, &queue("/agents/1002"), TOKEN).await.json();
    assert_eq!(agent["status"], "QUEUE_CALL");
    assert_refused("portsip/agents.json", &json!({ "items": [agent.clone()] }));
    assert_refused("portsip/agent.json", &list["items"][0]);
}

#[tokio::test]
async fn the_parts_of_the_list_of_queues_join_to_the_whole() {
    let mut pbx = PortSip::new(Dialect::Real).token("good");
    for number in 0..150 {
        pbx = pbx.queue(&format!("q{number}"), "Queue", &format!("{}", 8_000 + number));
    }
    let simulator = pbx.start().await.unwrap();
    let ask = async |query: &str| {
        let list = get(simulator.base_url(), &format!("/api/call_queues?{query}"), TOKEN).await;
        assert_fits("portsip/call-queues.json", &list.json());
        list.json()
    };
    let ids = |list: &Value| {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (ask("").await, ask("skip=100").await);
    assert_eq!((&first["count"], &second["count"]), (&json!(150), &json!(150)));
    let all = [ids(&first), ids(&second)].concat();
    assert_eq!(all, (0..150).map(|number| format!("q{number}")).collect::<Vec<_>>());
    assert_eq!(ids(&ask("skip=2&top=2").await), ["q2", "q3"]);
    assert_eq!(ids(&ask("search=8149").await), ["q149"]);
}

#[tokio::test]
async fn a_status_may_be_set_by_the_api_and_by_a_test() {
    let simulator = started(Dialect::Real).await;
    let base = simulator.base_url();
    let target = queue("/agents/1003");
    let status = async || get(base, &target, TOKEN).await.json()["status"].clone();
    assert_eq!(status().await, "BREAK");
    let set = post(base, &target, TOKEN, &json!({ "status": "LOGGED_IN" })).await;
    assert_eq!((set.status, set.text.as_str()), (200, ""));
    assert_eq!(status().await, "READY");
    for refused in [json!({ "status": "QUEUE_CALL" }), json!({}), json!([])] {
        let refused = post(base, &target, TOKEN, &refused).await;
        assert_eq!(refused.status, 400);
        assert_fits(ERROR, &refused.json());
    }
    for (word, status_there) in [("LUNCH", "LUNCH"), ("on_hold", "ON_HOLD")] {
        simulator.set_agent(QUEUE, "1003", &json!({ "status": word })).unwrap();
        assert_eq!(status().await, status_there);
        assert_fits("portsip/agent.json", &get(base, &target, TOKEN).await.json());
    }
}

#[tokio::test]
async fn a_status_is_that_of_one_queue() {
    let pbx = pbx(Dialect::Real);
    let pbx = pbx.agent("b3RoZXI", Agent::new("1001", "Ada Agent", Status::LoggedOut));
    let simulator = pbx.start().await.unwrap();
    let here = get(simulator.base_url(), &queue("/agents/1001"), TOKEN).await.json();
    let there = "/api/call_queues/b3RoZXI/agents/1001";
    let there = get(simulator.base_url(), there, TOKEN).await.json();
    assert_eq!((&here["status"], &there["status"]), (&json!("READY"), &json!("LOGGED_OUT")));
}

#[tokio::test]
async fn a_queue_may_be_offline_and_empty() {
    let simulator = started(Dialect::Real).await;
    let base = simulator.base_url();
    simulator.set_queue(QUEUE, &json!({ "status": "OFFLINE", "waiting": 0 })).unwrap();
    assert_eq!(get(base, &queue("/status"), TOKEN).await.json(), json!({ "status": "OFFLINE" }));
    assert_eq!(get(base, &queue("/waiting"), TOKEN).await.json(), json!({ "items": [] }));
}

#[tokio::test]
async fn an_older_version_has_no_list_of_callers() {
    let simulator = pbx(Dialect::Real).without_waiting_list().start().await.unwrap();
    let refused = get(simulator.base_url(), &queue("/waiting"), TOKEN).await;
    assert_eq!(refused.status, 404);
    assert_fits(ERROR, &refused.json());
}

#[tokio::test]
async fn a_token_ends_and_a_limit_holds() {
    let simulator = pbx(Dialect::Real).requests_per_minute(2).start().await.unwrap();
    let ask = async || get(simulator.base_url(), &queue("/status"), TOKEN).await;
    assert_eq!(ask().await.status, 200);
    assert_eq!(ask().await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert_fits(ERROR, &refused.json());
    simulator.clock().advance(Duration::from_mins(1));
    assert_eq!(ask().await.status, 200);
    simulator.tokens().expire("good");
    assert_eq!(ask().await.status, 401);
    let headers = [("Authorization", TOKEN)];
    let refused = send(simulator.base_url(), "DELETE", &queue(""), &headers, "").await;
    assert_eq!(refused.unwrap().status, 401);
}
