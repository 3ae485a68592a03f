//! Access tokens for the organisation's OAuth clients.

use std::time::Duration;

use serde_json::json;

use super::super::clients::Clients;
use super::super::layout::Layout;
use super::super::quota::Quota;
use super::super::wire::{Answer, Request};
use super::super::{Failure, Provider};
use super::GenesysCloud;

/// How long a token lives unless said.
const LIFE: Duration = Duration::from_hours(24);

/// What the token endpoint knows.
#[derive(Debug)]
pub(super) struct OAuth {
    clients: Clients,
    life: Duration,
    quota: Quota,
    issued: u64,
}

impl Default for OAuth {
    fn default() -> Self {
        let quota = Quota::new(u64::MAX, Duration::from_mins(1));
        Self { clients: Clients::default(), life: LIFE, quota, issued: 0 }
    }
}

impl OAuth {
    /// How many tokens were given out.
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }
}

impl GenesysCloud {
    /// With an OAuth client, which may ask for tokens with its id and secret.
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        self.oauth.clients.put(id, secret);
        self
    }

    /// With another life of the tokens it gives out than a day.
    #[must_use]
    pub fn token_life(mut self, life: Duration) -> Self {
        self.oauth.life = life;
        self
    }

    /// With so many token requests a minute for each client, refused ones included. Unless said there is no limit: the
    /// real one is not published.
    #[must_use]
    pub fn token_requests_per_minute(mut self, limit: u64) -> Self {
        self.oauth.quota.set_limit(limit);
        self
    }

    /// Answers a request for a token. Earlier tokens live on.
    pub(super) fn grant(&mut self, request: &Request) -> Answer {
        let form = request.form().unwrap_or_default();
        let in_form = || Some((form.field("client_id")?.to_owned(), form.field("client_secret")?.to_owned()));
        let client = request.basic().or_else(in_form);
        let id = client.as_ref().map_or("", |(id, _)| id);
        let now = self.clock.now();
        if self.oauth.quota.take(id, now).is_exceeded() {
            return limited();
        }
        if !client.is_some_and(|client| self.oauth.clients.knows(&client)) {
            return unknown_client();
        }
        match form.field("grant_type") {
            Some("client_credentials") => {}
            Some(_) => return refused("unsupported_grant_type", "the grant type is not supported"),
            None => return refused("invalid_request", "grant_type is missing"),
        }
        self.oauth.issued += 1;
        let token = format!("genesys-cloud-access-{:04}", self.oauth.issued);
        self.tokens.accept_until(&token, now + self.oauth.life);
        let document = json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self.oauth.life.as_secs(),
        });
        Answer::json(200, &document, Layout::Compact)
    }

    /// A failure as the token endpoint reports it.
    pub(super) fn grant_failure(&mut self, failure: Failure) -> Answer {
        match failure {
            Failure::Unauthorized => unknown_client(),
            Failure::Forbidden => refused("unauthorized_client", "the client may not use this grant type"),
            Failure::RateLimited { .. } => limited(),
            _ => self.failure(failure),
        }
    }
}

fn unknown_client() -> Answer {
    refused("invalid_client", "authentication failed")
}

/// Without `Retry-After`: when to come again is not said.
fn limited() -> Answer {
    refused("invalid_request", "rate limit exceeded; try again later")
}

fn refused(error: &str, description: &str) -> Answer {
    let document = json!({ "error": error, "description": description, "error_description": description });
    Answer::json(400, &document, Layout::Compact)
}
