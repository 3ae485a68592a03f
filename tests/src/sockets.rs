//! Endpoints below HTTP: a port that refuses every connection, and a provider that counts its connections.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Result;

/// A port on which every connection is refused; it stays reserved while this lives.
#[derive(Debug)]
pub struct RefusingPort {
    address: SocketAddr,
    /// Bound and never listening, so that nothing else gets the port.
    _reserved: TcpSocket,
}

impl RefusingPort {
    /// Reserves a port the system picks.
    ///
    /// # Errors
    /// When none can be bound.
    pub fn reserve() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { address: socket.local_addr()?, _reserved: socket })
    }

    /// The plain-http origin.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A provider that accepts connections, keeps what it is sent, and answers nothing or 404; dropping it ends it.
#[derive(Debug)]
pub struct ProviderSocket {
    address: SocketAddr,
    seen: Arc<watch::Sender<Seen>>,
    task: JoinHandle<()>,
}

/// What a [`ProviderSocket`] has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Connections accepted.
    pub connections: usize,
    /// Connections the other side has closed.
    pub closed: usize,
    /// Everything received, over all connections.
    pub received: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Silent,
    NotFound,
}

impl ProviderSocket {
    /// Starts a provider that takes requests and never answers one.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn silent() -> Result<Self> {
        Self::start(Manner::Silent).await
    }

    /// Starts a provider that answers every request with an empty 404.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn not_found() -> Result<Self> {
        Self::start(Manner::NotFound).await
    }

    async fn start(manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(watch::Sender::default());
        let task = tokio::spawn(accept(listener, Arc::clone(&seen), manner));
        Ok(Self { address, seen, task })
    }

    /// The plain-http origin.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until what it has seen satisfies `condition`; the caller bounds the wait.
    pub async fn seen_that(&self, condition: impl FnMut(&Seen) -> bool) {
        // The sender lives in `self`, so the channel cannot be closed.
        drop(self.seen.subscribe().wait_for(condition).await);
    }
}

impl Drop for ProviderSocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, seen: Arc<watch::Sender<Seen>>, manner: Manner) {
    // Ends every conversation together with this task.
    let mut conversations = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        seen.send_modify(|seen| seen.connections += 1);
        conversations.spawn(converse(stream, Arc::clone(&seen), manner));
    }
}

async fn converse(stream: TcpStream, seen: Arc<watch::Sender<Seen>>, manner: Manner) {
    let mut unanswered = Vec::new();
    let mut buffer = [0; 4096];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let received = buffer.iter().take(read);
                seen.send_modify(|seen| seen.received.extend(received.clone()));
                unanswered.extend(received);
                if manner == Manner::NotFound && unanswered.ends_with(b"\r\n\r\n") {
                    unanswered.clear();
                    // A short answer on an idle connection fits the socket's buffer; a peer that is gone ends the loop.
                    drop(stream.try_write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_reset) => break,
        }
    }
    seen.send_modify(|seen| seen.closed += 1);
}
