//! `RingCentral` presence records to normalised counts. Pure.

use serde_json::Value;

use crate::snapshot::{Counts, Document, Tally};

/// The counts of the records read: who is signed in to the queue. Who is free is not said.
pub(super) fn counts(document: &Document) -> Counts {
    let Some(records) = document.records() else { return Counts::default() };
    let tally = Tally::new(records, document.unread);
    let accepts = |record: &Value| record.get("acceptCurrentQueueCalls").and_then(Value::as_bool);
    Counts {
        logged_in: tally.count_where(tally.given(accepts), |record| accepts(record) == Some(true)),
        ..Counts::default()
    }
}
