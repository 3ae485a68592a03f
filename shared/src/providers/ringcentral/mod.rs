//! `RingCentral`: who in a call queue accepts its calls.
//!
//! # Endpoints
//! [`GET /restapi/v1.0/account/{accountId}/call-queues/{groupId}/presence`](https://developers.ringcentral.com/api-reference/Presence/readCallQueuePresence)
//! on `platform.ringcentral.com`; application permission `ReadPresence`.
//!
//! # Limits
//! Group Light: 50 requests a minute for a user and application. After a 429 the penalty of 60 s starts again with
//! every request sent during it.
//!
//! # Mapping
//! | the provider's | ours |
//! | --- | --- |
//! | `acceptCurrentQueueCalls` true | logged in |
//! | | available: not said here, a member who accepts calls may be in one |
//!
//! # Quirks
//! A member takes calls where `acceptQueueCalls` is true as well, which the default recipe does not ask, and it says
//! nothing of calls in progress: the verdict warns. Bodies are printed as `"key" : value`; patterns meet them as
//! `"key": value`.

mod api;
mod mapping;

use serde_json::{Map, Value};
use url::Url;

use super::list::List;
use super::{Provider, ProviderName, Question, Template};
use crate::credentials::HostRule;
use crate::criteria::CriterionDraft;
use crate::failure::Failure;
use crate::fault::{Faults, child, type_name};
use crate::http::Upstream;
use crate::need::Need;
use crate::snapshot::{Counts, Document, Snapshot};

/// The adapter.
#[derive(Debug)]
pub struct RingCentral;

/// What a request may say beside the queue.
#[derive(Clone, Debug)]
pub struct RingCentralOptions {
    /// The account's id; `~` is the token's own.
    pub account_id: String,
}

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingCentralTemplate {
    /// The queue's presence list.
    QueuePresence,
}

impl Template for RingCentralTemplate {
    const ALL: &'static [Self] = &[Self::QueuePresence];

    fn as_str(self) -> &'static str {
        match self {
            Self::QueuePresence => "queue_presence",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::QueuePresence => CriterionDraft::matches_above_zero("\"acceptCurrentQueueCalls\": true"),
        }
    }
}

impl Provider for RingCentral {
    const NAME: ProviderName = ProviderName::RingCentral;
    const HOSTS: HostRule = HostRule::Domains(&["ringcentral.com"]);
    const TOKEN_FIELD: &'static str = "access_token";
    const TOKEN_SCHEME: &'static str = "Bearer";
    const OPTIONS: &'static [&'static str] = &["account_id"];

    type Options = RingCentralOptions;
    type Template = RingCentralTemplate;

    fn new() -> Self {
        Self
    }

    fn origin(_: &Map<String, Value>, _: RingCentralTemplate) -> Result<Url, String> {
        api::origin()
    }

    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> RingCentralOptions {
        let account_id = match options.get("account_id") {
            None | Some(Value::Null) => Some("~".to_owned()),
            Some(Value::Number(id)) => Some(id.to_string()),
            Some(Value::String(id)) => Some(id.trim().to_owned()),
            Some(other) => {
                faults
                    .add(child(pointer, "account_id"), format!("is {}; give ~ or the account's id", type_name(other)));
                return RingCentralOptions { account_id: "~".to_owned() };
            }
        };
        let account_id = account_id.unwrap_or_default();
        if account_id != "~" && (account_id.is_empty() || !account_id.bytes().all(|byte| byte.is_ascii_digit())) {
            faults.add(child(pointer, "account_id"), "is no account id; give ~ or digits");
        }
        RingCentralOptions { account_id }
    }

    fn list_field(template: RingCentralTemplate) -> Option<&'static str> {
        match template {
            RingCentralTemplate::QueuePresence => Some(api::LIST),
        }
    }

    fn counts(template: RingCentralTemplate, _: &RingCentralOptions, document: &Document) -> Counts {
        match template {
            RingCentralTemplate::QueuePresence => mapping::counts(document),
        }
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let RingCentralTemplate::QueuePresence = question.template;
        let list = List {
            field: api::LIST,
            may_be_bare: false,
            length_field: None,
            failure: api::failure,
            next: api::next,
            total: api::total,
            counts: &|document| Self::counts(question.template, &question.options, document),
        };
        let url = api::queue_presence(upstream, &question.options.account_id, &question.queue);
        let mut snapshot = list.read(upstream, url, need).await?;
        snapshot.warnings.push(
            "acceptCurrentQueueCalls says nothing of acceptQueueCalls (do-not-disturb) nor of calls in progress: \
             members in a call are counted by this recipe"
                .to_owned(),
        );
        Ok(snapshot)
    }
}
