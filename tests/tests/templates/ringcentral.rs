//! `RingCentral`: the agents who are ready, and the availability of a RingCX queue.

use std::sync::Arc;
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::{Gate, Refusal};
use callgate::credentials::MemoryStore;
use callgate::http::HttpClients;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use callgate_local::simulator::ringcentral::{Agent, DndStatus, RingCentral as Simulated, TelephonyStatus, UserStatus};
use callgate_local::simulator::{Clock, Dialect, Failure, Fault, Simulator};
use serde_json::{Map, Value, json};
use wiremock::matchers::{any, method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const QUEUE: &str = "987654321";
const SUB_ACCOUNT: &str = "99999999";
const TOKEN: &str = "canary-platform-5up3r53cr3t";
const MULTIPART_JSON: &str = "application/vnd.ringcentral.multipart+json";
const EXCHANGE: &str = "POST /api/auth/login/rc/accesstoken?includeRefresh=true";

fn presence_path() -> String {
    format!("/restapi/v1.0/account/~/call-queues/{QUEUE}/presence")
}

fn bulk_line(ids: impl IntoIterator<Item = usize>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|number| id(number).to_string()).collect();
    format!("GET /restapi/v1.0/account/~/extension/{}/presence?detailedTelephonyState=true", ids.join(","))
}

fn availability_line() -> String {
    format!("GET /voice/api/cx/routing/v1/sub-accounts/{SUB_ACCOUNT}/queues/{QUEUE}/availability?queueType=Voice")
}

/// A gate whose one connection has a secret of the test's.
struct Desk {
    gate: Gate<RingCentral, MemoryStore>,
}

impl Desk {
    fn at(base_url: &str) -> Self {
        Self::with(&json!({"access_token": TOKEN, "base_url": base_url, "sub_account_id": SUB_ACCOUNT}))
    }

    fn with(secret: &Value) -> Self {
        let settings =
            Settings { allow_loopback: true, explain_bodies: true, log_checks: false, ..Settings::default() };
        let gate = Gate::new(MemoryStore::default(), Arc::new(HttpClients::new().unwrap()), settings);
        gate.put_secret("acme", secret.to_string());
        Self { gate }
    }

    async fn try_ask(&self, template: &str, more: Value) -> Result<Value, Refusal> {
        let mut question = json!({"connection": "acme", "queue": QUEUE, "template": template});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let check = CheckRequest::from_json::<RingCentral>(&question.to_string()).map_err(Refusal::NotUnderstood)?;
        let budget = Budget::start(Duration::from_secs(9), Duration::ZERO, None);
        Ok(serde_json::to_value(self.gate.check(&check, None, budget).await?).unwrap())
    }

    async fn ready(&self, more: Value) -> Value {
        self.try_ask("ready_agents", more).await.unwrap()
    }

    async fn ringcx(&self, more: Value) -> Value {
        self.try_ask("ringcx_availability", more).await.unwrap()
    }

    /// The pointers of the faults that a question with these options has.
    async fn faults(&self, template: &str, options: Value) -> Vec<String> {
        match self.try_ask(template, json!({"options": options})).await {
            Err(Refusal::NotUnderstood(faults)) => faults.into_iter().map(|fault| fault.pointer).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[track_caller]
fn assert_says(what: &str, verdict: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&verdict[field], value, "{what}: {field} in {verdict:#}");
    }
}

#[track_caller]
fn assert_unknown(what: &str, verdict: &Value, reason: &str) {
    assert_says(what, verdict, &json!({"reason": reason, "accept": false, "on_unknown_applied": true}));
}

fn agents(count: &str, condition: &str, value: usize) -> Value {
    json!({"acceptance": {"parse_type": "agents", "parse_field": count, "condition": condition, "value": value}})
}

fn field(path: &str, value: usize) -> Value {
    json!({"acceptance": {"parse_type": "json", "parse_field": path, "condition": "equals", "value": value}})
}

fn id(number: usize) -> usize {
    400_130_000 + number
}

/// A record of the queue's list.
fn member(number: usize, accepts: bool, accepts_here: bool) -> Value {
    json!({
        "member": {"id": id(number).to_string(), "name": "Agent", "extensionNumber": (100 + number).to_string()},
        "acceptQueueCalls": accepts, "acceptCurrentQueueCalls": accepts_here
    })
}

/// What is said of an extension that would take a call.
fn free(number: usize) -> Value {
    json!({
        "extension": {"id": id(number), "extensionNumber": (100 + number).to_string()}, "presenceStatus": "Available",
        "telephonyStatus": "NoCall", "userStatus": "Available", "dndStatus": "TakeAllCalls"
    })
}

fn busy(number: usize) -> Value {
    let mut presence = free(number);
    presence["telephonyStatus"] = "CallConnected".into();
    presence["activeCalls"] = json!([{"id": "1", "telephonyStatus": "CallConnected"}]);
    presence
}

fn part(number: usize, body: &Value) -> Value {
    json!({"resourceId": id(number).to_string(), "status": 200, "body": body})
}

fn failed(number: usize, status: u16, code: &str) -> Value {
    json!({"resourceId": id(number).to_string(), "status": status, "body": {"errorCode": code, "message": "text"}})
}

/// A queue with these records, and parts of which each bulk request gets those it names.
async fn centre(records: &[Value], parts: Vec<Value>) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"records": records}));
    Mock::given(method("GET")).and(path(presence_path())).respond_with(answer).mount(&server).await;
    let bulk = move |request: &Request| {
        let named = request.url.path().split('/').nth(6).unwrap_or_default().to_owned();
        let is_named = |part: &&Value| named.split(',').any(|id| part["resourceId"] == id);
        let asked: Vec<&Value> = parts.iter().filter(is_named).collect();
        match asked.as_slice() {
            [one] if !named.contains(',') => {
                let status = one["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap();
                ResponseTemplate::new(status).set_body_json(&one["body"])
            }
            several => ResponseTemplate::new(207).set_body_raw(json!(several).to_string(), MULTIPART_JSON),
        }
    };
    Mock::given(method("GET"))
        .and(path_regex("^/restapi/v1.0/account/~/extension/[0-9,]+/presence$"))
        .respond_with(bulk)
        .mount(&server)
        .await;
    server
}

/// A queue of candidates who are free or busy.
async fn candidates(is_free: &[bool]) -> MockServer {
    let records: Vec<Value> = (0..is_free.len()).map(|number| member(number, true, true)).collect();
    let parts = is_free.iter().enumerate().map(|(number, is_free)| {
        let presence = if *is_free { free(number) } else { busy(number) };
        part(number, &presence)
    });
    centre(&records, parts.collect()).await
}

/// Every request so far, as `GET /path?query`, in order.
async fn requests(server: &MockServer) -> Vec<String> {
    let line = |request: &Request| {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query}", request.method, request.url.path())
    };
    server.received_requests().await.unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn the_requests_are_sent_to_the_letter() {
    let server = candidates(&[true, false]).await;
    let verdict = Desk::at(&server.uri()).ready(json!({})).await;
    assert_says("two", &verdict, &json!({"reason": "ok", "available": 1, "upstream_requests": 2}));
    assert_eq!(requests(&server).await, [format!("GET {}", presence_path()), bulk_line([0, 1])]);
    let received = server.received_requests().await.unwrap();
    for (request, accept) in received.iter().zip(["application/json", MULTIPART_JSON]) {
        let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "authorization", "host", "user-agent"]);
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(request.headers["accept"], accept);
    }
}

#[tokio::test]
async fn every_request_names_the_account() {
    let server = MockServer::start().await;
    let list = ResponseTemplate::new(200).set_body_json(json!({"records": [member(0, true, true)]}));
    let own = "/restapi/v1.0/account/809646000";
    Mock::given(path(format!("{own}/call-queues/{QUEUE}/presence"))).respond_with(list).mount(&server).await;
    let presence = ResponseTemplate::new(200).set_body_json(free(0));
    Mock::given(path(format!("{own}/extension/{}/presence", id(0)))).respond_with(presence).mount(&server).await;
    let verdict = Desk::at(&server.uri()).ready(json!({"options": {"account_id": 809_646_000}})).await;
    assert_says("account", &verdict, &json!({"reason": "ok", "available": 1, "upstream_requests": 2}));
}

#[tokio::test]
async fn a_success_is_told_in_full() {
    let records = [
        member(0, true, true),
        member(1, true, false),
        member(2, false, true),
        member(3, true, true),
        member(4, true, true),
    ];
    let mut away = free(4);
    away["userStatus"] = "Offline".into();
    let server = centre(&records, vec![part(0, &free(0)), part(3, &busy(3)), part(4, &away)]).await;
    let verdict = Desk::at(&server.uri()).ready(agents("available", "equals", 1)).await;
    let expected = json!({
        "decision": "accept", "accept": true, "reason": "ok", "available": 1,
        "counts": {"available": 1, "on_call": 1, "not_ready": 2, "logged_in": 4}, "counts_complete": true,
        "findings": [{"criterion": "agents available equals 1", "observed": 1, "outcome": "met"}],
        "template": "ready_agents", "source": "live", "on_unknown_applied": false, "warnings": [],
        "upstream_requests": 2
    });
    assert_says("in full", &verdict, &expected);
    assert_eq!(requests(&server).await[1], bulk_line([0, 3, 4]));
}

#[tokio::test]
async fn no_more_is_asked_than_the_threshold_needs() {
    let none = |count: usize| vec![false; count];
    for (what, free, threshold, sent, reason) in [
        ("nobody", none(0), 1, 1, "condition_not_met"),
        ("too few", vec![true; 3], 4, 1, "condition_not_met"),
        ("any number will do", vec![true; 3], 0, 1, "ok"),
        ("one", vec![true], 1, 2, "ok"),
        ("one busy", none(1), 1, 2, "condition_not_met"),
        ("a full batch", vec![true; 30], 30, 2, "ok"),
        ("a batch and one, met early", vec![true; 31], 1, 2, "ok"),
        ("a batch and one, met late", [none(30), vec![true]].concat(), 1, 3, "ok"),
        ("a batch and one, nobody", none(31), 1, 3, "condition_not_met"),
        ("a batch and one, out of reach", none(31), 2, 2, "condition_not_met"),
        ("a batch and one, too few", vec![true; 31], 32, 1, "condition_not_met"),
        ("a batch and one, all", vec![true; 31], 31, 3, "ok"),
        ("three batches, met in the second", [none(30), vec![true], none(40)].concat(), 1, 3, "ok"),
        ("three batches, nobody", none(90), 1, 4, "condition_not_met"),
    ] {
        let count = free.len();
        let server = candidates(&free).await;
        let verdict = Desk::at(&server.uri()).ready(agents("available", "at_least", threshold)).await;
        let complete = (sent - 1) * 30 >= count;
        let expected = json!({
            "reason": reason, "upstream_requests": sent, "counts_complete": complete, "on_unknown_applied": false
        });
        assert_says(what, &verdict, &expected);
        let batches = (0..sent - 1).map(|batch| bulk_line(batch * 30..count.min(batch * 30 + 30)));
        assert_eq!(requests(&server).await[1..], batches.collect::<Vec<_>>(), "{what}");
    }
}

#[tokio::test]
async fn members_whose_flags_say_no_are_not_asked_for() {
    for (accepts, accepts_here) in [(false, true), (true, false), (false, false)] {
        let server = centre(&[member(0, accepts, accepts_here)], vec![part(0, &free(0))]).await;
        let verdict = Desk::at(&server.uri()).ready(json!({})).await;
        let expected = json!({
            "reason": "condition_not_met", "available": 0, "upstream_requests": 1, "counts_complete": true
        });
        assert_says("no", &verdict, &expected);
    }
}

#[tokio::test]
async fn all_is_read_where_somebody_wants_to_see_it() {
    let server = candidates(&[true; 61]).await;
    let desk = Desk::at(&server.uri());
    let mut explained = desk.ready(json!({"explain": true})).await;
    assert_says("explain", &explained, &json!({"available": 61, "upstream_requests": 4, "counts_complete": true}));
    let trace = explained["trace"].take();
    assert_eq!(trace["requests"].as_array().unwrap().len(), 4);
    assert_eq!(trace["right_answer"], Value::Null);
    assert!(trace["body"].as_str().unwrap().contains("telephonyStatus"));
    assert_eq!(desk.ready(json!({"as": "count"})).await["available"], 61);
}

#[tokio::test]
async fn parts_that_fail_are_not_ready() {
    let records: Vec<Value> = (0..6).map(|number| member(number, true, true)).collect();
    let mut numbered = part(5, &free(5));
    numbered["status"] = "200".into();
    let parts = vec![
        part(0, &free(0)),
        failed(1, 404, "CMN-102"),
        failed(2, 403, "CMN-408"),
        failed(3, 500, "CMN-203"),
        numbered,
    ];
    let server = centre(&records, parts).await;
    let verdict = Desk::at(&server.uri()).ready(agents("available", "equals", 2)).await;
    assert_says("parts", &verdict, &json!({"reason": "ok", "counts_complete": true}));
    assert_eq!(verdict["counts"], json!({"available": 2, "on_call": 0, "not_ready": 4, "logged_in": 6}));
    let warnings = verdict["warnings"].to_string();
    assert!(warnings.contains("4 members"), "{warnings}");
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_said_is_no_answer() {
    let several = |status, code| vec![failed(0, status, code), failed(1, status, code)];
    for (parts, reason) in [
        (several(403, "CMN-408"), "auth_forbidden"),
        (several(429, "CMN-301"), "rate_limited"),
        (several(500, "CMN-203"), "provider_error"),
        (several(401, "OAU-128"), "auth_expired"),
        (several(404, "CMN-102"), "field_missing"),
        (Vec::new(), "field_missing"),
    ] {
        let records = [member(0, true, true), member(1, true, true)];
        let server = centre(&records, parts).await;
        let desk = Desk::at(&server.uri());
        // Two candidates are not three, whatever their presence.
        let settled = desk.ready(agents("available", "at_least", 3)).await;
        assert_says(reason, &settled, &json!({"reason": "condition_not_met", "upstream_requests": 1}));
        assert_unknown(reason, &desk.ready(json!({})).await, reason);
    }
}

#[tokio::test]
async fn one_extension_is_answered_without_parts() {
    for (part, reason) in [
        (part(0, &free(0)), "ok"),
        (part(0, &busy(0)), "condition_not_met"),
        (part(0, &json!({})), "field_missing"),
        (failed(0, 404, "CMN-102"), "field_missing"),
        (failed(0, 403, "CMN-408"), "auth_forbidden"),
        (failed(0, 429, "CMN-301"), "rate_limited"),
        (failed(0, 503, "CMN-201"), "provider_error"),
        (failed(0, 401, "TokenInvalid"), "auth_expired"),
    ] {
        let server = centre(&[member(0, true, true)], vec![part.clone()]).await;
        let verdict = Desk::at(&server.uri()).ready(json!({})).await;
        assert_says(&part.to_string(), &verdict, &json!({"reason": reason}));
        assert_eq!(requests(&server).await[1], bulk_line([0]));
    }
}

#[tokio::test]
async fn a_bulk_answer_of_another_shape_is_unexpected() {
    for body in ["", "<html>", "--Boundary_1\r\n", "7", "{}", r#"{"records": []}"#, r#"["x"]"#] {
        let server = MockServer::start().await;
        let records = [member(0, true, true), member(1, true, true)];
        let list = ResponseTemplate::new(200).set_body_json(json!({"records": records}));
        Mock::given(path(presence_path())).respond_with(list).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(207).set_body_string(body)).mount(&server).await;
        let verdict = Desk::at(&server.uri()).ready(json!({})).await;
        assert_unknown(body, &verdict, "unexpected_response");
        assert_says(body, &verdict, &json!({"source": "live", "counts_complete": false}));
    }
}

#[tokio::test]
async fn a_batch_that_fails_matters_only_where_the_outcome_was_open_and_ends_the_asking() {
    let records: Vec<Value> = (0..70).map(|number| member(number, true, true)).collect();
    for (status, reason, tries) in [(429, "rate_limited", 1), (502, "provider_error", 2), (403, "auth_forbidden", 1)] {
        let server = MockServer::start().await;
        let list = ResponseTemplate::new(200).set_body_json(json!({"records": records}));
        Mock::given(path(presence_path())).respond_with(list).mount(&server).await;
        let first: Vec<Value> = (0..30).map(|number| part(number, &free(number))).collect();
        let answer = ResponseTemplate::new(207).set_body_json(first);
        Mock::given(path_regex(format!("/extension/{},", id(0)))).respond_with(answer).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        let desk = Desk::at(&server.uri());
        let settled = desk.ready(agents("available", "at_least", 30)).await;
        assert_says(reason, &settled, &json!({"reason": "ok", "upstream_requests": 2}));
        let open = desk.ready(agents("available", "at_least", 31)).await;
        assert_unknown(reason, &open, reason);
        let expected = json!({
            "source": "live", "available": 30, "counts_complete": false, "upstream_requests": 2 + tries
        });
        assert_says(reason, &open, &expected);
    }
}

#[tokio::test]
async fn a_token_that_ends_between_two_requests_is_replaced_by_the_secrets_newer_one() {
    let server = MockServer::start().await;
    let records = [member(0, true, true), member(1, true, true)];
    let list = ResponseTemplate::new(200).set_body_json(json!({"records": records}));
    Mock::given(path(presence_path())).respond_with(list).mount(&server).await;
    let parts = json!([part(0, &free(0)), part(1, &free(1))]);
    Mock::given(wiremock::matchers::header("authorization", "Bearer newer"))
        .respond_with(ResponseTemplate::new(207).set_body_json(parts))
        .mount(&server)
        .await;
    let expired = json!({"errorCode": "OAU-128", "message": "Access token expired."});
    Mock::given(any()).respond_with(ResponseTemplate::new(401).set_body_json(expired)).mount(&server).await;
    let desk = Desk::at(&server.uri());
    // Two candidates are not three: nobody is asked with the old token.
    desk.ready(agents("available", "at_least", 3)).await;
    desk.gate.put_secret("acme", json!({"access_token": "newer", "base_url": server.uri()}).to_string());
    let verdict = desk.ready(agents("available", "at_least", 2)).await;
    assert_says("newer", &verdict, &json!({"reason": "ok", "available": 2, "upstream_requests": 4}));
}

#[tokio::test]
async fn a_field_that_no_record_has_is_missing_and_never_met() {
    let questions = || {
        [
            agents("available", "greater_than", 0),
            agents("available", "at_least", 0),
            agents("available", "less_than", 1),
            agents("available", "not_equals", 7),
            agents("not_ready", "less_than", 9),
        ]
    };
    for field in ["acceptQueueCalls", "acceptCurrentQueueCalls", "member", "telephonyStatus", "userStatus", "dndStatus"]
    {
        let without = |mut value: Value| {
            value.as_object_mut().unwrap().remove(field);
            value
        };
        // One of them is not ready, so that each count is what it is by reading.
        let records = [0, 1].map(|number| without(member(number, true, true)));
        let parts = vec![part(0, &without(free(0))), part(1, &without(busy(1)))];
        for question in questions() {
            let server = centre(&records, parts.clone()).await;
            // All is read, so that no upper bound settles the matter.
            let mut all = question.clone();
            all["explain"] = true.into();
            let verdict = Desk::at(&server.uri()).ready(all).await;
            assert_unknown(&format!("{field} {question}"), &verdict, "field_missing");
        }
        // One record that has it is enough.
        let records = [member(0, true, true), records[1].clone()];
        let server = centre(&records, vec![part(0, &free(0)), parts[1].clone()]).await;
        let verdict = Desk::at(&server.uri()).ready(agents("available", "equals", 1)).await;
        assert_says(field, &verdict, &json!({"reason": "ok"}));
    }
}

#[tokio::test]
async fn json_and_patterns_see_the_queues_list_with_each_presence_added() {
    let records = [member(0, true, true), member(1, true, false), member(2, true, true), member(3, false, true)];
    let server = centre(&records, vec![part(2, &busy(2)), part(0, &free(0))]).await;
    let desk = Desk::at(&server.uri());
    let pattern = |pattern: &str, value: usize| json!({"acceptance": {"parse_type": "regex", "pattern": pattern, "condition": "equals", "value": value}});
    for question in [
        field("records", 4),
        field("$.records[?@.telephonyStatus == 'NoCall' && @.acceptCurrentQueueCalls == true]", 1),
        field("records[*].userStatus", 2),
        field("records[*].acceptCurrentQueueCalls", 3),
        field("records[2].extension.id", id(2)),
        field("records[3].member.id", id(3)),
        pattern("\"acceptCurrentQueueCalls\": true", 3),
        pattern(r#""acceptCurrentQueueCalls": true.*"presenceStatus": "Available""#, 2),
        pattern(r#""acceptQueueCalls": true.*"telephonyStatus": "NoCall""#, 1),
    ] {
        let verdict = desk.ready(question.clone()).await;
        assert_says(&question.to_string(), &verdict, &json!({"reason": "ok", "counts_complete": true}));
    }
}

#[tokio::test]
async fn a_record_is_seen_once_all_of_it_is_read() {
    // The first batch ends with the 30th candidate; members who are not asked for stand in between.
    let records: Vec<Value> = (0..50).map(|number| member(number, true, number % 5 != 0)).collect();
    let parts: Vec<Value> = (0..50).map(|number| part(number, &free(number))).collect();
    for (question, sent, observed) in [
        (json!({"parse_field": "records[0].acceptQueueCalls", "condition": "exists"}), 1, json!(true)),
        (json!({"parse_field": "records[37].userStatus", "condition": "exists"}), 2, json!(true)),
        (json!({"parse_field": "records[38].userStatus", "condition": "exists"}), 3, json!(true)),
        (json!({"parse_field": "records[50]", "condition": "exists"}), 1, json!(false)),
        (json!({"parse_field": "records", "condition": "at_least", "value": 38}), 2, json!(38)),
        (json!({"parse_field": "records[*].userStatus", "condition": "at_least", "value": 30}), 2, json!(30)),
        (
            json!({"parse_field": "$.records[?@.userStatus != 'Offline']", "condition": "equals", "value": 50}),
            3,
            json!(50),
        ),
    ] {
        let server = centre(&records, parts.clone()).await;
        let mut acceptance = question.clone();
        acceptance["parse_type"] = "json".into();
        let verdict = Desk::at(&server.uri()).ready(json!({"acceptance": acceptance})).await;
        assert_says(&question.to_string(), &verdict, &json!({"upstream_requests": sent, "on_unknown_applied": false}));
        assert_eq!(verdict["findings"][0]["observed"], observed, "{question}: {verdict:#}");
        assert_eq!(verdict["counts_complete"], sent == 3, "{question}");
    }
}

#[tokio::test]
async fn the_flags_alone_settle_what_they_can() {
    let records: Vec<Value> = (0..40).map(|number| member(number, true, number < 35)).collect();
    let server = centre(&records, Vec::new()).await;
    let desk = Desk::at(&server.uri());
    for (question, reason) in [
        (agents("logged_in", "equals", 35), "ok"),
        (agents("logged_in", "greater_than", 35), "condition_not_met"),
        (agents("available", "at_most", 35), "ok"),
        (agents("available", "at_least", 36), "condition_not_met"),
        (agents("on_call", "less_than", 36), "ok"),
    ] {
        let verdict = desk.ready(question.clone()).await;
        assert_says(&question.to_string(), &verdict, &json!({"reason": reason, "upstream_requests": 1}));
    }
}

#[tokio::test]
async fn an_answer_without_its_list_says_nothing_and_an_empty_list_is_nobody() {
    for (body, reason) in [
        ("{}", "field_missing"),
        (r#"{"records": null}"#, "field_missing"),
        (r#"{"records": {}}"#, "field_missing"),
        (r#"{"records": [7, null, "x"]}"#, "field_missing"),
        (r#"{"records": []}"#, "condition_not_met"),
        ("[]", "unexpected_response"),
        ("<html>", "unexpected_response"),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
        let verdict = Desk::at(&server.uri()).ready(json!({})).await;
        assert_says(body, &verdict, &json!({"reason": reason, "accept": false, "upstream_requests": 1}));
    }
}

#[tokio::test]
async fn only_the_extensions_named_count() {
    let records: Vec<Value> = (0..5).map(|number| member(number, true, number != 4)).collect();
    let parts = vec![part(0, &free(0)), part(1, &free(1)), part(2, &busy(2)), part(3, &free(3))];
    let server = centre(&records, parts).await;
    let desk = Desk::at(&server.uri());
    for (extensions, available, asked) in [
        (json!(["101", id(3).to_string()]), 2, vec![1, 3]),
        (json!([101, id(3)]), 2, vec![1, 3]),
        (json!(" 103 , 101,"), 2, vec![1, 3]),
        (json!("102"), 0, vec![2]),
        (json!(["104"]), 0, vec![]),
        (json!(["999"]), 0, vec![]),
        (json!(null), 3, vec![0, 1, 2, 3]),
    ] {
        let before = requests(&server).await.len();
        let mut question = agents("available", "equals", available);
        question["options"] = json!({"extensions": extensions});
        let verdict = desk.ready(question).await;
        assert_says(&extensions.to_string(), &verdict, &json!({"reason": "ok", "counts_complete": true}));
        let sent = requests(&server).await;
        let bulk: Vec<String> = if asked.is_empty() { Vec::new() } else { vec![bulk_line(asked)] };
        assert_eq!(sent[before + 1..], bulk, "{extensions}");
        let warned = verdict["warnings"].to_string().contains("not members");
        assert_eq!(warned, extensions == json!(["999"]), "{extensions}: {verdict:#}");
    }
    let mut records_seen = field("records", 2);
    records_seen["options"] = json!({"extensions": ["100", "104"]});
    assert_says("list", &desk.ready(records_seen).await, &json!({"reason": "ok"}));
}

#[tokio::test]
async fn extensions_of_a_wrong_form_or_for_another_recipe_are_faults() {
    let server = MockServer::start().await;
    let desk = Desk::at(&server.uri());
    let at = |pointer: &str| vec![pointer.to_owned()];
    for (extensions, pointer) in [
        (json!(7), "/options/extensions"),
        (json!(true), "/options/extensions"),
        (json!({}), "/options/extensions"),
        (json!([]), "/options/extensions"),
        (json!(""), "/options/extensions"),
        (json!(" , "), "/options/extensions"),
        (json!("101,x"), "/options/extensions"),
        (json!(["101", "x"]), "/options/extensions/1"),
        (json!([null]), "/options/extensions/0"),
        (json!([1.5]), "/options/extensions/0"),
        (json!(["1/2"]), "/options/extensions/0"),
    ] {
        let faults = desk.faults("ready_agents", json!({"extensions": extensions})).await;
        assert_eq!(faults, at(pointer), "{extensions}");
    }
    for template in ["queue_presence", "ringcx_availability"] {
        let faults = desk.faults(template, json!({"extensions": ["101"]})).await;
        assert_eq!(faults, at("/options/extensions"), "{template}");
    }
    assert_eq!(requests(&server).await, [""; 0]);
}

#[tokio::test]
async fn the_default_recipe_says_how_many_it_counts_who_take_no_call() {
    let records = [member(0, true, true), member(1, false, true), member(2, false, false), member(3, false, true)];
    let server = centre(&records, Vec::new()).await;
    let verdict = Desk::at(&server.uri()).try_ask("queue_presence", json!({})).await.unwrap();
    assert_eq!(verdict["findings"][0]["observed"], 3);
    let warnings = verdict["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[1].as_str().unwrap().starts_with("2 of the 3 members"), "{warnings:?}");
}

#[tokio::test]
async fn explaining_the_default_recipe_shows_the_right_answer_beside_it() {
    let server = candidates(&[true, false, false]).await;
    let verdict = Desk::at(&server.uri()).try_ask("queue_presence", json!({"explain": true})).await.unwrap();
    assert_eq!(verdict["findings"][0]["observed"], 3);
    let right = &verdict["trace"]["right_answer"];
    assert_eq!(right["template"], "ready_agents", "{right:#}");
    assert_eq!(right["counts"], json!({"available": 1, "on_call": 2, "not_ready": 0, "logged_in": 3}));
    assert_eq!(right["requests"].as_array().unwrap().len(), 2);
}

fn simulated(dialect: Dialect) -> Simulated {
    let agent = |id: &str, number: &str| Agent::ready(id, "Agent", number);
    let deaf = agent("7", "107").dnd(DndStatus::DoNotAcceptAnyCalls).with_new_call_handling();
    Simulated::new(dialect)
        .with_clock(Clock::stopped())
        .token(TOKEN)
        .queue(QUEUE, "Sales")
        .agent(QUEUE, agent("1", "101"))
        .agent(QUEUE, agent("2", "102").on_call())
        .agent(QUEUE, agent("3", "103").user_status(UserStatus::Offline))
        .agent(QUEUE, agent("4", "104").out_of_queue())
        .agent(QUEUE, agent("5", "105").dnd(DndStatus::DoNotAcceptDepartmentCalls))
        .agent(QUEUE, agent("6", "106").with_new_call_handling())
        .agent(QUEUE, deaf)
}

async fn started(dialect: Dialect) -> (Simulator<Simulated>, Desk) {
    let simulator = simulated(dialect).start().await.unwrap();
    let desk = Desk::at(simulator.base_url());
    (simulator, desk)
}

fn lines(simulator: &Simulator<Simulated>) -> Vec<String> {
    let line = |request: callgate_local::simulator::RecordedRequest| {
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        format!("{} {}{query}", request.method, request.path)
    };
    simulator.requests().into_iter().map(line).collect()
}

#[tokio::test]
async fn the_real_api_says_who_is_ready_and_the_documented_one_does_not() {
    let (_real, desk) = started(Dialect::Real).await;
    let verdict = desk.ready(agents("available", "equals", 2)).await;
    assert_says("real", &verdict, &json!({"reason": "ok", "upstream_requests": 2, "warnings": []}));
    assert_eq!(verdict["counts"], json!({"available": 2, "on_call": 1, "not_ready": 3, "logged_in": 6}));
    // It shows one of the two flags only.
    let (_documented, desk) = started(Dialect::Documented).await;
    let verdict = desk.ready(json!({})).await;
    assert_unknown("documented", &verdict, "field_missing");
    assert_says("documented", &verdict, &json!({"upstream_requests": 1, "counts": {"logged_in": 6}}));
    let verdict = desk.ready(agents("logged_in", "equals", 6)).await;
    assert_says("documented", &verdict, &json!({"reason": "ok", "upstream_requests": 1}));
}

#[tokio::test]
async fn a_change_shows_in_the_next_verdict() {
    let (simulator, desk) = started(Dialect::Real).await;
    let only = json!({"options": {"extensions": "106"}});
    assert_says("free", &desk.ready(only.clone()).await, &json!({"reason": "ok", "available": 1}));
    for change in [
        json!({"telephonyStatus": "Ringing"}),
        json!({"userStatus": "Offline"}),
        json!({"acceptQueueCalls": false}),
        json!({"acceptCurrentQueueCalls": false}),
    ] {
        simulator.set_agent(QUEUE, "6", &change).unwrap();
        let verdict = desk.ready(only.clone()).await;
        assert_says(&change.to_string(), &verdict, &json!({"reason": "condition_not_met", "available": 0}));
        let free = json!({
            "telephonyStatus": "NoCall", "userStatus": "Busy",
            "acceptQueueCalls": true, "acceptCurrentQueueCalls": true
        });
        simulator.set_agent(QUEUE, "6", &free).unwrap();
        assert_says("free", &desk.ready(only.clone()).await, &json!({"reason": "ok", "available": 1}));
    }
}

#[tokio::test]
async fn a_full_house_takes_as_many_requests_as_it_must() {
    let house = |count: usize, status: TelephonyStatus| {
        let mut account = Simulated::new(Dialect::Real).token(TOKEN).queue(QUEUE, "Sales");
        for number in 1..=count {
            let mut agent = Agent::ready(&id(number).to_string(), "Agent", &(100 + number).to_string());
            agent.telephony_status = status;
            account = account.agent(QUEUE, agent);
        }
        account
    };
    for (count, status, threshold, sent) in [
        (31, TelephonyStatus::NoCall, 1, 2),
        (31, TelephonyStatus::NoCall, 31, 3),
        (31, TelephonyStatus::OnHold, 1, 3),
        (31, TelephonyStatus::OnHold, 32, 1),
        (200, TelephonyStatus::OnHold, 1, 8),
    ] {
        let simulator = house(count, status).start().await.unwrap();
        let verdict = Desk::at(simulator.base_url()).ready(agents("available", "at_least", threshold)).await;
        assert_says("house", &verdict, &json!({"upstream_requests": sent, "on_unknown_applied": false}));
        assert_eq!(lines(&simulator).len(), sent);
    }
}

#[tokio::test]
async fn ringcx_is_asked_with_a_token_in_exchange() {
    for dialect in Dialect::ALL {
        let (simulator, desk) = started(dialect).await;
        simulator.set_queue(QUEUE, &json!({"waiting": 1})).unwrap();
        let verdict = desk.ringcx(json!({})).await;
        let expected = json!({
            "decision": "accept", "accept": true, "reason": "ok", "counts_complete": true, "upstream_requests": 2,
            "findings": [{"criterion": "agents headroom greater_than 0", "observed": 1, "outcome": "met"}],
            "template": "ringcx_availability", "source": "live", "warnings": [], "available": 2
        });
        assert_says(dialect.name(), &verdict, &expected);
        assert_eq!(verdict["counts"], json!({"available": 2, "logged_in": 3, "waiting": 1}));
        let requests = simulator.requests();
        assert_eq!(lines(&simulator), [EXCHANGE.to_owned(), availability_line()]);
        assert_eq!(requests[0].body, format!("rcAccessToken={TOKEN}&rcTokenType=Bearer"));
        assert_eq!((&requests[0].authorization, requests[1].body.as_str()), (&None, ""));
        assert_eq!(requests[1].authorization.as_deref(), Some("Bearer ringcx-1"));
        assert_eq!(requests[1].accept.as_deref(), Some("application/json"));
    }
}

#[tokio::test]
async fn headroom_is_what_is_left_for_this_call() {
    let (simulator, desk) = started(Dialect::Real).await;
    for (waiting, reason) in [(0, "ok"), (1, "ok"), (2, "condition_not_met"), (9, "condition_not_met")] {
        simulator.set_queue(QUEUE, &json!({"waiting": waiting})).unwrap();
        let verdict = desk.ringcx(json!({})).await;
        assert_says("headroom", &verdict, &json!({"reason": reason}));
        assert_eq!(verdict["findings"][0]["observed"], 2 - waiting);
    }
}

#[tokio::test]
async fn checks_share_a_ringcx_token() {
    let (simulator, desk) = started(Dialect::Real).await;
    let verdicts = [desk.ringcx(json!({})).await, desk.ringcx(json!({})).await];
    assert_eq!(verdicts.map(|verdict| verdict["upstream_requests"].clone()), [2, 1]);
    assert_eq!(lines(&simulator), [EXCHANGE.to_owned(), availability_line(), availability_line()]);
    let (simulator, desk) = started(Dialect::Real).await;
    let at_once = tokio::join!(desk.ringcx(json!({})), desk.ringcx(json!({})), desk.ringcx(json!({})));
    for verdict in [at_once.0, at_once.1, at_once.2] {
        assert_says("at once", &verdict, &json!({"reason": "ok"}));
    }
    assert_eq!(lines(&simulator).iter().filter(|line| *line == EXCHANGE).count(), 1);
}

#[tokio::test]
async fn a_ringcx_token_that_ended_is_exchanged_once_more() {
    let (simulator, desk) = started(Dialect::Real).await;
    desk.ringcx(json!({})).await;
    // The simulator's clock alone moves on: to the gate the token looks good.
    simulator.clock().advance(Duration::from_mins(5));
    simulator.forget_requests();
    let verdict = desk.ringcx(json!({})).await;
    assert_says("again", &verdict, &json!({"reason": "ok", "upstream_requests": 3}));
    assert_eq!(lines(&simulator), [availability_line(), EXCHANGE.to_owned(), availability_line()]);
    assert_eq!(simulator.requests()[2].authorization.as_deref(), Some("Bearer ringcx-2"));
}

#[tokio::test]
async fn a_new_ringcx_token_that_is_refused_is_not_exchanged_again() {
    let server = MockServer::start().await;
    let token = ResponseTemplate::new(200).set_body_json(json!({"accessToken": "ringcx-canary-5up3r53cr3t"}));
    Mock::given(method("POST")).respond_with(token).mount(&server).await;
    let refusal = json!({"message": "ringcx-canary-5up3r53cr3t is not accepted"});
    Mock::given(any()).respond_with(ResponseTemplate::new(401).set_body_json(refusal)).mount(&server).await;
    let desk = Desk::at(&server.uri());
    let verdict = desk.ringcx(json!({"explain": true})).await;
    assert_unknown("refused", &verdict, "auth_expired");
    assert_eq!(requests(&server).await, [EXCHANGE.to_owned(), availability_line()]);
    assert!(!verdict.to_string().contains("5up3r53cr3t"), "{verdict:#}");
}

#[tokio::test]
async fn a_refused_exchange_has_its_reason_and_is_never_sent_twice() {
    for (status, reason) in [
        (400, "rate_limited"),
        (403, "rate_limited"),
        (429, "rate_limited"),
        (401, "auth_expired"),
        (500, "provider_error"),
        (503, "provider_error"),
        (404, "unexpected_response"),
        (302, "unexpected_response"),
    ] {
        let server = MockServer::start().await;
        let body = json!({"message": format!("{TOKEN} is not wanted"), "errorCode": "ringcx-5up3r53cr3t"});
        let answer = ResponseTemplate::new(status).insert_header("Retry-After", "12").set_body_json(body);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let verdict = Desk::at(&server.uri()).ringcx(json!({"explain": true})).await;
        assert_unknown(&status.to_string(), &verdict, reason);
        assert_eq!(requests(&server).await, [EXCHANGE], "{status}");
        assert!(!verdict.to_string().contains("5up3r53cr3t"), "{verdict:#}");
    }
    for body in ["", "[]", "{}", r#"{"accessToken": 7}"#, r#"{"accessToken": " "}"#, r#"{"accessToken": "a b"}"#] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
        let verdict = Desk::at(&server.uri()).ringcx(json!({})).await;
        assert_unknown(body, &verdict, "unexpected_response");
        assert_eq!(requests(&server).await, [EXCHANGE], "{body}");
    }
}

#[tokio::test]
async fn a_cut_exchange_is_not_sent_twice() {
    let (simulator, desk) = started(Dialect::Real).await;
    simulator.faults().push(Fault::disconnect());
    assert_unknown("cut", &desk.ringcx(json!({})).await, "provider_unreachable");
    assert_eq!(lines(&simulator), [EXCHANGE]);
    assert_says("after it", &desk.ringcx(json!({})).await, &json!({"reason": "ok"}));
}

#[tokio::test]
async fn a_platform_token_that_is_not_accepted_is_told() {
    let (simulator, desk) = started(Dialect::Real).await;
    simulator.tokens().remove(TOKEN);
    assert_unknown("ended", &desk.ringcx(json!({})).await, "auth_expired");
    assert_eq!(lines(&simulator), [EXCHANGE]);
}

#[tokio::test]
async fn ringcx_exchanges_are_spent_after_five() {
    let (simulator, _) = started(Dialect::Real).await;
    for _ in 0..5 {
        assert_says("one of five", &Desk::at(simulator.base_url()).ringcx(json!({})).await, &json!({"reason": "ok"}));
    }
    assert_unknown("the sixth", &Desk::at(simulator.base_url()).ringcx(json!({})).await, "rate_limited");
}

#[tokio::test]
async fn a_platform_token_that_ended_is_replaced_by_the_secrets_newer_one() {
    let (simulator, desk) = started(Dialect::Real).await;
    assert_says("first", &desk.ringcx(json!({})).await, &json!({"reason": "ok"}));
    // Both tokens end at once, and the secret has a newer one.
    simulator.clock().advance(Duration::from_mins(5));
    simulator.tokens().remove(TOKEN);
    simulator.tokens().accept("newer");
    let secret = json!({"access_token": "newer", "base_url": simulator.base_url(), "sub_account_id": SUB_ACCOUNT});
    desk.gate.put_secret("acme", secret.to_string());
    simulator.forget_requests();
    assert_says("newer", &desk.ringcx(json!({})).await, &json!({"reason": "ok"}));
    let [asked, exchange] = [availability_line(), EXCHANGE.to_owned()];
    assert_eq!(lines(&simulator), [asked.clone(), exchange.clone(), exchange, asked]);
}

/// A RingCX that gives a token and answers with this.
async fn ringcx(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let token = ResponseTemplate::new(200).set_body_json(json!({"accessToken": "ringcx-canary-5up3r53cr3t"}));
    Mock::given(method("POST")).respond_with(token).mount(&server).await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn availability() -> Map<String, Value> {
    let answer = json!({
        "longestWaitingTimeInSeconds": 0, "numberOfWaitingInteractions": 1, "numberOfAgentsAvailable": 2,
        "numberOfAgentsLoggedIn": 5, "isQueueOpen": true
    });
    answer.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_closed_ringcx_queue_is_not_met_and_one_that_does_not_say_is_unknown() {
    for (is_open, reason, unknown) in [
        (json!(true), "ok", false),
        (json!(false), "queue_closed", false),
        (json!(null), "field_missing", true),
        (json!("open"), "field_missing", true),
    ] {
        let mut answer = availability();
        answer.insert("isQueueOpen".to_owned(), is_open.clone());
        let server = ringcx(ResponseTemplate::new(200).set_body_json(&answer)).await;
        let verdict = Desk::at(&server.uri()).ringcx(json!({"on_unknown": "accept"})).await;
        let expected = json!({"reason": reason, "accept": reason != "queue_closed", "on_unknown_applied": unknown});
        assert_says(&is_open.to_string(), &verdict, &expected);
    }
    let mut answer = availability();
    answer.remove("isQueueOpen");
    let server = ringcx(ResponseTemplate::new(200).set_body_json(&answer)).await;
    assert_unknown("absent", &Desk::at(&server.uri()).ringcx(json!({})).await, "field_missing");
}

#[tokio::test]
async fn a_ringcx_count_that_is_not_given_is_missing() {
    for (field, counts) in [
        ("numberOfAgentsAvailable", vec!["available", "headroom"]),
        ("numberOfWaitingInteractions", vec!["waiting", "headroom"]),
        ("numberOfAgentsLoggedIn", vec!["logged_in"]),
    ] {
        for broken in [Value::Null, json!(-1), json!("many"), json!([1]), json!(true)] {
            let mut answer = availability();
            answer.insert(field.to_owned(), broken);
            let server = ringcx(ResponseTemplate::new(200).set_body_json(&answer)).await;
            let desk = Desk::at(&server.uri());
            for count in ["available", "waiting", "logged_in", "headroom"] {
                let verdict = desk.ringcx(agents(count, "at_least", 0)).await;
                let reason = if counts.contains(&count) { "field_missing" } else { "ok" };
                assert_says(&format!("{field} {count}"), &verdict, &json!({"reason": reason}));
            }
        }
    }
    let answer = json!({"numberOfAgentsAvailable": "2", "numberOfWaitingInteractions": "0", "isQueueOpen": true});
    let server = ringcx(ResponseTemplate::new(200).set_body_json(answer)).await;
    assert_says("text", &Desk::at(&server.uri()).ringcx(json!({})).await, &json!({"reason": "ok", "available": 2}));
}

#[tokio::test]
async fn json_and_patterns_see_what_ringcx_answers() {
    let server = ringcx(ResponseTemplate::new(200).set_body_json(availability())).await;
    let desk = Desk::at(&server.uri());
    for acceptance in [
        json!({"parse_type": "json", "parse_field": "numberOfAgentsLoggedIn", "condition": "equals", "value": 5}),
        json!({"parse_type": "regex", "pattern": "\"isQueueOpen\": true", "condition": "equals", "value": 1}),
    ] {
        let verdict = desk.ringcx(json!({"acceptance": acceptance})).await;
        assert_says(&acceptance.to_string(), &verdict, &json!({"reason": "ok"}));
    }
}

#[tokio::test]
async fn what_ringcx_refuses_has_its_reason() {
    for (status, reason, sent) in [
        (400, "invalid_query", 2),
        (403, "auth_forbidden", 2),
        (404, "queue_not_found", 2),
        (429, "rate_limited", 2),
        (500, "provider_error", 3),
    ] {
        let body = json!({"message": "ringcx-canary-5up3r53cr3t is not wanted"});
        let server = ringcx(ResponseTemplate::new(status).set_body_json(body)).await;
        let verdict = Desk::at(&server.uri()).ringcx(json!({"explain": true})).await;
        assert_unknown(reason, &verdict, reason);
        assert_eq!(requests(&server).await.len(), sent, "{reason}");
        assert!(!verdict.to_string().contains("5up3r53cr3t"), "{verdict:#}");
    }
    for body in ["", "[]", "7", "<html>"] {
        let server = ringcx(ResponseTemplate::new(200).set_body_string(body)).await;
        assert_unknown(body, &Desk::at(&server.uri()).ringcx(json!({})).await, "unexpected_response");
    }
}

#[tokio::test]
async fn faults_of_the_simulated_provider_have_their_reasons() {
    for (failure, reason) in [
        (Failure::Unauthorized, "auth_expired"),
        (Failure::Forbidden, "auth_forbidden"),
        (Failure::NotFound, "queue_not_found"),
        (Failure::RateLimited { retry_after_seconds: 60 }, "rate_limited"),
    ] {
        let (simulator, desk) = started(Dialect::Real).await;
        simulator.faults().push(Fault::failure(failure).only("call-queues").times(2));
        assert_unknown(reason, &desk.ready(json!({})).await, reason);
    }
}

#[tokio::test]
async fn ringcx_wants_a_sub_account_in_the_secret() {
    let server = MockServer::start().await;
    for sub_account_id in [json!(null), json!(""), json!(true), json!("a/b"), json!("..")] {
        let secret = json!({"access_token": TOKEN, "base_url": server.uri(), "sub_account_id": sub_account_id});
        let verdict = Desk::with(&secret).ringcx(json!({})).await;
        assert_unknown(&sub_account_id.to_string(), &verdict, "auth_missing");
        let message = verdict["message"].as_str().unwrap();
        assert!(message.contains("callgate/ringcentral/acme") && message.contains("sub_account_id"), "{message}");
    }
    assert_eq!(requests(&server).await, [""; 0]);
    let (simulator, _) = started(Dialect::Real).await;
    let secret = json!({"access_token": TOKEN, "base_url": simulator.base_url(), "sub_account_id": 99_999_999});
    assert_says("number", &Desk::with(&secret).ringcx(json!({})).await, &json!({"reason": "ok"}));
}
