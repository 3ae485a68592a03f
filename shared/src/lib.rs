//! callgate: before a call-routing platform sends a phone call to a destination, it asks *is an agent ready there?*
//! and gets a verdict in time.
//!
//! ```text
//! event ─▶ request ─▶ credentials ─▶ provider ─▶ snapshot ─▶ evaluate ─▶ verdict
//!         (who, which (what may be   (ask the    (counts +   (pure,       (decision, reason,
//!          queue, how  read, and     contact     the raw     met/not met/  what was seen, how old)
//!          long)       where it may  centre)     document)   unknown)
//!                      be sent)          └── freshness: reuse, coalesce, cool down ──┘
//! ```
//!
//! Read [`check`] top to bottom, then whatever it names, in the picture's order: [`request`], [`credentials`],
//! [`freshness`] (whether the provider is asked at all), [`providers`] (with [`need`], which tells them when to stop, and
//! [`http`]), [`snapshot`], [`criteria`] and [`evaluate`], [`judge`], [`decision`] and [`verdict`]. [`lambda`] turns events into checks, [`routes`] is the HTTP API; both end
//! in the same [`check::Gate`]. Beside the flow: [`lint`] warns of criteria that cannot mean what they say, [`saved`]
//! tries them offline, and [`refresh`] gets new tokens with [`grants`].
//!
//! A long answer is mostly what nobody asked for. [`projection`] says which fields of its records the criteria read,
//! [`rows`] hold those that a recipe counts by, [`json`] reads no others, and [`document`] keeps the pages to read more.

mod aws;
pub mod budget;
pub mod check;
pub mod clock;
pub mod credentials;
pub mod criteria;
pub mod decision;
pub mod document;
pub mod evaluate;
mod explain;
pub mod failure;
pub mod fault;
pub mod freshness;
pub mod grants;
pub mod http;
pub mod inspect;
pub mod invocation;
pub mod json;
pub mod judge;
pub mod lambda;
pub mod lint;
pub mod need;
pub mod projection;
pub mod providers;
pub mod refresh;
pub mod render;
pub mod request;
pub mod routes;
pub mod rows;
pub mod saved;
pub mod settings;
pub mod snapshot;
pub mod telemetry;
mod trust;
pub mod verdict;
