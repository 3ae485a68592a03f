//! One connection's refresh: read, decide, claim, exchange, write.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::due::may_write;
use super::report::{Outcome, Refreshed};
use super::token_secret::TokenSecret;
use super::{PERIOD, Refresher, is_due};
use crate::clock;
use crate::credentials::{StoreFailure, StoredSecret, WritableStore, Written, secret_name};
use crate::failure::Failure;
use crate::grants::{Grant, Tokens, grant_name};
use crate::providers::ProviderName;

/// How long one token endpoint may take.
const ONE_EXCHANGE: Duration = Duration::from_secs(8);
/// How long a claim on a rotating grant holds: longer than a run can live, so that nobody is overtaken while at work.
const CLAIM: Duration = Duration::from_secs(90);
/// How often a write is tried that must not be lost, and how long is waited after the first try; twice as long after
/// each. A rotating grant's new refresh token is nowhere else: it is held while the run may live.
const WRITES: u32 = 8;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
/// The grant's field that says who is using it.
const CLAIMED: &str = "claimed";

/// One connection of a run.
pub(super) struct Refresh<'a, S> {
    run: &'a Refresher<'a, S>,
    provider: ProviderName,
    connection: &'a str,
    grant_name: String,
    token_name: String,
}

/// What is stored for the connection.
struct Stored {
    grant: StoredSecret,
    token: StoredSecret,
    secret: TokenSecret,
}

impl<'a, S: WritableStore> Refresh<'a, S> {
    pub(super) fn new(run: &'a Refresher<'a, S>, provider: ProviderName, connection: &'a str) -> Self {
        let (grant_name, token_name) = (grant_name(provider, connection), secret_name(provider, connection));
        Self { run, provider, connection, grant_name, token_name }
    }

    pub(super) async fn run(&self) -> Refreshed {
        let result = self.refresh().await;
        let mut line = Refreshed::new(self.provider, self.connection, Outcome::Failed);
        let end = match result {
            Ok((outcome, secret)) => {
                line.outcome = outcome;
                if outcome == Outcome::StillRejected {
                    line.cause =
                        Some("the token endpoint refused this grant; it is tried again once it is changed".to_owned());
                }
                secret.life()
            }
            Err(failure) => {
                if matches!(failure, Failure::AuthRejected { .. }) {
                    line.outcome = Outcome::Rejected;
                }
                line.cause = Some(failure.to_string());
                let stored = self.run.store.read(&self.token_name).await.ok();
                stored.and_then(|stored| TokenSecret::read(&stored).ok()).and_then(|secret| secret.life())
            }
        };
        line.token_ends(end.map(|life| life.expires_at), self.run.clock.now());
        line
    }

    async fn refresh(&self) -> Result<(Outcome, TokenSecret), Failure> {
        let stored = self.stored().await?;
        let grant = Grant::read(self.provider, &stored.grant, self.run.allow_loopback)
            .map_err(|problem| unusable(&self.grant_name, problem))?;
        if grant.rotates()
            && let Some(newest) = stored.secret.behind(grant.fields())
        {
            // An earlier run was cut between its two writes.
            self.copy(&stored.grant.version, &stored, &newest).await?;
            return Ok((Outcome::Finished, newest));
        }
        if !is_due(stored.secret.life(), PERIOD, self.run.clock.now()) {
            return Ok((Outcome::NotDue, stored.secret));
        }
        if stored.secret.was_rejected_for(&stored.grant.version) {
            return Ok((Outcome::StillRejected, stored.secret));
        }
        if grant.rotates() { self.rotate(&grant, &stored).await } else { self.renew(&grant, &stored).await }
    }

    async fn stored(&self) -> Result<Stored, Failure> {
        let grant = self.read(&self.grant_name).await?;
        let token = self.read(&self.token_name).await?;
        let secret = TokenSecret::read(&token).map_err(|problem| unusable(&self.token_name, problem))?;
        Ok(Stored { grant, token, secret })
    }

    /// A grant that gives token after token: the token secret alone is written, under a version that whoever else saw
    /// the same token would also write.
    async fn renew(&self, grant: &Grant, stored: &Stored) -> Result<(Outcome, TokenSecret), Failure> {
        let tokens = self.exchange(grant, stored, &stored.grant.version).await?;
        let newest = stored.secret.with(&tokens, self.run.clock.now(), false);
        let written = self.put(&self.token_name, newest.to_text(), &[&self.token_name, &stored.token.version]).await?;
        if written == Written::RefusedForAnother {
            return Ok((Outcome::AnotherWrote, stored.secret.clone()));
        }
        if let Some(refresh_token) = tokens.refresh_token {
            // Kept to spare the password. Losing it costs a sign-in, no more.
            let mut fields = grant.fields().clone();
            fields.insert("refresh_token".to_owned(), Value::from(refresh_token.expose_secret()));
            self.put(&self.grant_name, text(fields), &[&self.grant_name, &stored.grant.version]).await?;
        }
        Ok((Outcome::Refreshed, newest))
    }

    /// A grant whose every use ends the token before: claimed first, so that one run at a time uses it; then the grant
    /// is written with the new tokens, and only then the token secret. Cut anywhere, the next run goes on.
    async fn rotate(&self, grant: &Grant, stored: &Stored) -> Result<(Outcome, TokenSecret), Failure> {
        let now = self.run.clock.now();
        let claimed_at = grant.fields().get(CLAIMED).and_then(|claim| claim.get("at")).and_then(clock::parse);
        if claimed_at.is_some_and(|at| now.duration_since(at).is_ok_and(|age| age < CLAIM)) {
            return Ok((Outcome::AnotherWrote, stored.secret.clone()));
        }
        let left = stored.secret.life().and_then(|life| life.expires_at.duration_since(now).ok()).unwrap_or_default();
        if !may_write(claimed_at, left, PERIOD, now) {
            // A claim is a write, too: while the endpoint is down it is not made at each run.
            return Ok((Outcome::NotDue, stored.secret.clone()));
        }
        let mut fields = grant.fields().clone();
        fields.insert(CLAIMED.to_owned(), json!({"by": self.run.run.to_string(), "at": clock::rfc3339(now)}));
        let claim = version(&[&self.grant_name, &stored.grant.version, "claim"]);
        let written = self.put_as(&self.grant_name, text(fields.clone()), &claim).await?;
        if written == Written::RefusedForAnother {
            return Ok((Outcome::AnotherWrote, stored.secret.clone()));
        }
        let tokens = self.exchange(grant, stored, &claim).await?;
        let newest = stored.secret.with(&tokens, self.run.clock.now(), true);
        fields.remove(CLAIMED);
        newest.copy_into(&mut fields);
        if let Some(refresh_token) = &tokens.refresh_token {
            fields.insert("refresh_token".to_owned(), Value::from(refresh_token.expose_secret()));
        }
        let generation = fields.get("generation").and_then(Value::as_u64).unwrap_or(0).saturating_add(1);
        fields.insert("generation".to_owned(), Value::from(generation));
        let next = version(&[&self.grant_name, &claim]);
        let kept = self.put_surely(&self.grant_name, &text(fields), &next).await;
        // Also where the grant could not be written: the token before is dead, and this one lives its life.
        self.copy(&next, stored, &newest).await?;
        kept.map(|()| (Outcome::Refreshed, newest))
    }

    /// Writes a rotating grant's token to the token secret, under a version that the grant's own and the one it replaces
    /// give: however often and by whomever it is copied, it is one version; and a token secret that somebody put back
    /// is written again.
    async fn copy(&self, grant_version: &str, stored: &Stored, newest: &TokenSecret) -> Result<(), Failure> {
        let version = version(&[&self.token_name, grant_version, &stored.token.version]);
        self.put_surely(&self.token_name, &newest.to_text(), &version).await
    }

    async fn exchange(&self, grant: &Grant, stored: &Stored, grant_version: &str) -> Result<Tokens, Failure> {
        let mut result = grant.exchange(self.run.http, ONE_EXCHANGE).await;
        if grant.rotates() && result.as_ref().is_err_and(answer_is_lost) {
            // The endpoint may have rotated: the refresh token works for some ten seconds more, and never again.
            result = grant.exchange(self.run.http, ONE_EXCHANGE).await;
        }
        if let Err(Failure::AuthRejected { said }) = &result {
            let noted = stored.secret.rejected_for(grant_version, said, self.run.clock.now());
            // Under the version a new token would have: a note never takes the place of another run's token.
            self.put(&self.token_name, noted.to_text(), &[&self.token_name, &stored.token.version]).await?;
        }
        result
    }

    async fn read(&self, name: &str) -> Result<StoredSecret, Failure> {
        self.run.store.read(name).await.map_err(|failure| match failure {
            StoreFailure::Missing => Failure::AuthMissing { name: name.to_owned() },
            StoreFailure::Binary => unusable(name, "it is binary; store a JSON object as text".to_owned()),
            StoreFailure::Unavailable(problem) => Failure::SecretsUnavailable { problem },
        })
    }

    async fn put(&self, name: &str, value: SecretString, base: &[&str]) -> Result<Written, Failure> {
        self.put_as(name, value, &version(base)).await
    }

    async fn put_as(&self, name: &str, value: SecretString, version: &str) -> Result<Written, Failure> {
        self.run.store.put(name, value, version).await.map_err(|failure| Failure::SecretsUnavailable {
            problem: match failure {
                StoreFailure::Unavailable(problem) => problem,
                StoreFailure::Missing | StoreFailure::Binary => format!("{name} is gone"),
            },
        })
    }

    /// Writes what must not be lost: again where the store did not answer, which under one version is one write.
    async fn put_surely(&self, name: &str, value: &SecretString, version: &str) -> Result<(), Failure> {
        let mut result = self.put_as(name, value.clone(), version).await;
        for tried in 0..WRITES - 1 {
            if result.is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_TRIES * 2_u32.pow(tried)).await;
            result = self.put_as(name, value.clone(), version).await;
        }
        result.map(|_| ())
    }
}

/// Whether the endpoint may have done what it was asked to, and its answer did not arrive.
fn answer_is_lost(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::ProviderUnreachable { .. } | Failure::ProviderTimeout { .. } | Failure::UnexpectedResponse { .. }
    )
}

/// The name of a version: the same for whoever derives it from the same, a UUID as the store wants it.
fn version(base: &[&str]) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, base.join("\n").as_bytes()).to_string()
}

fn text(fields: Map<String, Value>) -> SecretString {
    SecretString::from(Value::Object(fields).to_string())
}

fn unusable(name: &str, problem: String) -> Failure {
    Failure::SecretUnusable { name: name.to_owned(), problem }
}
