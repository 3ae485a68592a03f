//! The time a check has: when the verdict must be on the wire, and what each step may use of it.

use std::time::Duration;

use tokio::time::Instant;

/// The time of one check, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    started: Instant,
    spent: Duration,
    function_time_left: Option<Duration>,
    answer_by: Instant,
    /// Kept back for evaluating and for writing the answer.
    reserve: Duration,
}

impl Budget {
    /// Starts the clock.
    ///
    /// `deadline` is what the platform allows; `spent` of it had passed on the way here (at most half is given up for
    /// that: clocks differ); `function_time_left` is what the surrounding function has left to live, if it says.
    #[must_use]
    pub fn start(deadline: Duration, spent: Duration, function_time_left: Option<Duration>) -> Self {
        Self::from(Instant::now(), deadline, spent, function_time_left)
    }

    /// The same check with another deadline.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self::from(self.started, deadline, self.spent, self.function_time_left)
    }

    fn from(started: Instant, deadline: Duration, spent: Duration, function_time_left: Option<Duration>) -> Self {
        let mut total = deadline.saturating_sub(spent.min(deadline / 2));
        if let Some(left) = function_time_left {
            total = total.min(left.saturating_sub(FUNCTION_MARGIN.min(left / 2)));
        }
        let reserve = (total / 8).clamp(MIN_RESERVE, MAX_RESERVE).min(total / 2);
        Self { started, spent, function_time_left, answer_by: started + total, reserve }
    }

    /// How long the check has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When the last answer from elsewhere is waited for.
    #[must_use]
    pub fn ask_until(&self) -> Instant {
        self.answer_by.checked_sub(self.reserve).unwrap_or(self.answer_by)
    }

    /// When evaluating must stop.
    #[must_use]
    pub fn evaluate_until(&self) -> Instant {
        self.answer_by.checked_sub(self.reserve / 2).unwrap_or(self.answer_by)
    }

    /// What is left for asking.
    #[must_use]
    pub fn left_to_ask(&self) -> Duration {
        self.ask_until().saturating_duration_since(Instant::now())
    }

    /// When reading the secret must be done: half of what is left, so that the provider gets the other half.
    #[must_use]
    pub fn read_secret_until(&self) -> Instant {
        Instant::now() + self.left_to_ask() / 2
    }
}

const FUNCTION_MARGIN: Duration = Duration::from_millis(50);
const MIN_RESERVE: Duration = Duration::from_millis(10);
const MAX_RESERVE: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use super::Budget;
    use std::time::Duration;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn time_spent_on_the_way_counts_up_to_half_of_the_deadline() {
        let total = |spent| {
            let budget = Budget::start(ms(1000), ms(spent), None);
            budget.answer_by - budget.started
        };
        assert_eq!(total(0), ms(1000));
        assert_eq!(total(300), ms(700));
        assert_eq!(total(60_000), ms(500));
    }

    #[tokio::test(start_paused = true)]
    async fn the_functions_own_end_wins_where_it_is_nearer() {
        let budget = Budget::start(ms(9500), ms(0), Some(ms(400)));
        assert_eq!(budget.answer_by - budget.started, ms(350));
        let nearly_dead = Budget::start(ms(9500), ms(0), Some(ms(20)));
        assert_eq!(nearly_dead.answer_by - nearly_dead.started, ms(10));
    }

    #[tokio::test(start_paused = true)]
    async fn asking_ends_before_evaluating_ends_before_the_answer() {
        for deadline in [50, 200, 1000, 28_000] {
            let budget = Budget::start(ms(deadline), ms(0), None);
            assert!(budget.ask_until() < budget.evaluate_until());
            assert!(budget.evaluate_until() < budget.answer_by);
            assert!(budget.left_to_ask() >= ms(deadline) * 4 / 5);
        }
    }
}
