//! Genesys Cloud: the members of a queue.
//!
//! # Endpoints
//! [`GET /api/v2/routing/queues/{queueId}/members`](https://developer.genesys.cloud/routing/routing/) on
//! `api.{region domain}`; permission `routing:queue:view`.
//!
//! # Limits
//! 300 requests a minute for a token, and limits of the organisation's own on queue members; 25 members a page, 100
//! with `pageSize`. `inin-ratelimit-*` headers say how many are left.
//!
//! # Mapping
//! The members recipe asks for presence Available, which agents who take queue calls do not have: nothing it reads
//! says who is available, so its counts are left out.
//!
//! # Quirks
//! The answer once had `total` and `pageCount`; it has them no more. Where `total` is absent it means the number of
//! members over all pages here, and the verdict says so. Presence Available is an *off-queue* presence: agents in the
//! queue are `On Queue`, so this recipe counts agents who would not get the call. The verdict warns.

mod api;

use serde_json::{Map, Value};
use url::Url;

use super::list::List;
use super::{Provider, ProviderName, Question, Template};
use crate::credentials::HostRule;
use crate::criteria::CriterionDraft;
use crate::failure::Failure;
use crate::fault::Faults;
use crate::http::Upstream;
use crate::need::Need;
use crate::snapshot::{Counts, Document, Snapshot};

/// The adapter.
#[derive(Debug)]
pub struct GenesysCloud;

/// What a request may say beside the queue: nothing, for the members recipe.
#[derive(Clone, Debug, Default)]
pub struct GenesysCloudOptions;

/// The recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenesysCloudTemplate {
    /// Joined members with presence Available.
    QueueMembers,
}

impl Template for GenesysCloudTemplate {
    const ALL: &'static [Self] = &[Self::QueueMembers];

    fn as_str(self) -> &'static str {
        match self {
            Self::QueueMembers => "queue_members",
        }
    }

    fn acceptance(self) -> CriterionDraft {
        match self {
            Self::QueueMembers => CriterionDraft::field_above_zero(api::TOTAL),
        }
    }
}

impl Provider for GenesysCloud {
    const NAME: ProviderName = ProviderName::GenesysCloud;
    const HOSTS: HostRule = HostRule::Hosts(&api::HOSTS);
    const TOKEN_FIELD: &'static str = "access_token";
    const TOKEN_SCHEME: &'static str = "Bearer";
    const OPTIONS: &'static [&'static str] = &[];

    type Options = GenesysCloudOptions;
    type Template = GenesysCloudTemplate;

    fn new() -> Self {
        Self
    }

    fn origin(secret: &Map<String, Value>, _: GenesysCloudTemplate) -> Result<Url, String> {
        api::origin(secret)
    }

    fn options(_: &Map<String, Value>, _: &str, _: &mut Faults) -> GenesysCloudOptions {
        GenesysCloudOptions
    }

    fn list_field(template: GenesysCloudTemplate) -> Option<&'static str> {
        match template {
            GenesysCloudTemplate::QueueMembers => Some(api::LIST),
        }
    }

    fn length_field(template: GenesysCloudTemplate) -> Option<&'static str> {
        match template {
            GenesysCloudTemplate::QueueMembers => Some(api::TOTAL),
        }
    }

    fn counts(template: GenesysCloudTemplate, _: &GenesysCloudOptions, _: &Document) -> Counts {
        match template {
            GenesysCloudTemplate::QueueMembers => Counts::default(),
        }
    }

    async fn observe(
        &self,
        upstream: &Upstream,
        question: &Question<Self>,
        need: &Need<'_>,
    ) -> Result<Snapshot, Failure> {
        let GenesysCloudTemplate::QueueMembers = question.template;
        let url = api::members(upstream, &question.queue, need.reads_records(api::LIST));
        let list = List {
            field: api::LIST,
            may_be_bare: false,
            length_field: Some(api::TOTAL),
            failure: api::failure,
            next: api::next,
            total: api::total,
            counts: &|document| Self::counts(question.template, &question.options, document),
        };
        let mut snapshot = list.read(upstream, url, need).await?;
        if api::total(snapshot.document.root()).is_none() && snapshot.document.list().is_some() {
            snapshot.warnings.push(
                "the answer has no `total`, as the real API's has not; `total` means the number of members here"
                    .to_owned(),
            );
        }
        snapshot.warnings.push(
            "presence Available is an off-queue presence: agents who take this queue's calls are On Queue and are \
             not counted by this recipe"
                .to_owned(),
        );
        Ok(snapshot)
    }
}
