//! The words PortSIP has for a queue's service and for an agent's status in a queue.

use super::super::vocabulary::Vocabulary;

/// Whether a queue's service is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It is.
    Online,
    /// It is not.
    Offline,
}

impl Vocabulary for Service {
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Online, "ONLINE"), (Self::Offline, "OFFLINE")];
}

/// An agent's status in a queue. The last three are named in the API's text, not in its list of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waiting for a call.
    Ready,
    /// Taking none.
    NotReady,
    /// On a call of the queue.
    QueueCall,
    /// On another call.
    OtherCall,
    /// With the work after a call.
    WrapUp,
    /// On a break.
    Break,
    /// At lunch.
    Lunch,
    /// Logged out of the queue.
    LoggedOut,
    /// Her phone is not registered.
    Offline,
    /// Transferring a call.
    Transfer,
    /// Transferring a call after asking.
    ConsultTransfer,
    /// With a call on hold.
    OnHold,
}

impl Vocabulary for Status {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Ready, "READY"),
        (Self::NotReady, "NOT_READY"),
        (Self::QueueCall, "QUEUE_CALL"),
        (Self::OtherCall, "OTHER_CALL"),
        (Self::WrapUp, "WRAP_UP"),
        (Self::Break, "BREAK"),
        (Self::Lunch, "LUNCH"),
        (Self::LoggedOut, "LOGGED_OUT"),
        (Self::Offline, "OFFLINE"),
        (Self::Transfer, "TRANSFER"),
        (Self::ConsultTransfer, "CONSULT_TRANSFER"),
        (Self::OnHold, "ON_HOLD"),
    ];
}

/// The statuses a client may set. Who logs in is ready, as a queue is set up unless somebody changes it.
pub(super) const SETTABLE: &[(&str, Status)] = &[
    ("READY", Status::Ready),
    ("NOT_READY", Status::NotReady),
    ("WRAP_UP", Status::WrapUp),
    ("BREAK", Status::Break),
    ("LUNCH", Status::Lunch),
    ("LOGGED_IN", Status::Ready),
    ("LOGGED_OUT", Status::LoggedOut),
];
