//! `RingCentral` on the wire: URLs, pages and error bodies.

use serde_json::Value;
use url::Url;

use crate::failure::Failure;
use crate::http::{Answer, Upstream};
use crate::providers::list::linked_page;
use crate::providers::response::{json, said, status_failure};

/// The field with the members.
pub(super) const LIST: &str = "records";

/// The one host of the platform's API.
pub(super) fn origin() -> Result<Url, String> {
    Url::parse("https://platform.ringcentral.com/").map_err(|_| "the platform's address is no URL".to_owned())
}

/// The presence of a call queue's members.
pub(super) fn queue_presence(upstream: &Upstream, account_id: &str, queue: &str) -> Url {
    upstream.url(&["restapi", "v1.0", "account", account_id, "call-queues", queue, "presence"])
}

/// The page after this one. The API sends this list whole; its documentation shows pages, so they are followed.
pub(super) fn next(page: &Value, from: &Url) -> Result<Option<Url>, Failure> {
    if let Some(link) = page.pointer("/navigation/nextPage/uri").and_then(Value::as_str) {
        return linked_page(link, from).map(Some);
    }
    let number = |name: &str| page.pointer(&format!("/paging/{name}")).and_then(Value::as_u64);
    match (number("page"), number("totalPages")) {
        (Some(page), Some(pages)) if page < pages => linked_page(&format!("?page={}", page + 1), from).map(Some),
        _ => Ok(None),
    }
}

/// How many members there are in all, where the answer says so.
pub(super) fn total(page: &Value) -> Option<u64> {
    page.pointer("/paging/totalElements").and_then(Value::as_u64)
}

/// What an answer other than 200 means: the status, or the error code where it is more exact.
pub(super) fn failure(answer: &Answer) -> Failure {
    let body = json(answer).map(|(body, _)| body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    let said = said(&[field("errorCode"), field("message")]);
    match field("errorCode") {
        Some("TokenInvalid" | "OAU-128" | "OAU-129" | "OAU-149" | "OAU-213") => Failure::AuthExpired { said },
        Some("CMN-102") => Failure::QueueNotFound { said },
        _ => status_failure(answer, said),
    }
}
