//! `callgate check`: one request from a file, decided.

use std::path::PathBuf;
use std::process::ExitCode;

use callgate::providers::ProviderName;
use clap::Args;
use serde_json::Value;

use super::account::Account;
use super::stores::StoreArguments;
use super::table::{cell, table};
use super::{Stopped, print, read};
use crate::BAD_REQUEST;

/// The arguments of `callgate check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The request: a JSON file, or - for standard input. It names `provider`, `connection` and `queue`.
    file: PathBuf,
    /// Print the verdict as the bare JSON object.
    #[arg(long)]
    json: bool,
    /// Ask the account whose secret is in this JSON file. Without it: the connection as `callgate connect` stored it, or,
    /// where there is none of that name, the simulated contact centres under the connection `acme`.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
}

impl Check {
    /// Decides the request.
    pub(super) async fn run(self) -> Result<ExitCode, Stopped> {
        let body = read(&self.file)?;
        let (provider, connection) = addressed(&body)?;
        let account = Account::of(provider, &connection, self.secret.as_deref(), &self.store).await?;
        let answer = account.gates.check(provider, &body).await;
        let accepted = answer.get("accept").and_then(Value::as_bool);
        if self.json {
            print(&answer.to_string());
        } else if accepted.is_some() {
            print(&in_words(&answer));
        } else {
            return Err(Stopped::bad_request(faults_in_words(&answer)));
        }
        let by_policy = answer.get("on_unknown_applied").and_then(Value::as_bool) == Some(true);
        Ok(match accepted {
            None => ExitCode::from(BAD_REQUEST),
            Some(_) if by_policy => ExitCode::from(2),
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::from(1),
        })
    }
}

/// Which gate the request is for. What else is wrong with it, the gate says.
fn addressed(body: &str) -> Result<(ProviderName, String), Stopped> {
    let request: Value = serde_json::from_str(body).map_err(|error| {
        Stopped::bad_request(format!("the request is no JSON (line {}, column {})", error.line(), error.column()))
    })?;
    let names = ProviderName::ALL.map(ProviderName::as_str).join(", ");
    let provider = request.get("provider").and_then(Value::as_str).and_then(ProviderName::from_name);
    let provider = provider.ok_or_else(|| Stopped::bad_request(format!("/provider: name one of {names}")))?;
    let connection = request.get("connection").and_then(Value::as_str).unwrap_or_default();
    Ok((provider, connection.to_owned()))
}

fn in_words(verdict: &Value) -> String {
    let field = |name: &str| verdict.get(name).map_or_else(String::new, cell);
    let mut text = format!("{} ({}): {}", field("decision"), field("reason"), field("message"));
    let findings = verdict.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !findings.is_empty() {
        text.push('\n');
        text.push_str(&findings_table(findings));
    }
    for warning in verdict.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        text.push_str("\nwarning: ");
        text.push_str(&cell(warning));
    }
    text
}

/// Findings as a table.
pub(super) fn findings_table(findings: &[Value]) -> String {
    let mut rows = table(["criterion", "observed", "outcome", "reason"], &[1]);
    for finding in findings {
        rows.add_row(
            ["criterion", "observed", "outcome", "reason"].map(|name| finding.get(name).map_or_else(String::new, cell)),
        );
    }
    rows.to_string()
}

/// A problem object's faults, a line each.
fn faults_in_words(problem: &Value) -> String {
    let field = |of: &Value, name: &str| of.get(name).map_or_else(String::new, cell);
    let mut text = field(problem, "detail");
    for fault in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        text.extend(["\n  ", &field(fault, "pointer"), " ", &field(fault, "detail")]);
    }
    text
}
