//! The token endpoint: sign-in by JWT, and refreshing.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::clients::Clients;
use super::super::wire::{Answer, Form, Request};
use super::super::{Dialect, Failure, Provider};
use super::RingCentral;
use super::session::{Pair, REFRESH_LIFE, Refused, Session, Sessions};
use super::throttle::{PENALTY, Throttle};

const TOKEN_REQUESTS_PER_MINUTE: u64 = 5;
/// How long an access token lives unless said.
const LIFE: Duration = Duration::from_hours(1);
const OWNER_ID: &str = "256440016";

/// What the token endpoint knows.
#[derive(Debug)]
pub(super) struct OAuth {
    clients: Clients,
    jwts: Vec<String>,
    sessions: Sessions,
    auth: Throttle,
    life: Duration,
    issued: u64,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            clients: Clients::default(),
            jwts: Vec::new(),
            sessions: Sessions::default(),
            auth: Throttle::new("auth", TOKEN_REQUESTS_PER_MINUTE),
            life: LIFE,
            issued: 0,
        }
    }
}

impl OAuth {
    /// How many access tokens were given out.
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    /// The app that an access token was given out to.
    pub(super) fn client_of(&self, access_token: &str) -> Option<&str> {
        self.sessions.client_of(access_token)
    }
}

impl RingCentral {
    /// With an app, which may ask for tokens with its client id and secret.
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        self.oauth.clients.put(id, secret);
        self
    }

    /// With a JWT that signs the account's user in, to every app.
    #[must_use]
    pub fn jwt(mut self, assertion: &str) -> Self {
        self.oauth.jwts.push(assertion.to_owned());
        self
    }

    /// With a session of which a refresh token is known, which ends by its use alone.
    #[must_use]
    pub fn refresh_token(mut self, token: &str) -> Self {
        self.oauth.sessions.seed(token);
        self
    }

    /// With another life of the access tokens it gives out than an hour.
    #[must_use]
    pub fn token_life(mut self, life: Duration) -> Self {
        self.oauth.life = life;
        self
    }

    /// With so many token requests a minute for each app instead of 5.
    #[must_use]
    pub fn token_requests_per_minute(mut self, limit: u64) -> Self {
        self.oauth.auth.set_limit(limit);
        self
    }

    /// The sessions that can still be refreshed, the oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.oauth.sessions.alive(self.clock.now()).cloned().collect()
    }

    /// Answers a request for a token. The grant type is looked at before the app is.
    pub(super) fn grant(&mut self, request: &Request) -> Answer {
        let given = request.basic();
        let id = given.as_ref().map_or("", |(id, _)| id);
        let Some(usage) = self.oauth.auth.take(id, self.clock.now()) else {
            return self.limited(&self.oauth.auth, PENALTY.as_secs());
        };
        let answer = match request.form() {
            Some(form) => self.granted(given.as_ref(), &form),
            None => Answer::empty(415),
        };
        self.oauth.auth.told(answer, usage)
    }

    fn granted(&mut self, given: Option<&(String, String)>, form: &Form) -> Answer {
        let known = given.filter(|client| self.oauth.clients.knows(client)).map(|(id, _)| id.as_str());
        let grant_type = form.field("grant_type");
        match grant_type {
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer" | "refresh_token") => {}
            Some("client_credentials") if self.dialect == Dialect::Documented => return self.by_client(given, form),
            Some("authorization_code" | "partner_jwt") => {
                return self.refused("unauthorized_client", "OAU-251", "Unauthorized for this grant type");
            }
            _ => return self.refused("invalid_request", "OAU-250", "Unsupported grant type"),
        }
        let Some(client) = known else {
            return self.unknown_client();
        };
        if grant_type == Some("refresh_token") {
            self.by_refresh_token(client, form)
        } else {
            self.by_jwt(client, form)
        }
    }

    fn by_jwt(&mut self, client: &str, form: &Form) -> Answer {
        let Some(assertion) = form.field("assertion") else {
            return self.absent("assertion");
        };
        if !self.oauth.jwts.iter().any(|known| known == assertion) {
            return self.not_found_token();
        }
        let now = self.clock.now();
        let pair = next_pair(&mut self.oauth.issued);
        self.tokens.accept_until(&pair.access_token, now + self.oauth.life);
        let session = self.oauth.sessions.begin(client, pair, now, &self.tokens);
        let document = token_pair(session, self.oauth.life);
        self.reply(200, &document)
    }

    fn by_refresh_token(&mut self, client: &str, form: &Form) -> Answer {
        let Some(token) = form.field("refresh_token") else {
            return self.absent("refresh_token");
        };
        let now = self.clock.now();
        let OAuth { sessions, issued, life, .. } = &mut self.oauth;
        match sessions.refresh(client, token, || next_pair(issued), now, &self.tokens) {
            Ok(session) => {
                if let Some(token) = &session.access_token {
                    self.tokens.accept_until(token, now + *life);
                }
                let document = token_pair(session, *life);
                self.reply(200, &document)
            }
            Err(Refused::Ended) => self.refused("invalid_grant", "OAU-210", "Token expired"),
            Err(Refused::Unknown) => self.not_found_token(),
        }
    }

    /// The grant that guides print, with the app's id and secret in the form. It begins no session.
    fn by_client(&mut self, given: Option<&(String, String)>, form: &Form) -> Answer {
        let in_form = || Some((form.field("client_id")?.to_owned(), form.field("client_secret")?.to_owned()));
        if !given.cloned().or_else(in_form).is_some_and(|client| self.oauth.clients.knows(&client)) {
            return self.unknown_client();
        }
        let Pair { access_token, .. } = next_pair(&mut self.oauth.issued);
        self.tokens.accept_until(&access_token, self.clock.now() + self.oauth.life);
        let life = self.oauth.life.as_secs();
        self.reply(200, &json!({ "access_token": access_token, "token_type": "bearer", "expires_in": life }))
    }

    /// A failure as the token endpoint reports it.
    pub(super) fn grant_failure(&mut self, failure: Failure) -> Answer {
        match failure {
            Failure::Unauthorized => self.unknown_client(),
            Failure::Forbidden => self.refused("unauthorized_client", "OAU-251", "Unauthorized for this grant type"),
            Failure::RateLimited { retry_after_seconds } => self.limited(&self.oauth.auth, retry_after_seconds),
            _ => self.failure(failure),
        }
    }

    fn unknown_client(&self) -> Answer {
        self.refused("invalid_client", "OAU-123", "Client authentication is required")
    }

    fn not_found_token(&self) -> Answer {
        self.refused("invalid_grant", "OAU-213", "Token not found")
    }

    fn absent(&self, parameter: &str) -> Answer {
        self.refused("invalid_request", "CMN-101", &format!("Parameter [{parameter}] is missing"))
    }

    fn refused(&self, error: &str, code: &str, message: &str) -> Answer {
        let document = json!({
            "error": error,
            "errors": [{ "errorCode": code, "message": message }],
            "error_description": message,
        });
        self.reply(400, &document)
    }
}

fn next_pair(issued: &mut u64) -> Pair {
    *issued += 1;
    Pair {
        access_token: format!("ringcentral-access-{issued:04}"),
        refresh_token: format!("ringcentral-refresh-{issued:04}"),
    }
}

fn token_pair(session: &Session, life: Duration) -> Value {
    json!({
        "access_token": session.access_token,
        "token_type": "bearer",
        "expires_in": life.as_secs(),
        "refresh_token": session.refresh_token,
        "refresh_token_expires_in": REFRESH_LIFE.as_secs(),
        "scope": "ReadPresence ReadAccounts",
        "owner_id": OWNER_ID,
        "endpoint_id": "8zXq6oaLT7WvwWITlGiA1A",
        "session_id": session.id,
    })
}
