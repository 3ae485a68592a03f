//! `CallTools` records to normalised counts. Pure.

use serde_json::Value;

use crate::snapshot::{Counts, Document, Tally};

/// The counts of the records read. `status_chosen`: the account's own status id was a filter, so its word is no matter.
pub(super) fn counts(document: &Document, status_chosen: bool) -> Counts {
    let Some(records) = document.records() else { return Counts::default() };
    let tally = Tally::new(records, document.unread);
    let status = |record: &Value| record.get("status").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let flag = |name: &'static str| move |record: &Value| record.get(name).and_then(Value::as_bool);
    let calls = |record: &Value| record.get("live_calls_count").and_then(Tally::number);

    let ready = tally.given(flag("ready"));
    let status_given = status_chosen || tally.given(status);
    let is_available = |record: &Value| {
        flag("ready")(record) == Some(true) && (status_chosen || status(record).as_deref() == Some("available"))
    };
    let is_on_call = |record: &Value| calls(record).is_some_and(|calls| calls > 0);
    let is_wrap_up = |record: &Value| {
        status(record).is_some_and(|status| matches!(status.as_str(), "wrap up" | "wrap-up" | "wrapup"))
    };
    Counts {
        available: tally.count_where(ready && status_given, is_available),
        on_call: tally.count_where(tally.given(calls), is_on_call),
        wrap_up: tally.count_where(tally.given(status), is_wrap_up),
        not_ready: tally.count_where(ready && status_given, |record| {
            !is_available(record) && !is_on_call(record) && !is_wrap_up(record)
        }),
        logged_in: tally.count_where(tally.given(flag("logged_in")), |record| flag("logged_in")(record) == Some(true)),
        ..Counts::default()
    }
}
