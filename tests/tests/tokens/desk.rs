//! A refresher at its desk: a clock, a store, grants and token secrets, and the endpoints they name.

use std::sync::LazyLock;
use std::time::Duration;

use callgate::clock::{Clock, rfc3339};
use callgate::credentials::{StoredSecret, secret_name};
use callgate::failure::Failure;
use callgate::grants::{Grant, Tokens, grant_name};
use callgate::http::HttpClients;
use callgate::providers::ProviderName;
use callgate::refresh::{Outcome, Refreshed, Refresher};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::store::Store;

pub(crate) use ProviderName::{GenesysCloud, PortSip, RingCentral};

/// The connection of a test that has one.
pub(crate) const CONNECTION: &str = "acme";
/// The credentials in every grant here: found wherever they leak to.
pub(crate) const CLIENT_SECRET: &str = "canary-client-s3cr3t";
pub(crate) const JWT: &str = "canary-jwt.s3cr3t.sig";
pub(crate) const REFRESH_TOKEN: &str = "canary-refresh-s3cr3t";
pub(crate) const PASSWORD: &str = "canary-passw0rd";
/// Where the simulators' stopped clock stands at first.
pub(crate) const START_MS: u64 = 1_795_187_045_000;

/// One set of clients for all: a client is made once in a process.
pub(crate) static HTTP: LazyLock<HttpClients> = LazyLock::new(|| HttpClients::new().unwrap());

/// A grant of each kind, whose endpoint is below `base_url`.
pub(crate) fn grant(kind: &str, base_url: &str) -> (ProviderName, Value) {
    let app = json!({"client_id": "app", "client_secret": CLIENT_SECRET});
    match kind {
        "genesys-cloud" => {
            let more = json!({"region": "mypurecloud.com", "token_url": format!("{base_url}/oauth/token")});
            (GenesysCloud, joined(app, more))
        }
        "jwt-bearer" => {
            (RingCentral, joined(app, json!({"grant_type": "jwt-bearer", "jwt": JWT, "base_url": base_url})))
        }
        "refresh_token" => {
            let more = json!({"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN, "base_url": base_url});
            (RingCentral, joined(app, more))
        }
        "client_credentials" => {
            (RingCentral, joined(app, json!({"grant_type": "client_credentials", "base_url": base_url})))
        }
        "portsip" => (PortSip, json!({"username": "gate", "password": PASSWORD, "base_url": base_url})),
        other => panic!("no grant {other}"),
    }
}

/// Every kind of grant that a provider accepts.
pub(crate) const KINDS: [&str; 4] = ["genesys-cloud", "jwt-bearer", "refresh_token", "portsip"];

/// An object with the members of another as well.
pub(crate) fn joined(mut object: Value, more: Value) -> Value {
    if let Value::Object(more) = more {
        object.as_object_mut().unwrap().extend(more);
    }
    object
}

/// Exchanges a grant as it is stored, once.
pub(crate) async fn exchange(provider: ProviderName, grant: &Value) -> Result<Tokens, Failure> {
    read(provider, grant, true).unwrap().exchange(&HTTP, Duration::from_secs(5)).await
}

/// Reads a grant as it is stored.
pub(crate) fn read(provider: ProviderName, grant: &Value, allow_loopback: bool) -> Result<Grant, String> {
    let stored = StoredSecret { version: "1".to_owned(), value: grant.to_string().into() };
    Grant::read(provider, &stored, allow_loopback)
}

/// A token endpoint that answers every request alike.
pub(crate) async fn endpoint(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    answer_with(&server, answer).await;
    server
}

/// Has a token endpoint answer every request so from now on.
pub(crate) async fn answer_with(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(any()).respond_with(answer).mount(server).await;
}

/// What an endpoint received.
pub(crate) async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// A token as all endpoints give it.
pub(crate) fn token(access_token: &str) -> ResponseTemplate {
    let body = json!({"access_token": access_token, "expires_in": 3600, "token_type": "bearer"});
    ResponseTemplate::new(200).set_body_json(body)
}

/// A store with grants, and the clock that dates it.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let clock = Clock::stopped_at(START_MS);
        Self { store: Store::dated_by(&clock), clock }
    }

    /// One connection with this grant, and a token secret that has a token with so many minutes left of sixty.
    pub(crate) fn with(kind: &str, base_url: &str, minutes_left: u64) -> Self {
        let desk = Self::new();
        desk.connect(CONNECTION, kind, base_url, minutes_left);
        desk
    }

    /// Adds a connection.
    pub(crate) fn connect(&self, connection: &str, kind: &str, base_url: &str, minutes_left: u64) {
        let (provider, grant) = grant(kind, base_url);
        self.store.set(&grant_name(provider, connection), &grant);
        let end = self.clock.now() + Duration::from_mins(minutes_left);
        let secret = json!({
            "access_token": "token-in-hand",
            "issued_at": rfc3339(end - Duration::from_hours(1)),
            "expires_at": rfc3339(end),
            "base_url": base_url,
            "region": "mypurecloud.com",
            "rotates": kind == "refresh_token",
            "kept": {"by": "somebody else"},
        });
        self.store.set(&secret_name(provider, connection), &secret);
    }

    /// One run over the store.
    pub(crate) async fn run(&self) -> Vec<Refreshed> {
        self.refresher().run().await.unwrap()
    }

    /// One run over the store that has one connection: its line.
    pub(crate) async fn run_one(&self) -> Refreshed {
        let mut lines = self.run().await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    pub(crate) fn refresher(&self) -> Refresher<'_, Store> {
        Refresher::new(&self.store, &HTTP, self.clock.clone(), true)
    }

    /// The token secret of a kind's connection.
    pub(crate) async fn token(&self, kind: &str) -> Value {
        self.store.get(&token_name(kind)).await
    }

    /// The grant of a kind's connection.
    pub(crate) async fn grant(&self, kind: &str) -> Value {
        self.store.get(&grant_name(provider(kind), CONNECTION)).await
    }

    pub(crate) fn set_grant(&self, kind: &str, grant: &Value) {
        self.store.set(&grant_name(provider(kind), CONNECTION), grant);
    }

    /// Puts the clock on.
    pub(crate) fn pass(&self, minutes: u64) {
        self.clock.advance(Duration::from_mins(minutes));
    }
}

/// Whose a kind of grant is.
pub(crate) fn provider(kind: &str) -> ProviderName {
    grant(kind, "").0
}

/// The name of the token secret of a kind's connection.
pub(crate) fn token_name(kind: &str) -> String {
    secret_name(provider(kind), CONNECTION)
}

/// The outcomes of a run by connection.
pub(crate) fn outcomes(lines: &[Refreshed]) -> Vec<(&str, Outcome)> {
    lines.iter().map(|line| (line.connection.as_str(), line.outcome)).collect()
}

/// Runs what happens to a run while it is under way, and then the run to its end.
///
/// A run that ends first never met what it was to meet.
pub(crate) async fn meanwhile<T>(run: impl Future<Output = T>, happens: impl Future<Output = ()>) -> T {
    let (mut run, mut happens) = (std::pin::pin!(run), std::pin::pin!(happens));
    tokio::select! {
        biased;
        () = &mut happens => run.await,
        _ = &mut run => panic!("the run ended before anything happened to it"),
    }
}
