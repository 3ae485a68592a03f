//! What is wrong with a connection: each thing that a check rests on, looked at in turn.

use std::time::SystemTime;

use callgate::failure::Failure;
use callgate::inspect::Inspection;
use callgate::providers::ProviderName;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::gates::Gates;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Whose API.
    pub provider: ProviderName,
    /// Which account.
    pub connection: String,
    /// Which queue.
    pub queue: String,
    /// Which recipe; without one the provider's default.
    pub template: Option<String>,
    /// The recipe's options.
    pub options: Map<String, Value>,
    /// The criteria; without them the recipe's own.
    pub acceptance: Option<Value>,
}

/// How one thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingResult {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// Not looked at: what it rests on has failed.
    Skipped,
}

impl FindingResult {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub check: &'static str,
    /// How it was found.
    pub result: FindingResult,
    /// What was seen.
    pub found: String,
    /// What to do, where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
}

/// All that was found, in the order in which one thing rests on another.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// One for each thing.
    pub findings: Vec<Finding>,
}

const SECRET: &str = "secret";
const HOST: &str = "host";
const CONNECTION: &str = "connection and TLS";
const TOKEN: &str = "token";
const PERMISSION: &str = "permission";
const QUEUE: &str = "queue";
const FILTERS: &str = "filters";
const FIELDS: &str = "fields";
const QUOTA: &str = "quota";
const RECIPE: &str = "recipe";

impl Diagnosis {
    /// Looks at everything a check of the subject rests on. Sends two checks, the second for a queue that cannot exist.
    ///
    /// # Errors
    /// The subject cannot be asked about: the faults, in words.
    pub async fn of(gates: &Gates, subject: &Subject) -> Result<Self, String> {
        let mut diagnosis = Self::default();
        let inspection = gates.inspect(subject.provider, &subject.connection, subject.template.as_deref()).await;
        let asked = ask(gates, subject, &subject.queue).await?;
        match inspection {
            Err(failure) => {
                diagnosis.unreadable(subject, &failure);
                return Ok(diagnosis);
            }
            Ok(inspection) => diagnosis.secret(subject, &inspection),
        }
        diagnosis.answer(subject, &asked);
        if diagnosis.has_failed() {
            diagnosis.skip(&[FILTERS]);
        } else {
            let nowhere = ask(gates, subject, impossible_queue(subject.provider)).await?;
            diagnosis.filters(&nowhere);
        }
        diagnosis.fields(&asked);
        diagnosis.quota(&asked);
        diagnosis.recipe(&asked);
        Ok(diagnosis)
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.result == FindingResult::Fail)
    }

    fn pass(&mut self, check: &'static str, found: impl Into<String>) {
        self.findings.push(Finding { check, result: FindingResult::Pass, found: found.into(), to_do: None });
    }

    fn fail(&mut self, check: &'static str, found: impl Into<String>, to_do: impl Into<String>) {
        self.findings.push(Finding {
            check,
            result: FindingResult::Fail,
            found: found.into(),
            to_do: Some(to_do.into()),
        });
    }

    fn skip(&mut self, checks: &[&'static str]) {
        for check in checks {
            let found = "not looked at: something before it failed".to_owned();
            self.findings.push(Finding { check, result: FindingResult::Skipped, found, to_do: None });
        }
    }

    fn unreadable(&mut self, subject: &Subject, failure: &Failure) {
        let fields = match subject.provider {
            ProviderName::CallTools => "token, and silo or base_url",
            ProviderName::GenesysCloud => "access_token and region",
            ProviderName::RingCentral => "access_token",
            ProviderName::PortSip => "access_token and base_url, and ca_pem where the certificate is the PBX's own",
        };
        self.fail(
            SECRET,
            failure.to_string(),
            format!("store a JSON object with {fields}; docs/secrets.md has each field"),
        );
        self.skip(&[HOST, CONNECTION, TOKEN, PERMISSION, QUEUE, FILTERS, FIELDS, QUOTA, RECIPE]);
    }

    fn secret(&mut self, subject: &Subject, inspection: &Inspection) {
        let found = if inspection.warnings.is_empty() { "readable".to_owned() } else { inspection.warnings.join("; ") };
        self.pass(SECRET, found);
        let region = match subject.provider {
            ProviderName::GenesysCloud => "; a wrong region answers as if the token were wrong",
            ProviderName::CallTools => "; a wrong silo answers as if the path were wrong",
            ProviderName::RingCentral | ProviderName::PortSip => "",
        };
        self.pass(HOST, format!("{}{region}", inspection.host));
        self.token_life(inspection);
    }

    /// Notes the token's life for the finding on the token, which comes once the provider has answered.
    fn token_life(&mut self, inspection: &Inspection) {
        let life = match inspection.expires_at {
            None => "no end is known to the secret".to_owned(),
            Some(end) => match end.duration_since(SystemTime::now()) {
                Ok(left) => format!("{} minutes left", left.as_secs() / 60),
                Err(over) => format!("ended {} minutes ago", over.duration().as_secs() / 60),
            },
        };
        self.findings.push(Finding { check: TOKEN, result: FindingResult::Skipped, found: life, to_do: None });
    }

    /// What the answer to the check itself says of connection, token, permission and queue.
    fn answer(&mut self, subject: &Subject, verdict: &Value) {
        let life = self.findings.pop().map(|finding| finding.found).unwrap_or_default();
        let text = |name: &str| verdict.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (reason, message) = (text("reason"), text("message"));
        let said = message.split("; rejected by on_unknown").next().unwrap_or_default().to_owned();
        let steps = steps_of_an_answer();
        if matches!(reason.as_str(), "auth_missing" | "secrets_unavailable" | "internal_error") {
            if let Some(secret) = self.findings.iter_mut().find(|finding| finding.check == SECRET) {
                secret.result = FindingResult::Fail;
                secret.found = said;
                secret.to_do = Some("correct the secret: docs/secrets.md has each field".to_owned());
            }
            self.skip(&steps_of_an_answer());
            return;
        }
        let (failed_at, to_do) = match reason.as_str() {
            "provider_unreachable" | "provider_timeout" | "deadline_exceeded" => (
                0,
                "check the host in the secret, and that this network may reach it; a PBX listens on port 8887"
                    .to_owned(),
            ),
            "provider_error" => {
                (0, "the provider has trouble of its own: look at its status page, and try again".to_owned())
            }
            "tls_failed" => (
                0,
                "store the certificate that vouches for the host as ca_pem in the secret, or correct the host"
                    .to_owned(),
            ),
            "auth_expired" | "auth_rejected" => (1, token_advice(subject.provider).to_owned()),
            "auth_forbidden" => (2, permission_advice(subject.provider).to_owned()),
            "queue_not_found" | "invalid_query" => (3, queue_advice(subject.provider).to_owned()),
            "rate_limited" => (4, String::new()),
            _ => (steps.len(), String::new()),
        };
        for (at, step) in steps.into_iter().enumerate() {
            let found = match step {
                CONNECTION => format!("answered in {} ms", verdict.get("elapsed_ms").cloned().unwrap_or_default()),
                TOKEN => format!("accepted; {life}"),
                PERMISSION => "granted".to_owned(),
                _ if reason == "queue_closed" => "there, and closed: it takes no calls".to_owned(),
                _ => "there".to_owned(),
            };
            match at.cmp(&failed_at) {
                std::cmp::Ordering::Less => self.pass(step, found),
                std::cmp::Ordering::Equal if step == TOKEN => self.fail(step, format!("{said}; {life}"), to_do.clone()),
                std::cmp::Ordering::Equal => self.fail(step, said.clone(), to_do.clone()),
                std::cmp::Ordering::Greater => self.skip(&[step]),
            }
        }
    }

    fn filters(&mut self, nowhere: &Value) {
        let reason = nowhere.get("reason").and_then(Value::as_str).unwrap_or_default();
        match reason {
            "queue_not_found" | "invalid_query" => self.pass(FILTERS, "a queue that cannot exist is refused"),
            "condition_not_met" | "field_missing" | "queue_closed" => {
                self.pass(FILTERS, "a queue that cannot exist has nobody");
            }
            "ok" => self.fail(
                FILTERS,
                format!(
                    "a queue that cannot exist has agents: {}",
                    nowhere.get("message").and_then(Value::as_str).unwrap_or_default()
                ),
                "the provider ignores a filter of this recipe and counts everybody: do not use it with money",
            ),
            other => self.pass(FILTERS, format!("could not be tried ({other})")),
        }
    }

    fn fields(&mut self, verdict: &Value) {
        let reason = verdict.get("reason").and_then(Value::as_str).unwrap_or_default();
        let message = verdict.get("message").and_then(Value::as_str).unwrap_or_default();
        match reason {
            "ok" | "condition_not_met" => self.pass(FIELDS, message),
            "queue_closed" => self.pass(FIELDS, "not read: the queue is closed"),
            "field_missing" | "not_comparable" | "unexpected_response" => self.fail(
                FIELDS,
                message.split("; rejected by on_unknown").next().unwrap_or_default(),
                "read a field that the answer has: `callgate check` with \"explain\": true shows it, \
                 `callgate evaluate` tries criteria on a saved answer",
            ),
            _ => self.skip(&[FIELDS]),
        }
    }

    fn quota(&mut self, verdict: &Value) {
        let requests =
            verdict.pointer("/trace/requests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let last = requests
            .iter()
            .rev()
            .filter_map(|request| request.get("quota")?.as_object())
            .find(|quota| !quota.is_empty());
        let headers = last.map(|quota| {
            quota
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(", ")
        });
        if verdict.get("reason").and_then(Value::as_str) == Some("rate_limited") {
            self.fail(
                QUOTA,
                headers.unwrap_or_else(|| "the limit is reached".to_owned()),
                "wait until the limit is over and ask less often; every request during RingCentral's penalty starts it again",
            );
        } else if requests.is_empty() {
            self.skip(&[QUOTA]);
        } else {
            self.pass(QUOTA, headers.unwrap_or_else(|| "the provider's headers say nothing of it".to_owned()));
        }
    }

    /// What the verdict warns of: nothing is broken, and the count may not be what it seems.
    fn recipe(&mut self, verdict: &Value) {
        let warnings: Vec<&str> =
            verdict.get("warnings").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if verdict.get("source").and_then(Value::as_str) == Some("policy") {
            self.skip(&[RECIPE]);
            return;
        }
        let template = verdict.get("template").and_then(Value::as_str).unwrap_or_default();
        let found = match warnings.len() {
            0 => format!("{template} counts what it should"),
            _ => format!("{template} answers with a warning; see below"),
        };
        let to_do = Some(warnings.join("\n  ")).filter(|text| !text.is_empty());
        self.findings.push(Finding { check: RECIPE, result: FindingResult::Pass, found, to_do });
    }
}

async fn ask(gates: &Gates, subject: &Subject, queue: &str) -> Result<Value, String> {
    let mut body = json!({
        "connection": subject.connection,
        "queue": queue,
        "options": subject.options,
        "explain": true,
    });
    if let Some(body) = body.as_object_mut() {
        body.extend(subject.template.iter().map(|template| ("template".to_owned(), Value::from(template.clone()))));
        body.extend(subject.acceptance.iter().map(|acceptance| ("acceptance".to_owned(), acceptance.clone())));
    }
    let answer = gates.check(subject.provider, &body.to_string()).await;
    if answer.get("decision").is_some() {
        return Ok(answer);
    }
    let faults = answer.get("errors").and_then(Value::as_array).into_iter().flatten().map(|fault| {
        let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("\n  {} {}", text("pointer"), text("detail"))
    });
    Err(format!("the question has faults{}", faults.collect::<String>()))
}

/// What an answer of the provider's shows, in the order in which one rests on another.
fn steps_of_an_answer() -> [&'static str; 4] {
    [CONNECTION, TOKEN, PERMISSION, QUEUE]
}

/// A queue id of the provider's form that no account has.
#[must_use]
pub fn impossible_queue(provider: ProviderName) -> &'static str {
    match provider {
        ProviderName::CallTools | ProviderName::RingCentral => "999999999999",
        ProviderName::GenesysCloud => "00000000-0000-4000-8000-000000000000",
        ProviderName::PortSip => "bm8tc3VjaC1xdWV1ZQ",
    }
}

fn token_advice(provider: ProviderName) -> &'static str {
    match provider {
        ProviderName::CallTools => {
            "create a new key under Integrations, API Keys, paste it as token without extra characters, and check the silo"
        }
        ProviderName::GenesysCloud => "get a new token with the OAuth client, in the region the secret names",
        ProviderName::RingCentral => {
            "get a new token; each sign-in ends the oldest of about five sessions of the same user"
        }
        ProviderName::PortSip => "sign in again and store the access token; a two-factor answer holds no access token",
    }
}

fn permission_advice(provider: ProviderName) -> &'static str {
    match provider {
        ProviderName::CallTools => "let the key's user read agent statuses",
        ProviderName::GenesysCloud => {
            "give the OAuth client's role routing:queue:view; on_queue_idle needs analytics:agentState:view, \
             queue_observations analytics:queueObservation:view"
        }
        ProviderName::RingCentral => {
            "give the application ReadPresence, and its user the presence of the queue's members"
        }
        ProviderName::PortSip => "let the PBX user read call queues",
    }
}

fn queue_advice(provider: ProviderName) -> &'static str {
    match provider {
        ProviderName::CallTools => {
            "take the id from the end of the address of the queue's settings page; names count letter by letter"
        }
        ProviderName::GenesysCloud => "take the queue's UUID from its page under Admin, Contact Center, Queues",
        ProviderName::RingCentral => {
            "take the group id of the call queue, not its extension number, and check account_id"
        }
        ProviderName::PortSip => "use the queue's id, or its extension number",
    }
}
