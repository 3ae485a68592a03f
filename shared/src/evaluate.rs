//! Holds acceptance criteria against a snapshot: pure, without I/O or a clock, and stopped by `keep_going`.

use serde_json::Value;

use crate::criteria::{
    Acceptance, Condition, Criterion, FieldPath, Interval, Outcome, Outcomes, Pattern, PatternKind, Reading, Scalar,
    Scope, Step, Tail,
};
use crate::snapshot::{Document, Snapshot, Unread};
use crate::verdict::Reason;

/// What the criteria come to on a snapshot.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// What is still possible; one outcome left means that nothing unread can change it.
    pub outcomes: Outcomes,
    /// One for each criterion, in the order in which they were written.
    pub findings: Vec<Finding>,
    /// Which finding is the first cause where the outcome is, or may come out, unknown.
    pub cause: Option<usize>,
}

/// What one criterion saw.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The criterion in words.
    pub criterion: String,
    /// The value it saw: a number, text, whether the field exists, or null where it is missing.
    pub observed: Value,
    /// What is still possible for it.
    pub outcomes: Outcomes,
    /// Why it is unknown, where it is.
    pub cause: Option<Reason>,
    /// More on the cause, for the message.
    pub detail: Option<String>,
}

/// Evaluates criteria on what has been read so far. A document that was read for other criteria is read again from its
/// pages for these, where it lacks what they need.
///
/// `keep_going` is asked between records and matches; once it says no, what is left is unknown, `deadline_exceeded`.
#[must_use]
pub fn evaluate(acceptance: &Acceptance, snapshot: &Snapshot, keep_going: &dyn Fn() -> bool) -> Evaluation {
    let document = snapshot.document.covering(&acceptance.record_fields(snapshot.document.list_field()));
    let reader = Reader { snapshot, document: &document, keep_going };
    let mut findings = Vec::new();
    let Part { outcomes, cause } = reader.acceptance(acceptance, &mut findings);
    Evaluation { outcomes, findings, cause }
}

/// The longest text that a pattern with scope `body` or `raw` is matched against.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// The longest single record that a pattern with scope `record` is matched against: no agent's is a tenth of it.
const MAX_RECORD_BYTES: usize = 64 << 10;

/// What a criterion's reading found.
enum Seen<'s> {
    /// One value.
    Value(Scalar),
    /// A whole number, perhaps still growing.
    Count(Interval),
    /// Several values, counted; `complete` where none can follow.
    Several { values: Vec<&'s Value>, count: Interval, complete: bool },
    /// An object: it exists, and compares with nothing.
    Object,
    /// Not there.
    Missing,
    /// In the part that was not read.
    Unread,
    /// Not evaluated, and why.
    Refused(Reason, String),
}

/// What a part of the criteria comes to.
struct Part {
    outcomes: Outcomes,
    /// The finding that is the first cause of its being unknown, or of its not being decided yet.
    cause: Option<usize>,
}

struct Reader<'s> {
    snapshot: &'s Snapshot,
    /// The snapshot's, with all that the criteria need.
    document: &'s Document,
    keep_going: &'s dyn Fn() -> bool,
}

impl<'s> Reader<'s> {
    fn acceptance(&self, acceptance: &Acceptance, findings: &mut Vec<Finding>) -> Part {
        let parts = match acceptance {
            Acceptance::Criterion(criterion) => {
                let finding = self.criterion(criterion);
                let outcomes = finding.outcomes;
                findings.push(finding);
                return Part { outcomes, cause: Some(findings.len() - 1).filter(|_| outcomes.may_be_unsettled()) };
            }
            Acceptance::Not(part) => {
                let Part { outcomes, cause } = self.acceptance(part, findings);
                return Part { outcomes: outcomes.negated(), cause };
            }
            Acceptance::All(parts) | Acceptance::Any(parts) => parts,
        };
        let parts: Vec<Part> = parts.iter().map(|part| self.acceptance(part, findings)).collect();
        let each = parts.iter().map(|part| part.outcomes);
        let outcomes = if matches!(acceptance, Acceptance::All(_)) {
            each.fold(Outcome::Met.into(), Outcomes::and)
        } else {
            each.fold(Outcome::NotMet.into(), Outcomes::or)
        };
        // A part that its siblings overrule is no cause.
        let cause = if outcomes.may_be_unsettled() { parts.iter().find_map(|part| part.cause) } else { None };
        Part { outcomes, cause }
    }

    fn criterion(&self, criterion: &Criterion) -> Finding {
        let seen = if (self.keep_going)() {
            match &criterion.reading {
                Reading::Json(path) => self.json(path),
                Reading::Regex(pattern) => self.regex(pattern),
                Reading::Agents(count) => self.snapshot.counts.count(*count).map_or(Seen::Missing, Seen::Count),
            }
        } else {
            out_of_time()
        };
        let (outcomes, cause) = judge(criterion, &seen);
        let detail = match &seen {
            Seen::Refused(_, detail) => Some(detail.clone()),
            _ => None,
        };
        Finding { criterion: criterion.to_string(), observed: observed(criterion, &seen), outcomes, cause, detail }
    }

    fn json(&self, path: &FieldPath) -> Seen<'s> {
        let document = self.document;
        let root = document.root();
        let growing = GrowingList::of(document, path);
        if !path.is_singular() {
            return self.many(path, growing.as_ref());
        }
        if growing.as_ref().is_some_and(|list| list.is_unread_at(path)) {
            return Seen::Unread;
        }
        match path.prefix(root) {
            None | Some(Value::Null) => match document.records() {
                Some(records) if document.length_field.is_some_and(|field| path.is_name(field)) => {
                    Seen::Count(with_unread(count(records.len()), document.unread))
                }
                _ => Seen::Missing,
            },
            Some(Value::Object(_)) => Seen::Object,
            Some(Value::Array(items)) => {
                let unread = growing.map_or(Unread::Nothing, |_| document.unread);
                let count = with_unread(count(items.len()), unread);
                Seen::Several { values: items.iter().collect(), count, complete: unread == Unread::Nothing }
            }
            Some(scalar) => Scalar::from_json(scalar).map_or(Seen::Missing, Seen::Value),
        }
    }

    fn many(&self, path: &FieldPath, growing: Option<&GrowingList>) -> Seen<'s> {
        let root = self.document.root();
        if growing.is_some_and(|list| list.is_unread_at(path)) {
            return Seen::Unread;
        }
        if !matches!(path.prefix(root), Some(Value::Array(_) | Value::Object(_))) {
            return Seen::Missing;
        }
        let values: Vec<&Value> = path.select(root).into_iter().filter(|value| !value.is_null()).collect();
        // Absent from every record, or null in every one: the provider does not give the field.
        let dropped = values.is_empty() && path.is_dropped_from(root);
        let seen = count(values.len());
        let low = if values.iter().all(|value| value.is_boolean()) {
            count(values.iter().filter(|value| value.as_bool() == Some(true)).count())
        } else {
            seen
        };
        let Some(list) = growing else {
            if dropped {
                return Seen::Missing;
            }
            return Seen::Several { values, count: Interval::exactly(low), complete: true };
        };
        if dropped || path.tail() == Tail::Open {
            return Seen::Unread;
        }
        let one_each = matches!(path.tail(), Tail::OneEach | Tail::FieldOfEach) && list.is_prefix_of(path);
        let high = if one_each { with_unread(low, list.unread).high } else { None };
        Seen::Several { values, count: Interval { low, high }, complete: false }
    }

    fn regex(&self, pattern: &Pattern) -> Seen<'s> {
        let document = self.document;
        let default = if pattern.kind == PatternKind::Count && document.list_field().is_some() {
            Scope::Record
        } else {
            Scope::Body
        };
        let partial = !is_complete(document);
        match pattern.scope.unwrap_or(default) {
            Scope::Record => match document.record_texts() {
                Some(records) if records.iter().any(|record| record.len() > MAX_RECORD_BYTES) => {
                    let detail = format!("a record of the answer is longer than {MAX_RECORD_BYTES} bytes");
                    Seen::Refused(Reason::UnexpectedResponse, detail)
                }
                Some(records) => self.over_texts(pattern, records, partial),
                None => Seen::Missing,
            },
            Scope::Body if partial => Seen::Unread,
            Scope::Body => {
                let body = document.text();
                too_long(body.len()).unwrap_or_else(|| self.over_texts(pattern, [body], false))
            }
            Scope::Raw => {
                let pages = document.pages.iter().map(|page| &**page);
                too_long(pages.clone().map(str::len).sum()).unwrap_or_else(|| self.over_texts(pattern, pages, partial))
            }
        }
    }

    fn over_texts<'t>(&self, pattern: &Pattern, texts: impl IntoIterator<Item = &'t str>, partial: bool) -> Seen<'s> {
        let mut matches = 0_i64;
        for text in texts {
            if !(self.keep_going)() {
                return out_of_time();
            }
            match pattern.kind {
                PatternKind::Count => {
                    for _ in pattern.regex().find_iter(text) {
                        matches += 1;
                        if !(self.keep_going)() {
                            return out_of_time();
                        }
                    }
                }
                PatternKind::Match => {
                    if pattern.regex().is_match(text) {
                        return Seen::Count(Interval::exactly(1));
                    }
                }
                PatternKind::Capture => {
                    if let Some(captures) = pattern.regex().captures(text) {
                        let group = captures.get(1).map(|group| Scalar::Text(group.as_str().to_owned()));
                        return group.map_or(Seen::Missing, Seen::Value);
                    }
                }
            }
        }
        match (pattern.kind, partial) {
            (PatternKind::Capture, false) => Seen::Missing,
            (PatternKind::Capture, true) => Seen::Unread,
            (PatternKind::Match, true) => Seen::Count(Interval { low: 0, high: Some(1) }),
            (PatternKind::Count, true) => Seen::Count(Interval { low: matches, high: None }),
            (PatternKind::Match | PatternKind::Count, false) => Seen::Count(Interval::exactly(matches)),
        }
    }
}

/// The document's list, where some of it is unread and the path leads to it.
struct GrowingList<'s> {
    field: &'s str,
    seen: usize,
    unread: Unread,
}

impl<'s> GrowingList<'s> {
    fn of(document: &'s Document, path: &FieldPath) -> Option<Self> {
        let field = document.list_field().filter(|_| !is_complete(document))?;
        let leads_there = match path.prefix_steps().first() {
            None => true,
            Some(Step::Name(name)) => name == field,
            Some(Step::Index(_)) => false,
        };
        let seen = document.records()?.len();
        leads_there.then_some(Self { field, seen, unread: document.unread })
    }

    /// Whether the path goes through an item that was not read.
    fn is_unread_at(&self, path: &FieldPath) -> bool {
        let Some(Step::Index(index)) = path.prefix_steps().get(1) else { return false };
        match u64::try_from(*index) {
            // From the end, which is not known yet.
            Err(_) => true,
            Ok(index) => {
                let seen = u64::try_from(self.seen).unwrap_or(u64::MAX);
                let beyond_all = matches!(self.unread, Unread::AtMost(more) if index >= seen.saturating_add(more));
                index >= seen && !beyond_all
            }
        }
    }

    fn is_prefix_of(&self, path: &FieldPath) -> bool {
        matches!(path.prefix_steps(), [Step::Name(name)] if name == self.field)
    }
}

fn judge(criterion: &Criterion, seen: &Seen<'_>) -> (Outcomes, Option<Reason>) {
    let unknown = |reason| (Outcome::Unknown.into(), Some(reason));
    let known = |holds: bool| (Outcome::from(holds).into(), None);
    if let Seen::Refused(reason, _) = seen {
        return unknown(*reason);
    }
    let condition = criterion.condition;
    let Some(value) = &criterion.value else {
        let exists = match seen {
            Seen::Missing => Some(false),
            Seen::Several { values, complete, .. } if is_selection(criterion) && values.is_empty() => {
                complete.then_some(false)
            }
            Seen::Unread => None,
            _ => Some(true),
        };
        return match exists {
            Some(exists) => known(exists == (condition == Condition::Exists)),
            None => (Outcomes::MET_OR_NOT, None),
        };
    };
    let outcomes = match seen {
        Seen::Missing | Seen::Refused(..) => return unknown(Reason::FieldMissing),
        Seen::Unread => return (Outcomes::ANY, None),
        Seen::Object => None,
        Seen::Value(scalar) => condition.holds(scalar, value).map(|holds| Outcome::from(holds).into()),
        Seen::Several { values, complete, .. } if matches!(condition, Condition::Contains | Condition::NotContains) => {
            let among =
                values.iter().any(|member| Scalar::from_json(member).is_some_and(|member| member.equals(value)));
            if among || *complete {
                return known(among == (condition == Condition::Contains));
            }
            return (Outcomes::MET_OR_NOT, None);
        }
        Seen::Count(count) | Seen::Several { count, .. } => condition.holds_over(*count, value),
    };
    outcomes.map_or_else(|| unknown(Reason::NotComparable), |outcomes| (outcomes, None))
}

/// Whether the criterion selects nodes, of which there may be none, and not one array.
fn is_selection(criterion: &Criterion) -> bool {
    matches!(&criterion.reading, Reading::Json(path) if !path.is_singular())
}

fn observed(criterion: &Criterion, seen: &Seen<'_>) -> Value {
    if !criterion.condition.needs_value() {
        return match judge(criterion, seen).0.decided() {
            Some(outcome @ (Outcome::Met | Outcome::NotMet)) => {
                Value::Bool((outcome == Outcome::Met) == (criterion.condition == Condition::Exists))
            }
            _ => Value::Null,
        };
    }
    match seen {
        Seen::Value(Scalar::Text(text)) if matches!(&criterion.reading, Reading::Regex(_)) => {
            Scalar::Text(text.clone()).as_number().map_or_else(|| shortened(text), |number| number.to_json())
        }
        Seen::Value(Scalar::Text(text)) => shortened(text),
        Seen::Value(Scalar::Bool(flag)) => Value::from(u8::from(*flag)),
        Seen::Value(scalar) => scalar.to_json(),
        Seen::Count(count) | Seen::Several { count, .. } => {
            // Without an upper bound of what is subtracted there is no least value to show.
            if count.low == i64::MIN { Value::Null } else { Value::from(count.low) }
        }
        Seen::Object | Seen::Missing | Seen::Unread | Seen::Refused(..) => Value::Null,
    }
}

/// Provider text in a verdict: enough to recognise it.
fn shortened(text: &str) -> Value {
    Value::String(text.chars().take(100).collect())
}

fn out_of_time<'s>() -> Seen<'s> {
    Seen::Refused(Reason::DeadlineExceeded, "the deadline passed while the criteria were evaluated".to_owned())
}

fn too_long<'s>(bytes: usize) -> Option<Seen<'s>> {
    (bytes > MAX_TEXT_BYTES).then(|| {
        let detail =
            format!("the answer has {bytes} bytes, and scope body and raw match {MAX_TEXT_BYTES}; use scope record");
        Seen::Refused(Reason::UnexpectedResponse, detail)
    })
}

fn is_complete(document: &Document) -> bool {
    matches!(document.unread, Unread::Nothing | Unread::AtMost(0))
}

fn with_unread(seen: i64, unread: Unread) -> Interval {
    let high = match unread {
        Unread::Nothing => Some(seen),
        Unread::AtMost(more) => Some(seen.saturating_add(i64::try_from(more).unwrap_or(i64::MAX))),
        Unread::Unbounded => None,
    };
    Interval { low: seen, high }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
