//! Genesys Cloud's answers to normalised counts. Pure.

use std::borrow::Cow;

use serde_json::Value;

use super::api::LIST;
use crate::criteria::Interval;
use crate::rows::{Row, Rows};
use crate::snapshot::{Counts, Document, Tally, count_in};

/// The fields of a member that tell whether she is available.
pub(super) const MEMBER_FIELDS: &[&str] = &[JOINED, PRESENCE, STATUS, STATUS_OF_USER];

/// The fields of a member that the filters of `queue_members` are about.
pub(super) const FILTERED_FIELDS: &[&str] = &[JOINED, PRESENCE];

const JOINED: &str = "joined";
const PRESENCE: &str = "user.presence.presenceDefinition.systemPresence";
const STATUS: &str = "routingStatus.status";
const STATUS_OF_USER: &str = "user.routingStatus.status";

/// The counts of an agent status answer, in which only idle agents were asked for.
pub(super) fn status_counts(document: &Document) -> Counts {
    let rows = document.root().get(STATUS_COUNTS).and_then(Value::as_array);
    let Some(rows) = rows.filter(|rows| some_has(rows.iter(), status_of_row)) else { return Counts::default() };
    let idle = rows.iter().filter(|row| status_of_row(row) == Some(IDLE));
    Counts { available: sum(idle, "/count"), ..Counts::default() }
}

/// The counts of a queue observations answer. Without a `queue` its groups must all be of one.
pub(super) fn observations(document: &Document, queue: Option<&str>) -> Counts {
    let groups = document.root().get(RESULTS).and_then(Value::as_array);
    let Some(rows) = groups.and_then(|groups| rows_of(groups, queue)) else { return Counts::default() };
    let on_queue = || rows.iter().filter(|row| row.metric == ON_QUEUE_USERS).map(|row| row.value);
    let given = some_has(on_queue(), qualifier);
    let users = |is_one: fn(Option<&str>) -> bool| {
        given.then(|| sum(on_queue().filter(|row| is_one(qualifier(row))), COUNT_OF_ROW)).flatten()
    };
    let waiting: Vec<&Observed<'_>> = rows.iter().filter(|row| row.metric == WAITING).collect();
    // Of a row without its medium nobody knows whether it is of callers.
    let media_given = waiting.iter().all(|row| row.media_type.is_some());
    let callers = waiting.iter().filter(|row| row.media_type.is_some_and(|medium| medium.eq_ignore_ascii_case(VOICE)));
    Counts {
        available: users(|status| status == Some(IDLE)),
        on_call: users(|status| matches!(status, Some(IN_A_CALL_OF_HER_OWN | INTERACTING))),
        // NOT_RESPONDING, every word of a later version, and no word.
        not_ready: users(|status| !matches!(status, Some(IDLE | IN_A_CALL_OF_HER_OWN | INTERACTING))),
        waiting: media_given.then(|| sum(callers.map(|row| row.value), COUNT_OF_ROW)).flatten(),
        ..Counts::default()
    }
}

/// The counts of a list of members, in which only joined and idle ones were asked for.
pub(super) fn members(document: &Document) -> Counts {
    // A saved answer of an analytics recipe has its members in no list field.
    let rows = match document.root().get(LIST).and_then(Value::as_array) {
        None => return Counts::default(),
        Some(_) if document.list_field().is_some() => document.rows(MEMBER_FIELDS),
        Some(members) => Cow::Owned(Rows::of(members, MEMBER_FIELDS)),
    };
    let members = rows.each();
    let tally = Tally::new(&members, document.unread);
    let given = tally.given(joined) && tally.given(presence) && tally.given(status_of_member);
    let is_available = |member: &Row<'_>| {
        joined(member) == Some(true)
            && presence(member).as_deref() == Some("on queue")
            && status_of_member(member) == Some(IDLE)
    };
    Counts { available: tally.count_where(given, is_available), ..Counts::default() }
}

/// What the members show against the filters that were asked for: presence Available, joined.
pub(super) fn members_remarks(document: &Document) -> Vec<String> {
    let rows = document.rows(FILTERED_FIELDS);
    let members = rows.each();
    let number = |is_one: fn(&Row<'_>) -> bool| members.iter().filter(|member| is_one(member)).count();
    let elsewhere = number(|member| presence(member).is_some_and(|presence| presence != "available"));
    let not_joined = number(|member| joined(member) == Some(false));
    let seen =
        [(elsewhere, "presence", "have another presence than Available"), (not_joined, "joined", "are not joined")];
    seen.into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, filter, what)| {
            format!("the provider seems to ignore the filter {filter}: {number} of the members it sent {what}")
        })
        .collect()
}

/// What the rows show against the filter that was asked for: routing status IDLE.
pub(super) fn status_remarks(document: &Document) -> Vec<String> {
    let rows = document.root().get(STATUS_COUNTS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_other = |row: &&Value| {
        status_of_row(row).is_some_and(|status| status != IDLE)
            && row.get("count").and_then(count_in).is_some_and(|count| count > 0)
    };
    let others: Vec<&str> = rows.iter().filter(is_other).filter_map(status_of_row).collect();
    if others.is_empty() {
        return Vec::new();
    }
    vec!["the provider seems to ignore its filters: it counted agents with another routing status than IDLE".to_owned()]
}

const STATUS_COUNTS: &str = "routingStatusCounts";
const RESULTS: &str = "results";
const ON_QUEUE_USERS: &str = "oOnQueueUsers";
const WAITING: &str = "oWaiting";
const VOICE: &str = "voice";
const COUNT_OF_ROW: &str = "/stats/count";
const IDLE: &str = "IDLE";
const INTERACTING: &str = "INTERACTING";
const IN_A_CALL_OF_HER_OWN: &str = "COMMUNICATING";

/// A row of an observation, with what its group says of it.
struct Observed<'a> {
    media_type: Option<&'a str>,
    metric: &'a str,
    value: &'a Value,
}

/// The rows of one queue's groups. `None`: the answer lacks something without which no row can be told from another.
fn rows_of<'a>(groups: &'a [Value], queue: Option<&str>) -> Option<Vec<Observed<'a>>> {
    let of_group = |group: &'a Value| group.pointer("/group/queueId").and_then(Value::as_str);
    let wanted = queue.or_else(|| groups.first().and_then(of_group));
    let mut rows = Vec::new();
    let (mut data_given, mut by_medium) = (false, false);
    for group in groups {
        if !of_group(group)?.eq_ignore_ascii_case(wanted?) {
            match queue {
                Some(_) => continue,
                None => return None,
            }
        }
        let media_type = group.pointer("/group/mediaType").and_then(Value::as_str);
        by_medium |= media_type.is_some();
        // A count of 0 has no row, and a group without rows no `data`.
        let Some(data) = group.get("data").filter(|data| !data.is_null()) else { continue };
        data_given = true;
        for row in data.as_array()? {
            rows.push(Observed { media_type, metric: row.get("metric")?.as_str()?, value: row });
        }
    }
    // A group by medium is there for its rows only.
    (data_given || !by_medium).then_some(rows)
}

/// The sum of the counts in these rows. `None`: one is missing, negative or broken.
fn sum<'r>(rows: impl Iterator<Item = &'r Value>, count: &str) -> Option<Interval> {
    let counts = rows.map(|row| row.pointer(count).and_then(count_in));
    let sum = counts.into_iter().try_fold(0_i64, |sum, count| sum.checked_add(count?));
    sum.map(Interval::exactly)
}

/// Whether a field is in any of these rows: where there are none, there is nothing to lack it.
fn some_has<'r>(mut rows: impl Iterator<Item = &'r Value>, field: fn(&Value) -> Option<&str>) -> bool {
    rows.next().is_none_or(|first| field(first).is_some() || rows.any(|row| field(row).is_some()))
}

fn status_of_row(row: &Value) -> Option<&str> {
    row.get("routingStatus")?.as_str()
}

fn qualifier(row: &Value) -> Option<&str> {
    row.get("qualifier")?.as_str()
}

fn joined(member: &Row<'_>) -> Option<bool> {
    member.flag(JOINED)
}

/// A presence in one spelling: the user API has `On Queue`, the analytics API `ON_QUEUE`.
fn presence(member: &Row<'_>) -> Option<String> {
    let word = member.text(PRESENCE)?;
    Some(word.replace('_', " ").to_ascii_lowercase())
}

fn status_of_member<'r>(member: &Row<'r>) -> Option<&'r str> {
    member.text(STATUS).or_else(|| member.text(STATUS_OF_USER))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LIST, MEMBER_FIELDS, members, members_remarks, observations, status_counts, status_remarks};
    use crate::criteria::Interval;
    use crate::projection::Projection;
    use crate::snapshot::{Counts, Document, Unread};

    const QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";

    fn document(root: Value) -> Document {
        Document::new(root, None, String::new())
    }

    fn number(count: Option<Interval>) -> Option<i64> {
        count.map(|count| {
            assert_eq!(count.high, Some(count.low));
            count.low
        })
    }

    #[test]
    fn only_idle_rows_are_available() {
        let row = |status: &str, count: Value| json!({"routingStatus": status, "count": count});
        for (rows, expected) in [
            (json!([row("IDLE", json!(3))]), Some(3)),
            (json!([row("IDLE", json!("3"))]), Some(3)),
            (json!([row("IDLE", json!(3)), row("IDLE", json!(2))]), Some(5)),
            (json!([row("IDLE", json!(0))]), Some(0)),
            (json!([]), Some(0)),
            (json!([row("INTERACTING", json!(3))]), Some(0)),
            (json!([row("idle", json!(3))]), Some(0)),
            (json!([row("READY_SOON", json!(3)), row("IDLE", json!(1))]), Some(1)),
            (json!([row("IDLE", json!(1)), {"count": 7}]), Some(1)),
            (json!([row("IDLE", json!(-1))]), None),
            (json!([row("IDLE", json!(1.5))]), None),
            (json!([row("IDLE", json!("many"))]), None),
            (json!([row("IDLE", json!(null))]), None),
            (json!([row("IDLE", json!(1)), {"routingStatus": "IDLE"}]), None),
            (json!([row("IDLE", json!(i64::MAX)), row("IDLE", json!(1))]), None),
            (json!([{"count": 3}]), None),
            (json!([null]), None),
            (json!(null), None),
            (json!({}), None),
            (json!(3), None),
        ] {
            let counts = status_counts(&document(json!({"routingStatusCounts": rows})));
            assert_eq!(number(counts.available), expected, "{rows}");
            assert_eq!(Counts { available: None, ..counts }, Counts::default());
        }
        assert_eq!(status_counts(&document(json!({}))).available, None);
        assert_eq!(status_counts(&document(json!([]))).available, None);
    }

    #[test]
    fn other_statuses_than_the_one_asked_for_are_remarked() {
        let remarks = |rows: Value| status_remarks(&document(json!({"routingStatusCounts": rows}))).len();
        assert_eq!(remarks(json!([{"routingStatus": "IDLE", "count": 2}])), 0);
        assert_eq!(remarks(json!([{"routingStatus": "INTERACTING", "count": 0}])), 0);
        assert_eq!(remarks(json!([{"routingStatus": "INTERACTING", "count": 2}])), 1);
        assert_eq!(remarks(json!(null)), 0);
    }

    fn users(status: &str, count: i64) -> Value {
        json!({"metric": "oOnQueueUsers", "qualifier": status, "stats": {"count": count}})
    }

    fn waiting(count: i64) -> Value {
        json!({"metric": "oWaiting", "stats": {"count": count}})
    }

    fn group(queue: &str, media_type: Option<&str>, data: &Value) -> Value {
        let mut group = json!({"group": {"queueId": queue}, "data": data});
        if let Some(media_type) = media_type {
            group["group"]["mediaType"] = media_type.into();
        }
        group
    }

    /// Available, on call, not ready, waiting.
    fn observed(results: &Value) -> [Option<i64>; 4] {
        let counts = observations(&document(json!({"results": results})), Some(QUEUE));
        assert_eq!((counts.wrap_up, counts.logged_in), (None, None));
        [counts.available, counts.on_call, counts.not_ready, counts.waiting].map(number)
    }

    #[test]
    fn rows_are_summed_by_their_words() {
        let statuses = [("IDLE", 1), ("INTERACTING", 2), ("COMMUNICATING", 4), ("NOT_RESPONDING", 8), ("NEW", 16)];
        let agents: Vec<Value> = statuses.into_iter().map(|(status, count)| users(status, count)).collect();
        let agents = json!(agents);
        let voice = json!([waiting(3)]);
        let people = group(QUEUE, None, &agents);
        let callers = group(QUEUE, Some("voice"), &voice);
        assert_eq!(observed(&json!([people, callers])), [Some(1), Some(6), Some(24), Some(3)]);
        assert_eq!(observed(&json!([people, people, callers, callers])), [Some(2), Some(12), Some(48), Some(6)]);
        // Other media, other queues, other metrics.
        let other =
            group("0c9a6f0e-7a1e-4d50-8b0f-000000000002", Some("voice"), &json!([users("IDLE", 9), waiting(9)]));
        let chats = group(QUEUE, Some("chat"), &voice);
        let more = json!([{"metric": "oOffQueueUsers", "qualifier": "IDLE", "stats": {"count": 9}}]);
        let more = group(QUEUE, None, &more);
        assert_eq!(observed(&json!([other, people, chats, more, callers])), [Some(1), Some(6), Some(24), Some(3)]);
        let loud = group(&QUEUE.to_uppercase(), Some("Voice"), &voice);
        assert_eq!(observed(&json!([people, loud])), [Some(1), Some(6), Some(24), Some(3)]);
    }

    #[test]
    fn rows_that_are_not_there_are_zero_where_the_results_are_a_list() {
        let nobody = [Some(0); 4];
        assert_eq!(observed(&json!([])), nobody);
        assert_eq!(observed(&json!([{"group": {"queueId": QUEUE}}])), nobody);
        assert_eq!(observed(&json!([{"group": {"queueId": QUEUE}, "data": null}])), nobody);
        assert_eq!(observed(&json!([group(QUEUE, None, &json!([]))])), nobody);
        assert_eq!(observed(&json!([group("another", None, &json!([users("IDLE", 3)]))])), nobody);
        let callers = group(QUEUE, Some("voice"), &json!([waiting(2)]));
        let no_agents = json!([{"group": {"queueId": QUEUE}}, callers]);
        assert_eq!(observed(&no_agents), [Some(0), Some(0), Some(0), Some(2)]);
        let idle = group(QUEUE, None, &json!([users("IDLE", 1)]));
        assert_eq!(observed(&json!([idle])), [Some(1), Some(0), Some(0), Some(0)]);
        for missing in [json!(null), json!({}), json!(0), json!("")] {
            assert_eq!(observed(&missing), [None; 4], "{missing}");
        }
        assert_eq!(observations(&document(json!({})), Some(QUEUE)), Counts::default());
    }

    #[test]
    fn what_a_group_or_row_lacks_is_missing_and_not_zero() {
        let people = group(QUEUE, None, &json!([users("IDLE", 1), users("INTERACTING", 2)]));
        let callers = group(QUEUE, Some("voice"), &json!([waiting(3)]));
        let with = |people: &Value, callers: &Value| observed(&json!([people, callers]));
        let all = [Some(1), Some(2), Some(0), Some(3)];
        assert_eq!(with(&people, &callers), all);
        for broken in [json!({}), json!(null), json!(7), json!({"group": {}, "data": []})] {
            assert_eq!(with(&broken, &callers), [None; 4], "{broken}");
        }
        for data in [json!({}), json!(0), json!("")] {
            assert_eq!(with(&group(QUEUE, None, &data), &callers), [None; 4], "{data}");
        }
        let nameless = json!([{"qualifier": "IDLE", "stats": {"count": 1}}]);
        assert_eq!(with(&group(QUEUE, None, &nameless), &callers), [None; 4]);
        // Whose `data` is gone everywhere: the group by medium has no other use.
        let empty = |media_type| {
            let mut group = group(QUEUE, media_type, &json!([]));
            group.as_object_mut().unwrap().remove("data");
            group
        };
        assert_eq!(with(&empty(None), &empty(Some("voice"))), [None; 4]);
        assert_eq!(with(&people, &empty(Some("voice"))), [Some(1), Some(2), Some(0), Some(0)]);
        // Callers, or chats?
        assert_eq!(with(&people, &group(QUEUE, None, &json!([waiting(3)]))), [Some(1), Some(2), Some(0), None]);
        let unqualified = |status: Option<&str>| {
            let mut rows = json!([{"metric": "oOnQueueUsers", "stats": {"count": 5}}]);
            rows.as_array_mut().unwrap().extend(status.map(|status| users(status, 1)));
            group(QUEUE, None, &rows)
        };
        assert_eq!(with(&unqualified(None), &callers), [None, None, None, Some(3)]);
        assert_eq!(with(&unqualified(Some("IDLE")), &callers), [Some(1), Some(0), Some(5), Some(3)]);
        for stats in [json!({}), json!({"count": null}), json!({"count": -1}), json!({"count": "x"}), json!(null)] {
            let row = json!({"metric": "oOnQueueUsers", "qualifier": "IDLE", "stats": stats});
            let people = group(QUEUE, None, &json!([users("IDLE", 1), row]));
            assert_eq!(with(&people, &callers), [None, Some(0), Some(0), Some(3)], "{stats}");
            let row = json!({"metric": "oWaiting", "stats": stats});
            let callers = group(QUEUE, Some("voice"), &json!([row]));
            assert_eq!(with(&people, &callers)[3], None, "{stats}");
        }
    }

    #[test]
    fn a_saved_answer_is_of_the_one_queue_that_it_names() {
        let idle = |queue: &str| group(queue, None, &json!([users("IDLE", 2)]));
        let available = |results: Value| number(observations(&document(json!({"results": results})), None).available);
        assert_eq!(available(json!([idle(QUEUE)])), Some(2));
        assert_eq!(available(json!([idle(QUEUE), idle(QUEUE)])), Some(4));
        assert_eq!(available(json!([idle(QUEUE), idle("another")])), None);
        assert_eq!(available(json!([])), Some(0));
        assert_eq!(available(json!([{"data": []}])), None);
    }

    /// A member who would take a call, changed; null takes a field away.
    fn member(changes: &[(&str, Value)]) -> Value {
        let mut member = json!({
            "joined": true,
            "routingStatus": {"status": "IDLE"},
            "user": {"presence": {"presenceDefinition": {"systemPresence": "On Queue"}}, "routingStatus": null}
        });
        for (pointer, value) in changes {
            *member.pointer_mut(pointer).unwrap() = value.clone();
        }
        member
    }

    #[test]
    fn joined_on_queue_and_idle_is_available() {
        let presence = "/user/presence/presenceDefinition/systemPresence";
        let on_the_user = "/user/routingStatus";
        let idle = json!({"status": "IDLE"});
        let lacks_status = [("/routingStatus", json!(null)), (on_the_user, json!({"status": "OFF_QUEUE"}))];
        assert_eq!(
            members(&document(json!({"entities": [member(&lacks_status)]}))).available,
            Some(Interval::exactly(0))
        );
        for (changes, is_available) in [
            (vec![], true),
            (vec![(presence, json!("ON_QUEUE"))], true),
            (vec![(presence, json!("on queue"))], true),
            (vec![("/routingStatus", json!(null)), (on_the_user, idle.clone())], true),
            (vec![("/routingStatus/status", json!(null)), (on_the_user, idle.clone())], true),
            (vec![("/routingStatus/status", json!("INTERACTING")), (on_the_user, idle.clone())], false),
            (vec![("/joined", json!(false))], false),
            (vec![("/joined", json!(null))], false),
            (vec![("/joined", json!("true"))], false),
            (vec![(presence, json!("Available"))], false),
            (vec![(presence, json!("Off Queue"))], false),
            (vec![(presence, json!("_On Queue_"))], false),
            (vec![(presence, json!("On Queue2"))], false),
            (vec![(presence, json!(null))], false),
            (vec![("/user/presence", json!(null))], false),
            (vec![("/routingStatus/status", json!("COMMUNICATING"))], false),
            (vec![("/routingStatus/status", json!("NOT_RESPONDING"))], false),
            (vec![("/routingStatus/status", json!("OFF_QUEUE"))], false),
            (vec![("/routingStatus/status", json!("idle"))], false),
            (vec![("/routingStatus/status", json!("SOMETHING_NEW"))], false),
            (vec![("/routingStatus", json!(null))], false),
        ] {
            // Beside one who has every field, so that none is missing from all.
            let other = member(&[("/joined", json!(false))]);
            let entities = json!({"entities": [member(&changes), other]});
            let counts = members(&document(entities.clone()));
            let text = entities.to_string();
            let nothing = Projection::nothing();
            let as_needed = Document::read_with_rows(text, Some(LIST), MEMBER_FIELDS, &nothing).unwrap();
            assert_eq!(members(&as_needed), counts, "{changes:?}");
            assert_eq!(counts.available, Some(Interval::exactly(i64::from(is_available))), "{changes:?}");
            assert_eq!(Counts { available: None, ..counts }, Counts::default());
        }
    }

    #[test]
    fn a_field_that_no_member_has_leaves_the_count_out() {
        for missing in
            ["/joined", "/user/presence", "/routingStatus", "/user/presence/presenceDefinition/systemPresence"]
        {
            let without = member(&[(missing, json!(null))]);
            let mut document = document(json!({"entities": [without, without]}));
            assert_eq!(members(&document).available, None, "{missing}");
            document.unread = Unread::AtMost(3);
            assert_eq!(members(&document).available, Some(Interval { low: 0, high: Some(3) }), "{missing}");
        }
        assert_eq!(members(&document(json!({"entities": []}))).available, Some(Interval::exactly(0)));
        for absent in [json!({}), json!({"entities": null}), json!({"entities": {}}), json!([])] {
            assert_eq!(members(&document(absent)).available, None);
        }
    }

    #[test]
    fn members_whom_the_filters_exclude_are_remarked() {
        let presence = "/user/presence/presenceDefinition/systemPresence";
        let asked = member(&[(presence, json!("Available"))]);
        let remarks = |entities: Value| {
            members_remarks(&Document::new(json!({"entities": entities}), Some("entities"), String::new()))
        };
        assert_eq!(remarks(json!([asked, member(&[(presence, json!("AVAILABLE"))])])), [""; 0]);
        assert_eq!(remarks(json!([member(&[(presence, json!(null))])])), [""; 0]);
        let one = remarks(json!([asked, member(&[])]));
        assert!(one.len() == 1 && one[0].contains("filter presence: 1 of"), "{one:?}");
        let both = remarks(json!([member(&[("/joined", json!(false))]), member(&[])]));
        assert!(both.len() == 2 && both[0].contains("2 of") && both[1].contains("filter joined: 1 of"), "{both:?}");
        assert_eq!(members_remarks(&document(json!({}))), [""; 0]);
    }
}
