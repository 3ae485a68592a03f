//! What a refresh came to: one line for each connection.

use std::time::SystemTime;

use serde::Serialize;

use crate::clock::rfc3339;
use crate::providers::ProviderName;

/// What became of one connection's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has life enough.
    NotDue,
    /// There is a new one.
    Refreshed,
    /// What an interrupted run had begun is done.
    Finished,
    /// Another run was there first.
    AnotherWrote,
    /// The token endpoint refused the grant, just now.
    Rejected,
    /// It refused this grant before, and nobody has changed it since: it was not asked.
    StillRejected,
    /// It could not be had; the token in hand is left alone.
    Failed,
    /// It was pasted and nears its end.
    NoGrant,
}

impl Outcome {
    /// Whether somebody must act.
    #[must_use]
    pub fn is_alarming(self) -> bool {
        matches!(self, Self::Rejected | Self::StillRejected | Self::Failed | Self::NoGrant)
    }
}

/// One connection's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// Whose token.
    pub provider: ProviderName,
    /// Which account.
    pub connection: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many minutes the token has left; below 0 where it has ended.
    pub minutes_left: Option<i64>,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
    /// Why, where it did not go as it should.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Refreshed {
    /// A line without a life or a cause.
    pub(super) fn new(provider: ProviderName, connection: &str, outcome: Outcome) -> Self {
        let connection = connection.to_owned();
        Self { provider, connection, outcome, minutes_left: None, expires_at: None, cause: None }
    }

    /// Notes when the token ends.
    pub(super) fn token_ends(&mut self, end: Option<SystemTime>, now: SystemTime) {
        self.expires_at = end.map(rfc3339);
        self.minutes_left = end.and_then(|end| match end.duration_since(now) {
            Ok(left) => i64::try_from(left.as_secs() / 60).ok(),
            Err(over) => i64::try_from(over.duration().as_secs() / 60).ok().map(|minutes| -minutes),
        });
    }
}
