//! Criteria as they are written in a request, with every fault named.

use serde_json::{Map, Value};

use super::{
    Acceptance, AgentCount, Condition, Criterion, FieldPath, Pattern, PatternKind, Reading, Scalar, Scope, same_label,
};
use crate::fault::{Faults, child, type_name};

/// Acceptance criteria as asked for; a single criterion may leave fields to the template.
#[derive(Clone, Debug)]
pub enum AcceptanceDraft {
    /// One criterion, perhaps in part.
    Single(CriterionDraft),
    /// Criteria joined by `all`, `any`, `not`; complete.
    Composite(Acceptance),
}

/// One criterion as asked for: each field is valid by itself, or absent.
#[derive(Clone, Debug, Default)]
pub struct CriterionDraft {
    parse_type: Option<ParseType>,
    parse_field: Option<String>,
    regex_type: Option<PatternKind>,
    pattern: Option<String>,
    scope: Option<Scope>,
    condition: Option<Condition>,
    value: Option<Scalar>,
    /// The fields that were written, valid or not: what is faulty is not also missing.
    written: Vec<String>,
}

/// The platform's "Parse Type".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParseType {
    Json,
    Regex,
    Agents,
}

impl ParseType {
    const ALL: [Self; 3] = [Self::Json, Self::Regex, Self::Agents];

    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Regex => "regex",
            Self::Agents => "agents",
        }
    }
}

/// The fields of a single criterion, as they may also stand flat in a query string.
pub const SINGLE_CRITERION_FIELDS: [&str; 7] =
    ["parse_type", "parse_field", "regex_type", "pattern", "scope", "condition", "value"];

const MAX_DEPTH: usize = 8;
const MAX_CRITERIA: usize = 64;
const MAX_VALUE_BYTES: usize = 256;

impl AcceptanceDraft {
    /// Reads the `acceptance` of a request, noting every fault.
    pub fn parse(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Self> {
        let object = object(value, pointer, faults)?;
        if ["all", "any", "not"].iter().any(|key| object.contains_key(*key)) {
            if leaves(value) > MAX_CRITERIA {
                faults.add(pointer, format!("has more than {MAX_CRITERIA} criteria"));
                return None;
            }
            if is_deeper_than(value, MAX_DEPTH) {
                faults.add(pointer, format!("is nested more than {MAX_DEPTH} deep"));
                return None;
            }
            return composite(value, pointer, faults).map(Self::Composite);
        }
        Some(Self::Single(CriterionDraft::parse(object, pointer, faults)))
    }

    /// The criteria to evaluate: what was asked for, with what it left out taken from the template's own.
    pub fn complete(&self, template: &CriterionDraft, pointer: &str, faults: &mut Faults) -> Option<Acceptance> {
        match self {
            Self::Single(draft) => draft.filled_from(template).complete(pointer, faults).map(Acceptance::Criterion),
            Self::Composite(acceptance) => Some(acceptance.clone()),
        }
    }
}

fn composite(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Acceptance> {
    let object = object(value, pointer, faults)?;
    let joined: Vec<&str> = ["all", "any", "not"].into_iter().filter(|key| object.contains_key(*key)).collect();
    let [key] = joined.as_slice() else {
        if joined.is_empty() {
            return CriterionDraft::parse(object, pointer, faults).complete(pointer, faults).map(Acceptance::Criterion);
        }
        faults.add(pointer, "has more than one of `all`, `any`, `not`; nest one in the other");
        return None;
    };
    for other in object.keys().filter(|other| other != key) {
        faults.add(child(pointer, other), format!("does not belong beside `{key}`; put it into a criterion within"));
    }
    let inner = object.get(*key)?;
    let inner_pointer = child(pointer, key);
    if *key == "not" {
        return Some(Acceptance::Not(Box::new(composite(inner, &inner_pointer, faults)?)));
    }
    let Value::Array(parts) = inner else {
        faults.add(inner_pointer, format!("is {}; give a list of criteria", type_name(inner)));
        return None;
    };
    if parts.is_empty() {
        faults.add(inner_pointer, "is empty; give at least one criterion");
        return None;
    }
    let parsed: Vec<Option<Acceptance>> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| composite(part, &child(&inner_pointer, &index.to_string()), faults))
        .collect();
    let parsed: Vec<Acceptance> = parsed.into_iter().collect::<Option<_>>()?;
    Some(if *key == "all" { Acceptance::All(parsed) } else { Acceptance::Any(parsed) })
}

/// How many criteria there are, before any is read: each may cost a pattern's compilation.
fn leaves(value: &Value) -> usize {
    let inner: Vec<&Value> = ["all", "any", "not"].iter().filter_map(|key| value.get(*key)).collect();
    match inner.as_slice() {
        [] => 1,
        inner => inner
            .iter()
            .map(|inner| inner.as_array().map_or_else(|| leaves(inner), |parts| parts.iter().map(leaves).sum()))
            .sum(),
    }
}

/// Whether `all`, `any` and `not` are nested more than `levels` deep.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return true };
    let inner = ["all", "any", "not"].iter().filter_map(|key| value.get(*key));
    inner.into_iter().any(|inner| match inner {
        Value::Array(parts) => parts.iter().any(|part| is_deeper_than(part, levels)),
        part => is_deeper_than(part, levels),
    })
}

fn object<'v>(value: &'v Value, pointer: &str, faults: &mut Faults) -> Option<&'v Map<String, Value>> {
    let object = value.as_object();
    if object.is_none() {
        faults.add(pointer, format!("is {}; give an object such as {{\"value\": 2}}", type_name(value)));
    }
    object
}

impl CriterionDraft {
    /// A template's criterion: more than 0 in a field of the document.
    #[must_use]
    pub fn field_above_zero(path: &str) -> Self {
        Self { parse_field: Some(path.to_owned()), ..Self::above_zero(ParseType::Json) }
    }

    /// A template's criterion: more than 0 matches of a pattern.
    #[must_use]
    pub fn matches_above_zero(pattern: &str) -> Self {
        Self {
            regex_type: Some(PatternKind::Count),
            pattern: Some(pattern.to_owned()),
            ..Self::above_zero(ParseType::Regex)
        }
    }

    /// A template's criterion: more than 0 of a normalised count.
    #[must_use]
    pub fn agents_above_zero(count: AgentCount) -> Self {
        Self { parse_field: Some(count.as_str().to_owned()), ..Self::above_zero(ParseType::Agents) }
    }

    fn above_zero(parse_type: ParseType) -> Self {
        Self {
            parse_type: Some(parse_type),
            condition: Some(Condition::GreaterThan),
            value: Some(Scalar::from(0)),
            ..Self::default()
        }
    }

    /// Reads the fields of one criterion, noting every fault; a faulty field is left out.
    fn parse(object: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> Self {
        let mut draft = Self { written: object.keys().cloned().collect(), ..Self::default() };
        for (key, value) in object {
            let at = child(pointer, key);
            match key.as_str() {
                "parse_type" => draft.parse_type = word(value, &at, ParseType::ALL, ParseType::as_str, faults),
                "parse_field" => draft.parse_field = text(value, &at, faults),
                "regex_type" => draft.regex_type = word(value, &at, PatternKind::ALL, PatternKind::as_str, faults),
                "pattern" => draft.pattern = text(value, &at, faults),
                "scope" => draft.scope = word(value, &at, Scope::ALL, Scope::as_str, faults),
                "condition" => {
                    draft.condition = text(value, &at, faults).and_then(|label| {
                        let condition = Condition::from_label(&label);
                        if condition.is_none() {
                            faults.add(
                                &at,
                                format!("is no condition; use one of {}", names(Condition::ALL, Condition::as_str)),
                            );
                        }
                        condition
                    });
                }
                "value" => {
                    draft.value = Scalar::from_json(value);
                    if draft.value.as_ref().is_some_and(|value| value.to_string().len() > MAX_VALUE_BYTES) {
                        draft.value = None;
                        faults.add(at, format!("is longer than {MAX_VALUE_BYTES} bytes"));
                    } else if draft.value.is_none() {
                        faults.add(at, format!("is {}; give a number, text, true or false", type_name(value)));
                    }
                }
                _ => faults.add(
                    at,
                    format!("is no field of a criterion; the fields are {}", SINGLE_CRITERION_FIELDS.join(", ")),
                ),
            }
        }
        draft
    }

    /// This draft, with what it leaves out taken from `template`. What belongs to another parse type is not taken.
    fn filled_from(&self, template: &Self) -> Self {
        let parse_type = self.parse_type.or(template.parse_type);
        let same = parse_type == template.parse_type;
        let filled =
            |own: &Option<String>, other: &Option<String>| own.clone().or_else(|| other.clone().filter(|_| same));
        Self {
            parse_type,
            parse_field: filled(&self.parse_field, &template.parse_field),
            regex_type: self.regex_type.or(template.regex_type.filter(|_| same)),
            pattern: filled(&self.pattern, &template.pattern),
            scope: self.scope.or(template.scope.filter(|_| same)),
            condition: self.condition.or(template.condition),
            value: self.value.clone().or_else(|| template.value.clone()),
            written: self.written.clone(),
        }
    }

    fn complete(&self, pointer: &str, faults: &mut Faults) -> Option<Criterion> {
        let before = faults.len();
        let condition = self.check_condition(pointer, faults);
        let Some(parse_type) = self.parse_type else {
            self.missing("parse_type", "use one of json, regex, agents", pointer, faults);
            return None;
        };
        let foreign: &[(&str, bool)] = match parse_type {
            ParseType::Regex => &[("parse_field", self.parse_field.is_some())],
            ParseType::Json | ParseType::Agents => &[
                ("regex_type", self.regex_type.is_some()),
                ("pattern", self.pattern.is_some()),
                ("scope", self.scope.is_some()),
            ],
        };
        for (key, _) in foreign.iter().filter(|(_, given)| *given) {
            faults.add(child(pointer, key), format!("does not belong to parse_type {}", parse_type.as_str()));
        }
        let reading = match parse_type {
            ParseType::Json => self.json(pointer, faults),
            ParseType::Regex => self.regex(pointer, faults),
            ParseType::Agents => self.agents(pointer, faults),
        };
        if faults.len() > before {
            return None;
        }
        let condition = condition?;
        Some(Criterion { reading: reading?, condition, value: self.value.clone().filter(|_| condition.needs_value()) })
    }

    fn check_condition(&self, pointer: &str, faults: &mut Faults) -> Option<Condition> {
        let Some(condition) = self.condition else {
            let all = names(Condition::ALL, Condition::as_str);
            self.missing("condition", &format!("use one of {all}"), pointer, faults);
            return None;
        };
        if condition.needs_value() && self.value.is_none() {
            self.missing("value", &format!("`{condition}` compares with a value"), pointer, faults);
        }
        Some(condition)
    }

    fn missing(&self, field: &str, advice: &str, pointer: &str, faults: &mut Faults) {
        if !self.written.iter().any(|written| written == field) {
            faults.add(child(pointer, field), format!("is missing; {advice}"));
        }
    }

    fn json(&self, pointer: &str, faults: &mut Faults) -> Option<Reading> {
        let at = child(pointer, "parse_field");
        let Some(field) = &self.parse_field else {
            self.missing("parse_field", "name a field such as `total` or `results[*].status`", pointer, faults);
            return None;
        };
        FieldPath::parse(field).map(Reading::Json).map_err(|problem| faults.add(at, problem)).ok()
    }

    fn regex(&self, pointer: &str, faults: &mut Faults) -> Option<Reading> {
        let at = child(pointer, "pattern");
        let Some(pattern) = &self.pattern else {
            self.missing("pattern", "give a regular expression", pointer, faults);
            return None;
        };
        let kind = self.regex_type.unwrap_or(PatternKind::Count);
        if kind == PatternKind::Capture && self.scope == Some(Scope::Record) {
            faults
                .add(child(pointer, "scope"), "cannot be `record` for `capture`; use `body`, or `count` with `record`");
        }
        Pattern::parse(pattern, kind, self.scope).map(Reading::Regex).map_err(|problem| faults.add(at, problem)).ok()
    }

    fn agents(&self, pointer: &str, faults: &mut Faults) -> Option<Reading> {
        let at = child(pointer, "parse_field");
        let all = names(AgentCount::ALL, AgentCount::as_str);
        let Some(field) = &self.parse_field else {
            self.missing("parse_field", &format!("use one of {all}"), pointer, faults);
            return None;
        };
        let found = AgentCount::ALL.into_iter().find(|count| same_label(count.as_str(), field));
        if found.is_none() {
            faults.add(at, format!("is no count of agents; use one of {all}"));
        }
        found.map(Reading::Agents)
    }
}

fn text(value: &Value, pointer: &str, faults: &mut Faults) -> Option<String> {
    let text = value.as_str().map(str::to_owned);
    if text.is_none() {
        faults.add(pointer, format!("is {}; give text", type_name(value)));
    }
    text
}

fn word<T: Copy, const N: usize>(
    value: &Value,
    pointer: &str,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
    faults: &mut Faults,
) -> Option<T> {
    let label = text(value, pointer, faults)?;
    let found = all.into_iter().find(|item| same_label(name(*item), &label));
    if found.is_none() {
        faults.add(pointer, format!("is not known here; use one of {}", names(all, name)));
    }
    found
}

fn names<T: Copy, const N: usize>(all: [T; N], name: impl Fn(T) -> &'static str) -> String {
    all.map(name).join(", ")
}
