//! Sessions: a user signed in to an app, with an access token and a refresh token that replace each other.

use std::time::Duration;

use super::super::Tokens;

/// How many sessions a user has in one app at a time.
const MOST: usize = 5;
/// How long a refresh token lives.
pub(super) const REFRESH_LIFE: Duration = Duration::from_hours(7 * 24);
/// How long a refresh token that was used can be used again.
const GRACE: Duration = Duration::from_secs(10);

/// A user signed in to an app.
///
/// Each use of its refresh token yields a new pair. The old access token is then unknown at once, and the old refresh token
/// works for 10 seconds more, counted from when it was replaced, and then never. Used in these, it yields another new pair
/// of the same session: the access token it yielded before is unknown at once, and the refresh token it yielded before has
/// 10 seconds of its own. A refresh token lives 7 days.
///
/// A user has 5 sessions in one app. Another sign-in ends the oldest: its tokens are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The app's client id. A session that was there from the beginning is of the app that first uses it, and counts among
    /// those of every app until then.
    pub client: Option<String>,
    /// The access token it has now. One that was there from the beginning has none until its first use.
    pub access_token: Option<String>,
    /// The refresh token it has now.
    pub refresh_token: String,
    refresh_ends_at: Option<Duration>,
    replaced: Vec<(String, Duration)>,
}

impl Session {
    fn is_of(&self, client: &str) -> bool {
        self.client.as_deref().is_none_or(|own| own == client)
    }

    pub(super) fn is_alive(&self, now: Duration) -> bool {
        self.refresh_ends_at.is_none_or(|end| now < end)
    }

    fn accepts(&self, refresh_token: &str, now: Duration) -> bool {
        let mut replaced = self.replaced.iter();
        self.refresh_token == refresh_token || replaced.any(|(token, end)| token == refresh_token && now < *end)
    }
}

/// Why a refresh token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its time is over.
    Ended,
    /// Never given out, replaced too long ago, or of a session that was ended.
    Unknown,
}

/// The pair a session has from a sign-in or a refresh on.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
}

/// The sessions in the order they began.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    list: Vec<Session>,
    begun: u64,
}

impl Sessions {
    /// The sessions that can still be refreshed.
    pub(super) fn alive(&self, now: Duration) -> impl Iterator<Item = &Session> {
        self.list.iter().filter(move |session| session.is_alive(now))
    }

    /// The app that an access token in use was given out to.
    pub(super) fn client_of(&self, access_token: &str) -> Option<&str> {
        let mut sessions = self.list.iter();
        sessions.find(|session| session.access_token.as_deref() == Some(access_token))?.client.as_deref()
    }

    /// A session of which only a refresh token without an end is known.
    pub(super) fn seed(&mut self, refresh_token: &str) {
        let id = self.next_id();
        self.list.push(Session {
            id,
            client: None,
            access_token: None,
            refresh_token: refresh_token.to_owned(),
            refresh_ends_at: None,
            replaced: Vec::new(),
        });
    }

    /// Begins a session, and ends the app's oldest where it has 5 already.
    pub(super) fn begin(&mut self, client: &str, pair: Pair, now: Duration, tokens: &Tokens) -> &Session {
        while self.alive(now).filter(|session| session.is_of(client)).count() >= MOST {
            let oldest = self.list.iter().position(|session| session.is_alive(now) && session.is_of(client));
            let ended = oldest.map(|index| self.list.remove(index));
            if let Some(token) = ended.and_then(|session| session.access_token) {
                tokens.remove(&token);
            }
        }
        let id = self.next_id();
        let session = Session {
            id,
            client: Some(client.to_owned()),
            access_token: Some(pair.access_token),
            refresh_token: pair.refresh_token,
            refresh_ends_at: Some(now + REFRESH_LIFE),
            replaced: Vec::new(),
        };
        self.list.push_mut(session)
    }

    /// Replaces a session's pair by a new one.
    pub(super) fn refresh(
        &mut self,
        client: &str,
        refresh_token: &str,
        pair: impl FnOnce() -> Pair,
        now: Duration,
        tokens: &Tokens,
    ) -> Result<&Session, Refused> {
        let mut sessions = self.list.iter_mut();
        let session = sessions.find(|session| session.is_of(client) && session.accepts(refresh_token, now));
        let session = session.ok_or(Refused::Unknown)?;
        if !session.is_alive(now) {
            return Err(Refused::Ended);
        }
        let pair = pair();
        if let Some(token) = session.access_token.replace(pair.access_token) {
            tokens.remove(&token);
        }
        session.client = Some(client.to_owned());
        session.replaced.retain(|(_, end)| now < *end);
        let old = std::mem::replace(&mut session.refresh_token, pair.refresh_token);
        session.replaced.push((old, now + GRACE));
        session.refresh_ends_at = Some(now + REFRESH_LIFE);
        Ok(session)
    }

    fn next_id(&mut self) -> String {
        self.begun += 1;
        format!("sess-{:04}", self.begun)
    }
}
