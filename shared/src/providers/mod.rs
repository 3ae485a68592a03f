//! The contact centres: one directory each, behind one trait with static dispatch.

pub mod calltools;
pub mod genesys_cloud;
mod list;
pub mod portsip;
mod response;
pub mod ringcentral;

pub(crate) use response::{json as read_json, retry_after, said, status_failure};

use std::fmt;
use std::future::Future;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::credentials::HostRule;
use crate::criteria::CriterionDraft;
use crate::failure::Failure;
use crate::fault::{Faults, child, type_name};
use crate::freshness::Quota;
use crate::http::Upstream;
use crate::need::Need;
use crate::snapshot::{Counts, Document, Snapshot};

/// The providers callgate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProviderName {
    /// `CallTools`.
    #[serde(rename = "calltools")]
    CallTools,
    /// Genesys Cloud.
    #[serde(rename = "genesys-cloud")]
    GenesysCloud,
    /// `RingCentral`.
    #[serde(rename = "ringcentral")]
    RingCentral,
    /// `PortSIP` PBX.
    #[serde(rename = "portsip")]
    PortSip,
}

impl ProviderName {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::CallTools, Self::GenesysCloud, Self::RingCentral, Self::PortSip];

    /// The name in paths, secrets and verdicts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallTools => "calltools",
            Self::GenesysCloud => "genesys-cloud",
            Self::RingCentral => "ringcentral",
            Self::PortSip => "portsip",
        }
    }

    /// The provider of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A contact centre: where its credential may be sent, what can be asked of it, and how.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// Its name.
    const NAME: ProviderName;
    /// The hosts that are its own.
    const HOSTS: HostRule;
    /// The secret's field that holds the token or key.
    const TOKEN_FIELD: &'static str;
    /// What stands before the token in the `Authorization` header.
    const TOKEN_SCHEME: &'static str;
    /// The names of its options in a request.
    const OPTIONS: &'static [&'static str];
    /// How many requests it allows an account, where the secret does not say otherwise.
    const QUOTA: Quota;

    /// Its options, typed.
    type Options: Clone + fmt::Debug + Send + Sync;
    /// Its recipes.
    type Template: Template;

    /// The adapter, with nothing remembered yet.
    fn new() -> Self;

    /// The host that a recipe asks, from the secret's own fields, where it has no `base_url`.
    ///
    /// # Errors
    /// Which field is missing or wrong.
    fn origin(secret: &Map<String, Value>, template: Self::Template) -> Result<Url, String>;

    /// Reads the options of a request, noting every fault. Keys that are not in [`Self::OPTIONS`] are noted elsewhere.
    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> Self::Options;

    /// The field in which the recipe's answer has its list, if it has one.
    fn list_field(template: Self::Template) -> Option<&'static str>;

    /// The field that means the number of the list's items where the answer lacks it.
    fn length_field(_template: Self::Template) -> Option<&'static str> {
        None
    }

    /// The fields of a record that the recipe's counts and remarks are made of, read in rows. `None`: it needs records
    /// in full, such as those that it completes from further requests.
    fn record_fields(_template: Self::Template) -> Option<&'static [&'static str]> {
        None
    }

    /// What the recipe's answer means in normalised counts. Pure.
    fn counts(template: Self::Template, options: &Self::Options, document: &Document) -> Counts;

    /// What the records show against the recipe: filters that seem to be ignored, agents counted who are in a call. Pure.
    fn remarks(_template: Self::Template, _options: &Self::Options, _document: &Document) -> Vec<String> {
        Vec::new()
    }

    /// The recipe that gives the right answer on the real API, where this one is known to miscount.
    fn right_template(_template: Self::Template) -> Option<Self::Template> {
        None
    }

    /// Faults of options that are each well formed and do not fit the recipe.
    fn check_options(_template: Self::Template, _options: &Self::Options, _pointer: &str, _faults: &mut Faults) {}

    /// Asks the contact centre, reading as much as `need` wants.
    ///
    /// # Errors
    /// There is no answer to evaluate, and why. A failure after part of the list was read is in the snapshot.
    fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> impl Future<Output = Result<Snapshot, Failure>> + Send
    where
        Self: Sized;
}

/// One of a provider's recipes: which requests are sent, and the acceptance where the platform gives none.
pub trait Template: Copy + fmt::Debug + Send + Sync + 'static {
    /// All recipes; the first is the default.
    const ALL: &'static [Self];

    /// The name in requests and verdicts.
    fn as_str(self) -> &'static str;

    /// The default acceptance, from which a single criterion's missing fields are taken.
    fn acceptance(self) -> CriterionDraft;

    /// The recipe of that name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|template| template.as_str() == name)
    }

    /// The default recipe.
    fn first() -> Option<Self> {
        Self::ALL.first().copied()
    }
}

/// An option that is true or false, also as text; `None` where it is not given.
fn flag_option(options: &Map<String, Value>, name: &str, pointer: &str, faults: &mut Faults) -> Option<bool> {
    match options.get(name)? {
        Value::Null => None,
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text == "true" || text == "false" => Some(text == "true"),
        other => {
            faults.add(child(pointer, name), format!("is {}; give true or false", type_name(other)));
            None
        }
    }
}

/// What a provider is asked.
#[derive(Clone, Debug)]
pub struct Question<P: Provider> {
    /// The provider's queue id, verbatim.
    pub queue: String,
    /// Its options.
    pub options: P::Options,
    /// Which recipe.
    pub template: P::Template,
    /// The fields of the connection's secret, without its credential.
    pub account: Map<String, Value>,
}
