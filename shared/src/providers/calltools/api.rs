//! `CallTools` on the wire: URLs, pages and error bodies.

use serde_json::{Map, Value};
use url::Url;

use super::CallToolsOptions;
use crate::credentials::text;
use crate::failure::Failure;
use crate::http::{Answer, Upstream};
use crate::providers::list::linked_page;
use crate::providers::response::{json, said, status_failure};

/// The field with the records.
pub(super) const LIST: &str = "results";

/// The field with their number over all pages.
pub(super) const COUNT: &str = "count";

/// How many records of the list a page is asked to have.
#[derive(Clone, Copy)]
pub(super) enum Page {
    /// Nothing is said: 25.
    AsTheApiHasIt,
    /// One, where only the number of records matters.
    OneRecord,
    /// The most there can be.
    Largest,
}

/// The account's host: `silo` is `east-1`, or what people copy from their address bar.
pub(super) fn origin(secret: &Map<String, Value>) -> Result<Url, String> {
    let silo = text(secret, "silo")?.ok_or("silo or base_url is missing; write the silo, such as east-1")?;
    let name = silo.trim().trim_start_matches("https://").trim_end_matches('/').trim_end_matches(".calltools.io");
    let known_form = name.split_once('-').is_some_and(|(region, number)| {
        !region.is_empty()
            && region.bytes().all(|byte| byte.is_ascii_lowercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !known_form {
        return Err("silo is no silo; write it as in the login address, such as east-1".to_owned());
    }
    Url::parse(&format!("https://{name}.calltools.io/")).map_err(|_| "silo is no silo".to_owned())
}

/// The agent statuses of a queue. An option that is not given leaves its parameter out.
pub(super) fn agent_statuses(upstream: &Upstream, queue: &str, options: &CallToolsOptions, page: Page) -> Url {
    let mut url = upstream.url(&["api", "agentstatuses", ""]);
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("queue", queue);
        if let Some(id) = &options.agent_status_id {
            query.append_pair("agent_status_id", id);
        }
        if let Some(ready) = options.ready {
            query.append_pair("ready", if ready { "true" } else { "false" });
        }
        match page {
            Page::AsTheApiHasIt => {}
            Page::OneRecord => {
                query.append_pair("page_size", "1");
            }
            Page::Largest => {
                query.append_pair("page_size", "250");
            }
        }
    }
    url
}

/// The page after this one.
pub(super) fn next(page: &Value, from: &Url) -> Result<Option<Url>, Failure> {
    page.get("next").and_then(Value::as_str).map(|link| linked_page(link, from)).transpose()
}

/// How many records there are in all.
pub(super) fn total(page: &Value) -> Option<u64> {
    page.get(COUNT).and_then(Value::as_u64)
}

/// What an answer other than 200 means.
pub(super) fn failure(answer: &Answer) -> Failure {
    let body = json(answer).map(|(body, _)| body).unwrap_or_default();
    let detail = body.get("detail").and_then(Value::as_str);
    match answer.status {
        400 if body.get("queue").is_some() => {
            let problem = body.pointer("/queue/0").and_then(Value::as_str);
            Failure::QueueNotFound { said: said(&[Some("queue"), problem]) }
        }
        // A key that is unknown is refused with either status.
        403 if detail.is_some_and(|detail| detail.to_ascii_lowercase().contains("token")) => {
            Failure::AuthExpired { said: said(&[detail]) }
        }
        // The queue is not part of the path: this is the wrong silo or host.
        404 => Failure::InvalidQuery { said: said(&[Some("no such path; check silo or base_url"), detail]) },
        _ => status_failure(answer, said(&[detail])),
    }
}
