//! The token secret as the refresher rewrites it: its own fields anew, everybody else's kept.

use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::Life;
use crate::clock::{self, rfc3339};
use crate::credentials::StoredSecret;
use crate::fault::type_name;
use crate::grants::Tokens;

/// A token secret's fields. It does not print.
#[derive(Clone)]
pub(super) struct TokenSecret {
    fields: Map<String, Value>,
}

/// The fields of a token: in the token secret, and in a rotating grant beside its refresh token.
const TOKEN_FIELDS: [&str; 4] = ["access_token", "issued_at", "expires_at", "rotates"];
/// Where a refusal is noted: for which grant, when, and what was said.
const REJECTED: &str = "grant_rejected";

impl TokenSecret {
    /// Reads a token secret.
    ///
    /// # Errors
    /// What is wrong with it; never its value.
    pub(super) fn read(stored: &StoredSecret) -> Result<Self, String> {
        let document: Value = serde_json::from_str(stored.value.expose_secret())
            .map_err(|error| format!("it is no JSON (line {}, column {})", error.line(), error.column()))?;
        match document {
            Value::Object(fields) => Ok(Self { fields }),
            other => Err(format!("it is {}; store a JSON object", type_name(&other))),
        }
    }

    /// The life of the token in it, where it states one.
    pub(super) fn life(&self) -> Option<Life> {
        let time = |name: &str| self.fields.get(name).and_then(clock::parse);
        let has_token = self.fields.get("access_token").and_then(Value::as_str).is_some_and(|token| !token.is_empty());
        let expires_at = time("expires_at").filter(|_| has_token)?;
        Some(Life { issued_at: time("issued_at"), expires_at })
    }

    /// This secret with new tokens in place of its own.
    pub(super) fn with(&self, tokens: &Tokens, now: SystemTime, rotates: bool) -> Self {
        let mut fields = self.fields.clone();
        fields.insert("access_token".to_owned(), Value::from(tokens.access_token.expose_secret()));
        fields.insert("issued_at".to_owned(), Value::from(rfc3339(now)));
        fields.insert("expires_at".to_owned(), Value::from(rfc3339(now + tokens.life)));
        if rotates {
            fields.insert("rotates".to_owned(), Value::Bool(true));
        } else {
            fields.remove("rotates");
        }
        fields.remove(REJECTED);
        Self { fields }
    }

    /// This secret with the token of a rotating grant, where the grant's is another and not an older one.
    pub(super) fn behind(&self, grant: &Map<String, Value>) -> Option<Self> {
        let token = grant.get("access_token").filter(|token| token.is_string())?;
        let issued = |fields: &Map<String, Value>| fields.get("issued_at").and_then(clock::parse);
        if self.fields.get("access_token") == Some(token) || issued(grant) < issued(&self.fields) {
            return None;
        }
        let mut fields = self.fields.clone();
        for name in TOKEN_FIELDS {
            if let Some(value) = grant.get(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        fields.remove(REJECTED);
        Some(Self { fields })
    }

    /// Puts the token into a grant's fields.
    pub(super) fn copy_into(&self, grant: &mut Map<String, Value>) {
        for name in TOKEN_FIELDS {
            if let Some(value) = self.fields.get(name) {
                grant.insert(name.to_owned(), value.clone());
            }
        }
    }

    /// Whether the endpoint refused this very grant before.
    pub(super) fn was_rejected_for(&self, grant_version: &str) -> bool {
        self.fields.get(REJECTED).and_then(|rejected| rejected.get("grant_version")).and_then(Value::as_str)
            == Some(grant_version)
    }

    /// This secret with a note that the endpoint refused the grant.
    pub(super) fn rejected_for(&self, grant_version: &str, said: &str, now: SystemTime) -> Self {
        let mut fields = self.fields.clone();
        let note = json!({"grant_version": grant_version, "at": rfc3339(now), "said": said});
        fields.insert(REJECTED.to_owned(), note);
        Self { fields }
    }

    /// The secret's text.
    pub(super) fn to_text(&self) -> SecretString {
        SecretString::from(Value::Object(self.fields.clone()).to_string())
    }
}
