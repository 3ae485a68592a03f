//! How few requests each recipe takes, by threshold and by who is there; and how few a second check takes.

use std::ops::RangeInclusive;

use callgate::providers::ProviderName;
use callgate_local::simulator::portsip::{Agent, Status};
use callgate_local::simulator::{Dialect, Failure, Fault, PortSip, Simulator};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::desk::{CANARY, Desk, agents, field, merged};
use crate::states::{
    CallToolsSite, CallToolsState, GenesysCloudSite, GenesysCloudState, PortSipSite, RINGCENTRAL_AWAY,
    RINGCENTRAL_ELSEWHERE, RINGCENTRAL_READY, RingCentralSite, RingCentralState, Site,
};

/// A queue, a question, and the requests that each of several checks in a row sends to the provider.
struct Case<S> {
    /// How many agents of each state, in the order of the provider's list.
    crowd: Vec<(usize, S)>,
    waiting: u32,
    question: Value,
    /// Whether the call is accepted, each time.
    accept: bool,
    requests: Vec<RangeInclusive<usize>>,
}

impl<S> Case<S> {
    /// With exact numbers of requests.
    fn new<const CHECKS: usize>(
        crowd: Vec<(usize, S)>,
        question: Value,
        accept: bool,
        requests: [usize; CHECKS],
    ) -> Self {
        let requests = requests.into_iter().map(|exactly| exactly..=exactly).collect();
        Self { crowd, waiting: 0, question, accept, requests }
    }

    fn waiting(self, waiting: u32) -> Self {
        Self { waiting, ..self }
    }

    /// With the numbers of requests between which the order of the answers decides.
    fn between<const CHECKS: usize>(self, requests: [RangeInclusive<usize>; CHECKS]) -> Self {
        Self { requests: requests.into(), ..self }
    }
}

async fn count<S: Site>(dialect: Dialect, cases: Vec<Case<S::State>>) {
    count_at::<S>(dialect, cases, |_| {}).await;
}

async fn count_at<S: Site>(dialect: Dialect, cases: Vec<Case<S::State>>, prepare: fn(&Simulator<S::Centre>)) {
    for case in cases {
        let queue = S::queue(0);
        let mut centre = S::with_queue(S::new(dialect), &queue, case.waiting);
        let crowd = case.crowd.iter().flat_map(|(times, state)| vec![state; *times]);
        for (number, state) in crowd.enumerate() {
            centre = S::with_agent(centre, &queue, number, state);
        }
        let simulator = Simulator::start(centre).await.unwrap();
        prepare(&simulator);
        let desk = Desk::at(S::PROVIDER, simulator.base_url());
        let question = merged(json!({"queue": queue}), &case.question);
        let crowd: Vec<usize> = case.crowd.iter().map(|(times, _)| *times).collect();
        for (check, expected) in case.requests.iter().enumerate() {
            let what = format!("{} {crowd:?} {question}, check {check}", dialect.name());
            simulator.forget_requests();
            let verdict = desk.ask(&question).await;
            assert_eq!(verdict["accept"], case.accept, "{what}: {verdict:#}");
            let sent = usize::try_from(verdict["upstream_requests"].as_u64().unwrap()).unwrap();
            assert!(expected.contains(&sent), "{what}: {sent} requests, expected {expected:?}");
            let beside = verdict["trace"]["right_answer"]["requests"].as_array().map_or(0, Vec::len);
            // One that was given up may not have arrived.
            assert!(simulator.requests().len() <= sent + beside, "{what}: {:#?}", simulator.requests());
        }
    }
}

fn asked(template: &str, acceptance: &Value) -> Value {
    json!({"template": template, "acceptance": acceptance})
}

fn all(question: &Value) -> Value {
    merged(question.clone(), &json!({"explain": true}))
}

#[tokio::test]
async fn calltools_takes_one_request_unless_a_record_beyond_the_first_page_decides() {
    let ready = || CallToolsState::available();
    let lunch = || CallToolsState::lunch();
    let by_count = |value| asked("agent_statuses", &field("count", "greater_than", value));
    let by_agents = |value| asked("agent_statuses", &agents("available", "at_least", value));
    let one = |value| {
        let options = json!({"options": {"agent_status_id": 20561, "ready": true}});
        merged(asked("ready_agents", &agents("available", "at_least", value)), &options)
    };
    let cases = vec![
        Case::new(vec![], by_count(0), false, [1, 1]),
        Case::new(vec![(1, ready())], by_count(0), true, [1, 1]),
        Case::new(vec![(300, ready())], by_count(0), true, [1]),
        Case::new(vec![(300, ready())], by_count(299), true, [1]),
        Case::new(vec![(300, ready())], by_count(300), false, [1]),
        Case::new(vec![(300, ready())], by_agents(1), true, [1]),
        Case::new(vec![(300, ready())], by_agents(250), true, [1]),
        Case::new(vec![(300, ready())], by_agents(251), true, [2]),
        Case::new(vec![(300, lunch())], by_agents(1), false, [2]),
        // Of 300, 51 had to be among the 50 that are unread.
        Case::new(vec![(300, lunch())], by_agents(51), false, [1]),
        Case::new(vec![(300, lunch())], by_agents(301), false, [1]),
        Case::new(vec![(300, ready())], all(&by_count(0)), true, [2]),
        Case::new(vec![], one(1), false, [1, 1]),
        Case::new(vec![(1, lunch()), (1, ready())], one(1), true, [1, 1]),
        Case::new(vec![(300, ready())], one(1), true, [1]),
        Case::new(vec![(300, ready())], one(300), true, [1]),
        Case::new(vec![(300, ready())], one(301), false, [1]),
    ];
    count::<CallToolsSite>(Dialect::Real, cases).await;
}

#[tokio::test]
async fn calltools_ready_agents_reads_one_record() {
    let queue = CallToolsSite::queue(0);
    let mut centre = CallToolsSite::with_queue(CallToolsSite::new(Dialect::Real), &queue, 0);
    for number in 0..30 {
        centre = CallToolsSite::with_agent(centre, &queue, number, &CallToolsState::available());
    }
    let simulator = Simulator::start(centre).await.unwrap();
    let options = json!({"agent_status_id": 20561, "ready": true});
    let question = json!({"queue": queue, "template": "ready_agents", "options": options});
    let verdict = Desk::at(ProviderName::CallTools, simulator.base_url()).ask(&question).await;
    assert_eq!(verdict["available"], 30);
    let sent: Vec<String> = simulator.requests().into_iter().map(|request| request.query).collect();
    assert_eq!(sent, [format!("queue={queue}&agent_status_id=20561&ready=true&page_size=1")]);
}

#[tokio::test]
async fn genesys_cloud_takes_one_request_unless_a_member_beyond_the_first_page_decides() {
    let off_queue = || GenesysCloudState::off_queue();
    let idle = || GenesysCloudState::idle();
    let total = |condition, value| asked("queue_members", &field("total", condition, value));
    let joined = |value| asked("queue_members", &field("entities[*].joined", "at_least", value));
    let available = |template, value| asked(template, &agents("available", "at_least", value));
    let documented = vec![
        Case::new(vec![], total("greater_than", 0), false, [1, 1]),
        Case::new(vec![(60, off_queue())], total("greater_than", 0), true, [1]),
        Case::new(vec![(60, off_queue())], total("at_least", 60), true, [1]),
        Case::new(vec![(60, off_queue())], total("at_least", 61), false, [1]),
    ];
    count::<GenesysCloudSite>(Dialect::Documented, documented).await;
    // The real API has no `total`: its members are counted, 25 on a page, 100 where a criterion reads the list.
    let real = vec![
        Case::new(vec![], total("greater_than", 0), false, [1, 1]),
        Case::new(vec![(60, idle())], total("greater_than", 0), false, [1]),
        Case::new(vec![(60, off_queue())], total("greater_than", 0), true, [1]),
        Case::new(vec![(60, off_queue())], total("at_least", 25), true, [1]),
        Case::new(vec![(60, off_queue())], total("at_least", 26), true, [2]),
        Case::new(vec![(60, off_queue())], total("at_least", 60), true, [3]),
        Case::new(vec![(60, off_queue())], total("at_least", 61), false, [3]),
        Case::new(vec![(60, off_queue())], total("less_than", 25), false, [1]),
        Case::new(vec![(60, off_queue())], all(&total("greater_than", 0)), true, [1]),
        Case::new(vec![(130, off_queue())], joined(100), true, [1]),
        Case::new(vec![(130, off_queue())], joined(101), true, [2]),
        Case::new(vec![(130, off_queue())], all(&joined(1)), true, [2]),
    ];
    count::<GenesysCloudSite>(Dialect::Real, real).await;
    let analytics = ["on_queue_idle", "queue_observations"].into_iter().flat_map(|template| {
        [
            Case::new(vec![], available(template, 1), false, [1, 1]),
            Case::new(vec![(130, idle())], available(template, 130), true, [1, 1]),
            Case::new(vec![(130, idle())], available(template, 131), false, [1]),
            Case::new(vec![(130, idle())], all(&available(template, 1)), true, [1]),
        ]
    });
    count::<GenesysCloudSite>(Dialect::Real, analytics.collect()).await;
}

#[tokio::test]
async fn genesys_cloud_reads_no_more_members_than_needed_where_analytics_is_refused() {
    let idle = || GenesysCloudState::idle();
    let options = json!({"options": {"members_fallback": true}});
    let available = |value| merged(asked("on_queue_idle", &agents("available", "at_least", value)), &options);
    // The refused request, and the pages of the idle members.
    let cases = vec![
        Case::new(vec![], available(1), false, [2, 2]),
        Case::new(vec![(130, idle())], available(1), true, [2]),
        Case::new(vec![(130, idle())], available(100), true, [2]),
        Case::new(vec![(130, idle())], available(101), true, [3]),
        Case::new(vec![(130, GenesysCloudState::off_queue()), (1, idle())], available(1), true, [2]),
    ];
    count_at::<GenesysCloudSite>(Dialect::Real, cases, |simulator| {
        simulator.faults().push(Fault::failure(Failure::Forbidden).only("/analytics/").always());
    })
    .await;
}

#[tokio::test]
async fn ringcentral_asks_for_presences_only_while_they_can_decide() {
    let presence = |value| asked("queue_presence", &json!({"value": value}));
    let ready = |value| asked("ready_agents", &agents("available", "at_least", value));
    let state = RINGCENTRAL_READY;
    let cases: Vec<Case<RingCentralState>> = vec![
        Case::new(vec![], presence(0), false, [1, 1]),
        Case::new(vec![(40, state)], presence(0), true, [1]),
        Case::new(vec![(40, state)], presence(40), false, [1]),
        // Nobody whose flags allow a call.
        Case::new(vec![], ready(1), false, [1, 1]),
        Case::new(vec![(40, RINGCENTRAL_ELSEWHERE)], ready(1), false, [1]),
        Case::new(vec![(5, RINGCENTRAL_ELSEWHERE), (1, state)], ready(1), true, [2, 2]),
        Case::new(vec![(1, RINGCENTRAL_AWAY)], ready(1), false, [2]),
        // Fewer than are needed.
        Case::new(vec![(2, state)], ready(3), false, [1]),
        Case::new(vec![(31, state)], ready(32), false, [1]),
        // 30 are asked for at once.
        Case::new(vec![(30, state)], ready(30), true, [2]),
        Case::new(vec![(31, state)], ready(1), true, [2]),
        Case::new(vec![(31, state)], ready(30), true, [2]),
        Case::new(vec![(31, state)], ready(31), true, [3]),
        Case::new(vec![(30, RINGCENTRAL_AWAY), (1, state)], ready(1), true, [3]),
        Case::new(vec![(31, RINGCENTRAL_AWAY)], ready(1), false, [3]),
        // 30 who are away leave too few.
        Case::new(vec![(30, RINGCENTRAL_AWAY), (5, state)], ready(6), false, [2]),
        Case::new(vec![(61, state)], all(&ready(1)), true, [4]),
        // Who is signed in, the flags say.
        Case::new(vec![(40, state)], asked("ready_agents", &agents("logged_in", "at_least", 1)), true, [1]),
        Case::new(vec![(40, state)], merged(ready(1), &json!({"options": {"extensions": "12039"}})), true, [2]),
        // A RingCX token is exchanged once.
        Case::new(vec![(40, state)], json!({"template": "ringcx_availability"}), true, [2, 1, 1]),
        Case::new(vec![(40, state)], json!({"template": "ringcx_availability"}), false, [2, 1]).waiting(40),
    ];
    count::<RingCentralSite>(Dialect::Real, cases).await;
}

#[tokio::test]
async fn portsip_asks_for_agents_only_while_they_can_decide_and_remembers_who_they_are() {
    let ready = |value| asked("queue_agents", &agents("available", "at_least", value));
    let spare = |value| asked("queue_headroom", &agents("headroom", "at_least", value));
    let (free, busy) = (Status::Ready, Status::QueueCall);
    let bulk = |question| merged(question, &json!({"options": {"bulk_status": true}}));
    let by_number = merged(ready(1), &json!({"queue": "8000"}));
    let cases = vec![
        // The queue's status and the list of its agents; then one request for each agent; then the list is known.
        Case::new(vec![], ready(1), false, [2, 1]),
        Case::new(vec![(1, free)], ready(1), true, [3, 2, 2]),
        Case::new(vec![(1, busy)], ready(1), false, [3, 2]),
        Case::new(vec![(8, free)], ready(8), true, [10, 9]),
        // Eight at once, the first of whom decides.
        Case::new(vec![(20, free)], ready(1), true, [10, 9]),
        // All of them, when the last one decides.
        Case::new(vec![(19, busy), (1, free)], ready(1), true, [22, 21]),
        Case::new(vec![(20, busy)], ready(1), false, [22, 21]),
        // More than there are.
        Case::new(vec![(20, free)], ready(21), false, [2, 1]),
        // Behind the first eight one more is asked for with each answer: the third says that it is no longer possible.
        Case::new(vec![(3, busy), (17, free)], ready(18), false, []).between([10..=12, 9..=11]),
        Case::new(vec![(20, free)], ready(5), true, []).between([10..=14, 9..=13]),
        Case::new(vec![(20, free)], all(&ready(1)), true, [22, 21]),
        // One more for the callers who wait.
        Case::new(vec![(1, free)], spare(1), true, [4, 3]),
        Case::new(vec![(2, free)], spare(1), false, [3, 2]).waiting(2),
        Case::new(vec![(20, free)], spare(20), true, [23, 22]),
        Case::new(vec![(20, free)], spare(20), false, [3, 2]).waiting(1),
        // This PBX does not serve the bulk request: it is tried once.
        Case::new(vec![(1, free)], bulk(ready(1)), true, [4, 2]),
        // The id of a queue that is named by its extension number is looked up once.
        Case::new(vec![(1, free)], by_number, true, [4, 2]),
    ];
    count::<PortSipSite>(Dialect::Real, cases).await;
    let closed = vec![Case::new(vec![(20, free)], ready(1), false, [2, 1])];
    count_at::<PortSipSite>(Dialect::Real, closed, |simulator| {
        simulator.set_queue(&PortSipSite::queue(0), &json!({"status": "OFFLINE"})).unwrap();
    })
    .await;
}

#[tokio::test]
async fn portsip_takes_one_request_for_all_agents_where_the_pbx_serves_it() {
    let server = MockServer::start().await;
    let listed: Vec<Value> = (100..140).map(|number| json!({"extension_number": number.to_string()})).collect();
    let statuses: Vec<Value> = listed.iter().map(|agent| merged(agent.clone(), &json!({"status": "READY"}))).collect();
    for (end, body) in [("status", json!({"status": "ONLINE"})), ("agents", json!({"items": listed}))] {
        let get = Mock::given(method("GET")).and(path_regex(format!("^/api/call_queues/[^/]+/{end}$")));
        get.respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(&server).await;
    }
    let post = Mock::given(method("POST")).and(path("/api/call_queues/NzAw/agents/status/get_many"));
    let all_at_once = ResponseTemplate::new(200).set_body_json(json!({"items": statuses}));
    post.respond_with(all_at_once).mount(&server).await;
    let desk = Desk::at(ProviderName::PortSip, &server.uri());
    let question = json!({
        "queue": "NzAw", "options": {"bulk_status": true}, "acceptance": agents("available", "at_least", 40)
    });
    for expected in [3, 2, 2] {
        let verdict = desk.ask(&question).await;
        assert_eq!(verdict["available"], 40);
        assert_eq!(verdict["upstream_requests"], expected);
    }
}

#[tokio::test]
async fn portsip_counts_the_same_at_once_as_one_by_one() {
    let states = [Status::Ready, Status::QueueCall, Status::WrapUp, Status::Lunch, Status::LoggedOut, Status::Ready];
    let mut verdicts = Vec::new();
    for serves in [true, false] {
        let mut pbx = PortSip::new(Dialect::Real).token(CANARY).queue("NzAw", "sales", "8001");
        for (at, status) in states.into_iter().enumerate() {
            pbx = pbx.agent("NzAw", Agent::new(&(100 + at).to_string(), "Ada Byrne", status));
        }
        let pbx = if serves { pbx.with_bulk_status() } else { pbx };
        let simulator = Simulator::start(pbx).await.unwrap();
        let desk = Desk::at(ProviderName::PortSip, simulator.base_url());
        let question = json!({
            "queue": "NzAw", "options": {"bulk_status": true}, "acceptance": agents("available", "greater_than", 5)
        });
        let verdict = desk.ask(&merged(question, &json!({"explain": true}))).await;
        verdicts.push(verdict["counts"].clone());
        let asked_one_by_one = simulator.requests().iter().any(|request| request.path.ends_with("/agents/100"));
        assert_eq!(asked_one_by_one, !serves, "{verdict:#}");
    }
    // Ready, ready; in a queue call; wrapping up; at lunch; signed out.
    let expected = json!({"available": 2, "on_call": 1, "wrap_up": 1, "not_ready": 1, "logged_in": 5});
    assert_eq!(verdicts, [expected.clone(), expected]);
}
