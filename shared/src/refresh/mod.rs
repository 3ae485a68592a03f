//! Scheduled refresh: walks the grants and gets new tokens for what is due, so that no check ever meets an ended one.

mod due;
mod one;
mod report;
mod token_secret;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use uuid::Uuid;

use crate::clock::Clock;
use crate::credentials::{StoreFailure, WritableStore, secret_name};
use crate::grants::{GRANT_PREFIX, connection_of};
use crate::http::HttpClients;
use crate::providers::ProviderName;

pub use due::{Life, is_due};
pub use report::{Outcome, Refreshed};
use token_secret::TokenSecret;

/// Walks the grants. Meant to be the only one that does; where two do, each token is got once all the same.
pub struct Refresher<'a, S> {
    store: &'a S,
    http: &'a HttpClients,
    clock: Clock,
    allow_loopback: bool,
    /// Tells this run's claims from another's.
    run: Uuid,
}

/// How often the schedule fires.
pub const PERIOD: Duration = Duration::from_mins(5);
/// How many connections are seen to at once: enough for one that hangs not to hold up the others.
const AT_ONCE: usize = 8;
/// Below which minutes left a pasted token is worth a word.
const NEAR_ITS_END: Duration = Duration::from_hours(24);
const TOKEN_PREFIX: &str = "callgate/";

impl<'a, S: WritableStore> Refresher<'a, S> {
    /// One run over a store.
    pub fn new(store: &'a S, http: &'a HttpClients, clock: Clock, allow_loopback: bool) -> Self {
        Self { store, http, clock, allow_loopback, run: Uuid::new_v4() }
    }

    /// Walks all grants, then the tokens that have none. One that fails does not stop the others.
    ///
    /// # Errors
    /// The secrets cannot be listed.
    pub async fn run(&self) -> Result<Vec<Refreshed>, StoreFailure> {
        let grants = self.store.list(GRANT_PREFIX).await?;
        let granted: Vec<_> = grants.iter().filter_map(|name| connection_of(name)).collect();
        let mut refreshed: Vec<Refreshed> = stream::iter(granted.iter().copied())
            .map(|(provider, connection)| self.refresh(provider, connection))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let granted: Vec<String> =
            granted.into_iter().map(|(provider, connection)| secret_name(provider, connection)).collect();
        // What was refreshed is told even where the tokens cannot be listed.
        for name in self.store.list(TOKEN_PREFIX).await.unwrap_or_default() {
            if !granted.contains(&name) {
                refreshed.extend(self.pasted(&name).await);
            }
        }
        Ok(refreshed)
    }

    /// Refreshes one connection's token, where it is due, and says how that went.
    pub async fn refresh(&self, provider: ProviderName, connection: &str) -> Refreshed {
        let one = one::Refresh::new(self, provider, connection);
        let run = AssertUnwindSafe(one.run()).catch_unwind();
        run.await.unwrap_or_else(|_panic| {
            let mut line = Refreshed::new(provider, connection, Outcome::Failed);
            line.cause = Some("callgate failed at this connection; report it".to_owned());
            line
        })
    }

    /// A word on a pasted token that nears its end: there is no grant to renew it with.
    async fn pasted(&self, name: &str) -> Option<Refreshed> {
        let (provider, connection) = name.strip_prefix(TOKEN_PREFIX)?.split_once('/')?;
        let provider = ProviderName::from_name(provider)?;
        let stored = self.store.read(name).await.ok()?;
        let end = TokenSecret::read(&stored).ok()?.life()?.expires_at;
        let now = self.clock.now();
        let ends_soon = end.duration_since(now).unwrap_or_default() < NEAR_ITS_END;
        ends_soon.then(|| {
            let mut line = Refreshed::new(provider, connection, Outcome::NoGrant);
            line.token_ends(Some(end), now);
            line.cause = Some("it was pasted and has no grant: paste the next one, or give it a grant".to_owned());
            line
        })
    }
}
