//! The store over moto's Secrets Manager: another's reading of the service than our own fake's.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, SystemTime};

use callgate::clock::rfc3339;
use callgate::credentials::{OpenStore, SecretStore, SecretsManagerStore, StoreFailure, WritableStore, Written};
use callgate::http::HttpClients;
use callgate::settings::{RoleCredentials, Settings};
use callgate_local::simulator::genesys_cloud::Agent;
use callgate_local::simulator::{Dialect, GenesysCloud, Simulator};
use callgate_tests::events::Event;
use callgate_tests::function::{ACCESS_KEY_ID, Function, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};
use callgate_tests::moto::Moto;
use callgate_tests::providers::PROVIDERS;
use callgate_tests::secrets_manager::{Role, SecretsManager};
use callgate_tests::stage::start_function;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// The store over a moto server.
fn store(moto: &Moto) -> SecretsManagerStore {
    store_at(moto.url())
}

/// An operation that the store has not.
async fn call(moto: &Moto, operation: &str, body: &Value) {
    let answer = HttpClients::new()
        .unwrap()
        .public()
        .post(moto.url())
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
    let Some(moto) = Moto::start().unwrap() else { return };
    let store = store(&moto);
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
    let Some(moto) = Moto::start().unwrap() else { return };
    let name = "callgate/portsip/binary";
    call(&moto, "CreateSecret", &json!({"Name": name, "SecretBinary": "AAEC", "ClientRequestToken": FIRST})).await;
    assert_eq!(store(&moto).read(name).await.unwrap_err(), StoreFailure::Binary);
}

#[tokio::test]
async fn a_list_has_every_page_and_the_names_below_the_prefix_alone() {
    let Some(moto) = Moto::start().unwrap() else { return };
    let store = store(&moto);
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
    let Some(moto) = Moto::start().unwrap() else { return };
    let provider = PROVIDERS.into_iter().find(|provider| provider.name == "genesys-cloud").unwrap();
    let agent = Agent::off_queue("3fa0c6ea-5b0a-4a35-9d2e-5d7b2a6d7f11", "Ada Byrne");
    let organisation = GenesysCloud::new(Dialect::Real).queue(provider.queue, "sales").agent(provider.queue, agent);
    let genesys = Simulator::start(organisation.client("client", "s3cret")).await.unwrap();

    let store = store(&moto);
    let grant = json!({"client_id": "client", "client_secret": "s3cret", "base_url": genesys.base_url()});
    let ended = rfc3339(SystemTime::now() - Duration::from_mins(1));
    let token = json!({"access_token": "old", "expires_at": ended, "base_url": genesys.base_url(), "note": "kept"});
    store.store("callgate-grant/genesys-cloud/acme", text(&grant.to_string())).await.unwrap();
    store.store("callgate/genesys-cloud/acme", text(&token.to_string())).await.unwrap();

    let environment = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.url()), ("CALLGATE_ALLOW_LOOPBACK", "1")];
    let mut refresher = Function::start("callgate-token-refresh", &environment).await.unwrap();
    for outcome in ["refreshed", "not_due"] {
        let answer = refresher.invoke(Event::load("scheduled_refresh").unwrap()).await.unwrap().json().unwrap();
        assert_eq!(answer["refreshed"][0]["outcome"], outcome, "{answer}");
    }
    let (_, written) = read(&store, "callgate/genesys-cloud/acme").await;
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&written["access_token"], &written["note"]), (&json!("genesys-cloud-access-0001"), &json!("kept")));

    let mut check = start_function(provider, moto.url(), &[]).await.unwrap();
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

const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";
