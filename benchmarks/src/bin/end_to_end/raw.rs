//! The least that a check can cost: a GET on an open TLS connection, read to its end, and nothing done with it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use callgate_tests::tls::Authority;
use callgate_tests::{HarnessError, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::provider::Provider;

/// An open connection to the provider.
pub(crate) struct RawGet {
    stream: StreamOwned<ClientConnection, TcpStream>,
    host: String,
    buffer: Vec<u8>,
}

impl RawGet {
    /// Connects.
    pub(crate) fn connect(authority: &Authority, provider: &Provider) -> Result<Self> {
        let tcp = TcpStream::connect(provider.address())?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(provider.address().ip());
        let stream = StreamOwned::new(ClientConnection::new(authority.client()?, name)?, tcp);
        Ok(Self { stream, host: provider.address().to_string(), buffer: vec![0; 2 << 20] })
    }

    /// Reads the list with so many records, and says how long that took.
    pub(crate) fn get(&mut self, records: usize) -> Result<Duration> {
        let started = Instant::now();
        let request = format!("GET /api/agentstatuses/?queue={records} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes())?;
        self.stream.flush()?;
        let mut filled = 0;
        let mut expected = None;
        while expected.is_none_or(|expected| filled < expected) {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            match self.stream.read(room)? {
                0 => return Err(HarnessError::new("the provider's answer ended early, or is too large")),
                read => filled += read,
            }
            if expected.is_none() {
                expected = whole_length(self.buffer.get(..filled).unwrap_or_default());
            }
        }
        Ok(started.elapsed())
    }
}

/// The length of an answer, head included, as soon as the head is there.
fn whole_length(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(received.get(..end)?).ok()?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    Some(end + length.trim().parse::<usize>().ok()?)
}
