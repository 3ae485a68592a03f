//! What all providers' answers have in common: JSON bodies, statuses, `Retry-After`.

use std::time::{Duration, SystemTime};

use bytes_utils::Str;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::Value;

use crate::failure::Failure;
use crate::http::Answer;
use crate::need::Need;
use crate::projection::Projection;
use crate::snapshot::{Document, Snapshot};

/// The body as JSON, and as the text that was received.
///
/// # Errors
/// It is no JSON, and where that shows.
pub(crate) fn json(answer: &Answer) -> Result<(Value, Str), Failure> {
    let text = text(answer)?;
    let value = crate::json::parse(&text).map_err(|error| no_json(&error))?;
    Ok((value, text))
}

/// The body as text, shared and not copied.
///
/// # Errors
/// It is no UTF-8.
pub(super) fn text(answer: &Answer) -> Result<Str, Failure> {
    Str::try_from(answer.body.clone()).map_err(|_| unexpected("the body is not UTF-8 text"))
}

/// The failure of a body that is no JSON.
pub(super) fn no_json(error: &serde_json::Error) -> Failure {
    unexpected(&format!("the body is no JSON (line {}, column {})", error.line(), error.column()))
}

/// The body as a document without a list of records: all of it is kept.
///
/// # Errors
/// It is no JSON object.
pub(super) fn object(answer: &Answer) -> Result<Document, Failure> {
    let document = Document::read(text(answer)?, None, &Projection::Whole).map_err(|error| no_json(&error))?;
    if document.root().is_object() { Ok(document) } else { Err(unexpected("the body is no JSON object")) }
}

/// The failure that a status means for every provider, with what the provider said. 200 is not one.
pub(crate) fn status_failure(answer: &Answer, said: String) -> Failure {
    match answer.status {
        400 => Failure::InvalidQuery { said },
        401 => Failure::AuthExpired { said },
        403 => Failure::AuthForbidden { said },
        404 => Failure::QueueNotFound { said },
        429 => Failure::RateLimited { said, retry_after: retry_after(&answer.headers, SystemTime::now()) },
        status @ 500.. => Failure::ProviderError { status },
        status => unexpected(&format!("its status is {status}")),
    }
}

/// Whether a failure half-way through is one that a newer token may mend, with the outcome still open.
pub(super) fn awaits_a_newer_token(failure: &Failure, snapshot: &Snapshot, need: &Need<'_>) -> bool {
    matches!(failure, Failure::AuthExpired { .. }) && need.evaluate(snapshot).outcomes.decided().is_none()
}

/// Whether a failure means the account as a whole, so that asking on is of no use and only costs.
pub(super) fn concerns_the_account(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::AuthExpired { .. }
            | Failure::AuthForbidden { .. }
            | Failure::RateLimited { .. }
            | Failure::NotAsked { .. }
    )
}

/// What the provider says, fit for a message: short, on one line, printable.
pub(crate) fn said(parts: &[Option<&str>]) -> String {
    let joined = parts.iter().flatten().copied().collect::<Vec<_>>().join(": ");
    let shown: String = joined.chars().filter(|letter| !letter.is_control()).take(MAX_SAID).collect();
    if shown.is_empty() { "no details given".to_owned() } else { shown }
}

/// A failure of the answer's shape.
pub(super) fn unexpected(problem: &str) -> Failure {
    Failure::UnexpectedResponse { problem: problem.to_owned() }
}

const MAX_SAID: usize = 160;
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// How long a provider wants to be left alone: seconds or an HTTP date, at most five minutes. `None`: it does not say.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let written = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match written.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => Duration::try_from_secs_f64(seconds).unwrap_or(MAX_RETRY_AFTER),
        Ok(_) => return None,
        Err(_) => httpdate::parse_http_date(written).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, HeaderValue};

    #[test]
    fn retry_after_is_read_in_every_form_and_capped() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_700);
        for (written, expected) in [
            ("60", Some(60)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(77)),
            ("Sat, 06 Nov 1993 08:49:37 GMT", Some(0)),
            ("1e12", Some(300)),
            ("1000000000000", Some(300)),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static(written));
            assert_eq!(super::retry_after(&headers, now), expected.map(Duration::from_secs), "{written:?}");
        }
        assert_eq!(super::retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn provider_text_cannot_forge_lines() {
        assert_eq!(super::said(&[Some("a\r\nb\u{1b}[31m"), None, Some("c")]), "ab[31m: c");
        assert_eq!(super::said(&[Some("x".repeat(1000).as_str())]).len(), 160);
        assert_eq!(super::said(&[None]), "no details given");
    }
}
