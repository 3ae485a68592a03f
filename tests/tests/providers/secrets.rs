//! The secret of a connection: how it may be written, what is wrong with it, and a newer one after a 401.

use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::Refusal;
use callgate::credentials::{Connection, StoredSecret};
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName, Template};
use callgate_tests::providers::{CONNECTION, PROVIDERS};
use callgate_tests::stage::upstream;
use callgate_tests::verdicts::assert_policy;
use serde_json::{Value, json};
use wiremock::matchers::{header, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::answers::at_first;
use crate::desk::{
    Desk, agents, always, assert_headers, assert_says, assert_unknown, canned, requests, serve, verdict,
};

const CANARY: &str = "canary5up3r53cr3t";

fn token_field(provider: callgate_tests::providers::Provider) -> &'static str {
    if provider.name == "calltools" { "token" } else { "access_token" }
}

/// The host that the default recipe sends the credential to, where no loopback is allowed; else what is wrong.
fn origin<P: Provider>(token: &str, mut fields: Value) -> Result<String, String> {
    fields[token] = "token-in-the-secret".into();
    let stored = StoredSecret { version: "1".to_owned(), value: fields.to_string().into() };
    let connection = Connection::read::<P>(&stored, false)?;
    connection.origin::<P>(P::Template::first().unwrap()).map(|origin| origin.to_string())
}

#[tokio::test]
async fn a_faulty_secret_is_named_by_its_key_and_never_by_its_value() {
    for provider in PROVIDERS {
        let token = token_field(provider);
        let with = |more: Value| {
            let mut secret = json!({token: CANARY, "base_url": "http://127.0.0.1:9"});
            secret.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            secret.to_string()
        };
        let without = |key: &str| {
            let mut secret = json!({token: CANARY, "base_url": "http://127.0.0.1:9"});
            secret.as_object_mut().unwrap().remove(key);
            secret.to_string()
        };
        let pem = format!("-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----");
        for (secret, named) in [
            (CANARY.to_owned(), "JSON"),
            (String::new(), "JSON"),
            (format!("[\"{CANARY}\"]"), "object"),
            (format!("\"{CANARY}\""), "object"),
            ("null".to_owned(), "object"),
            (format!("{{\"{token}\": \"{CANARY}\""), "JSON"),
            (without(token), token),
            (with(json!({token: ""})), token),
            (with(json!({token: " \n"})), token),
            (with(json!({token: null})), token),
            (with(json!({token: [CANARY]})), token),
            (with(json!({token: 7})), token),
            (with(json!({token: format!("{CANARY} {CANARY}")})), token),
            (with(json!({token: format!("{CANARY}\r\nX-Injected: 1")})), token),
            (with(json!({token: format!("{CANARY}é")})), token),
            (with(json!({"expires_at": CANARY})), "expires_at"),
            (with(json!({"expires_at": [1]})), "expires_at"),
            (with(json!({"allowed_api_key_ids": CANARY})), "allowed_api_key_ids"),
            (with(json!({"allowed_api_key_ids": [1]})), "allowed_api_key_ids"),
            (with(json!({"defaults": CANARY})), "defaults"),
            (with(json!({"base_url": CANARY})), "base_url"),
            (with(json!({"base_url": 7})), "base_url"),
            (with(json!({"base_url": format!("http://user:{CANARY}@127.0.0.1:9")})), "base_url"),
            (with(json!({"base_url": format!("http://127.0.0.1:9/{CANARY}")})), "base_url"),
            (with(json!({"base_url": format!("http://127.0.0.1:9/?{CANARY}")})), "base_url"),
            (with(json!({"base_url": format!("http://{CANARY}.example")})), "base_url"),
            (with(json!({"base_url": "https://169.254.169.254"})), "base_url"),
            (with(json!({"base_url": "https://[fd00:ec2::254]"})), "base_url"),
            (with(json!({"base_url": "ftp://127.0.0.1"})), "base_url"),
            (with(json!({"ca_pem": CANARY})), "ca_pem"),
            (with(json!({"ca_pem": pem})), "ca_pem"),
            (with(json!({"ca_pem": [CANARY]})), "ca_pem"),
        ] {
            for accepts in [false, true] {
                let on_unknown = if accepts { "accept" } else { "reject" };
                let verdict = verdict(provider, &secret, json!({"on_unknown": on_unknown})).await;
                assert_policy(&verdict, "auth_missing", accepts);
                let message = verdict["message"].as_str().unwrap();
                assert!(message.contains(named), "{provider} {secret}: {message}");
                assert!(!verdict.to_string().contains(CANARY), "{provider}: {verdict:#}");
                assert_eq!(verdict["upstream_requests"], 0);
            }
        }
    }
}

#[tokio::test]
async fn a_scheme_without_a_key_is_no_key() {
    for provider in PROVIDERS {
        for pasted in ["Bearer ", "Token ", "Bearer", "Token\n"] {
            let secret = json!({token_field(provider): pasted, "base_url": "http://127.0.0.1:9"}).to_string();
            assert_policy(&verdict(provider, &secret, json!({})).await, "auth_missing", false);
        }
    }
}

#[tokio::test]
async fn a_connection_without_a_secret_names_the_secret_it_wants() {
    let desk = Desk::<CallTools>::sending_to("http://127.0.0.1:9");
    let verdict = desk.ask(json!({"connection": "other"})).await;
    assert_policy(&verdict, "auth_missing", false);
    assert!(verdict["message"].as_str().unwrap().contains("callgate/calltools/other"), "{verdict:#}");
}

#[tokio::test]
async fn a_key_is_taken_as_people_paste_it() {
    for provider in PROVIDERS {
        let key = provider.canary();
        for (pasted, mended) in [
            (key.clone(), false),
            (format!("Token {key}"), false),
            (format!("Bearer {key}"), false),
            (format!("bearer {key}"), false),
            (format!("{key}\n"), true),
            (format!("  {key}\r\n"), true),
            (format!("\tBearer {key} "), true),
        ] {
            let server = upstream(provider, 3).await;
            let secret = json!({token_field(provider): pasted, "base_url": server.uri()}).to_string();
            let verdict = verdict(provider, &secret, json!({})).await;
            assert_eq!(verdict["reason"], "ok", "{provider} {pasted:?}: {verdict:#}");
            assert_headers(&server, &provider.authorization()).await;
            let warnings = verdict["warnings"].to_string();
            assert_eq!(warnings.contains(token_field(provider)), mended, "{provider} {pasted:?}: {warnings}");
            assert!(!warnings.contains(&key));
        }
    }
}

#[test]
fn the_host_is_the_one_the_secret_binds_the_credential_to() {
    let calltools = |fields: Value| origin::<CallTools>("token", fields);
    let genesys = |fields: Value| origin::<GenesysCloud>("access_token", fields);
    let ringcentral = |fields: Value| origin::<RingCentral>("access_token", fields);
    let portsip = |fields: Value| origin::<PortSip>("access_token", fields);
    for (connection, origin) in [
        (calltools(json!({"silo": "east-1"})), "https://east-1.calltools.io/"),
        (calltools(json!({"silo": "central-12"})), "https://central-12.calltools.io/"),
        (calltools(json!({"silo": " west-1.calltools.io"})), "https://west-1.calltools.io/"),
        (calltools(json!({"silo": "https://west-1.calltools.io/"})), "https://west-1.calltools.io/"),
        (calltools(json!({"base_url": "https://east-2.calltools.io"})), "https://east-2.calltools.io/"),
        (calltools(json!({"base_url": "https://east-2.calltools.io/api"})), "https://east-2.calltools.io/"),
        (calltools(json!({"base_url": "https://east-2.calltools.io/api/"})), "https://east-2.calltools.io/"),
        (genesys(json!({"region": "mypurecloud.com"})), "https://api.mypurecloud.com/"),
        (genesys(json!({"region": "us-east-1"})), "https://api.mypurecloud.com/"),
        (genesys(json!({"region": "eu-central-1"})), "https://api.mypurecloud.de/"),
        (genesys(json!({"region": "ap-southeast-2"})), "https://api.mypurecloud.com.au/"),
        (genesys(json!({"region": "usw2.pure.cloud"})), "https://api.usw2.pure.cloud/"),
        (ringcentral(json!({})), "https://platform.ringcentral.com/"),
        (ringcentral(json!({"base_url": "https://media.ringcentral.com"})), "https://media.ringcentral.com/"),
        (portsip(json!({"base_url": "https://pbx.example.com:8887"})), "https://pbx.example.com:8887/"),
        (portsip(json!({"base_url": "https://10.1.2.3:8887/api"})), "https://10.1.2.3:8887/"),
    ] {
        assert_eq!(connection.as_deref(), Ok(origin));
    }
    let elsewhere = "https://canary5up3r53cr3t.example";
    for (connection, named) in [
        (calltools(json!({})), "silo"),
        (calltools(json!({"silo": "east"})), "silo"),
        (calltools(json!({"silo": "east-1.canary5up3r53cr3t.example"})), "silo"),
        (calltools(json!({"silo": "east-1.calltools.io.canary5up3r53cr3t.example"})), "silo"),
        (calltools(json!({"silo": "canary5up3r53cr3t@east-1"})), "silo"),
        (calltools(json!({"silo": 1})), "silo"),
        (calltools(json!({"base_url": elsewhere})), "base_url"),
        (calltools(json!({"base_url": "http://east-1.calltools.io"})), "base_url"),
        (calltools(json!({"base_url": "https://east-1.calltools.io.canary5up3r53cr3t.example"})), "base_url"),
        (calltools(json!({"base_url": "http://127.0.0.1:8080"})), "base_url"),
        (genesys(json!({})), "region"),
        (genesys(json!({"region": "canary5up3r53cr3t"})), "region"),
        (genesys(json!({"region": "us-east-9"})), "region"),
        (genesys(json!({"base_url": elsewhere})), "base_url"),
        (genesys(json!({"base_url": "https://api.mypurecloud.com.canary5up3r53cr3t.example"})), "base_url"),
        (ringcentral(json!({"base_url": elsewhere})), "base_url"),
        (ringcentral(json!({"base_url": "https://canary5up3r53cr3tringcentral.com"})), "base_url"),
        (portsip(json!({})), "base_url"),
        (portsip(json!({"base_url": "http://pbx.example.com"})), "base_url"),
        (portsip(json!({"base_url": "https://127.0.0.1:8887"})), "base_url"),
    ] {
        let problem = connection.unwrap_err();
        assert!(problem.contains(named) && !problem.contains(CANARY), "{named}: {problem}");
    }
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_not_sent() {
    for provider in PROVIDERS {
        for (expires_at, sent) in [
            (json!("2020-01-01T00:00:00Z"), false),
            (json!(1_577_836_800), false),
            (json!("1577836800"), false),
            (json!("2120-01-01T00:00:00Z"), true),
            (json!(4_733_510_400_u64), true),
            (Value::Null, true),
        ] {
            let server = upstream(provider, 3).await;
            let mut secret = provider.secret(&server.uri());
            secret["expires_at"] = expires_at.clone();
            let verdict = verdict(provider, &secret.to_string(), json!({})).await;
            assert_eq!(verdict["reason"], if sent { "ok" } else { "auth_expired" }, "{provider}: {verdict:#}");
            assert_eq!(requests(&server).await.is_empty(), !sent, "{provider} {expires_at}");
        }
    }
}

#[tokio::test]
async fn after_a_401_a_newer_secret_is_tried_once() {
    newer_secret::<CallTools>("token").await;
    newer_secret::<GenesysCloud>("access_token").await;
    newer_secret::<RingCentral>("access_token").await;
    newer_secret::<PortSip>("access_token").await;
}

async fn newer_secret<P: Provider>(token: &str) {
    let provider = canned::<P>();
    let server = upstream(provider, 3).await;
    let desk = Desk::<P>::with(&json!({token: "old", "base_url": server.uri()}).to_string());
    let scheme = if P::NAME == ProviderName::CallTools { "Token" } else { "Bearer" };
    for old in ["old", "older"] {
        let refused = Mock::given(header("authorization", format!("{scheme} {old}").as_str()));
        refused.respond_with(ResponseTemplate::new(401)).mount(&server).await;
    }

    // The old token is in hand, and a newer one is in the store.
    remember(&desk).await;
    desk.gate.put_secret(CONNECTION, provider.secret(&server.uri()).to_string());
    let verdict = desk.ask(json!({"explain": true})).await;
    assert_says(provider.name, &verdict, &json!({"reason": "ok", "source": "live", "on_unknown_applied": false}));
    assert_eq!(verdict["trace"]["requests"][0]["status"], 401, "{verdict:#}");
    let last = verdict["trace"]["requests"].as_array().unwrap().last().unwrap();
    assert_eq!(last["status"], 200, "{verdict:#}");

    // A newer one that is refused as well is the end of it.
    let newest = Desk::<P>::with(&json!({token: "old", "base_url": server.uri()}).to_string());
    remember(&newest).await;
    newest.gate.put_secret(CONNECTION, json!({token: "older", "base_url": server.uri()}).to_string());
    let verdict = newest.ask(json!({})).await;
    assert_unknown(provider.name, &verdict, "auth_expired");
    assert_eq!(verdict["upstream_requests"], 2 * at_first(provider), "{verdict:#}");

    // Whatever is asked now, nothing more is sent; until there is a token that was not refused.
    server.reset().await;
    for _ in 0..20 {
        let verdict = newest.ask(json!({})).await;
        assert_unknown(provider.name, &verdict, "auth_expired");
        assert_eq!(verdict["upstream_requests"], 0, "{verdict:#}");
    }
    assert!(requests(&server).await.is_empty(), "{}", provider.name);
}

/// Has the gate read the secret without sending anything.
async fn remember<P: Provider>(desk: &Desk<P>) {
    let budget = Budget::start(Duration::from_secs(5), Duration::ZERO, None);
    desk.gate.inspect(CONNECTION, None, budget).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_refused_half_way_is_renewed_where_the_outcome_is_open() {
    let server = MockServer::start().await;
    let page = |next: Value| {
        let agent = json!({"status": "Available", "ready": true});
        ResponseTemplate::new(200).set_body_json(json!({"count": 2, "next": next, "results": [agent]}))
    };
    let next = json!("/api/agentstatuses/?page=2");
    serve(&server, "/api/agentstatuses/?queue=5457&page_size=250", page(next)).await;
    let old = Mock::given(header("authorization", "Token old"));
    old.respond_with(ResponseTemplate::new(401)).with_priority(9).mount(&server).await;
    let renewed = Mock::given(header("authorization", "Token renewed")).and(query_param("page", "2"));
    renewed.respond_with(page(Value::Null)).mount(&server).await;

    let desk = Desk::<CallTools>::with(&json!({"token": "old", "base_url": server.uri()}).to_string());
    let two = json!({"acceptance": agents("available", "at_least", 2)});
    let one = json!({"acceptance": agents("available", "at_least", 1)});
    assert_says("settled", &desk.ask(one).await, &json!({"reason": "ok", "upstream_requests": 1}));
    desk.gate.put_secret(CONNECTION, json!({"token": "renewed", "base_url": server.uri()}).to_string());
    assert_says("renewed", &desk.ask(two).await, &json!({"reason": "ok", "available": 2, "upstream_requests": 4}));
}

#[tokio::test]
async fn an_expired_token_is_renewed_from_the_secret_before_anything_is_sent() {
    let provider = canned::<GenesysCloud>();
    let server = upstream(provider, 3).await;
    let mut expired = provider.secret(&server.uri());
    expired["expires_at"] = json!("2020-01-01T00:00:00Z");
    let desk = Desk::<GenesysCloud>::with(&expired.to_string());
    assert_unknown("expired", &desk.ask(json!({})).await, "auth_expired");
    desk.gate.put_secret(CONNECTION, provider.secret(&server.uri()).to_string());
    assert_says("renewed", &desk.ask(json!({})).await, &json!({"reason": "ok", "upstream_requests": 1}));
}

#[tokio::test]
async fn only_the_gateway_keys_the_secret_names_may_use_the_connection() {
    let server = upstream(canned::<RingCentral>(), 3).await;
    let mut secret = canned::<RingCentral>().secret(&server.uri());
    for (allowed, key, may) in [
        (json!(["a", "b"]), Some("b"), true),
        (json!(["a", "b"]), Some("c"), false),
        (json!(["a", "b"]), Some("A"), false),
        (json!(["a", "b"]), None, false),
        (json!([]), Some("a"), false),
        (Value::Null, Some("a"), true),
        (Value::Null, None, true),
    ] {
        secret["allowed_api_key_ids"] = allowed.clone();
        let desk = Desk::<RingCentral>::with(&secret.to_string());
        let before = requests(&server).await.len();
        match desk.ask_as(key, json!({"on_unknown": "accept"})).await {
            Ok(verdict) => assert!(may && verdict["reason"] == "ok", "{allowed} {key:?}"),
            Err(refusal) => assert!(!may && refusal == Refusal::CallerForbidden, "{allowed} {key:?}: {refusal:?}"),
        }
        assert_eq!(requests(&server).await.len() > before, may);
    }
}

#[tokio::test]
async fn the_secrets_defaults_stand_where_the_request_is_silent() {
    let server = always(ResponseTemplate::new(404)).await;
    let secret = |defaults: Value| {
        let mut secret = canned::<CallTools>().secret(&server.uri());
        secret["defaults"] = defaults;
        secret.to_string()
    };
    let all = json!({
        "on_unknown": "accept", "template": "agent_statuses", "deadline_ms": 5000, "max_age_ms": 0,
        "stale_if_error_ms": 0, "options": {"agent_status_id": 20561, "ready": true}
    });
    let desk = Desk::<CallTools>::with(&secret(all));
    assert_eq!(desk.ask(json!({})).await["accept"], true);
    assert_eq!(desk.ask(json!({"on_unknown": "reject"})).await["accept"], false);
    desk.ask(json!({"options": {"agent_status_id": 7}})).await;
    desk.ask(json!({"options": {"ready": null}})).await;
    let queries = [
        "?queue=5457&agent_status_id=20561&ready=true",
        "?queue=5457&agent_status_id=20561&ready=true",
        "?queue=5457&agent_status_id=7&ready=true",
        "?queue=5457&agent_status_id=20561",
    ];
    assert_eq!(requests(&server).await, queries.map(|query| format!("GET /api/agentstatuses/{query}")));
}

#[tokio::test(start_paused = true)]
async fn the_secrets_deadline_is_kept_unless_the_request_has_its_own() {
    let server = always(ResponseTemplate::new(200).set_delay(std::time::Duration::from_mins(1))).await;
    let mut secret = canned::<RingCentral>().secret(&server.uri());
    secret["defaults"] = json!({"deadline_ms": 400});
    let desk = Desk::<RingCentral>::with(&secret.to_string());
    for (question, least, most) in [(json!({}), 200, 400), (json!({"deadline_ms": 2000}), 1000, 2000)] {
        let asked = tokio::time::Instant::now();
        assert_unknown("deadline", &desk.ask(question).await, "provider_timeout");
        let elapsed = asked.elapsed().as_millis();
        assert!((least..most).contains(&elapsed), "{elapsed} ms");
    }
}

#[tokio::test]
async fn a_faulty_default_is_the_operators_fault_and_named() {
    let server = upstream(canned::<CallTools>(), 3).await;
    for (defaults, named) in [
        (json!({"on_unknown": "maybe"}), "on_unknown"),
        (json!({"deadline_ms": 10}), "deadline_ms"),
        (json!({"deadline_ms": "soon"}), "deadline_ms"),
        (json!({"max_age_ms": -1}), "max_age_ms"),
        (json!({"stale_if_error_ms": 1.5}), "stale_if_error_ms"),
        (json!({"template": "no_such_recipe"}), "template"),
        (json!({"options": []}), "options"),
        (json!({"options": {"redy": true}}), "redy"),
        (json!({"options": {"ready": "yes"}}), "ready"),
    ] {
        let mut secret = canned::<CallTools>().secret(&server.uri());
        secret["defaults"] = defaults.clone();
        let verdict = Desk::<CallTools>::with(&secret.to_string()).ask(json!({})).await;
        assert_policy(&verdict, "auth_missing", false);
        let message = verdict["message"].as_str().unwrap();
        assert!(message.contains("defaults") && message.contains(named), "{defaults}: {message}");
    }
    assert_eq!(requests(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_count_the_criterion_asks_for_may_stand_in_no_default() {
    let server = upstream(canned::<CallTools>(), 3).await;
    let mut secret = canned::<CallTools>().secret(&server.uri());
    secret["defaults"] = json!({"acceptance": agents("available", "at_least", 1)});
    let verdict = Desk::<CallTools>::with(&secret.to_string()).ask(json!({})).await;
    assert_eq!(verdict["findings"][0]["criterion"], "json count greater_than 0", "{verdict:#}");
}
