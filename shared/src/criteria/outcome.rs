//! What an evaluation can come to: met, not met or unknown, and sets of these while some of the answer is unread.

use serde::Serialize;

/// The three values of Kleene logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The criterion holds.
    Met,
    /// The criterion does not hold.
    NotMet,
    /// The answer does not say.
    Unknown,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Met, Self::NotMet, Self::Unknown];

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotMet, _) | (_, Self::NotMet) => Self::NotMet,
            (Self::Met, Self::Met) => Self::Met,
            _ => Self::Unknown,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Met => Self::NotMet,
            Self::NotMet => Self::Met,
            Self::Unknown => Self::Unknown,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Met => 1,
            Self::NotMet => 2,
            Self::Unknown => 4,
        }
    }
}

impl From<bool> for Outcome {
    fn from(holds: bool) -> Self {
        if holds { Self::Met } else { Self::NotMet }
    }
}

/// The outcomes that are still possible. One of them left: decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes(u8);

impl Outcomes {
    /// Nothing is ruled out.
    pub const ANY: Self = Self(7);
    /// Known to be met or not met, not which.
    pub const MET_OR_NOT: Self = Self(3);

    /// The outcome, where only one is left.
    #[must_use]
    pub fn decided(self) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.bit() == self.0)
    }

    /// Whether it is, or may still come out, neither met nor not met.
    #[must_use]
    pub fn may_be_unsettled(self) -> bool {
        !matches!(self.decided(), Some(Outcome::Met | Outcome::NotMet))
    }

    /// Both this and the other must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut all = 0;
        for one in self.each() {
            for two in other.each() {
                all |= one.and(two).bit();
            }
        }
        Self(all)
    }

    /// One of this and the other must hold.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(self.each().fold(0, |all, outcome| all | outcome.negated().bit()))
    }

    fn each(self) -> impl Iterator<Item = Outcome> {
        Outcome::ALL.into_iter().filter(move |outcome| self.0 & outcome.bit() != 0)
    }
}

impl From<Outcome> for Outcomes {
    fn from(outcome: Outcome) -> Self {
        Self(outcome.bit())
    }
}
