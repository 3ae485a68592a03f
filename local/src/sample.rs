//! A small contact centre on each simulated provider, and the gates that know its connections.

use std::io;
use std::sync::Arc;

use callgate::failure::Failure;
use callgate::providers::ProviderName;
use serde_json::json;

use crate::gates::Gates;
use crate::simulator::{CallTools, Dialect, GenesysCloud, PortSip, RingCentral, Simulator};
use crate::simulator::{calltools, genesys_cloud, portsip, ringcentral};

/// The connection name under which every simulated account is known.
pub const CONNECTION: &str = "acme";
/// A connection whose key or token the provider no longer accepts.
pub const REVOKED: &str = "acme-revoked";

/// The queues of the sample, by provider: one with free agents, one without.
pub mod queues {
    /// `CallTools`: two of four agents ready.
    pub const CALLTOOLS_SALES: &str = "5457";
    /// `CallTools`: nobody ready.
    pub const CALLTOOLS_SUPPORT: &str = "5458";
    /// The `CallTools` account's id of the status Available.
    pub const CALLTOOLS_AVAILABLE: &str = "20561";
    /// Genesys Cloud: two members with presence Available.
    pub const GENESYS_SALES: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";
    /// Genesys Cloud: none.
    pub const GENESYS_SUPPORT: &str = "5b2f9c1d-3e4a-4f6b-9a8c-7d6e5f4a3b2c";
    /// `RingCentral`: three members accept the queue's calls.
    pub const RINGCENTRAL_SALES: &str = "987654321";
    /// `RingCentral`: none.
    pub const RINGCENTRAL_SUPPORT: &str = "987654322";
    /// `PortSIP`: one of three agents ready.
    pub const PORTSIP_SALES: &str = "NzAwNTUxOTA5NzczMTQ4MTYw";
    /// `PortSIP`: offline.
    pub const PORTSIP_SUPPORT: &str = "NzAwNTUxOTA5NzczMTQ4MTYx";
}

/// The four simulators at work, and the gates over them.
pub struct Sample {
    /// The gates; they know [`CONNECTION`] and [`REVOKED`] of each provider.
    pub gates: Arc<Gates>,
    /// `CallTools`.
    pub calltools: Simulator<CallTools>,
    /// Genesys Cloud.
    pub genesys_cloud: Simulator<GenesysCloud>,
    /// `RingCentral`.
    pub ringcentral: Simulator<RingCentral>,
    /// `PortSIP` PBX.
    pub portsip: Simulator<PortSip>,
}

/// Why the sample could not be started.
#[derive(Debug)]
pub enum StartError {
    /// A port of 127.0.0.1 could not be bound.
    Port(io::Error),
    /// The gates could not be built.
    Gates(Failure),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Port(error) => write!(f, "no port of 127.0.0.1 could be bound: {error}"),
            Self::Gates(failure) => write!(f, "the HTTP client could not be built: {failure}"),
        }
    }
}

impl std::error::Error for StartError {}

const TOKEN: &str = "sample-token-of-a-simulated-account";

impl Sample {
    /// Starts the simulators in one dialect, on ports that the system picks.
    ///
    /// # Errors
    /// A port could not be bound, or the HTTP client not be built.
    pub async fn start(dialect: Dialect, log_checks: bool) -> Result<Self, StartError> {
        let sample = Self {
            gates: Arc::new(Gates::new(log_checks).map_err(StartError::Gates)?),
            calltools: Simulator::start(calltools(dialect)).await.map_err(StartError::Port)?,
            genesys_cloud: Simulator::start(genesys_cloud(dialect)).await.map_err(StartError::Port)?,
            ringcentral: Simulator::start(ringcentral(dialect)).await.map_err(StartError::Port)?,
            portsip: Simulator::start(portsip(dialect)).await.map_err(StartError::Port)?,
        };
        for provider in ProviderName::ALL {
            let (token_field, base_url) = match provider {
                ProviderName::CallTools => ("token", sample.calltools.base_url()),
                ProviderName::GenesysCloud => ("access_token", sample.genesys_cloud.base_url()),
                ProviderName::RingCentral => ("access_token", sample.ringcentral.base_url()),
                ProviderName::PortSip => ("access_token", sample.portsip.base_url()),
            };
            for (connection, token) in [(CONNECTION, TOKEN), (REVOKED, "a-token-nobody-knows")] {
                let secret = json!({token_field: token, "base_url": base_url});
                sample.gates.put_secret(provider, connection, secret.to_string());
            }
        }
        Ok(sample)
    }

    /// Where a provider's simulator listens.
    #[must_use]
    pub fn base_url(&self, provider: ProviderName) -> &str {
        match provider {
            ProviderName::CallTools => self.calltools.base_url(),
            ProviderName::GenesysCloud => self.genesys_cloud.base_url(),
            ProviderName::RingCentral => self.ringcentral.base_url(),
            ProviderName::PortSip => self.portsip.base_url(),
        }
    }
}

fn calltools(dialect: Dialect) -> CallTools {
    use calltools::Agent;
    CallTools::new(dialect)
        .token(TOKEN)
        .queue(queues::CALLTOOLS_SALES, "sales")
        .agent(queues::CALLTOOLS_SALES, Agent::ready(101, "Ada Byrne"))
        .agent(queues::CALLTOOLS_SALES, Agent::ready(102, "Ben Cole"))
        .agent(queues::CALLTOOLS_SALES, Agent::on_call(103, "Cy Diaz"))
        .agent(queues::CALLTOOLS_SALES, Agent::on_call(104, "Di Evans"))
        .queue(queues::CALLTOOLS_SUPPORT, "support")
        .agent(queues::CALLTOOLS_SUPPORT, Agent::on_call(105, "Ed Frost"))
}

fn genesys_cloud(dialect: Dialect) -> GenesysCloud {
    use genesys_cloud::Agent;
    GenesysCloud::new(dialect)
        .token(TOKEN)
        .queue(queues::GENESYS_SALES, "sales")
        .agent(queues::GENESYS_SALES, Agent::off_queue("3fa0c6ea-5b0a-4a35-9d2e-5d7b2a6d7f11", "Ada Byrne"))
        .agent(queues::GENESYS_SALES, Agent::off_queue("8b1c0c2e-2a3f-4d39-a3c5-0f6c1a0b9c22", "Ben Cole"))
        .agent(queues::GENESYS_SALES, Agent::idle("c0ffee00-1111-4222-8333-444455556666", "Cy Diaz"))
        .queue(queues::GENESYS_SUPPORT, "support")
        .agent(queues::GENESYS_SUPPORT, Agent::interacting("d0ffee00-1111-4222-8333-444455556667", "Ed Frost"))
}

fn ringcentral(dialect: Dialect) -> RingCentral {
    use ringcentral::Agent;
    RingCentral::new(dialect)
        .token(TOKEN)
        .queue(queues::RINGCENTRAL_SALES, "sales")
        .agent(queues::RINGCENTRAL_SALES, Agent::ready("979428000", "Ada Byrne", "101"))
        .agent(queues::RINGCENTRAL_SALES, Agent::ready("979429000", "Ben Cole", "102"))
        .agent(queues::RINGCENTRAL_SALES, Agent::ready("979430000", "Cy Diaz", "103").on_call())
        .queue(queues::RINGCENTRAL_SUPPORT, "support")
        .agent(queues::RINGCENTRAL_SUPPORT, Agent::ready("979431000", "Ed Frost", "104").out_of_queue())
}

fn portsip(dialect: Dialect) -> PortSip {
    use portsip::{Agent, Service, Status};
    let mut pbx = PortSip::new(dialect)
        .token(TOKEN)
        .queue(queues::PORTSIP_SALES, "sales", "8001")
        .agent(queues::PORTSIP_SALES, Agent::new("101", "Ada Byrne", Status::QueueCall))
        .agent(queues::PORTSIP_SALES, Agent::ready("102", "Ben Cole"))
        .agent(queues::PORTSIP_SALES, Agent::new("103", "Cy Diaz", Status::Lunch))
        .queue(queues::PORTSIP_SUPPORT, "support", "8002")
        .agent(queues::PORTSIP_SUPPORT, Agent::ready("105", "Ed Frost"));
    if let Some(support) = pbx.roster().queue_mut(queues::PORTSIP_SUPPORT) {
        support.about.service = Service::Offline;
    }
    pbx
}
