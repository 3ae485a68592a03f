//! `RingCentral`: who in a call queue accepts its calls, who of them is free, and the availability of a RingCX queue.
//!
//! # Endpoints
//! On `platform.ringcentral.com`, application permission `ReadPresence`:
//! [`GET /restapi/v1.0/account/{accountId}/call-queues/{groupId}/presence`](https://developers.ringcentral.com/api-reference/Presence/readCallQueuePresence)
//! and, for the members whose flags allow a call,
//! [`GET /restapi/v1.0/account/{accountId}/extension/{ids}/presence?detailedTelephonyState=true`](https://developers.ringcentral.com/api-reference/Presence/readUserPresenceStatus),
//! 30 ids at a time.
//!
//! On `ringcx.ringcentral.com`, application scope CX Routing: `POST /api/auth/login/rc/accesstoken` exchanges the
//! secret's token for one of RingCX, with which
//! `GET /voice/api/cx/routing/v1/sub-accounts/{sub_account_id}/queues/{queueId}/availability?queueType=Voice` is asked.
//!
//! # Limits
//! Group Light: 50 requests a minute for a user and application. After a 429 the penalty of 60 s starts again with
//! every request sent during it. RingCX: 5 exchanges a minute; a token lives 5 minutes.
//!
//! # Mapping
//! `queue_presence`:
//!
//! | the provider's | ours |
//! | --- | --- |
//! | `acceptCurrentQueueCalls` true | logged in |
//! | | available: not said here, a member who accepts calls may be in one |
//!
//! `ready_agents`, the first row that fits a member:
//!
//! | the provider's | ours |
//! | --- | --- |
//! | `acceptCurrentQueueCalls` true | logged in, beside one of these: |
//! | `acceptCurrentQueueCalls` false | not counted |
//! | either flag missing, `acceptQueueCalls` false | not ready |
//! | `activeCalls` not empty | on call |
//! | `aggregatedTelephonyStatus`, else `telephonyStatus`: `CallConnected`, `Ringing`, `OnHold`, `ParkedCall` | on call |
//! | `NoCall`, and `userStatus` `Available` or `Busy`, and `dndStatus` `TakeAllCalls` or `TakeDepartmentCallsOnly` | available |
//! | the same without `dndStatus`, with `dndStatusPersonal` in its place and `acceptCallQueueCalls` not false | available |
//! | any other word, a field missing, an extension that could not be read | not ready |
//!
//! `ringcx_availability`:
//!
//! | the provider's | ours |
//! | --- | --- |
//! | `numberOfAgentsAvailable` | available |
//! | `numberOfAgentsLoggedIn` | logged in |
//! | `numberOfWaitingInteractions` | waiting |
//! | `isQueueOpen` false | the queue is closed |
//! | `isQueueOpen` missing | every count is missing: they may be those of a closed queue |
//!
//! # Quirks
//! A member takes calls where `acceptQueueCalls` is true as well, which the default recipe does not ask, and it says
//! nothing of calls in progress: the verdict warns. Bodies are printed as `"key" : value`; patterns meet them as
//! `"key": value`.
//!
//! `ready_agents`: ids are text in the queue's list and numbers in an extension's presence; one id is answered with a
//! plain object, several with a 207 and a list of parts. The document that criteria see is the queue's list with the
//! presence fields of each member added to hers, what the queue says of her first; `raw` meets the answers as received.
//! Reading goes in the list's order, so that members behind the first unread one are unread too, whatever their flags
//! say; the counts know their flags. A batch of which every part fails is a failure, not 30 agents who are not ready,
//! unless their extensions are gone.
//!
//! `ringcx_availability`: a refused exchange says too little to tell a spent allowance from other refusals, so that all
//! but a 401 are `rate_limited`. What RingCX says beside an error's status is not repeated, as it may quote a token.

mod api;
mod mapping;
mod ready_agents;
mod ringcx;

use serde_json::{Map, Value};
use url::Url;

use super::list::List;
use super::{Provider, ProviderName, Question, Template};
use crate::credentials::HostRule;
use crate::criteria::{AgentCount, CriterionDraft};
use crate::failure::Failure;
use crate::fault::{Faults, child, type_name};
use crate::freshness::Quota;
use crate::http::Upstream;
use crate::need::Need;
use crate::snapshot::{Counts, Document, Snapshot};

/// The adapter. It remembers the tokens of RingCX.
#[derive(Debug)]
pub struct RingCentral {
    ringcx_tokens: ringcx::Tokens,
}

/// What a request may say beside the queue.
#[derive(Clone, Debug)]
pub struct RingCentralOptions {
    /// The account's id; `~` is the token's own.
    pub account_id: String,
    /// Only these agents count: ids or extension numbers. `None`: all do.
    pub extensions: Option<Vec<String>>,
}

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingCentralTemplate {
    /// The queue's presence list.
    QueuePresence,
    /// That list, and the presence of each member whose flags allow a call.
    ReadyAgents,
    /// The availability of a RingCX queue.
    RingCxAvailability,
}

impl Template for RingCentralTemplate {
    const ALL: &'static [Self] = &[Self::QueuePresence, Self::ReadyAgents, Self::RingCxAvailability];

    fn as_str(self) -> &'static str {
        match self {
            Self::QueuePresence => "queue_presence",
            Self::ReadyAgents => "ready_agents",
            Self::RingCxAvailability => "ringcx_availability",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::QueuePresence => CriterionDraft::matches_above_zero("\"acceptCurrentQueueCalls\": true"),
            Self::ReadyAgents => CriterionDraft::agents_above_zero(AgentCount::Available),
            Self::RingCxAvailability => CriterionDraft::agents_above_zero(AgentCount::Headroom),
        }
    }
}

impl Provider for RingCentral {
    const NAME: ProviderName = ProviderName::RingCentral;
    const HOSTS: HostRule = HostRule::Domains(&["ringcentral.com"]);
    const TOKEN_FIELD: &'static str = "access_token";
    const TOKEN_SCHEME: &'static str = "Bearer";
    const OPTIONS: &'static [&'static str] = &["account_id", "extensions"];
    const QUOTA: Quota = Quota::new(50, 60);

    type Options = RingCentralOptions;
    type Template = RingCentralTemplate;

    fn new() -> Self {
        Self { ringcx_tokens: ringcx::Tokens::default() }
    }

    fn origin(_: &Map<String, Value>, template: RingCentralTemplate) -> Result<Url, String> {
        match template {
            RingCentralTemplate::QueuePresence | RingCentralTemplate::ReadyAgents => api::origin(),
            RingCentralTemplate::RingCxAvailability => api::ringcx_origin(),
        }
    }

    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> RingCentralOptions {
        RingCentralOptions {
            account_id: account_id(options.get("account_id"), &child(pointer, "account_id"), faults),
            extensions: extensions(options.get("extensions"), &child(pointer, "extensions"), faults),
        }
    }

    fn list_field(template: RingCentralTemplate) -> Option<&'static str> {
        match template {
            RingCentralTemplate::QueuePresence | RingCentralTemplate::ReadyAgents => Some(api::LIST),
            RingCentralTemplate::RingCxAvailability => None,
        }
    }

    fn record_fields(template: RingCentralTemplate) -> Option<&'static [&'static str]> {
        match template {
            RingCentralTemplate::QueuePresence => Some(mapping::RECORD_FIELDS),
            RingCentralTemplate::ReadyAgents | RingCentralTemplate::RingCxAvailability => None,
        }
    }

    fn counts(template: RingCentralTemplate, options: &RingCentralOptions, document: &Document) -> Counts {
        match template {
            RingCentralTemplate::QueuePresence => mapping::counts(document),
            RingCentralTemplate::ReadyAgents => ready_agents::counts(document, options),
            RingCentralTemplate::RingCxAvailability => mapping::ringcx_counts(document),
        }
    }

    fn remarks(template: RingCentralTemplate, _: &RingCentralOptions, document: &Document) -> Vec<String> {
        if template != RingCentralTemplate::QueuePresence {
            return Vec::new();
        }
        match mapping::disturbed(document) {
            (0, _) => Vec::new(),
            (disturbed, counted) => vec![format!(
                "{disturbed} of the {counted} members who accept this queue's calls have acceptQueueCalls false: they \
                 are set to do-not-disturb and take none"
            )],
        }
    }

    fn right_template(template: RingCentralTemplate) -> Option<RingCentralTemplate> {
        match template {
            RingCentralTemplate::QueuePresence => Some(RingCentralTemplate::ReadyAgents),
            RingCentralTemplate::ReadyAgents | RingCentralTemplate::RingCxAvailability => None,
        }
    }

    fn check_options(template: RingCentralTemplate, options: &RingCentralOptions, pointer: &str, faults: &mut Faults) {
        if options.extensions.is_some() && template != RingCentralTemplate::ReadyAgents {
            let detail = format!("does not fit the template {}; leave it out, or use ready_agents", template.as_str());
            faults.add(child(pointer, "extensions"), detail);
        }
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        match question.template {
            RingCentralTemplate::QueuePresence => queue_presence(upstream, question, need).await,
            RingCentralTemplate::ReadyAgents => {
                ready_agents::observe(upstream, &question.queue, &question.options, need).await
            }
            RingCentralTemplate::RingCxAvailability => {
                ringcx::observe(&self.ringcx_tokens, upstream, &question.queue, &question.account).await
            }
        }
    }
}

async fn queue_presence(
    upstream: &Upstream,
    question: &Question<RingCentral>,
    need: &Need<'_>,
) -> Result<Snapshot, Failure> {
    let list = List {
        field: api::LIST,
        may_be_bare: false,
        length_field: None,
        record_fields: mapping::RECORD_FIELDS,
        failure: api::failure,
        next: api::next,
        total: api::total,
        counts: &mapping::counts,
    };
    let url = api::queue_presence(upstream, &question.options.account_id, &question.queue);
    let mut snapshot = list.read(upstream, url, need).await?;
    snapshot.warnings.push(
        "acceptCurrentQueueCalls says nothing of acceptQueueCalls (do-not-disturb) nor of calls in progress: \
         members in a call are counted by this recipe; the template ready_agents counts those who are free"
            .to_owned(),
    );
    Ok(snapshot)
}

const OWN_ACCOUNT: &str = "~";

fn account_id(written: Option<&Value>, pointer: &str, faults: &mut Faults) -> String {
    let id = match written {
        None | Some(Value::Null) => OWN_ACCOUNT.to_owned(),
        Some(Value::Number(id)) => id.to_string(),
        Some(Value::String(id)) => id.trim().to_owned(),
        Some(other) => {
            faults.add(pointer, format!("is {}; give ~ or the account's id", type_name(other)));
            return OWN_ACCOUNT.to_owned();
        }
    };
    if id != OWN_ACCOUNT && (id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit())) {
        faults.add(pointer, "is no account id; give ~ or digits");
    }
    id
}

/// A list, or text with commas, as a query string has it.
fn extensions(written: Option<&Value>, pointer: &str, faults: &mut Faults) -> Option<Vec<String>> {
    let extensions: Vec<String> = match written {
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            let parts: Vec<String> = parts.map(str::to_owned).collect();
            if parts.iter().any(|part| !part.bytes().all(|byte| byte.is_ascii_digit())) {
                faults.add(pointer, "has an extension that is not all digits; give ids or extension numbers");
                return None;
            }
            parts
        }
        Some(Value::Array(items)) => {
            let read = |(at, item): (usize, &Value)| {
                let extension = mapping::digits(item);
                if extension.is_none() {
                    let detail = format!("is {}; give an id or extension number, digits only", type_name(item));
                    faults.add(child(pointer, &at.to_string()), detail);
                }
                extension
            };
            let read: Vec<Option<String>> = items.iter().enumerate().map(read).collect();
            read.into_iter().collect::<Option<_>>()?
        }
        Some(other) => {
            faults.add(pointer, format!("is {}; give a list of ids or extension numbers", type_name(other)));
            return None;
        }
    };
    if extensions.is_empty() {
        faults.add(pointer, "is empty; name an agent, or leave it out to count all");
        return None;
    }
    Some(extensions)
}
