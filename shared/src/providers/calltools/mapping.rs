//! `CallTools` records to normalised counts. Pure.

use serde_json::Value;

use super::CallToolsOptions;
use super::api::COUNT;
use crate::criteria::Interval;
use crate::snapshot::{Counts, Document, Tally};

/// The fields of a record that are read here.
pub(super) const RECORD_FIELDS: [&str; 6] =
    ["agent_status", "live_calls_count", "logged_in", "queue_logged_in", "ready", "status"];

/// The counts of the records read. `status_chosen`: the account's own status id was a filter, so its word is no matter.
pub(super) fn counts(document: &Document, status_chosen: bool) -> Counts {
    let Some(records) = document.records() else { return Counts::default() };
    let tally = Tally::new(records, document.unread);
    let status = |record: &Value| record.get("status").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let flag = |name: &'static str| move |record: &Value| record.get(name).and_then(Value::as_bool);

    let ready = tally.given(flag("ready"));
    let status_given = status_chosen || tally.given(status);
    // Whatever `ready` says, an agent who is in a call or signed out takes none.
    let is_elsewhere = |record: &Value| {
        calls(record).is_some_and(|calls| calls > 0)
            || flag("logged_in")(record) == Some(false)
            || flag("queue_logged_in")(record) == Some(false)
    };
    let is_available = |record: &Value| {
        flag("ready")(record) == Some(true)
            && (status_chosen || status(record).as_deref() == Some("available"))
            && !is_elsewhere(record)
    };
    let is_on_call = |record: &Value| calls(record).is_some_and(|calls| calls > 0);
    let is_wrap_up = |record: &Value| {
        status(record).is_some_and(|status| matches!(status.as_str(), "wrap up" | "wrap-up" | "wrapup"))
    };
    Counts {
        available: tally.count_where(ready && status_given, is_available),
        on_call: tally.count_where(tally.given(calls), is_on_call),
        wrap_up: tally.count_where(tally.given(status), is_wrap_up),
        // What is left when the others are told apart: it takes all their fields.
        not_ready: tally.count_where(ready && tally.given(status) && tally.given(calls), |record| {
            !is_available(record) && !is_on_call(record) && !is_wrap_up(record)
        }),
        logged_in: tally.count_where(tally.given(flag("logged_in")), |record| flag("logged_in")(record) == Some(true)),
        ..Counts::default()
    }
}

/// The counts where every filter is given: the number of records is the answer, unless one shows that a filter is not
/// honoured.
pub(super) fn filtered_counts(document: &Document, options: &CallToolsOptions) -> Counts {
    let records = document.records().unwrap_or_default();
    let as_asked =
        |record: &Value| record.is_object() && record.get("ready").is_none_or(|ready| ready == &Value::Bool(true));
    let honoured = records.iter().all(as_asked) && ignored_filters(records, options).is_empty();
    // A count without a record to show for it, or with one that should not be there, is not believed.
    let believed = |count: &i64| honoured && document.records().is_some() && (*count == 0 || !records.is_empty());
    let count = document.root().get(COUNT).and_then(Tally::number).filter(believed);
    Counts { available: count.map(Interval::exactly), ..Counts::default() }
}

/// What the records show against what was asked for.
pub(super) fn remarks(document: &Document, options: &CallToolsOptions) -> Vec<String> {
    let records = document.records().unwrap_or_default();
    let mut remarks: Vec<String> = ignored_filters(records, options)
        .into_iter()
        .map(|filter| {
            format!("the provider seems to ignore the filter {filter}: a record it excludes came all the same")
        })
        .collect();
    let on_call = records.iter().filter(|record| calls(record).is_some_and(|calls| calls > 0)).count();
    if on_call > 0 {
        remarks.push(format!("{on_call} of the records counted are agents who are in a call"));
    }
    remarks
}

fn ignored_filters(records: &[Value], options: &CallToolsOptions) -> Vec<&'static str> {
    let mut ignored = Vec::new();
    let ready = |record: &Value| record.get("ready").and_then(Value::as_bool);
    if options.ready.is_some_and(|asked| records.iter().any(|record| ready(record).is_some_and(|ready| ready != asked)))
    {
        ignored.push("ready");
    }
    let status = |record: &Value| match record.get("agent_status") {
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(Value::String(id)) => Some(id.clone()),
        _ => None,
    };
    let asked = options.agent_status_id.as_deref();
    if asked.is_some_and(|asked| records.iter().any(|record| status(record).is_some_and(|status| status != asked))) {
        ignored.push("agent_status_id");
    }
    ignored
}

fn calls(record: &Value) -> Option<i64> {
    record.get("live_calls_count").and_then(Tally::number)
}
