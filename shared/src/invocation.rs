//! What surrounds a check: the function's invocation, as far as it matters to a verdict and its log line.

use std::time::Duration;

/// One invocation of a function. `Default` is a check outside of any.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// What it has left to live, where it says so.
    pub time_left: Option<Duration>,
    /// Whether it is the first event of its sandbox.
    pub cold_start: bool,
    /// The trace it belongs to: the root's id, as X-Ray writes it.
    pub trace_id: Option<String>,
}
