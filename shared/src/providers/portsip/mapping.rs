//! `PortSIP` agents to normalised counts. Pure.

use serde_json::Value;

use crate::snapshot::{Counts, Document, Tally};

enum Status {
    Available,
    OnCall,
    WrapUp,
    NotReady,
    SignedOut,
}

impl Status {
    fn of(agent: &Value) -> Option<Self> {
        Some(match agent.get("status")?.as_str()? {
            "READY" => Self::Available,
            "QUEUE_CALL" | "OTHER_CALL" | "TRANSFER" | "CONSULT_TRANSFER" | "ON_HOLD" => Self::OnCall,
            "WRAP_UP" => Self::WrapUp,
            "LOGGED_OUT" | "OFFLINE" => Self::SignedOut,
            // NOT_READY, BREAK, LUNCH, and every word of a later version.
            _ => Self::NotReady,
        })
    }
}

/// The counts of the agents whose status was read.
pub(super) fn counts(document: &Document) -> Counts {
    let Some(agents) = document.records() else { return Counts::default() };
    let tally = Tally::new(agents, document.unread);
    let given = tally.given(Status::of);
    let count = |is_one: fn(Option<Status>) -> bool| tally.count_where(given, |agent| is_one(Status::of(agent)));
    Counts {
        available: count(|status| matches!(status, Some(Status::Available))),
        on_call: count(|status| matches!(status, Some(Status::OnCall))),
        wrap_up: count(|status| matches!(status, Some(Status::WrapUp))),
        not_ready: count(|status| matches!(status, Some(Status::NotReady) | None)),
        logged_in: count(|status| !matches!(status, Some(Status::SignedOut) | None)),
        ..Counts::default()
    }
}
