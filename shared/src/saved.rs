//! A saved answer: criteria tried on it offline, as a live one would be evaluated.

use std::time::SystemTime;

use crate::evaluate::{Evaluation, evaluate};
use crate::projection::Projection;
use crate::providers::Provider;
use crate::request::Plan;
use crate::snapshot::{Document, Snapshot};

/// Evaluates a plan's criteria on the text of a saved answer of its recipe.
///
/// # Errors
/// The text is no JSON, and where that shows.
pub fn evaluate_saved<P: Provider>(plan: &Plan<P>, text: &str) -> Result<(Snapshot, Evaluation), String> {
    let template = plan.question.template;
    // Read in full, as `explain` would have it: a person looks at what comes of it.
    let mut document = Document::read(text.to_owned(), P::list_field(template), &Projection::Whole)
        .map_err(|error| format!("the document is no JSON (line {}, column {})", error.line(), error.column()))?;
    document.length_field = P::length_field(template);
    let counts = P::counts(template, &plan.question.options, &document);
    let snapshot = Snapshot {
        counts,
        document,
        queue_closed: false,
        observed_at: SystemTime::UNIX_EPOCH,
        warnings: Vec::new(),
        unread_because: None,
    };
    let evaluation = evaluate(&plan.acceptance, &snapshot, &|| true);
    Ok((snapshot, evaluation))
}
