//! A token endpoint on the wire: one POST, never repeated, and what its answer means.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::{LONGEST_LIFE, SHORTEST_LIFE, Tokens};
use crate::budget::Budget;
use crate::credentials::{HostRule, origin_of};
use crate::failure::Failure;
use crate::http::{Answer, Ask, Endpoint, HttpClients, Upstream};
use crate::providers::status_failure;

/// Sends what grants send.
pub struct TokenEndpoint<'a> {
    http: &'a HttpClients,
    within: Duration,
    allow_loopback: bool,
    secrets: Vec<SecretString>,
}

/// What is shorter may be any word of an answer.
const SHORTEST_HIDDEN: usize = 4;

impl<'a> TokenEndpoint<'a> {
    /// An endpoint that answers `within` so long, or not at all.
    #[must_use]
    pub fn new(http: &'a HttpClients, within: Duration, allow_loopback: bool) -> Self {
        Self { http, within, allow_loopback, secrets: Vec::new() }
    }

    /// One that shows none of these in what it says.
    #[must_use]
    pub(super) fn hiding(self, secrets: Vec<SecretString>) -> Self {
        Self { secrets, ..self }
    }

    /// Whether hosts on this machine are allowed.
    #[must_use]
    pub fn allows_loopback(&self) -> bool {
        self.allow_loopback
    }

    /// Sends a request to a host whose certificate `ca_pem`, or a public authority, vouches for.
    ///
    /// # Errors
    /// No answer, and why.
    pub(super) async fn send(&self, ask: &Ask, ca_pem: Option<&str>) -> Result<Answer, Failure> {
        let client = self.http.trusting(ca_pem).map_err(|problem| Failure::SecretUnusable {
            name: "of the grant".to_owned(),
            problem: format!("ca_pem {problem}"),
        })?;
        let budget = Budget::start(self.within, Duration::ZERO, None);
        let mut origin = ask.url().clone();
        origin.set_path("/");
        origin.set_query(None);
        let endpoint = Endpoint { origin, authorization: HeaderValue::from_static(""), account: String::new(), client };
        let mut answer = Upstream::new(endpoint, budget).send(ask).await?;
        if answer.status != 200 {
            // A refusal that repeats what was sent must not bring it into a report.
            let shown = self.secrets.iter().fold(String::from_utf8_lossy(&answer.body).into_owned(), |text, secret| {
                let secret = secret.expose_secret();
                if secret.len() < SHORTEST_HIDDEN { text } else { text.replace(secret, "***") }
            });
            answer.body = shown.into();
        }
        Ok(answer)
    }
}

/// HTTP Basic, as a header that does not print.
pub(super) fn basic(user: &str, password: &SecretString) -> HeaderValue {
    let encoded = basic_credentials(user, password.expose_secret());
    // Base64 is always a header value.
    let mut header = HeaderValue::try_from(format!("Basic {encoded}")).unwrap_or(HeaderValue::from_static("Basic"));
    header.set_sensitive(true);
    header
}

/// A name and a password as HTTP Basic writes them.
pub(super) fn basic_credentials(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

/// The address of a token endpoint: the secret's `token_url` on the provider's own host, or the provider's.
///
/// # Errors
/// `token_url` is no address on the provider's own host.
pub(super) fn token_url(
    fields: &Map<String, Value>,
    rule: HostRule,
    allow_loopback: bool,
    otherwise: impl FnOnce() -> Result<Url, String>,
) -> Result<Url, String> {
    let Some(written) = crate::credentials::text(fields, "token_url")? else { return otherwise() };
    let mut url = Url::parse(written.trim()).map_err(|_| "token_url is no URL".to_owned())?;
    let path = url.path().to_owned();
    url.set_path("/");
    let mut bound =
        origin_of(url.as_str(), rule, allow_loopback).map_err(|problem| problem.replace("base_url", "token_url"))?;
    bound.set_path(&path);
    Ok(bound)
}

/// What another status than 200 means where the endpoint does not refuse the grant by it.
pub(super) fn other_failure(answer: &Answer, said: String) -> Failure {
    match answer.status {
        429 | 500.. => status_failure(answer, said),
        status => Failure::UnexpectedResponse { problem: format!("its status is {status}, from no token endpoint") },
    }
}

/// The tokens in an answer's body: `access_token`, `expires_in`, perhaps `refresh_token`.
///
/// # Errors
/// There is no access token in it.
pub(super) fn tokens(body: &Value, ordinary_life: Duration) -> Result<Tokens, Failure> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let access_token = text("access_token").ok_or_else(|| Failure::UnexpectedResponse {
        problem: "the token endpoint's answer has no access_token".to_owned(),
    })?;
    Ok(Tokens {
        access_token: SecretString::from(access_token.to_owned()),
        life: life(body.get("expires_in"), ordinary_life),
        refresh_token: text("refresh_token").map(|token| SecretString::from(token.to_owned())),
    })
}

/// A token's life as endpoints state it: seconds, as a number or text. What is no life is the provider's ordinary one.
fn life(expires_in: Option<&Value>, ordinary: Duration) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    match seconds {
        Some(seconds) if seconds.is_finite() && seconds > 0.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFE).clamp(SHORTEST_LIFE, LONGEST_LIFE)
        }
        // A life of 0 or less is over: the shortest that is believed lets the next run mend it.
        Some(_) => SHORTEST_LIFE,
        None => ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::life;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn a_life_is_believed_between_a_minute_and_two_days() {
        let ordinary = Duration::from_hours(1);
        for (stated, seconds) in [
            (json!(3600), 3600),
            (json!("3600"), 3600),
            (json!(0), 60),
            (json!(-5), 60),
            (json!(1_000_000_000), 172_800),
            (json!(1), 60),
            (json!(null), 3600),
            (json!("soon"), 3600),
            (json!([1]), 3600),
        ] {
            assert_eq!(life(Some(&stated), ordinary), Duration::from_secs(seconds), "{stated}");
        }
        assert_eq!(life(None, ordinary), ordinary);
    }
}
