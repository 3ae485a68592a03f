//! Genesys Cloud on the wire: regions, URLs, pages and error bodies.

use serde_json::{Map, Value};
use url::Url;

use crate::credentials::text;
use crate::failure::Failure;
use crate::http::{Answer, Upstream};
use crate::providers::list::linked_page;
use crate::providers::response::{json, said, status_failure};

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

/// The region's API host: the secret names it by AWS region, by domain, or as a host people copy.
pub(super) fn origin(secret: &Map<String, Value>) -> Result<Url, String> {
    let region = text(secret, "region")?
        .ok_or("region or base_url is missing; write the region, such as mypurecloud.com or us-east-1")?;
    let bare = region.trim().trim_start_matches("https://").trim_end_matches('/');
    let domain = ["api.", "login.", "apps."].iter().find_map(|prefix| bare.strip_prefix(prefix)).unwrap_or(bare);
    let known = REGIONS.iter().find(|(name, known)| *name == domain || *known == domain);
    let (_, domain) = known.ok_or(
        "region is not a region of Genesys Cloud; write its domain or AWS name, such as mypurecloud.com or us-east-1",
    )?;
    Url::parse(&format!("https://api.{domain}/")).map_err(|_| "region is no region".to_owned())
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

/// The page after this one.
pub(super) fn next(page: &Value, from: &Url) -> Result<Option<Url>, Failure> {
    page.get("nextUri").and_then(Value::as_str).map(|link| linked_page(link, from)).transpose()
}

/// How many members there are in all, where the answer says so.
pub(super) fn total(page: &Value) -> Option<u64> {
    page.get(TOTAL).and_then(Value::as_u64)
}

/// What an answer other than 200 means.
pub(super) fn failure(answer: &Answer) -> Failure {
    let body = json(answer).map(|(body, _)| body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    status_failure(answer, said(&[field("code"), field("message")]))
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
