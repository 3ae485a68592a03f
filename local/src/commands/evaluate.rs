//! `callgate evaluate`: criteria tried on a saved answer, offline.

use std::path::PathBuf;
use std::process::ExitCode;

use callgate::decision::Decided;
use callgate::fault::Fault;
use callgate::lint;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName, Template};
use callgate::request::{CheckRequest, pattern_warnings};
use callgate::saved::evaluate_saved;
use callgate::verdict::{Decision, OnUnknown};
use clap::Args;
use serde_json::{Map, Value, json};

use super::check::findings_table;
use super::{Stopped, print, read};

/// The arguments of `callgate evaluate`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The saved answer of a provider: a JSON file, or - for standard input.
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    /// The acceptance criteria: a JSON file with the `acceptance` of a request, or with the whole request.
    #[arg(long, value_name = "FILE")]
    acceptance: PathBuf,
    /// Whose answer it is. Without it the answer's list tells.
    #[arg(long)]
    provider: Option<String>,
    /// By which recipe it was had. Without it the provider's default.
    #[arg(long)]
    template: Option<String>,
    /// Print the evaluation as a JSON object.
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    /// Tries the criteria.
    pub(super) fn run(self) -> Result<ExitCode, Stopped> {
        let document = read(&self.document)?;
        let written: Value = serde_json::from_str(&read(&self.acceptance)?).map_err(|error| {
            Stopped::bad_request(format!("the criteria are no JSON (line {}, column {})", error.line(), error.column()))
        })?;
        let asked = Asked::read(&self, &written);
        let provider = match &asked.provider {
            Some(name) => ProviderName::from_name(name),
            None => provider_of(&document),
        };
        let names = ProviderName::ALL.map(ProviderName::as_str).join(", ");
        let provider = provider
            .ok_or_else(|| Stopped::bad_request(format!("say whose answer this is: --provider with one of {names}")))?;
        let (decided, warnings) = match provider {
            ProviderName::CallTools => tried::<CallTools>(&asked, &document),
            ProviderName::GenesysCloud => tried::<GenesysCloud>(&asked, &document),
            ProviderName::RingCentral => tried::<RingCentral>(&asked, &document),
            ProviderName::PortSip => tried::<PortSip>(&asked, &document),
        }?;
        let (outcome, code) = match decided.decision {
            _ if decided.on_unknown_applied => ("unknown", 2),
            Decision::Accept => ("met", 0),
            Decision::Reject => ("not_met", 1),
        };
        if self.json {
            let evaluation = json!({
                "outcome": outcome,
                "reason": decided.reason,
                "findings": decided.findings,
                "message": message(&decided),
                "provider": provider,
                "warnings": warnings,
            });
            print(&evaluation.to_string());
        } else {
            let findings: Vec<Value> =
                decided.findings.iter().filter_map(|finding| serde_json::to_value(finding).ok()).collect();
            let mut text = format!("{outcome}: {}\n{}", message(&decided), findings_table(&findings));
            for warning in &warnings {
                text.push_str("\nwarning: ");
                text.push_str(warning);
            }
            print(&text);
        }
        Ok(ExitCode::from(code))
    }
}

/// What the command line and the criteria's file say together; the command line goes first.
struct Asked {
    acceptance: Value,
    provider: Option<String>,
    template: Option<String>,
    options: Map<String, Value>,
}

impl Asked {
    fn read(arguments: &Evaluate, written: &Value) -> Self {
        let text = |name: &str| written.get(name).and_then(Value::as_str).map(str::to_owned);
        // A whole request has its criteria below `acceptance`.
        let request = written.get("acceptance");
        Self {
            acceptance: request.unwrap_or(written).clone(),
            provider: arguments.provider.clone().or_else(|| request.and_then(|_| text("provider"))),
            template: arguments.template.clone().or_else(|| request.and_then(|_| text("template"))),
            options: written
                .get("options")
                .filter(|_| request.is_some())
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
        }
    }
}

/// What the criteria come to, and the warnings that a check would give with it.
fn tried<P: Provider>(asked: &Asked, document: &str) -> Result<(Decided, Vec<String>), Stopped> {
    let plan = CheckRequest::plan_for_saved::<P>(&asked.acceptance, asked.template.as_deref(), &asked.options)
        .map_err(|faults| Stopped::bad_request(in_words(&faults)))?;
    let (snapshot, evaluation) = evaluate_saved(&plan, document).map_err(Stopped::bad_request)?;
    let mut warnings: Vec<String> = pattern_warnings(&plan.acceptance).collect();
    warnings.extend(P::remarks(plan.question.template, &plan.question.options, &snapshot.document));
    warnings.extend(lint::warnings(&plan.acceptance, &evaluation, &snapshot));
    Ok((Decided::on_answer(&plan.acceptance, &evaluation, &snapshot, OnUnknown::Reject), warnings))
}

/// The provider whose default recipe has its list where the document has one.
fn provider_of(document: &str) -> Option<ProviderName> {
    let document: Value = serde_json::from_str(document).ok()?;
    let has = |list: Option<&str>| list.is_some_and(|list| document.get(list).is_some_and(Value::is_array));
    let lists = [
        (ProviderName::CallTools, default_list::<CallTools>()),
        (ProviderName::GenesysCloud, default_list::<GenesysCloud>()),
        (ProviderName::RingCentral, default_list::<RingCentral>()),
        (ProviderName::PortSip, default_list::<PortSip>()),
    ];
    lists.into_iter().find(|(_, list)| has(*list)).map(|(provider, _)| provider)
}

fn default_list<P: Provider>() -> Option<&'static str> {
    P::Template::first().and_then(P::list_field)
}

/// There is no call here: what a check would decide is left out.
fn message(decided: &Decided) -> &str {
    decided.message.trim_end_matches("; rejected by on_unknown")
}

fn in_words(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {} {}", fault.pointer, fault.detail)).collect();
    format!("the criteria have faults{}", lines.concat())
}
