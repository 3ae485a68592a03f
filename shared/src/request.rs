//! What was asked: the envelope of a check, read with every fault named.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::criteria::{Acceptance, AcceptanceDraft, SINGLE_CRITERION_FIELDS};
use crate::fault::{Fault, Faults, child, type_name};
use crate::providers::{Provider, Question, Template};
use crate::verdict::OnUnknown;

/// A check as it was asked for. What it leaves out, the connection's defaults or the template give.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// Which provider account.
    pub connection: String,
    /// The provider's queue id.
    pub queue: String,
    /// How long the platform waits.
    pub deadline: Option<Duration>,
    /// How old an answer may be to be as good as a new one.
    pub max_age: Option<Duration>,
    /// How old an answer may be where a new one cannot be had.
    pub stale_if_error: Option<Duration>,
    /// For how long an accept holds an agent; `None` where it does not.
    pub hold_for: Option<Duration>,
    /// The decision where the evaluation is unknown.
    pub on_unknown: Option<OnUnknown>,
    /// A label for logs.
    pub destination: Option<String>,
    /// A label for logs, and what a hold knows the call by.
    pub call_id: Option<String>,
    /// Whether the verdict shows what was sent and answered.
    pub explain: bool,
    /// In which form the verdict is wanted.
    pub answer_as: AnswerAs,
    /// What was ignored or looks wrong.
    pub warnings: Vec<String>,
    template: Option<String>,
    options: Map<String, Value>,
    acceptance: Option<AcceptanceDraft>,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerAs {
    /// The verdict as JSON.
    #[default]
    Verdict,
    /// The bare observed value.
    Count,
    /// `1` or `0`.
    Bool,
}

/// All that is to be asked and held against the answer: the request completed by the connection's defaults.
#[derive(Clone, Debug)]
pub struct Plan<P: Provider> {
    /// What the provider is asked.
    pub question: Question<P>,
    /// The criteria.
    pub acceptance: Acceptance,
    /// The decision where they come to unknown.
    pub on_unknown: OnUnknown,
    /// How long the platform waits, where request or connection say so.
    pub deadline: Option<Duration>,
    /// How old an answer may be to be as good as a new one.
    pub max_age: Duration,
    /// How old an answer may be where a new one cannot be had.
    pub stale_if_error: Duration,
}

/// The largest request that is read.
pub const MAX_REQUEST_BYTES: usize = 256 << 10;

const FIELDS: [&str; 15] = [
    "provider",
    "connection",
    "queue",
    "options",
    "template",
    "acceptance",
    "deadline_ms",
    "max_age_ms",
    "stale_if_error_ms",
    "on_unknown",
    "hold_ms",
    "destination",
    "call_id",
    "explain",
    "as",
];
const DEADLINE_MS: std::ops::RangeInclusive<u64> = 50..=28_000;
const AGE_MS: std::ops::RangeInclusive<u64> = 0..=86_400_000;
/// A call is with an agent, or lost, long before the end of this.
const HOLD_MS: std::ops::RangeInclusive<u64> = 0..=600_000;
const MAX_CONNECTION: usize = 63;
const MAX_LABEL: usize = 256;
const MAX_UNKNOWN_SHOWN: usize = 20;

impl CheckRequest {
    /// Reads a request from JSON text.
    ///
    /// # Errors
    /// Every fault.
    pub fn from_json<P: Provider>(text: &str) -> Result<Self, Vec<Fault>> {
        let body: Value = serde_json::from_str(text).map_err(|error| {
            let detail = if error.to_string().contains("recursion limit") {
                "is nested too deep".to_owned()
            } else {
                format!("is no JSON (line {}, column {})", error.line(), error.column())
            };
            vec![Fault { pointer: String::new(), detail }]
        })?;
        Self::from_value::<P>(&body)
    }

    /// Reads a request whose fields stand flat in a query string: the provider's options and a single criterion's
    /// fields beside the others. Faults point at the flat names.
    ///
    /// # Errors
    /// Every fault.
    pub fn from_query<P: Provider>(pairs: &[(String, String)]) -> Result<Self, Vec<Fault>> {
        let mut body = Map::new();
        let mut options = Map::new();
        let mut acceptance = Map::new();
        let mut faults = Faults::default();
        for (key, value) in pairs {
            if matches!(key.as_str(), "acceptance" | "options") {
                faults.add(child("", key), "does not belong in a query; give its fields flat, or send a POST");
                continue;
            }
            let home = if P::OPTIONS.contains(&key.as_str()) {
                &mut options
            } else if SINGLE_CRITERION_FIELDS.contains(&key.as_str()) {
                &mut acceptance
            } else {
                &mut body
            };
            let is_known = FIELDS.contains(&key.as_str())
                || P::OPTIONS.contains(&key.as_str())
                || SINGLE_CRITERION_FIELDS.contains(&key.as_str());
            if home.insert(key.clone(), Value::String(value.clone())).is_some() && is_known {
                faults.add(child("", key), "is given twice; give it once");
            }
        }
        for (key, home) in [("options", options), ("acceptance", acceptance)] {
            if !home.is_empty() {
                body.insert(key.to_owned(), Value::Object(home));
            }
        }
        let result = Self::read::<P>(&body, &mut faults);
        faults.or(result).map_err(|faults| {
            let flat = |pointer: &str| {
                ["/options/", "/acceptance/"].iter().find_map(|home| Some(format!("/{}", pointer.strip_prefix(home)?)))
            };
            faults
                .into_iter()
                .map(|fault| Fault { pointer: flat(&fault.pointer).unwrap_or(fault.pointer), detail: fault.detail })
                .collect()
        })
    }

    /// Reads a request from a JSON value.
    ///
    /// # Errors
    /// Every fault.
    pub fn from_value<P: Provider>(body: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let Some(body) = body.as_object() else {
            faults.add("", format!("is {}; send a JSON object", type_name(body)));
            return faults.or(None);
        };
        let result = Self::read::<P>(body, &mut faults);
        faults.or(result)
    }

    fn read<P: Provider>(body: &Map<String, Value>, faults: &mut Faults) -> Option<Self> {
        let mut envelope = Envelope { body, faults };
        let mut warnings: Vec<String> = body
            .keys()
            .filter(|key| !FIELDS.contains(&key.as_str()))
            .take(MAX_UNKNOWN_SHOWN)
            .map(|key| format!("the field {} is not known here and was ignored", printable(key)))
            .collect();
        envelope.provider::<P>();
        let connection = envelope.connection();
        let queue = envelope.queue();
        let deadline = envelope.millis("deadline_ms", DEADLINE_MS);
        let max_age = envelope.millis("max_age_ms", AGE_MS);
        let stale_if_error = envelope.millis("stale_if_error_ms", AGE_MS);
        let hold_for = envelope.millis("hold_ms", HOLD_MS).filter(|hold| !hold.is_zero());
        let on_unknown = envelope.on_unknown();
        let explain = envelope.flag("explain");
        let answer_as = envelope.answer_as();
        let destination = envelope.label("destination");
        let call_id = envelope.label("call_id");
        let template = envelope.template::<P>();
        let options = envelope.options::<P>();
        let acceptance = envelope.acceptance();
        let completed =
            acceptance.as_ref().and_then(|draft| complete::<P>(draft, template.as_deref(), envelope.faults));
        if let Some(completed) = completed {
            warnings.extend(pattern_warnings(&completed));
        }
        Some(Self {
            connection: connection?,
            queue: queue?,
            deadline,
            max_age,
            stale_if_error,
            hold_for,
            on_unknown,
            destination,
            call_id,
            explain,
            answer_as,
            warnings,
            template,
            options,
            acceptance,
        })
    }

    /// The plan for a request without a connection: for a saved answer, which needs none.
    ///
    /// # Errors
    /// Every fault.
    pub fn plan_for_saved<P: Provider>(
        acceptance: &Value,
        template: Option<&str>,
        options: &Map<String, Value>,
    ) -> Result<Plan<P>, Vec<Fault>> {
        let mut body = Map::new();
        body.insert("connection".to_owned(), Value::from("saved"));
        body.insert("queue".to_owned(), Value::from("saved"));
        body.insert("acceptance".to_owned(), acceptance.clone());
        body.insert("options".to_owned(), Value::Object(options.clone()));
        if let Some(template) = template {
            body.insert("template".to_owned(), Value::from(template));
        }
        Self::from_value::<P>(&Value::Object(body))?.plan(&Map::new(), &Map::new())
    }

    /// The recipe asked for, where one was.
    #[must_use]
    pub fn template(&self) -> Option<&str> {
        self.template.as_deref()
    }

    /// Completes the request by the connection's defaults.
    ///
    /// # Errors
    /// Faults of the request that show only together with the defaults, or faults in the defaults themselves; the
    /// latter point below `/defaults`.
    pub fn plan<P: Provider>(
        &self,
        defaults: &Map<String, Value>,
        account_fields: &Map<String, Value>,
    ) -> Result<Plan<P>, Vec<Fault>> {
        let mut faults = Faults::default();
        let account = AccountDefaults::read::<P>(defaults, &mut faults);
        let template = self.template.as_deref().or(account.template.as_deref());
        let Some(template) = template.map_or_else(P::Template::first, P::Template::from_name) else {
            return faults.or(None);
        };
        let mut options = account.options;
        options.extend(self.options.clone());
        let options = P::options(&options, "/options", &mut faults);
        if faults.is_empty() {
            P::check_options(template, &options, "/options", &mut faults);
        }
        let draft = self.acceptance.clone().unwrap_or(AcceptanceDraft::Single(template.acceptance()));
        let acceptance = draft.complete(&template.acceptance(), "/acceptance", &mut faults);
        let plan = acceptance.map(|acceptance| Plan {
            question: Question { queue: self.queue.clone(), options, template, account: account_fields.clone() },
            acceptance,
            on_unknown: self.on_unknown.or(account.on_unknown).unwrap_or_default(),
            deadline: self.deadline.or(account.deadline),
            max_age: self.max_age.or(account.max_age).unwrap_or_default(),
            stale_if_error: self.stale_if_error.or(account.stale_if_error).unwrap_or_default(),
        });
        faults.or(plan)
    }
}

/// What a connection's secret sets for requests that leave it out.
struct AccountDefaults {
    template: Option<String>,
    options: Map<String, Value>,
    on_unknown: Option<OnUnknown>,
    deadline: Option<Duration>,
    max_age: Option<Duration>,
    stale_if_error: Option<Duration>,
}

impl AccountDefaults {
    fn read<P: Provider>(defaults: &Map<String, Value>, faults: &mut Faults) -> Self {
        let mut inner = Faults::default();
        let mut envelope = Envelope { body: defaults, faults: &mut inner };
        let read = Self {
            template: envelope.template::<P>(),
            options: envelope.options::<P>(),
            on_unknown: envelope.on_unknown(),
            deadline: envelope.millis("deadline_ms", DEADLINE_MS),
            max_age: envelope.millis("max_age_ms", AGE_MS),
            stale_if_error: envelope.millis("stale_if_error_ms", AGE_MS),
        };
        for fault in inner.into_vec() {
            faults.add(format!("/defaults{}", fault.pointer), fault.detail);
        }
        read
    }
}

/// The fields beside `acceptance`, read one by one.
struct Envelope<'a> {
    body: &'a Map<String, Value>,
    faults: &'a mut Faults,
}

impl<'a> Envelope<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.body.get(key).filter(|value| !value.is_null())
    }

    fn fault(&mut self, key: &str, detail: impl Into<String>) {
        self.faults.add(child("", key), detail);
    }

    fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.get(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.fault(key, format!("is {}; give text", type_name(value)));
        }
        text
    }

    fn provider<P: Provider>(&mut self) {
        if let Some(name) = self.text("provider")
            && name != P::NAME.as_str()
        {
            self.fault("provider", format!("is not the provider of this address, {}", P::NAME));
        }
    }

    fn connection(&mut self) -> Option<String> {
        if self.get("connection").is_none() {
            self.fault("connection", "is missing; name the provider account");
            return None;
        }
        let name = self.text("connection")?;
        let mut bytes = name.bytes();
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = name.len() <= MAX_CONNECTION
            && bytes.next().is_some_and(lower)
            && bytes.all(|byte| lower(byte) || byte == b'-');
        if !valid {
            self.fault("connection", "is no connection name; use a-z, 0-9 and -, up to 63, not starting with -");
            return None;
        }
        Some(name.to_owned())
    }

    fn queue(&mut self) -> Option<String> {
        let queue = match self.get("queue") {
            None => {
                self.fault("queue", "is missing; give the provider's queue id");
                return None;
            }
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                self.fault("queue", format!("is {}; give the queue id as text", type_name(other)));
                return None;
            }
        };
        let problem = if queue.trim().is_empty() {
            "is empty; give the provider's queue id"
        } else if queue.len() > MAX_LABEL {
            "is longer than 256 bytes"
        } else if queue.chars().any(char::is_control) {
            "has a control character"
        } else if matches!(queue.as_str(), "." | "..") {
            "is no queue id"
        } else {
            return Some(queue);
        };
        self.fault("queue", problem);
        None
    }

    fn millis(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<Duration> {
        let value = self.get(key)?;
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let millis = number.filter(|number| range.contains(number));
        if millis.is_none() {
            self.fault(key, format!("is not a whole number from {} to {}", range.start(), range.end()));
        }
        millis.map(Duration::from_millis)
    }

    fn on_unknown(&mut self) -> Option<OnUnknown> {
        match self.text("on_unknown")? {
            "accept" => Some(OnUnknown::Accept),
            "reject" => Some(OnUnknown::Reject),
            _ => {
                self.fault("on_unknown", "is neither accept nor reject");
                None
            }
        }
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.get(key) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) if matches!(text.as_str(), "true" | "1") => true,
            Some(Value::String(text)) if matches!(text.as_str(), "false" | "0") => false,
            Some(_) => {
                self.fault(key, "is neither true nor false");
                false
            }
        }
    }

    fn answer_as(&mut self) -> AnswerAs {
        match self.text("as") {
            None | Some("verdict") => AnswerAs::Verdict,
            Some("count") => AnswerAs::Count,
            Some("bool") => AnswerAs::Bool,
            Some(_) => {
                self.fault("as", "is not one of verdict, count, bool");
                AnswerAs::Verdict
            }
        }
    }

    fn label(&mut self, key: &str) -> Option<String> {
        let text = match self.get(key)? {
            Value::Number(number) => number.to_string(),
            _ => self.text(key)?.to_owned(),
        };
        if text.len() > MAX_LABEL || text.chars().any(char::is_control) {
            self.fault(key, "is longer than 256 bytes or has a control character");
            return None;
        }
        Some(text)
    }

    fn template<P: Provider>(&mut self) -> Option<String> {
        let name = self.text("template")?;
        if P::Template::from_name(name).is_none() {
            let known: Vec<&str> = P::Template::ALL.iter().map(|template| template.as_str()).collect();
            self.fault("template", format!("is no recipe of {}; use one of {}", P::NAME, known.join(", ")));
            return None;
        }
        Some(name.to_owned())
    }

    fn options<P: Provider>(&mut self) -> Map<String, Value> {
        let Some(value) = self.get("options") else { return Map::new() };
        let Some(options) = value.as_object() else {
            self.fault("options", format!("is {}; give an object", type_name(value)));
            return Map::new();
        };
        for key in options.keys().filter(|key| !P::OPTIONS.contains(&key.as_str())) {
            let known = if P::OPTIONS.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", P::OPTIONS.join(", "))
            };
            self.faults.add(child("/options", key), format!("is no option of {}; {known}", P::NAME));
        }
        let _ = P::options(options, "/options", self.faults);
        options.clone()
    }

    fn acceptance(&mut self) -> Option<AcceptanceDraft> {
        let value = self.get("acceptance")?;
        AcceptanceDraft::parse(value, "/acceptance", self.faults)
    }
}

/// The criteria with the template's fields filled in. Without a template in the request the connection may set one, so
/// that only what no template could complete is a fault now.
fn complete<P: Provider>(draft: &AcceptanceDraft, template: Option<&str>, faults: &mut Faults) -> Option<Acceptance> {
    let try_with = |template: P::Template| {
        let mut found = Faults::default();
        let completed = draft.complete(&template.acceptance(), "/acceptance", &mut found);
        (completed, found)
    };
    let candidates: Vec<P::Template> = match template {
        Some(name) => P::Template::from_name(name).into_iter().collect(),
        None => P::Template::ALL.to_vec(),
    };
    let mut tried: Vec<_> = candidates.into_iter().map(try_with).collect();
    if let Some(at) = tried.iter().position(|(completed, found)| completed.is_some() && found.is_empty()) {
        return tried.swap_remove(at).0;
    }
    let (_, found) = if tried.is_empty() { return None } else { tried.swap_remove(0) };
    for fault in found.into_vec() {
        faults.add(fault.pointer, fault.detail);
    }
    None
}

/// What the criteria's text alone shows: a pattern whose keys are spaced as no text is that it meets.
pub fn pattern_warnings(acceptance: &Acceptance) -> impl Iterator<Item = String> {
    let suspicious = acceptance.criteria().into_iter().any(|criterion| match &criterion.reading {
        crate::criteria::Reading::Regex(pattern) => {
            pattern.scope != Some(crate::criteria::Scope::Raw) && pattern.misses_the_space_after_a_key()
        }
        _ => false,
    });
    suspicious
        .then(|| {
            "the pattern has a key whose colon is not followed by one space; the text it meets is always \"key\": value"
                .to_owned()
        })
        .into_iter()
}

/// A name from a request, fit for a message.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
