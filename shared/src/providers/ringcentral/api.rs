//! `RingCentral` on the wire: URLs, pages, parts and error bodies; and those of RingCX.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;
use bytes_utils::Str;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use super::mapping;
use crate::failure::Failure;
use crate::http::{Answer, Ask, Upstream};
use crate::providers::list::linked_page;
use crate::providers::response::{json, object, said, status_failure, unexpected};
use crate::snapshot::{Document, Page, count_in};

/// The field with the members.
pub(super) const LIST: &str = "records";

/// The most extensions that one request may name.
pub(super) const EXTENSIONS_AT_ONCE: usize = 30;

/// A queue's list comes whole; a paging that never ends must.
const MAX_PAGES: usize = 200;

/// The form of a bulk answer that is one JSON document.
const MULTIPART_JSON: &str = "application/vnd.ringcentral.multipart+json";

/// The one host of the platform's API.
pub(super) fn origin() -> Result<Url, String> {
    Url::parse("https://platform.ringcentral.com/").map_err(|_| "the platform's address is no URL".to_owned())
}

/// The one host of RingCX.
pub(super) fn ringcx_origin() -> Result<Url, String> {
    Url::parse("https://ringcx.ringcentral.com/").map_err(|_| "the address of RingCX is no URL".to_owned())
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

/// A call queue's members with their flags, all of them, and when they were asked for.
pub(super) async fn members(
    upstream: &Upstream,
    account_id: &str,
    queue: &str,
) -> Result<(Document, SystemTime), Failure> {
    let url = queue_presence(upstream, account_id, queue);
    let (page, text, sent_at) = members_page(upstream, &url).await?;
    let mut following = next(&page, &url)?;
    let mut document = Document::new(page, Some(LIST), text);
    for _ in 1..MAX_PAGES {
        let Some(url) = following else { return Ok((document, sent_at)) };
        let (page, text, _) = members_page(upstream, &url).await?;
        following = next(&page, &url)?;
        document.join(page, text).map_err(|_| unexpected("a further page has no list"))?;
    }
    Err(unexpected("its list has no end"))
}

async fn members_page(upstream: &Upstream, url: &Url) -> Result<(Value, Str, SystemTime), Failure> {
    let answer = upstream.get(url).await?;
    if answer.status != 200 {
        return Err(failure(&answer));
    }
    let (page, text) = json(&answer)?;
    if page.is_object() { Ok((page, text, answer.sent_at)) } else { Err(unexpected("the body is no JSON object")) }
}

/// What one request says of several extensions.
#[derive(Debug, Default)]
pub(super) struct Presences {
    /// Each extension's presence, by its id. An extension that could not be read is not among them.
    pub(super) by_id: HashMap<String, Map<String, Value>>,
    /// The answer as received.
    pub(super) text: Option<Page>,
}

/// The presence of these extensions, at most [`EXTENSIONS_AT_ONCE`].
///
/// # Errors
/// Nothing was said of any of them, and why. That they are not there is no error.
pub(super) async fn presences(upstream: &Upstream, account_id: &str, ids: &[&str]) -> Result<Presences, Failure> {
    let mut url = upstream.url(&["restapi", "v1.0", "account", account_id, "extension", &ids.join(","), "presence"]);
    url.query_pairs_mut().append_pair("detailedTelephonyState", "true");
    let answer = upstream.send(&Ask::get(url).accepting(MULTIPART_JSON)).await?;
    if !matches!(answer.status, 200 | 207) {
        return match failure(&answer) {
            Failure::QueueNotFound { .. } => Ok(Presences::default()),
            failure => Err(failure),
        };
    }
    let (body, text) = json(&answer)?;
    let by_id = match (body, ids) {
        (Value::Array(parts), _) => parts_by_id(&parts, answer.sent_at)?,
        (Value::Object(presence), [id]) => HashMap::from([((*id).to_owned(), presence)]),
        _ => return Err(unexpected("the presence of several extensions is no list")),
    };
    Ok(Presences { by_id, text: Some(text.into()) })
}

/// The bodies of the parts that succeeded. Where none did, the first cause other than that an extension is gone.
fn parts_by_id(parts: &[Value], sent_at: SystemTime) -> Result<HashMap<String, Map<String, Value>>, Failure> {
    let mut by_id = HashMap::new();
    let mut refused = None;
    for part in parts {
        let id = part.get("resourceId").and_then(mapping::digits);
        match (id, part_status(part), part.get("body")) {
            (Some(id), Some(200), Some(Value::Object(presence))) => {
                by_id.insert(id, presence.clone());
            }
            (_, status, body) => refused = refused.or_else(|| part_failure(status, body, sent_at)),
        }
    }
    match refused {
        Some(failure) if by_id.is_empty() => Err(failure),
        _ => Ok(by_id),
    }
}

fn part_status(part: &Value) -> Option<u16> {
    part.get("status").and_then(count_in).and_then(|status| u16::try_from(status).ok())
}

/// Why a part is no presence; `None` where its extension is not there.
fn part_failure(status: Option<u16>, body: Option<&Value>, sent_at: SystemTime) -> Option<Failure> {
    let Some(status) = status.filter(|status| *status != 200) else {
        return Some(unexpected("a part of it is no presence of an extension"));
    };
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    match failure(&Answer { status, headers: HeaderMap::new(), body, sent_at }) {
        Failure::QueueNotFound { .. } => None,
        failure => Some(failure),
    }
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

/// Exchanges the secret's token for one of RingCX: the header that carries it, and when it was asked for.
pub(super) async fn exchange(upstream: &Upstream) -> Result<(HeaderValue, SystemTime), Failure> {
    let mut url = upstream.url(&["api", "auth", "login", "rc", "accesstoken"]);
    url.query_pairs_mut().append_pair("includeRefresh", "true");
    let ask = Ask::exchange(url, upstream, "rcAccessToken", &[("rcTokenType", "Bearer")]);
    let answer = upstream.send(&ask).await?;
    if answer.status != 200 {
        return Err(exchange_failure(answer));
    }
    let (body, _) = json(&answer)?;
    let token = body.get("accessToken").and_then(Value::as_str).map(str::trim);
    let token = token.filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    let token = token.ok_or_else(|| unexpected("the token exchange gave no accessToken"))?;
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Failure::Internal)?;
    header.set_sensitive(true);
    Ok((header, answer.sent_at))
}

/// What a refused exchange means. Its text is not repeated: it may quote the token.
fn exchange_failure(answer: Answer) -> Failure {
    let status = answer.status;
    let said = format!("the token exchange of RingCX answered {status}");
    match status {
        // Five a minute; how it says so is not published.
        400 | 403 | 429 => status_failure(&Answer { status: 429, ..answer }, said),
        401 | 500.. => status_failure(&answer, said),
        _ => unexpected(&said),
    }
}

/// A RingCX queue's availability, asked for with a token that was exchanged.
pub(super) async fn availability(
    upstream: &Upstream,
    sub_account_id: &str,
    queue: &str,
    authorization: HeaderValue,
) -> Result<Answer, Failure> {
    let path = ["voice", "api", "cx", "routing", "v1", "sub-accounts", sub_account_id, "queues", queue, "availability"];
    let mut url = upstream.url(&path);
    url.query_pairs_mut().append_pair("queueType", "Voice");
    upstream.send(&Ask::get(url).with_authorization(authorization)).await
}

/// The availability in an answer, and its text.
pub(super) fn available(answer: &Answer) -> Result<Document, Failure> {
    if answer.status != 200 {
        // The form of its errors is not published.
        return Err(status_failure(answer, format!("RingCX answered {}", answer.status)));
    }
    object(answer)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::parts_by_id;
    use crate::verdict::Reason;

    #[test]
    fn an_extensions_id_is_text_or_a_number() {
        let parts = [
            json!({"resourceId": "1", "status": 200, "body": {"userStatus": "Busy"}}),
            json!({"resourceId": 2, "status": "200", "body": {"userStatus": "Offline"}}),
        ];
        let by_id = parts_by_id(&parts, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(by_id["1"]["userStatus"], "Busy");
        assert_eq!(by_id["2"]["userStatus"], "Offline");
    }

    #[test]
    fn parts_that_all_fail_are_a_failure_unless_their_extensions_are_gone() {
        let part = |status: u16, code: &str| json!({"resourceId": "1", "status": status, "body": {"errorCode": code}});
        let gone = part(404, "CMN-102");
        let good = json!({"resourceId": "2", "status": 200, "body": {}});
        for (parts, expected) in [
            (vec![], Ok(0)),
            (vec![gone.clone(), gone.clone()], Ok(0)),
            (vec![gone.clone(), good.clone()], Ok(1)),
            (vec![part(500, "CMN-203"), good.clone()], Ok(1)),
            (vec![part(401, "OAU-128"), good], Ok(1)),
            (vec![gone, part(500, "CMN-203")], Err(Reason::ProviderError)),
            (vec![part(429, "CMN-301")], Err(Reason::RateLimited)),
            (vec![part(403, "CMN-408")], Err(Reason::AuthForbidden)),
            (vec![part(401, "TokenInvalid")], Err(Reason::AuthExpired)),
            (vec![json!({"resourceId": "1", "status": 200, "body": null})], Err(Reason::UnexpectedResponse)),
            (vec![json!({"resourceId": null, "status": 200, "body": {}})], Err(Reason::UnexpectedResponse)),
            (vec![json!({"resourceId": "1", "body": {}})], Err(Reason::UnexpectedResponse)),
            (vec![json!("part")], Err(Reason::UnexpectedResponse)),
        ] {
            let came_to = parts_by_id(&parts, SystemTime::UNIX_EPOCH).map(|by_id| by_id.len());
            assert_eq!(came_to.map_err(|failure| failure.reason()), expected, "{parts:?}");
        }
    }
}
