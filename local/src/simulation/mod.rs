//! A day of calls on a simulated clock: what it costs a provider's quota, and how often an older answer misleads.
//!
//! What decides is the functions' own code: the ladder of freshness, quotas, criteria, holds. Simulated are the time, the
//! callers, the agents, and the provider with its limits and its delay. There is no network.
//!
//! `calls` says who calls when, `centre` who is free, `provider` what the API allows, and `recipe` what a check
//! asks of it. `run` lets it all happen, and `tally` counts what came of it.

mod advice;
mod calls;
mod centre;
mod provider;
mod recipe;
mod run;
mod scenario;
mod tally;

pub use advice::{Advice, advise};
pub use run::simulate;
pub use scenario::{Asking, Scenario, Settings};
pub use tally::Tally;
