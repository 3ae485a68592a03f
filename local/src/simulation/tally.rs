//! What came of a simulated day's checks.

use super::provider::Seen;

/// The checks, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks.
    pub checks: u64,
    /// Requests to the provider, those it refused included.
    pub requests: u64,
    /// Requests it refused with 429.
    pub refused: u64,
    /// The most requests in any window of the quota's length.
    pub most_in_a_window: u64,
    /// Checks that came to unknown, so that `on_unknown` decided, and rejected.
    pub unknown: u64,
    /// Checks that accepted.
    pub accepted: u64,
    /// Of those: nobody was free, or another accepted call was on its way to whoever was.
    pub wrong_accepts: u64,
    /// Checks that rejected, unknown ones included, although an agent was free for the call.
    pub wrong_rejects: u64,
    /// The age of the data behind each verdict that had any, in milliseconds, in order.
    ages_ms: Vec<u64>,
}

/// A check, decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) is_unknown: bool,
    pub(super) is_accepted: bool,
    /// Whether one more call would have reached an agent.
    pub(super) had_room: bool,
    pub(super) age_ms: Option<u64>,
}

impl Tally {
    pub(super) fn count(&mut self, outcome: Outcome) {
        self.checks += 1;
        self.unknown += u64::from(outcome.is_unknown);
        self.accepted += u64::from(outcome.is_accepted);
        self.wrong_accepts += u64::from(outcome.is_accepted && !outcome.had_room);
        self.wrong_rejects += u64::from(!outcome.is_accepted && outcome.had_room);
        self.ages_ms.extend(outcome.age_ms);
    }

    pub(super) fn close(mut self, seen: Seen) -> Self {
        let Seen { requests, refused, most_in_a_window } = seen;
        self.ages_ms.sort_unstable();
        Self { requests, refused, most_in_a_window, ..self }
    }

    /// The age that so many hundredths of the verdicts with data do not exceed, in milliseconds. `None`: none had any.
    #[must_use]
    pub fn age_ms(&self, hundredths: u64) -> Option<u64> {
        let count = u64::try_from(self.ages_ms.len()).ok()?;
        let rank = (count * hundredths.min(100)).div_ceil(100).max(1);
        self.ages_ms.get(usize::try_from(rank - 1).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Tally};
    use crate::simulation::provider::Seen;

    #[test]
    fn wrong_is_what_differs_from_how_it_was() {
        let mut tally = Tally::default();
        for (is_accepted, had_room, is_unknown) in [
            (true, true, false),
            (true, false, false),
            (false, true, true),
            (false, false, false),
            (false, true, false),
        ] {
            tally.count(Outcome { is_unknown, is_accepted, had_room, age_ms: None });
        }
        assert_eq!((tally.checks, tally.accepted, tally.unknown), (5, 2, 1));
        assert_eq!((tally.wrong_accepts, tally.wrong_rejects), (1, 2));
    }

    #[test]
    fn an_age_is_one_that_occurred() {
        let mut tally = Tally::default();
        assert_eq!(tally.age_ms(50), None);
        for age_ms in [30, 10, 20, 40] {
            let outcome = Outcome { is_unknown: false, is_accepted: true, had_room: true, age_ms: Some(age_ms) };
            tally.count(outcome);
        }
        let tally = tally.close(Seen::default());
        assert_eq!([0, 25, 26, 50, 99, 100].map(|part| tally.age_ms(part)), [10, 10, 20, 20, 40, 40].map(Some));
    }
}
