//! What a deployment sets: the only place that reads the environment.

use std::time::Duration;

use crate::trust;

/// A deployment's settings. `Default` is what is shipped.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The deadline of a check that names none. `CALLGATE_DEADLINE_MS`.
    pub deadline: Duration,
    /// Whether a secret may name a host on this machine, also over plain HTTP. `CALLGATE_ALLOW_LOOPBACK=1`; for tests
    /// and the local gateway, never in a deployment.
    pub allow_loopback: bool,
    /// How long a secret that was read is used before it is read again. `CALLGATE_SECRET_TTL_SECONDS`.
    pub secret_ttl: Duration,
    /// Another Secrets Manager endpoint. `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`.
    pub secrets_endpoint: Option<String>,
    /// The table of what instances share. `CALLGATE_STATE_TABLE`; without it each instance is on its own.
    pub state_table: Option<String>,
    /// How long the shared state may take to answer before the instance goes on alone. `CALLGATE_STATE_TIMEOUT_MS`.
    pub state_timeout: Duration,
    /// Another `DynamoDB` endpoint. `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
    pub state_endpoint: Option<String>,
    /// Connections whose secrets are read before the first event. `CALLGATE_CONNECTIONS`, separated by commas.
    pub connections: Vec<String>,
    /// The certificates that vouch for AWS's own endpoints in place of the public authorities, as PEM: the file that
    /// `AWS_CA_BUNDLE` names. No provider is trusted by them.
    pub aws_ca_pem: Option<String>,
    /// The AWS region. `AWS_REGION`.
    pub region: Option<String>,
    /// Whether `explain` shows the provider's answer, which names agents. `CALLGATE_EXPLAIN_BODIES=1`.
    pub explain_bodies: bool,
    /// Whether each check writes its log line to standard output. Always in a function; a command may want it silent.
    pub log_checks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(9500),
            allow_loopback: false,
            secret_ttl: Duration::from_mins(5),
            secrets_endpoint: None,
            state_table: None,
            state_timeout: Duration::from_millis(40),
            state_endpoint: None,
            connections: Vec::new(),
            aws_ca_pem: None,
            region: None,
            explain_bodies: false,
            log_checks: true,
        }
    }
}

/// The AWS credentials of the function's own role, as Lambda puts them into the environment.
#[derive(Clone)]
pub struct RoleCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
}

impl Settings {
    /// Reads the settings. A value that cannot be read keeps what is shipped, and a warning says so.
    #[must_use]
    pub fn from_environment() -> (Self, Vec<String>) {
        Self::from(variable)
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> (Self, Vec<String>) {
        let mut settings = Self::default();
        let mut warnings = Vec::new();
        let mut whole_number = |name: &str, range: std::ops::RangeInclusive<u64>| {
            let written = variable(name)?;
            let number = written.trim().parse().ok().filter(|number| range.contains(number));
            if number.is_none() {
                warnings.push(format!(
                    "{name} is ignored: give a whole number from {} to {}",
                    range.start(),
                    range.end()
                ));
            }
            number
        };
        if let Some(deadline_ms) = whole_number("CALLGATE_DEADLINE_MS", 50..=28_000) {
            settings.deadline = Duration::from_millis(deadline_ms);
        }
        if let Some(ttl_seconds) = whole_number("CALLGATE_SECRET_TTL_SECONDS", 1..=86_400) {
            settings.secret_ttl = Duration::from_secs(ttl_seconds);
        }
        if let Some(timeout_ms) = whole_number("CALLGATE_STATE_TIMEOUT_MS", 1..=5_000) {
            settings.state_timeout = Duration::from_millis(timeout_ms);
        }
        settings.state_table = variable("CALLGATE_STATE_TABLE");
        settings.state_endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| variable("AWS_ENDPOINT_URL"));
        let connections = variable("CALLGATE_CONNECTIONS").unwrap_or_default();
        settings.connections =
            connections.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        settings.allow_loopback = variable("CALLGATE_ALLOW_LOOPBACK").is_some_and(|value| value == "1");
        settings.explain_bodies = variable("CALLGATE_EXPLAIN_BODIES").is_some_and(|value| value == "1");
        settings.secrets_endpoint =
            variable("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|| variable("AWS_ENDPOINT_URL"));
        settings.region = variable("AWS_REGION");
        if let Some(path) = variable("AWS_CA_BUNDLE") {
            match bundle(&path) {
                Ok(pem) => settings.aws_ca_pem = Some(pem),
                Err(problem) => warnings.push(format!("AWS_CA_BUNDLE is ignored: the file {problem}")),
            }
        }
        (settings, warnings)
    }
}

/// A file of certificates; what is wrong with it, where no client could use it.
fn bundle(path: &str) -> Result<String, String> {
    let pem = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    trust::own_certificates(&pem)?;
    Ok(pem)
}

/// The file in which `callgate connect` keeps connections on this machine: `CALLGATE_STORE`, else
/// `.callgate/secrets.json` in the user's home. `None`: there is no home.
#[must_use]
pub fn local_store() -> Option<std::path::PathBuf> {
    let named = variable("CALLGATE_STORE").map(std::path::PathBuf::from);
    named.or_else(|| Some(std::path::Path::new(&variable("HOME")?).join(".callgate").join("secrets.json")))
}

impl RoleCredentials {
    /// Reads the role's credentials. `None`: not all of them are set.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        Some(Self {
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use std::time::Duration;

    #[test]
    fn a_setting_that_cannot_be_read_is_named_and_changes_nothing() {
        let (settings, warnings) = Settings::from(|name| (name == "CALLGATE_DEADLINE_MS").then(|| "10s".to_owned()));
        assert_eq!(settings.deadline, Duration::from_millis(9500));
        assert_eq!(warnings, ["CALLGATE_DEADLINE_MS is ignored: give a whole number from 50 to 28000"]);
    }

    #[test]
    fn a_bundle_that_no_client_could_use_is_named_and_changes_nothing() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for (path, problem) in [("no-such-file.pem", "cannot be read"), (manifest, "has no certificate")] {
            let (settings, warnings) = Settings::from(|name| (name == "AWS_CA_BUNDLE").then(|| path.to_owned()));
            assert_eq!(settings.aws_ca_pem, None);
            let expected = format!("AWS_CA_BUNDLE is ignored: the file {problem}");
            assert!(warnings.len() == 1 && warnings[0].starts_with(&expected), "{warnings:?}");
        }
    }

    #[test]
    fn loopback_is_allowed_by_the_one_value_only() {
        for (value, allowed) in [("1", true), ("true", false), ("0", false)] {
            let (settings, _) = Settings::from(|name| (name == "CALLGATE_ALLOW_LOOPBACK").then(|| value.to_owned()));
            assert_eq!(settings.allow_loopback, allowed);
        }
    }
}
