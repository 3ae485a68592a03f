//! Reading secrets: once for all who ask, for as long as the token lives where the store is down, and anew near its end.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use callgate::budget::Budget;
use callgate::check::Gate;
use callgate::clock::{Clock, rfc3339};
use callgate::credentials::{Connection, Secrets};
use callgate::failure::Failure;
use callgate::http::HttpClients;
use callgate::providers::genesys_cloud::GenesysCloud as Adapter;
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use callgate_tests::providers::PROVIDERS;
use callgate_tests::stage::upstream;
use callgate_tests::verdicts::assert_policy;
use serde_json::{Value, json};
use tokio::time::Instant;
use wiremock::{MockServer, ResponseTemplate};

use crate::desk::{START_MS, answer_with, received};
use crate::store::Store;

const NAME: &str = "callgate/genesys-cloud/acme";
const TTL: Duration = Duration::from_mins(5);
const IN_TIME: Duration = Duration::from_millis(400);

fn secret(base_url: &str, token: &str, ends_in: Duration) -> Value {
    let end = UNIX_EPOCH + Duration::from_millis(START_MS) + ends_in;
    json!({"access_token": token, "region": "mypurecloud.com", "base_url": base_url, "expires_at": rfc3339(end)})
}

/// Secrets over a store, read without any request to a provider.
struct Reader {
    store: Store,
    clock: Clock,
    secrets: Secrets<Store>,
}

impl Reader {
    fn new(ends_in: Duration) -> Self {
        let (store, clock) = (Store::default(), Clock::stopped_at(START_MS));
        store.set(NAME, &secret("http://127.0.0.1:9", "one", ends_in));
        let secrets = Secrets::new(store.clone(), TTL, true, clock.clone());
        Self { store, clock, secrets }
    }

    async fn read(&self) -> Result<Arc<Connection>, Failure> {
        self.secrets.connection::<Adapter>("acme", Instant::now() + IN_TIME).await
    }

    async fn token(&self) -> String {
        self.read().await.unwrap().authorization().to_str().unwrap().trim_start_matches("Bearer ").to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_who_ask_at_once_read_once() {
    for slow in [Duration::ZERO, Duration::from_millis(200)] {
        let reader = Arc::new(Reader::new(Duration::from_hours(1)));
        reader.store.set_slow(slow);
        let asking: Vec<_> = (0..100)
            .map(|_| {
                tokio::spawn({
                    let reader = Arc::clone(&reader);
                    async move { reader.token().await }
                })
            })
            .collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), "one");
        }
        assert_eq!(reader.store.reads(), 1);
        reader.token().await;
        assert_eq!(reader.store.reads(), 1);
        reader.clock.advance(TTL);
        reader.token().await;
        assert_eq!(reader.store.reads(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_slow_delays_who_has_nothing_in_hand_up_to_his_limit() {
    let reader = Reader::new(Duration::from_hours(1));
    reader.store.set_slow(Duration::from_secs(30));
    for _ in 0..3 {
        let asked = Instant::now();
        let failure = reader.read().await.err().unwrap();
        assert!(matches!(failure, Failure::SecretsUnavailable { .. }), "{failure}");
        assert!(asked.elapsed() <= IN_TIME + Duration::from_millis(2), "{:?}", asked.elapsed());
    }
    reader.store.set_slow(Duration::ZERO);
    assert_eq!(reader.token().await, "one");

    // Warm, it costs one who asks his wait, and the next nothing.
    reader.clock.advance(TTL);
    reader.store.set_slow(Duration::from_secs(30));
    let asked = Instant::now();
    assert_eq!(reader.token().await, "one");
    assert!(asked.elapsed() <= IN_TIME + Duration::from_millis(2), "{:?}", asked.elapsed());
    let asked = Instant::now();
    assert_eq!(reader.token().await, "one");
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_token_near_its_end_is_looked_for_anew() {
    let reader = Reader::new(Duration::from_mins(4));
    assert_eq!(reader.token().await, "one");
    reader.clock.advance(Duration::from_secs(179));
    assert_eq!((reader.token().await.as_str(), reader.store.reads()), ("one", 1));
    reader.clock.advance(Duration::from_secs(2));
    assert_eq!((reader.token().await.as_str(), reader.store.reads()), ("one", 2));
    for _ in 0..20 {
        reader.token().await;
    }
    assert_eq!(reader.store.reads(), 2, "not for each check");
    reader.store.set(NAME, &secret("http://127.0.0.1:9", "two", Duration::from_hours(1)));
    reader.clock.advance(Duration::from_secs(5));
    assert_eq!((reader.token().await.as_str(), reader.store.reads()), ("two", 3));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_a_secret_be_read_anew() {
    let reader = Reader::new(Duration::from_hours(1));
    assert_eq!(reader.token().await, "one");
    for back in [10_000, 3_600_000_u64] {
        let reads = reader.store.reads();
        // The clock wraps: this is so many milliseconds back.
        reader.clock.advance(Duration::from_millis(0_u64.wrapping_sub(back)));
        assert_eq!((reader.token().await.as_str(), reader.store.reads()), ("one", reads + 1));
        assert_eq!((reader.token().await.as_str(), reader.store.reads()), ("one", reads + 1));
    }
}

/// A gate over a store, and the provider it asks.
struct Scene {
    store: Store,
    clock: Clock,
    gate: Gate<Adapter, Store>,
    server: MockServer,
}

impl Scene {
    async fn new() -> Self {
        let provider = PROVIDERS.into_iter().find(|provider| provider.name == "genesys-cloud").unwrap();
        let server = upstream(provider, 3).await;
        let (store, clock) = (Store::default(), Clock::stopped_at(START_MS));
        let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
        let http = Arc::new(HttpClients::new().unwrap());
        let gate = Gate::with_clock(store.clone(), http, settings, clock.clone());
        let scene = Self { store, clock, gate, server };
        scene.put(&provider.canary(), Duration::from_hours(1));
        scene
    }

    fn put(&self, token: &str, ends_in: Duration) {
        self.store.set(NAME, &secret(&self.server.uri(), token, ends_in));
    }

    async fn ask(&self) -> Value {
        let question = json!({"connection": "acme", "queue": "12345678-1234-1234-1234-123456789abc"}).to_string();
        let check = CheckRequest::from_json::<Adapter>(&question).unwrap();
        let budget = Budget::start(Duration::from_secs(5), Duration::ZERO, None);
        serde_json::to_value(self.gate.check(&check, None, budget).await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn with_the_store_down_the_token_in_hand_serves_for_its_life() {
    let scene = Scene::new().await;
    assert_eq!(scene.ask().await["reason"], "ok");
    scene.store.set_down(true);
    for minute in 1..60 {
        scene.clock.advance(Duration::from_mins(1));
        assert_eq!(scene.ask().await["reason"], "ok", "minute {minute}");
    }
    // Up to thirty seconds beyond its end, for clocks differ; and then nothing is sent.
    scene.clock.advance(Duration::from_secs(89));
    assert_eq!(scene.ask().await["reason"], "ok");
    let sent = received(&scene.server).await.len();
    scene.clock.advance(Duration::from_secs(2));
    assert_policy(&scene.ask().await, "auth_expired", false);
    assert_eq!(received(&scene.server).await.len(), sent);
    scene.store.set_down(false);
    scene.put("another", Duration::from_hours(3));
    answer_with(&scene.server, ResponseTemplate::new(500)).await;
    assert_policy(&scene.ask().await, "provider_error", false);
    assert!(!received(&scene.server).await.is_empty(), "a new token is used at once");
}

#[tokio::test]
async fn with_the_store_down_and_nothing_in_hand_it_is_said() {
    let scene = Scene::new().await;
    scene.store.set_down(true);
    for _ in 0..3 {
        let verdict = scene.ask().await;
        assert_policy(&verdict, "secrets_unavailable", false);
        assert_eq!(verdict["upstream_requests"], 0);
    }
    scene.store.set_down(false);
    assert_eq!(scene.ask().await["reason"], "ok", "as soon as it answers");
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_named_and_is_used_once_it_is_mended() {
    for (text, named) in [
        ("canary", "JSON"),
        ("", "JSON"),
        ("[]", "object"),
        ("{}", "access_token"),
        ("{\"access_token\": \"\", \"region\": \"mypurecloud.com\"}", "access_token"),
        ("{\"access_token\": \"canary\\ncanary\", \"region\": \"mypurecloud.com\"}", "access_token"),
        ("{\"access_token\": \"canary\", \"region\": \"canary\"}", "region"),
    ] {
        let scene = Scene::new().await;
        scene.store.set_text(NAME, text);
        let verdict = scene.ask().await;
        assert_policy(&verdict, "auth_missing", false);
        assert!(verdict["message"].as_str().unwrap().contains(named), "{text}: {verdict:#}");
        assert!(!verdict.to_string().contains("canary"), "{verdict:#}");
        scene.put("canary-genesys-cloud-5up3r53cr3t", Duration::from_hours(1));
        assert_eq!(scene.ask().await["reason"], "ok", "{text}");
    }
    let scene = Scene::new().await;
    scene.store.set_binary(true);
    let verdict = scene.ask().await;
    assert_policy(&verdict, "auth_missing", false);
    assert!(verdict["message"].as_str().unwrap().contains("binary"), "{verdict:#}");
    scene.store.set_binary(false);
    assert_eq!(scene.ask().await["reason"], "ok");
}

#[tokio::test]
async fn a_refused_token_is_read_anew_once_and_not_sent_again_for_ten_seconds() {
    let scene = Scene::new().await;
    answer_with(&scene.server, ResponseTemplate::new(401)).await;
    for second in 0..60 {
        assert_policy(&scene.ask().await, "auth_expired", false);
        assert_policy(&scene.ask().await, "auth_expired", false);
        let sent = received(&scene.server).await.len();
        assert!(sent <= 2 * (1 + second / 10), "{sent} requests in {second} s");
        scene.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn other_refusals_do_not_have_the_secret_read_anew() {
    for (status, reason) in [(403, "auth_forbidden"), (404, "queue_not_found"), (400, "invalid_query")] {
        let scene = Scene::new().await;
        answer_with(&scene.server, ResponseTemplate::new(status)).await;
        assert_policy(&scene.ask().await, reason, false);
        assert_eq!((scene.store.reads(), received(&scene.server).await.len()), (1, 1), "{status}");
    }
}
