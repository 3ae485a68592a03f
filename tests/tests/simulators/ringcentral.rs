//! RingCentral: queue presence in both prints, bulk extension presence, the penalty that restarts, and RingCX.

use std::time::Duration;

use callgate_local::simulator::ringcentral::{Agent, DndStatus, RingCentral, UserStatus};
use callgate_local::simulator::{Clock, Denial, Dialect, Simulator};
use serde_json::{Value, json};

use crate::http::{Response, get, send};
use crate::schemas::{assert_fits, assert_refused};

const TOKEN: &str = "Bearer good";
const PRESENCE: &str = "/restapi/v1.0/account/~/call-queues/987654321/presence";
const ERROR: &str = "ringcentral/error.json";
const MULTIPART_JSON: &str = "application/vnd.ringcentral.multipart+json";

fn account(dialect: Dialect) -> RingCentral {
    let dan = Agent::ready("979430000", "Dan DND", "12106");
    RingCentral::new(dialect)
        .with_clock(Clock::stopped())
        .token("good")
        .queue("987654321", "Sales")
        .agent("987654321", Agent::ready("979428000", "James Smith", "12104"))
        .agent("987654321", Agent::ready("979429000", "Mary Major", "12105").out_of_queue())
        .agent("987654321", dan.dnd(DndStatus::DoNotAcceptAnyCalls))
}

async fn started(dialect: Dialect) -> Simulator<RingCentral> {
    account(dialect).start().await.unwrap()
}

fn schema(dialect: Dialect) -> String {
    format!("ringcentral/call-queue-presence.{}.json", dialect.name())
}

async fn bulk(simulator: &Simulator<RingCentral>, ids: &str) -> Response {
    let target = format!("/restapi/v1.0/account/~/extension/{ids}/presence?detailedTelephonyState=true");
    let headers = [("Authorization", TOKEN), ("Accept", MULTIPART_JSON)];
    send(simulator.base_url(), "GET", &target, &headers, "").await.unwrap()
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    for dialect in Dialect::ALL {
        let simulator = started(dialect).await;
        let base = simulator.base_url();
        for account in ["~", "%7E", "809646000"] {
            let target = format!("/restapi/v1.0/account/{account}/call-queues/987654321/presence");
            let presence = get(base, &target, TOKEN).await;
            assert_eq!(presence.status, 200, "{account}");
            assert_fits(&schema(dialect), &presence.json());
            assert_eq!(presence.header("x-rate-limit-group"), Some("light"));
            assert_eq!(presence.header("content-type"), Some("application/json; charset=UTF-8"));
        }
        let cases = [
            (PRESENCE, "", 401, "OAU-149"),
            (PRESENCE, "Bearer wrong", 401, "TokenInvalid"),
            ("/restapi/v1.0/account/~/call-queues/1/presence", TOKEN, 404, "CMN-102"),
            ("/restapi/v1.0/account/1/call-queues/987654321/presence", TOKEN, 404, "CMN-102"),
            ("/restapi/v1.0/account/~/extension/1/presence", TOKEN, 404, "CMN-102"),
            ("/restapi/v1.0/nothing", TOKEN, 404, "CMN-102"),
        ];
        for (target, token, status, code) in cases {
            let refused = get(base, target, token).await;
            let body = refused.json();
            assert_eq!((refused.status, &body["errorCode"]), (status, &json!(code)), "{target}");
            assert_fits(ERROR, &body);
        }
        for (denial, code) in [(Denial::Application, "CMN-401"), (Denial::User, "CMN-408")] {
            simulator.tokens().deny("good", denial);
            let refused = get(base, PRESENCE, TOKEN).await;
            assert_eq!((refused.status, &refused.json()["errorCode"]), (403, &json!(code)));
            assert_fits(ERROR, &refused.json());
        }
    }
}

#[tokio::test]
async fn a_body_of_one_dialect_fails_the_schema_of_the_other() {
    for (dialect, other) in [(Dialect::Documented, Dialect::Real), (Dialect::Real, Dialect::Documented)] {
        let simulator = started(dialect).await;
        let body = get(simulator.base_url(), PRESENCE, TOKEN).await.json();
        assert_fits(&schema(dialect), &body);
        assert_refused(&schema(other), &body);
    }
}

#[tokio::test]
async fn the_real_body_has_a_blank_before_each_colon() {
    let account = RingCentral::new(Dialect::Real).token("good");
    let account = account.queue("1", "Sales").agent("1", Agent::ready("5", "Ada", "101"));
    let account = account.agent("1", Agent::ready("6", "Bob", "102").out_of_queue());
    let simulator = account.queue("2", "Empty").start().await.unwrap();
    let target = "/restapi/v1.0/account/~/call-queues/1/presence";
    let expected = r#"{
  "records" : [ {
    "member" : {
      "id" : "5",
      "name" : "Ada",
      "extensionNumber" : "101",
      "site" : {
        "id" : "main-site",
        "name" : "Main Site"
      }
    },
    "acceptQueueCalls" : true,
    "acceptCurrentQueueCalls" : true
  }, {
    "member" : {
      "id" : "6",
      "name" : "Bob",
      "extensionNumber" : "102",
      "site" : {
        "id" : "main-site",
        "name" : "Main Site"
      }
    },
    "acceptQueueCalls" : true,
    "acceptCurrentQueueCalls" : false
  } ]
}"#;
    assert_eq!(get(simulator.base_url(), target, TOKEN).await.text, expected);
    let empty = "/restapi/v1.0/account/~/call-queues/2/presence";
    let empty = get(simulator.base_url(), empty, TOKEN).await;
    assert_eq!(empty.text, "{\n  \"records\" : [ ]\n}");
}

#[tokio::test]
async fn the_guides_pattern_counts_on_the_documented_body_alone() {
    let pattern = "\"acceptCurrentQueueCalls\": true";
    for (dialect, expected) in [(Dialect::Documented, 2), (Dialect::Real, 0)] {
        let simulator = started(dialect).await;
        let body = get(simulator.base_url(), PRESENCE, TOKEN).await;
        assert_eq!(body.text.matches(pattern).count(), expected, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_change_shows_in_the_next_answer() {
    let simulator = started(Dialect::Documented).await;
    let record = async |index: usize| {
        let body = get(simulator.base_url(), PRESENCE, TOKEN).await.json();
        body["records"][index].clone()
    };
    assert_eq!(record(0).await["presenceStatus"], "Available");
    let change = json!({ "telephonyStatus": "Ringing" });
    simulator.set_agent("987654321", "979428000", &change).unwrap();
    assert_eq!(record(0).await["presenceStatus"], "Busy");
    let change = json!({ "acceptCurrentQueueCalls": true });
    simulator.set_agent("987654321", "979429000", &change).unwrap();
    assert_eq!(record(1).await["acceptCurrentQueueCalls"], true);
    let state = simulator.set_agent("987654321", "979430000", &json!({ "dndStatus": "TakeAllCalls" }));
    assert_eq!(state.unwrap()["acceptQueueCalls"], true);
    simulator.with(|account| {
        let agent = account.roster().agent_mut("979430000").unwrap();
        agent.user_status = UserStatus::Offline;
    });
    assert_eq!(record(2).await["presenceStatus"], "Offline");
}

#[tokio::test]
async fn a_token_ends_at_its_time_with_a_code_of_its_own() {
    let simulator = started(Dialect::Real).await;
    let ends_at = simulator.clock().now() + Duration::from_hours(1);
    simulator.tokens().accept_until("good", ends_at);
    assert_eq!(get(simulator.base_url(), PRESENCE, TOKEN).await.status, 200);
    simulator.clock().advance(Duration::from_hours(1));
    let refused = get(simulator.base_url(), PRESENCE, TOKEN).await;
    assert_eq!((refused.status, &refused.json()["errorCode"]), (401, &json!("OAU-128")));
    assert_fits(ERROR, &refused.json());
}

#[tokio::test]
async fn the_penalty_begins_anew_with_each_request_sent_during_it() {
    let simulator = account(Dialect::Real).requests_per_minute(2).start().await.unwrap();
    let ask = async || get(simulator.base_url(), PRESENCE, TOKEN).await;
    assert_eq!(ask().await.header("x-rate-limit-remaining"), Some("1"));
    assert_eq!(ask().await.header("x-rate-limit-remaining"), Some("0"));
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert_eq!(refused.json()["errorCode"], "CMN-301");
    assert_fits(ERROR, &refused.json());
    for _ in 0..3 {
        simulator.clock().advance(Duration::from_secs(59));
        assert_eq!(ask().await.status, 429);
    }
    simulator.clock().advance(Duration::from_mins(1));
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn the_limit_of_a_minute_comes_back_without_a_penalty() {
    let simulator = account(Dialect::Real).requests_per_minute(2).start().await.unwrap();
    for _ in 0..3 {
        assert_eq!(get(simulator.base_url(), PRESENCE, TOKEN).await.status, 200);
        simulator.clock().advance(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn one_extension_is_answered_plainly_and_several_in_parts() {
    let account = account(Dialect::Real);
    let new = Agent::ready("979431000", "Nia New", "12107").with_new_call_handling();
    let busy = Agent::ready("979432000", "Bob Busy", "12108").on_call();
    let account = account.agent("987654321", new).agent("987654321", busy);
    let simulator = account.start().await.unwrap();
    for id in ["979428000", "979430000", "979431000", "979432000"] {
        let one = bulk(&simulator, id).await;
        assert_eq!(one.status, 200, "{id}");
        assert_fits("ringcentral/extension-presence.json", &one.json());
        assert_eq!(one.json()["extension"]["id"].to_string(), id);
    }
    let several = bulk(&simulator, "979432000,979431000,111").await;
    assert_eq!((several.status, several.header("content-type")), (207, Some(MULTIPART_JSON)));
    let parts = several.json();
    assert_fits("ringcentral/bulk-presence.json", &parts);
    let statuses = parts.as_array().unwrap().iter().map(|part| part["status"].clone());
    assert_eq!(statuses.collect::<Vec<Value>>(), [200, 200, 404]);
    assert_eq!(parts[0]["body"]["activeCalls"][0]["queueCall"], true);
    assert_eq!(parts[1]["body"].get("dndStatus"), None);
    assert_eq!(parts[1]["body"]["dndStatusPersonal"], "TakeAllCalls");
    let without_calls = "/restapi/v1.0/account/~/extension/979432000,111/presence";
    let mixed = get(simulator.base_url(), without_calls, TOKEN).await;
    assert_eq!(mixed.status, 207);
    assert!(mixed.header("content-type").unwrap().starts_with("multipart/mixed"));
    assert!(!mixed.text.contains("activeCalls"));
    let too_many = vec!["1"; 31].join(",");
    let refused = bulk(&simulator, &too_many).await;
    assert_eq!(refused.status, 400);
    assert_fits(ERROR, &refused.json());
}

#[tokio::test]
async fn ringcx_gives_a_token_of_five_minutes_and_tells_who_is_available() {
    let simulator = started(Dialect::Real).await;
    let base = simulator.base_url();
    let exchange = async |token: &str| {
        let target = "/api/auth/login/rc/accesstoken?includeRefresh=true";
        let form = format!("rcAccessToken={token}&rcTokenType=Bearer");
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        send(base, "POST", target, &headers, &form).await.unwrap()
    };
    let given = exchange("good").await.json();
    assert_fits("ringcentral/ringcx-token.json", &given);
    let token = format!("Bearer {}", given["accessToken"].as_str().unwrap());
    let target = "/voice/api/cx/routing/v1/sub-accounts/99999999/queues/987654321/availability?queueType=Voice";
    simulator.set_queue("987654321", &json!({ "waiting": 2, "isQueueOpen": false })).unwrap();
    let availability = get(base, target, &token).await.json();
    assert_fits("ringcentral/ringcx-availability.json", &availability);
    assert_eq!(availability["numberOfAgentsAvailable"], 1);
    assert_eq!(availability["numberOfWaitingInteractions"], 2);
    assert_eq!(availability["isQueueOpen"], false);
    let untyped = target.replace("?queueType=Voice", "");
    assert_eq!(get(base, &untyped, &token).await.status, 400);
    assert_eq!(get(base, &target.replace("987654321", "1"), &token).await.status, 404);
    simulator.clock().advance(Duration::from_mins(5));
    assert_eq!(get(base, target, &token).await.status, 401);
    assert_eq!(exchange("wrong").await.status, 401);
    for _ in 0..5 {
        assert_eq!(exchange("good").await.status, 200);
    }
    assert_eq!(exchange("good").await.status, 429);
}
