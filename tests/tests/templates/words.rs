//! A status word that nobody knows is never ready, whatever it is and whoever else is.

use callgate::criteria::Outcome;
use callgate::providers::Provider;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::CheckRequest;
use callgate::saved::evaluate_saved;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::desk::{agents, merged};

/// A field with a status in it.
struct Word {
    template: &'static str,
    /// A JSON object.
    options: &'static str,
    /// The record of an agent who would be ready, but for the word.
    record: fn(Value) -> Value,
    /// The answer with these records.
    answer: fn(Vec<Value>) -> Value,
    /// The words with which she is.
    ready: &'static [&'static str],
}

/// Words as they come, words that look like those that mean ready, and what is no word at all.
fn strange(ready: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let like = prop::sample::select(ready).prop_flat_map(|word| {
        let changed = [
            format!("{word}2"),
            format!("{word}."),
            format!("NOT_{word}"),
            format!("Not{word}"),
            format!("_{word}_"),
            word.chars().rev().collect(),
            word.chars().skip(1).collect(),
            format!("{word},{word}"),
        ];
        prop::sample::select(changed.to_vec())
    });
    let word = prop_oneof!["[A-Za-z_]{1,16}", "\\PC{0,12}", like];
    let word = word.prop_filter("a word that is known", move |word| {
        let plain = |text: &str| text.trim().to_lowercase().replace('_', " ");
        ready.iter().all(|known| plain(known) != plain(word))
    });
    let none = prop::sample::select(vec![json!(null), json!(1), json!(true), json!(["READY"]), json!({"status": 1})]);
    prop_oneof![8 => word.prop_map(Value::from), 1 => none]
}

/// Some agents with a word that means ready, and some with another.
fn crowd(ready: &'static [&'static str]) -> impl Strategy<Value = Vec<(bool, Value)>> {
    let known = prop::sample::select(ready).prop_map(|word| (true, Value::from(word)));
    prop::collection::vec(prop_oneof![known, strange(ready).prop_map(|word| (false, word))], 1..8)
}

fn never_ready<P: Provider>(word: &Word) {
    let options: Map<String, Value> = serde_json::from_str(word.options).unwrap();
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&crowd(word.ready), |crowd| {
        let ready = i64::try_from(crowd.iter().filter(|(is_ready, _)| *is_ready).count()).unwrap();
        let document = (word.answer)(crowd.into_iter().map(|(_, status)| (word.record)(status)).collect());
        let outcome = |condition, value| {
            let criterion = agents("available", condition, value);
            let plan = CheckRequest::plan_for_saved::<P>(&criterion, Some(word.template), &options).unwrap();
            evaluate_saved(&plan, &document.to_string()).unwrap().1.outcomes.decided().unwrap()
        };
        prop_assert_ne!(outcome("greater_than", ready), Outcome::Met, "{}", document);
        if ready > 0 {
            prop_assert_eq!(outcome("equals", ready), Outcome::Met, "{}", document);
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{}: {failure}", word.template));
}

#[test]
fn calltools_knows_available_alone() {
    never_ready::<CallTools>(&Word {
        template: "agent_statuses",
        options: "{}",
        record: |status| json!({"app_user": 1, "status": status, "ready": true, "live_calls_count": 0}),
        answer: |records| json!({"count": records.len(), "next": null, "previous": null, "results": records}),
        ready: &["Available"],
    });
}

#[test]
fn genesys_cloud_knows_idle_on_the_queue_alone() {
    let members = |record| Word {
        template: "on_queue_idle",
        options: r#"{"members_fallback": true}"#,
        record,
        answer: |records| json!({"entities": records}),
        ready: &["IDLE"],
    };
    let words = [
        Word {
            template: "on_queue_idle",
            options: "{}",
            record: |status| json!({"routingStatus": status, "count": 1}),
            answer: |records| json!({"routingStatusCounts": records}),
            ready: &["IDLE"],
        },
        Word {
            template: "queue_observations",
            options: "{}",
            record: |status| json!({"metric": "oOnQueueUsers", "qualifier": status, "stats": {"count": 1}}),
            answer: |records| json!({"results": [{"group": {"queueId": "1"}, "data": records}]}),
            ready: &["IDLE"],
        },
        members(|status| genesys_cloud_member(&json!("On Queue"), &status)),
        Word {
            ready: &["On Queue", "ON_QUEUE"],
            ..members(|presence| genesys_cloud_member(&presence, &json!("IDLE")))
        },
    ];
    for word in words {
        never_ready::<GenesysCloud>(&word);
    }
}

fn genesys_cloud_member(presence: &Value, status: &Value) -> Value {
    let user = json!({"presence": {"presenceDefinition": {"systemPresence": presence}}});
    json!({"joined": true, "user": user, "routingStatus": {"status": status}})
}

#[test]
fn portsip_knows_ready_alone() {
    for template in ["queue_agents", "queue_headroom"] {
        never_ready::<PortSip>(&Word {
            template,
            options: "{}",
            record: |status| json!({"extension_number": "101", "skill_level": 1, "status": status}),
            answer: |records| json!({"items": records}),
            ready: &["READY"],
        });
    }
}

/// A member who is ready, with her presence merged in.
fn member(more: &Value) -> Value {
    let ready = json!({
        "member": {"id": "979428000"}, "acceptQueueCalls": true, "acceptCurrentQueueCalls": true,
        "telephonyStatus": "NoCall", "userStatus": "Available", "dndStatus": "TakeAllCalls",
    });
    merged(ready, more)
}

#[test]
fn ringcentral_knows_what_is_free_of_calls_at_work_and_undisturbed() {
    let words = [
        Word {
            template: "ready_agents",
            options: "{}",
            record: |status| member(&json!({"telephonyStatus": status})),
            answer: |records| json!({"records": records}),
            ready: &["NoCall"],
        },
        Word {
            template: "ready_agents",
            options: "{}",
            record: |status| member(&json!({"userStatus": status})),
            answer: |records| json!({"records": records}),
            ready: &["Available", "Busy"],
        },
        Word {
            template: "ready_agents",
            options: "{}",
            record: |status| member(&json!({"dndStatus": status})),
            answer: |records| json!({"records": records}),
            ready: &["TakeAllCalls", "TakeDepartmentCallsOnly"],
        },
        Word {
            template: "ready_agents",
            options: "{}",
            record: |status| member(&json!({"dndStatus": null, "dndStatusPersonal": status})),
            answer: |records| json!({"records": records}),
            ready: &["TakeAllCalls", "TakeDepartmentCallsOnly"],
        },
    ];
    for word in words {
        never_ready::<RingCentral>(&word);
    }
}
