//! A client that says on the wire what it is told, and notices an answer that breaks off.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// No answer takes longer, unless a test is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) text: String,
    headers: Vec<(String, String)>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let entry = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        entry.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

pub(crate) async fn get(base_url: &str, target: &str, authorization: &str) -> Response {
    let answer = try_get(base_url, target, authorization).await;
    answer.unwrap_or_else(|error| panic!("GET {target}: {error}"))
}

pub(crate) async fn try_get(base_url: &str, target: &str, authorization: &str) -> io::Result<Response> {
    send(base_url, "GET", target, &[("Authorization", authorization)], "").await
}

pub(crate) async fn post(base_url: &str, target: &str, authorization: &str, body: &Value) -> Response {
    let headers = [("Authorization", authorization), ("Content-Type", "application/json")];
    let answer = send(base_url, "POST", target, &headers, &body.to_string()).await;
    answer.unwrap_or_else(|error| panic!("POST {target}: {error}"))
}

/// Posts a form as it is written.
pub(crate) async fn post_form(base_url: &str, target: &str, authorization: &str, form: &str) -> Response {
    let headers = [("Authorization", authorization), ("Content-Type", "application/x-www-form-urlencoded")];
    let answer = send(base_url, "POST", target, &headers, form).await;
    answer.unwrap_or_else(|error| panic!("POST {target}: {error}"))
}

/// An `Authorization` header of an id and a secret.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Sends one request on a connection of its own. An empty header value leaves the header out.
pub(crate) async fn send(
    base_url: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let host = base_url.trim_start_matches("http://").to_owned();
    let given = headers.iter().filter(|(_, value)| !value.is_empty());
    let given: Vec<String> = given.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let message = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{body}",
        body.len(),
        given.concat(),
    );
    let exchange = tokio::task::spawn_blocking(move || exchange(&host, &message));
    parse(&exchange.await.unwrap()?)
}

fn exchange(host: &str, message: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(message.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &[u8]) -> io::Result<Response> {
    let broken_off = || io::Error::from(ErrorKind::UnexpectedEof);
    let text = String::from_utf8_lossy(answer);
    let (head, text) = text.split_once("\r\n\r\n").ok_or_else(broken_off)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let response =
        Response { status: status.ok_or_else(broken_off)?, text: text.to_owned(), headers: headers.collect() };
    let promised = response.header("content-length").and_then(|length| length.parse().ok());
    let promised: usize = promised.ok_or_else(broken_off)?;
    if promised != text.len() {
        let message = format!("{} of {promised} bytes", text.len());
        return Err(io::Error::new(ErrorKind::UnexpectedEof, message));
    }
    Ok(response)
}
