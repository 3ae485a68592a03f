//! What a provider answered: normalised counts, the document itself, and when it was observed.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::criteria::{AgentCount, Interval};
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

/// How much of a list was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unread {
    /// All of it was read.
    Nothing,
    /// At most so many items are unread.
    AtMost(u64),
    /// Nobody said how many.
    Unbounded,
}

/// A provider's answer as one JSON document: the first page's envelope with the list of all pages joined.
#[derive(Clone, Debug)]
pub struct Document {
    root: Value,
    list: Option<&'static str>,
    /// A field that, where the answer lacks it, means the number of the list's items (Genesys Cloud's `total`).
    pub length_field: Option<&'static str>,
    /// How much of the list was not read.
    pub unread: Unread,
    /// The pages as received, for patterns with scope `raw`.
    pub pages: Vec<String>,
    is_withheld: bool,
}

impl Document {
    /// A document of one page. `list` names the field in which the provider's answer has its list, if it has one.
    #[must_use]
    pub fn new(root: Value, list: Option<&'static str>, text: String) -> Self {
        Self { root, list, length_field: None, unread: Unread::Nothing, pages: vec![text], is_withheld: false }
    }

    /// In place of a document that is not here, though its counts are: nothing can be read in it.
    #[must_use]
    pub fn withheld() -> Self {
        Self { is_withheld: true, ..Self::new(Value::Null, None, String::new()) }
    }

    /// Whether it is not here.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.is_withheld
    }

    /// The document, its list joined.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The field that has the list, where the provider's answer is defined to have one.
    #[must_use]
    pub fn list_field(&self) -> Option<&'static str> {
        self.list
    }

    /// The list itself: also where the provider sent it bare. `None`: it is not there.
    #[must_use]
    pub fn list(&self) -> Option<&Value> {
        let list = if self.root.is_array() { &self.root } else { self.root.get(self.list?)? };
        list.is_array().then_some(list)
    }

    /// The list's items. `None`: the list is not there.
    #[must_use]
    pub fn records(&self) -> Option<&[Value]> {
        self.list().and_then(Value::as_array).map(Vec::as_slice)
    }

    /// The list's items, to be completed from further requests.
    pub fn records_mut(&mut self) -> Option<&mut Vec<Value>> {
        let field = self.list?;
        if self.root.is_array() {
            return self.root.as_array_mut();
        }
        self.root.get_mut(field)?.as_array_mut()
    }

    /// Joins a further page: its list's items, and its text. The rest of its envelope is dropped.
    ///
    /// # Errors
    /// The page has no list: the page, unchanged.
    pub fn join(&mut self, mut page: Value, text: String) -> Result<(), Value> {
        let items = self.list.and_then(|field| page.get_mut(field)).and_then(Value::as_array_mut).map(std::mem::take);
        match (items, self.records_mut()) {
            (Some(mut items), Some(records)) => {
                records.append(&mut items);
                self.pages.push(text);
                Ok(())
            }
            _ => Err(page),
        }
    }
}

/// Counts records by what their fields say; a field that no record has leaves its count out.
pub(crate) struct Tally<'r> {
    records: &'r [Value],
    unread: Unread,
}

impl<'r> Tally<'r> {
    /// Over the records read so far.
    pub(crate) fn new(records: &'r [Value], unread: Unread) -> Self {
        Self { records, unread }
    }

    /// Whether a field is there: in a list without records there is nothing to lack it.
    pub(crate) fn given<T>(&self, field: impl Fn(&Value) -> Option<T>) -> bool {
        self.records.is_empty() || self.records.iter().any(|record| field(record).is_some())
    }

    /// How many records there are of a kind, where the fields that tell are given.
    pub(crate) fn count_where(&self, given: bool, is_one: impl Fn(&Value) -> bool) -> Option<Interval> {
        let low = i64::try_from(self.records.iter().filter(|record| is_one(record)).count()).ok()?;
        let high = match self.unread {
            Unread::Nothing => Some(low),
            Unread::AtMost(more) => i64::try_from(more).ok().and_then(|more| low.checked_add(more)),
            Unread::Unbounded => None,
        };
        // A field that no record has so far may stand in one that is unread.
        (given || self.unread != Unread::Nothing).then_some(Interval { low, high })
    }

    /// A count as providers write it: a number, or one as text. Negative or broken: `None`.
    pub(crate) fn number(value: &Value) -> Option<i64> {
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| *number >= 0)
    }
}
