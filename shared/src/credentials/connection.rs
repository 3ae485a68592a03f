//! One connection's secret, read and checked: the credential, the host it is bound to, and the account's defaults.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use url::Url;

use super::{StoredSecret, origin_of};
use crate::clock;
use crate::fault::type_name;
use crate::freshness::Quota;
use crate::http::credential_in;
use crate::providers::{Provider, Template};

/// What a check knows of a connection. It does not print its credential.
pub struct Connection {
    version: String,
    base_url: Option<Url>,
    /// The secret's fields without its credential.
    fields: Map<String, Value>,
    authorization: HeaderValue,
    ca_pem: Option<String>,
    expires_at: Option<SystemTime>,
    defaults: Map<String, Value>,
    allowed_api_key_ids: Option<Vec<String>>,
    quota: Option<Quota>,
    warnings: Vec<String>,
    rotates: bool,
}

impl Connection {
    /// Reads a stored secret as `P` defines its fields.
    ///
    /// # Errors
    /// Which key is wrong and what belongs there; never its value.
    pub fn read<P: Provider>(stored: &StoredSecret, allow_loopback: bool) -> Result<Self, String> {
        let document: Value = serde_json::from_str(stored.value.expose_secret())
            .map_err(|error| format!("it is no JSON (line {}, column {})", error.line(), error.column()))?;
        let fields =
            document.as_object().ok_or_else(|| format!("it is {}; store a JSON object", type_name(&document)))?;
        let mut warnings = Vec::new();
        let authorization = authorization::<P>(fields, &mut warnings)?;
        let base_url =
            text(fields, "base_url")?.map(|written| origin_of(written, P::HOSTS, allow_loopback)).transpose()?;
        if let (None, Some(template)) = (&base_url, P::Template::first()) {
            P::origin(fields, template)?;
        }
        let expires_at = match fields.get("expires_at") {
            None | Some(Value::Null) => None,
            Some(written) => Some(
                clock::parse(written)
                    .ok_or_else(|| "expires_at is no time; write RFC 3339 or epoch seconds".to_owned())?,
            ),
        };
        let allowed_api_key_ids = match fields.get("allowed_api_key_ids") {
            None | Some(Value::Null) => None,
            Some(ids) => Some(text_list(ids).ok_or_else(|| "allowed_api_key_ids is no list of texts".to_owned())?),
        };
        let defaults = match fields.get("defaults") {
            None | Some(Value::Null) => Map::new(),
            Some(defaults) => defaults.as_object().cloned().ok_or_else(|| "defaults is no object".to_owned())?,
        };
        Ok(Self {
            version: stored.version.clone(),
            base_url,
            fields: fields
                .iter()
                .filter(|(key, _)| *key != P::TOKEN_FIELD)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            authorization,
            ca_pem: text(fields, "ca_pem")?.map(str::to_owned),
            expires_at,
            defaults,
            allowed_api_key_ids,
            quota: fields.get("quota").filter(|quota| !quota.is_null()).map(quota).transpose()?,
            warnings,
            // Written by token-refresh beside a token whose grant rotates.
            rotates: fields.get("rotates") == Some(&Value::Bool(true)),
        })
    }

    /// The version of the secret behind.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The one host the credential may be sent to by this recipe.
    ///
    /// # Errors
    /// Which field of the secret is missing or wrong.
    pub fn origin<P: Provider>(&self, template: P::Template) -> Result<Url, String> {
        self.base_url.clone().map_or_else(|| P::origin(&self.fields, template), Ok)
    }

    /// The secret's fields without its credential: what an adapter may need to know of the account.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The header that carries the credential; sensitive, so that it does not print.
    #[must_use]
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// The credential itself: to hide it, wherever a provider repeats it.
    #[must_use]
    pub(crate) fn credential(&self) -> &str {
        credential_in(&self.authorization)
    }

    /// The certificates that vouch for the host, where they are the customer's own.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The account's defaults for fields a request leaves out.
    #[must_use]
    pub fn defaults(&self) -> &Map<String, Value> {
        &self.defaults
    }

    /// How many requests the provider allows the account, where the secret says so.
    #[must_use]
    pub fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// What was mended while the secret was read.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether a gateway key may use the connection.
    #[must_use]
    pub fn allows(&self, api_key_id: Option<&str>) -> bool {
        self.allowed_api_key_ids
            .as_ref()
            .is_none_or(|allowed| api_key_id.is_some_and(|id| allowed.iter().any(|allowed| allowed == id)))
    }

    /// When the token ends, where the secret says so.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Whether the token ends within `time` from now.
    #[must_use]
    pub fn ends_within(&self, time: Duration, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now + time)
    }

    /// Whether the token is one of a rotating chain: the next one ends it at once.
    #[must_use]
    pub fn rotates(&self) -> bool {
        self.rotates
    }

    /// Whether the token's life is over, clocks' differences aside.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at + CLOCK_SKEW <= now)
    }
}

/// How far the wall clock and the provider's may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

fn authorization<P: Provider>(fields: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<HeaderValue, String> {
    let key = P::TOKEN_FIELD;
    let pasted = text(fields, key)?.ok_or_else(|| format!("{key} is missing"))?;
    let trimmed = pasted.trim();
    // `Token abc`, `bearer abc`, or a scheme alone.
    let (front, rest) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
    let has_scheme = ["Token", "Bearer"].iter().any(|scheme| front.eq_ignore_ascii_case(scheme));
    let bare = if has_scheme { rest.trim() } else { trimmed };
    if trimmed != pasted {
        warnings.push(format!("{key} in the secret has blanks or a line break around it; they were dropped"));
    }
    if bare.is_empty() {
        return Err(format!("{key} is empty"));
    }
    if !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{key} has a blank or a character that no token has; paste it again"));
    }
    let mut header =
        HeaderValue::try_from(format!("{} {bare}", P::TOKEN_SCHEME)).map_err(|_| format!("{key} is no token"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// A text field of a secret; absent, null and blank are the same.
///
/// # Errors
/// It is something other than text.
pub(crate) fn text<'f>(fields: &'f Map<String, Value>, key: &str) -> Result<Option<&'f str>, String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(other) => Err(format!("{key} is {}; store text", type_name(other))),
    }
}

/// `{"requests": 1000, "per_seconds": 3600}`.
fn quota(written: &Value) -> Result<Quota, String> {
    let number = |key: &str| written.get(key).and_then(Value::as_u64).filter(|number| *number > 0);
    let requests = number("requests").and_then(|requests| u32::try_from(requests).ok());
    match (requests, number("per_seconds").filter(|seconds| *seconds <= LONGEST_WINDOW_SECONDS)) {
        (Some(requests), Some(per_seconds)) => Ok(Quota::new(requests, per_seconds)),
        _ => Err("quota is no quota; write {\"requests\": 1000, \"per_seconds\": 3600}, at most a day".to_owned()),
    }
}

const LONGEST_WINDOW_SECONDS: u64 = 86_400;

fn text_list(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
