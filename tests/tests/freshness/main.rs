//! Freshness: what an answer may be used for, what an account is spared, what instances share, and who holds an agent.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod breaker;
mod broken_state;
mod cached;
mod coalesced;
mod conformance;
mod cool_down;
mod desk;
mod holds;
mod homes;
mod instances;
mod processes;
mod quota;
mod shown_by;
mod stale;
mod standstill;
