//! The provider below HTTP: connections refused, cut, broken off, and kept open after their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callgate::providers::calltools::CallTools;
use callgate::providers::portsip::PortSip;
use callgate_tests::providers::PROVIDERS;
use callgate_tests::sockets::{ProviderSocket, RefusingPort};
use callgate_tests::verdicts::assert_policy;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::answers::at_first;
use crate::desk::{Desk, assert_says, assert_unknown, verdict_at};

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Act {
    /// Answers it and waits for the next.
    Answer,
    /// Answers it and closes the connection.
    AnswerAndClose,
    /// Resets the connection.
    Reset,
    /// Closes the connection.
    Close,
    /// Sends these bytes and closes the connection.
    Send(&'static [u8]),
    /// Sends these bytes and says no more.
    SendAndHang(&'static [u8]),
    /// Sends a head of 800 KB.
    LongHead,
    /// Sends a head, and a body without end.
    Endless,
}

/// What is done, by the connection's number and the request's number on it, both from 0.
type Script = fn(usize, usize) -> Act;

/// A server of raw bytes.
struct Wire {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Wire {
    async fn start(act: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let counters = (Arc::clone(&connections), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = counters.0.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(stream, connection, act, Arc::clone(&counters.1)));
            }
        });
        Self { url, connections, requests, task }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(mut stream: TcpStream, connection: usize, act: Script, requests: Arc<AtomicUsize>) {
    for number in 0.. {
        let Some(target) = next_request(&mut stream).await else { return };
        requests.fetch_add(1, Ordering::SeqCst);
        match act(connection, number) {
            Act::Answer => stream.write_all(&answer(&target)).await.unwrap(),
            Act::AnswerAndClose => return stream.write_all(&answer(&target)).await.unwrap(),
            Act::Reset => return stream.set_zero_linger().unwrap(),
            Act::Close => return,
            Act::Send(bytes) => {
                stream.write_all(bytes).await.unwrap();
                return stream.shutdown().await.unwrap();
            }
            Act::SendAndHang(bytes) => {
                stream.write_all(bytes).await.unwrap();
                // Until the other side goes.
                while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
                return;
            }
            Act::LongHead => {
                let line = format!("x-filler: {}\r\n", "x".repeat(4000));
                let head = format!("HTTP/1.1 200 OK\r\n{}content-length: 2\r\n\r\n{{}}", line.repeat(200));
                // The other side may hang up half-way.
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
            Act::Endless => {
                let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 65_536], b"\r\n"].concat();
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
                while stream.write_all(&chunk).await.is_ok() {}
                return;
            }
        }
    }
}

/// Reads one request and gives its target.
async fn next_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).unwrap().split(' ').nth(1).map(str::to_owned)
}

/// What a provider with eight ready agents answers, whichever provider it is.
fn answer(target: &str) -> Vec<u8> {
    let items: Vec<_> = (101..109).map(|number| json!({"extension_number": number.to_string()})).collect();
    let record = json!({"acceptCurrentQueueCalls": true});
    let status = if target.ends_with("/status") { "ONLINE" } else { "READY" };
    let body = json!({"count": 8, "total": 8, "status": status, "items": items, "records": [record]}).to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let port = RefusingPort::reserve().unwrap();
    for provider in PROVIDERS {
        for (on_unknown, accepts) in [("reject", false), ("accept", true)] {
            let verdict = verdict_at(provider, &port.url(), json!({"on_unknown": on_unknown})).await;
            assert_policy(&verdict, "provider_unreachable", accepts);
        }
    }
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_tried_once_on_a_fresh_one() {
    let cuts: [Script; 2] = [
        |connection, _| if connection == 0 { Act::Reset } else { Act::Answer },
        |connection, _| if connection == 0 { Act::Close } else { Act::Answer },
    ];
    for cut in cuts {
        for provider in PROVIDERS {
            let wire = Wire::start(cut).await;
            let verdict = verdict_at(provider, &wire.url, json!({})).await;
            assert_says(provider.name, &verdict, &json!({"reason": "ok", "source": "live"}));
        }
        let wire = Wire::start(cut).await;
        let verdict = Desk::<CallTools>::sending_to(&wire.url).ask(json!({})).await;
        assert_eq!((wire.connections(), wire.requests()), (2, 2));
        assert_eq!(verdict["upstream_requests"], 2);
    }
    let wire = Wire::start(|_, _| Act::Reset).await;
    let verdict = Desk::<CallTools>::sending_to(&wire.url).ask(json!({})).await;
    assert_policy(&verdict, "provider_unreachable", false);
    assert_eq!((wire.connections(), wire.requests()), (2, 2));
}

#[tokio::test]
async fn connections_the_provider_has_ended_cost_no_verdict() {
    let closes = Wire::start(|_, _| Act::AnswerAndClose).await;
    let resets = Wire::start(|_, number| if number == 0 { Act::Answer } else { Act::Reset }).await;
    for wire in [closes, resets] {
        let desk = Desk::<CallTools>::sending_to(&wire.url);
        for _ in 0..50 {
            let verdict = desk.ask(json!({})).await;
            assert_eq!(verdict["reason"], "ok", "{verdict:#}");
        }
        assert!(wire.connections() <= 51, "{}", wire.connections());
    }
}

#[tokio::test]
async fn a_retry_does_not_take_another_connection_of_the_same_age() {
    // Several connections are kept from one check to the next; each is reset by a later request.
    let wire = Wire::start(|_, number| if number < 4 { Act::Answer } else { Act::Reset }).await;
    let desk = Desk::<PortSip>::sending_to(&wire.url);
    let all = json!({"acceptance": crate::desk::agents("available", "equals", 8)});
    for _ in 0..20 {
        let verdict = desk.ask(all.clone()).await;
        assert_eq!(verdict["reason"], "ok", "{verdict:#}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_or_breaks_off_is_unexpected() {
    let cases: [(&str, Script); 9] = [
        ("no HTTP", |_, _| Act::Send(b"220 smtp.example ESMTP\r\n")),
        ("HTTP/9", |_, _| Act::Send(b"HTTP/9.9 200 OK\r\n\r\n")),
        ("cut in the body", |_, _| Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"count\": 5")),
        ("a whole document, and more promised", |_, _| {
            Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"count\": 5, \"total\": 5}")
        }),
        ("less promised than sent", |_, _| {
            Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"count\": 5, \"total\": 5}")
        }),
        ("two lengths", |_, _| {
            Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 12\r\n\r\n{\"count\": 5}")
        }),
        ("cut in a chunk", |_, _| Act::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"count\"")),
        ("no end", |_, _| Act::Endless),
        ("a head beyond measure", |_, _| Act::LongHead),
    ];
    for (what, act) in cases {
        for provider in PROVIDERS {
            let wire = Wire::start(act).await;
            let verdict = verdict_at(provider, &wire.url, json!({})).await;
            assert_unknown(&format!("{provider}: {what}"), &verdict, "unexpected_response");
            assert_eq!(wire.requests(), at_first(provider), "{provider}: {what}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_stops_short_is_waited_for_until_the_deadline() {
    let deadline = Duration::from_millis(800);
    let stops: [Script; 3] = [
        |_, _| Act::SendAndHang(b""),
        |_, _| Act::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-"),
        |_, _| Act::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"count\": 5"),
    ];
    for stop in stops {
        let wire = Wire::start(stop).await;
        let asked = Instant::now();
        let verdict = Desk::<CallTools>::sending_to(&wire.url).ask(json!({"deadline_ms": 800})).await;
        assert!(asked.elapsed() < deadline, "{:?}", asked.elapsed());
        assert_policy(&verdict, "provider_timeout", false);
        assert_eq!(wire.requests(), 1);
    }
}

#[tokio::test]
async fn nothing_is_left_running_after_a_timeout() {
    for provider in PROVIDERS {
        let socket = ProviderSocket::silent().await.unwrap();
        let verdict = verdict_at(provider, &socket.url(), json!({"deadline_ms": 200})).await;
        assert_policy(&verdict, "provider_timeout", false);
        let all_closed = socket.seen_that(|seen| seen.connections > 0 && seen.closed == seen.connections);
        tokio::time::timeout(Duration::from_secs(30), all_closed).await.unwrap();
    }
}
