//! The secrets and their versions, and what each operation does to them.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};

use super::protocol::{Fault, Operation};
use crate::function::REGION;

/// All secrets.
#[derive(Debug)]
pub(super) struct Vault {
    secrets: BTreeMap<String, Secret>,
    made: u64,
    /// The most names on a page of a list.
    pub(super) page_max: usize,
}

/// A secret's versions, the current one last.
#[derive(Debug, Default)]
struct Secret {
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    id: String,
    value: SecretValue,
    created: SystemTime,
}

/// What a version holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretValue {
    Text(String),
    Binary(Vec<u8>),
}

impl SecretValue {
    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl Default for Vault {
    fn default() -> Self {
        Self { secrets: BTreeMap::new(), made: 0, page_max: usize::MAX }
    }
}

impl Vault {
    /// Gives a secret, new or not, another current version.
    pub(super) fn set(&mut self, name: &str, value: SecretValue) {
        let id = format!("00000000-0000-4000-8000-{:012x}", self.made + 1);
        self.push(name, id, value);
    }

    /// The text of a secret's current version.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match &self.secrets.get(name)?.versions.last()?.value {
            SecretValue::Text(text) => Some(text),
            SecretValue::Binary(_) => None,
        }
    }

    /// The names of all secrets, in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        self.secrets.keys().cloned().collect()
    }

    /// How many versions were ever made.
    pub(super) fn versions_made(&self) -> u64 {
        self.made
    }

    /// Does what is asked for, and gives the answer's body.
    pub(super) fn perform(&mut self, operation: &Operation) -> Result<Value, Fault> {
        match operation {
            Operation::Get { name } => self.get(name),
            Operation::List { prefix, most, next } => self.list(prefix, *most, next.as_deref()),
            Operation::Put { name, value, token } => self.put(name, value, token),
            Operation::Create { name, value, token } => self.create(name, value, token),
        }
    }

    fn get(&self, name: &str) -> Result<Value, Fault> {
        let version = self.secrets.get(name).and_then(|secret| secret.versions.last()).ok_or_else(Fault::not_found)?;
        let (key, value) = match &version.value {
            SecretValue::Text(text) => ("SecretString", text.clone()),
            SecretValue::Binary(bytes) => ("SecretBinary", STANDARD.encode(bytes)),
        };
        Ok(json!({
            "ARN": arn(name),
            "CreatedDate": seconds(version.created),
            "Name": name,
            key: value,
            "VersionId": version.id,
            "VersionStages": ["AWSCURRENT"],
        }))
    }

    /// The names from the last to the first: the service promises no order.
    fn list(&self, prefix: &str, most: usize, next: Option<&str>) -> Result<Value, Fault> {
        let before = next.map(|token| continued(token, prefix)).transpose()?;
        let mut left = self.secrets.iter().rev().filter(|(name, _)| {
            name.starts_with(prefix) && before.as_ref().is_none_or(|before| name.as_str() < before.as_str())
        });
        let page: Vec<_> = left.by_ref().take(most.min(self.page_max)).collect();
        let listed: Vec<Value> = page
            .iter()
            .map(|(name, secret)| {
                let changed = secret.versions.last().map(|version| seconds(version.created));
                json!({"ARN": arn(name), "Name": name, "LastChangedDate": changed})
            })
            .collect();
        let mut document = json!({"SecretList": listed});
        if let (Some(_), Some((last, _)), Some(document)) = (left.next(), page.last(), document.as_object_mut()) {
            document.insert("NextToken".to_owned(), URL_SAFE.encode(format!("{prefix}\n{last}")).into());
        }
        Ok(document)
    }

    /// A version's id is its request's token: the same write again is the same version, another is refused.
    fn put(&mut self, name: &str, value: &SecretValue, token: &str) -> Result<Value, Fault> {
        let secret = self.secrets.get(name).ok_or_else(Fault::not_found)?;
        match secret.versions.iter().find(|version| version.id == token) {
            Some(version) if version.value == *value => {}
            Some(_) => {
                let message = "You tried to create a version that already exists with another value.";
                return Err(Fault::new("ResourceExistsException", message));
            }
            None => self.push(name, token.to_owned(), value.clone()),
        }
        Ok(json!({"ARN": arn(name), "Name": name, "VersionId": token, "VersionStages": ["AWSCURRENT"]}))
    }

    fn create(&mut self, name: &str, value: &SecretValue, token: &str) -> Result<Value, Fault> {
        if let Some(secret) = self.secrets.get(name) {
            let same = secret.versions.iter().any(|version| version.id == token && version.value == *value);
            if !same {
                let message = format!("The operation failed because the secret {name} already exists.");
                return Err(Fault::new("ResourceExistsException", message));
            }
        } else {
            self.push(name, token.to_owned(), value.clone());
        }
        Ok(json!({"ARN": arn(name), "Name": name, "VersionId": token}))
    }

    fn push(&mut self, name: &str, id: String, value: SecretValue) {
        self.made += 1;
        let version = Version { id, value, created: SystemTime::now() };
        self.secrets.entry(name.to_owned()).or_default().versions.push(version);
    }
}

/// The name before which a list goes on. A token is good for the list it was given with.
fn continued(token: &str, prefix: &str) -> Result<String, Fault> {
    let written = URL_SAFE.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let name = written.as_deref().and_then(|written| written.split_once('\n'));
    match name {
        Some((own, name)) if own == prefix => Ok(name.to_owned()),
        _ => Err(Fault::new("InvalidNextTokenException", "The NextToken value is invalid.")),
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-a1b2c3")
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
