//! Which account a command asks: one in a file, one that was connected before, or a simulated one.

use std::path::Path;
use std::sync::Arc;

use callgate::credentials::{SecretStore, StoreFailure, secret_name};
use callgate::http::HttpClients;
use callgate::providers::ProviderName;
use callgate_local::gates::Gates;
use callgate_local::sample::Sample;
use callgate_local::simulator::Dialect;
use secrecy::SecretString;

use super::stores::{StoreArguments, store_failed};
use super::{Stopped, read};

/// The gates that know an account; a simulated one lives as long as this.
pub(super) struct Account {
    pub(super) gates: Arc<Gates>,
    _sample: Option<Sample>,
}

impl Account {
    /// The account of a connection: by the secret in a file, else as `callgate connect` stored it, else simulated.
    pub(super) async fn of(
        provider: ProviderName,
        connection: &str,
        secret: Option<&Path>,
        store: &StoreArguments,
    ) -> Result<Self, Stopped> {
        let secret = if let Some(file) = secret {
            Some(read(file)?.into())
        } else {
            stored(provider, connection, store).await?
        };
        if let Some(secret) = secret {
            let gates = Gates::new(false).map_err(Stopped::failed)?;
            gates.put_secret(provider, connection, secret);
            return Ok(Self { gates: Arc::new(gates), _sample: None });
        }
        let sample = Sample::start(Dialect::Real, false).await.map_err(Stopped::failed)?;
        Ok(Self { gates: Arc::clone(&sample.gates), _sample: Some(sample) })
    }
}

/// The secret as `callgate connect` stored it, where it did.
async fn stored(
    provider: ProviderName,
    connection: &str,
    arguments: &StoreArguments,
) -> Result<Option<SecretString>, Stopped> {
    let http = HttpClients::new().map_err(Stopped::failed)?;
    let store = match arguments.open(&http) {
        Ok((store, _)) => store,
        Err(stopped) if arguments.is_named() => return Err(stopped),
        // Nobody asked for a store, and there is none.
        Err(_) => return Ok(None),
    };
    match store.read(&secret_name(provider, connection)).await {
        Ok(stored) => Ok(Some(stored.value)),
        Err(StoreFailure::Missing) if arguments.is_named() => {
            Err(Stopped::bad_request(format!("the store has no {}", secret_name(provider, connection))))
        }
        Err(StoreFailure::Missing) => Ok(None),
        Err(failure) => Err(store_failed(failure)),
    }
}
