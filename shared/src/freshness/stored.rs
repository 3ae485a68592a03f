//! A snapshot as instances share it: counts and document, or counts alone where the document is too large.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::MAX_BODY_BYTES;
use crate::clock::millis_between;
use crate::snapshot::{Counts, Document, Snapshot, Unread};

/// How a recipe's documents are read: what is the same for all of them and need not be stored.
#[derive(Clone, Copy, Debug)]
pub struct DocumentForm {
    /// The field that has the list.
    pub list: Option<&'static str>,
    /// The field that means the list's length.
    pub length_field: Option<&'static str>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    observed_at_ms: u64,
    counts: Counts,
    queue_closed: bool,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<StoredDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredDocument {
    root: Value,
    has_list: bool,
    unread: Unread,
    pages: Vec<String>,
}

/// The text of a snapshot. `None`: it may not be shared, because a failure stopped its reading.
pub(super) fn write(snapshot: &Snapshot) -> Option<String> {
    if snapshot.unread_because.is_some() {
        return None;
    }
    let mut stored = Stored {
        observed_at_ms: millis_between(UNIX_EPOCH, snapshot.observed_at),
        counts: snapshot.counts.clone(),
        queue_closed: snapshot.queue_closed,
        warnings: snapshot.warnings.clone(),
        document: (!snapshot.document.is_withheld()).then(|| StoredDocument {
            root: snapshot.document.root().clone(),
            has_list: snapshot.document.list_field().is_some(),
            unread: snapshot.document.unread,
            pages: snapshot.document.pages.clone(),
        }),
    };
    let text = serde_json::to_string(&stored).ok()?;
    if text.len() <= MAX_BODY_BYTES {
        return Some(text);
    }
    // Counts of a list that was read in part are lower bounds, and nothing says by how much without the document.
    if snapshot.document.unread != Unread::Nothing {
        return None;
    }
    stored.document = None;
    serde_json::to_string(&stored).ok().filter(|text| text.len() <= MAX_BODY_BYTES)
}

/// A snapshot from its text. `None`: it is none that this version reads.
pub(super) fn read(text: &str, form: DocumentForm) -> Option<Snapshot> {
    let stored: Stored = serde_json::from_str(text).ok()?;
    let document = match stored.document {
        None => Document::withheld(),
        Some(written) => {
            let mut document = Document::new(written.root, form.list.filter(|_| written.has_list), String::new());
            document.length_field = form.length_field;
            document.unread = written.unread;
            document.pages = written.pages;
            document
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
