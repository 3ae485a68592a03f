//! Genesys Cloud on the wire: regions, URLs, pages and error bodies.

use std::time::SystemTime;

use serde_json::{Map, Value};
use url::Url;

use crate::credentials::{HostRule, origin_of, text};
use crate::failure::Failure;
use crate::http::{Answer, Ask, Upstream};
use crate::providers::list::linked_page;
use crate::providers::response::{json, object, said, status_failure};
use crate::snapshot::Document;

/// The field with the members.
pub(super) const LIST: &str = "entities";
/// The field that once had their number.
pub(super) const TOTAL: &str = "total";

const LARGEST_PAGE: &str = "100";

/// The regions and their domains, as the vendor's own tools list them.
const REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "mypurecloud.com"),
    ("us-east-2", "use2.us-gov-pure.cloud"),
    ("us-west-2", "usw2.pure.cloud"),
    ("ca-central-1", "cac1.pure.cloud"),
    ("mx-central-1", "mxc1.pure.cloud"),
    ("sa-east-1", "sae1.pure.cloud"),
    ("eu-west-1", "mypurecloud.ie"),
    ("eu-west-2", "euw2.pure.cloud"),
    ("eu-central-1", "mypurecloud.de"),
    ("eu-central-2", "euc2.pure.cloud"),
    ("eusc-de-east-1", "edee1.eusc-pure.cloud"),
    ("me-central-1", "mec1.pure.cloud"),
    ("ap-south-1", "aps1.pure.cloud"),
    ("ap-northeast-1", "mypurecloud.jp"),
    ("ap-northeast-2", "apne2.pure.cloud"),
    ("ap-northeast-3", "apne3.pure.cloud"),
    ("ap-southeast-1", "apse1.pure.cloud"),
    ("ap-southeast-2", "mypurecloud.com.au"),
];

/// The API host of each region.
pub(super) const HOSTS: [&str; 18] = [
    "api.mypurecloud.com",
    "api.use2.us-gov-pure.cloud",
    "api.usw2.pure.cloud",
    "api.cac1.pure.cloud",
    "api.mxc1.pure.cloud",
    "api.sae1.pure.cloud",
    "api.mypurecloud.ie",
    "api.euw2.pure.cloud",
    "api.mypurecloud.de",
    "api.euc2.pure.cloud",
    "api.edee1.eusc-pure.cloud",
    "api.mec1.pure.cloud",
    "api.aps1.pure.cloud",
    "api.mypurecloud.jp",
    "api.apne2.pure.cloud",
    "api.apne3.pure.cloud",
    "api.apse1.pure.cloud",
    "api.mypurecloud.com.au",
];

/// The host of each region that signs clients in.
pub(super) const LOGIN_HOSTS: [&str; 18] = [
    "login.mypurecloud.com",
    "login.use2.us-gov-pure.cloud",
    "login.usw2.pure.cloud",
    "login.cac1.pure.cloud",
    "login.mxc1.pure.cloud",
    "login.sae1.pure.cloud",
    "login.mypurecloud.ie",
    "login.euw2.pure.cloud",
    "login.mypurecloud.de",
    "login.euc2.pure.cloud",
    "login.edee1.eusc-pure.cloud",
    "login.mec1.pure.cloud",
    "login.aps1.pure.cloud",
    "login.mypurecloud.jp",
    "login.apne2.pure.cloud",
    "login.apne3.pure.cloud",
    "login.apse1.pure.cloud",
    "login.mypurecloud.com.au",
];

/// The region's API host: the secret names it by AWS region, by domain, or as a host people copy.
pub(super) fn origin(secret: &Map<String, Value>) -> Result<Url, String> {
    region_host(secret, "api")
}

/// The region's host that signs clients in. A grant with a `base_url` of a test names it for both.
pub(crate) fn login_origin(grant: &Map<String, Value>, allow_loopback: bool) -> Result<Url, String> {
    match text(grant, "base_url")? {
        Some(base_url) if text(grant, "region")?.is_none() => {
            origin_of(base_url, HostRule::Hosts(&LOGIN_HOSTS), allow_loopback)
        }
        _ => region_host(grant, "login"),
    }
}

fn region_host(fields: &Map<String, Value>, service: &str) -> Result<Url, String> {
    let region = text(fields, "region")?
        .ok_or("region or base_url is missing; write the region, such as mypurecloud.com or us-east-1")?;
    let bare = region.trim().trim_start_matches("https://").trim_end_matches('/');
    let domain = ["api.", "login.", "apps."].iter().find_map(|prefix| bare.strip_prefix(prefix)).unwrap_or(bare);
    let known = REGIONS.iter().find(|(name, known)| *name == domain || *known == domain);
    let (_, domain) = known.ok_or(
        "region is not a region of Genesys Cloud; write its domain or AWS name, such as mypurecloud.com or us-east-1",
    )?;
    Url::parse(&format!("https://{service}.{domain}/")).map_err(|_| "region is no region".to_owned())
}

/// The members the recipe asks for.
pub(super) fn members(upstream: &Upstream, queue: &str, reads_records: bool) -> Url {
    let mut url = upstream.url(&["api", "v2", "routing", "queues", queue, "members"]);
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("expand", "presence").append_pair("presence", "Available").append_pair("joined", "true");
        if reads_records {
            query.append_pair("pageSize", LARGEST_PAGE);
        }
    }
    url
}

/// The members who are joined and idle, with what tells whether they are on queue.
pub(super) fn idle_members(upstream: &Upstream, queue: &str) -> Url {
    let mut url = upstream.url(&["api", "v2", "routing", "queues", queue, "members"]);
    url.query_pairs_mut()
        .append_pair("joined", "true")
        .append_pair("routingStatus", "IDLE")
        .append_pair("expand", "presence")
        .append_pair("expand", "routingStatus")
        .append_pair("pageSize", LARGEST_PAGE);
    url
}

/// A question to the analytics API.
pub(super) struct Query {
    url: Url,
    body: Value,
    /// The permission without which it is refused.
    pub(super) permission: &'static str,
}

impl Query {
    /// How many agents are on queue, idle, and active in this queue; of those with a skill where one is named.
    pub(super) fn idle_agents(upstream: &Upstream, queue: &str, skill_id: Option<&str>) -> Self {
        let mut url = upstream.url(&["api", "v2", "analytics", "agents", "status", "counts"]);
        url.query_pairs_mut().append_pair("groupBy", "routingStatus");
        let wanted = [
            ("activeQueueId", Some(queue)),
            ("systemPresence", Some("ON_QUEUE")),
            ("routingStatus", Some("IDLE")),
            ("assignedSkillId", skill_id),
        ];
        let predicates: Vec<Value> = wanted
            .into_iter()
            .filter_map(|(dimension, value)| Some(serde_json::json!({"dimension": dimension, "value": value?})))
            .collect();
        let body = serde_json::json!({"userFilter": {"type": "and", "predicates": predicates}});
        Self { url, body, permission: "analytics:agentState:view" }
    }

    /// What is observed of a queue now: its agents on queue, and who is waiting.
    pub(super) fn observations(upstream: &Upstream, queue: &str) -> Self {
        let url = upstream.url(&["api", "v2", "analytics", "queues", "observations", "query"]);
        let predicate =
            serde_json::json!({"type": "dimension", "dimension": "queueId", "operator": "matches", "value": queue});
        let body = serde_json::json!({
            "filter": {"type": "or", "predicates": [predicate]},
            "metrics": ["oOnQueueUsers", "oWaiting"],
        });
        Self { url, body, permission: "analytics:queueObservation:view" }
    }

    /// The answer, and when it was asked for.
    pub(super) async fn ask(&self, upstream: &Upstream) -> Result<(Document, SystemTime), Failure> {
        let answer = upstream.send(&Ask::query(self.url.clone(), &self.body)).await?;
        if answer.status != 200 {
            return Err(naming(self.permission, failure(&answer)));
        }
        Ok((object(&answer)?, answer.sent_at))
    }
}

/// The page after this one.
pub(super) fn next(page: &Value, from: &Url) -> Result<Option<Url>, Failure> {
    page.get("nextUri").and_then(Value::as_str).map(|link| linked_page(link, from)).transpose()
}

/// How many members there are in all, where the answer says so.
pub(super) fn total(page: &Value) -> Option<u64> {
    page.get(TOTAL).and_then(Value::as_u64)
}

/// What an answer other than 200 means.
fn failure(answer: &Answer) -> Failure {
    let body = json(answer).map(|(body, _)| body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    status_failure(answer, said(&[field("code"), field("message")]))
}

/// What an answer other than 200 to a request for members means.
pub(super) fn members_failure(answer: &Answer) -> Failure {
    naming("routing:queue:view", failure(answer))
}

/// A refusal with the permission that the request needs: what the provider says of it may be cut off.
fn naming(permission: &str, failure: Failure) -> Failure {
    match failure {
        Failure::AuthForbidden { said } => {
            Failure::AuthForbidden { said: format!("it needs the permission {permission}; {said}") }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{HOSTS, REGIONS, origin};
    use serde_json::json;

    #[test]
    fn every_region_has_its_host() {
        for ((_, domain), host) in REGIONS.iter().zip(HOSTS) {
            assert_eq!(format!("api.{domain}"), host);
        }
    }

    #[test]
    fn a_region_is_known_by_any_of_its_names() {
        for written in ["us-east-1", "mypurecloud.com", " api.mypurecloud.com", "https://login.mypurecloud.com/"] {
            let secret = json!({"region": written});
            assert_eq!(origin(secret.as_object().unwrap()).unwrap().as_str(), "https://api.mypurecloud.com/");
        }
        for written in [json!("evil.example"), json!("mypurecloud.com.evil.example"), json!(""), json!(7), json!(null)]
        {
            assert!(origin(json!({"region": written}).as_object().unwrap()).is_err(), "{written}");
        }
    }
}
