//! Acceptance criteria: what a call-routing platform asks of a contact centre's answer before it sends a call.

mod compiled;
mod condition;
mod decimal;
mod outcome;
mod parse;
mod path;
pub(crate) mod path_text;
mod pattern;
mod reads;

use std::fmt;

pub use condition::{Condition, Interval, Scalar};
pub use decimal::Decimal;
pub use outcome::{Outcome, Outcomes};
pub use parse::{AcceptanceDraft, CriterionDraft, SINGLE_CRITERION_FIELDS};
pub use path::{FieldPath, Step, Tail};
pub use pattern::{Pattern, PatternKind, Scope};

/// When a call is accepted: one criterion, or several joined by Kleene's and, or, not.
#[derive(Clone, Debug)]
pub enum Acceptance {
    /// One criterion.
    Criterion(Criterion),
    /// All must be met.
    All(Vec<Acceptance>),
    /// One must be met.
    Any(Vec<Acceptance>),
    /// This one must not be met.
    Not(Box<Acceptance>),
}

impl Acceptance {
    /// The criteria in the order in which they were written.
    #[must_use]
    pub fn criteria(&self) -> Vec<&Criterion> {
        match self {
            Self::Criterion(criterion) => vec![criterion],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::criteria).collect(),
            Self::Not(part) => part.criteria(),
        }
    }
}

/// One value read from the answer, and the condition it is held against.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// What is read.
    pub reading: Reading,
    /// How it is compared.
    pub condition: Condition,
    /// With what; absent only for `exists` and `not_exists`.
    pub value: Option<Scalar>,
}

/// What a criterion reads of the answer: the platform's "Parse Type".
#[derive(Clone, Debug)]
pub enum Reading {
    /// A field of the document.
    Json(FieldPath),
    /// Matches in its text.
    Regex(Pattern),
    /// A normalised count.
    Agents(AgentCount),
}

/// The normalised counts, the same words for every provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentCount {
    /// Agents who would take a queue call now.
    Available,
    /// Agents in a call.
    OnCall,
    /// Agents finishing one.
    WrapUp,
    /// Agents who are signed in or listed, and would not take a call.
    NotReady,
    /// Agents signed in.
    LoggedIn,
    /// Callers waiting in the queue.
    Waiting,
    /// Available less waiting, less agents held for other calls.
    Headroom,
}

impl AgentCount {
    /// All counts, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Available, Self::OnCall, Self::WrapUp, Self::NotReady, Self::LoggedIn, Self::Waiting, Self::Headroom];

    /// The name in requests and verdicts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::OnCall => "on_call",
            Self::WrapUp => "wrap_up",
            Self::NotReady => "not_ready",
            Self::LoggedIn => "logged_in",
            Self::Waiting => "waiting",
            Self::Headroom => "headroom",
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reading {
            Reading::Json(path) => write!(f, "json {} {}", path.as_str(), self.condition)?,
            Reading::Regex(pattern) => {
                write!(f, "regex {} {} {}", pattern.kind.as_str(), pattern.as_str(), self.condition)?;
            }
            Reading::Agents(count) => write!(f, "agents {} {}", count.as_str(), self.condition)?,
        }
        match &self.value {
            Some(value) => write!(f, " {value}"),
            None => Ok(()),
        }
    }
}

/// Whether two labels are the same, case, blanks, `_` and `-` aside.
fn same_label(one: &str, two: &str) -> bool {
    let plain = |label: &str| -> String {
        label
            .chars()
            .filter(|letter| !letter.is_whitespace() && !"_-".contains(*letter))
            .flat_map(char::to_lowercase)
            .collect()
    };
    plain(one) == plain(two)
}
