//! The gates of all four providers in one process, over one HTTP client and secrets in memory.

use std::sync::Arc;
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::Gate;
use callgate::credentials::MemoryStore;
use callgate::failure::Failure;
use callgate::http::HttpClients;
use callgate::inspect::Inspection;
use callgate::invocation::Invocation;
use callgate::providers::ProviderName;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::routes::{HttpAnswer, HttpRequest, respond, respond_directly};
use callgate::settings::Settings;
use secrecy::SecretString;
use serde_json::Value;

/// One gate for each provider.
pub struct Gates {
    calltools: Gate<CallTools, MemoryStore>,
    genesys_cloud: Gate<GenesysCloud, MemoryStore>,
    ringcentral: Gate<RingCentral, MemoryStore>,
    portsip: Gate<PortSip, MemoryStore>,
}

impl Gates {
    /// Gates without secrets. Hosts on this machine are allowed; `log_checks` writes each check's line.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(log_checks: bool) -> Result<Self, Failure> {
        let http = Arc::new(HttpClients::new()?);
        let settings = Settings { allow_loopback: true, explain_bodies: true, log_checks, ..Settings::default() };
        Ok(Self {
            calltools: Gate::new(MemoryStore::default(), Arc::clone(&http), settings.clone()),
            genesys_cloud: Gate::new(MemoryStore::default(), Arc::clone(&http), settings.clone()),
            ringcentral: Gate::new(MemoryStore::default(), Arc::clone(&http), settings.clone()),
            portsip: Gate::new(MemoryStore::default(), http, settings),
        })
    }

    /// Puts the secret of a connection: a JSON object as text.
    pub fn put_secret(&self, provider: ProviderName, connection: &str, secret: impl Into<SecretString>) {
        match provider {
            ProviderName::CallTools => self.calltools.put_secret(connection, secret),
            ProviderName::GenesysCloud => self.genesys_cloud.put_secret(connection, secret),
            ProviderName::RingCentral => self.ringcentral.put_secret(connection, secret),
            ProviderName::PortSip => self.portsip.put_secret(connection, secret),
        }
    }

    /// What a connection's secret says of itself.
    ///
    /// # Errors
    /// Why a check of this connection would fail before anything is sent.
    pub async fn inspect(
        &self,
        provider: ProviderName,
        connection: &str,
        template: Option<&str>,
    ) -> Result<Inspection, Failure> {
        let budget = Budget::start(Settings::default().deadline, Duration::ZERO, None);
        match provider {
            ProviderName::CallTools => self.calltools.inspect(connection, template, budget).await,
            ProviderName::GenesysCloud => self.genesys_cloud.inspect(connection, template, budget).await,
            ProviderName::RingCentral => self.ringcentral.inspect(connection, template, budget).await,
            ProviderName::PortSip => self.portsip.inspect(connection, template, budget).await,
        }
    }

    /// Answers an HTTP request to a provider's address.
    pub async fn respond(&self, provider: ProviderName, request: &HttpRequest) -> HttpAnswer {
        match provider {
            ProviderName::CallTools => respond(&self.calltools, request, &Invocation::default()).await,
            ProviderName::GenesysCloud => respond(&self.genesys_cloud, request, &Invocation::default()).await,
            ProviderName::RingCentral => respond(&self.ringcentral, request, &Invocation::default()).await,
            ProviderName::PortSip => respond(&self.portsip, request, &Invocation::default()).await,
        }
    }

    /// Answers a check that is a bare JSON body: the verdict, or the problem object.
    pub async fn check(&self, provider: ProviderName, body: &str) -> Value {
        match provider {
            ProviderName::CallTools => respond_directly(&self.calltools, body, &Invocation::default()).await,
            ProviderName::GenesysCloud => respond_directly(&self.genesys_cloud, body, &Invocation::default()).await,
            ProviderName::RingCentral => respond_directly(&self.ringcentral, body, &Invocation::default()).await,
            ProviderName::PortSip => respond_directly(&self.portsip, body, &Invocation::default()).await,
        }
    }
}
