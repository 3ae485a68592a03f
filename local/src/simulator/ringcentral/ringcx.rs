//! RingCX: a short-lived token in exchange for a RingCentral one, and a queue's availability.

use std::time::Duration;

use serde_json::json;

use super::super::layout::Layout;
use super::super::tokens::Standing;
use super::super::wire::{Answer, Request};
use super::{Agent, RingCentral, TelephonyStatus, UserStatus};

pub(super) const EXCHANGES_PER_MINUTE: u64 = 5;

/// How long a token lasts.
const LIFETIME: Duration = Duration::from_mins(5);

impl RingCentral {
    /// Gives a token for an accepted RingCentral one. Which form its refusals have is not published: these are bare.
    pub(super) fn exchange(&mut self, request: &Request) -> Answer {
        let form = request.form().unwrap_or_default();
        let Some(token) = form.field("rcAccessToken") else {
            return refused(400, "rcAccessToken is required");
        };
        let now = self.clock.now();
        let usage = self.exchanges.take(token, now);
        if usage.is_exceeded() {
            let refused = refused(429, "too many requests");
            return refused.number("Retry-After", usage.resets_in_seconds);
        }
        if self.tokens.standing(token, now) != Standing::Accepted {
            return refused(401, "invalid token");
        }
        self.exchanged += 1;
        let ringcx = format!("ringcx-{}", self.exchanged);
        self.ringcx_tokens.accept_until(&ringcx, now + LIFETIME);
        let document = json!({
            "refreshToken": format!("{ringcx}-refresh"),
            "accessToken": ringcx,
            "tokenType": "Bearer",
            "mainAccountId": self.account_id,
            "agentDetails": [],
            "adminId": 1,
            "adminUrl": "/voice/admin/",
            "agentUrl": "/voice/agent/",
            "ssoLogin": true,
        });
        Answer::json(200, &document, Layout::Compact)
    }

    pub(super) fn availability(&self, account: &str, queue: &str, request: &Request) -> Answer {
        let token = request.credential("bearer").unwrap_or_default();
        if self.ringcx_tokens.standing(token, self.clock.now()) != Standing::Accepted {
            return refused(401, "invalid token");
        }
        if !matches!(request.parameter("queueType"), Some("Voice" | "Digital")) {
            return refused(400, "queueType is Voice or Digital");
        }
        let queue = self.roster.queue(queue).filter(|_| account == self.sub_account_id);
        let Some(queue) = queue else {
            return refused(404, "queue not found");
        };
        let taking = self.roster.members(queue).filter(|member| {
            member.membership.0 && member.agent.accept_queue_calls && member.agent.user_status != UserStatus::Offline
        });
        let agents: Vec<&Agent> = taking.map(|member| member.agent).collect();
        let is_free = |agent: &&&Agent| agent.telephony_status == TelephonyStatus::NoCall;
        let about = &queue.about;
        let document = json!({
            "longestWaitingTimeInSeconds": about.waiting * 10,
            "numberOfWaitingInteractions": about.waiting,
            "numberOfAgentsAvailable": agents.iter().filter(is_free).count(),
            "numberOfAgentsLoggedIn": agents.len(),
            "isQueueOpen": about.is_open,
        });
        Answer::json(200, &document, Layout::Compact)
    }
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "message": message }), Layout::Compact)
}
