//! `RingCentral`'s grants: `POST https://platform.ringcentral.com/restapi/oauth/token`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::endpoint::{TokenEndpoint, basic, other_failure, token_url, tokens};
use super::{Tokens, required, required_secret};
use crate::credentials::{HostRule, origin_of, text};
use crate::failure::Failure;
use crate::http::{Answer, Ask};
use crate::providers::{read_json, said};

/// What a token lives where the endpoint does not say.
const ORDINARY_LIFE: Duration = Duration::from_hours(1);
const HOSTS: HostRule = HostRule::Domains(&["ringcentral.com"]);

/// An application's credentials, and how it signs in with them.
pub(super) struct Grant {
    client_id: String,
    client_secret: SecretString,
    kind: Kind,
    token_url: Url,
}

enum Kind {
    /// A JWT of a user; the one to use: it does not rotate, and asks nobody.
    JwtBearer(SecretString),
    /// A refresh token; each use gives a new one and ends the access token before.
    RefreshToken(SecretString),
    /// What guides print. The platform refuses it.
    ClientCredentials,
}

impl Grant {
    pub(super) fn read(fields: &Map<String, Value>, allow_loopback: bool) -> Result<Self, String> {
        let kind = match required(fields, "grant_type")?.as_str() {
            "jwt-bearer" | "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                Kind::JwtBearer(required_secret(fields, "jwt")?)
            }
            "refresh_token" => Kind::RefreshToken(required_secret(fields, "refresh_token")?),
            "client_credentials" => Kind::ClientCredentials,
            _ => return Err("grant_type is not one of jwt-bearer, refresh_token, client_credentials".to_owned()),
        };
        Ok(Self {
            client_id: required(fields, "client_id")?,
            client_secret: required_secret(fields, "client_secret")?,
            kind,
            token_url: token_url(fields, HOSTS, allow_loopback, || {
                let origin = text(fields, "base_url")?.unwrap_or("https://platform.ringcentral.com");
                origin_of(origin, HOSTS, allow_loopback)?
                    .join("restapi/oauth/token")
                    .map_err(|_| "base_url is no URL".to_owned())
            })?,
        })
    }

    pub(super) fn rotates(&self) -> bool {
        matches!(self.kind, Kind::RefreshToken(_))
    }

    pub(super) async fn exchange(&self, endpoint: &TokenEndpoint<'_>) -> Result<Tokens, Failure> {
        let form: Vec<(&str, &str)> = match &self.kind {
            Kind::JwtBearer(jwt) => {
                vec![("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", jwt.expose_secret())]
            }
            Kind::RefreshToken(token) => {
                vec![("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())]
            }
            Kind::ClientCredentials => vec![("grant_type", "client_credentials")],
        };
        let ask = Ask::form_once(self.token_url.clone(), &form)
            .with_authorization(basic(&self.client_id, &self.client_secret));
        let answer = endpoint.send(&ask, None).await?;
        if answer.status != 200 {
            return Err(self.failure(&answer));
        }
        let tokens = tokens(&read_json(&answer)?.0, ORDINARY_LIFE)?;
        // A session's own refresh token is of no use beside a grant that does not end.
        Ok(Tokens { refresh_token: tokens.refresh_token.filter(|_| self.rotates()), ..tokens })
    }

    fn failure(&self, answer: &Answer) -> Failure {
        let body = read_json(answer).map(|(body, _)| body).unwrap_or_default();
        let code = body.pointer("/errors/0/errorCode").and_then(Value::as_str);
        let error = body.get("error").and_then(Value::as_str);
        let description = body.get("error_description").and_then(Value::as_str);
        match answer.status {
            // A page of a proxy on the way is no refusal.
            400 | 401 | 403 if answer.status == 401 || code.or(error).is_some() => {
                let advice = match (&self.kind, code) {
                    (Kind::ClientCredentials, _) => {
                        Some("the platform has no client credentials sign-in, whatever guides print: use jwt-bearer")
                    }
                    (_, Some("OAU-250" | "OAU-251")) => Some("allow this grant type in the application's settings"),
                    _ => None,
                };
                Failure::AuthRejected { said: said(&[code, error, description, advice]) }
            }
            _ => other_failure(answer, said(&[code, error, description])),
        }
    }
}
