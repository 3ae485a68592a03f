//! Genesys Cloud's client credentials: `POST https://login.{region domain}/oauth/token`.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

use super::endpoint::{TokenEndpoint, basic, other_failure, token_url, tokens};
use super::{Tokens, required, required_secret};
use crate::failure::Failure;
use crate::http::{Answer, Ask};
use crate::providers::genesys_cloud::login_origin;
use crate::providers::{read_json, said};

/// What a token lives where the endpoint does not say.
const ORDINARY_LIFE: Duration = Duration::from_hours(24);

/// An OAuth client's id and secret.
pub(super) struct ClientCredentials {
    client_id: String,
    client_secret: SecretString,
    token_url: Url,
}

impl ClientCredentials {
    pub(super) fn read(fields: &Map<String, Value>, allow_loopback: bool) -> Result<Self, String> {
        Ok(Self {
            client_id: required(fields, "client_id")?,
            client_secret: required_secret(fields, "client_secret")?,
            token_url: token_url(fields, crate::providers::genesys_cloud::LOGIN_HOSTS, allow_loopback, || {
                login_origin(fields, allow_loopback)?.join("oauth/token").map_err(|_| "region is no region".to_owned())
            })?,
        })
    }

    pub(super) async fn exchange(&self, endpoint: &TokenEndpoint<'_>) -> Result<Tokens, Failure> {
        let ask = Ask::form_once(self.token_url.clone(), &[("grant_type", "client_credentials")])
            .with_authorization(basic(&self.client_id, &self.client_secret));
        let answer = endpoint.send(&ask, None).await?;
        if answer.status != 200 {
            return Err(failure(&answer));
        }
        // There are no refresh tokens for a client.
        Ok(Tokens { refresh_token: None, ..tokens(&read_json(&answer)?.0, ORDINARY_LIFE)? })
    }
}

/// The endpoint reports every fault of its caller as 400, its rate limit included.
fn failure(answer: &Answer) -> Failure {
    let body = read_json(answer).map(|(body, _)| body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    let error = field("error");
    let description = field("error_description").or(field("description"));
    match (answer.status, error) {
        (400, Some("invalid_request")) if description.is_some_and(|text| text.starts_with("rate limit exceeded")) => {
            Failure::RateLimited { said: said(&[description]), retry_after: None }
        }
        (400 | 401, Some("invalid_client")) => Failure::AuthRejected {
            said: said(&[
                error,
                description,
                Some("the client secret is wrong, or the region is: each region knows its own clients only"),
            ]),
        },
        // A page of a proxy on the way is no refusal.
        (401, _) | (400 | 403, Some(_)) => Failure::AuthRejected { said: said(&[error, description]) },
        _ => other_failure(answer, said(&[error, description])),
    }
}
