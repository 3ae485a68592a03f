//! A snapshot as instances share it: counts and document, or counts alone where the document is too large.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::state::MAX_BODY_BYTES;
use crate::clock::millis_between;
use crate::projection::Projection;
use crate::snapshot::{Counts, Document, Snapshot, StoredDocument, Unread};

/// How a check reads a recipe's documents: what is not stored with them.
#[derive(Clone, Debug)]
pub struct DocumentForm {
    /// The field that has the list.
    pub list: Option<&'static str>,
    /// The field that means the list's length.
    pub length_field: Option<&'static str>,
    /// The fields of a record that the recipe's counts and remarks are made of.
    pub rows: &'static [&'static str],
    /// The fields of a record that the check's criteria name.
    pub records: Projection,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored<'d> {
    observed_at_ms: u64,
    counts: Counts,
    queue_closed: bool,
    warnings: Vec<String>,
    has_list: bool,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    document: Option<StoredDocument<'d>>,
}

/// The text of a snapshot. `None`: it may not be shared, because a failure stopped its reading.
pub(super) fn write(snapshot: &Snapshot) -> Option<String> {
    if snapshot.unread_because.is_some() {
        return None;
    }
    let document = &snapshot.document;
    let mut stored = Stored {
        observed_at_ms: millis_between(UNIX_EPOCH, snapshot.observed_at),
        counts: snapshot.counts.clone(),
        queue_closed: snapshot.queue_closed,
        warnings: snapshot.warnings.clone(),
        has_list: document.list_field().is_some(),
        document: (!document.is_withheld()).then(|| document.to_stored()),
    };
    let text = serde_json::to_string(&stored).ok()?;
    if text.len() <= MAX_BODY_BYTES {
        return Some(text);
    }
    // Counts of a list that was read in part are lower bounds, and nothing says by how much without the document.
    if document.unread != Unread::Nothing {
        return None;
    }
    stored.document = None;
    serde_json::to_string(&stored).ok().filter(|text| text.len() <= MAX_BODY_BYTES)
}

/// A snapshot from its text. `None`: it is none that this version reads.
pub(super) fn read(text: &str, form: &DocumentForm) -> Option<Snapshot> {
    let stored: Stored<'_> = serde_json::from_str(text).ok()?;
    let document = match stored.document {
        None => Document::withheld(),
        Some(written) => {
            let list = form.list.filter(|_| stored.has_list);
            Document::from_stored(written, list, form.length_field, form.rows, &form.records).ok()?
        }
    };
    Some(Snapshot {
        counts: stored.counts,
        document,
        queue_closed: stored.queue_closed,
        observed_at: UNIX_EPOCH + Duration::from_millis(stored.observed_at_ms),
        warnings: stored.warnings,
        unread_because: None,
    })
}
