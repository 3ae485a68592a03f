//! Answers as the providers send them, by the number of their records: 600 bytes each.

use serde_json::{Value, json};

/// The sizes that the targets are set for: a team, a department, the largest there is.
pub const RECORDS: [usize; 3] = [25, 250, 2000];

/// A Genesys Cloud list of queue members, compact; a third of them idle.
#[must_use]
pub fn genesys_cloud(records: usize) -> String {
    let member = |at: usize| {
        let id = format!("4a1e{at:04}-9b0c-4d1e-8f2a-0123456789ab");
        let presence = "6a3af858-942f-489d-9700-5f9bcdcdae9b";
        json!({
            "id": id, "name": format!("Agent Number {at}"), "joined": true, "memberBy": "user", "ringNumber": 1,
            "user": {
                "id": id, "name": format!("Agent Number {at}"), "email": format!("agent{at}@example.com"),
                "state": "active",
                "presence": {
                    "source": "PURECLOUD",
                    "presenceDefinition": {"id": presence, "systemPresence": "Available",
                        "selfUri": format!("/api/v2/presencedefinitions/{presence}")},
                    "modifiedDate": "2026-11-21T01:06:12.123Z"
                },
                "selfUri": format!("/api/v2/users/{id}")
            },
            "routingStatus": {"status": if at.is_multiple_of(3) { "IDLE" } else { "OFF_QUEUE" }}
        })
    };
    json!({"entities": list(records, member), "pageSize": records, "pageNumber": 1, "total": records}).to_string()
}

/// A `CallTools` list of agent statuses, compact; a third of them ready.
#[must_use]
pub fn calltools(records: usize) -> String {
    let status = |at: usize| {
        let ready = at.is_multiple_of(3);
        json!({
            "id": 8_000_000 + at, "agent": 40_000 + at, "agent_status": if ready { 20561 } else { 20564 },
            "status": if ready { "Available" } else { "Lunch" }, "status_color": "#00a65a", "ready": ready,
            "full_name": format!("Agent Number {at}"), "username": format!("agent{at}@example.com"),
            "extension": format!("1{at:04}"), "queue_logged_in": true, "logged_in": true, "live_calls_count": 0,
            "campaign": {"id": 77, "name": "Inbound sales, all regions", "dial_mode": "predictive"},
            "queues": [{"id": 512, "name": "Sales"}, {"id": 513, "name": "Support"}],
            "login_time": "2026-11-21T01:06:12.123456-05:00", "status_time": "2026-11-21T01:16:42.654321-05:00",
            "url": format!("https://east-1.calltools.io/api/agentstatuses/{}/", 8_000_000 + at)
        })
    };
    json!({"count": records, "next": null, "previous": null, "results": list(records, status)}).to_string()
}

fn list(records: usize, record: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..records).map(record).collect()
}
