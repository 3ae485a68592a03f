//! The store over moto's Secrets Manager: another's reading of the service than our own fake's.
//!
//! moto is no judge of two things: a version written again with another value is overwritten there, and a secret that
//! is missing is HTTP 404 there, not 400. These are asked of our own fake.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use callgate::clock::rfc3339;
use callgate::credentials::{OpenStore, SecretStore, SecretsManagerStore, StoreFailure, WritableStore, Written};
use callgate::http::HttpClients;
use callgate::settings::{RoleCredentials, Settings};
use callgate_local::simulator::genesys_cloud::Agent;
use callgate_local::simulator::{Dialect, GenesysCloud, Simulator};
use callgate_tests::events::Event;
use callgate_tests::function::{ACCESS_KEY_ID, Function, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};
use callgate_tests::providers::PROVIDERS;
use callgate_tests::secrets_manager::{Role, SecretsManager};
use callgate_tests::stage::start_function;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// A moto server; it ends with this handle.
struct Moto {
    child: Child,
    url: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    /// Starts a server on a port the system picks. `None`, with a word on standard error: moto is not set up here.
    fn start() -> Option<Self> {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin");
        let server = programs.join("moto_server");
        if !server.exists() {
            assert!(
                !in_continuous_integration(),
                "moto is not set up: ./test does that, and CI=true leaves nothing out"
            );
            // Written past the test runner's capture.
            let _ = writeln!(std::io::stderr(), "left out: moto is not set up; ./test does that");
            return None;
        }
        // Not by its own first line, which names the place where it was installed.
        let child = Command::new(programs.join("python"))
            .arg(server)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut moto = Self { child, url: String::new() };
        let said = BufReader::new(moto.child.stderr.take().unwrap());
        let (address, told) = mpsc::channel();
        // Reads on after the address: a server whose pipe is full would stand still.
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = address.send(url.trim().to_owned());
                }
            }
        });
        moto.url = told.recv_timeout(START_MAX).unwrap();
        Some(moto)
    }

    fn store(&self) -> SecretsManagerStore {
        store_at(&self.url)
    }

    /// An operation that the store has not.
    async fn call(&self, operation: &str, body: &Value) {
        let answer = HttpClients::new()
            .unwrap()
            .public()
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20261121/{REGION}/secretsmanager/aws4_request, \
                     SignedHeaders=host, Signature=0"
                ),
            )
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{operation}: {}", answer.status());
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
fn in_continuous_integration() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The store as the functions and the command have it, over the service at `url`.
fn store_at(url: &str) -> SecretsManagerStore {
    let settings = Settings {
        region: Some(REGION.to_owned()),
        secrets_endpoint: Some(url.to_owned()),
        allow_loopback: true,
        ..Settings::default()
    };
    let role = RoleCredentials {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        session_token: Some(SESSION_TOKEN.to_owned()),
    };
    SecretsManagerStore::new(&settings, Some(role), HttpClients::new().unwrap().public())
}

fn text(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

async fn read(store: &SecretsManagerStore, name: &str) -> (String, String) {
    let stored = store.read(name).await.unwrap();
    (stored.version, stored.value.expose_secret().to_owned())
}

#[tokio::test]
async fn a_secret_is_made_read_written_and_written_again_under_one_version() {
    let Some(moto) = Moto::start() else { return };
    let store = moto.store();
    let name = "callgate/genesys-cloud/acme";
    assert_eq!(store.read(name).await.unwrap_err(), StoreFailure::Missing);
    assert_eq!(store.put(name, text("{}"), FIRST).await.unwrap_err(), StoreFailure::Missing);

    store.store(name, text("made")).await.unwrap();
    let (made, value) = read(&store, name).await;
    assert_eq!(value, "made");
    store.store(name, text("replaced")).await.unwrap();
    let (replaced, value) = read(&store, name).await;
    assert_eq!(value, "replaced");
    assert_ne!(replaced, made, "another value is another version");

    for _ in 0..2 {
        assert_eq!(store.put(name, text("first"), FIRST).await, Ok(Written::Done));
        assert_eq!(read(&store, name).await, (FIRST.to_owned(), "first".to_owned()));
    }
    assert_eq!(store.put(name, text("second"), SECOND).await, Ok(Written::Done));
    assert_eq!(read(&store, name).await, (SECOND.to_owned(), "second".to_owned()));
}

#[tokio::test]
async fn a_binary_secret_is_named_as_such() {
    let Some(moto) = Moto::start() else { return };
    let name = "callgate/portsip/binary";
    moto.call("CreateSecret", &json!({"Name": name, "SecretBinary": "AAEC", "ClientRequestToken": FIRST})).await;
    assert_eq!(moto.store().read(name).await.unwrap_err(), StoreFailure::Binary);
}

#[tokio::test]
async fn a_list_has_every_page_and_the_names_below_the_prefix_alone() {
    let Some(moto) = Moto::start() else { return };
    let store = moto.store();
    // Two full pages and a bit.
    let mut expected: Vec<String> = (0..205).map(|number| format!("callgate-grant/portsip/pbx-{number:03}")).collect();
    let others = ["callgate/portsip/pbx-000", "callgate-grants/portsip/x", "other/callgate-grant/portsip/x"];
    for name in expected.iter().map(String::as_str).chain(others) {
        store.store(name, text("{}")).await.unwrap();
    }
    expected.sort();
    assert_eq!(store.list("callgate-grant/").await.unwrap(), expected);
    assert_eq!(store.list("callgate/").await.unwrap(), ["callgate/portsip/pbx-000"]);
    assert_eq!(store.list("nobody/").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_token_is_refreshed_and_a_check_uses_it() {
    let Some(moto) = Moto::start() else { return };
    let provider = PROVIDERS.into_iter().find(|provider| provider.name == "genesys-cloud").unwrap();
    let agent = Agent::off_queue("3fa0c6ea-5b0a-4a35-9d2e-5d7b2a6d7f11", "Ada Byrne");
    let organisation = GenesysCloud::new(Dialect::Real).queue(provider.queue, "sales").agent(provider.queue, agent);
    let genesys = Simulator::start(organisation.client("client", "s3cret")).await.unwrap();

    let store = moto.store();
    let grant = json!({"client_id": "client", "client_secret": "s3cret", "base_url": genesys.base_url()});
    let ended = rfc3339(SystemTime::now() - Duration::from_mins(1));
    let token = json!({"access_token": "old", "expires_at": ended, "base_url": genesys.base_url(), "note": "kept"});
    store.store("callgate-grant/genesys-cloud/acme", text(&grant.to_string())).await.unwrap();
    store.store("callgate/genesys-cloud/acme", text(&token.to_string())).await.unwrap();

    let environment = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.url.as_str()), ("CALLGATE_ALLOW_LOOPBACK", "1")];
    let mut refresher = Function::start("callgate-token-refresh", &environment).await.unwrap();
    for outcome in ["refreshed", "not_due"] {
        let answer = refresher.invoke(Event::load("scheduled_refresh").unwrap()).await.unwrap().json().unwrap();
        assert_eq!(answer["refreshed"][0]["outcome"], outcome, "{answer}");
    }
    let (_, written) = read(&store, "callgate/genesys-cloud/acme").await;
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&written["access_token"], &written["note"]), (&json!("genesys-cloud-access-0001"), &json!("kept")));

    let mut check = start_function(provider, &moto.url, &[]).await.unwrap();
    let question = Event::load("direct").unwrap().asking(&provider.question());
    let verdict = check.invoke(question).await.unwrap().json().unwrap();
    assert_eq!((&verdict["decision"], &verdict["reason"]), (&json!("accept"), &json!("ok")), "{verdict}");
}

#[tokio::test]
async fn our_own_fake_refuses_another_value_under_one_version_and_what_a_role_may_not() {
    let secrets = SecretsManager::start().await.unwrap();
    let store = store_at(&secrets.url());
    let name = "callgate/genesys-cloud/acme";
    secrets.permit(Role::Keeper);
    assert_eq!(store.read(name).await.unwrap_err(), StoreFailure::Missing);
    assert_eq!(store.put(name, text("{}"), FIRST).await.unwrap_err(), StoreFailure::Missing);
    store.store(name, text("made")).await.unwrap();
    store.store(name, text("replaced")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.put(name, text("first"), FIRST).await, Ok(Written::Done));
    }
    assert_eq!(store.put(name, text("another"), FIRST).await, Ok(Written::RefusedForAnother));
    assert_eq!(store.put(name, text("second"), SECOND).await, Ok(Written::Done));
    // Done before, it is not done again: the current version stays.
    assert_eq!(store.put(name, text("first"), FIRST).await, Ok(Written::Done));
    assert_eq!(read(&store, name).await, (SECOND.to_owned(), "second".to_owned()));
    assert_eq!(secrets.written(), [name; 4]);

    let mut expected: Vec<String> = (0..205).map(|number| format!("callgate/portsip/pbx-{number:03}")).collect();
    for name in &expected {
        secrets.put_text(name, "{}");
    }
    secrets.put_text("callgate-grant/portsip/pbx-000", "{}");
    secrets.put_text("callgate-grant-of-another/portsip/pbx-000", "{}");
    expected.push(name.to_owned());
    expected.sort();
    assert_eq!(store.list("callgate/").await.unwrap(), expected);
    assert_eq!(store.list("callgate-grant/").await.unwrap(), ["callgate-grant/portsip/pbx-000"]);
    assert_eq!(secrets.refused(), [""; 0]);

    let denied = |failure| matches!(failure, StoreFailure::Unavailable(why) if why.contains("AccessDenied"));
    secrets.permit(Role::Refresher);
    assert!(denied(store.store("callgate/portsip/new", text("{}")).await.unwrap_err()));
    assert!(denied(store.read("other/portsip/new").await.unwrap_err()));
    secrets.permit(Role::Check);
    assert!(denied(store.list("callgate/").await.unwrap_err()));
    assert!(denied(store.put(name, text("third"), SECOND).await.unwrap_err()));
    assert!(denied(store.read("callgate-grant/portsip/pbx-000").await.unwrap_err()));
    assert_eq!(secrets.refused().len(), 5);
    assert_eq!(read(&store, name).await.1, "second");
}

/// How long the server may take to say where it listens: Python loads a lot.
const START_MAX: Duration = Duration::from_mins(1);

const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";
