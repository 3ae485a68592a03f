//! Conditions that come to the same whatever the provider answers.

use serde_json::Value;

use super::{Answer, Leaf};
use crate::criteria::{AgentCount, Condition, Criterion, FieldPath, PatternKind, Reading, Scalar, Step};

/// What a reading can give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Domain {
    /// A whole number, 0 or more.
    Count,
    /// A whole number.
    Whole,
    /// 1 for a match, else 0.
    Match,
    /// `true` or `false`.
    Flag,
}

/// Says so, where the condition can never be false or never be true.
pub(super) fn remark(leaf: &Leaf<'_>, answer: &Answer<'_>) -> Option<String> {
    let criterion = leaf.criterion;
    let Some(value) = &criterion.value else { return existence(criterion) };
    let domain = domain(criterion, answer)?;
    let points = points(domain, value);
    let held: Option<Vec<bool>> = points.iter().map(|point| criterion.condition.holds(point, value)).collect();
    let held = held?;
    let never = match (held.contains(&true), held.contains(&false)) {
        (true, false) => "false",
        (false, true) => "true",
        _ => return None,
    };
    Some(format!("can never be {never}: {}", instead(domain, criterion.condition, value)))
}

fn existence(criterion: &Criterion) -> Option<String> {
    let Reading::Regex(pattern) = &criterion.reading else { return None };
    if pattern.kind == PatternKind::Capture {
        return None;
    }
    let never = if criterion.condition == Condition::Exists { "false" } else { "true" };
    let write = if criterion.condition == Condition::Exists { "greater_than" } else { "equals" };
    Some(format!("can never be {never}: a number of matches is there also where it is 0; write `{write}` 0"))
}

fn domain(criterion: &Criterion, answer: &Answer<'_>) -> Option<Domain> {
    if matches!(criterion.condition, Condition::Contains | Condition::NotContains) {
        return None;
    }
    match &criterion.reading {
        Reading::Agents(AgentCount::Headroom) => Some(Domain::Whole),
        Reading::Agents(_) => Some(Domain::Count),
        Reading::Regex(pattern) => match pattern.kind {
            PatternKind::Count => Some(Domain::Count),
            PatternKind::Match => Some(Domain::Match),
            PatternKind::Capture => None,
        },
        Reading::Json(path) if !path.is_singular() => Some(Domain::Count),
        Reading::Json(path) => {
            let is_length = answer.document().length_field.is_some_and(|field| path.is_name(field));
            match path.prefix(answer.document().root()) {
                Some(Value::Array(_)) => Some(Domain::Count),
                Some(Value::Bool(_)) => Some(Domain::Flag),
                Some(Value::Number(number)) if number.as_u64().is_some() && (is_length || is_count_by_name(path)) => {
                    Some(Domain::Count)
                }
                None | Some(Value::Null) if is_length => Some(Domain::Count),
                _ => None,
            }
        }
    }
}

/// Whether the field's name says that it counts: `count`, `totalElements`, `number_of_agents`.
fn is_count_by_name(path: &FieldPath) -> bool {
    let Some(Step::Name(name)) = path.prefix_steps().last() else { return false };
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let starts = letter.is_ascii_uppercase() && before.is_ascii_lowercase();
        if starts || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    let counts = words.iter().any(|word| matches!(word.as_str(), "count" | "counts" | "total" | "totals"));
    counts || matches!(words.as_slice(), [number, of, ..] if number == "number" && of == "of")
}

/// Numbers of a domain between which no condition changes but at these.
fn points(domain: Domain, value: &Scalar) -> Vec<Scalar> {
    let mut points: Vec<Scalar> = match domain {
        Domain::Count => [0, i64::MAX].map(Scalar::from).into(),
        Domain::Whole => [i64::MIN, i64::MAX].map(Scalar::from).into(),
        Domain::Match => return [0, 1].map(Scalar::from).into(),
        Domain::Flag => return [false, true].map(Scalar::Bool).into(),
    };
    let itself = value.as_number().and_then(|number| number.to_i64());
    points.extend(itself.filter(|number| domain == Domain::Whole || *number >= 0).map(Scalar::from));
    points
}

fn instead(domain: Domain, condition: Condition, value: &Scalar) -> &'static str {
    let is_at_the_end = value.as_number().and_then(|number| number.to_i64()).is_some_and(|number| number <= 0);
    match (domain, condition) {
        (Domain::Match, _) => {
            "it is 1 where the pattern matches and else 0; write `equals` 1, or count matches with regex_type `count`"
        }
        (Domain::Flag, _) => "the field is true or false; write `equals` true",
        (Domain::Whole, _) => "it is a whole number; compare it with one",
        (Domain::Count, Condition::GreaterThan | Condition::AtLeast | Condition::NotEquals) if is_at_the_end => {
            "it is never below 0; write `greater_than` 0 for at least 1"
        }
        (Domain::Count, _) if is_at_the_end => "it is never below 0; write `equals` 0 for none",
        (Domain::Count, _) => "it is a whole number, 0 or more; compare it with one",
    }
}
