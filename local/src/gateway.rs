//! The local gateway: the HTTP API on a port of this machine, in place of API Gateway.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use callgate::providers::ProviderName;
use callgate::request::MAX_REQUEST_BYTES;
use callgate::routes::{self, HttpAnswer, HttpRequest};
use tokio::net::TcpListener;

use crate::gates::Gates;

/// A gateway that is bound to its port and not serving yet.
#[derive(Debug)]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
}

impl Gateway {
    /// Binds a port of 127.0.0.1; 0 lets the system pick one.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// `http://127.0.0.1:{port}`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `end` comes.
    ///
    /// # Errors
    /// The socket fails.
    pub async fn serve(self, gates: Arc<Gates>, end: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let router = Router::new().fallback(answer).with_state(gates);
        axum::serve(self.listener, router).with_graceful_shutdown(end).await
    }
}

/// What API Gateway passes on at most.
const MAX_GATEWAY_BYTES: usize = 10 << 20;

async fn answer(State(gates): State<Arc<Gates>>, request: Request<Body>) -> Response<Body> {
    let received_at = Some(SystemTime::now());
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default();
    let provider = path.strip_prefix("/v1/check/").and_then(|rest| rest.split('/').next());
    let answer = match provider.and_then(ProviderName::from_name) {
        None => routes::no_such_path(),
        Some(provider) => match to_bytes(body, MAX_GATEWAY_BYTES).await {
            Err(_) => routes::too_large(),
            Ok(body) => {
                let request = HttpRequest {
                    method: parts.method.as_str().to_owned(),
                    path,
                    query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
                    body: body.to_vec(),
                    // API Gateway knows its keys by id; here the key is its own id.
                    api_key_id: parts.headers.get("x-api-key").and_then(|key| key.to_str().ok()).map(str::to_owned),
                    received_at,
                };
                gates.respond(provider, &request).await
            }
        },
    };
    write(answer)
}

fn write(answer: HttpAnswer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    // Status and headers are constants of ours: there is nothing to fail on.
    response.body(Body::from(answer.body)).unwrap_or_default()
}

const _: () = assert!(MAX_REQUEST_BYTES < MAX_GATEWAY_BYTES, "the API names the fault before the gateway does");
