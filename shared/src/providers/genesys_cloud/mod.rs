//! Genesys Cloud: the members of a queue, the idle agents on it, and what is observed of it.
//!
//! # Endpoints
//! On `api.{region domain}`:
//!
//! | recipe | request | permission |
//! | --- | --- | --- |
//! | `queue_members` | [`GET /api/v2/routing/queues/{queueId}/members`](https://developer.genesys.cloud/routing/routing/) | `routing:queue:view` |
//! | `on_queue_idle` | [`POST /api/v2/analytics/agents/status/counts`](https://developer.genesys.cloud/analyticsdatamanagement/analytics/) | `analytics:agentState:view` |
//! | `queue_observations` | [`POST /api/v2/analytics/queues/observations/query`](https://developer.genesys.cloud/analyticsdatamanagement/analytics/observation/queue-query) | `analytics:queueObservation:view` |
//!
//! Where analytics answers 403 and the option `members_fallback` says so, the members who are joined and idle are read
//! in place of the last two.
//!
//! # Limits
//! 300 requests a minute for a token, and limits of the organisation's own on queue members; 25 members a page, 100
//! with `pageSize`. The two analytics recipes take one request, whatever the size of the queue; the fallback takes the
//! refused one and a page for every 100 idle members. `inin-ratelimit-*` headers say how many are left.
//!
//! # Mapping
//! `queue_members` asks for presence Available, which agents who take queue calls do not have: nothing it reads says
//! who is available, so its counts are left out.
//!
//! `on_queue_idle`, of agents active in the queue whose presence is `ON_QUEUE`:
//!
//! | the provider's | ours |
//! | --- | --- |
//! | `routingStatusCounts` with `routingStatus` `IDLE` | available |
//! | `routingStatusCounts` without such a row | available: 0 |
//!
//! `queue_observations`, in the groups of the queue that was asked for:
//!
//! | the provider's | ours |
//! | --- | --- |
//! | `oOnQueueUsers` with qualifier `IDLE` | available |
//! | `oOnQueueUsers` with `INTERACTING` (after-call work included), `COMMUNICATING` | on call |
//! | `oOnQueueUsers` with `NOT_RESPONDING`, any other word, no qualifier | not ready |
//! | `oWaiting` in a group with `mediaType` `voice` | waiting |
//! | `results` without such a row | 0 of it |
//!
//! The members fallback:
//!
//! | the provider's | ours |
//! | --- | --- |
//! | `joined` true, and `systemPresence` On Queue, and `routingStatus.status` `IDLE` on the member, else on `user` | available |
//! | any other word, one of the three missing | not counted |
//!
//! # Quirks
//! The members answer once had `total` and `pageCount`; it has them no more. Where `total` is absent it means the
//! number of members over all pages here, and the verdict says so. Presence Available is an *off-queue* presence:
//! agents in the queue are `On Queue`, so `queue_members` counts agents who would not get the call. The verdict warns,
//! and says where members came whom the filters exclude.
//!
//! Analytics spells the same presence `ON_QUEUE`. It has no row for what nobody is in, and a group without rows has no
//! `data`. A group by medium is there for its rows alone: where one is, and no group of the queue has `data`, the
//! counts are missing and not 0. A queue that does not exist is no error there: it has nobody. After-call work cannot
//! be told from a call: both are `INTERACTING`, so that wrap-up is missing. A row of `oWaiting` without a medium leaves
//! `waiting` missing, since it may be of chats.
//!
//! The document that criteria see is the answer itself, and an analytics answer has no list of agents: a pattern's
//! default scope is the body, `results` included, whose items are groups. After a fallback the document is the list of
//! members, and `waiting` is missing. A skill can be asked for in `on_queue_idle` alone, and not with the fallback,
//! which could not honour it.

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

/// The hosts that sign clients in: one a region.
pub(crate) const LOGIN_HOSTS: HostRule = HostRule::Hosts(&api::LOGIN_HOSTS);
pub(crate) use api::login_origin;

/// The adapter.
#[derive(Debug)]
pub struct GenesysCloud;

/// What a request may say beside the queue.
#[derive(Clone, Debug, Default)]
pub struct GenesysCloudOptions {
    /// Only agents with this skill; its id.
    pub skill_id: Option<String>,
    /// Whether to read the queue's members where analytics is not allowed.
    pub members_fallback: bool,
}

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenesysCloudTemplate {
    /// Joined members with presence Available.
    QueueMembers,
    /// The number of agents active in the queue who are on queue and idle.
    OnQueueIdle,
    /// The agents on queue by their routing status, and the callers waiting.
    QueueObservations,
}

impl Template for GenesysCloudTemplate {
    const ALL: &'static [Self] = &[Self::QueueMembers, Self::OnQueueIdle, Self::QueueObservations];

    fn as_str(self) -> &'static str {
        match self {
            Self::QueueMembers => "queue_members",
            Self::OnQueueIdle => "on_queue_idle",
            Self::QueueObservations => "queue_observations",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::QueueMembers => CriterionDraft::field_above_zero(api::TOTAL),
            Self::OnQueueIdle => CriterionDraft::agents_above_zero(AgentCount::Available),
            Self::QueueObservations => CriterionDraft::agents_above_zero(AgentCount::Headroom),
        }
    }
}

impl Provider for GenesysCloud {
    const NAME: ProviderName = ProviderName::GenesysCloud;
    const HOSTS: HostRule = HostRule::Hosts(&api::HOSTS);
    const TOKEN_FIELD: &'static str = "access_token";
    const TOKEN_SCHEME: &'static str = "Bearer";
    const OPTIONS: &'static [&'static str] = &["skill_id", "members_fallback"];
    const QUOTA: Quota = Quota::new(300, 60);

    type Options = GenesysCloudOptions;
    type Template = GenesysCloudTemplate;

    fn new() -> Self {
        Self
    }

    fn origin(secret: &Map<String, Value>, _: GenesysCloudTemplate) -> Result<Url, String> {
        api::origin(secret)
    }

    fn options(options: &Map<String, Value>, pointer: &str, faults: &mut Faults) -> GenesysCloudOptions {
        let mut typed = GenesysCloudOptions::default();
        match options.get("skill_id") {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if id.trim().is_empty() => {
                faults.add(child(pointer, "skill_id"), "is empty; give the skill's id, or leave it out");
            }
            Some(Value::String(id)) => typed.skill_id = Some(id.trim().to_owned()),
            Some(other) => {
                faults.add(child(pointer, "skill_id"), format!("is {}; give the skill's id", type_name(other)));
            }
        }
        typed.members_fallback = flag_option(options, "members_fallback", pointer, faults).unwrap_or_default();
        typed
    }

    fn check_options(
        template: GenesysCloudTemplate,
        options: &GenesysCloudOptions,
        pointer: &str,
        faults: &mut Faults,
    ) {
        let name = template.as_str();
        if options.skill_id.is_some() && template != GenesysCloudTemplate::OnQueueIdle {
            let detail = format!("cannot be honoured by the template {name}; leave it out, or use on_queue_idle");
            faults.add(child(pointer, "skill_id"), detail);
        } else if options.skill_id.is_some() && options.members_fallback {
            let detail = "cannot be honoured with members_fallback: members are not filtered by it; leave one out";
            faults.add(child(pointer, "skill_id"), detail);
        }
        if options.members_fallback && template == GenesysCloudTemplate::QueueMembers {
            let detail =
                format!("does not fit the template {name}, which has no analytics to stand in for; leave it out");
            faults.add(child(pointer, "members_fallback"), detail);
        }
    }

    fn list_field(template: GenesysCloudTemplate) -> Option<&'static str> {
        match template {
            GenesysCloudTemplate::QueueMembers => Some(api::LIST),
            GenesysCloudTemplate::OnQueueIdle | GenesysCloudTemplate::QueueObservations => None,
        }
    }

    fn length_field(template: GenesysCloudTemplate) -> Option<&'static str> {
        match template {
            GenesysCloudTemplate::QueueMembers => Some(api::TOTAL),
            GenesysCloudTemplate::OnQueueIdle | GenesysCloudTemplate::QueueObservations => None,
        }
    }

    fn record_fields(template: GenesysCloudTemplate) -> Option<&'static [&'static str]> {
        match template {
            GenesysCloudTemplate::QueueMembers => Some(mapping::FILTERED_FIELDS),
            GenesysCloudTemplate::OnQueueIdle | GenesysCloudTemplate::QueueObservations => None,
        }
    }

    fn counts(template: GenesysCloudTemplate, options: &GenesysCloudOptions, document: &Document) -> Counts {
        match template {
            GenesysCloudTemplate::QueueMembers => Counts::default(),
            _ if options.members_fallback && document.root().get(api::LIST).is_some() => mapping::members(document),
            GenesysCloudTemplate::OnQueueIdle => mapping::status_counts(document),
            GenesysCloudTemplate::QueueObservations => mapping::observations(document, None),
        }
    }

    fn remarks(template: GenesysCloudTemplate, _: &GenesysCloudOptions, document: &Document) -> Vec<String> {
        match template {
            GenesysCloudTemplate::QueueMembers => mapping::members_remarks(document),
            GenesysCloudTemplate::OnQueueIdle => mapping::status_remarks(document),
            GenesysCloudTemplate::QueueObservations => Vec::new(),
        }
    }

    fn right_template(template: GenesysCloudTemplate) -> Option<GenesysCloudTemplate> {
        match template {
            GenesysCloudTemplate::QueueMembers => Some(GenesysCloudTemplate::OnQueueIdle),
            GenesysCloudTemplate::OnQueueIdle | GenesysCloudTemplate::QueueObservations => None,
        }
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let queue = question.queue.as_str();
        let query = match question.template {
            GenesysCloudTemplate::QueueMembers => return queue_members(upstream, queue, need).await,
            GenesysCloudTemplate::OnQueueIdle => {
                api::Query::idle_agents(upstream, queue, question.options.skill_id.as_deref())
            }
            GenesysCloudTemplate::QueueObservations => api::Query::observations(upstream, queue),
        };
        let (document, observed_at) = match query.ask(upstream).await {
            Ok(answer) => answer,
            Err(Failure::AuthForbidden { said }) if question.options.members_fallback => {
                let mut snapshot = idle_members(upstream, queue, need, &said).await?;
                snapshot.warnings.push(fallback_warning(question.template, query.permission));
                return Ok(snapshot);
            }
            Err(failure) => return Err(failure),
        };
        let counts = match question.template {
            GenesysCloudTemplate::QueueObservations => mapping::observations(&document, Some(queue)),
            template => Self::counts(template, &GenesysCloudOptions::default(), &document),
        };
        Ok(Snapshot { counts, document, queue_closed: false, observed_at, warnings: Vec::new(), unread_because: None })
    }
}

async fn queue_members(upstream: &Upstream, queue: &str, need: &Need<'_>) -> Result<Snapshot, Failure> {
    let list = List {
        length_field: Some(api::TOTAL),
        record_fields: mapping::FILTERED_FIELDS,
        ..members_list(&|_| Counts::default())
    };
    let url = api::members(upstream, queue, need.reads_records(api::LIST));
    let mut snapshot = list.read(upstream, url, need).await?;
    if api::total(snapshot.document.root()).is_none() && snapshot.document.list().is_some() {
        snapshot.warnings.push(
            "the answer has no `total`, as the real API's has not; `total` means the number of members here".to_owned(),
        );
    }
    snapshot.warnings.push(
        "presence Available is an off-queue presence: agents who take this queue's calls are On Queue and are \
         not counted by this recipe"
            .to_owned(),
    );
    Ok(snapshot)
}

/// Reads the idle members in place of what analytics refused to say.
async fn idle_members(upstream: &Upstream, queue: &str, need: &Need<'_>, refusal: &str) -> Result<Snapshot, Failure> {
    let url = api::idle_members(upstream, queue);
    members_list(&mapping::members).read(upstream, url, need).await.map_err(|failure| match failure {
        // Either permission would do.
        Failure::AuthForbidden { said } => {
            Failure::AuthForbidden { said: format!("{refusal}; of the members: {said}") }
        }
        other => other,
    })
}

fn members_list(counts: &(dyn Fn(&Document) -> Counts + Sync)) -> List<'_> {
    List {
        field: api::LIST,
        may_be_bare: false,
        length_field: None,
        record_fields: mapping::MEMBER_FIELDS,
        failure: api::members_failure,
        next: api::next,
        total: api::total,
        counts,
    }
}

fn fallback_warning(template: GenesysCloudTemplate, permission: &str) -> String {
    let lost = match template {
        GenesysCloudTemplate::QueueObservations => ", which does not say who is waiting",
        GenesysCloudTemplate::QueueMembers | GenesysCloudTemplate::OnQueueIdle => "",
    };
    format!(
        "analytics refused the question, for which the token needs the permission {permission}; members_fallback \
         counted the queue's members instead{lost}"
    )
}
