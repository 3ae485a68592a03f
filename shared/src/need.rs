//! What the criteria need of a provider's answer, so that an adapter can stop early without ever seeing a criterion.

use tokio::time::Instant;

use crate::budget::Budget;
use crate::criteria::{Acceptance, AgentCount, Reading, Step};
use crate::evaluate::{Evaluation, evaluate};
use crate::projection::Projection;
use crate::snapshot::{Snapshot, Unread};

/// What is needed of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    acceptance: &'a Acceptance,
    extent: Extent,
    evaluate_until: Instant,
}

/// How much is needed beyond what settles the criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// No more.
    Enough,
    /// The whole list, so that what is counted is counted to the end.
    EveryPage,
    /// The whole list, and every field of it: a person will look at it.
    Everything,
}

impl<'a> Need<'a> {
    /// What `acceptance` needs, and `extent` beyond it.
    #[must_use]
    pub fn new(acceptance: &'a Acceptance, extent: Extent, budget: &Budget) -> Self {
        Self { acceptance, extent, evaluate_until: budget.evaluate_until() }
    }

    /// Whether nothing that is still unread could change the outcome.
    #[must_use]
    pub fn is_settled_by(&self, snapshot: &Snapshot) -> bool {
        self.extent == Extent::Enough && self.evaluate(snapshot).outcomes.decided().is_some()
    }

    /// The criteria's evaluation on what was read.
    #[must_use]
    pub fn evaluate(&self, snapshot: &Snapshot) -> Evaluation {
        evaluate(self.acceptance, snapshot, &|| Instant::now() < self.evaluate_until)
    }

    /// Whether this snapshot, whichever check it was read for, says all that is needed.
    #[must_use]
    pub fn is_met_by(&self, snapshot: &Snapshot) -> bool {
        if snapshot.document.is_withheld() && self.reads_document() {
            return false;
        }
        snapshot.document.unread == Unread::Nothing || self.is_settled_by(snapshot)
    }

    fn reads_document(&self) -> bool {
        let is_count = |reading: &Reading| matches!(reading, Reading::Agents(_));
        self.extent == Extent::Everything
            || !self.acceptance.criteria().iter().all(|criterion| is_count(&criterion.reading))
    }

    /// Whether a criterion takes the holds on the queue into account.
    #[must_use]
    pub fn reads_holds(&self) -> bool {
        let is_headroom = |reading: &Reading| matches!(reading, Reading::Agents(AgentCount::Headroom));
        self.acceptance.criteria().iter().any(|criterion| is_headroom(&criterion.reading))
    }

    /// Which fields of the records of the list must be kept of the document: those that the criteria name.
    #[must_use]
    pub fn record_fields(&self, list: &str) -> Projection {
        if self.extent == Extent::Everything { Projection::Whole } else { self.acceptance.record_fields(Some(list)) }
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
        self.extent == Extent::Everything
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
