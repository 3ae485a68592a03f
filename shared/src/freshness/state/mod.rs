//! What instances share: small versioned items, read together and replaced together or not at all.

mod dynamodb;
mod memory;

use std::future::Future;
use std::time::SystemTime;

pub use dynamodb::DynamoDbState;
pub use memory::MemoryState;

/// A home for shared items. Everything that instances agree on is made of these two operations.
pub trait SharedState: Send + Sync {
    /// Reads the items of these keys, in their order. `None`: there is none. What was written before is seen.
    ///
    /// # Errors
    /// The home does not answer.
    fn get(&self, keys: &[&str]) -> impl Future<Output = Result<Vec<Option<Item>>, StateFailure>> + Send;

    /// Replaces items: all of them, or none where one is no longer what it was when it was read.
    ///
    /// # Errors
    /// The home does not answer; then it is not known whether they were replaced.
    fn swap(&self, changes: &[Change]) -> impl Future<Output = Result<Swapped, StateFailure>> + Send;
}

/// A shared item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Names this state of the item; no two states ever have the same name.
    pub version: String,
    /// What it says, as JSON text of at most [`MAX_BODY_BYTES`].
    pub body: String,
}

/// A change of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which item.
    pub key: String,
    /// What the item must be for the change to be made.
    pub seen: Seen,
    /// What it is to say; `None` leaves it as it is, and only asks that it be as seen.
    pub body: Option<String>,
    /// When it may be forgotten.
    pub expires_at: SystemTime,
}

/// What an item was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is no matter.
    Anything,
    /// There was none.
    Nothing,
    /// It was this version.
    Version(String),
}

impl Seen {
    /// As an item was read.
    #[must_use]
    pub fn of(item: Option<&Item>) -> Self {
        item.map_or(Self::Nothing, |item| Self::Version(item.version.clone()))
    }
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// It was made. The versions of the items now, in order; empty for one that was only looked at.
    Done(Vec<String>),
    /// An item is no longer as it was seen: nothing was changed.
    Conflict,
}

/// The home did not answer, or not as it should; what it said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared state did not answer: {0}")]
pub struct StateFailure(pub String);

/// The largest body of an item: `DynamoDB` stores 400 KB, its key and version included.
pub const MAX_BODY_BYTES: usize = 380_000;
