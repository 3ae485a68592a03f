//! Freshness: how old an answer may be, who asks for a new one, and what the account has left for it.
//!
//! An answer is looked for on these rungs, in this order:
//!
//! 1. cached: a snapshot within `max_age_ms`, remembered here or shared by another instance;
//! 2. coalesced: the answer to the same question, under way in this process at any age, in another instance within
//!    `max_age_ms`;
//! 3. live: the provider is asked, if the account's quota, cool-down and breaker permit;
//! 4. stale: a snapshot within `stale_if_error_ms`, where the provider cannot be asked or does not answer;
//! 5. policy: there is nothing, and `on_unknown` decides.
//!
//! `ladder` climbs it. [`account`] says what an account has left, `meter` keeps that for this process, `near`
//! remembers snapshots, `flights` joins checks under way, `lease` agrees with other instances on who asks, and
//! [`holds`] on who gets the agent. What instances share are versioned items in a [`state`]; it may be slow or down
//! (`shared`): then each goes on alone.

pub mod account;
mod flights;
pub mod holds;
mod ladder;
mod lease;
mod meter;
mod near;
mod shared;
pub mod state;
mod stored;

pub use account::Quota;
pub use ladder::{Freshness, Observation, Wanted};
pub use meter::Meter;
pub use shared::{Home, Shared};
pub use stored::DocumentForm;
