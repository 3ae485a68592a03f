//! What `explain` shows: the requests that were sent, what the right recipe would have counted, and no secret.

use std::sync::Arc;
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::Gate;
use callgate::credentials::MemoryStore;
use callgate::http::HttpClients;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use callgate_local::simulator::{RecordedRequest, Simulator};
use serde_json::{Value, json};

use crate::desk::{CANARY, CONNECTION, merged, secret};
use crate::states::{CallToolsSite, GenesysCloudSite, PortSipSite, RingCentralSite, Site, one_in_each};

/// One check of a queue with one agent in each state, and what the provider received for it.
struct Explained {
    base_url: String,
    verdict: Value,
    received: Vec<RecordedRequest>,
}

async fn ask<S: Site, P: Provider>(question: &Value, explain_bodies: bool) -> Explained {
    let simulator = Simulator::start(one_in_each::<S>(|_| true)).await.unwrap();
    let settings = Settings { allow_loopback: true, log_checks: false, explain_bodies, ..Settings::default() };
    let gate = Gate::<P, _>::new(MemoryStore::default(), Arc::new(HttpClients::new().unwrap()), settings);
    gate.put_secret(CONNECTION, secret(S::PROVIDER, simulator.base_url()).to_string());
    let question = merged(json!({"connection": CONNECTION, "queue": S::queue(0)}), question);
    let check = CheckRequest::from_json::<P>(&question.to_string()).unwrap();
    let verdict = gate.check(&check, None, Budget::start(Duration::from_secs(20), Duration::ZERO, None)).await;
    Explained {
        base_url: simulator.base_url().to_owned(),
        verdict: serde_json::to_value(verdict.unwrap()).unwrap(),
        received: simulator.requests(),
    }
}

async fn explain<S: Site, P: Provider>(question: &Value, explain_bodies: bool) -> Explained {
    let explained = ask::<S, P>(&merged(question.clone(), &json!({"explain": true})), explain_bodies).await;
    let text = explained.verdict.to_string();
    assert!(!text.contains(CANARY), "{text}");
    // The token that RingCX gave in exchange.
    assert!(!text.contains("ringcx-"), "{text}");
    assert_eq!(explained.verdict["trace"].get("body").is_some(), explain_bodies, "{text}");
    explained.assert_requests();
    explained
}

impl Explained {
    /// Checks that the trace has every request the provider received, and how each was answered.
    fn assert_requests(&self) {
        let trace = &self.verdict["trace"];
        let own = trace["requests"].as_array().unwrap();
        assert_eq!(self.verdict["upstream_requests"], own.len());
        let right = trace["right_answer"]["requests"].as_array().into_iter().flatten();
        let line = |entry: &Value| format!("{} {}", entry["method"].as_str().unwrap(), entry["url"].as_str().unwrap());
        let mut shown: Vec<String> = own.iter().chain(right.clone()).map(line).collect();
        let mut received: Vec<String> = self.received.iter().map(|request| self.line(request)).collect();
        shown.sort();
        received.sort();
        assert_eq!(shown, received);
        for entry in own.iter().chain(right) {
            assert!(matches!(entry["status"].as_u64(), Some(200 | 207)), "{entry}");
            assert!(entry["elapsed_ms"].is_u64(), "{entry}");
            assert!(entry["bytes"].as_u64().unwrap() > 1, "{entry}");
        }
    }

    fn line(&self, request: &RecordedRequest) -> String {
        let query = Some(&request.query).filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        format!("{} {}{}{}", request.method, self.base_url, request.path, query.unwrap_or_default())
    }

    /// Checks what the trace says of the recipe that is right on the real API.
    fn assert_right_answer(&self, template: &str, counts: &Value) {
        let right = &self.verdict["trace"]["right_answer"];
        assert_eq!(right["template"], template);
        assert_eq!(&right["counts"], counts, "{right}");
        let message = right["message"].as_str().unwrap();
        let available = format!("{} ", counts["available"]);
        assert!(message.starts_with(&available), "{message}");
        let own = format!("this recipe: {}", self.verdict["message"].as_str().unwrap());
        assert!(message.ends_with(&own), "{message}");
    }
}

#[tokio::test]
async fn each_recipe_of_the_guides_says_what_the_right_one_counts() {
    let options = json!({"options": {"agent_status_id": 20561, "ready": true}});
    let calltools = explain::<CallToolsSite, CallTools>(&options, true).await;
    calltools.assert_right_answer("ready_agents", &json!({"available": 1}));

    let genesys_cloud = explain::<GenesysCloudSite, GenesysCloud>(&json!({}), true).await;
    assert_eq!(genesys_cloud.verdict["findings"][0]["observed"], 3);
    genesys_cloud.assert_right_answer("on_queue_idle", &json!({"available": 2}));

    let ringcentral = explain::<RingCentralSite, RingCentral>(&json!({}), true).await;
    assert_eq!(ringcentral.verdict["findings"][0]["observed"], 15);
    let counts = json!({"available": 4, "on_call": 4, "not_ready": 7, "logged_in": 15});
    ringcentral.assert_right_answer("ready_agents", &counts);
}

#[tokio::test]
async fn a_right_recipe_that_needs_more_says_what() {
    let calltools = explain::<CallToolsSite, CallTools>(&json!({}), true).await;
    let right = &calltools.verdict["trace"]["right_answer"];
    assert_eq!(right["template"], "ready_agents");
    assert_eq!(right["counts"], json!({}));
    assert_eq!(right["requests"], json!([]));
    let message = right["message"].as_str().unwrap();
    assert!(message.contains("/options/agent_status_id is missing"), "{message}");
}

#[tokio::test]
async fn a_recipe_that_is_right_has_nothing_beside_it() {
    let options = json!({"template": "ready_agents", "options": {"agent_status_id": 20561, "ready": true}});
    let template = |name: &str| json!({"template": name});
    for explained in [
        explain::<CallToolsSite, CallTools>(&options, false).await,
        explain::<GenesysCloudSite, GenesysCloud>(&template("on_queue_idle"), false).await,
        explain::<GenesysCloudSite, GenesysCloud>(&template("queue_observations"), false).await,
        explain::<RingCentralSite, RingCentral>(&template("ready_agents"), false).await,
        explain::<RingCentralSite, RingCentral>(&template("ringcx_availability"), false).await,
        explain::<PortSipSite, PortSip>(&template("queue_agents"), false).await,
        explain::<PortSipSite, PortSip>(&template("queue_headroom"), false).await,
    ] {
        assert_eq!(explained.verdict["trace"].get("right_answer"), None, "{}", explained.verdict);
    }
}

#[tokio::test]
async fn the_providers_answer_is_shown_where_the_deployment_allows_it() {
    for template in ["ready_agents", "queue_presence", "ringcx_availability"] {
        let question = json!({"template": template});
        let shown = explain::<RingCentralSite, RingCentral>(&question, true).await;
        let body = shown.verdict["trace"]["body"].as_str().unwrap();
        let field = if template == "ringcx_availability" { "numberOfAgentsAvailable" } else { "acceptQueueCalls" };
        assert!(body.contains(field), "{body}");
        explain::<RingCentralSite, RingCentral>(&question, false).await;
    }
    let merged = explain::<PortSipSite, PortSip>(&json!({}), true).await;
    assert!(merged.verdict["trace"]["body"].as_str().unwrap().contains("\"status\": \"CONSULT_TRANSFER\""));
    explain::<PortSipSite, PortSip>(&json!({}), false).await;
    explain::<CallToolsSite, CallTools>(&json!({}), false).await;
    explain::<GenesysCloudSite, GenesysCloud>(&json!({}), false).await;
}

#[tokio::test]
async fn without_explain_there_is_no_trace() {
    for explain_bodies in [false, true] {
        let verdict = ask::<PortSipSite, PortSip>(&json!({}), explain_bodies).await.verdict;
        assert_eq!(verdict.get("trace"), None);
        let verdict = ask::<RingCentralSite, RingCentral>(&json!({"explain": false}), explain_bodies).await.verdict;
        assert_eq!(verdict.get("trace"), None);
    }
}
