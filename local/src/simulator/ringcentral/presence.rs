//! The presence of a queue's members, and of extensions by their ids.

use serde_json::{Value, json};

use super::super::document::set;
use super::super::layout::Layout;
use super::super::roster::Member;
use super::super::vocabulary::Vocabulary;
use super::super::wire::{Answer, Request};
use super::super::{Dialect, Provider};
use super::{Accepts, Agent, DndStatus, RingCentral, TelephonyStatus, missing, wrapped};

/// The most extensions in one request.
const MAX_EXTENSIONS: usize = 30;

/// What a client accepts who wants a bulk answer as one JSON document.
const MULTIPART_JSON: &str = "application/vnd.ringcentral.multipart+json";

impl RingCentral {
    pub(super) fn queue_presence(&self, group: &str) -> Answer {
        let Some(queue) = self.roster.queue(group) else {
            return self.not_found("groupId");
        };
        let members = self.roster.members(queue);
        let document = match self.dialect {
            Dialect::Real => {
                let records = members.map(real_record);
                json!({ "records": records.collect::<Vec<_>>() })
            }
            Dialect::Documented => {
                let records: Vec<Value> = members.map(documented_record).collect();
                let paging = json!({ "page": 1, "totalPages": 1, "totalElements": records.len() });
                json!({ "records": records, "paging": paging })
            }
        };
        self.reply(200, &document)
    }

    pub(super) fn extension_presence(&self, ids: &str, request: &Request) -> Answer {
        let with_calls = request.parameter("detailedTelephonyState") == Some("true");
        let presence = |id: &str| {
            let agent = self.roster.agent(id)?;
            Some(self.extension(agent, with_calls, request))
        };
        let ids: Vec<&str> = ids.split(',').collect();
        if let [id] = ids.as_slice() {
            return match presence(id) {
                Some(document) => self.reply(200, &document),
                None => self.not_found("extensionId"),
            };
        }
        if ids.len() > MAX_EXTENSIONS {
            let message =
                format!("Extension Presence Info multipart request is limited to {MAX_EXTENSIONS} extensions");
            let error = json!({ "errorCode": "InvalidMultipartRequest", "message": message });
            return self.error(400, "InvalidMultipartRequest", &error);
        }
        let parts = ids.iter().map(|id| match presence(id) {
            Some(body) => (*id, 200, body),
            None => (*id, 404, wrapped("CMN-102", &missing("extensionId"))),
        });
        let parts: Vec<(&str, u16, Value)> = parts.collect();
        if request.header("accept").is_some_and(|accept| accept.contains(MULTIPART_JSON)) {
            let parts =
                parts.iter().map(|(id, status, body)| json!({ "resourceId": id, "status": status, "body": body }));
            let document = Value::Array(parts.collect());
            return self.reply(207, &document).header("Content-Type", MULTIPART_JSON);
        }
        multipart_mixed(&parts)
    }

    fn extension(&self, agent: &Agent, with_calls: bool, request: &Request) -> Value {
        let host = request.header("host").unwrap_or("localhost");
        let (account, id) = (&self.account_id, &agent.id);
        let uri = format!("http://{host}/restapi/v1.0/account/{account}/extension/{id}");
        // Numbers here, text in the queue's list.
        let number = id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id));
        let mut document = json!({
            "uri": format!("{uri}/presence"),
            "extension": { "uri": uri, "id": number, "extensionNumber": agent.extension_number },
            "presenceStatus": agent.presence_status().word(),
            "telephonyStatus": agent.telephony_status.word(),
            "userStatus": agent.user_status.word(),
        });
        if agent.has_new_call_handling {
            let personal = match agent.dnd_status {
                DndStatus::DoNotAcceptAnyCalls => DndStatus::DoNotAcceptAnyCalls,
                _ => DndStatus::TakeAllCalls,
            };
            set(&mut document, "dndStatusPersonal", json!(personal.word()));
            set(&mut document, "acceptCallQueueCalls", json!(agent.accept_queue_calls));
        } else {
            set(&mut document, "dndStatus", json!(agent.dnd_status.word()));
        }
        set(&mut document, "allowSeeMyPresence", json!(true));
        set(&mut document, "ringOnMonitoredCall", json!(false));
        set(&mut document, "pickUpCallsOnHold", json!(false));
        if with_calls && agent.telephony_status != TelephonyStatus::NoCall {
            set(&mut document, "activeCalls", json!([self.active_call(agent)]));
        }
        document
    }

    fn active_call(&self, agent: &Agent) -> Value {
        json!({
            "id": format!("call-{}", agent.id),
            "direction": "Inbound",
            "queueCall": true,
            "from": "+16505550100",
            "fromName": "Caller",
            "to": agent.extension_number,
            "toName": agent.name,
            "startTime": self.clock().timestamp(),
            "telephonyStatus": agent.telephony_status.word(),
            "sessionId": agent.id,
            "telephonySessionId": format!("s-{}", agent.id),
            "partyId": format!("p-{}-1", agent.id),
        })
    }
}

fn real_record(member: Member<'_, Agent, Accepts>) -> Value {
    let agent = member.agent;
    json!({
        "member": {
            "id": agent.id,
            "name": agent.name,
            "extensionNumber": agent.extension_number,
            "site": { "id": "main-site", "name": "Main Site" },
        },
        "acceptQueueCalls": agent.accept_queue_calls,
        "acceptCurrentQueueCalls": member.membership.0,
    })
}

fn documented_record(member: Member<'_, Agent, Accepts>) -> Value {
    let agent = member.agent;
    json!({
        "extension": { "id": agent.id, "extensionNumber": agent.extension_number },
        "acceptCurrentQueueCalls": member.membership.0,
        "presenceStatus": agent.presence_status().word(),
    })
}

/// The older form of a bulk answer: first a list of the statuses, then the bodies, one part each.
fn multipart_mixed(parts: &[(&str, u16, Value)]) -> Answer {
    let statuses = parts.iter().map(|(id, status, _)| json!({ "href": id, "status": status }));
    let statuses = json!({ "response": statuses.collect::<Vec<_>>() });
    let bodies = parts.iter().map(|(_, _, body)| body);
    let mut text = String::new();
    for document in std::iter::once(&statuses).chain(bodies) {
        let rendered = Layout::Spaced.render(document);
        text.push_str("--Boundary_1\r\nContent-Type: application/json\r\n\r\n");
        text.push_str(&String::from_utf8_lossy(&rendered));
        text.push_str("\r\n");
    }
    text.push_str("--Boundary_1--\r\n");
    Answer::text(207, "multipart/mixed;boundary=Boundary_1", text)
}
