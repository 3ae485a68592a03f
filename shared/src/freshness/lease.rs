//! The agreement of instances on who asks a question: one holds the lease and asks, the others wait for its answer.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::account::Refused;
use super::meter::Meter;
use super::shared::Shared;
use super::state::{Change, Item, Seen, StateFailure, Swapped};
use super::stored::{self, DocumentForm};
use crate::clock::{Clock, millis, millis_between};
use crate::snapshot::Snapshot;

/// The items of one question and of the account it is asked with.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    snapshot: String,
    lease: String,
    account: String,
}

/// Who asks, until when.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Lease {
    until_ms: u64,
}

/// What of a question is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Nothing but the account's requests: only a new answer will do.
    AccountOnly,
    /// Answers, for when there is no new one.
    Answers,
    /// Answers, and who is asking: another instance's answer will do.
    AnswersAndLease,
}

/// What the shared items say of a question.
pub(super) enum Claim {
    /// Another instance has answered it, and lately enough.
    Answered(Arc<Snapshot>),
    /// This instance is to ask.
    Ours(Option<Held>),
    /// Another instance is asking.
    TheirsFor(Duration, Option<Arc<Snapshot>>),
    /// Nobody may ask.
    Refused(Refused, Option<Arc<Snapshot>>),
}

/// The lease, as this instance holds it.
pub(super) struct Held {
    version: String,
}

impl Keys {
    /// Of a question, `{provider}/{connection}/{question}`, and its account, `{provider}/{connection}`.
    pub(super) fn new(account: &str, question: &str) -> Self {
        Self {
            snapshot: format!("{question}/snapshot"),
            lease: format!("{question}/lease"),
            account: format!("{account}/account"),
        }
    }
}

/// How a question is shared: its items, and what is held against them.
pub(super) struct Agreement<'a> {
    pub(super) shared: &'a Shared,
    pub(super) keys: Keys,
    pub(super) meter: &'a Meter,
    pub(super) clock: &'a Clock,
    pub(super) form: &'a DocumentForm,
}

impl Agreement<'_> {
    /// Finds out in one reading, and at most one write, whether the question is answered, being asked, or ours to ask.
    /// `fresh`: whether a snapshot is new and whole enough. `older`: whether there is one, this or another, that could
    /// stand in for a new one.
    pub(super) async fn claim(
        &self,
        sharing: Sharing,
        fresh: impl Fn(&Snapshot) -> bool,
        older: impl Fn(Option<&Snapshot>) -> bool,
    ) -> Result<Claim, StateFailure> {
        for _ in 0..MOST_TRIES {
            let now_ms = millis_between(UNIX_EPOCH, self.clock.now());
            let Keys { snapshot, lease, account } = &self.keys;
            let wanted = [account.as_str(), snapshot, lease];
            let read = match sharing {
                Sharing::AccountOnly => 1,
                Sharing::Answers => 2,
                Sharing::AnswersAndLease => 3,
            };
            let mut items = self.shared.get(wanted.get(..read).unwrap_or_default()).await?.into_iter();
            let [account_item, snapshot_item, lease_item] = std::array::from_fn(|_| items.next().flatten());
            let known: Option<Arc<Snapshot>> =
                snapshot_item.as_ref().and_then(|item| stored::read(&item.body, self.form)).map(Arc::new);
            if let Some(answer) = known.as_ref().filter(|known| fresh(known)) {
                return Ok(Claim::Answered(Arc::clone(answer)));
            }
            let (mut account, untold) = self.meter.completed(body(account_item.as_ref()));
            let lease: Lease = body(lease_item.as_ref());
            let left = lease.until_ms.saturating_sub(now_ms);
            // A lease that ends later than one can is from a clock that is ahead.
            if sharing == Sharing::AnswersAndLease && left > 0 && left <= millis(LEASE) {
                self.meter.adopt(account, false);
                return Ok(Claim::TheirsFor(Duration::from_millis(left), known));
            }
            let may_wait = older(known.as_deref());
            if let Err(refused) = account.permit(self.meter.quota(), now_ms, may_wait) {
                self.meter.adopt(account, false);
                return Ok(Claim::Refused(refused, known));
            }
            let mut changes = vec![self.change(&self.keys.account, account_item.as_ref(), &account, ACCOUNT_KEPT)];
            if sharing == Sharing::AnswersAndLease {
                let ours = Lease { until_ms: now_ms + millis(LEASE) };
                changes.push(self.change(&self.keys.lease, lease_item.as_ref(), &ours, LEASE_KEPT));
            }
            if let Swapped::Done(versions) = self.shared.swap(&changes).await? {
                self.meter.told(untold);
                self.meter.adopt(account, true);
                return Ok(Claim::Ours(versions.into_iter().nth(1).map(|version| Held { version })));
            }
        }
        Err(busy())
    }

    /// Shares an answer. With a lease it is held to: a writer who lost it in the meantime is too late.
    pub(super) async fn publish(&self, held: Option<Held>, answer: Option<&Snapshot>) -> Result<(), StateFailure> {
        let mut changes = Vec::new();
        if let Some(held) = held {
            let ended = Lease::default();
            changes.push(Change {
                seen: Seen::Version(held.version),
                ..self.change(&self.keys.lease, None, &ended, LEASE_KEPT)
            });
        }
        if let Some(text) = answer.and_then(stored::write) {
            changes.push(Change {
                key: self.keys.snapshot.clone(),
                seen: Seen::Anything,
                body: Some(text),
                expires_at: self.clock.now() + SNAPSHOT_KEPT,
            });
        }
        if changes.is_empty() {
            return Ok(());
        }
        // A conflict means that the lease is another's by now, and so will be the answer.
        self.shared.swap(&changes).await.map(|_| ())
    }

    /// The question's snapshot as it is shared now.
    pub(super) async fn snapshot(&self) -> Result<Option<Arc<Snapshot>>, StateFailure> {
        let items = self.shared.get(&[&self.keys.snapshot]).await?;
        let item = items.into_iter().next().flatten();
        Ok(item.and_then(|item| stored::read(&item.body, self.form)).map(Arc::new))
    }

    /// Tells the other instances what became of the requests, where that does not bear waiting for the next permit.
    pub(super) async fn tell(&self) -> Result<(), StateFailure> {
        if !self.meter.is_pressing() {
            return Ok(());
        }
        for _ in 0..MOST_TRIES {
            let item = self.shared.get(&[&self.keys.account]).await?.into_iter().next().flatten();
            let (account, untold) = self.meter.completed(body(item.as_ref()));
            let change = self.change(&self.keys.account, item.as_ref(), &account, ACCOUNT_KEPT);
            if let Swapped::Done(_) = self.shared.swap(&[change]).await? {
                self.meter.told(untold);
                self.meter.adopt(account, false);
                return Ok(());
            }
        }
        Err(busy())
    }

    fn change(&self, key: &str, seen: Option<&Item>, value: &impl Serialize, kept: Duration) -> Change {
        Change {
            key: key.to_owned(),
            seen: Seen::of(seen),
            body: serde_json::to_string(value).ok(),
            expires_at: self.clock.now() + kept,
        }
    }
}

fn busy() -> StateFailure {
    StateFailure("too many instances change the same item".to_owned())
}

/// What an item says; what cannot be read is as if it were not there.
fn body<T: Default + for<'de> Deserialize<'de>>(item: Option<&Item>) -> T {
    item.and_then(|item| serde_json::from_str(&item.body).ok()).unwrap_or_default()
}

/// How long an instance that asks is waited for before another takes its place.
pub(super) const LEASE: Duration = Duration::from_millis(1200);
const MOST_TRIES: usize = 20;
const LEASE_KEPT: Duration = Duration::from_mins(10);
const SNAPSHOT_KEPT: Duration = Duration::from_hours(1);
const ACCOUNT_KEPT: Duration = Duration::from_hours(3);
