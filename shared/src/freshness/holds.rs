//! Holds: an agent who was promised to one call is not promised to another, whoever asks, until the hold ends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::state::{Change, Item, Seen, StateFailure, Swapped};
use super::{Freshness, Shared};
use crate::clock::{millis, millis_between, rfc3339};
use crate::verdict::HoldShown;

/// The holds of one queue, as they are shared.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Holds {
    live: Vec<Hold>,
}

/// One agent, held for one call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hold {
    /// Its id: the queue's part, by which it is found, and its own.
    pub id: String,
    /// When it ends by itself, in milliseconds since the epoch.
    pub until_ms: u64,
    /// The call it is for, where the request named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The verdict that took it, for the same call asked again.
    pub verdict: Value,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Names the queue: `{provider}/{connection}/{queue}`. Holds are a queue's, whichever recipe saw its agents.
    pub queue: &'a str,
    /// For how long.
    pub hold_for: Duration,
    /// The call.
    pub call_id: Option<&'a str>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Taken {
    /// The agent is held.
    Held(Hold),
    /// The same call holds one already: its verdict.
    Already(Hold),
    /// Nobody is held: with so many holds of others, the check does not accept.
    NotWith(i64),
}

impl Hold {
    /// As a verdict shows it.
    #[must_use]
    pub fn shown(&self) -> HoldShown {
        let expires_at = UNIX_EPOCH + Duration::from_millis(self.until_ms);
        HoldShown { id: self.id.clone(), expires_at: rfc3339(expires_at) }
    }
}

impl Freshness {
    /// How many holds on a queue are live, as far as is known.
    ///
    /// # Errors
    /// The shared state does not answer.
    pub async fn holds(&self, queue: &str) -> Result<i64, StateFailure> {
        let key = key(queue);
        let (_, holds) = self.read_holds(self.holds_home(), &key).await?;
        Ok(count(&holds))
    }

    /// The hold that a call has on a queue.
    ///
    /// # Errors
    /// The shared state does not answer.
    pub async fn hold_of(&self, queue: &str, call_id: &str) -> Result<Option<Hold>, StateFailure> {
        let (_, holds) = self.read_holds(self.holds_home(), &key(queue)).await?;
        Ok(holds.live.into_iter().find(|hold| hold.call_id.as_deref() == Some(call_id)))
    }

    /// Holds an agent if `decide` accepts with so many holds of others: it gives the verdict to be kept with this hold,
    /// or none where it does not accept. Looking and taking are one step: where another hold comes between, it is asked
    /// again.
    ///
    /// # Errors
    /// The shared state does not answer; nobody is held.
    pub async fn hold(
        &self,
        request: Request<'_>,
        decide: impl FnMut(i64, &Hold) -> Option<Value>,
    ) -> Result<Taken, StateFailure> {
        self.hold_in(self.holds_home(), request, decide).await
    }

    /// As [`Self::hold`], known to this process only: where the shared state does not answer.
    ///
    /// # Errors
    /// More checks at once than there can be agents.
    pub async fn hold_alone(
        &self,
        request: Request<'_>,
        decide: impl FnMut(i64, &Hold) -> Option<Value>,
    ) -> Result<Taken, StateFailure> {
        self.hold_in(self.own(), request, decide).await
    }

    /// Ends a hold before its time. Whether it was live.
    ///
    /// # Errors
    /// The shared state does not answer.
    pub async fn release(&self, provider: &str, id: &str) -> Result<bool, StateFailure> {
        let Some(key) = key_of(provider, id) else { return Ok(false) };
        // One that could not be shared is known here alone.
        if self.release_in(self.own(), &key, id).await? {
            return Ok(true);
        }
        match self.shared() {
            Some(shared) => self.release_in(shared, &key, id).await,
            None => Ok(false),
        }
    }

    async fn release_in(&self, home: &Shared, key: &str, id: &str) -> Result<bool, StateFailure> {
        for _ in 0..MOST_TRIES {
            let (item, mut holds) = self.read_holds(home, key).await?;
            let before = holds.live.len();
            holds.live.retain(|hold| hold.id != id);
            if holds.live.len() == before {
                return Ok(false);
            }
            if let Some(()) = self.write_holds(home, key, item.as_ref(), &holds).await? {
                return Ok(true);
            }
        }
        Err(busy())
    }

    async fn hold_in(
        &self,
        home: &Shared,
        request: Request<'_>,
        mut decide: impl FnMut(i64, &Hold) -> Option<Value>,
    ) -> Result<Taken, StateFailure> {
        let key = key(request.queue);
        for _ in 0..MOST_TRIES {
            let (item, mut holds) = self.read_holds(home, &key).await?;
            let same_call = |hold: &&Hold| request.call_id.is_some() && hold.call_id.as_deref() == request.call_id;
            if let Some(hold) = holds.live.iter().find(same_call) {
                return Ok(Taken::Already(hold.clone()));
            }
            let mut hold = Hold {
                id: format!("{}{}", queue_part(request.queue), Uuid::new_v4().simple()),
                until_ms: millis_between(UNIX_EPOCH, self.now()) + millis(request.hold_for),
                call_id: request.call_id.map(str::to_owned),
                verdict: Value::Null,
            };
            let Some(verdict) = decide(count(&holds), &hold) else { return Ok(Taken::NotWith(count(&holds))) };
            if request.call_id.is_some() {
                hold.verdict = verdict;
            }
            holds.live.push(hold.clone());
            if let Some(()) = self.write_holds(home, &key, item.as_ref(), &holds).await? {
                return Ok(Taken::Held(hold));
            }
        }
        Err(busy())
    }

    /// The holds that are live. One that ends later than any can was made by a clock that is ahead; it counts.
    async fn read_holds(&self, home: &Shared, key: &str) -> Result<(Option<Item>, Holds), StateFailure> {
        let item = home.get(&[key]).await?.into_iter().next().flatten();
        let mut holds: Holds = item.as_ref().and_then(|item| serde_json::from_str(&item.body).ok()).unwrap_or_default();
        let now_ms = millis_between(UNIX_EPOCH, self.now());
        holds.live.retain(|hold| hold.until_ms > now_ms);
        Ok((item, holds))
    }

    /// Writes them unless somebody else did since they were read. `None`: somebody did.
    async fn write_holds(
        &self,
        home: &Shared,
        key: &str,
        seen: Option<&Item>,
        holds: &Holds,
    ) -> Result<Option<()>, StateFailure> {
        let last = holds.live.iter().map(|hold| hold.until_ms).max().unwrap_or_default();
        let change = Change {
            key: key.to_owned(),
            seen: Seen::of(seen),
            body: serde_json::to_string(holds).ok(),
            expires_at: (UNIX_EPOCH + Duration::from_millis(last)).max(self.now()) + KEPT_LONGER,
        };
        match home.swap(&[change]).await? {
            Swapped::Done(_) => Ok(Some(())),
            Swapped::Conflict => Ok(None),
        }
    }

    fn now(&self) -> SystemTime {
        self.clock().now()
    }
}

fn count(holds: &Holds) -> i64 {
    i64::try_from(holds.live.len()).unwrap_or(i64::MAX)
}

/// The item of a queue's holds.
fn key(queue: &str) -> String {
    let provider = queue.split('/').next().unwrap_or_default();
    format!("{provider}/holds/{}", queue_part(queue))
}

/// The item that a hold's id names. `None`: it is no id of a hold.
fn key_of(provider: &str, id: &str) -> Option<String> {
    is_hold_id(id).then(|| id.get(..PART)).flatten().map(|part| format!("{provider}/holds/{part}"))
}

/// Whether a text can be the id of a hold.
#[must_use]
pub fn is_hold_id(id: &str) -> bool {
    id.len() == 2 * PART && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A name for the queue of the same length for all, and fit for a key.
fn queue_part(queue: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, queue.as_bytes()).simple().to_string()
}

fn busy() -> StateFailure {
    StateFailure("too many checks hold agents of this queue at once".to_owned())
}

/// The length of each part of a hold's id.
const PART: usize = 32;
/// Each try that fails means that another check held an agent: there are not so many agents in a queue.
const MOST_TRIES: usize = 200;
/// Instances' clocks may differ.
const KEPT_LONGER: Duration = Duration::from_mins(1);
