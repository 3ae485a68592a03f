//! Signing in with a user's name and password.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::clock::timestamp_seconds;
use super::super::document::text;
use super::super::wire::{Answer, Request};
use super::super::{Failure, Provider};
use super::{PortSip, error, invalid, ok};

/// So many failed sign-ins lock the address they came from.
const FAILURES_TO_LOCK: u64 = 50;
/// How long it is locked.
const LOCK: Duration = Duration::from_hours(1);
/// The name of the cookie of a session.
const COOKIE: &str = "session_id";

/// Which form of signing in a PBX has. It answers 404 to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 22.2 and later: `POST /api/auth/sign_in`, for tokens of an hour, or another token where the user has a second factor;
    /// `POST /api/auth/refresh_token`, which takes each refresh token once and lets the old access token live on.
    #[default]
    V22_2,
    /// The same as [22.0](Self::V22_0).
    V22_1,
    /// `POST /api/login` answers without a body and sets a session's cookie; `GET /api/login` gives the session's token of
    /// half an hour to who sends the cookie, or the token itself. A second factor is not known.
    V22_0,
    /// That of the pages which name no version: `POST /api/login/oauth/token` with a form of `grant_type=password`, or
    /// `refresh_token`, for tokens of half an hour. A second factor is not known.
    PasswordGrant,
}

impl Version {
    fn token_life(self) -> Duration {
        match self {
            Self::V22_2 => Duration::from_hours(1),
            Self::V22_1 | Self::V22_0 | Self::PasswordGrant => Duration::from_mins(30),
        }
    }
}

/// What is known of users and of who signed in.
#[derive(Debug, Default)]
pub(super) struct SignIn {
    version: Version,
    users: Vec<User>,
    life: Option<Duration>,
    refresh_tokens: Vec<String>,
    sessions: Vec<LoginSession>,
    issued: u64,
    half_signed_in: u64,
    failed: u64,
    locked_until: Duration,
}

#[derive(Debug)]
struct User {
    name: String,
    password: String,
    has_two_factors: bool,
}

/// A session of a version that has a cookie for it.
#[derive(Clone, Debug)]
struct LoginSession {
    cookie: String,
    access_token: String,
    ends_at: Duration,
}

impl SignIn {
    /// How many access tokens were given out.
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    fn life(&self) -> Duration {
        self.life.unwrap_or_else(|| self.version.token_life())
    }
}

impl PortSip {
    /// With a user who signs in with a name and a password.
    #[must_use]
    pub fn user(self, name: &str, password: &str) -> Self {
        self.with_user(name, password, false)
    }

    /// With a user who needs a second factor to sign in.
    #[must_use]
    pub fn two_factor_user(self, name: &str, password: &str) -> Self {
        self.with_user(name, password, true)
    }

    /// With the form of signing in of another version than 22.2.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.sign_in.version = version;
        self
    }

    /// With another life of the tokens it gives out than its version's.
    #[must_use]
    pub fn token_life(mut self, life: Duration) -> Self {
        self.sign_in.life = Some(life);
        self
    }

    /// How many sign-ins failed so far, those that a lock refused unheard aside.
    #[must_use]
    pub fn failed_sign_ins(&self) -> u64 {
        self.sign_in.failed
    }

    /// Whether signing in is locked now.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.clock.now() < self.sign_in.locked_until
    }

    fn with_user(mut self, name: &str, password: &str, has_two_factors: bool) -> Self {
        let (name, password) = (name.to_owned(), password.to_owned());
        self.sign_in.users.push(User { name, password, has_two_factors });
        self
    }

    /// Answers a request under `/api/auth` or `/api/login`.
    pub(super) fn signed_in(&mut self, resource: &[&str], request: &Request) -> Answer {
        match (self.sign_in.version, request.method.as_str(), resource) {
            (Version::V22_1 | Version::V22_0, "GET", ["login"]) => return self.session_token(request),
            _ if self.is_locked() => return locked(),
            _ => {}
        }
        match (self.sign_in.version, request.method.as_str(), resource) {
            (Version::V22_2, "POST", ["auth", "sign_in"]) => self.by_password(request),
            (Version::V22_2, "POST", ["auth", "refresh_token"]) => {
                let body = request.json().unwrap_or_default();
                self.by_refresh_token(text(&body, "refresh_token"))
            }
            (Version::V22_1 | Version::V22_0, "POST", ["login"]) => self.begin_session(request),
            (Version::PasswordGrant, "POST", ["login", "oauth", "token"]) => self.by_form(request),
            _ => self.failure(Failure::NotFound),
        }
    }

    fn by_password(&mut self, request: &Request) -> Answer {
        let body = request.json().unwrap_or_default();
        match self.check(text(&body, "username"), text(&body, "password")) {
            Err(refused) => refused,
            Ok(true) => {
                self.sign_in.half_signed_in += 1;
                let token = format!("portsip-two-factor-{:04}", self.sign_in.half_signed_in);
                ok(&json!({ "two_factor_enabled": true, "token": token }))
            }
            Ok(false) => ok(&self.token_pair()),
        }
    }

    fn by_refresh_token(&mut self, token: &str) -> Answer {
        if token.is_empty() {
            return invalid("refresh_token is required");
        }
        let known = self.sign_in.refresh_tokens.iter().position(|known| known == token);
        let Some(index) = known else {
            return error(400, "UNAUTHORIZED", "Unauthorized", "the refresh token is not valid");
        };
        self.sign_in.refresh_tokens.remove(index);
        ok(&self.token_pair())
    }

    fn by_form(&mut self, request: &Request) -> Answer {
        let form = request.form().unwrap_or_default();
        let field = |name| form.field(name).unwrap_or_default();
        match field("grant_type") {
            "password" => match self.check(field("username"), field("password")) {
                Err(refused) => refused,
                Ok(_) => ok(&self.token_pair()),
            },
            "refresh_token" => self.by_refresh_token(field("refresh_token")),
            _ => invalid("grant_type is password or refresh_token"),
        }
    }

    fn begin_session(&mut self, request: &Request) -> Answer {
        let body = request.json().unwrap_or_default();
        if let Err(refused) = self.check(text(&body, "username"), text(&body, "password")) {
            return refused;
        }
        let (access_token, ends_at) = self.issue();
        let cookie = format!("portsip-session-{:04}", self.sign_in.issued);
        let answer = Answer::empty(200).header("Set-Cookie", &format!("{COOKIE}={cookie}; Path=/; HttpOnly"));
        self.sign_in.sessions.push(LoginSession { cookie, access_token, ends_at });
        answer
    }

    /// Gives the token of a session that has not ended.
    fn session_token(&mut self, request: &Request) -> Answer {
        let now = self.clock.now();
        let cookie = cookie(request);
        let token = request.credential("bearer");
        let is_meant = |session: &&LoginSession| {
            cookie == Some(session.cookie.as_str()) || token == Some(session.access_token.as_str())
        };
        let mut sessions = self.sign_in.sessions.iter();
        let Some(session) = sessions.find(is_meant).filter(|session| now < session.ends_at) else {
            return self.failure(Failure::Unauthorized);
        };
        ok(&json!({
            "access_token": session.access_token,
            "expires_at": timestamp_seconds(session.ends_at),
            "expires_in": session.ends_at.saturating_sub(now).as_secs(),
            "role": "User",
        }))
    }

    /// Whether a user's name and password are right, and then whether a second factor is needed. Counts what fails.
    fn check(&mut self, name: &str, password: &str) -> Result<bool, Answer> {
        if name.is_empty() || password.is_empty() {
            return Err(invalid("username and password are required"));
        }
        let mut users = self.sign_in.users.iter();
        if let Some(user) = users.find(|user| user.name == name && user.password == password) {
            return Ok(user.has_two_factors);
        }
        self.sign_in.failed += 1;
        if self.sign_in.failed.is_multiple_of(FAILURES_TO_LOCK) {
            self.sign_in.locked_until = self.clock.now() + LOCK;
        }
        Err(wrong_password())
    }

    /// A new access token and its end.
    fn issue(&mut self) -> (String, Duration) {
        self.sign_in.issued += 1;
        let token = format!("portsip-access-{:04}", self.sign_in.issued);
        let ends_at = self.clock.now() + self.sign_in.life();
        self.tokens.accept_until(&token, ends_at);
        (token, ends_at)
    }

    fn token_pair(&mut self) -> Value {
        let (access_token, _) = self.issue();
        let refresh_token = format!("portsip-refresh-{:04}", self.sign_in.issued);
        self.sign_in.refresh_tokens.push(refresh_token.clone());
        json!({
            "access_token": access_token,
            "expires_in": self.sign_in.life().as_secs(),
            "refresh_token": refresh_token,
            "token_type": "Bearer",
        })
    }

    /// A failure as signing in reports it.
    pub(super) fn sign_in_failure(&mut self, failure: Failure) -> Answer {
        match failure {
            Failure::Unauthorized => wrong_password(),
            Failure::Forbidden => locked(),
            _ => self.failure(failure),
        }
    }
}

fn wrong_password() -> Answer {
    error(400, "UNAUTHORIZED", "Unauthorized", "the user name or the password is wrong")
}

fn locked() -> Answer {
    error(403, "FORBIDDEN", "Forbidden", "the address is locked: too many sign-ins failed")
}

fn cookie(request: &Request) -> Option<&str> {
    let mut pairs = request.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}
