//! What a provider does not say is unknown: of every answer each field is taken away in turn, from all its records.
//! What reads the field is then unknown, and nothing that was not met before is met.

use callgate::criteria::Outcome;
use callgate::evaluate::Finding;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::{CheckRequest, Plan};
use callgate::saved::evaluate_saved;
use callgate_local::simulator::{Simulator, portsip};
use serde_json::{Map, Value, json};

use crate::desk::{COUNTS, agents, compared, field, merged};
use crate::documents::{DOCUMENTS, OBSERVED, Saved};
use crate::removal::{Path, fields, without};
use crate::replay::Replay;
use crate::states::{
    CallToolsSite, GenesysCloudSite, PortSipSite, RingCentralSite, RingCentralState, Site, one_in_each,
};

/// A criterion and what it reads.
struct Leaf {
    criterion: Value,
    reads: Reads,
}

#[derive(Clone)]
enum Reads {
    Count(&'static str),
    Field(Path),
}

const COMPARISONS: [&str; 6] = ["greater_than", "at_least", "less_than", "at_most", "equals", "not_equals"];

/// Conditions, and what is added to a count to be what it is held against: met on either side of it, and not met.
const AROUND: [(&str, i64); 9] = [
    ("greater_than", -1),
    ("greater_than", 0),
    ("at_least", 1),
    ("less_than", 0),
    ("less_than", 1),
    ("at_most", -1),
    ("equals", 0),
    ("equals", -1),
    ("not_equals", 0),
];

/// Every count held against numbers about its own: as many criteria as a check may have.
fn count_leaves(counts: impl Fn(&str) -> Option<i64>) -> Vec<Leaf> {
    let leaf = |count, condition, off| {
        let criterion = agents(count, condition, counts(count).unwrap_or_default() + off);
        Leaf { criterion, reads: Reads::Count(count) }
    };
    COUNTS.iter().flat_map(|count| AROUND.map(|(condition, off)| leaf(count, condition, off))).collect()
}

/// Every field of a document, by itself and over its list, in every condition.
fn field_leaves(document: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for path in fields(document) {
        for over in ["[0]", "[*]"] {
            let (written, value) = written(document, &path, over);
            if over == "[*]" && !written.contains(over) {
                continue;
            }
            let reading = field(&written, "", 0);
            let reads = Reads::Field(path.clone());
            for condition in COMPARISONS.into_iter().chain(["contains", "not_contains"]) {
                for against in [json!(0), json!(1), json!("IDLE"), value.clone()] {
                    let criterion = merged(reading.clone(), &json!({"condition": condition, "value": against}));
                    leaves.push(Leaf { criterion, reads: reads.clone() });
                }
            }
            for condition in ["exists", "not_exists"] {
                let mut criterion = compared(&reading, condition, 0);
                criterion.as_object_mut().unwrap().shift_remove("value");
                leaves.push(Leaf { criterion, reads: reads.clone() });
            }
        }
    }
    leaves
}

/// A path as a platform writes it, its first list read as `over` has it; and a value to hold against it.
fn written(document: &Value, path: &[String], over: &str) -> (String, Value) {
    let (mut text, mut at) = (String::new(), document);
    for (place, name) in path.iter().enumerate() {
        if let Value::Array(items) = at {
            let mut leading = items.iter().enumerate().filter(|(_, item)| leads(item, &path[place..]));
            let (index, item) = leading.next().unwrap();
            let index = index.to_string();
            text.extend(if over == "[*]" { [over, "", ""] } else { ["[", &index, "]"] });
            at = item;
        }
        text.push_str(if text.is_empty() { "" } else { "." });
        text.push_str(name);
        at = &at[name];
    }
    let is_scalar = at.is_number() || at.is_string() || at.is_boolean();
    (text, if is_scalar { at.clone() } else { json!(3) })
}

/// Whether the path leads to something here.
fn leads(value: &Value, path: &[String]) -> bool {
    match (value, path) {
        (_, []) => true,
        (Value::Array(items), _) => items.iter().any(|item| leads(item, path)),
        (_, [name, rest @ ..]) => value.get(name).is_some_and(|member| leads(member, rest)),
    }
}

#[test]
fn a_field_that_is_gone_from_a_saved_answer_is_unknown_and_never_met() {
    let mut problems = Vec::new();
    for saved in DOCUMENTS {
        problems.extend(match saved.provider {
            "calltools" => gone::<CallTools>(saved),
            "genesys-cloud" => gone::<GenesysCloud>(saved),
            "ringcentral" => gone::<RingCentral>(saved),
            _ => gone::<PortSip>(saved),
        });
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

fn gone<P: Provider>(saved: &Saved) -> Vec<String> {
    let document = (saved.document)();
    let count = |name: &str| observed::<P>(saved, &document, name);
    let known: Vec<&str> = COUNTS.into_iter().filter(|name| count(name).is_some()).collect();
    assert_eq!(known.join(" "), saved.knows, "{}", saved.what);

    let mut leaves = count_leaves(count);
    leaves.extend(field_leaves(&document));
    if document.get("entities").is_some() && document.get("total").is_none() {
        // The number of the list's items stands for it.
        let total = AROUND.map(|(condition, off)| field("total", condition, 3 + off));
        leaves.extend(total.map(|criterion| Leaf { criterion, reads: Reads::Field(vec!["entities".to_owned()]) }));
    }
    let criteria: Vec<Value> = leaves.iter().map(|leaf| leaf.criterion.clone()).collect();
    let plans = plans::<P>(saved, &criteria);
    let before = saved_outcomes(&plans, &document);
    let mut problems = Vec::new();
    for path in fields(&document) {
        let after = saved_outcomes(&plans, &without(&document, &path));
        let name = path.join(".");
        let counts_reading = saved.reads.iter().find(|(field, _)| *field == name).map_or("", |(_, counts)| *counts);
        for ((leaf, before), after) in leaves.iter().zip(&before).zip(&after) {
            let what = format!("{}: without {name}: {} was {before}, is {after}", saved.what, leaf.criterion);
            problems.extend(wrong(leaf, &path, counts_reading, before, after).map(|why| format!("{what}: {why}")));
        }
    }
    problems
}

/// Why an outcome is wrong, where it is.
fn wrong(leaf: &Leaf, missing: &[String], counts_reading: &str, before: &str, after: &str) -> Option<&'static str> {
    let condition = leaf.criterion["condition"].as_str().unwrap();
    match &leaf.reads {
        Reads::Count(count) if words(counts_reading).any(|word| word == *count) => {
            (after != "unknown").then_some("the count is made of that field")
        }
        // Whether or not it is read: that something is missing never helps.
        Reads::Count(_) => (before != "met" && after == "met").then_some("now it is met"),
        Reads::Field(path) if path == &["total"] && missing == ["total"] => {
            let exempt = condition.contains("exists") || before == after;
            (!exempt).then_some("`total` means the number of entities")
        }
        Reads::Field(path) if path.starts_with(missing) => {
            let expected = match condition {
                "exists" => "not_met",
                "not_exists" => "met",
                _ => "unknown",
            };
            (after != expected).then_some("the path names that field")
        }
        Reads::Field(_) => (before != after).then_some("the path does not name that field"),
    }
}

/// What each count is made of, by the field: the end of the request's path, the field, and the counts.
type Reading = (&'static str, &'static str, &'static str);

const ALL: &str = "available on_call wrap_up not_ready logged_in waiting headroom";
const OF_AGENTS: &str = "available on_call wrap_up not_ready logged_in headroom";

#[tokio::test]
async fn calltools_answers_without_a_field_are_unknown_and_never_met() {
    let statuses: &[Reading] = &[
        ("api/agentstatuses", "results", ALL),
        ("api/agentstatuses", "results.ready", "available not_ready"),
        ("api/agentstatuses", "results.status", "available wrap_up not_ready"),
        ("api/agentstatuses", "results.live_calls_count", "on_call not_ready"),
        ("api/agentstatuses", "results.logged_in", "logged_in"),
    ];
    hold::<CallToolsSite>(|_| true, &json!({"template": "agent_statuses"}), statuses).await;
    let filters = json!({"agent_status_id": 20561, "ready": true});
    let count: &[Reading] = &[("api/agentstatuses", "count", "available")];
    hold::<CallToolsSite>(|_| true, &json!({"template": "ready_agents", "options": filters}), count).await;
}

#[tokio::test]
async fn genesys_cloud_answers_without_a_field_are_unknown_and_never_met() {
    let counts = "agents/status/counts";
    let idle: &[Reading] = &[
        (counts, "routingStatusCounts", "available"),
        (counts, "routingStatusCounts.routingStatus", "available"),
        (counts, "routingStatusCounts.count", "available"),
    ];
    hold::<GenesysCloudSite>(|_| true, &json!({"template": "on_queue_idle"}), idle).await;
    let query = "queues/observations/query";
    let observations: &[Reading] = &[
        (query, "results", OBSERVED),
        (query, "results.group", OBSERVED),
        (query, "results.group.queueId", OBSERVED),
        (query, "results.group.mediaType", "waiting headroom"),
        (query, "results.data", OBSERVED),
        (query, "results.data.metric", OBSERVED),
        (query, "results.data.qualifier", "available on_call not_ready headroom"),
        (query, "results.data.stats", OBSERVED),
        (query, "results.data.stats.count", OBSERVED),
    ];
    hold::<GenesysCloudSite>(|_| true, &json!({"template": "queue_observations"}), observations).await;
}

#[tokio::test]
async fn ringcentral_answers_without_a_field_are_unknown_and_never_met() {
    let list = "call-queues/#/presence";
    let presence: &[Reading] =
        &[(list, "records", "logged_in"), (list, "records.acceptCurrentQueueCalls", "logged_in")];
    hold::<RingCentralSite>(|_| true, &json!({"template": "queue_presence"}), presence).await;
    for (has_new_call_handling, dnd) in [(false, "body.dndStatus"), (true, "body.dndStatusPersonal")] {
        let extensions = "extension/#/presence";
        let ready: &[Reading] = &[
            (list, "records", ALL),
            (list, "records.acceptCurrentQueueCalls", ALL),
            (list, "records.acceptQueueCalls", "available on_call not_ready"),
            (list, "records.member", "available on_call not_ready"),
            (list, "records.member.id", "available on_call not_ready"),
            (extensions, "resourceId", "available on_call not_ready"),
            (extensions, "status", "available on_call not_ready"),
            (extensions, "body", "available on_call not_ready"),
            (extensions, "body.telephonyStatus", "available on_call not_ready"),
            (extensions, "body.userStatus", "available not_ready"),
            (extensions, dnd, "available not_ready"),
        ];
        let alike = |state: &RingCentralState| state.5 == has_new_call_handling;
        hold::<RingCentralSite>(alike, &json!({"template": "ready_agents"}), ready).await;
    }
    let queue = "queues/#/availability";
    let availability: &[Reading] = &[
        ("login/rc/accesstoken", "accessToken", ALL),
        (queue, "numberOfAgentsAvailable", "available headroom"),
        (queue, "numberOfAgentsLoggedIn", "logged_in"),
        (queue, "numberOfWaitingInteractions", "waiting headroom"),
        (queue, "isQueueOpen", ALL),
    ];
    hold::<RingCentralSite>(|_| true, &json!({"template": "ringcx_availability"}), availability).await;
}

#[tokio::test]
async fn a_closed_queue_that_no_longer_says_so_is_unknown() {
    let mut centre = one_in_each::<RingCentralSite>(|_| true);
    centre.roster().queue_mut(&RingCentralSite::queue(0)).unwrap().about.is_open = false;
    let closed: &[Reading] = &[("queues/#/availability", "isQueueOpen", ALL)];
    hold_at::<RingCentralSite>(centre, &json!({"template": "ringcx_availability"}), closed).await;

    let mut centre = one_in_each::<PortSipSite>(|_| true);
    centre.roster().queue_mut(&PortSipSite::queue(0)).unwrap().about.service = portsip::Service::Offline;
    let closed: &[Reading] = &[("call_queues/#/status", "status", ALL)];
    hold_at::<PortSipSite>(centre, &json!({"template": "queue_headroom"}), closed).await;
}

#[tokio::test]
async fn portsip_answers_without_a_field_are_unknown_and_never_met() {
    let queue: &[Reading] = &[
        ("call_queues/#/status", "status", ALL),
        ("call_queues/#/agents", "items", ALL),
        ("call_queues/#/agents", "items.extension_number", OF_AGENTS),
        ("#/agents/#", "status", OF_AGENTS),
    ];
    hold::<PortSipSite>(|_| true, &json!({"template": "queue_agents"}), queue).await;
    let headroom = [queue, &[("call_queues/#/waiting", "items", "waiting headroom")]].concat();
    hold::<PortSipSite>(|_| true, &json!({"template": "queue_headroom"}), &headroom).await;
}

/// Takes each field of a recipe's live answers away in turn.
async fn hold<S: Site>(wanted: impl Fn(&S::State) -> bool, question: &Value, readings: &[Reading]) {
    hold_at::<S>(one_in_each::<S>(wanted), question, readings).await;
}

async fn hold_at<S: Site>(centre: S::Centre, question: &Value, readings: &[Reading]) {
    let simulator = Simulator::start(centre).await.unwrap();
    let question = merged(json!({"queue": S::queue(0)}), question);
    let replay = Replay::of(S::PROVIDER, &simulator, &question).await;
    let all = replay.verdict(None, &json!({"explain": true})).await;
    let known = |name: &str| match name {
        "headroom" => Some(all["counts"]["available"].as_i64()? - all["counts"]["waiting"].as_i64()?),
        _ => all["counts"][name].as_i64(),
    };
    let leaves = count_leaves(known);
    let criteria: Vec<&Value> = leaves.iter().map(|leaf| &leaf.criterion).collect();
    let acceptance = json!({"acceptance": {"all": criteria}, "explain": true});
    let before = live_outcomes(&replay.verdict(None, &acceptance).await, leaves.len());
    let mut problems = Vec::new();
    let mut unseen: Vec<&Reading> = readings.iter().collect();
    for missing in replay.fields() {
        let name = missing.path.join(".");
        let is_meant = |reading: &Reading| reading.0 == missing.of && reading.1 == name;
        unseen.retain(|reading| !is_meant(reading));
        let reading = readings.iter().find(|reading| is_meant(reading)).map_or("", |(_, _, counts)| *counts);
        let after = live_outcomes(&replay.verdict(Some(&missing), &acceptance).await, leaves.len());
        for ((leaf, before), after) in leaves.iter().zip(&before).zip(&after) {
            let what = format!("{} without {name}: {} was {before}, is {after}", missing.of, leaf.criterion);
            problems.extend(wrong(leaf, &missing.path, reading, before, after).map(|why| format!("{what}: {why}")));
        }
    }
    assert!(unseen.is_empty(), "{question}: no such fields: {unseen:?}");
    assert!(problems.is_empty(), "{question}: {} problems\n{}", problems.len(), problems.join("\n"));
}

/// The outcome of each criterion in a verdict.
fn live_outcomes(verdict: &Value, criteria: usize) -> Vec<String> {
    let findings = verdict["findings"].as_array().unwrap();
    if findings.is_empty() {
        assert!(verdict["accept"] == false, "{verdict}");
        let outcome = if verdict["on_unknown_applied"] == true { "unknown" } else { "not_met" };
        return vec![outcome.to_owned(); criteria];
    }
    assert_eq!(findings.len(), criteria, "{verdict}");
    // What the rest of the criteria settled is as little known.
    let word = |outcome: &str| if outcome == "undecided" { "unknown" } else { outcome }.to_owned();
    findings.iter().map(|finding| word(finding["outcome"].as_str().unwrap())).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

/// What a count of a saved answer is; `None` where it is missing.
fn observed<P: Provider>(saved: &Saved, document: &Value, count: &str) -> Option<i64> {
    let finding = evaluated(&plans::<P>(saved, &[agents(count, "at_least", 0)]), document).next();
    finding.unwrap().observed.as_i64()
}

/// The plans that hold these criteria against a saved answer, each with as many as a check may have.
fn plans<P: Provider>(saved: &Saved, criteria: &[Value]) -> Vec<Plan<P>> {
    let options: Map<String, Value> = serde_json::from_str(saved.options).unwrap();
    let plan = |criteria: &[Value]| {
        let plan = CheckRequest::plan_for_saved::<P>(&json!({"all": criteria}), Some(saved.template), &options);
        plan.unwrap_or_else(|faults| panic!("{}: {faults:?}", saved.what))
    };
    criteria.chunks(64).map(plan).collect()
}

/// What each criterion of the plans comes to on a saved answer.
fn evaluated<P: Provider>(plans: &[Plan<P>], document: &Value) -> impl Iterator<Item = Finding> {
    let document = document.to_string();
    plans.iter().flat_map(move |plan| evaluate_saved(plan, &document).unwrap().1.findings)
}

fn saved_outcomes<P: Provider>(plans: &[Plan<P>], document: &Value) -> Vec<&'static str> {
    let word = |finding: Finding| match finding.outcomes.decided() {
        Some(Outcome::Met) => "met",
        Some(Outcome::NotMet) => "not_met",
        Some(Outcome::Unknown) => "unknown",
        None => "open",
    };
    evaluated(plans, document).map(word).collect()
}
