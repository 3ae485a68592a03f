//! Saved answers of every recipe, as the providers give them.

use serde_json::{Value, json};

/// A saved answer: for a recipe of several requests the list with each agent's status merged in.
pub(crate) struct Saved {
    pub(crate) what: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) template: &'static str,
    /// A JSON object.
    pub(crate) options: &'static str,
    pub(crate) document: fn() -> Value,
    /// The counts that it says.
    pub(crate) knows: &'static str,
    /// By the provider's definitions, which counts are made of which fields.
    pub(crate) reads: &'static [(&'static str, &'static str)],
}

/// All of them.
pub(crate) const DOCUMENTS: &[Saved] = &[
    Saved {
        what: "calltools agent_statuses",
        provider: "calltools",
        template: "agent_statuses",
        options: "{}",
        document: agent_statuses,
        knows: "available on_call wrap_up not_ready logged_in",
        reads: &[
            ("results", "available on_call wrap_up not_ready logged_in"),
            ("results.ready", "available not_ready"),
            ("results.status", "available wrap_up not_ready"),
            ("results.live_calls_count", "on_call not_ready"),
            ("results.logged_in", "logged_in"),
        ],
    },
    Saved {
        what: "calltools agent_statuses of one status",
        provider: "calltools",
        template: "agent_statuses",
        options: r#"{"agent_status_id": 20564}"#,
        document: wrapping_up,
        knows: "available on_call wrap_up not_ready logged_in",
        reads: &[
            ("results", "available on_call wrap_up not_ready logged_in"),
            ("results.ready", "available not_ready"),
            ("results.status", "wrap_up not_ready"),
            ("results.live_calls_count", "on_call not_ready"),
            ("results.logged_in", "logged_in"),
        ],
    },
    Saved {
        what: "calltools ready_agents",
        provider: "calltools",
        template: "ready_agents",
        options: r#"{"agent_status_id": 20561, "ready": true}"#,
        document: ready_agents,
        knows: "available",
        reads: &[("count", "available")],
    },
    Saved {
        what: "genesys-cloud queue_members as the guide prints it",
        provider: "genesys-cloud",
        template: "queue_members",
        options: "{}",
        document: queue_members_with_total,
        knows: "",
        reads: &[],
    },
    Saved {
        what: "genesys-cloud queue_members",
        provider: "genesys-cloud",
        template: "queue_members",
        options: "{}",
        document: queue_members,
        knows: "",
        reads: &[],
    },
    Saved {
        what: "genesys-cloud on_queue_idle",
        provider: "genesys-cloud",
        template: "on_queue_idle",
        options: "{}",
        document: agent_status_counts,
        knows: "available",
        reads: &[
            ("routingStatusCounts", "available"),
            ("routingStatusCounts.routingStatus", "available"),
            ("routingStatusCounts.count", "available"),
        ],
    },
    Saved {
        what: "genesys-cloud queue_observations",
        provider: "genesys-cloud",
        template: "queue_observations",
        options: "{}",
        document: queue_observations,
        knows: "available on_call not_ready waiting headroom",
        reads: &[
            ("results", OBSERVED),
            ("results.group", OBSERVED),
            ("results.group.queueId", OBSERVED),
            ("results.group.mediaType", "waiting headroom"),
            ("results.data", OBSERVED),
            ("results.data.metric", OBSERVED),
            ("results.data.qualifier", "available on_call not_ready headroom"),
            ("results.data.stats", OBSERVED),
            ("results.data.stats.count", OBSERVED),
        ],
    },
    Saved {
        what: "genesys-cloud members in place of analytics",
        provider: "genesys-cloud",
        template: "on_queue_idle",
        options: r#"{"members_fallback": true}"#,
        document: idle_members,
        knows: "available",
        reads: &[
            ("entities", "available"),
            ("entities.joined", "available"),
            ("entities.user", "available"),
            ("entities.user.presence", "available"),
            ("entities.user.presence.presenceDefinition", "available"),
            ("entities.user.presence.presenceDefinition.systemPresence", "available"),
            ("entities.routingStatus", "available"),
            ("entities.routingStatus.status", "available"),
        ],
    },
    Saved {
        what: "ringcentral queue_presence",
        provider: "ringcentral",
        template: "queue_presence",
        options: "{}",
        document: queue_presence,
        knows: "logged_in",
        reads: &[("records", "logged_in"), ("records.acceptCurrentQueueCalls", "logged_in")],
    },
    Saved {
        what: "ringcentral ready_agents",
        provider: "ringcentral",
        template: "ready_agents",
        options: "{}",
        document: queue_presence_merged,
        knows: "available on_call not_ready logged_in",
        reads: MERGED,
    },
    Saved {
        what: "ringcentral ready_agents with the new call handling",
        provider: "ringcentral",
        template: "ready_agents",
        options: "{}",
        document: queue_presence_with_new_call_handling,
        knows: "available on_call not_ready logged_in",
        reads: MERGED,
    },
    Saved {
        what: "ringcentral ringcx_availability",
        provider: "ringcentral",
        template: "ringcx_availability",
        options: "{}",
        document: ringcx_availability,
        knows: "available logged_in waiting headroom",
        reads: &[
            ("numberOfAgentsAvailable", "available headroom"),
            ("numberOfAgentsLoggedIn", "logged_in"),
            ("numberOfWaitingInteractions", "waiting headroom"),
            ("isQueueOpen", "available logged_in waiting headroom"),
        ],
    },
    Saved {
        what: "portsip queue_agents",
        provider: "portsip",
        template: "queue_agents",
        options: "{}",
        document: queue_agents,
        knows: "available on_call wrap_up not_ready logged_in",
        reads: &[
            ("items", "available on_call wrap_up not_ready logged_in"),
            ("items.status", "available on_call wrap_up not_ready logged_in"),
        ],
    },
];

/// What a queue's observations say.
pub(crate) const OBSERVED: &str = "available on_call not_ready waiting headroom";

const MERGED: &[(&str, &str)] = &[
    ("records", "available on_call not_ready logged_in"),
    ("records.acceptCurrentQueueCalls", "available on_call not_ready logged_in"),
    ("records.acceptQueueCalls", "available on_call not_ready"),
    ("records.telephonyStatus", "available on_call not_ready"),
    ("records.userStatus", "available not_ready"),
    ("records.dndStatus", "available not_ready"),
    ("records.dndStatusPersonal", "available not_ready"),
];

fn calltools_record(number: u64, status: (u64, &str), ready: bool, calls: u64) -> Value {
    json!({
        "app_user": 7000 + number,
        "full_name": format!("Agent {number}"),
        "agent_status": status.0,
        "status": status.1,
        "ready": ready,
        "logged_in": true,
        "queue_logged_in": calls == 0,
        "web_phone_status": "registered",
        "live_calls_count": calls,
        "live_queue_calls_count": calls,
        "campaign_name": "Inbound",
    })
}

fn agent_statuses() -> Value {
    let (available, lunch, wrap_up) = ((20_561, "Available"), (20_563, "Lunch"), (20_564, "Wrap Up"));
    json!({
        "count": 6,
        "next": null,
        "previous": null,
        "results": [
            calltools_record(1, available, true, 0),
            calltools_record(2, available, true, 0),
            calltools_record(3, available, false, 1),
            calltools_record(4, lunch, false, 0),
            calltools_record(5, lunch, true, 0),
            calltools_record(6, wrap_up, false, 0),
        ],
    })
}

fn wrapping_up() -> Value {
    let wrap_up = (20_564, "Wrap Up");
    let results = [(true, 0), (false, 0), (false, 0), (false, 2)];
    let results =
        (1_u64..).zip(results).map(|(number, (ready, calls))| calltools_record(number, wrap_up, ready, calls));
    json!({"count": 4, "next": null, "previous": null, "results": results.collect::<Vec<_>>()})
}

fn ready_agents() -> Value {
    let available = (20_561, "Available");
    json!({
        "count": 2,
        "next": null,
        "previous": null,
        "results": [calltools_record(1, available, true, 0), calltools_record(2, available, true, 0)],
    })
}

fn genesys_cloud_member(number: u64, presence: &str) -> Value {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    json!({
        "id": id,
        "name": format!("Agent {number}"),
        "user": {
            "id": id,
            "name": format!("Agent {number}"),
            "email": format!("agent.{number}@example.com"),
            "state": "active",
            "version": 42,
            "presence": {
                "source": "PURECLOUD",
                "presenceDefinition": {
                    "id": "6a3af858-942f-489d-9700-5f9bcdcdae9b",
                    "systemPresence": presence,
                    "selfUri": "/api/v2/presencedefinitions/6a3af858-942f-489d-9700-5f9bcdcdae9b",
                },
                "modifiedDate": "2026-11-20T15:04:05.123Z",
            },
        },
        "ringNumber": 1,
        "joined": true,
        "memberBy": "user",
    })
}

fn queue_members() -> Value {
    let entities = [1, 2, 3].map(|number| genesys_cloud_member(number, "Available"));
    json!({
        "entities": entities,
        "pageSize": 25,
        "pageNumber": 1,
        "firstUri": "/api/v2/routing/queues/0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90/members?pageSize=25&pageNumber=1",
        "selfUri": "/api/v2/routing/queues/0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90/members?pageSize=25&pageNumber=1",
    })
}

fn queue_members_with_total() -> Value {
    crate::desk::merged(queue_members(), &json!({"total": 3, "pageCount": 1}))
}

fn idle_members() -> Value {
    let member = |(number, presence)| {
        let status = json!({"routingStatus": {"status": "IDLE", "startTime": "2026-11-20T15:04:05.456Z"}});
        crate::desk::merged(genesys_cloud_member(number, presence), &status)
    };
    let members = [(1, "On Queue"), (2, "Available"), (3, "On Queue")].map(member);
    json!({"entities": members, "pageSize": 100, "pageNumber": 1})
}

fn agent_status_counts() -> Value {
    json!({"routingStatusCounts": [{"routingStatus": "IDLE", "count": 3}]})
}

fn queue_observations() -> Value {
    let queue = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";
    let agents = [("IDLE", 3), ("INTERACTING", 2), ("COMMUNICATING", 1), ("NOT_RESPONDING", 1)];
    let agents = agents
        .map(|(status, count)| json!({"metric": "oOnQueueUsers", "qualifier": status, "stats": {"count": count}}));
    let waiting = json!({"metric": "oWaiting", "stats": {"count": 1}});
    json!({
        "systemToOrganizationMappings": {"ON_QUEUE": ["e08eaf1b-ee47-4fa9-a231-1200e284798f"]},
        "results": [
            {"group": {"queueId": queue}, "data": agents},
            {"group": {"queueId": queue, "mediaType": "voice"}, "data": [waiting]},
        ],
    })
}

fn member(number: u64, anywhere: bool, here: bool) -> Value {
    json!({
        "member": {
            "id": (979_428_000 + number).to_string(),
            "name": format!("Agent {number}"),
            "extensionNumber": (12_100 + number).to_string(),
            "site": {"id": "main-site", "name": "Main Site"},
        },
        "acceptQueueCalls": anywhere,
        "acceptCurrentQueueCalls": here,
    })
}

fn queue_presence() -> Value {
    json!({"records": [member(1, true, true), member(2, true, false), member(3, false, true), member(4, true, true)]})
}

/// What an extension's presence adds to a member.
fn with_presence(number: u64, telephony: &str, user: &str, dnd: (&str, &str)) -> Value {
    let id = 979_428_000 + number;
    let uri = format!("https://platform.ringcentral.com/restapi/v1.0/account/809646000/extension/{id}");
    let presence = json!({
        "uri": format!("{uri}/presence"),
        "extension": {"uri": uri, "id": id, "extensionNumber": (12_100 + number).to_string()},
        "presenceStatus": user,
        "telephonyStatus": telephony,
        "userStatus": user,
        dnd.0: dnd.1,
        "allowSeeMyPresence": true,
        "ringOnMonitoredCall": false,
        "pickUpCallsOnHold": false,
    });
    crate::desk::merged(member(number, true, true), &presence)
}

fn queue_presence_merged() -> Value {
    merged_presences("dndStatus")
}

fn queue_presence_with_new_call_handling() -> Value {
    merged_presences("dndStatusPersonal")
}

fn merged_presences(dnd: &'static str) -> Value {
    json!({"records": [
        with_presence(1, "NoCall", "Available", (dnd, "TakeAllCalls")),
        with_presence(2, "NoCall", "Busy", (dnd, "TakeAllCalls")),
        with_presence(3, "CallConnected", "Available", (dnd, "TakeAllCalls")),
        with_presence(4, "NoCall", "Offline", (dnd, "TakeAllCalls")),
        with_presence(5, "NoCall", "Available", (dnd, "DoNotAcceptAnyCalls")),
        member(6, false, true),
        member(7, true, false),
    ]})
}

fn ringcx_availability() -> Value {
    json!({
        "longestWaitingTimeInSeconds": 20,
        "numberOfWaitingInteractions": 1,
        "numberOfAgentsAvailable": 3,
        "numberOfAgentsLoggedIn": 5,
        "isQueueOpen": true,
    })
}

fn queue_agents() -> Value {
    let statuses = ["READY", "READY", "QUEUE_CALL", "WRAP_UP", "BREAK", "LOGGED_OUT", "READY"];
    let agents = (1_u64..).zip(statuses).map(|(number, status)| {
        json!({
            "extension_number": (100 + number).to_string(),
            "display_name": format!("Agent {number}"),
            "skill_level": number,
            "status": status,
        })
    });
    json!({"items": agents.collect::<Vec<_>>()})
}
