//! The four providers as stateful HTTP services on this machine, with queues, agents, tokens, pages, limits and faults.
//!
//! They are written from the providers' own definitions and share no code with the adapters that ask them, so that they do
//! not share a mistake with them either. Each answers in one of two [dialects](Dialect). A handle, the [`Simulator`],
//! shows what was asked and changes what is answered; a person does the same with curl under `/_simulator/`:
//!
//! ```text
//! curl $BASE/_simulator/state
//! curl -X PUT $BASE/_simulator/queues/5457/agents/101 -d '{"status": "Lunch"}'
//! curl -X POST $BASE/_simulator/faults -d '{"failure": "rate_limited", "times": 3}'
//! ```

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub mod calltools;
mod clients;
pub mod clock;
pub mod control;
mod document;
pub mod faults;
pub mod genesys_cloud;
pub mod layout;
pub mod portsip;
pub(crate) mod quota;
pub mod ringcentral;
pub mod roster;
mod server;
pub mod tokens;
pub mod vocabulary;
pub mod wire;

pub use calltools::CallTools;
pub use clock::Clock;
pub use control::Refusal;
pub use faults::{Failure, Fault, Faults};
pub use genesys_cloud::GenesysCloud;
pub use portsip::PortSip;
pub use ringcentral::RingCentral;
pub use tokens::{Denial, Tokens};

use wire::{Answer, Request};

/// Which of the two accounts of a provider's API a simulator follows where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As the routing platforms' guides print it.
    Documented,
    /// As the API answers today.
    Real,
}

impl Dialect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Documented, Self::Real];

    /// The dialect's name: `documented` or `real`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Real => "real",
        }
    }
}

/// A simulated provider: a state, and what it answers in that state. Nothing in it waits or reads the machine's clock.
pub trait Provider: Send + 'static {
    /// The provider's name as paths and secrets spell it.
    const NAME: &'static str;

    /// The dialect it answers in.
    fn dialect(&self) -> Dialect;

    /// The tokens it accepts.
    fn tokens(&self) -> &Tokens;

    /// The clock it reads.
    fn clock(&self) -> &Clock;

    /// Answers a request.
    fn answer(&mut self, request: &Request) -> Answer;

    /// A failure in the provider's own form.
    fn failure(&mut self, failure: Failure) -> Answer;

    /// The failure of one request. A token endpoint reports some of them in another form, or with another status, than
    /// the rest of an API.
    fn failure_of(&mut self, request: &Request, failure: Failure) -> Answer {
        let _ = request;
        self.failure(failure)
    }

    /// Queues and agents with their states, and the words a state can be.
    fn state(&self) -> Value;

    /// Changes an agent as she is in one queue, all fields or none; gives her new state.
    ///
    /// # Errors
    /// Where there is no such queue or member, or a field is not understood.
    fn set_agent(&mut self, queue: &str, agent: &str, change: &Value) -> Result<Value, Refusal>;

    /// Changes a queue, all fields or none; gives its new state.
    ///
    /// # Errors
    /// Where there is no such queue, or a field is not understood.
    fn set_queue(&mut self, queue: &str, change: &Value) -> Result<Value, Refusal>;
}

/// A request that a simulator received, the control interface's aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method in capitals.
    pub method: String,
    /// The path as received.
    pub path: String,
    /// The query as received, without its `?`; empty where there is none.
    pub query: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The `Host` header.
    pub host: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The body as text.
    pub body: String,
}

impl RecordedRequest {
    fn of(request: &Request) -> Self {
        let header = |name: &str| request.header(name).map(str::to_owned);
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            authorization: header("authorization"),
            accept: header("accept"),
            host: header("host"),
            user_agent: header("user-agent"),
            body: String::from_utf8_lossy(&request.body).into_owned(),
        }
    }
}

/// A simulated provider at work on a port of 127.0.0.1. It ends when this handle is dropped.
#[derive(Debug)]
pub struct Simulator<P: Provider> {
    base_url: String,
    shared: Arc<Shared<P>>,
    tokens: Tokens,
    clock: Clock,
    server: Option<JoinHandle<io::Result<()>>>,
}

/// What the handle and the server both hold.
#[derive(Debug)]
struct Shared<P> {
    provider: Mutex<P>,
    faults: Faults,
    requests: watch::Sender<Vec<RecordedRequest>>,
    ended: watch::Sender<bool>,
}

impl<P> Shared<P> {
    fn record(&self, request: RecordedRequest) {
        self.requests.send_modify(|requests| requests.push(request));
    }

    /// Waits, but not beyond the simulator's end.
    async fn unless_ended(&self, wait: impl Future<Output = ()>) {
        let mut ended = self.ended.subscribe();
        tokio::select! {
            () = wait => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    }
}

impl<P: Provider> Simulator<P> {
    /// Serves a provider on a port that the system picks.
    ///
    /// # Errors
    /// Where no port of 127.0.0.1 can be bound.
    pub async fn start(provider: P) -> io::Result<Self> {
        Self::start_at(provider, 0).await
    }

    /// Serves a provider on a port of one's choice.
    ///
    /// # Errors
    /// Where that port of 127.0.0.1 cannot be bound.
    pub async fn start_at(provider: P, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let (tokens, clock) = (provider.tokens().clone(), provider.clock().clone());
        let (requests, _) = watch::channel(Vec::new());
        let (ended, until) = watch::channel(false);
        let shared = Arc::new(Shared { provider: Mutex::new(provider), faults: Faults::default(), requests, ended });
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared), until));
        Ok(Self { base_url, shared, tokens, clock, server: Some(server) })
    }

    /// Scheme, address and port: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The tokens the provider accepts.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The clock the provider reads.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The faults waiting for requests.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Reads or changes the provider's state. No request is answered meanwhile.
    pub fn with<R>(&self, access: impl FnOnce(&mut P) -> R) -> R {
        access(&mut lock(&self.shared.provider))
    }

    /// Changes an agent as `PUT /_simulator/queues/{queue}/agents/{agent}` does.
    ///
    /// # Errors
    /// Where there is no such queue or member, or a field is not understood.
    pub fn set_agent(&self, queue: &str, agent: &str, change: &Value) -> Result<Value, Refusal> {
        self.with(|provider| provider.set_agent(queue, agent, change))
    }

    /// Changes a queue as `PUT /_simulator/queues/{queue}` does.
    ///
    /// # Errors
    /// Where there is no such queue, or a field is not understood.
    pub fn set_queue(&self, queue: &str, change: &Value) -> Result<Value, Refusal> {
        self.with(|provider| provider.set_queue(queue, change))
    }

    /// The requests received so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.requests.borrow().clone()
    }

    /// Waits until so many requests have been received, however they are answered.
    pub async fn received(&self, count: usize) {
        let mut requests = self.shared.requests.subscribe();
        // The sender is held here: this cannot fail.
        let _ = requests.wait_for(|requests| requests.len() >= count).await;
    }

    /// Forgets the requests received so far.
    pub fn forget_requests(&self) {
        self.shared.requests.send_modify(Vec::clear);
    }

    /// Ends the simulator once the answers under way are out; what is delayed or held goes at once.
    pub async fn shut_down(mut self) {
        self.shared.ended.send_replace(true);
        if let Some(server) = self.server.take() {
            // It ends in no other way than asked.
            let _ = server.await;
        }
    }
}

impl<P: Provider> Drop for Simulator<P> {
    fn drop(&mut self) {
        self.shared.ended.send_replace(true);
    }
}

/// One agent's state beside her id, as the control interface shows it.
fn shown(id: &str, name: &str, state: Value) -> Value {
    document::joined(json!({ "id": id, "name": name }), state)
}

/// A lock that a panicking holder does not poison: every state in it is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
