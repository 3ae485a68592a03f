//! From an evaluation, or the lack of an answer, to a decision: pure.

use crate::criteria::{Acceptance, Criterion};
use crate::criteria::{AgentCount, Condition, Outcome, Reading};
use crate::evaluate::{Evaluation, Finding};
use crate::failure::Failure;
use crate::snapshot::{Snapshot, Unread};
use crate::verdict::{Decision, FindingShown, OnUnknown, Reason};

/// What was decided, and why.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Accept or reject.
    pub decision: Decision,
    /// The reason.
    pub reason: Reason,
    /// Whether `on_unknown` decided.
    pub on_unknown_applied: bool,
    /// What each criterion saw.
    pub findings: Vec<FindingShown>,
    /// The decision in a sentence.
    pub message: String,
}

impl Decided {
    /// Decides on an answer.
    #[must_use]
    pub fn on_answer(
        acceptance: &Acceptance,
        evaluation: &Evaluation,
        snapshot: &Snapshot,
        on_unknown: OnUnknown,
    ) -> Self {
        if snapshot.queue_closed {
            return Self {
                decision: Decision::Reject,
                reason: Reason::QueueClosed,
                on_unknown_applied: false,
                findings: Vec::new(),
                message: "the provider says that the queue takes no calls".to_owned(),
            };
        }
        let outcome = evaluation.outcomes.decided();
        // Undecided with nothing left to read: the rest could not be read, and that is the cause.
        let unread = snapshot.unread_because.as_ref();
        let cause_of = |finding: &Finding| finding.cause.or_else(|| unread.map(Failure::reason));
        let settled = matches!(outcome, Some(Outcome::Met | Outcome::NotMet));
        let findings = evaluation.findings.iter().map(|finding| shown(finding, settled, cause_of(finding))).collect();
        match outcome {
            Some(outcome @ (Outcome::Met | Outcome::NotMet)) => {
                let met = outcome == Outcome::Met;
                Self {
                    decision: if met { Decision::Accept } else { Decision::Reject },
                    reason: if met { Reason::Ok } else { Reason::ConditionNotMet },
                    on_unknown_applied: false,
                    findings,
                    message: sentence(acceptance, evaluation, snapshot),
                }
            }
            Some(Outcome::Unknown) | None => {
                let culprit = evaluation.cause.and_then(|at| evaluation.findings.get(at));
                let reason =
                    culprit.and_then(cause_of).or(unread.map(Failure::reason)).unwrap_or(Reason::InternalError);
                let why = match (culprit.and_then(|finding| finding.cause), unread) {
                    (None, Some(failure)) => failure.to_string(),
                    _ => culprit.map_or_else(String::new, |finding| unknown_sentence(finding, reason)),
                };
                Self { findings, ..Self::by_policy(reason, &why, on_unknown) }
            }
        }
    }

    /// Decides without an answer.
    #[must_use]
    pub fn on_failure(failure: &Failure, on_unknown: OnUnknown) -> Self {
        Self::by_policy(failure.reason(), &failure.to_string(), on_unknown)
    }

    pub(crate) fn by_policy(reason: Reason, why: &str, on_unknown: OnUnknown) -> Self {
        let (decision, policy) = match on_unknown {
            OnUnknown::Accept => (Decision::Accept, "accepted"),
            OnUnknown::Reject => (Decision::Reject, "rejected"),
        };
        Self {
            decision,
            reason,
            on_unknown_applied: true,
            findings: Vec::new(),
            message: format!("{why}; {policy} by on_unknown"),
        }
    }
}

fn shown(finding: &Finding, settled: bool, cause: Option<Reason>) -> FindingShown {
    let (outcome, reason) = match finding.outcomes.decided() {
        Some(Outcome::Met) => ("met", None),
        Some(Outcome::NotMet) => ("not_met", None),
        None if settled => ("undecided", None),
        Some(Outcome::Unknown) | None => ("unknown", cause),
    };
    FindingShown {
        criterion: finding.criterion.clone(),
        observed: finding.observed.clone(),
        outcome: outcome.into(),
        reason,
    }
}

fn unknown_sentence(finding: &Finding, reason: Reason) -> String {
    let criterion = &finding.criterion;
    match (reason, &finding.detail) {
        (_, Some(detail)) => format!("`{criterion}`: {detail}"),
        (Reason::FieldMissing, None) => format!("`{criterion}`: the answer does not have what it reads"),
        (Reason::NotComparable, None) => format!("`{criterion}`: what was read cannot be compared in that way"),
        (reason, None) => format!("`{criterion}`: {}", reason.as_str()),
    }
}

fn sentence(acceptance: &Acceptance, evaluation: &Evaluation, snapshot: &Snapshot) -> String {
    if let (Acceptance::Criterion(criterion), [finding]) = (acceptance, evaluation.findings.as_slice()) {
        let at_least =
            if snapshot.document.unread == Unread::Nothing || !finding.observed.is_number() { "" } else { "at least " };
        return format!("{}; {}", saw(criterion, finding, at_least, snapshot), wanted(criterion));
    }
    let met = evaluation.findings.iter().filter(|finding| finding.outcomes.decided() == Some(Outcome::Met)).count();
    format!("{met} of {} criteria met", evaluation.findings.len())
}

fn saw(criterion: &Criterion, finding: &Finding, at_least: &str, snapshot: &Snapshot) -> String {
    let observed = match &finding.observed {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match &criterion.reading {
        Reading::Agents(AgentCount::Headroom) => {
            let part = |count: AgentCount| snapshot.counts.count(count).map_or(0, |interval| interval.low);
            let (available, waiting) = (part(AgentCount::Available), part(AgentCount::Waiting));
            let held = match snapshot.counts.held {
                0 => String::new(),
                held => format!(", {held} held"),
            };
            format!("{at_least}{observed} agents to spare ({available} available, {waiting} callers waiting{held})")
        }
        Reading::Agents(count) => format!("{at_least}{observed} {}", count.as_str().replace('_', " ")),
        Reading::Json(path) if !criterion.condition.needs_value() => {
            format!("`{}` {}", path.as_str(), if observed == "true" { "exists" } else { "does not exist" })
        }
        Reading::Json(path) => format!("`{}` is {at_least}{observed}", path.as_str()),
        Reading::Regex(_) => format!("the pattern gives {at_least}{observed}"),
    }
}

fn wanted(criterion: &Criterion) -> String {
    let value = criterion.value.as_ref().map(ToString::to_string).unwrap_or_default();
    match criterion.condition {
        Condition::GreaterThan => format!("more than {value} needed"),
        Condition::AtLeast => format!("at least {value} needed"),
        Condition::LessThan => format!("less than {value} needed"),
        Condition::AtMost => format!("at most {value} needed"),
        Condition::Equals => format!("{value} needed"),
        Condition::NotEquals => format!("anything but {value} needed"),
        Condition::Contains => format!("{value} needed in it"),
        Condition::NotContains => format!("{value} not wanted in it"),
        Condition::Exists => "needed to exist".to_owned(),
        Condition::NotExists => "needed not to exist".to_owned(),
    }
}
