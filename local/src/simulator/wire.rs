//! A request as a simulated provider sees it, and the answer it gives.

use std::fmt::Write as _;

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use super::layout::Layout;

/// A request, its body read.
#[derive(Debug)]
pub struct Request {
    /// The method in capitals.
    pub method: String,
    /// The path as received, percent-encoding included.
    pub path: String,
    /// The query as received, without its `?`; empty where there is none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    parameters: Vec<(String, String)>,
}

impl Request {
    /// A request from the parts the server read.
    #[must_use]
    pub fn new(method: &str, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let parameters = Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self {
            method: method.to_ascii_uppercase(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            parameters: parameters.map(|Query(list)| list).unwrap_or_default(),
        }
    }

    /// The path's parts between its slashes, decoded one by one so that an encoded slash stays in its part.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        let parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.map(decode).collect()
    }

    /// The query's parameters in order, decoded.
    #[must_use]
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The last value of a parameter, as most frameworks read it.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().rev();
        values.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter, given repeatedly, joined by commas, or both.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        let given = self.parameters.iter().filter(|(key, _)| key == name);
        let values = given.flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// A header's value, where it is readable text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The credential of an `Authorization` header of this scheme, case aside.
    #[must_use]
    pub fn credential(&self, scheme: &str) -> Option<&str> {
        let (given, credential) = self.header("authorization")?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then(|| credential.trim())
    }

    /// The id and the secret of a `Basic` credential.
    #[must_use]
    pub fn basic(&self) -> Option<(String, String)> {
        let pair = String::from_utf8(STANDARD.decode(self.credential("basic")?).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    }

    /// The body as a form, where the content type says that it is one.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        let content_type = self.header("content-type")?.split(';').next()?.trim();
        let is_form = content_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        is_form.then(|| Form(form_urlencoded::parse(&self.body).into_owned().collect()))
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// The fields of a form body.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// A field's value. One without a value is as good as absent.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let entry = self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        entry.map(|(_, value)| value.as_str())
    }
}

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, `Content-Length` aside.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, document: &Value, layout: Layout) -> Self {
        Self::text(status, "application/json", layout.render(document))
    }

    /// An answer with a body of any type.
    #[must_use]
    pub fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::empty(status).body(body).header("Content-Type", content_type)
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// The answer with a header set, in place of one of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The answer with a header set to a number, in place of one of that name.
    #[must_use]
    pub fn number(self, name: &str, value: u64) -> Self {
        self.header(name, &value.to_string())
    }

    /// The answer with another body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// A query's value percent-encoded: everything but letters, digits and `-._~`.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A path's part without its percent-encoding; a broken escape stays as it is.
fn decode(part: &str) -> String {
    let mut decoded = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = (first == b'%').then(|| after.split_at_checked(2)).flatten();
        let byte = escape.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = byte.unwrap_or((first, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request {
        Request::new("get", &uri.parse().unwrap(), HeaderMap::new(), Bytes::new())
    }

    #[test]
    fn a_path_is_decoded_part_by_part() {
        let request = request("/account/%7E/queues/a%2Fb/100%/");
        assert_eq!(request.segments(), ["account", "~", "queues", "a/b", "100%"]);
    }

    #[test]
    fn a_list_may_be_repeated_or_joined_by_commas() {
        let request = request("/x?expand=presence&expand=a,b&presence=On%20Queue&other=1");
        assert_eq!(request.list("expand"), ["presence", "a", "b"]);
        assert_eq!(request.parameter("presence"), Some("On Queue"));
        assert_eq!(request.parameter("absent"), None);
    }

    #[test]
    fn a_form_is_one_by_its_content_type() {
        let with_type = |content_type: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", content_type.parse().unwrap());
            let body = Bytes::from_static(b"grant_type=a%3Ab&empty=&x=1+2");
            Request::new("POST", &"/".parse().unwrap(), headers, body).form()
        };
        let form = with_type("Application/X-WWW-Form-URLencoded; charset=utf-8").unwrap();
        assert_eq!((form.field("grant_type"), form.field("x")), (Some("a:b"), Some("1 2")));
        assert_eq!((form.field("empty"), form.field("absent")), (None, None));
        assert!(with_type("application/json").is_none());
    }

    #[test]
    fn a_basic_credential_is_split_at_its_first_colon() {
        let given = |authorization: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", authorization.parse().unwrap());
            Request::new("POST", &"/".parse().unwrap(), headers, Bytes::new()).basic()
        };
        assert_eq!(given("Basic aWQ6c2U6Y3JldA=="), Some(("id".to_owned(), "se:cret".to_owned())));
        assert_eq!(given("Bearer aWQ6c2U6Y3JldA=="), None);
        assert_eq!(given("Basic ?"), None);
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        assert_eq!(encode("On Queue&ä"), "On%20Queue%26%C3%A4");
        assert_eq!(decode(&encode("On Queue&ä")), "On Queue&ä");
    }
}
