//! The control interface under `/_simulator/`: look at queues and agents, change them, queue faults.

use serde_json::{Map, Value, json};

use super::Provider;
use super::document::{joined, set};
use super::faults::{FaultRequest, Faults};
use super::layout::Layout;
use super::vocabulary::{Vocabulary, words};
use super::wire::{Answer, Request};

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status of the answer: 400, or 404 for a queue or agent that does not exist.
    pub status: u16,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    pub allowed: Vec<String>,
}

impl Refusal {
    /// A value, or a field, that is not understood.
    #[must_use]
    pub fn invalid(message: &str, allowed: Vec<String>) -> Self {
        Self { status: 400, message: message.to_owned(), allowed }
    }

    pub(super) fn unknown(what: &str, id: &str, known: Vec<String>) -> Self {
        Self { status: 404, message: format!("there is no {what} `{id}` here"), allowed: known }
    }

    fn answer(&self) -> Answer {
        let mut document = json!({ "error": self.message });
        if !self.allowed.is_empty() {
            set(&mut document, "allowed", json!(self.allowed));
        }
        Answer::json(self.status, &document, Layout::Printed)
    }
}

/// The fields of a change, each read by its type.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    fields: &'a Map<String, Value>,
}

impl<'a> Changes<'a> {
    /// The fields of a JSON object, all of them known.
    ///
    /// # Errors
    /// Where the document is no object, is empty, or has a field that is not among the known ones.
    pub fn of(document: &'a Value, known: &[&str]) -> Result<Self, Refusal> {
        let allowed = || known.iter().map(|field| (*field).to_owned()).collect();
        let fields = document.as_object().filter(|fields| !fields.is_empty());
        let fields = fields.ok_or_else(|| Refusal::invalid("send a JSON object with one field or more", allowed()))?;
        match fields.keys().find(|field| !known.contains(&field.as_str())) {
            Some(field) => Err(Refusal::invalid(&format!("no field is named `{field}`"), allowed())),
            None => Ok(Self { fields }),
        }
    }

    /// A word of a vocabulary.
    ///
    /// # Errors
    /// Where it is none of the vocabulary's words.
    pub fn word<V: Vocabulary>(&self, field: &str) -> Result<Option<V>, Refusal> {
        self.read(field, words::<V>(), |value| V::parse(value.as_str()?))
    }

    /// A boolean.
    ///
    /// # Errors
    /// Where it is not one.
    pub fn flag(&self, field: &str) -> Result<Option<bool>, Refusal> {
        self.read(field, vec!["true".into(), "false".into()], Value::as_bool)
    }

    /// A count.
    ///
    /// # Errors
    /// Where it is not a whole number of 0 or more.
    pub fn number(&self, field: &str) -> Result<Option<u64>, Refusal> {
        self.read(field, vec!["0, 1, 2 and so on".into()], Value::as_u64)
    }

    /// A value read by a function that gives `None` where it is not allowed.
    ///
    /// # Errors
    /// Where the function gives `None`.
    pub fn read<T>(
        &self,
        field: &str,
        allowed: Vec<String>,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.fields.get(field) else {
            return Ok(None);
        };
        let refusal = || Refusal::invalid(&format!("`{field}` cannot be {value}"), allowed);
        read(value).map(Some).ok_or_else(refusal)
    }
}

/// Answers a request under `/_simulator/`; `None` where it is meant for the provider.
pub(super) fn answer<P: Provider>(request: &Request, provider: &mut P, faults: &Faults) -> Option<Answer> {
    let segments = request.segments();
    let mut parts = segments.iter().map(String::as_str);
    if parts.next() != Some("_simulator") {
        return None;
    }
    let parts: Vec<&str> = parts.collect();
    let done = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["state"]) => Ok(state(provider, faults)),
        ("PUT" | "POST", ["queues", queue]) => body(request).and_then(|change| provider.set_queue(queue, &change)),
        ("PUT" | "POST", ["queues", queue, "agents", agent]) => {
            body(request).and_then(|change| provider.set_agent(queue, agent, &change))
        }
        ("POST", ["faults"]) => queue_fault(request, faults),
        ("DELETE", ["faults"]) => {
            faults.clear();
            Ok(json!({ "pending_faults": 0 }))
        }
        _ => Err(Refusal {
            status: 404,
            message: format!("{} {} does nothing here", request.method, request.path),
            allowed: [
                "GET /_simulator/state",
                "PUT /_simulator/queues/{queue}",
                "PUT /_simulator/queues/{queue}/agents/{agent}",
                "POST /_simulator/faults",
                "DELETE /_simulator/faults",
            ]
            .map(str::to_owned)
            .to_vec(),
        }),
    };
    Some(match done {
        Ok(document) => Answer::json(200, &document, Layout::Printed),
        Err(refusal) => refusal.answer(),
    })
}

fn state<P: Provider>(provider: &P, faults: &Faults) -> Value {
    let head = json!({
        "provider": P::NAME,
        "dialect": provider.dialect().name(),
        "pending_faults": faults.pending(),
        "accepted_tokens": provider.tokens().accepted(provider.clock().now()).len(),
    });
    joined(head, provider.state())
}

fn body(request: &Request) -> Result<Value, Refusal> {
    request.json().ok_or_else(|| Refusal::invalid("the body is not JSON", Vec::new()))
}

fn queue_fault(request: &Request, faults: &Faults) -> Result<Value, Refusal> {
    let parsed: Result<FaultRequest, _> = serde_json::from_slice(&request.body);
    let parsed = parsed.map_err(|error| Refusal::invalid(&error.to_string(), Vec::new()))?;
    faults.push(parsed.into_fault()?);
    Ok(json!({ "pending_faults": faults.pending() }))
}
