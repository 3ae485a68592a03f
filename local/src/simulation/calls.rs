//! Who calls when: a day's curve with a peak in the morning and one in the afternoon, the same for the same seed.

use std::time::Duration;

use fastrand::Rng;

use super::scenario::Scenario;

/// A call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Since the simulation began.
    pub(super) at: Duration,
    /// For which queue.
    pub(super) queue: usize,
    /// Which instance is asked about it. `None`: nobody is asked, the caller dialled the contact centre directly.
    pub(super) checked_by: Option<usize>,
    /// From an accept until the agent shows as busy.
    pub(super) rings: Duration,
    /// From then on until she is free again.
    pub(super) talks: Duration,
}

/// The calls of a scenario, in order.
#[derive(Debug)]
pub(super) struct Calls {
    rng: Rng,
    scenario: Scenario,
    minute: u64,
    /// What the minutes so far owe of a whole call, in hundredths.
    owed: u64,
    /// The same of calls that nobody asks about.
    owed_direct: u64,
    /// The calls of the last minute that was looked at, the latest first.
    ready: Vec<Call>,
}

impl Calls {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let rng = Rng::with_seed(scenario.seed);
        Self { rng, scenario: *scenario, minute: 0, owed: 0, owed_direct: 0, ready: Vec::new() }
    }

    /// Draws a minute's calls.
    fn fill(&mut self) {
        let first_hour = BUSY_HOUR.saturating_sub(u64::from(self.scenario.hours) / 2);
        let hour = usize::try_from(first_hour + self.minute / 60).unwrap_or(usize::MAX) % HUNDREDTHS.len();
        let weight = HUNDREDTHS.get(hour).copied().unwrap_or_default();
        let a_minute = u64::from(self.scenario.calls_per_minute);
        let hundredths = self.owed + a_minute * weight;
        let direct_hundredths = self.owed_direct + a_minute * weight / DIRECT_PART;
        (self.owed, self.owed_direct) = (hundredths % 100, direct_hundredths % 100);
        for (is_checked, due) in [(true, hundredths / 100), (false, direct_hundredths / 100)] {
            for _ in 0..due {
                let call = self.draw(is_checked);
                self.ready.push(call);
            }
        }
        self.ready.sort_by_key(|call| std::cmp::Reverse(call.at));
        self.minute += 1;
    }

    fn draw(&mut self, is_checked: bool) -> Call {
        let rng = &mut self.rng;
        let at_ms = self.minute * 60_000 + rng.u64(..60_000);
        let queue = rng.u32(..self.scenario.queues.max(1));
        // Drawn for every number of instances alike: the calls stay the same.
        let dice = rng.u32(..) % self.scenario.instances.max(1);
        let (rings_ms, talks_ms) = (rng.u64(RINGS_MS), rng.u64(TALKS_MS));
        Call {
            at: Duration::from_millis(at_ms),
            queue: usize::try_from(queue).unwrap_or_default(),
            checked_by: is_checked.then(|| usize::try_from(dice).unwrap_or_default()),
            rings: Duration::from_millis(rings_ms),
            talks: Duration::from_millis(talks_ms),
        }
    }
}

impl Iterator for Calls {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        while self.ready.is_empty() {
            if self.minute >= u64::from(self.scenario.hours) * 60 {
                return None;
            }
            self.fill();
        }
        self.ready.pop()
    }
}

/// The calls of each hour of the day, in hundredths of the average hour's.
const HUNDREDTHS: [u64; 24] =
    [10, 5, 5, 5, 10, 20, 40, 80, 140, 200, 220, 190, 150, 170, 220, 215, 200, 160, 110, 80, 70, 50, 30, 20];
const BUSY_HOUR: u64 = 10;
/// For so many calls that are checked there is one that nobody asked about.
const DIRECT_PART: u64 = 4;
/// How long it takes until an agent shows as busy: the platform connects, the contact centre chooses, the telephone rings.
pub(super) const RINGS_MS: std::ops::RangeInclusive<u64> = 2_000..=8_000;
/// A call, with what is to be written down after it.
const TALKS_MS: std::ops::RangeInclusive<u64> = 30_000..=120_000;

#[cfg(test)]
mod tests {
    use super::{Calls, HUNDREDTHS};
    use crate::simulation::Scenario;
    use callgate::freshness::Quota;
    use callgate::providers::ProviderName;
    use std::time::Duration;

    fn scenario(hours: u32) -> Scenario {
        Scenario {
            provider: ProviderName::CallTools,
            calls_per_minute: 7,
            queues: 3,
            instances: 5,
            agents: 1,
            hours,
            quota: Quota::new(1, 1),
            outage: Duration::ZERO,
            seed: 1,
        }
    }

    #[test]
    fn a_day_has_the_average_it_is_to_have_and_its_peaks() {
        assert_eq!(HUNDREDTHS.iter().sum::<u64>(), 2400);
        let calls: Vec<_> = Calls::new(&scenario(24)).collect();
        let checked = calls.iter().filter(|call| call.checked_by.is_some());
        assert_eq!(checked.clone().count(), 7 * 24 * 60);
        let in_hour = |hour| checked.clone().filter(|call| call.at.as_secs() / 3600 == hour).count();
        assert_eq!(in_hour(10), 7 * 60 * 220 / 100);
        assert_eq!(in_hour(1), 7 * 60 * 5 / 100);
        assert!(calls.windows(2).all(|pair| pair[0].at <= pair[1].at), "they come in order");
        assert!(calls.iter().all(|call| call.queue < 3 && call.checked_by.is_none_or(|instance| instance < 5)));
    }

    #[test]
    fn fewer_hours_are_the_busy_ones() {
        let checked = Calls::new(&scenario(2)).filter(|call| call.checked_by.is_some()).count();
        assert_eq!(checked, 7 * 60 * (200 + 220) / 100, "nine to eleven");
    }
}
