//! The four providers as a function sees them: its package, its secret, and canned answers to the default recipe.

use std::fmt;

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockBuilder, MockServer, ResponseTemplate};

/// One provider and a queue of three agents there.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// Its name in paths, secrets and verdicts.
    pub name: &'static str,
    /// The package of its function.
    pub package: &'static str,
    /// The queue's id as the provider writes it.
    pub queue: &'static str,
    /// The template that is run where none is named.
    pub default_template: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    CallTools,
    GenesysCloud,
    RingCentral,
    PortSip,
}

/// Every provider there is a function for.
pub const PROVIDERS: [Provider; 4] = [
    Provider {
        name: "calltools",
        package: "callgate-calltools",
        queue: "5457",
        default_template: "agent_statuses",
        kind: Kind::CallTools,
    },
    Provider {
        name: "genesys-cloud",
        package: "callgate-genesys-cloud",
        queue: "12345678-1234-1234-1234-123456789abc",
        default_template: "queue_members",
        kind: Kind::GenesysCloud,
    },
    Provider {
        name: "ringcentral",
        package: "callgate-ringcentral",
        queue: "987654321",
        default_template: "queue_presence",
        kind: Kind::RingCentral,
    },
    Provider {
        name: "portsip",
        package: "callgate-portsip",
        queue: "NzAwNTUxOTA5NzczMTQ4MTYw",
        default_template: "queue_agents",
        kind: Kind::PortSip,
    },
];

/// The connection every canned secret and question names.
pub const CONNECTION: &str = "acme";

/// Agents on every canned queue.
pub const AGENTS: usize = 3;

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Provider {
    /// The name of the secret of [`CONNECTION`].
    #[must_use]
    pub fn secret_name(&self) -> String {
        format!("callgate/{}/{CONNECTION}", self.name)
    }

    /// The access token in the secret: one that is found wherever it leaks to.
    #[must_use]
    pub fn canary(&self) -> String {
        format!("canary-{}-5up3r53cr3t", self.name)
    }

    /// A complete secret whose host is `base_url`.
    #[must_use]
    pub fn secret(&self, base_url: &str) -> Value {
        let token = self.canary();
        match self.kind {
            Kind::CallTools => json!({"token": token, "base_url": base_url}),
            Kind::GenesysCloud => {
                json!({"access_token": token, "region": "mypurecloud.com", "base_url": base_url})
            }
            Kind::RingCentral | Kind::PortSip => {
                json!({"access_token": token, "base_url": base_url})
            }
        }
    }

    /// The shortest question about the queue.
    #[must_use]
    pub fn question(&self) -> Value {
        json!({"connection": CONNECTION, "queue": self.queue})
    }

    /// The shortest question about the queue, with the members of `more` as well.
    #[must_use]
    pub fn question_with(&self, more: Value) -> Value {
        let mut question = self.question();
        if let (Some(question), Value::Object(more)) = (question.as_object_mut(), more) {
            question.extend(more);
        }
        question
    }

    /// What the function sends as `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> String {
        let scheme = match self.kind {
            Kind::CallTools => "Token",
            Kind::GenesysCloud | Kind::RingCentral | Kind::PortSip => "Bearer",
        };
        format!("{scheme} {}", self.canary())
    }

    /// Answers the default recipe's requests, and no other, for a queue with `ready` of its [`AGENTS`] ready.
    pub async fn mount(&self, server: &MockServer, ready: usize) {
        match self.kind {
            Kind::CallTools => {
                let get = self.get("/api/agentstatuses/").and(query_param("queue", self.queue));
                let results: Vec<_> = (1..=ready).map(calltools_agent).collect();
                let page = json!({"count": ready, "next": null, "previous": null, "results": results});
                get.respond_with(json_answer(&page)).mount(server).await;
            }
            Kind::GenesysCloud => {
                let get = self
                    .get(&format!("/api/v2/routing/queues/{}/members", self.queue))
                    .and(query_param("expand", "presence"))
                    .and(query_param("presence", "Available"))
                    .and(query_param("joined", "true"));
                let entities: Vec<_> = (1..=ready).map(genesys_cloud_member).collect();
                let page = json!({
                    "entities": entities, "pageSize": 25, "pageNumber": 1, "total": ready, "pageCount": 1
                });
                get.respond_with(json_answer(&page)).mount(server).await;
            }
            Kind::RingCentral => {
                let get = self.get(&format!("/restapi/v1.0/account/~/call-queues/{}/presence", self.queue));
                let records: Vec<_> = (1..=AGENTS).map(|number| ringcentral_record(number, number <= ready)).collect();
                let body = format!("{{\n  \"records\" : [ {} ]\n}}", records.join(", "));
                let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json;charset=utf-8");
                get.respond_with(answer).mount(server).await;
            }
            Kind::PortSip => {
                let queue = format!("/api/call_queues/{}", self.queue);
                let status = json_answer(&json!({"status": "ONLINE"}));
                self.get(&format!("{queue}/status")).respond_with(status).mount(server).await;
                let items: Vec<_> = (1..=AGENTS).map(portsip_agent).collect();
                let agents = json_answer(&json!({"items": items}));
                self.get(&format!("{queue}/agents")).respond_with(agents).mount(server).await;
                for number in 1..=AGENTS {
                    let mut agent = portsip_agent(number);
                    if let Some(agent) = agent.as_object_mut() {
                        let status = if number <= ready { "READY" } else { "NOT_READY" };
                        agent.insert("status".to_owned(), status.into());
                    }
                    let get = self.get(&format!("{queue}/agents/{}", 100 + number));
                    get.respond_with(json_answer(&agent)).mount(server).await;
                }
            }
        }
    }

    fn get(&self, at: &str) -> MockBuilder {
        Mock::given(method("GET")).and(path(at)).and(header("authorization", self.authorization().as_str()))
    }
}

fn json_answer(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn calltools_agent(number: usize) -> Value {
    json!({
        "app_user": 7000 + number,
        "full_name": format!("Agent {number}"),
        "agent_status": 20561,
        "status": "Available",
        "ready": true,
        "logged_in": true,
        "queue_logged_in": true,
        "web_phone_status": "registered",
        "live_calls_count": 0,
        "live_queue_calls_count": 0,
        "campaign_name": "Inbound"
    })
}

fn genesys_cloud_member(number: usize) -> Value {
    let (id, name) = (format!("00000000-0000-4000-8000-{number:012}"), format!("Agent {number}"));
    json!({
        "id": id,
        "name": name,
        "user": {
            "id": id,
            "name": name,
            "presence": {
                "presenceDefinition": {
                    "id": "6a3af858-942f-489d-9700-5f9bcdcdae9b",
                    "systemPresence": "Available"
                }
            }
        },
        "ringNumber": 1,
        "joined": true,
        "memberBy": "user"
    })
}

/// Printed as the provider prints it, with a blank on both sides of each colon.
fn ringcentral_record(number: usize, accepts: bool) -> String {
    format!(
        r#"{{
    "member" : {{
      "id" : "{}",
      "name" : "Agent {number}",
      "extensionNumber" : "{}",
      "site" : {{ "id" : "main-site", "name" : "Main Site" }}
    }},
    "acceptQueueCalls" : true,
    "acceptCurrentQueueCalls" : {accepts}
  }}"#,
        400_130_000 + number,
        100 + number,
    )
}

fn portsip_agent(number: usize) -> Value {
    json!({
        "extension_number": (100 + number).to_string(),
        "display_name": format!("Agent {number}"),
        "skill_level": 1
    })
}
