//! When a token is refreshed. Pure.

use std::time::{Duration, SystemTime};

/// A token's life as its secret states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was got, where that is known.
    pub issued_at: Option<SystemTime>,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// Secrets Manager wants no secret written more often than this, sustained.
const BETWEEN_WRITES: Duration = Duration::from_mins(10);

/// Whether a token is to be refreshed now: with half its life or three periods of the schedule left, whichever is more,
/// so that a provider that is down for many minutes is never noticed. Not within ten minutes of the last time, unless
/// the token would end before the run after next.
#[must_use]
pub fn is_due(life: Option<Life>, period: Duration, now: SystemTime) -> bool {
    let Some(Life { issued_at, expires_at }) = life else { return true };
    let left = expires_at.duration_since(now).unwrap_or_default();
    // Where nobody noted the beginning, what is left is taken for the whole: three periods decide.
    let whole = issued_at.and_then(|issued_at| expires_at.duration_since(issued_at).ok()).unwrap_or_default();
    if left > (whole / 2).max(period * 3) {
        return false;
    }
    may_write(issued_at, left, period, now)
}

/// Whether a secret that was written at `last` may be written again: ten minutes later, or where the token, with so much
/// left, would end before the run after next.
pub(super) fn may_write(last: Option<SystemTime>, left: Duration, period: Duration, now: SystemTime) -> bool {
    let lately = last.is_some_and(|at| now.duration_since(at).is_ok_and(|age| age < BETWEEN_WRITES));
    !lately || left <= period * 2
}

#[cfg(test)]
mod tests {
    use super::{Life, is_due};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    const PERIOD: Duration = Duration::from_mins(5);

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    fn at(age: u64, life: u64) -> bool {
        let issued_at = UNIX_EPOCH + minutes(10_000);
        let life = Life { issued_at: Some(issued_at), expires_at: issued_at + minutes(life) };
        is_due(Some(life), PERIOD, issued_at + minutes(age))
    }

    #[test]
    fn half_of_the_life_or_three_periods_whichever_comes_first() {
        // A day: refreshed with half a day left.
        assert!(!at(719, 1440) && at(720, 1440));
        // An hour: with half an hour left.
        assert!(!at(29, 60) && at(30, 60));
        // Twenty-four minutes: half would be twelve, three periods are fifteen.
        assert!(!at(8, 24) && at(10, 24));
        // Over, long ago.
        assert!(at(100, 60));
    }

    #[test]
    fn no_secret_is_written_more_than_every_ten_minutes_unless_the_token_would_lapse() {
        // Twenty minutes: due by the rule at five, kept until ten minutes have passed.
        assert!(!at(5, 20) && !at(9, 20) && at(10, 20));
        // Twelve minutes: at two minutes of age ten are left, two periods.
        assert!(at(2, 12));
    }

    #[test]
    fn a_token_without_times_and_none_at_all_are_due() {
        let now = UNIX_EPOCH + minutes(10_000);
        assert!(is_due(None, PERIOD, now));
        let unknown = |left| Some(Life { issued_at: None, expires_at: now + minutes(left) });
        assert!(is_due(unknown(15), PERIOD, now) && !is_due(unknown(16), PERIOD, now));
        let set_back = Life { issued_at: Some(now + minutes(60)), expires_at: now + minutes(120) };
        assert!(!is_due(Some(set_back), PERIOD, now));
        assert!(is_due(Some(Life { issued_at: None, expires_at: SystemTime::UNIX_EPOCH }), PERIOD, now));
    }
}
