//! A queue and an agent as RingCentral knows them.

use super::words::{DndStatus, TelephonyStatus, UserStatus};

/// What is known of a queue.
#[derive(Clone, Debug)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Callers waiting in it; only RingCX tells.
    pub waiting: u64,
    /// Whether it is open; only RingCX tells.
    pub is_open: bool,
}

/// An agent: an extension that may be a member of queues.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The extension's id, digits.
    pub id: String,
    /// The extension's name.
    pub name: String,
    /// The number colleagues dial.
    pub extension_number: String,
    /// `acceptQueueCalls`: takes calls of queues at all.
    pub accept_queue_calls: bool,
    /// `acceptCurrentQueueCalls` in the queue she is added to. From then on her membership has it.
    pub accept_current_queue_calls: bool,
    /// `telephonyStatus`.
    pub telephony_status: TelephonyStatus,
    /// `userStatus`.
    pub user_status: UserStatus,
    /// `dndStatus`.
    pub dnd_status: DndStatus,
    /// Whether her account has the new call handling, which knows no `dndStatus` but `dndStatusPersonal`.
    pub has_new_call_handling: bool,
}

/// Whether a member takes the calls of one queue.
#[derive(Clone, Copy, Debug)]
pub struct Accepts(pub bool);

impl Agent {
    /// An agent who takes every call, and has none.
    #[must_use]
    pub fn ready(id: &str, name: &str, extension_number: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            extension_number: extension_number.to_owned(),
            accept_queue_calls: true,
            accept_current_queue_calls: true,
            telephony_status: TelephonyStatus::NoCall,
            user_status: UserStatus::Available,
            dnd_status: DndStatus::TakeAllCalls,
            has_new_call_handling: false,
        }
    }

    /// The agent not taking the calls of the queue she is added to.
    #[must_use]
    pub fn out_of_queue(mut self) -> Self {
        self.accept_current_queue_calls = false;
        self
    }

    /// The agent on a call.
    #[must_use]
    pub fn on_call(mut self) -> Self {
        self.telephony_status = TelephonyStatus::CallConnected;
        self
    }

    /// The agent with a do-not-disturb status, and `acceptQueueCalls` as that status has it.
    #[must_use]
    pub fn dnd(mut self, status: DndStatus) -> Self {
        self.dnd_status = status;
        self.accept_queue_calls = status.takes_queue_calls();
        self
    }

    /// The agent with a status she set herself.
    #[must_use]
    pub fn user_status(mut self, status: UserStatus) -> Self {
        self.user_status = status;
        self
    }

    /// The agent in an account with the new call handling.
    #[must_use]
    pub fn with_new_call_handling(mut self) -> Self {
        self.has_new_call_handling = true;
        self
    }

    /// `presenceStatus`, which RingCentral derives from all the others.
    #[must_use]
    pub fn presence_status(&self) -> UserStatus {
        let is_free =
            self.telephony_status == TelephonyStatus::NoCall && self.dnd_status != DndStatus::DoNotAcceptAnyCalls;
        match self.user_status {
            UserStatus::Available if !is_free => UserStatus::Busy,
            status => status,
        }
    }
}
