//! A provider behind TLS, on a thread of its own: a list of as many records as the queue's number says, and tokens.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use bytes::Bytes;
use callgate_benchmarks::answers::{RECORDS, calltools};
use callgate_tests::tls::Authority;
use callgate_tests::{HarnessError, Result};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Politely, as a server does that has waited long enough: FIN.
    Closed,
    /// As a load balancer does that knows nothing of it any more: RST.
    Reset,
}

/// A running provider; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Provider {
    address: SocketAddr,
    /// Counts how often all connections were ended.
    endings: watch::Sender<usize>,
    open: watch::Receiver<usize>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Provider {
    /// Starts it on a loopback port the system picks.
    pub(crate) fn start(authority: &Authority, ending: Ending) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (endings, ended) = watch::channel(0);
        let (opened, open) = watch::channel(0);
        let (stop, mut stopped) = mpsc::channel(1);
        let acceptor = authority.acceptor();
        let thread = std::thread::Builder::new().name("provider".to_owned()).spawn(move || {
            let lists = Lists::new();
            let serving = serve(listener, acceptor, ending, lists, ended, opened);
            runtime.block_on(async {
                tokio::select! { () = serving => {}, _ = stopped.recv() => {} }
            });
        })?;
        Ok(Self { address, endings, open, stop: Some(stop), thread: Some(thread) })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `https` origin.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Ends all connections, and waits until none is left.
    pub(crate) async fn end_connections(&self) -> Result<()> {
        self.endings.send_modify(|endings| *endings += 1);
        let none = self.open.clone().wait_for(|open| *open == 0).await.map(|_| ());
        none.map_err(|_| HarnessError::new("the provider has ended"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The runtime stops as soon as nobody can tell it to.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The answers, by the number of their records.
#[derive(Clone)]
struct Lists(Vec<(String, Bytes)>);

impl Lists {
    fn new() -> Self {
        Self(RECORDS.iter().map(|records| (records.to_string(), Bytes::from(calltools(*records)))).collect())
    }

    fn of(&self, query: &str) -> Option<Bytes> {
        let queue = query.split('&').find_map(|pair| pair.strip_prefix("queue="))?;
        self.0.iter().find(|(records, _)| records == queue).map(|(_, list)| list.clone())
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ending: Ending,
    lists: Lists,
    ended: watch::Receiver<usize>,
    opened: watch::Sender<usize>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (acceptor, lists, mut ended, opened) = (acceptor.clone(), lists.clone(), ended.clone(), opened.clone());
        ended.mark_unchanged();
        opened.send_modify(|open| *open += 1);
        connections.spawn(async move {
            tokio::select! {
                _ = ended.changed() => {}
                () = converse(acceptor, stream, ending, lists) => {}
            }
            opened.send_modify(|open| *open -= 1);
        });
    }
}

async fn converse(acceptor: TlsAcceptor, stream: TcpStream, ending: Ending, lists: Lists) {
    drop(stream.set_nodelay(true));
    if ending == Ending::Reset {
        // Whatever is unsent when the socket is closed is thrown away, and the other side is told so by RST.
        drop(stream.set_zero_linger());
    }
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let answered = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&request, &lists);
        async move { Ok::<_, Infallible>(answer) }
    });
    // A client that hangs up ends its connection and nothing else.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answered).await);
}

fn answer(request: &Request<Incoming>, lists: &Lists) -> Response<Full<Bytes>> {
    let body = match *request.method() {
        Method::GET => lists.of(request.uri().query().unwrap_or_default()),
        Method::HEAD => Some(Bytes::new()),
        Method::POST => {
            let token = json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399});
            Some(Bytes::from(token.to_string()))
        }
        _ => None,
    };
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut answer = Response::new(Full::new(body.unwrap_or_default()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}

const TOKEN: &str = "benchmarks-access-token-0123456789abcdef0123456789abcdef";
