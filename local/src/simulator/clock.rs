//! The clock the simulators read: the machine's, or one that only a test moves.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lock;

/// Where a stopped clock stands at first: 2026-11-20T15:04:05Z.
const STOPPED_AT: Duration = Duration::from_secs(1_795_187_045);

/// A clock whose clones move together. Times are durations since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Clock {
    reading: Arc<Mutex<Reading>>,
}

#[derive(Debug)]
struct Reading {
    stopped_at: Option<Duration>,
    ahead: Duration,
}

impl Clock {
    /// The machine's clock, which [`advance`](Self::advance) can still put ahead.
    #[must_use]
    pub fn system() -> Self {
        Self::reading(None)
    }

    /// A clock that stands still until it is advanced, so that no test depends on how fast it runs.
    #[must_use]
    pub fn stopped() -> Self {
        Self::reading(Some(STOPPED_AT))
    }

    fn reading(stopped_at: Option<Duration>) -> Self {
        let ahead = Duration::ZERO;
        Self { reading: Arc::new(Mutex::new(Reading { stopped_at, ahead })) }
    }

    /// The time since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        let reading = lock(&self.reading);
        let base =
            reading.stopped_at.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        base + reading.ahead
    }

    /// Puts the clock, and all its clones, ahead.
    pub fn advance(&self, by: Duration) {
        lock(&self.reading).ahead += by;
    }

    /// The present as the providers print it: RFC 3339, UTC, milliseconds.
    pub(super) fn timestamp(&self) -> String {
        let now = self.now();
        format!("{}.{:03}Z", civil_time(now), now.subsec_millis())
    }
}

/// A time since the Unix epoch as RFC 3339 prints it in UTC, in whole seconds.
pub(super) fn timestamp_seconds(time: Duration) -> String {
    format!("{}Z", civil_time(time))
}

fn civil_time(time: Duration) -> String {
    let (days, second) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The Gregorian date of a day counted from 1970-01-01, reckoned in years that begin in March so that a leap day is a year's last.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_moves_only_when_advanced() {
        let clock = Clock::stopped();
        assert_eq!(clock.timestamp(), "2026-11-20T15:04:05.000Z");
        clock.clone().advance(Duration::from_millis(1_500));
        assert_eq!(clock.timestamp(), "2026-11-20T15:04:06.500Z");
    }

    #[test]
    fn leap_days_and_the_turn_of_a_year_are_dated_right() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(11_016), (2000, 2, 29));
        assert_eq!(civil_date(20_818), (2026, 12, 31));
        assert_eq!(civil_date(20_819), (2027, 1, 1));
    }
}
