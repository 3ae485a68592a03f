//! `callgate serve`: the local gateway and the simulated contact centres, until they are ended.

use std::process::ExitCode;
use std::sync::Arc;

use callgate::providers::ProviderName;
use callgate_local::gateway::Gateway;
use callgate_local::sample::{CONNECTION, Sample, queues};
use callgate_local::simulator::Dialect;
use clap::{Args, ValueEnum};

use super::{Stopped, print};

/// The arguments of `callgate serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The gateway's port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How the simulated contact centres answer: as the real APIs do, or as the platforms' guides print them.
    #[arg(long, value_enum, default_value_t = Answers::Real)]
    dialect: Answers,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Answers {
    Real,
    Documented,
}

impl Serve {
    /// Serves until Ctrl-C.
    pub(super) async fn run(self) -> Result<ExitCode, Stopped> {
        let dialect = match self.dialect {
            Answers::Real => Dialect::Real,
            Answers::Documented => Dialect::Documented,
        };
        let sample = Sample::start(dialect, true).await.map_err(Stopped::failed)?;
        let gateway = Gateway::bind(self.port)
            .await
            .map_err(|error| Stopped::failed(format!("port {} of 127.0.0.1 cannot be bound: {error}", self.port)))?;
        print(&introduction(&gateway.url(), &sample));
        let end = async {
            // Where the signal cannot be listened for, the process is ended by other means.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        gateway.serve(Arc::clone(&sample.gates), end).await.map_err(Stopped::failed)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn introduction(gateway: &str, sample: &Sample) -> String {
    let get = |provider: ProviderName, queue: &str, more: &str| {
        format!("curl -s '{gateway}/v1/check/{provider}?connection={CONNECTION}&queue={queue}{more}'")
    };
    let filters = format!("&agent_status_id={}&ready=true", queues::CALLTOOLS_AVAILABLE);
    let lines = [
        format!("The gateway listens on {gateway}. Paste into another terminal; Ctrl-C ends it all."),
        String::new(),
        "# a check of each provider".to_owned(),
        get(ProviderName::CallTools, queues::CALLTOOLS_SALES, &filters),
        get(ProviderName::GenesysCloud, queues::GENESYS_SALES, ""),
        get(ProviderName::RingCentral, queues::RINGCENTRAL_SALES, ""),
        get(ProviderName::PortSip, queues::PORTSIP_SALES, ""),
        String::new(),
        "# the same as JSON, with criteria of one's own: at least 3 members accept the queue's calls".to_owned(),
        format!(
            "curl -s {gateway}/v1/check/ringcentral -d '{{\"connection\": \"{CONNECTION}\", \"queue\": \"{}\", \
             \"acceptance\": {{\"value\": 2}}}}'",
            queues::RINGCENTRAL_SALES
        ),
        String::new(),
        "# send PortSIP's only ready agent to lunch, and watch the verdict flip".to_owned(),
        format!(
            "curl -s -X PUT {}/_simulator/queues/{}/agents/102 -d '{{\"status\": \"LUNCH\"}}'",
            sample.base_url(ProviderName::PortSip),
            queues::PORTSIP_SALES
        ),
        format!("{}; echo", get(ProviderName::PortSip, queues::PORTSIP_SALES, "&as=bool")),
        String::new(),
        "# every queue and agent of a simulated contact centre, and how each may be changed".to_owned(),
    ];
    let states = ProviderName::ALL
        .map(|provider| format!("curl -s {}/_simulator/state  # {provider}", sample.base_url(provider)));
    lines.iter().chain(&states).map(String::as_str).collect::<Vec<_>>().join("\n")
}
