//! What the criteria need of a provider's answer, so that an adapter can stop early without ever seeing a criterion.

use tokio::time::Instant;

use crate::budget::Budget;
use crate::criteria::{Acceptance, Reading, Step};
use crate::evaluate::{Evaluation, evaluate};
use crate::projection::Projection;
use crate::snapshot::Snapshot;

/// What is needed of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    acceptance: &'a Acceptance,
    everything: bool,
    evaluate_until: Instant,
}

impl<'a> Need<'a> {
    /// What `acceptance` needs; `everything` where the caller wants to see all there is.
    #[must_use]
    pub fn new(acceptance: &'a Acceptance, everything: bool, budget: &Budget) -> Self {
        Self { acceptance, everything, evaluate_until: budget.evaluate_until() }
    }

    /// Whether nothing that is still unread could change the outcome.
    #[must_use]
    pub fn is_settled_by(&self, snapshot: &Snapshot) -> bool {
        !self.everything && self.evaluate(snapshot).outcomes.decided().is_some()
    }

    /// The criteria's evaluation on what was read.
    #[must_use]
    pub fn evaluate(&self, snapshot: &Snapshot) -> Evaluation {
        evaluate(self.acceptance, snapshot, &|| Instant::now() < self.evaluate_until)
    }

    /// Which fields of the records of the list must be kept of the document: those that the criteria name.
    #[must_use]
    pub fn record_fields(&self, list: &str) -> Projection {
        if self.everything { Projection::Whole } else { self.acceptance.record_fields(Some(list)) }
    }

    /// Whether a criterion looks into the records of the list, in the document or through the counts made of them.
    #[must_use]
    pub fn reads_records(&self, list: &str) -> bool {
        self.reads_document_records(list)
            || self.acceptance.criteria().iter().any(|criterion| matches!(criterion.reading, Reading::Agents(_)))
    }

    /// Whether a criterion looks into the records of the list in the document itself.
    #[must_use]
    pub fn reads_document_records(&self, list: &str) -> bool {
        self.everything
            || self.acceptance.criteria().iter().any(|criterion| match &criterion.reading {
                Reading::Json(path) => match path.prefix_steps().first() {
                    Some(Step::Name(name)) => name == list,
                    Some(Step::Index(_)) | None => true,
                },
                Reading::Regex(_) => true,
                Reading::Agents(_) => false,
            })
    }
}
