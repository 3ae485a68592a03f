//! What stands around a function while it is measured: its secrets, the provider, and who is asked to do the job.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use callgate_tests::function::Function;
use callgate_tests::secrets_manager::SecretsManager;
use callgate_tests::tls::{Authority, TlsFront};
use callgate_tests::{HarnessError, Result};
use serde_json::{Value, json};

use crate::provider::{Ending, Provider};

/// The connection whose provider ends connections politely, and the one whose provider resets them.
pub(crate) const CONNECTIONS: [(&str, Ending); 2] = [("acme", Ending::Closed), ("reset", Ending::Reset)];

/// The services, each behind TLS.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) providers: Vec<Provider>,
    secrets: SecretsManager,
    front: TlsFront,
    bundle: String,
}

/// Who does the job.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<&'static str>,
    /// Where it is started.
    pub(crate) folder: PathBuf,
}

impl Stage {
    /// Starts the services. The authority's certificate is put into `folder`, for those who read it from a file.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let authority = Authority::new()?;
        let secrets = SecretsManager::start().await?;
        let mut providers = Vec::new();
        for (connection, ending) in CONNECTIONS {
            let provider = Provider::start(&authority, ending)?;
            let secret = json!({
                "token": "benchmarks-api-key-0123456789", "base_url": provider.url(), "ca_pem": authority.ca_pem(),
                "quota": {"requests": 1_000_000_000, "per_seconds": 1}
            });
            secrets.put(&format!("callgate/calltools/{connection}"), &secret);
            providers.push(provider);
        }
        let front = TlsFront::start(&authority, secrets.address()).await?;
        std::fs::create_dir_all(folder)?;
        let bundle = folder.join("authority.pem").display().to_string();
        std::fs::write(&bundle, authority.ca_pem())?;
        Ok(Self { authority, providers, secrets, front, bundle })
    }

    /// The provider of the first connection.
    pub(crate) fn provider(&self) -> Result<&Provider> {
        self.providers.first().ok_or_else(|| HarnessError::new("there is no provider"))
    }

    /// The file with the authority's certificate.
    pub(crate) fn bundle(&self) -> &str {
        &self.bundle
    }

    /// Starts a contender as a function that serves a connection.
    pub(crate) async fn run(&self, contender: &Contender, connection: &str) -> Result<Function> {
        let url = self.front.url();
        let secret = format!("callgate/calltools/{connection}");
        let environment = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str()),
            ("AWS_CA_BUNDLE", &self.bundle),
            ("REQUESTS_CA_BUNDLE", &self.bundle),
            ("NODE_EXTRA_CA_CERTS", &self.bundle),
            ("SECRET_ID", &secret),
            ("CALLGATE_CONNECTIONS", connection),
            ("CALLGATE_ALLOW_LOOPBACK", "1"),
        ];
        contender.run(&environment).await
    }

    /// Nothing may have been asked that AWS would refuse.
    pub(crate) fn nothing_was_refused(&self) -> Result<()> {
        match self.secrets.refused().first() {
            None => Ok(()),
            Some(refused) => Err(HarnessError::new(format!("Secrets Manager refused a request: {refused}"))),
        }
    }
}

impl Contender {
    /// Starts it as a function.
    pub(crate) async fn run(&self, environment: &[(&str, &str)]) -> Result<Function> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder);
        Function::run(self.name, command, environment).await
    }
}

/// A check of a queue with so many agents: is at least one of them available? Peers read `queue` alone.
pub(crate) fn question(connection: &str, records: usize, max_age_ms: u64) -> String {
    json!({
        "connection": connection, "queue": records.to_string(), "max_age_ms": max_age_ms,
        "acceptance": {"parse_type": "agents", "parse_field": "available", "condition": "at_least", "value": 1}
    })
    .to_string()
}

/// Hands a function a question; its answer must say that all agents were read and which of them are available, from
/// the source that is expected. Says how long it took from handing over the event.
pub(crate) async fn ask(function: &mut Function, question: &str, records: usize, source: &str) -> Result<Duration> {
    let outcome = function.invoke(question.to_owned()).await?;
    let elapsed = outcome.elapsed();
    let answer = outcome.json()?;
    // A third of them are, the first one included.
    let right = answer.get("available").and_then(Value::as_u64) == u64::try_from(records.div_ceil(3)).ok()
        && answer.get("accept") == Some(&Value::Bool(true))
        && answer.get("source").is_none_or(|named| named == source);
    if right { Ok(elapsed) } else { Err(HarnessError::new(format!("not the right answer: {answer}"))) }
}
