//! Grants: the long-lived credentials from which access tokens are got, and the token endpoints that exchange them.

mod endpoint;
mod genesys_cloud;
mod portsip;
mod ringcentral;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::credentials::StoredSecret;
use crate::failure::Failure;
use crate::fault::type_name;
use crate::http::HttpClients;
use crate::providers::ProviderName;

pub use endpoint::TokenEndpoint;

/// Where a connection's grant is kept. An IAM `*` crosses `/`, so grants are not below `callgate/`.
pub const GRANT_PREFIX: &str = "callgate-grant/";

/// The name of the secret with a connection's grant.
#[must_use]
pub fn grant_name(provider: ProviderName, connection: &str) -> String {
    format!("{GRANT_PREFIX}{provider}/{connection}")
}

/// The provider and connection that a grant's name names.
#[must_use]
pub fn connection_of(grant_name: &str) -> Option<(ProviderName, &str)> {
    let (provider, connection) = grant_name.strip_prefix(GRANT_PREFIX)?.split_once('/')?;
    Some((ProviderName::from_name(provider)?, connection))
}

/// A connection's grant, as it is stored. It does not print.
pub struct Grant {
    provider: ProviderName,
    fields: Map<String, Value>,
    kind: Kind,
    allow_loopback: bool,
}

enum Kind {
    GenesysCloud(genesys_cloud::ClientCredentials),
    RingCentral(ringcentral::Grant),
    PortSip(portsip::SignIn),
}

/// What a token endpoint gave.
pub struct Tokens {
    /// The access token.
    pub access_token: SecretString,
    /// How long it lives, within [`SHORTEST_LIFE`] and [`LONGEST_LIFE`] whatever was said.
    pub life: Duration,
    /// The refresh token that comes with it, where there is one.
    pub refresh_token: Option<SecretString>,
}

/// The fields of grants that are credentials themselves.
const SECRET_FIELDS: [&str; 5] = ["client_secret", "jwt", "refresh_token", "password", "access_token"];

/// The shortest life that is believed.
pub const SHORTEST_LIFE: Duration = Duration::from_mins(1);
/// The longest life that is believed.
pub const LONGEST_LIFE: Duration = Duration::from_hours(48);

impl Grant {
    /// Reads a stored grant.
    ///
    /// # Errors
    /// Which key is wrong and what belongs there; never its value.
    pub fn read(provider: ProviderName, stored: &StoredSecret, allow_loopback: bool) -> Result<Self, String> {
        let document: Value = serde_json::from_str(stored.value.expose_secret())
            .map_err(|error| format!("it is no JSON (line {}, column {})", error.line(), error.column()))?;
        let Value::Object(fields) = document else {
            return Err(format!("it is {}; store a JSON object", type_name(&document)));
        };
        let kind = match provider {
            ProviderName::CallTools => {
                return Err("CallTools has no grants: its key does not end".to_owned());
            }
            ProviderName::GenesysCloud => {
                Kind::GenesysCloud(genesys_cloud::ClientCredentials::read(&fields, allow_loopback)?)
            }
            ProviderName::RingCentral => Kind::RingCentral(ringcentral::Grant::read(&fields, allow_loopback)?),
            ProviderName::PortSip => Kind::PortSip(portsip::SignIn::read(&fields, allow_loopback)?),
        };
        Ok(Self { provider, fields, kind, allow_loopback })
    }

    /// Whose grant it is.
    #[must_use]
    pub fn provider(&self) -> ProviderName {
        self.provider
    }

    /// Whether each use ends the token before it: then the grant is written before the token is.
    #[must_use]
    pub fn rotates(&self) -> bool {
        matches!(&self.kind, Kind::RingCentral(grant) if grant.rotates())
    }

    /// The fields as stored.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// Gets a token. Sent once: a second sign-in may cost the first, or the account.
    ///
    /// # Errors
    /// The grant is refused, or the endpoint does not answer as it should.
    pub async fn exchange(&self, http: &HttpClients, within: Duration) -> Result<Tokens, Failure> {
        let endpoint = TokenEndpoint::new(http, within, self.allow_loopback).hiding(self.secrets());
        match &self.kind {
            Kind::GenesysCloud(grant) => grant.exchange(&endpoint).await,
            Kind::RingCentral(grant) => grant.exchange(&endpoint).await,
            Kind::PortSip(grant) => grant.exchange(&endpoint).await,
        }
    }
}

impl Grant {
    /// What of this grant must not show, in the forms in which it is sent.
    fn secrets(&self) -> Vec<SecretString> {
        let text = |key: &str| self.fields.get(key).and_then(Value::as_str).map(str::trim);
        let mut secrets: Vec<_> = SECRET_FIELDS.iter().filter_map(|key| text(key).map(SecretString::from)).collect();
        if let (Some(id), Some(secret)) = (text("client_id"), text("client_secret")) {
            secrets.push(SecretString::from(endpoint::basic_credentials(id, secret)));
        }
        secrets
    }
}

/// A text field of a grant.
///
/// # Errors
/// It is missing, or no text.
fn required(fields: &Map<String, Value>, key: &str) -> Result<String, String> {
    let written = crate::credentials::text(fields, key)?.map(str::trim).filter(|text| !text.is_empty());
    written.map(str::to_owned).ok_or_else(|| format!("{key} is missing"))
}

/// A secret field of a grant.
///
/// # Errors
/// It is missing, or no text.
fn required_secret(fields: &Map<String, Value>, key: &str) -> Result<SecretString, String> {
    required(fields, key).map(SecretString::from)
}
