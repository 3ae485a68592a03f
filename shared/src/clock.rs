//! Wall-clock times as text and back. Wall clock is for token life and data age; budgets use the monotonic one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

/// The wall clock: the machine's, one that stands still until it is moved, or one that goes with tokio's.
#[derive(Clone, Debug, Default)]
pub struct Clock(Hands);

#[derive(Clone, Debug, Default)]
enum Hands {
    #[default]
    Machine,
    Stopped(Arc<AtomicU64>),
    Tokio {
        showed: SystemTime,
        at: Instant,
    },
}

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        Self(Hands::Machine)
    }

    /// One that stands at this time, in milliseconds since the epoch, until [`Self::advance`] moves it.
    #[must_use]
    pub fn stopped_at(epoch_ms: u64) -> Self {
        Self(Hands::Stopped(Arc::new(AtomicU64::new(epoch_ms))))
    }

    /// One that shows this time now, in milliseconds since the epoch, and goes on as tokio's clock does: where that one is
    /// simulated, the wall clock is too.
    #[must_use]
    pub fn with_tokio(epoch_ms: u64) -> Self {
        Self(Hands::Tokio { showed: UNIX_EPOCH + Duration::from_millis(epoch_ms), at: Instant::now() })
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Hands::Machine => SystemTime::now(),
            Hands::Stopped(stopped) => UNIX_EPOCH + Duration::from_millis(stopped.load(Ordering::SeqCst)),
            Hands::Tokio { showed, at } => *showed + at.elapsed(),
        }
    }

    /// Moves a stopped clock on. The others are not moved.
    pub fn advance(&self, by: Duration) {
        if let Hands::Stopped(stopped) = &self.0 {
            stopped.fetch_add(millis(by), Ordering::SeqCst);
        }
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-21T01:06:12.123Z`.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at.min(UNIX_EPOCH + Duration::from_secs(END_OF_TIME)));
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

/// A time as secrets carry it: RFC 3339, or seconds since the epoch as a number or digits.
#[must_use]
pub fn parse(value: &Value) -> Option<SystemTime> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(seconds) => seconds,
            Err(_) => return OffsetDateTime::parse(text.trim(), &Rfc3339).ok().map(SystemTime::from),
        },
        _ => return None,
    };
    // Milliseconds for seconds lie in the year 50,000 and more: no time anybody means.
    let since_epoch = Duration::try_from_secs_f64(seconds).ok().filter(|since| since.as_secs() <= END_OF_TIME)?;
    UNIX_EPOCH.checked_add(since_epoch)
}

/// The last second of the year 9999, the last that RFC 3339 can write.
const END_OF_TIME: u64 = 253_402_300_799;

/// Whole milliseconds from one instant to a later one; 0 where the clock was set back between them.
#[must_use]
pub fn millis_between(earlier: SystemTime, later: SystemTime) -> u64 {
    millis(later.duration_since(earlier).unwrap_or_default())
}

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_goes_with_tokios_goes_on_with_it() {
        let clock = super::Clock::with_tokio(1_795_223_172_000);
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_millis(1_795_223_173_500));
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let at = UNIX_EPOCH + Duration::from_secs(1_795_223_172);
        for written in
            ["1795223172", "\"1795223172\"", "\"2026-11-21T01:06:12Z\"", "\" 2026-11-21T02:06:12.000+01:00 \""]
        {
            assert_eq!(super::parse(&serde_json::from_str(written).unwrap()), Some(at), "{written}");
        }
        for written in ["\"tomorrow\"", "null", "true", "1e400", "-1e30", "\"NaN\"", "1795223172000", "1e18"] {
            assert_eq!(super::parse(&serde_json::from_str(written).unwrap()), None, "{written}");
        }
        assert_eq!(super::rfc3339(at + Duration::from_millis(123)), "2026-11-21T01:06:12.123Z");
    }
}
