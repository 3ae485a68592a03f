//! `callgate connect`: an account's credentials, checked against the provider and then stored.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use callgate::clock::{Clock, rfc3339};
use callgate::credentials::{OpenStore, StoredSecret, WritableStore, secret_name};
use callgate::grants::{GRANT_PREFIX, Grant, grant_name};
use callgate::http::HttpClients;
use callgate::providers::ProviderName;
use callgate_local::diagnosis::impossible_queue;
use callgate_local::gates::Gates;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::stores::{PATIENCE, StoreArguments, store_failed};
use super::{Stopped, print, read};

/// The arguments of `callgate connect`.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// calltools, genesys-cloud, ringcentral or portsip.
    provider: String,
    /// What requests will name as `connection`: a-z, 0-9 and -.
    name: String,
    /// A field, as `region=mypurecloud.com`; may be given more than once. What is not given is asked for. A secret on
    /// the command line stays in the shell's history: leave it to be asked for, or use --fields.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// A JSON file with fields, or - for standard input.
    #[arg(long, value_name = "FILE")]
    fields: Option<PathBuf>,
    /// Store a token that was got elsewhere, without a grant: nobody will renew it.
    #[arg(long)]
    pasted: bool,
    #[command(flatten)]
    store: StoreArguments,
}

/// A field that a provider's account needs.
struct Field {
    name: &'static str,
    what: &'static str,
    kind: FieldKind,
}

#[derive(Clone, Copy, PartialEq)]
enum FieldKind {
    Plain,
    Secret,
    Optional,
}

const fn plain(name: &'static str, what: &'static str) -> Field {
    Field { name, what, kind: FieldKind::Plain }
}

const fn secret(name: &'static str, what: &'static str) -> Field {
    Field { name, what, kind: FieldKind::Secret }
}

const fn optional(name: &'static str, what: &'static str) -> Field {
    Field { name, what, kind: FieldKind::Optional }
}

/// Shorter lives could not be renewed without writing a secret more often than the store likes.
const SHORTEST_LIFE_MINUTES: u64 = 20;

impl Connect {
    /// Asks, checks and stores.
    pub(super) async fn run(self) -> Result<ExitCode, Stopped> {
        let names = ProviderName::ALL.map(ProviderName::as_str).join(", ");
        let provider = ProviderName::from_name(&self.provider)
            .ok_or_else(|| Stopped::bad_request(format!("{} is no provider; name one of {names}", self.provider)))?;
        let gates = Gates::new(false).map_err(Stopped::failed)?;
        // Before anything is asked for or used up: a name that no request could name.
        if reason(&self.asked(&gates, provider).await).is_empty() {
            return Err(Stopped::bad_request(format!("{} is no connection name; use a-z, 0-9 and -", self.name)));
        }
        let fields = self.gather(provider)?;
        let http = HttpClients::new().map_err(Stopped::failed)?;
        let (store, place) = self.store.open(&http)?;
        // A refresh token works once: nothing is exchanged for what could not be kept.
        store.list(GRANT_PREFIX).await.map_err(store_failed)?;
        let has_grant = !self.pasted && provider != ProviderName::CallTools;
        let Got { token, grant } =
            if has_grant { Got::with(provider, fields, &http).await? } else { Got { token: fields, grant: None } };
        let rotates = grant.is_some() && token.contains_key("rotates");
        self.tried(&gates, provider, &token).await.map_err(|stopped| used_up(stopped, rotates))?;
        let mut written = secret_name(provider, &self.name);
        // The grant first: where its refresh token was used just now, the next one must not be lost.
        if let Some(grant) = &grant {
            let name = grant_name(provider, &self.name);
            store.store(&name, text(grant)).await.map_err(store_failed)?;
            written = format!("{written} and {name}");
        }
        store.store(&secret_name(provider, &self.name), text(&token)).await.map_err(store_failed)?;
        let end = token
            .get("expires_at")
            .and_then(Value::as_str)
            .map_or_else(String::new, |end| format!("; the token ends {end}"));
        print(&format!("accepted by the provider{end}\nstored {written} in {place}"));
        Ok(ExitCode::SUCCESS)
    }

    fn gather(&self, provider: ProviderName) -> Result<Map<String, Value>, Stopped> {
        let mut fields: Map<String, Value> = match &self.fields {
            Some(file) => serde_json::from_str(&read(file)?).map_err(|error| {
                Stopped::bad_request(format!(
                    "the fields are no JSON object (line {}, column {})",
                    error.line(),
                    error.column()
                ))
            })?,
            None => Map::new(),
        };
        for set in &self.set {
            let (name, value) =
                set.split_once('=').ok_or_else(|| Stopped::bad_request("--set takes FIELD=VALUE".to_owned()))?;
            fields.insert(name.to_owned(), Value::from(value));
        }
        if provider == ProviderName::RingCentral && !self.pasted && !fields.contains_key("grant_type") {
            fields.insert("grant_type".to_owned(), Value::from("jwt-bearer"));
        }
        let grant_type = fields.get("grant_type").and_then(Value::as_str).unwrap_or_default().to_owned();
        for field in needed(provider, self.pasted, &grant_type) {
            let given = fields.get(field.name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
            let elsewhere = matches!(field.name, "silo" | "region") && fields.contains_key("base_url");
            if !given
                && !elsewhere
                && let Some(answer) = ask(&field)?
            {
                fields.insert(field.name.to_owned(), Value::from(answer));
            }
        }
        Ok(fields)
    }

    /// Whether the provider accepts the token: it is asked about a queue that cannot exist, which reads nothing.
    async fn tried(&self, gates: &Gates, provider: ProviderName, token: &Map<String, Value>) -> Result<(), Stopped> {
        let mut token = token.clone();
        // The one who asks here has no gateway key.
        if token.get("allowed_api_key_ids").is_some_and(Value::is_array) {
            token.remove("allowed_api_key_ids");
        }
        gates.put_secret(provider, &self.name, Value::Object(token).to_string());
        let verdict = self.asked(gates, provider).await;
        match reason(&verdict) {
            "ok" | "condition_not_met" | "queue_closed" | "field_missing" | "queue_not_found" => Ok(()),
            // CallTools means by it that there is no such path: another host than the account's.
            "invalid_query" if provider != ProviderName::CallTools => Ok(()),
            _ => {
                let message = verdict.get("message").and_then(Value::as_str).unwrap_or_default();
                let message = message.split("; rejected by").next().unwrap_or_default();
                Err(Stopped::failed(format!("nothing was stored: {message}")))
            }
        }
    }

    /// The verdict on a queue that cannot exist, or the problem where this connection cannot be named.
    async fn asked(&self, gates: &Gates, provider: ProviderName) -> Value {
        let request = json!({"connection": self.name, "queue": impossible_queue(provider)});
        gates.check(provider, &request.to_string()).await
    }
}

/// A verdict's reason; empty in a problem.
fn reason(verdict: &Value) -> &str {
    verdict.get("reason").and_then(Value::as_str).unwrap_or_default()
}

/// The failure of a connection whose grant was used, and is not stored: where it can be used once only, that is said.
fn used_up(stopped: Stopped, rotates: bool) -> Stopped {
    if rotates {
        Stopped { message: format!("{}; the refresh token is used up: get another", stopped.message), ..stopped }
    } else {
        stopped
    }
}

/// The fields of a provider's account, in the order in which they are asked for.
fn needed(provider: ProviderName, pasted: bool, grant_type: &str) -> Vec<Field> {
    match provider {
        ProviderName::CallTools => vec![secret("token", "API key"), plain("silo", "silo, such as east-1")],
        ProviderName::GenesysCloud if pasted => {
            vec![secret("access_token", "access token"), plain("region", "region, such as mypurecloud.com")]
        }
        ProviderName::GenesysCloud => vec![
            plain("client_id", "OAuth client id"),
            secret("client_secret", "OAuth client secret"),
            plain("region", "region, such as mypurecloud.com"),
        ],
        ProviderName::RingCentral if pasted => vec![secret("access_token", "access token")],
        ProviderName::RingCentral => {
            let mut fields = vec![
                plain("client_id", "application's client id"),
                secret("client_secret", "application's client secret"),
            ];
            match grant_type {
                "refresh_token" => fields.push(secret("refresh_token", "refresh token")),
                "client_credentials" => {}
                _ => fields.push(secret("jwt", "JWT credential")),
            }
            fields
        }
        ProviderName::PortSip if pasted => {
            vec![
                secret("access_token", "access token"),
                plain("base_url", "PBX address, such as https://pbx.example.com:8887"),
            ]
        }
        ProviderName::PortSip => vec![
            plain("base_url", "PBX address, such as https://pbx.example.com:8887"),
            plain("username", "PBX user"),
            secret("password", "password"),
            optional("domain", "domain, if the PBX has several"),
        ],
    }
}

/// Asks a person. Where nobody is there, what is needed is a fault that names the field.
fn ask(field: &Field) -> Result<Option<String>, Stopped> {
    if !std::io::stdin().is_terminal() {
        return match field.kind {
            FieldKind::Optional => Ok(None),
            FieldKind::Plain | FieldKind::Secret => {
                Err(Stopped::bad_request(format!("{} is missing: {}", field.name, field.what)))
            }
        };
    }
    let prompt = format!("{} ({}): ", field.name, field.what);
    let answer = if field.kind == FieldKind::Secret {
        rpassword::prompt_password(prompt)
    } else {
        let mut out = std::io::stderr().lock();
        let mut line = String::new();
        out.write_all(prompt.as_bytes()).and_then(|()| std::io::stdin().read_line(&mut line)).map(|_| line)
    };
    let answer = answer.map_err(|error| Stopped::failed(format!("{} cannot be read: {error}", field.name)))?;
    Ok(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
}

/// What is stored: the token secret, and the grant it was got with.
struct Got {
    token: Map<String, Value>,
    grant: Option<Map<String, Value>>,
}

impl Got {
    /// Gets a token with a grant.
    async fn with(provider: ProviderName, mut fields: Map<String, Value>, http: &HttpClients) -> Result<Self, Stopped> {
        let not_stored = |problem: String| Stopped::failed(format!("nothing was stored: {problem}"));
        let stored = StoredSecret { version: String::new(), value: text(&fields) };
        let grant = Grant::read(provider, &stored, true).map_err(Stopped::bad_request)?;
        let tokens = grant.exchange(http, PATIENCE).await.map_err(|failure| not_stored(failure.to_string()))?;
        let minutes = tokens.life.as_secs() / 60;
        if minutes < SHORTEST_LIFE_MINUTES {
            let stopped = not_stored(format!(
                "its tokens live {minutes} minutes, and {SHORTEST_LIFE_MINUTES} are needed; raise the token duration in \
                 the provider's client or user settings"
            ));
            return Err(used_up(stopped, grant.rotates()));
        }
        let mut token = Map::new();
        for name in ["region", "base_url", "ca_pem", "sub_account_id", "defaults", "allowed_api_key_ids"] {
            token.extend(fields.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        let now = Clock::system().now();
        let mut got = Map::new();
        got.insert("access_token".to_owned(), Value::from(tokens.access_token.expose_secret()));
        got.insert("issued_at".to_owned(), Value::from(rfc3339(now)));
        got.insert("expires_at".to_owned(), Value::from(rfc3339(now + tokens.life)));
        if grant.rotates() {
            got.insert("rotates".to_owned(), Value::Bool(true));
            fields.extend(got.clone());
        }
        if let Some(refresh_token) = &tokens.refresh_token {
            fields.insert("refresh_token".to_owned(), Value::from(refresh_token.expose_secret()));
        }
        token.extend(got);
        Ok(Self { token, grant: Some(fields) })
    }
}

fn text(fields: &Map<String, Value>) -> SecretString {
    SecretString::from(Value::Object(fields.clone()).to_string())
}
