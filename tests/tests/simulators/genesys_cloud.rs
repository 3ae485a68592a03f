//! Genesys Cloud: queue members with their filters and pages, agent counts, queue observations, tokens and limits.

use std::time::Duration;

use callgate_local::simulator::genesys_cloud::{Agent, GenesysCloud, Presence, RoutingStatus};
use callgate_local::simulator::{Clock, Denial, Dialect, Simulator};
use serde_json::{Value, json};

use crate::http::{get, post};
use crate::schemas::{assert_fits, assert_refused};

const TOKEN: &str = "Bearer good";
const QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";
const OTHER_QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-000000000002";
const ERROR: &str = "genesys-cloud/error.json";
const COUNTS: &str = "/api/v2/analytics/agents/status/counts?groupBy=routingStatus";
const OBSERVATIONS: &str = "/api/v2/analytics/queues/observations/query";

fn uuid(number: usize) -> String {
    format!("3fa0c6ea-5b0a-4a35-9d2e-{number:012}")
}

async fn organisation(dialect: Dialect) -> Simulator<GenesysCloud> {
    let on_break = Agent::new(&uuid(4), "Di Desk", Presence::Break, RoutingStatus::OffQueue).skill("s");
    GenesysCloud::new(dialect)
        .with_clock(Clock::stopped())
        .token("good")
        .queue(QUEUE, "Sales")
        .agent(QUEUE, Agent::idle(&uuid(1), "Ada Agent").skill("s"))
        .agent(QUEUE, Agent::interacting(&uuid(2), "Bob Busy"))
        .agent(QUEUE, Agent::off_queue(&uuid(3), "Cy Coffee"))
        .agent(QUEUE, on_break)
        .agent(QUEUE, Agent::idle(&uuid(5), "Ed Elsewhere").not_joined())
        .queue(OTHER_QUEUE, "Empty")
        .start()
        .await
        .unwrap()
}

fn members(query: &str) -> String {
    format!("/api/v2/routing/queues/{QUEUE}/members?{query}")
}

fn schema(dialect: Dialect) -> String {
    format!("genesys-cloud/members.{}.json", dialect.name())
}

fn names(page: &Value) -> Vec<String> {
    let entities = page["entities"].as_array().unwrap().iter();
    entities.map(|entity| entity["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    for dialect in Dialect::ALL {
        let simulator = organisation(dialect).await;
        let base = simulator.base_url();
        for query in ["", "expand=presence&expand=routingStatus", "joined=true&name=nobody"] {
            let page = get(base, &members(query), TOKEN).await;
            assert_eq!(page.status, 200, "{query}");
            assert_fits(&schema(dialect), &page.json());
        }
        let unknown = "/api/v2/routing/queues/00000000-0000-4000-8000-000000000000/members";
        let cases = [
            (members(""), "", 401, "authentication.required"),
            (members(""), "Bearer wrong", 401, "bad.credentials"),
            (unknown.to_owned(), TOKEN, 404, "not.found"),
            ("/api/v2/nothing".to_owned(), TOKEN, 404, "not.found"),
            ("/api/v2/routing/queues/sales/members".to_owned(), TOKEN, 400, "invalid.id"),
            (members("pageSize=101"), TOKEN, 400, "invalid.value"),
            (members("pageNumber=0"), TOKEN, 400, "invalid.value"),
            (members("pageSize=abc"), TOKEN, 400, "invalid.query.param.value"),
            (members("joined=perhaps"), TOKEN, 400, "invalid.query.param.value"),
        ];
        for (target, token, status, code) in cases {
            let refused = get(base, &target, token).await;
            let body = refused.json();
            assert_eq!((refused.status, &body["code"]), (status, &json!(code)), "{target}");
            assert_fits(ERROR, &body);
            assert_eq!(refused.header("ININ-Correlation-Id"), body["contextId"].as_str());
        }
        simulator.tokens().deny("good", Denial::Application);
        let refused = get(base, &members(""), TOKEN).await;
        assert_eq!(refused.status, 403);
        assert_fits(ERROR, &refused.json());
    }
}

#[tokio::test]
async fn a_body_of_one_dialect_fails_the_schema_of_the_other() {
    for (dialect, other) in [(Dialect::Documented, Dialect::Real), (Dialect::Real, Dialect::Documented)] {
        let simulator = organisation(dialect).await;
        let page = get(simulator.base_url(), &members("expand=presence"), TOKEN).await.json();
        assert_fits(&schema(dialect), &page);
        assert_refused(&schema(other), &page);
    }
}

#[tokio::test]
async fn only_the_documented_dialect_counts_and_only_the_real_one_is_compact() {
    let recipe = members("expand=presence&presence=Available&joined=true");
    let simulator = organisation(Dialect::Documented).await;
    let documented = get(simulator.base_url(), &recipe, TOKEN).await;
    assert_eq!(documented.json()["total"], 1);
    assert_eq!(documented.json()["pageCount"], 1);
    assert!(documented.text.contains("\"total\": 1"));
    let simulator = organisation(Dialect::Real).await;
    let real = get(simulator.base_url(), &recipe, TOKEN).await;
    for field in ["total", "pageCount", "lastUri"] {
        assert_eq!(real.json().get(field), None);
    }
    assert!(!real.text.contains("\": ") && !real.text.contains('\n'));
    assert!(real.text.contains("\"systemPresence\":\"Available\""));
}

#[tokio::test]
async fn the_filters_select_what_their_definition_says() {
    for dialect in Dialect::ALL {
        let simulator = organisation(dialect).await;
        for (query, expected) in [
            ("", vec!["Ada Agent", "Bob Busy", "Cy Coffee", "Di Desk", "Ed Elsewhere"]),
            ("presence=Available", vec!["Cy Coffee"]),
            ("presence=On%20Queue", vec!["Ada Agent", "Bob Busy", "Ed Elsewhere"]),
            ("presence=On+Queue&joined=true", vec!["Ada Agent", "Bob Busy"]),
            ("presence=Available&presence=Break", vec!["Cy Coffee", "Di Desk"]),
            ("presence=Nowhere", vec![]),
            ("joined=false", vec!["Ed Elsewhere"]),
            ("joined=true&routingStatus=IDLE", vec!["Ada Agent"]),
            ("routingStatus=IDLE,INTERACTING", vec!["Ada Agent", "Bob Busy", "Ed Elsewhere"]),
            ("name=bob", vec!["Bob Busy"]),
            ("routingStatus=OFF_QUEUE&sortOrder=desc", vec!["Di Desk", "Cy Coffee"]),
        ] {
            let page = get(simulator.base_url(), &members(query), TOKEN).await.json();
            assert_fits(&schema(dialect), &page);
            assert_eq!(names(&page), expected, "{query}");
            if dialect == Dialect::Documented {
                assert_eq!(page["total"], expected.len(), "{query}");
            }
        }
    }
}

#[tokio::test]
async fn a_user_shows_what_is_expanded() {
    let simulator = organisation(Dialect::Real).await;
    for (query, presence, status) in [
        ("", false, false),
        ("expand=presence", true, false),
        ("expand=routingStatus", false, true),
        ("expand=presence&expand=routingStatus", true, true),
        ("expand=presence,routingStatus", true, true),
    ] {
        let page = get(simulator.base_url(), &members(query), TOKEN).await.json();
        let first = &page["entities"][0];
        assert_eq!(first["user"].get("presence").is_some(), presence, "{query}");
        assert_eq!(first["user"].get("routingStatus").is_some(), status, "{query}");
        assert_eq!(first.get("routingStatus").is_some(), status, "{query}");
    }
}

#[tokio::test]
async fn the_pages_join_to_the_whole_list() {
    for dialect in Dialect::ALL {
        let mut organisation = GenesysCloud::new(dialect).token("good").queue(QUEUE, "Large");
        for number in 0..60 {
            let name = format!("Agent {number:02}");
            organisation = organisation.agent(QUEUE, Agent::idle(&uuid(number), &name));
        }
        let simulator = organisation.start().await.unwrap();
        let base = simulator.base_url();
        let mut seen = Vec::new();
        let mut next = Some(members("expand=presence&presence=On%20Queue"));
        let mut pages = 0;
        while let Some(target) = next {
            let page = get(base, &target, TOKEN).await.json();
            assert_fits(&schema(dialect), &page);
            pages += 1;
            assert_eq!(page["pageNumber"], pages);
            assert_eq!(page.get("previousUri").is_some(), pages > 1);
            if dialect == Dialect::Documented {
                assert_eq!((&page["total"], &page["pageCount"]), (&json!(60), &json!(3)));
            }
            seen.extend(names(&page));
            next = page.get("nextUri").map(|uri| uri.as_str().unwrap().to_owned());
        }
        assert_eq!(pages, 3);
        assert_eq!(seen, (0..60).map(|n| format!("Agent {n:02}")).collect::<Vec<_>>());
        let beyond = get(base, &members("pageNumber=4"), TOKEN).await.json();
        assert_fits(&schema(dialect), &beyond);
        assert_eq!(names(&beyond).len(), 0);
    }
}

#[tokio::test]
async fn a_change_shows_in_every_answer() {
    let simulator = organisation(Dialect::Real).await;
    let base = simulator.base_url();
    let available = members("presence=Available");
    simulator.set_agent(QUEUE, &uuid(1), &json!({ "presence": "Available" })).unwrap();
    assert_eq!(names(&get(base, &available, TOKEN).await.json()), ["Ada Agent", "Cy Coffee"]);
    let state = simulator.set_agent(QUEUE, &uuid(3), &json!({ "presence": "On Queue" })).unwrap();
    assert_eq!(state["routingStatus"], "IDLE");
    let idle = members("joined=true&routingStatus=IDLE");
    assert_eq!(names(&get(base, &idle, TOKEN).await.json()), ["Cy Coffee"]);
    simulator.with(|organisation| {
        let joined = organisation.roster().membership_mut(QUEUE, &uuid(3));
        joined.unwrap().0 = false;
    });
    assert_eq!(names(&get(base, &idle, TOKEN).await.json()).len(), 0);
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let simulator = organisation(Dialect::Real).await;
    let ends_at = simulator.clock().now() + Duration::from_hours(24);
    simulator.tokens().accept_until("good", ends_at);
    assert_eq!(get(simulator.base_url(), &members(""), TOKEN).await.status, 200);
    simulator.clock().advance(Duration::from_hours(24));
    let refused = get(simulator.base_url(), &members(""), TOKEN).await;
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("bad.credentials")));
}

#[tokio::test]
async fn the_limit_of_a_minute_is_announced_and_kept() {
    let organisation = GenesysCloud::new(Dialect::Real).with_clock(Clock::stopped());
    let organisation = organisation.token("good").queue(QUEUE, "Sales").requests_per_minute(2);
    let simulator = organisation.start().await.unwrap();
    let ask = async || get(simulator.base_url(), &members(""), TOKEN).await;
    let first = ask().await;
    assert_eq!(first.header("inin-ratelimit-count"), Some("1"));
    assert_eq!(first.header("inin-ratelimit-allowed"), Some("2"));
    assert_eq!(first.header("inin-ratelimit-reset"), Some("60"));
    simulator.clock().advance(Duration::from_secs(18));
    ask().await;
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("42")));
    assert_fits(ERROR, &refused.json());
    assert!(refused.json()["message"].as_str().unwrap().contains("[42] seconds"));
    simulator.clock().advance(Duration::from_secs(42));
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn agents_are_counted_by_their_routing_status() {
    let simulator = organisation(Dialect::Real).await;
    let base = simulator.base_url();
    let filter = |extra: &[(&str, &str)]| {
        let mut predicates = vec![json!({ "dimension": "activeQueueId", "value": QUEUE })];
        let extra = extra.iter().map(|(name, value)| json!({ "dimension": name, "value": value }));
        predicates.extend(extra);
        json!({ "userFilter": { "type": "and", "predicates": predicates } })
    };
    let idle = [("systemPresence", "ON_QUEUE"), ("routingStatus", "IDLE")];
    let counted = post(base, COUNTS, TOKEN, &filter(&idle)).await.json();
    assert_fits("genesys-cloud/agent-status-counts.json", &counted);
    assert_eq!(counted, json!({ "routingStatusCounts": [{ "routingStatus": "IDLE", "count": 1 }] }));
    let skilled = post(base, COUNTS, TOKEN, &filter(&[("assignedSkillId", "s")])).await.json();
    assert_eq!(
        skilled["routingStatusCounts"],
        json!([{ "routingStatus": "OFF_QUEUE", "count": 1 }, { "routingStatus": "IDLE", "count": 1 }])
    );
    simulator.set_agent(QUEUE, &uuid(1), &json!({ "routingStatus": "INTERACTING" })).unwrap();
    let nobody = post(base, COUNTS, TOKEN, &filter(&idle)).await.json();
    assert_eq!(nobody, json!({ "routingStatusCounts": [] }));
    let by_presence = "/api/v2/analytics/agents/status/counts?groupBy=presence";
    let counted = post(base, by_presence, TOKEN, &filter(&[])).await.json();
    assert_fits("genesys-cloud/agent-status-counts.json", &counted);
    let faulty = post(base, COUNTS, TOKEN, &filter(&[("mood", "fine")])).await;
    assert_eq!(faulty.status, 400);
    assert_fits(ERROR, &faulty.json());
}

#[tokio::test]
async fn a_queue_is_observed_without_rows_for_nobody() {
    let simulator = organisation(Dialect::Real).await;
    let base = simulator.base_url();
    simulator.set_queue(QUEUE, &json!({ "waiting": 3 })).unwrap();
    let query = |queue: &str| {
        json!({
            "filter": { "type": "or", "predicates": [{
                "type": "dimension", "dimension": "queueId", "operator": "matches", "value": queue,
            }] },
            "metrics": ["oOnQueueUsers", "oOffQueueUsers", "oWaiting"],
        })
    };
    let observed = post(base, OBSERVATIONS, TOKEN, &query(QUEUE)).await.json();
    assert_fits("genesys-cloud/queue-observations.json", &observed);
    let rows = observed["results"][0]["data"].as_array().unwrap();
    let row = |qualifier: &str| rows.iter().find(|row| row["qualifier"] == qualifier);
    assert_eq!(row("IDLE").unwrap()["stats"]["count"], 1);
    assert_eq!(row("INTERACTING").unwrap()["stats"]["count"], 1);
    assert_eq!(row("NOT_RESPONDING"), None);
    let voice = &observed["results"][1];
    assert_eq!(voice["group"]["mediaType"], "voice");
    assert_eq!(voice["data"], json!([{ "metric": "oWaiting", "stats": { "count": 3 } }]));
    let empty = post(base, OBSERVATIONS, TOKEN, &query(OTHER_QUEUE)).await.json();
    assert_fits("genesys-cloud/queue-observations.json", &empty);
    assert_eq!(empty["results"][0], json!({ "group": { "queueId": OTHER_QUEUE } }));
    let faulty = post(base, OBSERVATIONS, TOKEN, &query("sales")).await;
    assert_eq!((faulty.status, &faulty.json()["code"]), (400, &json!("invalid.id")));
    let faulty = post(base, OBSERVATIONS, TOKEN, &json!({ "metrics": [] })).await;
    assert_eq!(faulty.status, 400);
    assert_fits(ERROR, &faulty.json());
}
