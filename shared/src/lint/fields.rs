//! Paths that read what is not there, count what was to be compared, or ask for existence where truth was meant.

use std::collections::HashSet;

use serde_json::Value;

use super::{Answer, Leaf, MAX_NAME_SHOWN, MAX_RECORDS, nearest, printable};
use crate::criteria::path_text::{Kind, Segment, Test, member, segments, tests};
use crate::criteria::{Condition, FieldPath, Scalar};
use crate::verdict::Reason;

/// What is odd about a path.
pub(super) fn remarks(leaf: &Leaf<'_>, path: &FieldPath, answer: &Answer<'_>) -> Vec<String> {
    let document = answer.document();
    let is_length = document.length_field.is_some_and(|field| path.is_name(field)) && document.records().is_some();
    let Some(segments) = segments(path.as_str()).filter(|_| !is_length) else { return Vec::new() };
    let mut walk = Walk { leaf, path, answer, segments: &segments, remarks: Vec::new() };
    walk.run();
    walk.remarks
}

/// A walk along a path, from the answer's root. Filters let everything pass: what they choose changes from one check to
/// the next, and what no record has at all does not.
struct Walk<'a, 's> {
    leaf: &'a Leaf<'a>,
    path: &'a FieldPath,
    answer: &'a Answer<'s>,
    segments: &'a [Segment],
    remarks: Vec<String>,
}

impl<'s> Walk<'_, 's> {
    fn run(&mut self) {
        let mut nodes = vec![self.answer.document().root()];
        for (at, segment) in self.segments.iter().enumerate() {
            nodes = match &segment.kind {
                Kind::Name(name) => {
                    let found: Vec<&Value> = nodes.iter().filter_map(|node| node.get(name.as_str())).collect();
                    if found.is_empty() {
                        self.missing(at, name, &nodes);
                        return;
                    }
                    found
                }
                Kind::Index(index) => nodes.iter().filter_map(|node| item(node, *index)).collect(),
                Kind::Each | Kind::Other => children(&nodes),
                Kind::Filter(filter) => {
                    let records = children(&nodes);
                    self.filter(filter, &records);
                    records
                }
                Kind::Descendants(name) => {
                    if let (Some(name), Some(keys)) = (name, self.answer.keys())
                        && !keys.contains(name.as_str())
                    {
                        let near = nearest(name, keys.iter().copied());
                        self.tell_missing(name, "nothing in the answer has", near, self.asks_existence(), "");
                    }
                    return;
                }
            };
            nodes.retain(|node| !node.is_null());
            if nodes.is_empty() {
                return;
            }
        }
        self.numbers(&nodes);
        self.existence(&nodes);
    }

    fn asks_existence(&self) -> bool {
        !self.leaf.criterion.condition.needs_value()
    }

    /// Whether the steps before this one have taken several nodes.
    fn is_many(&self, at: usize) -> bool {
        let several = |segment: &Segment| !matches!(segment.kind, Kind::Name(_) | Kind::Index(_));
        self.segments.iter().take(at).any(several)
    }

    /// None of the nodes has the member that the segment names.
    fn missing(&mut self, at: usize, name: &str, nodes: &[&Value]) {
        if !self.answer.is_whole() {
            return;
        }
        let leaf = self.leaf;
        // What is unread may have it.
        if self.path.is_singular() && !self.asks_existence() && leaf.finding.cause != Some(Reason::FieldMissing) {
            return;
        }
        let shown = printable(name, MAX_NAME_SHOWN);
        if nodes.iter().all(|node| node.is_array()) {
            let instead = self.written(at, "[*]");
            self.remarks.push(format!("reads `{shown}` of a list; write `{instead}` to read it of each item"));
            return;
        }
        let place = if self.is_many(at) {
            none_of(nodes.len())
        } else if at == 0 {
            "the answer does not have".to_owned()
        } else {
            format!("`{}` does not have", self.written_up_to(at))
        };
        let names = names_of(nodes);
        let near = nearest(name, names.iter().copied());
        let elsewhere = if near.is_none() && at == 0 { self.elsewhere(name) } else { None };
        let instead = match elsewhere {
            Some(path) => format!("; write `{path}`"),
            None => listed(&names),
        };
        self.tell_missing(name, &place, near, self.asks_existence(), &instead);
    }

    /// Where else, one step from the root, a member of that name is.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let document = self.answer.document();
        let path = |place: &str, steps: &str| {
            let written = self.path.as_str();
            if written.starts_with('$') {
                format!("${}{steps}{}", member(place), member(name))
            } else {
                format!("{place}{steps}.{name}")
            }
        };
        let records = self.answer.records().unwrap_or_default();
        if let Some(list) = document.list_field().filter(|_| document.root().is_object())
            && records.iter().any(|record| record.get(name).is_some())
        {
            return Some(printable(&path(list, "[*]"), 2 * MAX_NAME_SHOWN));
        }
        let members = document.root().as_object()?.iter().take(MAX_RECORDS);
        let (place, _) = members.into_iter().find(|(_, member)| member.get(name).is_some())?;
        Some(printable(&path(place, ""), 2 * MAX_NAME_SHOWN))
    }

    fn tell_missing(&mut self, name: &str, place: &str, near: Option<&str>, absence_is_fine: bool, otherwise: &str) {
        let name = printable(name, MAX_NAME_SHOWN);
        match near {
            Some(near) => {
                self.remarks
                    .push(format!("reads `{name}`, which {place}; write `{}`", printable(near, MAX_NAME_SHOWN)));
            }
            None if absence_is_fine => {}
            None => self.remarks.push(format!("reads `{name}`, which {place}{otherwise}")),
        }
    }

    fn filter(&mut self, filter: &str, records: &[&'s Value]) {
        let (tests, has_alternatives) = tests(filter);
        let mut told = HashSet::new();
        for test in &tests {
            self.test(test, has_alternatives, records, &mut told);
        }
    }

    fn test(&mut self, test: &Test, has_alternatives: bool, records: &[&'s Value], told: &mut HashSet<Vec<String>>) {
        let mut nodes = records.to_vec();
        for (at, name) in test.names.iter().enumerate() {
            nodes.retain(|node| !node.is_null());
            let found: Vec<&Value> = nodes.iter().filter_map(|node| node.get(name.as_str())).collect();
            if found.is_empty() {
                if !self.answer.is_whole() {
                    return;
                }
                let known = test.names.get(..=at).unwrap_or_default();
                if !nodes.is_empty() && told.insert(known.to_vec()) {
                    let names = names_of(&nodes);
                    let near = nearest(name, names.iter().copied());
                    let fine = test.is_existence || has_alternatives;
                    self.tell_missing(name, &none_of(nodes.len()), near, fine, &listed(&names));
                }
                return;
            }
            nodes = found;
        }
        if !test.is_existence || !test.only_names {
            return;
        }
        let field = printable(&test.text, MAX_NAME_SHOWN);
        let Some((what, positive, negative)) = nodes.iter().find_map(|node| falsy(node)) else { return };
        let instead = match (test.negated, what) {
            (true, _) => format!("{field} {negative}"),
            // What is absent is unequal to null, and would pass.
            (false, "null") => format!("{field} && {field} {positive}"),
            (false, _) => format!("{field} {positive}"),
        };
        self.remarks.push(format!(
            "has a filter that asks only whether `{field}` is there, and it is there also where it is {what}; write `{instead}`"
        ));
    }

    /// A comparison of many nodes compares their number.
    fn numbers(&mut self, nodes: &[&Value]) {
        let criterion = self.leaf.criterion;
        let operator = match criterion.condition {
            Condition::GreaterThan => ">",
            Condition::AtLeast => ">=",
            Condition::LessThan => "<",
            Condition::AtMost => "<=",
            Condition::Equals => "==",
            Condition::NotEquals => "!=",
            Condition::Contains | Condition::NotContains | Condition::Exists | Condition::NotExists => return,
        };
        let identifies = self.segments.last().is_some_and(|last| matches!(&last.kind, Kind::Name(name) if is_id(name)));
        if self.path.is_singular() || identifies || !nodes.iter().all(|node| node.is_number()) {
            return;
        }
        let filter = criterion.value.as_ref().and_then(|value| self.as_filter(operator, value));
        let instead = match filter {
            Some(filter) => format!("write `{filter}` with `greater_than` 0 to compare each"),
            None => "name one of them, or compare them in a filter such as `[?@.name > 0]`".to_owned(),
        };
        self.remarks.push(format!("counts the numbers that the path selects and does not compare them; {instead}"));
    }

    /// The path with the comparison put into its filter.
    fn as_filter(&self, operator: &str, value: &Scalar) -> Option<String> {
        let at = self.segments.iter().position(|segment| matches!(segment.kind, Kind::Each | Kind::Filter(_)))?;
        let (before, from) = self.segments.split_at_checked(at)?;
        let (chosen, behind) = from.split_first()?;
        if behind.is_empty() || !behind.iter().all(|segment| matches!(segment.kind, Kind::Name(_))) {
            return None;
        }
        let joined = |segments: &[Segment]| segments.iter().map(|segment| segment.text.as_str()).collect::<String>();
        let tested = match &chosen.kind {
            Kind::Filter(filter) if filter.contains("||") => format!("({filter}) && "),
            Kind::Filter(filter) => format!("{filter} && "),
            _ => String::new(),
        };
        let number = value.as_number()?;
        let path = format!("${}[?{tested}@{} {operator} {number}]", joined(before), joined(behind));
        FieldPath::parse(&path).ok()?;
        (path.chars().count() <= MAX_PATH_SHOWN).then_some(path)
    }

    /// `exists` of what is false.
    fn existence(&mut self, nodes: &[&Value]) {
        let filtered = self.segments.iter().any(|segment| matches!(segment.kind, Kind::Filter(_) | Kind::Other));
        let all_flags = nodes.iter().all(|node| node.is_boolean());
        let some_false = nodes.iter().any(|node| node.as_bool() == Some(false));
        if self.leaf.criterion.condition != Condition::Exists || filtered || !all_flags || !some_false {
            return;
        }
        let instead = if self.path.is_singular() { "`equals` true" } else { "`greater_than` 0" };
        self.remarks.push(format!(
            "asks only whether the field is there, and it is there also where it is false; write {instead}"
        ));
    }

    /// The path up to a segment, as it was written.
    fn written_up_to(&self, at: usize) -> String {
        let segments = self.segments.get(..at).unwrap_or_default();
        printable(
            &joined_like(self.path.as_str(), segments.iter().map(|segment| (&segment.kind, segment.text.as_str()))),
            2 * MAX_NAME_SHOWN,
        )
    }

    /// The path as it was written, with a segment put in.
    fn written(&self, at: usize, inserted: &str) -> String {
        let mut parts: Vec<(&Kind, &str)> =
            self.segments.iter().map(|segment| (&segment.kind, segment.text.as_str())).collect();
        parts.insert(at.min(parts.len()), (&Kind::Each, inserted));
        printable(&joined_like(self.path.as_str(), parts.into_iter()), 2 * MAX_NAME_SHOWN)
    }
}

const MAX_PATH_SHOWN: usize = 240;
const MAX_NAMES_LISTED: usize = 8;

fn joined_like<'a>(written: &str, parts: impl Iterator<Item = (&'a Kind, &'a str)>) -> String {
    let is_plain = !written.starts_with('$');
    let mut joined = String::from(if is_plain { "" } else { "$" });
    for (kind, text) in parts {
        match kind {
            Kind::Name(name) if is_plain => {
                if !joined.is_empty() {
                    joined.push('.');
                }
                joined.push_str(name);
            }
            _ => joined.push_str(text),
        }
    }
    joined
}

fn item(node: &Value, index: i64) -> Option<&Value> {
    let items = node.as_array()?;
    match usize::try_from(index) {
        Ok(index) => items.get(index),
        Err(_) => items.get(items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?),
    }
}

/// The items and members of the nodes, the first of them.
fn children<'v>(nodes: &[&'v Value]) -> Vec<&'v Value> {
    let mut children = Vec::new();
    for node in nodes {
        let room = MAX_RECORDS - children.len();
        match node {
            Value::Array(items) => children.extend(items.iter().take(room)),
            Value::Object(members) => children.extend(members.values().take(room)),
            _ => {}
        }
    }
    children
}

/// The names of the nodes' members, each once.
fn names_of<'v>(nodes: &[&'v Value]) -> Vec<&'v str> {
    let members = nodes.iter().filter_map(|node| node.as_object());
    let mut known = HashSet::new();
    members
        .flat_map(|members| members.keys().take(MAX_RECORDS))
        .map(String::as_str)
        .filter(|name| known.insert(*name))
        .take(5 * MAX_RECORDS)
        .collect()
}

pub(super) fn none_of(nodes: usize) -> String {
    if nodes == 1 {
        "the one record looked at does not have".to_owned()
    } else {
        format!("none of the {nodes} records looked at has")
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = names.iter().take(MAX_NAMES_LISTED).map(|name| printable(name, MAX_NAME_SHOWN)).collect();
    let more = if names.len() > MAX_NAMES_LISTED { " and more" } else { "" };
    format!("; write one of the names there: {}{more}", shown.join(", "))
}

/// What a value that is there, and means no, is called; the test that it fails, and the one that it passes.
fn falsy(value: &Value) -> Option<(&'static str, &'static str, &'static str)> {
    match value {
        Value::Bool(false) => Some(("false", "== true", "== false")),
        Value::Null => Some(("null", "!= null", "== null")),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(("0", "!= 0", "== 0")),
        Value::String(text) if text.is_empty() => Some(("empty", "!= ''", "== ''")),
        _ => None,
    }
}

/// Whether a field of that name identifies, so that its numbers are counted and never compared.
fn is_id(name: &str) -> bool {
    matches!(name, "id" | "ID" | "Id") || name.ends_with("Id") || name.ends_with("_id") || name.ends_with("ID")
}
