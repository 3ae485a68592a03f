//! The words RingCentral has for an extension's telephony, its user's status and do-not-disturb.

use super::super::vocabulary::Vocabulary;

/// `telephonyStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TelephonyStatus {
    /// No call.
    NoCall,
    /// On a call.
    CallConnected,
    /// Being rung.
    Ringing,
    /// A call is on hold.
    OnHold,
    /// A call is parked.
    ParkedCall,
}

impl Vocabulary for TelephonyStatus {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::NoCall, "NoCall"),
        (Self::CallConnected, "CallConnected"),
        (Self::Ringing, "Ringing"),
        (Self::OnHold, "OnHold"),
        (Self::ParkedCall, "ParkedCall"),
    ];
}

/// `userStatus`, and `presenceStatus`, which has the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// Offline.
    Offline,
    /// Busy.
    Busy,
    /// Available.
    Available,
}

impl Vocabulary for UserStatus {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Offline, "Offline"), (Self::Busy, "Busy"), (Self::Available, "Available")];
}

/// `dndStatus`: do not disturb. A queue was once called a department.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DndStatus {
    /// Takes every call.
    TakeAllCalls,
    /// Takes calls, but not those of queues.
    DoNotAcceptDepartmentCalls,
    /// Takes the calls of queues alone.
    TakeDepartmentCallsOnly,
    /// Takes no call.
    DoNotAcceptAnyCalls,
}

impl Vocabulary for DndStatus {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::TakeAllCalls, "TakeAllCalls"),
        (Self::DoNotAcceptDepartmentCalls, "DoNotAcceptDepartmentCalls"),
        (Self::TakeDepartmentCallsOnly, "TakeDepartmentCallsOnly"),
        (Self::DoNotAcceptAnyCalls, "DoNotAcceptAnyCalls"),
    ];
}

impl DndStatus {
    /// Whether calls of queues get through.
    pub(super) fn takes_queue_calls(self) -> bool {
        matches!(self, Self::TakeAllCalls | Self::TakeDepartmentCallsOnly)
    }
}
