//! `CallTools`: agents by status, queue and readiness.
//!
//! # Endpoints
//! `GET https://{silo}.calltools.io/api/agentstatuses/` with `queue`, `agent_status_id` and `ready` as filters, and
//! `Authorization: Token {key}`. The API's own page of it is behind the account's login, under Integrations → API Docs.
//!
//! # Limits
//! 1000 requests an hour for the whole account; 25 records a page, 250 with `page_size`.
//!
//! # Mapping
//! | the provider's | ours |
//! | --- | --- |
//! | `ready` true, and `status` is Available (any status where `agent_status_id` chose it) | available |
//! | `live_calls_count` above 0 | on call |
//! | `status` Wrap Up | wrap-up |
//! | `logged_in` true | logged in |
//! | any other | not ready |
//! | `count`, in the recipe `ready_agents` | available |
//!
//! # Quirks
//! The recipe `ready_agents` insists on all three filters, so that `count` is the answer; it reads one record, to see
//! that the filters are honoured; a record that has neither `ready` nor `agent_status` cannot show it. Filters that the API does not know are ignored by it, so a misspelt one counts everybody. Without `agent_status_id`
//! and `ready` the default recipe counts everybody in the queue: the verdict warns. `next` is an absolute URL; it is
//! followed on the credential's own host only.

mod api;
mod mapping;

use serde_json::{Map, Value};
use url::Url;

use super::list::List;
use super::{Provider, ProviderName, Question, Template, flag_option};
use crate::credentials::HostRule;
use crate::criteria::{AgentCount, CriterionDraft};
use crate::failure::Failure;
use crate::fault::{Faults, child, type_name};
use crate::freshness::Quota;
use crate::http::Upstream;
use crate::need::Need;
use crate::snapshot::{Counts, Document, Snapshot};

/// The adapter.
#[derive(Debug)]
pub struct CallTools;

/// What a request may say beside the queue.
#[derive(Clone, Debug, Default)]
pub struct CallToolsOptions {
    /// Only agents in this status; the account's own id of it.
    pub agent_status_id: Option<String>,
    /// Only agents who are ready, or who are not.
    pub ready: Option<bool>,
}

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallToolsTemplate {
    /// The agent statuses of a queue, filtered as the options say.
    AgentStatuses,
    /// The number of agents of a queue in the one status and ready: every filter given.
    ReadyAgents,
}

impl Template for CallToolsTemplate {
    const ALL: &'static [Self] = &[Self::AgentStatuses, Self::ReadyAgents];

    fn as_str(self) -> &'static str {
        match self {
            Self::AgentStatuses => "agent_statuses",
            Self::ReadyAgents => "ready_agents",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::AgentStatuses => CriterionDraft::field_above_zero(api::COUNT),
            Self::ReadyAgents => CriterionDraft::agents_above_zero(AgentCount::Available),
        }
    }
}

impl Provider for CallTools {
    const NAME: ProviderName = ProviderName::CallTools;
    const HOSTS: HostRule = HostRule::Domains(&["calltools.io"]);
    const TOKEN_FIELD: &'static str = "token";
    const TOKEN_SCHEME: &'static str = "Token";
    const OPTIONS: &'static [&'static str] = &["agent_status_id", "ready"];
    const QUOTA: Quota = Quota::new(1000, 3600);

    type Options = CallToolsOptions;
    type Template = CallToolsTemplate;

    fn new() -> Self {
        Self
    }

    fn origin(secret: &Map<String, Value>, _: CallToolsTemplate) -> Result<Url, String> {
        api::origin(secret)
    }

    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> CallToolsOptions {
        let mut typed = CallToolsOptions::default();
        match options.get("agent_status_id") {
            None | Some(Value::Null) => {}
            Some(Value::Number(id)) => typed.agent_status_id = Some(id.to_string()),
            Some(Value::String(id)) if !id.trim().is_empty() => typed.agent_status_id = Some(id.trim().to_owned()),
            Some(other) => {
                faults.add(child(pointer, "agent_status_id"), format!("is {}; give the status's id", type_name(other)));
            }
        }
        typed.ready = flag_option(options, "ready", pointer, faults);
        typed
    }

    fn check_options(template: CallToolsTemplate, options: &CallToolsOptions, pointer: &str, faults: &mut Faults) {
        if template == CallToolsTemplate::ReadyAgents {
            if options.agent_status_id.is_none() {
                faults.add(
                    child(pointer, "agent_status_id"),
                    "is missing; ready_agents needs the id of the account's status for agents who take calls",
                );
            }
            if options.ready != Some(true) {
                faults.add(child(pointer, "ready"), "is not true; ready_agents counts agents who are ready");
            }
        }
    }

    fn list_field(_: CallToolsTemplate) -> Option<&'static str> {
        Some(api::LIST)
    }

    fn record_fields(_: CallToolsTemplate) -> Option<&'static [&'static str]> {
        Some(mapping::RECORD_FIELDS)
    }

    fn counts(template: CallToolsTemplate, options: &CallToolsOptions, document: &Document) -> Counts {
        match template {
            CallToolsTemplate::AgentStatuses => mapping::counts(document, options.agent_status_id.is_some()),
            CallToolsTemplate::ReadyAgents => mapping::filtered_counts(document, options),
        }
    }

    fn remarks(_: CallToolsTemplate, options: &CallToolsOptions, document: &Document) -> Vec<String> {
        mapping::remarks(document, options)
    }

    fn right_template(template: CallToolsTemplate) -> Option<CallToolsTemplate> {
        match template {
            CallToolsTemplate::AgentStatuses => Some(CallToolsTemplate::ReadyAgents),
            CallToolsTemplate::ReadyAgents => None,
        }
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let options = &question.options;
        let page = match question.template {
            CallToolsTemplate::AgentStatuses if need.reads_records(api::LIST) => api::Page::Largest,
            CallToolsTemplate::AgentStatuses => api::Page::AsTheApiHasIt,
            CallToolsTemplate::ReadyAgents if need.reads_document_records(api::LIST) => api::Page::Largest,
            CallToolsTemplate::ReadyAgents => api::Page::OneRecord,
        };
        let url = api::agent_statuses(upstream, &question.queue, options, page);
        let list = List {
            field: api::LIST,
            may_be_bare: true,
            length_field: None,
            record_fields: mapping::RECORD_FIELDS,
            failure: api::failure,
            next: api::next,
            total: api::total,
            counts: &|document| Self::counts(question.template, options, document),
        };
        let mut snapshot = list.read(upstream, url, need).await?;
        if options.agent_status_id.is_none() || options.ready != Some(true) {
            snapshot.warnings.push(
                "without the options agent_status_id and ready=true this counts everybody in the queue, \
                 free or not; add both, or use the template ready_agents"
                    .to_owned(),
            );
        }
        Ok(snapshot)
    }
}
