//! What `explain` adds to a verdict: the answer as received, and what the recipe that is right on the real API says.

use crate::check::{Check, Gate, Permit};
use crate::credentials::SecretStore;
use crate::criteria::AcceptanceDraft;
use crate::decision::Decided;
use crate::fault::Faults;
use crate::http::Upstream;
use crate::need::{Extent, Need};
use crate::providers::{Provider, Question, Template};
use crate::snapshot::{Counts, Snapshot};
use crate::verdict::{OnUnknown, RightAnswer, Verdict};

impl<P: Provider, S: SecretStore> Gate<P, S> {
    /// What the recipe that is right on the real API says, where this one is known to miscount.
    pub(crate) async fn right_answer(&self, check: &Check<'_, P>, verdict: &Verdict) -> Option<RightAnswer> {
        let Check { plan, budget, .. } = check;
        let asked = &plan.question;
        let template = P::right_template(asked.template)?;
        let mut answer = RightAnswer {
            template: template.as_str(),
            counts: Counts::default(),
            message: String::new(),
            requests: Vec::new(),
        };
        let mut faults = Faults::default();
        P::check_options(template, &asked.options, "/options", &mut faults);
        if let Some(fault) = faults.into_vec().first() {
            answer.message = format!("it needs more: {} {}", fault.pointer, fault.detail);
            return Some(answer);
        }
        let question = Question {
            queue: asked.queue.clone(),
            options: asked.options.clone(),
            template,
            account: asked.account.clone(),
        };
        let acceptance = AcceptanceDraft::Single(template.acceptance()).complete(
            &template.acceptance(),
            "/acceptance",
            &mut Faults::default(),
        )?;
        let need = Need::new(&acceptance, Extent::Everything, budget);
        let (observed, upstreams) = self.observe(check, &question, &need, Permit::NotTaken).await;
        answer.requests = upstreams.iter().flat_map(Upstream::trace).collect();
        match observed {
            Ok(snapshot) => {
                let evaluation = need.evaluate(&snapshot);
                let decided = Decided::on_answer(&acceptance, &evaluation, &snapshot, OnUnknown::Reject);
                answer.message = format!("{}; this recipe: {}", decided.message, verdict.message);
                answer.counts = snapshot.counts;
            }
            Err(failure) => answer.message = failure.to_string(),
        }
        Some(answer)
    }
}

/// The provider's answer as received, as far as a verdict shows it.
pub(crate) fn body_of(snapshot: &Snapshot) -> String {
    let mut body = snapshot.document.pages.iter().map(|page| &**page).collect::<Vec<_>>().join("\n");
    let end = (0..=body.len().min(MAX_BODY_SHOWN)).rev().find(|end| body.is_char_boundary(*end)).unwrap_or(0);
    body.truncate(end);
    body
}

const MAX_BODY_SHOWN: usize = 64 << 10;
