//! What each kind of grant sends to its token endpoint, and where that may be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callgate::failure::Failure;
use callgate_local::simulator::portsip::{PortSip as Pbx, Version};
use callgate_local::simulator::{Clock, Dialect, Simulator};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wiremock::Request;

use crate::desk::{
    CLIENT_SECRET, GenesysCloud, JWT, PASSWORD, PortSip, REFRESH_TOKEN, RingCentral, endpoint, exchange, grant, joined,
    read, received, token,
};

/// The one request that a grant of this kind is exchanged with.
async fn sent(kind: &str, more: Value) -> Request {
    let server = endpoint(token("new")).await;
    let (provider, grant) = grant(kind, &server.uri());
    let tokens = exchange(provider, &joined(grant, more)).await.unwrap();
    assert_eq!(tokens.access_token.expose_secret(), "new");
    assert_eq!(tokens.life.as_secs(), 3600);
    let mut requests = received(&server).await;
    assert_eq!(requests.len(), 1, "{kind}");
    requests.remove(0)
}

fn form(request: &Request) -> Vec<(String, String)> {
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    form_urlencoded::parse(&request.body).into_owned().collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn clients_are_named_by_basic_and_the_form_says_no_more_than_it_must() {
    let jwt = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", JWT)];
    let rotating = [("grant_type", "refresh_token"), ("refresh_token", REFRESH_TOKEN)];
    let client = [("grant_type", "client_credentials")];
    let basic = format!("Basic {}", STANDARD.encode(format!("app:{CLIENT_SECRET}")));
    for (kind, path, expected) in [
        ("genesys-cloud", "/oauth/token", &client[..]),
        ("jwt-bearer", "/restapi/oauth/token", &jwt),
        ("refresh_token", "/restapi/oauth/token", &rotating),
        ("client_credentials", "/restapi/oauth/token", &client),
    ] {
        let request = sent(kind, json!({})).await;
        assert_eq!((request.method.as_str(), request.url.path(), request.url.query()), ("POST", path, None), "{kind}");
        assert_eq!(request.headers["authorization"], basic, "{kind}");
        assert_eq!(form(&request), pairs(expected), "{kind}");
    }
}

#[tokio::test]
async fn a_pbx_user_signs_in_with_a_json_body_and_no_credential_beside_it() {
    for (more, domain) in [(json!({}), None), (json!({"domain": "pbx.example.com"}), Some("pbx.example.com"))] {
        let request = sent("portsip", more).await;
        assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/api/auth/sign_in"));
        assert_eq!(request.headers["content-type"], "application/json");
        let mut expected = json!({"username": "gate", "password": PASSWORD});
        if let Some(domain) = domain {
            expected["domain"] = domain.into();
        }
        assert_eq!(request.body_json::<Value>().unwrap(), expected);
        assert!(!request.headers.contains_key("authorization"));
    }
    let request = sent("portsip", json!({"refresh_token": "r-1"})).await;
    assert_eq!(request.url.path(), "/api/auth/refresh_token");
    assert_eq!(request.body_json::<Value>().unwrap(), json!({"refresh_token": "r-1"}));
}

async fn pbx(version: Version) -> Simulator<Pbx> {
    let pbx = Pbx::new(Dialect::Real).with_clock(Clock::stopped()).version(version);
    pbx.user("gate", PASSWORD).two_factor_user("ada", PASSWORD).start().await.unwrap()
}

fn paths(simulator: &Simulator<Pbx>) -> Vec<String> {
    simulator.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[tokio::test]
async fn a_pbx_of_every_version_is_signed_in_to() {
    let now = "POST /api/auth/sign_in";
    for (version, minutes, expected) in [
        (Version::V22_2, 60, vec![now]),
        (Version::V22_1, 30, vec![now, "POST /api/login", "GET /api/login"]),
        (Version::V22_0, 30, vec![now, "POST /api/login", "GET /api/login"]),
        (Version::PasswordGrant, 30, vec![now, "POST /api/login", "POST /api/login/oauth/token"]),
    ] {
        let simulator = pbx(version).await;
        let (provider, grant) = grant("portsip", simulator.base_url());
        let tokens = exchange(provider, &grant).await.unwrap();
        assert_eq!(tokens.access_token.expose_secret(), "portsip-access-0001", "{version:?}");
        assert_eq!(tokens.life.as_secs(), minutes * 60, "{version:?}");
        assert_eq!(paths(&simulator), expected, "{version:?}");
        assert_eq!(simulator.with(|pbx| pbx.failed_sign_ins()), 0);
    }
}

#[tokio::test]
async fn a_pbx_is_sent_its_refresh_token_before_the_password_is_used() {
    let simulator = pbx(Version::V22_2).await;
    let (provider, grant) = grant("portsip", simulator.base_url());
    let first = exchange(provider, &grant).await.unwrap().refresh_token.unwrap();
    let grant = joined(grant, json!({"refresh_token": first.expose_secret()}));
    let second = exchange(provider, &grant).await.unwrap();
    assert_eq!(second.access_token.expose_secret(), "portsip-access-0002");
    // It was good for one use: then the password is.
    let third = exchange(provider, &grant).await.unwrap();
    assert_eq!(third.access_token.expose_secret(), "portsip-access-0003");
    let [sign_in, refresh] = ["POST /api/auth/sign_in", "POST /api/auth/refresh_token"];
    assert_eq!(paths(&simulator), [sign_in, refresh, refresh, sign_in]);
}

#[tokio::test]
async fn a_user_with_a_second_factor_is_told_to_use_another() {
    let simulator = pbx(Version::V22_2).await;
    let (provider, grant) = grant("portsip", simulator.base_url());
    let failure = exchange(provider, &joined(grant, json!({"username": "ada"}))).await.err().unwrap();
    assert!(matches!(failure, Failure::AuthRejected { .. }), "{failure}");
    assert!(failure.to_string().contains("two-factor"), "{failure}");
    assert_eq!(simulator.requests().len(), 1);
}

#[test]
fn credentials_go_to_the_providers_own_hosts_only() {
    let app = json!({"client_id": "app", "client_secret": CLIENT_SECRET});
    let genesys = |more: Value| (GenesysCloud, joined(app.clone(), more));
    let jwt =
        |more: Value| (RingCentral, joined(joined(app.clone(), json!({"grant_type": "jwt-bearer", "jwt": JWT})), more));
    let pbx = |more: Value| (PortSip, joined(json!({"username": "gate", "password": PASSWORD}), more));
    for (provider, grant) in [
        genesys(json!({"region": "mypurecloud.com"})),
        genesys(json!({"region": "us-east-1"})),
        genesys(json!({"region": "eu-central-1"})),
        genesys(json!({"region": "us-east-1", "token_url": "https://login.mypurecloud.de/oauth/token"})),
        jwt(json!({})),
        jwt(json!({"base_url": "https://platform.ringcentral.com"})),
        jwt(json!({"base_url": "https://platform.devtest.ringcentral.com/api"})),
        jwt(json!({"token_url": "https://platform.ringcentral.com/restapi/oauth/token"})),
        pbx(json!({"base_url": "https://pbx.example.com:8887"})),
        pbx(json!({"base_url": "https://10.1.2.3:8887/api"})),
    ] {
        assert_eq!(read(provider, &grant, false).err(), None);
    }
    for ((provider, grant), named) in [
        (genesys(json!({})), "region"),
        (genesys(json!({"region": "us-east-9"})), "region"),
        (genesys(json!({"region": "evil.example"})), "region"),
        (genesys(json!({"region": "us-east-1", "token_url": "https://evil.example/oauth/token"})), "token_url"),
        (genesys(json!({"region": "us-east-1", "token_url": "http://login.mypurecloud.com/oauth/token"})), "token_url"),
        (
            genesys(json!({"region": "us-east-1", "token_url": "https://login.mypurecloud.com.evil.example/"})),
            "token_url",
        ),
        (genesys(json!({"region": "us-east-1", "token_url": "http://127.0.0.1:1/oauth/token"})), "token_url"),
        (genesys(json!({"region": "us-east-1", "token_url": "login"})), "token_url"),
        (jwt(json!({"base_url": "https://evil.example"})), "base_url"),
        (jwt(json!({"base_url": "https://evilringcentral.com"})), "base_url"),
        (jwt(json!({"base_url": "http://platform.ringcentral.com"})), "base_url"),
        (jwt(json!({"base_url": "http://localhost:1"})), "base_url"),
        (jwt(json!({"token_url": "https://evil.example/restapi/oauth/token"})), "token_url"),
        (jwt(json!({"token_url": "https://user@platform.ringcentral.com/restapi/oauth/token"})), "token_url"),
        (pbx(json!({})), "base_url"),
        (pbx(json!({"base_url": "http://pbx.example.com:8887"})), "base_url"),
        (pbx(json!({"base_url": "https://127.0.0.1:8887"})), "base_url"),
        (pbx(json!({"base_url": "https://169.254.169.254"})), "base_url"),
    ] {
        let problem = read(provider, &grant, false).err().unwrap_or_else(|| panic!("{provider} {grant}"));
        assert!(problem.contains(named), "{grant}: {problem}");
        assert!(!problem.contains("evil"), "{problem}");
    }
}

#[test]
fn a_faulty_grant_is_named_by_its_key() {
    for kind in ["genesys-cloud", "jwt-bearer", "refresh_token", "client_credentials", "portsip"] {
        let (provider, whole) = grant(kind, "http://127.0.0.1:9");
        assert!(read(provider, &whole, true).is_ok(), "{kind}");
        let keys: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
        for key in keys.iter().filter(|key| *key != "token_url" && *key != "region") {
            // RingCentral has one host: naming it is optional.
            let absences =
                if key == "base_url" && provider == RingCentral { vec![] } else { vec![Value::Null, json!("")] };
            for wrong in [vec![json!(["canary-s3cr3t"]), json!({"canary-s3cr3t": 1}), json!(7)], absences].concat() {
                let mut grant = whole.clone();
                grant[key] = wrong;
                let problem = read(provider, &grant, true).err().unwrap_or_else(|| panic!("{kind} {grant}"));
                assert!(problem.contains(key.as_str()) && !problem.contains("canary"), "{kind} {key}: {problem}");
            }
        }
    }
    let unknown = json!({"grant_type": "canary-s3cr3t", "client_id": "a", "client_secret": "b"});
    let problem = read(RingCentral, &unknown, true).err().unwrap();
    assert!(
        problem.contains("grant_type") && problem.contains("jwt-bearer") && !problem.contains("canary"),
        "{problem}"
    );
    for text in ["", "canary-s3cr3t", "[\"canary-s3cr3t\"]", "null", "{\"client_secret\": \"canary-s3cr3t\""] {
        let stored = callgate::credentials::StoredSecret { version: "1".to_owned(), value: text.into() };
        let problem = callgate::grants::Grant::read(GenesysCloud, &stored, true).err().unwrap();
        assert!(problem.contains("JSON") && !problem.contains("canary"), "{text}: {problem}");
    }
}
