//! `callgate doctor`: the troubleshooting lists of the providers, gone through on a connection and a queue.

use std::path::PathBuf;
use std::process::ExitCode;

use callgate::providers::ProviderName;
use callgate_local::diagnosis::{Diagnosis, Finding, Subject};
use clap::Args;
use serde_json::{Map, Value};

use super::account::Account;
use super::stores::StoreArguments;
use super::table::table;
use super::{Stopped, print, read};

/// The arguments of `callgate doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// calltools, genesys-cloud, ringcentral or portsip.
    provider: String,
    /// The connection; `acme` for the simulated contact centres.
    connection: String,
    /// The queue, as a check would name it.
    queue: String,
    /// The recipe; without it the provider's default.
    #[arg(long)]
    template: Option<String>,
    /// The recipe's options, as the JSON object of a request.
    #[arg(long, value_name = "JSON")]
    options: Option<String>,
    /// The acceptance criteria whose fields are to be there: a JSON file; without it the recipe's own.
    #[arg(long, value_name = "FILE")]
    acceptance: Option<PathBuf>,
    /// Ask the account whose secret is in this JSON file. Without it: the connection as `callgate connect` stored it, or,
    /// where there is none of that name, the simulated contact centres.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
    /// Print the findings as a JSON list.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Goes through the list.
    pub(super) async fn run(self) -> Result<ExitCode, Stopped> {
        let names = ProviderName::ALL.map(ProviderName::as_str).join(", ");
        let provider = ProviderName::from_name(&self.provider)
            .ok_or_else(|| Stopped::bad_request(format!("{} is no provider; name one of {names}", self.provider)))?;
        let subject = Subject {
            provider,
            connection: self.connection.clone(),
            queue: self.queue.clone(),
            template: self.template.clone(),
            options: match &self.options {
                Some(text) => json::<Map<String, Value>>(text, "--options")?,
                None => Map::new(),
            },
            acceptance: match &self.acceptance {
                Some(file) => Some(json(&read(file)?, "--acceptance")?),
                None => None,
            },
        };
        let account = Account::of(provider, &self.connection, self.secret.as_deref(), &self.store).await?;
        let diagnosis = Diagnosis::of(&account.gates, &subject).await;
        let diagnosis = diagnosis.map_err(Stopped::bad_request)?;
        if self.json {
            print(&serde_json::to_string(&diagnosis.findings).unwrap_or_default());
        } else {
            print(&in_words(&diagnosis));
        }
        Ok(if diagnosis.has_failed() { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, Stopped> {
    serde_json::from_str(text).map_err(|error| {
        Stopped::bad_request(format!(
            "{what} is not the JSON it should be (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

fn in_words(diagnosis: &Diagnosis) -> String {
    let mut rows = table(["check", "result", "found"], &[]);
    for Finding { check, result, found, .. } in &diagnosis.findings {
        rows.add_row([check, result.as_str(), found.as_str()]);
    }
    let mut text = rows.to_string();
    for finding in &diagnosis.findings {
        if let Some(to_do) = &finding.to_do {
            text.extend(["\n", finding.check, ": ", to_do]);
        }
    }
    text
}
