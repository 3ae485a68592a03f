//! The words Genesys Cloud has for an agent: the presence she sets, and the routing status the ACD sets.

use super::super::vocabulary::Vocabulary;

/// A system presence, in the spelling of the user API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Available to colleagues, and not taking calls from queues.
    Available,
    /// Away.
    Away,
    /// Busy.
    Busy,
    /// Offline.
    Offline,
    /// Inactive for a while; not to be confused with the routing status.
    Idle,
    /// Taking interactions from the queues she is joined to.
    OnQueue,
    /// At a meal.
    Meal,
    /// In a training.
    Training,
    /// In a meeting.
    Meeting,
    /// On a break.
    Break,
}

impl Vocabulary for Presence {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Available, "Available"),
        (Self::Away, "Away"),
        (Self::Busy, "Busy"),
        (Self::Offline, "Offline"),
        (Self::Idle, "Idle"),
        (Self::OnQueue, "On Queue"),
        (Self::Meal, "Meal"),
        (Self::Training, "Training"),
        (Self::Meeting, "Meeting"),
        (Self::Break, "Break"),
    ];
}

impl Presence {
    /// The word in the spelling of the analytics API: `ON_QUEUE`.
    pub(super) fn analytics_word(self) -> String {
        self.word().replace(' ', "_").to_ascii_uppercase()
    }

    /// The id of the organisation's presence for this system presence.
    pub(super) fn definition_id(self) -> &'static str {
        match self {
            Self::Available => "6a3af858-942f-489d-9700-5f9bcdcdae9b",
            Self::Away => "5e5c5c66-ea97-4e7f-ac41-6424784829f2",
            Self::Busy => "31fe3bac-dea6-44b7-bed7-47f91660a1a0",
            Self::Offline => "ccf3c10a-aa2c-4845-8e8d-f59fa48c58e5",
            Self::Idle => "94da9ba7-7d4b-4d0c-9f6e-2f2a4f0d6d11",
            Self::OnQueue => "e08eaf1b-ee47-4fa9-a231-1200e284798f",
            Self::Meal => "3fd96123-badb-4f69-bc03-1b1ccc6d8014",
            Self::Training => "cc89ba35-7b4e-4a3c-8b0e-7b1a2f4e8a22",
            Self::Meeting => "29ac4b0e-5c3d-4f6a-9d1b-3c2e5f7a9b33",
            Self::Break => "227b37e2-f1d0-4dd0-8f50-badd7cf6d158",
        }
    }
}

/// A routing status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingStatus {
    /// Not taking interactions.
    OffQueue,
    /// Waiting for one.
    Idle,
    /// With one, or with its after-call work.
    Interacting,
    /// Did not answer the last one that was offered.
    NotResponding,
    /// On a call of her own.
    Communicating,
}

impl Vocabulary for RoutingStatus {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::OffQueue, "OFF_QUEUE"),
        (Self::Idle, "IDLE"),
        (Self::Interacting, "INTERACTING"),
        (Self::NotResponding, "NOT_RESPONDING"),
        (Self::Communicating, "COMMUNICATING"),
    ];
}
