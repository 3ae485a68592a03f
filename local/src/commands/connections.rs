//! `callgate connections`: what is stored, and how long each token lives; never a value.

use std::process::ExitCode;
use std::time::SystemTime;

use callgate::clock;
use callgate::credentials::{SecretStore, StoreFailure, WritableStore};
use callgate::grants::{GRANT_PREFIX, grant_name};
use callgate::http::HttpClients;
use callgate::providers::ProviderName;
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::stores::{StoreArguments, store_failed};
use super::table::table;
use super::{Stopped, print};

/// The arguments of `callgate connections`.
#[derive(Debug, Args)]
pub(crate) struct Connections {
    #[command(flatten)]
    store: StoreArguments,
}

impl Connections {
    /// Lists them.
    pub(super) async fn run(self) -> Result<ExitCode, Stopped> {
        let http = HttpClients::new().map_err(Stopped::failed)?;
        let (store, place) = self.store.open(&http)?;
        let grants = store.list(GRANT_PREFIX).await.map_err(store_failed)?;
        let mut rows = table(["provider", "connection", "minutes left", "renewed by"], &[2]);
        for name in store.list("callgate/").await.map_err(store_failed)? {
            let Some((provider, connection)) = name.strip_prefix("callgate/").and_then(|rest| rest.split_once('/'))
            else {
                continue;
            };
            let Some(provider) = ProviderName::from_name(provider) else { continue };
            let left = match store.read(&name).await {
                Ok(stored) => minutes_left(stored.value.expose_secret()).unwrap_or_else(|| "–".to_owned()),
                // One that is of no use, or was just deleted, does not hide the others.
                Err(StoreFailure::Binary) => "binary".to_owned(),
                Err(StoreFailure::Missing) => continue,
                Err(failure) => return Err(store_failed(failure)),
            };
            let has_grant = grants.contains(&grant_name(provider, connection));
            let renewed_by = match provider {
                _ if has_grant => "token-refresh",
                ProviderName::CallTools => "nobody: the key does not end",
                _ => "nobody: it was pasted",
            };
            rows.add_row([provider.to_string(), connection.to_owned(), left, renewed_by.to_owned()]);
        }
        if rows.is_empty() {
            print(&format!("no connections in {place}; make one with `callgate connect PROVIDER NAME`"));
        } else {
            print(&rows.to_string());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn minutes_left(secret: &str) -> Option<String> {
    let fields: Value = serde_json::from_str(secret).ok()?;
    let end = clock::parse(fields.get("expires_at")?)?;
    Some(match end.duration_since(SystemTime::now()) {
        Ok(left) => (left.as_secs() / 60).to_string(),
        Err(_) => "ended".to_owned(),
    })
}
