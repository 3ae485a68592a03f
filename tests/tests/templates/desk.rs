//! One provider's gate in this process, and the questions put to it.

use callgate::providers::ProviderName;
use callgate_local::gates::Gates;
use serde_json::{Value, json};

/// The connection that every question names.
pub(crate) const CONNECTION: &str = "acme";
/// The credential in its secret: one that is found wherever it leaks to.
pub(crate) const CANARY: &str = "canary-5up3r53cr3t-of-the-account";
/// The counts by their names in criteria and verdicts.
pub(crate) const COUNTS: [&str; 7] =
    ["available", "on_call", "wrap_up", "not_ready", "logged_in", "waiting", "headroom"];

/// The gate of one provider, which remembers what its adapter remembers.
pub(crate) struct Desk {
    gates: Gates,
    provider: ProviderName,
}

impl Desk {
    /// A gate whose connection sends to `base_url`.
    pub(crate) fn at(provider: ProviderName, base_url: &str) -> Self {
        let gates = Gates::new(false).unwrap();
        gates.put_secret(provider, CONNECTION, secret(provider, base_url).to_string());
        Self { gates, provider }
    }

    /// The verdict on a question, which is a JSON object without its connection.
    pub(crate) async fn ask(&self, question: &Value) -> Value {
        let question = merged(json!({"connection": CONNECTION}), question);
        let verdict = self.gates.check(self.provider, &question.to_string()).await;
        assert!(verdict["decision"].is_string(), "{question} is not understood: {verdict}");
        verdict
    }
}

/// A secret that sends to `base_url`. Its quota is one that no test uses up.
pub(crate) fn secret(provider: ProviderName, base_url: &str) -> Value {
    let secret = match provider {
        ProviderName::CallTools => json!({"token": CANARY, "base_url": base_url}),
        ProviderName::GenesysCloud => {
            json!({"access_token": CANARY, "region": "mypurecloud.com", "base_url": base_url})
        }
        ProviderName::RingCentral => {
            json!({"access_token": CANARY, "base_url": base_url, "sub_account_id": "99999999"})
        }
        ProviderName::PortSip => json!({"access_token": CANARY, "base_url": base_url}),
    };
    merged(secret, &json!({"quota": {"requests": 1_000_000, "per_seconds": 60}}))
}

/// An object with the members of another.
pub(crate) fn merged(mut object: Value, more: &Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

/// One criterion on a normalised count.
pub(crate) fn agents(count: &str, condition: &str, value: i64) -> Value {
    json!({"parse_type": "agents", "parse_field": count, "condition": condition, "value": value})
}

/// One criterion on a field.
pub(crate) fn field(path: &str, condition: &str, value: i64) -> Value {
    json!({"parse_type": "json", "parse_field": path, "condition": condition, "value": value})
}

/// The reading of a criterion, to be held against a value.
pub(crate) fn compared(reading: &Value, condition: &str, value: i64) -> Value {
    merged(reading.clone(), &json!({"condition": condition, "value": value}))
}
