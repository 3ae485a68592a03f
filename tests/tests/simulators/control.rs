//! The control interface: what a person sees and changes with curl.

use callgate_local::simulator::{
    CallTools, Clock, Dialect, GenesysCloud, PortSip, Provider, RingCentral, Simulator, calltools, genesys_cloud,
    portsip, ringcentral,
};
use serde_json::{Value, json};

use crate::http::{Response, get, post, send};

const ADA: &str = "3fa0c6ea-5b0a-4a35-9d2e-000000000001";

async fn put(base_url: &str, target: &str, body: &str) -> Response {
    send(base_url, "PUT", target, &[], body).await.unwrap()
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// Makes a change, sees it in the state, and is told what is wrong with four others.
async fn assert_controllable<P: Provider>(provider: P, agent: &str, field: &str, word: &str) {
    let simulator = Simulator::start(provider).await.unwrap();
    let base = simulator.base_url();
    let state = async || get(base, "/_simulator/state", "").await.json();
    let before = state().await;
    assert_eq!(before["provider"], P::NAME);
    assert_eq!(before["dialect"], "real");
    assert_eq!(before["queues"][0]["id"], "7");
    let shown = &before["queues"][0]["agents"][0];
    assert_eq!(shown["id"], agent);
    assert_ne!(shown[field], word);
    assert!(words(&before["allowed"][field]).contains(&word));

    let target = format!("/_simulator/queues/7/agents/{agent}");
    let done = put(base, &target, &json!({ field: word }).to_string()).await;
    assert_eq!((done.status, &done.json()[field]), (200, &json!(word)));
    assert_eq!(state().await["queues"][0]["agents"][0], done.json());

    let changed = state().await;
    let refused = put(base, &target, &json!({ field: "asleep" }).to_string()).await;
    assert_eq!(refused.status, 400);
    assert!(words(&refused.json()["allowed"]).contains(&word));
    let refused = put(base, &target, r#"{"colour": "red"}"#).await;
    assert_eq!(refused.status, 400);
    assert!(words(&refused.json()["allowed"]).contains(&field));
    let refused = put(base, "/_simulator/queues/7/agents/nobody", "{}").await;
    assert_eq!((refused.status, words(&refused.json()["allowed"])), (404, vec![agent]));
    let refused = put(base, &format!("/_simulator/queues/8/agents/{agent}"), "{}").await;
    assert_eq!((refused.status, words(&refused.json()["allowed"])), (404, vec!["7"]));
    for body in ["", "{}", "[]", "{"] {
        assert_eq!(put(base, &target, body).await.status, 400, "{body}");
    }
    assert_eq!(state().await, changed);
    assert_eq!(simulator.requests(), []);
}

#[tokio::test]
async fn the_agents_of_every_provider_can_be_seen_and_changed() {
    let account = CallTools::new(Dialect::Real).queue("7", "Sales");
    let account = account.agent("7", calltools::Agent::ready(101, "Ada"));
    assert_controllable(account, "101", "status", "Lunch").await;
    let organisation = GenesysCloud::new(Dialect::Real).queue("7", "Sales");
    let organisation = organisation.agent("7", genesys_cloud::Agent::idle(ADA, "Ada"));
    assert_controllable(organisation, ADA, "presence", "Break").await;
    let account = RingCentral::new(Dialect::Real).queue("7", "Sales");
    let account = account.agent("7", ringcentral::Agent::ready("5", "Ada", "101"));
    assert_controllable(account, "5", "telephonyStatus", "OnHold").await;
    let pbx = PortSip::new(Dialect::Real).queue("7", "Sales", "8001");
    let pbx = pbx.agent("7", portsip::Agent::ready("1001", "Ada"));
    assert_controllable(pbx, "1001", "status", "WRAP_UP").await;
}

#[tokio::test]
async fn a_change_is_made_whole_or_not_at_all() {
    let organisation = GenesysCloud::new(Dialect::Real).queue("7", "Sales");
    let organisation = organisation.agent("7", genesys_cloud::Agent::idle(ADA, "Ada"));
    let simulator = organisation.start().await.unwrap();
    let change = json!({ "presence": "Break", "joined": "perhaps" });
    let refusal = simulator.set_agent("7", ADA, &change).unwrap_err();
    assert_eq!(refusal.allowed, ["true", "false"]);
    let state = get(simulator.base_url(), "/_simulator/state", "").await.json();
    assert_eq!(state["queues"][0]["agents"][0]["presence"], "On Queue");
}

#[tokio::test]
async fn a_queue_can_be_changed_where_it_has_a_state() {
    let pbx = PortSip::new(Dialect::Real).queue("7", "Sales", "8001").token("good");
    let simulator = pbx.start().await.unwrap();
    let base = simulator.base_url();
    let done = put(base, "/_simulator/queues/7", r#"{"status": "OFFLINE", "waiting": 4}"#).await;
    assert_eq!((&done.json()["status"], &done.json()["waiting"]), (&json!("OFFLINE"), &json!(4)));
    let waiting = get(base, "/api/call_queues/7/waiting", "Bearer good").await.json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 4);
    assert_eq!(put(base, "/_simulator/queues/7", r#"{"waiting": -1}"#).await.status, 400);
    let account = CallTools::new(Dialect::Real).queue("7", "Sales");
    let simulator = account.start().await.unwrap();
    let refused = put(simulator.base_url(), "/_simulator/queues/7", r#"{"open": true}"#).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn faults_can_be_queued_and_cleared() {
    let account = CallTools::new(Dialect::Real).with_clock(Clock::stopped()).token("good");
    let simulator = account.queue("7", "Sales").start().await.unwrap();
    let base = simulator.base_url();
    let queue = async |fault: Value| post(base, "/_simulator/faults", "", &fault).await;
    let ask = async || get(base, "/api/agentstatuses/", "Token good").await;
    let limited = json!({ "failure": "rate_limited", "retry_after_seconds": 7, "times": 2 });
    assert_eq!(queue(limited).await.json()["pending_faults"], 1);
    for _ in 0..2 {
        let answer = ask().await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    }
    assert_eq!(ask().await.status, 200);
    let answer = json!({ "status": 418, "body": "{}", "headers": { "X-Tea": "yes" }, "always": true });
    queue(answer).await;
    for _ in 0..2 {
        let answer = ask().await;
        assert_eq!((answer.status, answer.header("x-tea")), (418, Some("yes")));
    }
    assert_eq!(send(base, "DELETE", "/_simulator/faults", &[], "").await.unwrap().status, 200);
    assert_eq!(ask().await.status, 200);
    for faulty in [
        json!({ "failure": "tired" }),
        json!({ "status": 42 }),
        json!({ "html": 502, "disconnect": true }),
        json!({ "speed": 1 }),
        json!({ "times": 0 }),
        json!({ "headers": { "a b": "c" } }),
        json!([]),
    ] {
        assert_eq!(queue(faulty.clone()).await.status, 400, "{faulty}");
    }
    assert_eq!(simulator.faults().pending(), 0);
}

#[tokio::test]
async fn an_unknown_path_is_told_the_known_ones() {
    let simulator = CallTools::new(Dialect::Real).start().await.unwrap();
    let refused = get(simulator.base_url(), "/_simulator/", "").await;
    assert_eq!(refused.status, 404);
    assert!(words(&refused.json()["allowed"]).contains(&"GET /_simulator/state"));
}

#[tokio::test]
async fn what_the_provider_was_asked_is_recorded() {
    let account = CallTools::new(Dialect::Real).token("good").queue("7", "Sales");
    let simulator = account.start().await.unwrap();
    let base = simulator.base_url();
    let headers = [("Authorization", "Token good"), ("Accept", "text/x"), ("User-Agent", "me")];
    send(base, "POST", "/api/agentstatuses/?queue=7", &headers, "hello").await.unwrap();
    let requests = simulator.requests();
    let [request] = requests.as_slice() else { panic!("one request, not {requests:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/agentstatuses/"));
    assert_eq!((request.query.as_str(), request.body.as_str()), ("queue=7", "hello"));
    assert_eq!(request.authorization.as_deref(), Some("Token good"));
    assert_eq!(request.accept.as_deref(), Some("text/x"));
    assert_eq!(request.user_agent.as_deref(), Some("me"));
    assert_eq!(request.host.as_deref(), base.strip_prefix("http://"));
    simulator.forget_requests();
    assert_eq!(simulator.requests(), []);
}
