//! The access tokens and API keys a simulator accepts, each with its end and its permissions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;

/// The accepted tokens; clones are one and the same list.
#[derive(Clone, Default)]
pub struct Tokens {
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    expires_at: Option<Duration>,
    denial: Option<Denial>,
}

/// Whose permission is missing where a known token is refused with 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The application, or the API client, was not given the permission.
    Application,
    /// The user behind the token was not given it. Only RingCentral tells the two apart.
    User,
}

/// What a token is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Known, not expired, allowed.
    Accepted,
    /// Known, and its time is over.
    Expired,
    /// Known, and not allowed to read what it asks for.
    Denied(Denial),
    /// Never given out, or removed.
    Unknown,
}

impl Tokens {
    /// Accepts a token without an end, and lifts whatever was said of it before.
    pub fn accept(&self, token: &str) {
        self.put(token, Entry::default());
    }

    /// Accepts a token up to, and not including, a time since the Unix epoch.
    pub fn accept_until(&self, token: &str, expires_at: Duration) {
        let entry = Entry { expires_at: Some(expires_at), denial: None };
        self.put(token, entry);
    }

    /// Ends a token at once: it is known, and its time is over.
    pub fn expire(&self, token: &str) {
        self.accept_until(token, Duration::ZERO);
    }

    /// Takes a token's permission away: it is known, and may not read what it asks for.
    pub fn deny(&self, token: &str, denial: Denial) {
        let entry = Entry { expires_at: None, denial: Some(denial) };
        self.put(token, entry);
    }

    /// Forgets a token, as if it had never been given out.
    pub fn remove(&self, token: &str) {
        lock(&self.entries).remove(token);
    }

    /// What a token is worth at a time since the Unix epoch.
    #[must_use]
    pub fn standing(&self, token: &str, now: Duration) -> Standing {
        let Some(entry) = lock(&self.entries).get(token).copied() else {
            return Standing::Unknown;
        };
        if entry.expires_at.is_some_and(|end| end <= now) {
            return Standing::Expired;
        }
        entry.denial.map_or(Standing::Accepted, Standing::Denied)
    }

    /// The tokens that are accepted at a time since the Unix epoch, in alphabetical order, which is that of their issue
    /// for those that a simulator gave out.
    #[must_use]
    pub fn accepted(&self, now: Duration) -> Vec<String> {
        let known: Vec<String> = lock(&self.entries).keys().cloned().collect();
        known.into_iter().filter(|token| self.standing(token, now) == Standing::Accepted).collect()
    }

    fn put(&self, token: &str, entry: Entry) {
        lock(&self.entries).insert(token.to_owned(), entry);
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tokens({} accepted)", lock(&self.entries).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_worth_nothing_from_its_end_on() {
        let tokens = Tokens::default();
        tokens.accept_until("t", Duration::from_secs(10));
        assert_eq!(tokens.standing("t", Duration::from_secs(9)), Standing::Accepted);
        assert_eq!(tokens.standing("t", Duration::from_secs(10)), Standing::Expired);
        assert_eq!(tokens.standing("u", Duration::ZERO), Standing::Unknown);
    }

    #[test]
    fn what_ended_or_was_denied_or_removed_is_not_among_the_accepted() {
        let tokens = Tokens::default();
        for token in ["e", "d", "c", "b", "a"] {
            tokens.accept_until(token, Duration::from_secs(10));
        }
        tokens.expire("b");
        tokens.deny("c", Denial::User);
        tokens.remove("d");
        assert_eq!(tokens.accepted(Duration::from_secs(9)), ["a", "e"]);
        assert!(tokens.accepted(Duration::from_secs(10)).is_empty());
    }

    #[test]
    fn accepting_again_lifts_a_denial() {
        let tokens = Tokens::default();
        tokens.accept("t");
        tokens.deny("t", Denial::User);
        assert_eq!(tokens.standing("t", Duration::ZERO), Standing::Denied(Denial::User));
        tokens.accept("t");
        assert_eq!(tokens.standing("t", Duration::ZERO), Standing::Accepted);
    }
}
