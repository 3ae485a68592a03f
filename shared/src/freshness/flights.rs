//! One question, asked once at a time in this process: who comes second waits for the first one's answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// The questions under way, with the answer of each to come.
#[derive(Debug)]
pub(super) struct Flights<T> {
    under_way: Mutex<HashMap<String, watch::Receiver<Option<T>>>>,
}

/// What a check is to do about its question.
pub(super) enum Role<'f, T> {
    /// Ask it, and land the flight with the answer.
    Leader(Flight<'f, T>),
    /// Wait for the answer of another check that is asking it.
    Follower(watch::Receiver<Option<T>>),
}

/// A question that is being asked. Dropped without an answer, it tells the others to ask themselves.
pub(super) struct Flight<'f, T> {
    flights: &'f Flights<T>,
    key: String,
    sender: watch::Sender<Option<T>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { under_way: Mutex::default() }
    }
}

impl<T> Flights<T> {
    /// Joins whoever asks this question, or begins to.
    pub(super) fn join(&self, key: &str) -> Role<'_, T> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = under_way.get(key) {
            return Role::Follower(answer.clone());
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.to_owned(), receiver);
        Role::Leader(Flight { flights: self, key: key.to_owned(), sender })
    }
}

impl<T> Flight<'_, T> {
    /// Gives the answer to all who wait for it.
    pub(super) fn land(self, answer: T) {
        // Whoever comes from now on asks anew: the answer is no longer under way.
        self.end();
        self.sender.send_replace(Some(answer));
    }

    fn end(&self) {
        self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl<T> Drop for Flight<'_, T> {
    fn drop(&mut self) {
        // After `land` another flight of that name may be under way: it is not ours.
        if self.sender.borrow().is_none() {
            self.end();
        }
    }
}

/// The answer that is waited for. `None`: whoever asked gave up.
pub(super) async fn landed<T: Clone>(mut answer: watch::Receiver<Option<T>>) -> Option<T> {
    answer.wait_for(Option::is_some).await.ok()?.clone()
}
