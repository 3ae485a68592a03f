//! `RingCentral` presence records and RingCX availability to normalised counts. Pure.

use serde_json::{Map, Value};

use crate::criteria::Interval;
use crate::rows::Row;
use crate::snapshot::{Counts, Document, Tally, Unread, count_in};

/// The fields of a record of the queue's own list that are read here.
pub(super) const RECORD_FIELDS: &[&str] = &[THIS_QUEUE, QUEUES];

const THIS_QUEUE: &str = "acceptCurrentQueueCalls";
const QUEUES: &str = "acceptQueueCalls";

/// The counts of the records read: who is signed in to the queue. Who is free is not said.
pub(super) fn counts(document: &Document) -> Counts {
    if document.records().is_none() {
        return Counts::default();
    }
    let rows = document.rows(RECORD_FIELDS);
    let records = rows.each();
    let tally = Tally::new(&records, document.unread);
    let accepts = |record: &Row<'_>| record.flag(THIS_QUEUE);
    Counts {
        logged_in: tally.count_where(tally.given(accepts), |record| accepts(record) == Some(true)),
        ..Counts::default()
    }
}

/// Of the members who accept this queue's calls, how many are set to do-not-disturb; and how many they are.
pub(super) fn disturbed(document: &Document) -> (usize, usize) {
    let rows = document.rows(RECORD_FIELDS);
    let records = rows.each();
    let accepting = || records.iter().filter(|record| record.flag(THIS_QUEUE) == Some(true));
    (accepting().filter(|record| record.flag(QUEUES) == Some(false)).count(), accepting().count())
}

/// What a member comes to, once all is read of her.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Available,
    OnCall,
    NotReady,
    SignedOut,
}

impl Status {
    fn of(member: &Value) -> Self {
        match (accepts_this_queue(member), accepts_queues(member)) {
            (Some(false), _) => Self::SignedOut,
            (Some(true), Some(true)) if is_in_a_call(member) => Self::OnCall,
            (Some(true), Some(true)) if is_free(member) => Self::Available,
            _ => Self::NotReady,
        }
    }
}

/// The counts of a queue's members: those `read` with their presence merged in, and those whose flags alone are known.
pub(super) fn ready_counts(read: &[Value], unread: &[Value]) -> Counts {
    let flags_given = |flag: fn(&Value) -> Option<bool>| {
        (read.is_empty() && unread.is_empty()) || read.iter().chain(unread).any(|member| flag(member).is_some())
    };
    let here_given = flags_given(accepts_this_queue);
    let both_given = here_given && flags_given(accepts_queues);
    let asked = || read.iter().filter(|member| is_candidate(member));
    let still_open = unread.iter().filter(|member| to_ask(member).is_some()).count();
    // What no candidate has so far, one who is unread may have.
    let given = |field: fn(&Value) -> Option<&str>| {
        still_open > 0 || asked().next().is_none() || asked().any(|member| field(member).is_some())
    };
    let telephony_given = both_given && given(telephony_status);
    let all_given = telephony_given && given(user_status) && given(dnd_status);
    let settled = || read.iter().chain(unread.iter().filter(|member| to_ask(member).is_none()));
    let count = |given: bool, one: Status| {
        let low = settled().filter(|member| Status::of(member) == one).count();
        given.then(|| interval(low, still_open)).flatten()
    };
    let here = read.iter().chain(unread).filter(|member| accepts_this_queue(member) == Some(true)).count();
    Counts {
        available: count(all_given, Status::Available),
        on_call: count(telephony_given, Status::OnCall),
        not_ready: count(all_given, Status::NotReady),
        logged_in: here_given.then(|| interval(here, 0)).flatten(),
        ..Counts::default()
    }
}

fn interval(low: usize, more: usize) -> Option<Interval> {
    let low = i64::try_from(low).ok()?;
    Some(Interval { low, high: Some(low.checked_add(i64::try_from(more).ok()?)?) })
}

/// The members among `extensions`, which are ids or extension numbers; all members where there are none.
///
/// # Errors
/// The members, unchanged: none of them says who she is, so that nobody can tell.
pub(super) fn selected(members: Vec<Value>, extensions: Option<&[String]>) -> Result<Vec<Value>, Vec<Value>> {
    let Some(extensions) = extensions else { return Ok(members) };
    if !members.is_empty() && members.iter().all(|member| names(member).next().is_none()) {
        return Err(members);
    }
    Ok(members.into_iter().filter(|member| names(member).any(|name| extensions.contains(&name))).collect())
}

/// Those of `extensions` that are nobody among the members.
pub(super) fn nobody(members: &[Value], extensions: Option<&[String]>) -> Vec<String> {
    let is_known = |extension: &String| members.iter().any(|member| names(member).any(|name| name == *extension));
    extensions.into_iter().flatten().filter(|extension| !is_known(extension)).cloned().collect()
}

/// The id and the extension number of a member.
fn names(member: &Value) -> impl Iterator<Item = String> {
    let who = member.get("member").or_else(|| member.get("extension"));
    ["id", "extensionNumber"].into_iter().filter_map(move |key| digits(who?.get(key)?))
}

/// The id of the extension whose presence must be known, where a member's flags do not settle the matter.
pub(super) fn to_ask(member: &Value) -> Option<String> {
    if is_candidate(member) { digits(member.pointer("/member/id")?) } else { None }
}

/// The member with the presence of her extension merged in. What the queue says of her stays.
pub(super) fn merge(member: &mut Value, presence: Map<String, Value>) {
    if let Some(member) = member.as_object_mut() {
        for (key, value) in presence {
            member.entry(key).or_insert(value);
        }
    }
}

/// An id as text or number, without blanks; `None` where it is none.
pub(super) fn digits(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn accepts_queues(member: &Value) -> Option<bool> {
    member.get(QUEUES).and_then(Value::as_bool)
}

fn accepts_this_queue(member: &Value) -> Option<bool> {
    member.get(THIS_QUEUE).and_then(Value::as_bool)
}

fn is_candidate(member: &Value) -> bool {
    accepts_queues(member) == Some(true) && accepts_this_queue(member) == Some(true)
}

/// A field that is there and not null.
fn field<'m>(member: &'m Value, key: &str) -> Option<&'m Value> {
    member.get(key).filter(|value| !value.is_null())
}

fn telephony_status(member: &Value) -> Option<&str> {
    field(member, "aggregatedTelephonyStatus").or_else(|| field(member, "telephonyStatus"))?.as_str()
}

fn user_status(member: &Value) -> Option<&str> {
    field(member, "userStatus")?.as_str()
}

/// Accounts with the new call handling have no `dndStatus`.
fn dnd_status(member: &Value) -> Option<&str> {
    field(member, "dndStatus").or_else(|| field(member, "dndStatusPersonal"))?.as_str()
}

fn has_calls(member: &Value) -> bool {
    field(member, "activeCalls").is_some_and(|calls| calls.as_array().is_none_or(|calls| !calls.is_empty()))
}

fn is_in_a_call(member: &Value) -> bool {
    has_calls(member) || matches!(telephony_status(member), Some("CallConnected" | "Ringing" | "OnHold" | "ParkedCall"))
}

/// Whether a candidate's presence says, in words that are known, that she would take a call now.
fn is_free(member: &Value) -> bool {
    let wants_queue_calls = field(member, "dndStatus").is_some()
        || field(member, "acceptCallQueueCalls").is_none_or(|accepts| accepts.as_bool() == Some(true));
    telephony_status(member) == Some("NoCall")
        && !has_calls(member)
        && matches!(user_status(member), Some("Available" | "Busy"))
        && matches!(dnd_status(member), Some("TakeAllCalls" | "TakeDepartmentCallsOnly"))
        && wants_queue_calls
}

/// The counts of a RingCX queue. Of a queue that does not say whether it is open, nobody knows what they are worth.
pub(super) fn ringcx_counts(document: &Document) -> Counts {
    let count = |key: &str| document.root().get(key).and_then(count_in).map(Interval::exactly);
    if ringcx_is_open(document).is_none() {
        return Counts::default();
    }
    Counts {
        available: count("numberOfAgentsAvailable"),
        logged_in: count("numberOfAgentsLoggedIn"),
        waiting: count("numberOfWaitingInteractions"),
        ..Counts::default()
    }
}

/// Whether RingCX says that the queue takes calls.
pub(super) fn ringcx_is_open(document: &Document) -> Option<bool> {
    document.root().get("isQueueOpen").and_then(Value::as_bool)
}

/// What is unread where so many members are.
pub(super) fn unread(members: usize) -> Unread {
    match u64::try_from(members) {
        Ok(0) => Unread::Nothing,
        Ok(members) => Unread::AtMost(members),
        Err(_) => Unread::Unbounded,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Status, digits, merge, ready_counts, selected, to_ask};
    use crate::criteria::Interval;

    /// A member who would take a call, with these fields changed; null takes one away.
    fn member(changes: &Value) -> Value {
        let mut member = json!({
            "member": {"id": "1", "extensionNumber": "101"},
            "acceptQueueCalls": true, "acceptCurrentQueueCalls": true,
            "telephonyStatus": "NoCall", "userStatus": "Available", "dndStatus": "TakeAllCalls"
        });
        for (key, value) in changes.as_object().unwrap() {
            if value.is_null() {
                member.as_object_mut().unwrap().remove(key);
            } else {
                member[key] = value.clone();
            }
        }
        member
    }

    #[test]
    fn readiness_is_as_defined() {
        use Status::{Available, NotReady, OnCall, SignedOut};
        let new = |changes: Value| {
            let mut all = json!({"dndStatus": null, "dndStatusPersonal": "TakeAllCalls", "acceptCallQueueCalls": true});
            all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            all
        };
        let calls = json!([{"telephonyStatus": "CallConnected"}]);
        for (changes, expected) in [
            (json!({}), Available),
            // Both flags.
            (json!({"acceptQueueCalls": false}), NotReady),
            (json!({"acceptQueueCalls": null}), NotReady),
            (json!({"acceptQueueCalls": "yes"}), NotReady),
            (json!({"acceptCurrentQueueCalls": false}), SignedOut),
            (json!({"acceptCurrentQueueCalls": null}), NotReady),
            (json!({"acceptQueueCalls": false, "acceptCurrentQueueCalls": false}), SignedOut),
            // Telephony: the aggregated status where it is given, else the plain one.
            (json!({"telephonyStatus": "CallConnected"}), OnCall),
            (json!({"telephonyStatus": "Ringing"}), OnCall),
            (json!({"telephonyStatus": "OnHold"}), OnCall),
            (json!({"telephonyStatus": "ParkedCall"}), OnCall),
            (json!({"telephonyStatus": "nocall"}), NotReady),
            (json!({"telephonyStatus": "SomethingNew"}), NotReady),
            (json!({"telephonyStatus": 0}), NotReady),
            (json!({"telephonyStatus": null}), NotReady),
            (json!({"aggregatedTelephonyStatus": "NoCall"}), Available),
            (json!({"aggregatedTelephonyStatus": "CallConnected"}), OnCall),
            (json!({"aggregatedTelephonyStatus": "NoCall", "telephonyStatus": "CallConnected"}), Available),
            (json!({"aggregatedTelephonyStatus": "NoCall", "telephonyStatus": null}), Available),
            (json!({"aggregatedTelephonyStatus": "SomethingNew"}), NotReady),
            // Calls.
            (json!({"activeCalls": []}), Available),
            (json!({"activeCalls": calls}), OnCall),
            (json!({"activeCalls": calls, "telephonyStatus": null}), OnCall),
            (json!({"activeCalls": calls, "dndStatus": "DoNotAcceptAnyCalls"}), OnCall),
            // Do-not-disturb.
            (json!({"dndStatus": "TakeDepartmentCallsOnly"}), Available),
            (json!({"dndStatus": "DoNotAcceptAnyCalls"}), NotReady),
            (json!({"dndStatus": "DoNotAcceptDepartmentCalls"}), NotReady),
            (json!({"dndStatus": "Unknown"}), NotReady),
            (json!({"dndStatus": "SomethingNew"}), NotReady),
            (json!({"dndStatus": null}), NotReady),
            // The new call handling.
            (new(json!({})), Available),
            (new(json!({"acceptCallQueueCalls": false})), NotReady),
            (new(json!({"acceptCallQueueCalls": "false"})), NotReady),
            (new(json!({"acceptCallQueueCalls": null})), Available),
            (new(json!({"dndStatusPersonal": "DoNotAcceptAnyCalls"})), NotReady),
            (new(json!({"dndStatusPersonal": "DoNotAcceptDepartmentCalls"})), NotReady),
            (new(json!({"dndStatusPersonal": "Unknown"})), NotReady),
            (new(json!({"dndStatusPersonal": null})), NotReady),
            (json!({"dndStatusPersonal": "DoNotAcceptAnyCalls", "acceptCallQueueCalls": false}), Available),
            (json!({"dndStatus": "DoNotAcceptAnyCalls", "dndStatusPersonal": "TakeAllCalls"}), NotReady),
            // The user's own status.
            (json!({"userStatus": "Busy"}), Available),
            (json!({"userStatus": "Offline"}), NotReady),
            (json!({"userStatus": "SomethingNew"}), NotReady),
            (json!({"userStatus": null}), NotReady),
            // What RingCentral derives from all the others says nothing new.
            (json!({"presenceStatus": "Offline"}), Available),
        ] {
            assert_eq!(Status::of(&member(&changes)), expected, "{changes}");
        }
    }

    /// Available, on call, not ready, logged in: least and most, where they are known.
    fn shown(read: &[Value], unread: &[Value]) -> [Option<(i64, i64)>; 4] {
        let counts = ready_counts(read, unread);
        let shown = |interval: Interval| (interval.low, interval.high.unwrap());
        [counts.available, counts.on_call, counts.not_ready, counts.logged_in].map(|count| count.map(shown))
    }

    #[test]
    fn the_counts_are_intervals_while_presences_are_unread() {
        let [free, busy] = [json!({}), json!({"telephonyStatus": "Ringing"})].map(|changes| member(&changes));
        let [away, out] = [json!({"acceptQueueCalls": false}), json!({"acceptCurrentQueueCalls": false})]
            .map(|changes| member(&changes));
        let open = member(&json!({"telephonyStatus": null, "userStatus": null, "dndStatus": null}));
        let read = [free.clone(), busy, away.clone(), out.clone()];
        let exactly = |count| Some((count, count));
        assert_eq!(shown(&read, &[]), [exactly(1), exactly(1), exactly(1), exactly(3)]);
        let unread = [open.clone(), out, open.clone(), away.clone()];
        assert_eq!(shown(&read, &unread), [Some((1, 3)), Some((1, 3)), Some((2, 4)), exactly(6)]);
        assert_eq!(shown(&[], &unread), [Some((0, 2)), Some((0, 2)), Some((1, 3)), exactly(3)]);
        assert_eq!(shown(&[], &[]), [exactly(0); 4]);
        assert_eq!(shown(&[away], &[]), [exactly(0), exactly(0), exactly(1), exactly(1)]);
        assert_eq!(shown(&[open, free], &[]), [exactly(1), exactly(0), exactly(1), exactly(2)]);
    }

    #[test]
    fn a_field_that_no_record_has_leaves_its_counts_out() {
        let exactly = |count| Some((count, count));
        let without = |field: &str| {
            let one = member(&json!({field: null}));
            shown(&[one.clone(), one], &[])
        };
        assert_eq!(without("acceptCurrentQueueCalls"), [None; 4]);
        assert_eq!(without("acceptQueueCalls"), [None, None, None, exactly(2)]);
        assert_eq!(without("telephonyStatus"), [None, None, None, exactly(2)]);
        assert_eq!(without("userStatus"), [None, exactly(0), None, exactly(2)]);
        assert_eq!(without("dndStatus"), [None, exactly(0), None, exactly(2)]);
        // Whose flags say no is not asked for her presence, so it does not count that she lacks it.
        let out = json!({"acceptQueueCalls": false, "telephonyStatus": "NoCall"});
        let silent = json!({"telephonyStatus": null});
        assert_eq!(shown(&[member(&silent), member(&out)], &[])[0], None);
    }

    #[test]
    fn only_candidates_with_an_id_are_asked_for() {
        for (changes, id) in [
            (json!({}), Some("1")),
            (json!({"member": {"id": 7}}), Some("7")),
            (json!({"member": {"id": " 8 "}}), Some("8")),
            (json!({"member": {"id": "../9"}}), None),
            (json!({"member": {"id": ""}}), None),
            (json!({"member": {}}), None),
            (json!({"member": null}), None),
            (json!({"acceptQueueCalls": false}), None),
            (json!({"acceptCurrentQueueCalls": false}), None),
        ] {
            assert_eq!(to_ask(&member(&changes)).as_deref(), id, "{changes}");
        }
        assert_eq!(digits(&json!(1.5)), None);
        assert_eq!(digits(&json!(-1)), None);
    }

    #[test]
    fn what_the_queue_says_of_a_member_stays() {
        let mut one = json!({"member": {"id": "1"}, "acceptQueueCalls": false});
        let presence = json!({"acceptQueueCalls": true, "member": 1, "userStatus": "Busy"});
        merge(&mut one, presence.as_object().unwrap().clone());
        assert_eq!(one, json!({"member": {"id": "1"}, "acceptQueueCalls": false, "userStatus": "Busy"}));
    }

    #[test]
    fn agents_are_chosen_by_id_or_extension_number() {
        let members = vec![
            json!({"member": {"id": "1", "extensionNumber": "101"}}),
            json!({"member": {"id": 2, "extensionNumber": 102}}),
            json!({"extension": {"id": "3", "extensionNumber": "103"}}),
            json!({}),
        ];
        let chosen = |extensions: &[&str]| {
            let extensions: Vec<String> = extensions.iter().map(ToString::to_string).collect();
            selected(members.clone(), Some(&extensions)).unwrap()
        };
        assert_eq!(chosen(&["1", "102"]), members[..2]);
        assert_eq!(chosen(&["103", "101"]), [members[0].clone(), members[2].clone()]);
        assert_eq!(chosen(&["4"]), [Value::Null; 0]);
        assert_eq!(selected(members.clone(), None).unwrap(), members);
        // Who they are is not said of any: that is no reason to count nobody.
        assert!(selected(vec![json!({}), json!({"member": {}})], Some(&["1".to_owned()])).is_err());
        assert!(selected(Vec::new(), Some(&["1".to_owned()])).unwrap().is_empty());
    }
}
