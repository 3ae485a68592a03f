//! Criteria checked against the answer they ran on: what is written and can hardly be meant. Pure, and bounded in cost.
//!
//! A warning never changes an outcome. It is drawn only where the answer itself, or the criterion alone, shows the
//! mistake; where either could be meant, nothing is said.
//!
//! | warning | drawn where |
//! | --- | --- |
//! | field never present | a name of the path, of its filters, or a key that the pattern cannot do without, is in none of the records or objects looked at. Of a test that asks for absence (`exists`, `not_exists`, a bare `@.name`, one of several `\|\|`, a pattern that is met by no match) only where a name much like it is there |
//! | a match can join two records | scope `body` or `raw`, two records or more, and a repetition that can run over the end of one record into the next |
//! | one page of several | the list has more records than the answer, which was not read on; or a path reads a number that describes a page (`pageSize`). Reading that stopped because the outcome was settled draws none: that outcome is the right one, and the verdict says `counts_complete: false` |
//! | never false, never true | the condition comes to the same for every number that the reading can give |
//! | nodes for a number, existence for truth | a path of many nodes, all of them numbers, is compared; a filter tests by its name alone a field that is false, null, 0 or empty in some record; `exists` of what is false |

mod always;
mod fields;
mod pages;
mod pattern;

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;

use serde_json::Value;

use crate::criteria::{Acceptance, AgentCount, Criterion, Reading};
use crate::evaluate::{Evaluation, Finding};
use crate::projection::Projection;
use crate::snapshot::{Document, Snapshot};
use crate::verdict::Reason;

/// What the criteria say that can hardly be meant, each in a sentence that names the criterion and says what to write
/// instead. Empty where the deadline stopped the evaluation, and where the provider says that the queue is closed.
#[must_use]
pub fn warnings(acceptance: &Acceptance, evaluation: &Evaluation, snapshot: &Snapshot) -> Vec<String> {
    let late = |reason: Reason| reason == Reason::DeadlineExceeded;
    let out_of_time = snapshot.unread_because.as_ref().is_some_and(|failure| late(failure.reason()))
        || evaluation.findings.iter().any(|finding| finding.cause.is_some_and(late));
    if snapshot.queue_closed || out_of_time {
        return Vec::new();
    }
    let mut leaves = Vec::new();
    collect(acceptance, false, &mut leaves);
    // Most criteria draw no warning, and for that it is enough to look at the fields that they name.
    let fields = acceptance.record_fields(snapshot.document.list_field());
    let named = snapshot.document.covering(&fields);
    let answer = Answer::new(snapshot, &named);
    let warnings = drawn(&leaves, evaluation, &answer);
    if !answer.needs_more.get() {
        return warnings;
    }
    let whole = snapshot.document.covering(&Projection::Whole);
    drawn(&leaves, evaluation, &Answer::new(snapshot, &whole))
}

fn drawn(leaves: &[(&Criterion, bool)], evaluation: &Evaluation, answer: &Answer<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for ((criterion, negated), finding) in leaves.iter().zip(&evaluation.findings) {
        let named = printable(&finding.criterion, MAX_CRITERION_SHOWN);
        for remark in remarks(&Leaf { criterion, finding, negated: *negated }, answer) {
            let warning = format!("`{named}` {remark}");
            if warnings.len() < MAX_WARNINGS && !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    warnings
}

/// How many records, nodes of a path or names of an object are looked at.
const MAX_RECORDS: usize = 200;
/// How many values are looked through for the keys there are.
const MAX_VALUES: usize = 50_000;
const MAX_WARNINGS: usize = 32;
const MAX_CRITERION_SHOWN: usize = 160;
const MAX_NAME_SHOWN: usize = 64;

/// A criterion, what it saw, and whether an odd number of `not` stands around it.
struct Leaf<'a> {
    criterion: &'a Criterion,
    finding: &'a Finding,
    negated: bool,
}

/// The answer, with what several criteria ask of it.
struct Answer<'s> {
    snapshot: &'s Snapshot,
    /// The snapshot's document with the fields that the criteria name, or with all.
    document: &'s Document,
    /// Set where the fields that the criteria name are not enough to tell.
    needs_more: Cell<bool>,
    /// How much more work may be put into patterns.
    effort: Cell<u32>,
    keys: OnceCell<Option<HashSet<&'s str>>>,
    record_keys: OnceCell<Option<HashSet<&'s str>>>,
    shortest_record: OnceCell<usize>,
}

fn collect<'a>(acceptance: &'a Acceptance, negated: bool, leaves: &mut Vec<(&'a Criterion, bool)>) {
    match acceptance {
        Acceptance::Criterion(criterion) => leaves.push((criterion, negated)),
        Acceptance::Not(part) => collect(part, !negated, leaves),
        Acceptance::All(parts) | Acceptance::Any(parts) => {
            for part in parts {
                collect(part, negated, leaves);
            }
        }
    }
}

fn remarks(leaf: &Leaf<'_>, answer: &Answer<'_>) -> Vec<String> {
    let mut remarks = match &leaf.criterion.reading {
        Reading::Json(path) => fields::remarks(leaf, path, answer),
        Reading::Regex(shape) => pattern::remarks(leaf, shape, answer),
        Reading::Agents(count) => count_not_given(leaf, *count, answer).into_iter().collect(),
    };
    remarks.extend(pages::remark(leaf, answer));
    remarks.extend(always::remark(leaf, answer));
    remarks
}

fn count_not_given(leaf: &Leaf<'_>, count: AgentCount, answer: &Answer<'_>) -> Option<String> {
    let snapshot = answer.snapshot;
    let absent = snapshot.counts.count(count).is_none() && snapshot.unread_because.is_none();
    if !absent || !leaf.criterion.condition.needs_value() {
        return None;
    }
    let given: Vec<&str> = AgentCount::ALL
        .into_iter()
        .filter(|count| snapshot.counts.count(*count).is_some())
        .map(AgentCount::as_str)
        .collect();
    let instead = if given.is_empty() {
        "it gives no count of agents: use another template, or a criterion with parse_type `json`".to_owned()
    } else {
        format!("it gives {}", given.join(", "))
    };
    Some(format!("reads a count that this answer does not give; {instead}"))
}

impl<'s> Answer<'s> {
    fn new(snapshot: &'s Snapshot, document: &'s Document) -> Self {
        Self {
            snapshot,
            document,
            needs_more: Cell::new(false),
            effort: Cell::new(pattern::MAX_EFFORT),
            keys: OnceCell::new(),
            record_keys: OnceCell::new(),
            shortest_record: OnceCell::new(),
        }
    }

    fn document(&self) -> &'s Document {
        self.document
    }

    /// Whether the document has every field. If it has not, the caller gives up, and is asked again with one that has.
    fn is_whole(&self) -> bool {
        let is_whole = self.document.covers(&Projection::Whole);
        self.needs_more.set(self.needs_more.get() || !is_whole);
        is_whole
    }

    /// The first records of the list. `None`: there is no list.
    fn records(&self) -> Option<&'s [Value]> {
        let records = self.document().records()?;
        Some(records.get(..records.len().min(MAX_RECORDS)).unwrap_or(records))
    }

    /// The keys of all objects. `None`: they are too many to look at.
    fn keys(&self) -> Option<&HashSet<&'s str>> {
        self.keys.get_or_init(|| keys_within(std::slice::from_ref(self.document().root()))).as_ref()
    }

    /// The keys of the first records and of what is in them. `None`: they are too many to look at, or there is no list.
    fn record_keys(&self) -> Option<&HashSet<&'s str>> {
        self.record_keys.get_or_init(|| keys_within(self.records()?)).as_ref()
    }

    /// Whether a pattern over the first records, or over the whole answer, can meet a key.
    fn has_key(&self, key: &str, in_records: bool) -> bool {
        let key = format!("\"{key}\": ");
        // Behind a backslash the quote is a letter of a longer key.
        let is_in = |text: &str| text.match_indices(&key).any(|(at, _)| !text.get(..at).unwrap_or("").ends_with('\\'));
        if in_records {
            self.document.record_texts().unwrap_or_default().into_iter().take(MAX_RECORDS).any(is_in)
        } else {
            is_in(self.document.text())
        }
    }

    /// The length of the shortest of the first records, as a pattern meets it.
    fn shortest_record(&self) -> usize {
        *self.shortest_record.get_or_init(|| {
            let records = self.document.record_texts().unwrap_or_default().into_iter().take(MAX_RECORDS);
            records.map(|record| record.chars().count()).min().unwrap_or(0)
        })
    }
}

fn keys_within(values: &[Value]) -> Option<HashSet<&str>> {
    let mut keys = HashSet::new();
    let mut looked_at = 0;
    let mut ahead: Vec<&Value> = values.iter().collect();
    while let Some(value) = ahead.pop() {
        looked_at += 1;
        if looked_at + ahead.len() > MAX_VALUES {
            return None;
        }
        match value {
            Value::Array(items) => ahead.extend(items.iter().take(MAX_VALUES)),
            Value::Object(members) => {
                keys.extend(members.keys().take(MAX_VALUES).map(String::as_str));
                ahead.extend(members.values().take(MAX_VALUES));
            }
            _ => {}
        }
    }
    Some(keys)
}

/// Text from a request or an answer, fit for a message.
fn printable(text: &str, most: usize) -> String {
    let mut letters = text.chars().filter(|letter| !letter.is_control());
    let mut shown: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The name among these that was probably meant: the same but for its case and separators, or nearly so.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| -> Vec<char> {
        name.chars().filter(|letter| !"_- ".contains(*letter)).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(wanted);
    // A short name is near to too many others.
    let most = match wanted.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    names
        .filter(|name| name.len() <= MAX_NAME_SHOWN)
        .filter_map(|name| Some((distance(&wanted, &plain(name), most)?, name)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters must be put in, left out, changed or swapped with their neighbour. `None`: more than `most`.
fn distance(one: &[char], other: &[char], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
    for (i, letter) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, against) in other.iter().enumerate() {
            let mut least =
                (at(&row, j) + usize::from(letter != against)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && other.get(j - 1) == Some(letter) && one.get(i - 1) == Some(against);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests;
