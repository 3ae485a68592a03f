//! Serving a simulated provider over HTTP/1.1, down to connections that break off.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::faults::{Effect, Fault};
use super::wire::{Answer, Request};
use super::{Provider, RecordedRequest, Shared, control, lock};

/// No request to a simulated provider is longer.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Serves until `ended` says so, then lets answers under way go out.
pub(super) async fn serve<P: Provider>(
    listener: TcpListener,
    shared: Arc<Shared<P>>,
    mut ended: watch::Receiver<bool>,
) -> io::Result<()> {
    let service = Router::new().fallback(answer::<P>).with_state(shared);
    let service = service.into_make_service_with_connect_info::<Cut>();
    axum::serve(Connections(listener), service)
        .with_graceful_shutdown(async move {
            // An error means that the handle is gone, which ends the simulator too.
            let _ = ended.wait_for(|ended| *ended).await;
        })
        .await
}

async fn answer<P: Provider>(
    State(shared): State<Arc<Shared<P>>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HttpRequest,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return send(Answer::empty(413));
    };
    let request = Request::new(head.method.as_str(), &head.uri, head.headers, body);
    let controlled = control::answer(&request, &mut *lock(&shared.provider), &shared.faults);
    if let Some(answer) = controlled {
        return send(answer);
    }
    // The fault is chosen before the request shows in the record: who sees it there can release it.
    let fault = shared.faults.take(&request);
    let released = shared.faults.next_release();
    shared.record(RecordedRequest::of(&request));
    let Some(fault) = fault else {
        let answer = lock(&shared.provider).answer(&request);
        return send(answer);
    };
    shared.unless_ended(tokio::time::sleep(fault.delay)).await;
    if fault.is_held {
        shared.unless_ended(released).await;
    }
    faulty(&shared, &request, fault, &cut)
}

fn faulty<P: Provider>(shared: &Shared<P>, request: &Request, fault: Fault, cut: &Cut) -> Response<Body> {
    let own = || lock(&shared.provider).answer(request);
    let answer = match fault.effect {
        Effect::Pass => own(),
        Effect::Fail(failure) => lock(&shared.provider).failure_of(request, failure),
        Effect::Replace(status, body) => Answer::empty(status).body(body),
        Effect::Truncate(kept_bytes) => {
            let answer = own();
            if kept_bytes < answer.body.len() {
                cut.set(Allowance::Head { then: kept_bytes });
            }
            answer
        }
        Effect::Disconnect => {
            cut.set(Allowance::Bytes(0));
            Answer::empty(500)
        }
    };
    let headers = fault.headers.iter();
    let answer = headers.fold(answer, |answer, (name, value)| answer.header(name, value));
    send(answer)
}

/// The answer as axum sends it.
fn send(answer: Answer) -> Response<Body> {
    let length = answer.body.len();
    let mut response = Response::new(Body::from(answer.body));
    let status = StatusCode::from_u16(answer.status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert("content-length", HeaderValue::from(length));
    response
}

/// Accepts connections that can be cut from within.
struct Connections(TcpListener);

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let cut = Cut::default();
        (Connection { stream, cut }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The handle that cuts one connection: a limit to what it still lets out.
#[derive(Clone, Debug, Default)]
struct Cut(Arc<Mutex<Allowance>>);

#[derive(Clone, Copy, Debug, Default)]
enum Allowance {
    /// Whatever there is.
    #[default]
    Everything,
    /// The head of the next answer, and so many bytes of its body.
    Head { then: usize },
    /// So many bytes. The write after them fails, and the server drops the connection.
    Bytes(usize),
}

impl Cut {
    fn set(&self, allowance: Allowance) {
        *lock(&self.0) = allowance;
    }

    /// How much of these bytes may go out, where there is a limit.
    fn limit(&self, bytes: &[u8]) -> Option<usize> {
        match *lock(&self.0) {
            Allowance::Everything => None,
            Allowance::Bytes(left) => Some(left),
            Allowance::Head { then } => {
                let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
                Some(end + 4 + then)
            }
        }
    }
}

impl Connected<IncomingStream<'_, Connections>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.io().cut.clone()
    }
}

struct Connection {
    stream: TcpStream,
    cut: Cut,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(limit) = self.cut.limit(bytes) else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        if limit == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let allowed = bytes.get(..limit).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, allowed))?;
        self.cut.set(Allowance::Bytes(limit - written));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
