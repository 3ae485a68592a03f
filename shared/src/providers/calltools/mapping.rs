//! `CallTools` records to normalised counts. Pure.

use serde_json::Value;

use super::CallToolsOptions;
use super::api::COUNT;
use crate::criteria::Interval;
use crate::rows::Row;
use crate::snapshot::{Counts, Document, Tally, count_in};

/// The fields of a record that are read here.
pub(super) const RECORD_FIELDS: &[&str] =
    &["agent_status", "live_calls_count", "logged_in", "queue_logged_in", "ready", "status"];

/// The counts of the records read. `status_chosen`: the account's own status id was a filter, so its word is no matter.
pub(super) fn counts(document: &Document, status_chosen: bool) -> Counts {
    if document.records().is_none() {
        return Counts::default();
    }
    let rows = document.rows(RECORD_FIELDS);
    let records = rows.each();
    let tally = Tally::new(&records, document.unread);
    let status = |record: &Row<'_>| record.text("status").map(str::to_ascii_lowercase);
    let flag = |name: &'static str| move |record: &Row<'_>| record.flag(name);

    let ready = tally.given(flag("ready"));
    let status_given = status_chosen || tally.given(status);
    // Whatever `ready` says, an agent who is in a call or signed out takes none.
    let is_elsewhere = |record: &Row<'_>| {
        calls(record).is_some_and(|calls| calls > 0)
            || flag("logged_in")(record) == Some(false)
            || flag("queue_logged_in")(record) == Some(false)
    };
    let is_available = |record: &Row<'_>| {
        flag("ready")(record) == Some(true)
            && (status_chosen || status(record).as_deref() == Some("available"))
            && !is_elsewhere(record)
    };
    let is_on_call = |record: &Row<'_>| calls(record).is_some_and(|calls| calls > 0);
    let is_wrap_up = |record: &Row<'_>| {
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
    let rows = document.rows(RECORD_FIELDS);
    let rows = rows.each();
    let as_asked = |row: &Row<'_>| row.get("ready").is_none_or(|ready| ready == &Value::Bool(true));
    let honoured =
        records.iter().all(Value::is_object) && rows.iter().all(as_asked) && ignored_filters(&rows, options).is_empty();
    // A count without a record to show for it, or with one that should not be there, is not believed.
    let believed = |count: &i64| honoured && document.records().is_some() && (*count == 0 || !records.is_empty());
    let count = document.root().get(COUNT).and_then(count_in).filter(believed);
    Counts { available: count.map(Interval::exactly), ..Counts::default() }
}

/// What the records show against what was asked for.
pub(super) fn remarks(document: &Document, options: &CallToolsOptions) -> Vec<String> {
    let rows = document.rows(RECORD_FIELDS);
    let records = rows.each();
    let mut remarks: Vec<String> = ignored_filters(&records, options)
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

fn ignored_filters(records: &[Row<'_>], options: &CallToolsOptions) -> Vec<&'static str> {
    let mut ignored = Vec::new();
    let ready = |record: &Row<'_>| record.flag("ready");
    if options.ready.is_some_and(|asked| records.iter().any(|record| ready(record).is_some_and(|ready| ready != asked)))
    {
        ignored.push("ready");
    }
    let status = |record: &Row<'_>| match record.get("agent_status") {
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

fn calls(record: &Row<'_>) -> Option<i64> {
    record.get("live_calls_count").and_then(count_in)
}
