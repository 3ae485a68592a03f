//! `PortSIP`'s sign-in with a PBX user's name and password, in its documented forms.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::endpoint::{TokenEndpoint, other_failure, tokens};
use super::{Tokens, required, required_secret};
use crate::clock;
use crate::credentials::{HostRule, origin_of, text};
use crate::failure::Failure;
use crate::http::{Answer, Ask};
use crate::providers::{read_json, said};

/// What a token lives where the PBX does not say.
const ORDINARY_LIFE: Duration = Duration::from_hours(1);

/// A PBX user.
pub(super) struct SignIn {
    username: String,
    password: SecretString,
    domain: Option<String>,
    /// What the last sign-in left; used before the password is.
    refresh_token: Option<SecretString>,
    origin: Url,
    ca_pem: Option<String>,
}

impl SignIn {
    pub(super) fn read(fields: &Map<String, Value>, allow_loopback: bool) -> Result<Self, String> {
        let base_url = required(fields, "base_url")?;
        Ok(Self {
            username: required(fields, "username")?,
            password: required_secret(fields, "password")?,
            domain: text(fields, "domain")?.map(str::to_owned),
            refresh_token: text(fields, "refresh_token")?.map(|token| SecretString::from(token.to_owned())),
            origin: origin_of(&base_url, HostRule::CustomersOwn, allow_loopback)?,
            ca_pem: text(fields, "ca_pem")?.map(str::to_owned),
        })
    }

    /// By the refresh token where there is one, else by the password: in the form of 22.2 and later, or, where the PBX
    /// does not know that, of 22.0. Fifty failed sign-ins lock the address out, so a refused password is never sent twice.
    pub(super) async fn exchange(&self, endpoint: &TokenEndpoint<'_>) -> Result<Tokens, Failure> {
        if let Some(token) = &self.refresh_token {
            let body = json!({"refresh_token": token.expose_secret()});
            let answer = self.post(endpoint, "auth/refresh_token", &body).await?;
            match answer.status {
                200 => return understood(&answer),
                // Ended, or of another version of the PBX: the password is left.
                400 | 401 | 403 | 404 => {}
                _ => return Err(failure(&answer)),
            }
        }
        let mut body = json!({"username": self.username, "password": self.password.expose_secret()});
        if let (Some(domain), Some(body)) = (&self.domain, body.as_object_mut()) {
            body.insert("domain".to_owned(), Value::from(domain.clone()));
        }
        let answer = self.post(endpoint, "auth/sign_in", &body).await?;
        match answer.status {
            200 => understood(&answer),
            404 => self.sign_in_as_of_22_0(endpoint, &body).await,
            _ => Err(failure(&answer)),
        }
    }

    async fn sign_in_as_of_22_0(&self, endpoint: &TokenEndpoint<'_>, body: &Value) -> Result<Tokens, Failure> {
        let signed_in = self.post(endpoint, "login", body).await?;
        if signed_in.status == 404 {
            let form =
                [("grant_type", "password"), ("username", &self.username), ("password", self.password.expose_secret())];
            let ask = Ask::form_once(self.url("login/oauth/token"), &form);
            let answer = endpoint.send(&ask, self.ca_pem.as_deref()).await?;
            return if answer.status == 200 { understood(&answer) } else { Err(failure(&answer)) };
        }
        if signed_in.status != 200 {
            return Err(failure(&signed_in));
        }
        if let Ok(tokens) = understood(&signed_in) {
            return Ok(tokens);
        }
        // 22.0 signs a session in, and gives its token on asking.
        let cookie = signed_in.headers.get(http::header::SET_COOKIE).cloned();
        let mut ask = Ask::once(self.url("login"));
        if let Some(cookie) = cookie.and_then(|cookie| session(&cookie)) {
            ask = ask.with_cookie(cookie);
        }
        let answer = endpoint.send(&ask, self.ca_pem.as_deref()).await?;
        if answer.status == 200 { understood(&answer) } else { Err(failure(&answer)) }
    }

    async fn post(&self, endpoint: &TokenEndpoint<'_>, path: &str, body: &Value) -> Result<Answer, Failure> {
        endpoint.send(&Ask::json_once(self.url(path), body), self.ca_pem.as_deref()).await
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        url.set_path(&format!("api/{path}"));
        url
    }
}

fn understood(answer: &Answer) -> Result<Tokens, Failure> {
    let (body, _) = read_json(answer)?;
    if body.get("two_factor_enabled") == Some(&Value::Bool(true)) {
        return Err(Failure::AuthRejected {
            said: "the user has two-factor authentication; use a PBX user without it, for this gateway alone"
                .to_owned(),
        });
    }
    let mut tokens = tokens(&body, ORDINARY_LIFE)?;
    if body.get("expires_in").is_none()
        && let Some(end) = body.get("expires_at").and_then(clock::parse)
    {
        let life = end.duration_since(SystemTime::now()).unwrap_or_default();
        tokens.life = life.clamp(super::SHORTEST_LIFE, super::LONGEST_LIFE);
    }
    Ok(tokens)
}

/// A session cookie as it is sent back: without its attributes.
fn session(set_cookie: &HeaderValue) -> Option<HeaderValue> {
    let pair = set_cookie.to_str().ok()?.split(';').next()?;
    let mut cookie = HeaderValue::try_from(pair).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// A wrong password is any of 400, 401 and 403.
fn failure(answer: &Answer) -> Failure {
    let body = read_json(answer).map(|(body, _)| body).unwrap_or_default();
    let field = |name: &str| body.pointer(&format!("/errors/0/{name}")).and_then(Value::as_str);
    match answer.status {
        400 | 401 | 403 => Failure::AuthRejected {
            said: said(&[
                field("code"),
                field("message"),
                Some("after 50 failed sign-ins the PBX locks this address out for an hour"),
            ]),
        },
        _ => other_failure(answer, said(&[field("code"), field("message")])),
    }
}
