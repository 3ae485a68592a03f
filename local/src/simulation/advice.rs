//! Which `max_age_ms` keeps an account's queues within the planned part of its quota: arithmetic, nothing simulated.

use std::time::Duration;

use callgate::clock::millis;
use callgate::providers::ProviderName;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;

use super::calls::RINGS_MS;
use super::recipe::Recipe;
use super::scenario::Scenario;

/// What to set, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// `max_age_ms`.
    pub max_age: Duration,
    /// How long it takes at most, as simulated, until an agent who gets a call shows as busy. With `max_age_ms` it makes
    /// `hold_ms`: an agent is held until no answer can be in use any more that shows her as free.
    pub rings: Duration,
    /// Requests that one answer takes at most.
    pub requests_of_an_answer: u32,
}

/// What to set for a scenario's account, queues and agents.
#[must_use]
pub fn advise(scenario: &Scenario) -> Advice {
    let requests_of_an_answer = match scenario.provider {
        ProviderName::CallTools => CallTools::requests(scenario.agents),
        ProviderName::GenesysCloud => GenesysCloud::requests(scenario.agents),
        ProviderName::RingCentral => RingCentral::requests(scenario.agents),
        ProviderName::PortSip => PortSip::requests(scenario.agents),
    };
    let requests = u64::from(scenario.queues) * u64::from(requests_of_an_answer);
    let planned_thousandths = u64::from(scenario.quota.requests.max(1)) * PLANNED_THOUSANDTHS;
    let least_ms = (millis(scenario.quota.window) * 1000).saturating_mul(requests).div_ceil(planned_thousandths);
    let max_age_ms = least_ms.next_multiple_of(STEP_MS);
    let max_age = Duration::from_millis(max_age_ms);
    Advice { max_age, rings: Duration::from_millis(*RINGS_MS.end()), requests_of_an_answer }
}

/// What callgate plans for of a quota: above that it asks only where it has no other answer.
const PLANNED_THOUSANDTHS: u64 = 700;
/// Nobody wants to set 5143.
const STEP_MS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::advise;
    use crate::simulation::Scenario;
    use callgate::freshness::Quota;
    use callgate::providers::ProviderName;
    use std::time::Duration;

    fn max_age_ms(provider: ProviderName, quota: Quota, queues: u32) -> u128 {
        let outage = Duration::ZERO;
        let (calls_per_minute, instances, agents, hours, seed) = (1, 1, 24, 1, 1);
        let scenario = Scenario { provider, calls_per_minute, queues, instances, agents, hours, quota, outage, seed };
        advise(&scenario).max_age.as_millis()
    }

    #[test]
    fn seven_tenths_of_the_quota_are_enough_for_all_queues() {
        let hourly = Quota::new(1000, 3600);
        // 3,600,000 ms / 700 requests = 5142.9.
        assert_eq!(max_age_ms(ProviderName::CallTools, hourly, 1), 5200);
        assert_eq!(max_age_ms(ProviderName::CallTools, hourly, 4), 20_600);
        // 60,000 / 210 = 285.7.
        assert_eq!(max_age_ms(ProviderName::GenesysCloud, Quota::new(300, 60), 1), 300);
        // Two requests for an answer: 60,000 / 35 * 2 = 3428.6.
        assert_eq!(max_age_ms(ProviderName::RingCentral, Quota::new(50, 60), 1), 3500);
        // Twenty-four agents, their list and the queue's status: 60,000 / 700 * 26 = 2228.6.
        assert_eq!(max_age_ms(ProviderName::PortSip, Quota::new(1000, 60), 1), 2300);
    }
}
