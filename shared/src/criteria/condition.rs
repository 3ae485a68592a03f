//! The ten conditions and what each makes of an observed value.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decimal::Decimal;
use super::outcome::{Outcome, Outcomes};

/// How an observed value is compared with the criterion's `value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Observed > value. With value 0: "at least 1".
    GreaterThan,
    /// Observed ≥ value.
    AtLeast,
    /// Observed < value.
    LessThan,
    /// Observed ≤ value.
    AtMost,
    /// Observed = value.
    Equals,
    /// Observed ≠ value.
    NotEquals,
    /// A part of a text, or a member of a list. Case-sensitive.
    Contains,
    /// The opposite of `contains`.
    NotContains,
    /// The field is there and not null.
    Exists,
    /// The field is absent or null.
    NotExists,
}

impl Condition {
    /// All conditions, in the order in which they are documented.
    pub const ALL: [Self; 10] = [
        Self::GreaterThan,
        Self::AtLeast,
        Self::LessThan,
        Self::AtMost,
        Self::Equals,
        Self::NotEquals,
        Self::Contains,
        Self::NotContains,
        Self::Exists,
        Self::NotExists,
    ];

    /// The condition a label names: `greater_than`, or the platform's "Greater Than"; case, blanks, `_` and `-` aside.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| super::same_label(condition.as_str(), label))
    }

    /// The condition's own name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GreaterThan => "greater_than",
            Self::AtLeast => "at_least",
            Self::LessThan => "less_than",
            Self::AtMost => "at_most",
            Self::Equals => "equals",
            Self::NotEquals => "not_equals",
            Self::Contains => "contains",
            Self::NotContains => "not_contains",
            Self::Exists => "exists",
            Self::NotExists => "not_exists",
        }
    }

    /// Whether the condition compares with a `value`.
    #[must_use]
    pub fn needs_value(self) -> bool {
        !matches!(self, Self::Exists | Self::NotExists)
    }

    /// What the condition makes of one value. `None`: the comparison makes no sense.
    #[must_use]
    pub fn holds(self, observed: &Scalar, value: &Scalar) -> Option<bool> {
        match self {
            Self::Equals => Some(observed.equals(value)),
            Self::NotEquals => Some(!observed.equals(value)),
            Self::GreaterThan => observed.order(value).map(Ordering::is_gt),
            Self::AtLeast => observed.order(value).map(Ordering::is_ge),
            Self::LessThan => observed.order(value).map(Ordering::is_lt),
            Self::AtMost => observed.order(value).map(Ordering::is_le),
            Self::Contains | Self::NotContains => match observed {
                Scalar::Text(text) => Some(text.contains(&value.to_string()) == (self == Self::Contains)),
                Scalar::Number(_) | Scalar::Bool(_) => None,
            },
            Self::Exists => Some(true),
            Self::NotExists => Some(false),
        }
    }

    /// What the condition makes of a whole number known to lie in an interval. `None`: no sense.
    #[must_use]
    pub fn holds_over(self, interval: Interval, value: &Scalar) -> Option<Outcomes> {
        let low = self.holds(&Scalar::from(interval.low), value)?;
        if interval.high == Some(interval.low) {
            return Some(Outcome::from(low).into());
        }
        let high = interval.high.and_then(|high| self.holds(&Scalar::from(high), value));
        let decided = match self {
            Self::GreaterThan | Self::AtLeast => {
                if low {
                    Some(true)
                } else {
                    high.filter(|holds| !holds)
                }
            }
            Self::LessThan | Self::AtMost => {
                if low {
                    high.filter(|holds| *holds)
                } else {
                    Some(false)
                }
            }
            Self::Equals | Self::NotEquals => {
                let outside = match value.as_number() {
                    Some(number) => {
                        number < Decimal::from(interval.low)
                            || interval.high.is_some_and(|high| number > Decimal::from(high))
                    }
                    None => true,
                };
                outside.then_some(self == Self::NotEquals)
            }
            Self::Contains | Self::NotContains => None,
            Self::Exists => Some(true),
            Self::NotExists => Some(false),
        };
        Some(decided.map_or(Outcomes::MET_OR_NOT, |holds| Outcome::from(holds).into()))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A whole number known to be at least `low` and at most `high`; no `high`: nobody knows how many are unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The least it can be.
    pub low: i64,
    /// The most it can be.
    pub high: Option<i64>,
}

impl Interval {
    /// A number that is known.
    #[must_use]
    pub fn exactly(value: i64) -> Self {
        Self { low: value, high: Some(value) }
    }

    /// Whether the number is known.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.high == Some(self.low)
    }

    /// This number less the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            // Without an upper bound for what is taken away there is no lower bound: the least an i64 can be says so.
            low: other.high.map_or(i64::MIN, |high| self.low.saturating_sub(high)),
            high: self.high.map(|high| high.saturating_sub(other.low)),
        }
    }
}

/// One value to compare: from the answer, or a criterion's `value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A number.
    Number(Decimal),
    /// `true` or `false`: compares as 1 or 0, and equals the text, case aside.
    Bool(bool),
    /// Text; compares as a number where it is wholly digits.
    Text(String),
}

impl Scalar {
    /// A JSON number, boolean or string. `None` for null, arrays and objects.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Decimal::from_json_token(&number.to_string()).map(Self::Number),
            Value::Bool(flag) => Some(Self::Bool(*flag)),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => number.to_json(),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Text(text) => Value::String(text.clone()),
        }
    }

    /// The number this counts as, if it does.
    #[must_use]
    pub fn as_number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(number.clone()),
            Self::Bool(flag) => Some(Decimal::from(i64::from(*flag))),
            Self::Text(text) => Decimal::from_text(text),
        }
    }

    /// Whether the two are equal: as numbers where both count as one, a boolean and its name, or the same text.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        if let Some(order) = self.order(other) {
            return order.is_eq();
        }
        match (self, other) {
            (Self::Bool(flag), Self::Text(text)) | (Self::Text(text), Self::Bool(flag)) => {
                text.eq_ignore_ascii_case(if *flag { "true" } else { "false" })
            }
            (Self::Text(one), Self::Text(two)) => one == two,
            _ => false,
        }
    }

    /// The order of the two, where both count as numbers.
    fn order(&self, other: &Self) -> Option<Ordering> {
        Some(self.as_number()?.cmp(&other.as_number()?))
    }
}

impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        Self::Number(Decimal::from(value))
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Bool(flag) => flag.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
