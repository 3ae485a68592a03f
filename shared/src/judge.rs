//! What a snapshot means for a check: its evaluation and the decision, with the agents who are held for other calls.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;

use crate::decision::Decided;
use crate::evaluate::Evaluation;
use crate::failure::Failure;
use crate::need::Need;
use crate::providers::Provider;
use crate::request::Plan;
use crate::snapshot::{Counts, Snapshot};
use crate::verdict::{Decision, Reason};

/// What was decided on a snapshot.
#[derive(Debug)]
pub struct Judged {
    /// The decision.
    pub decided: Decided,
    /// What the criteria saw; none where that ended in a panic.
    pub evaluation: Option<Evaluation>,
}

/// Judges a snapshot with so many agents held for others. `holds_one`: an accept is to hold an agent for its own call.
#[must_use]
pub fn judge<P: Provider>(plan: &Plan<P>, need: &Need<'_>, snapshot: &Snapshot, held: i64, holds_one: bool) -> Judged {
    let judged = evaluated(plan, need, &with_held(snapshot, held));
    if judged.decided.on_unknown_applied || judged.decided.reason == Reason::QueueClosed {
        return judged;
    }
    let mut judged = judged;
    if judged.decided.decision == Decision::Accept && holds_one {
        match room(&snapshot.counts, held) {
            None => {
                let why = "hold_ms: the answer does not have the count `available`";
                let findings = judged.decided.findings;
                judged.decided = Decided { findings, ..Decided::by_policy(Reason::FieldMissing, why, plan.on_unknown) };
            }
            Some(room) if room < 1 => {
                judged.decided.decision = Decision::Reject;
                judged.decided.reason = Reason::ConditionNotMet;
                judged.decided.message = format!("{}; {}", judged.decided.message, nobody_left(&snapshot.counts, held));
            }
            Some(_) => {}
        }
    }
    let is_refused = judged.decided.decision == Decision::Reject && !judged.decided.on_unknown_applied;
    if is_refused && held > 0 && judge(plan, need, snapshot, 0, holds_one).decided.decision == Decision::Accept {
        judged.decided.reason = Reason::HeldByOthers;
    }
    judged
}

fn evaluated<P: Provider>(plan: &Plan<P>, need: &Need<'_>, snapshot: &Snapshot) -> Judged {
    // A panic costs this verdict and not the sandbox.
    match std::panic::catch_unwind(AssertUnwindSafe(|| need.evaluate(snapshot))) {
        Ok(evaluation) => Judged {
            decided: Decided::on_answer(&plan.acceptance, &evaluation, snapshot, plan.on_unknown),
            evaluation: Some(evaluation),
        },
        Err(_panic) => Judged { decided: Decided::on_failure(&Failure::Internal, plan.on_unknown), evaluation: None },
    }
}

fn with_held(snapshot: &Snapshot, held: i64) -> Cow<'_, Snapshot> {
    if snapshot.counts.held == held {
        return Cow::Borrowed(snapshot);
    }
    let mut snapshot = snapshot.clone();
    snapshot.counts.held = held;
    Cow::Owned(snapshot)
}

/// Agents who are left for one more call. Callers waiting count where the provider says how many.
fn room(counts: &Counts, held: i64) -> Option<i64> {
    let waiting = counts.waiting.map_or(0, |waiting| waiting.high.unwrap_or(waiting.low));
    Some(counts.available?.low.saturating_sub(waiting).saturating_sub(held))
}

fn nobody_left(counts: &Counts, held: i64) -> String {
    let available = counts.available.map_or(0, |available| available.low);
    let waiting = counts.waiting.map_or(0, |waiting| waiting.low);
    format!("nobody is left to hold ({available} available, {waiting} callers waiting, {held} held)")
}
