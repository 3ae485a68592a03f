//! What a provider answered: normalised counts, the document itself, and when it was observed.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::criteria::{AgentCount, Interval};
pub use crate::document::{Document, Page, StoredDocument, Unread};
use crate::failure::Failure;

/// One provider answer, perhaps read in part.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What the vendor's words mean, in our words.
    pub counts: Counts,
    /// The answer, for the platform's JSON field or pattern.
    pub document: Document,
    /// Whether the provider says that the queue takes no calls.
    pub queue_closed: bool,
    /// When the oldest request behind this was sent (wall clock, as it is compared between instances).
    pub observed_at: SystemTime,
    /// What the recipe is known to miscount in this answer, and other remarks.
    pub warnings: Vec<String>,
    /// Why the rest was not read, where reading was stopped by a failure.
    pub unread_because: Option<Failure>,
}

/// The normalised counts. `None`: the provider did not say; never 0 for that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Agents who would take a queue call now.
    pub available: Option<Interval>,
    /// Agents in a call.
    pub on_call: Option<Interval>,
    /// Agents finishing one.
    pub wrap_up: Option<Interval>,
    /// Agents listed who would not take a call.
    pub not_ready: Option<Interval>,
    /// Agents signed in.
    pub logged_in: Option<Interval>,
    /// Callers waiting.
    pub waiting: Option<Interval>,
    /// Agents held for other calls.
    pub held: i64,
}

impl Counts {
    /// The count of that name.
    #[must_use]
    pub fn count(&self, count: AgentCount) -> Option<Interval> {
        match count {
            AgentCount::Available => self.available,
            AgentCount::OnCall => self.on_call,
            AgentCount::WrapUp => self.wrap_up,
            AgentCount::NotReady => self.not_ready,
            AgentCount::LoggedIn => self.logged_in,
            AgentCount::Waiting => self.waiting,
            AgentCount::Headroom => Some(self.available?.minus(self.waiting?).minus(Interval::exactly(self.held))),
        }
    }
}

/// Counts records by what their fields say; a field that no record has leaves its count out.
pub(crate) struct Tally<'r, R> {
    records: &'r [R],
    unread: Unread,
}

impl<'r, R> Tally<'r, R> {
    /// Over the records read so far.
    pub(crate) fn new(records: &'r [R], unread: Unread) -> Self {
        Self { records, unread }
    }

    /// Whether a field is there: in a list without records there is nothing to lack it.
    pub(crate) fn given<T>(&self, field: impl Fn(&R) -> Option<T>) -> bool {
        self.records.is_empty() || self.records.iter().any(|record| field(record).is_some())
    }

    /// How many records there are of a kind, where the fields that tell are given.
    pub(crate) fn count_where(&self, given: bool, is_one: impl Fn(&R) -> bool) -> Option<Interval> {
        let low = i64::try_from(self.records.iter().filter(|record| is_one(record)).count()).ok()?;
        let high = match self.unread {
            Unread::Nothing => Some(low),
            Unread::AtMost(more) => i64::try_from(more).ok().and_then(|more| low.checked_add(more)),
            Unread::Unbounded => None,
        };
        // A field that no record has so far may stand in one that is unread.
        (given || self.unread != Unread::Nothing).then_some(Interval { low, high })
    }
}

/// A count as providers write it: a number, or one as text. Negative or broken: `None`.
pub(crate) fn count_in(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| *number >= 0)
}
