//! What is simulated: the calls, the contact centre, the account, and how its answers are used.

use std::time::Duration;

use callgate::freshness::Quota;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName};

/// The calls of a day, the agents who take them, and the account that is asked about them.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Whose limits, words and recipe.
    pub provider: ProviderName,
    /// Checks a minute over all queues, on the day's average; the busiest hour has a little more than twice as many.
    pub calls_per_minute: u32,
    /// Queues of the account, each as likely as the others to be asked for.
    pub queues: u32,
    /// Instances of the function, each as likely as the others to get a check.
    pub instances: u32,
    /// Agents of each queue.
    pub agents: u32,
    /// How many hours of the day, around ten in the morning. 24 is all of it.
    pub hours: u32,
    /// How many requests the provider allows the account.
    pub quota: Quota,
    /// For how long the provider answers nothing, from the middle of the time on.
    pub outage: Duration,
    /// Other calls for another seed, the same for the same one.
    pub seed: u64,
}

impl Scenario {
    /// The limit that a provider publishes.
    #[must_use]
    pub fn published_quota(provider: ProviderName) -> Quota {
        match provider {
            ProviderName::CallTools => CallTools::QUOTA,
            ProviderName::GenesysCloud => GenesysCloud::QUOTA,
            ProviderName::RingCentral => RingCentral::QUOTA,
            ProviderName::PortSip => PortSip::QUOTA,
        }
    }
}

/// How answers are used.
#[derive(Clone, Copy, Debug)]
pub enum Asking {
    /// Each check asks the provider, whatever the quota, and knows of no other: as a platform's own webhook does.
    Anew,
    /// As a deployment of callgate is set.
    With(Settings),
}

/// What a deployment of callgate is set to.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `max_age_ms`.
    pub max_age: Duration,
    /// `stale_if_error_ms`.
    pub stale_if_error: Duration,
    /// `hold_ms`, where an accept is to hold an agent.
    pub hold_for: Option<Duration>,
    /// Whether instances share answers, quota and holds.
    pub is_shared: bool,
}
