//! Certificates: which are accepted, and that a credential is sent behind an accepted one only.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callgate::providers::calltools::CallTools;
use callgate_tests::providers::PROVIDERS;
use callgate_tests::verdicts::assert_policy;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::answers::at_first;
use crate::desk::{Desk, agents, assert_says, canned, verdict};

/// A provider behind TLS that answers every request with the same document, and counts what it is sent.
struct TlsServer {
    url: String,
    connections: Arc<AtomicUsize>,
    /// Bytes received within TLS: nothing arrives here unless the client accepted the certificate.
    received: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl TlsServer {
    async fn start(
        certificate: &Certificate,
        key: &KeyPair,
        body: impl Fn(&str, &str) -> Value + Send + Sync + 'static,
    ) -> Self {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (connections, received) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (Arc::clone(&connections), Arc::clone(&received));
        let (origin, body) = (url.clone(), Arc::new(body));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counters.0.fetch_add(1, Ordering::SeqCst);
                let (acceptor, received) = (acceptor.clone(), Arc::clone(&counters.1));
                let (origin, body) = (origin.clone(), Arc::clone(&body));
                tokio::spawn(
                    async move { converse(&acceptor, stream, &received, |target| body(&origin, target)).await },
                );
            }
        });
        Self { url, connections, received, task }
    }

    fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(acceptor: &TlsAcceptor, stream: TcpStream, received: &AtomicUsize, body: impl Fn(&str) -> Value) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        received.fetch_add(1, Ordering::SeqCst);
        head.push(byte);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
            let body = body(text.split(' ').nth(1).unwrap()).to_string();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

/// What a provider with one ready agent answers, whichever provider it is.
fn ready(_origin: &str, target: &str) -> Value {
    let status = if target.ends_with("/status") { "ONLINE" } else { "READY" };
    let items = json!([{"extension_number": "101"}]);
    json!({"count": 1, "total": 1, "status": status, "items": items, "records": [{"acceptCurrentQueueCalls": true}]})
}

fn for_names(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn self_signed(params: &CertificateParams) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

fn secret(provider: callgate_tests::providers::Provider, url: &str, ca_pem: Option<&str>) -> String {
    let mut secret = provider.secret(url);
    if let Some(pem) = ca_pem {
        secret["ca_pem"] = pem.into();
    }
    secret.to_string()
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_credential() {
    let good = self_signed(&for_names(&["127.0.0.1"]));
    let mut params = for_names(&["127.0.0.1"]);
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let expired = self_signed(&params);
    (params.not_before, params.not_after) = (date_time_ymd(2120, 1, 1), date_time_ymd(2121, 1, 1));
    let not_yet = self_signed(&params);
    let elsewhere = self_signed(&for_names(&["pbx.example.com", "10.0.0.1"]));
    let stranger = self_signed(&for_names(&["127.0.0.1"]));
    for (what, served, trusted) in [
        ("self-signed", &good, None),
        ("expired", &expired, Some(&expired)),
        ("not yet valid", &not_yet, Some(&not_yet)),
        ("another host's", &elsewhere, Some(&elsewhere)),
        ("another authority's", &good, Some(&stranger)),
    ] {
        for provider in PROVIDERS {
            let server = TlsServer::start(&served.0, &served.1, ready).await;
            let pem = trusted.map(|(certificate, _)| certificate.pem());
            for (on_unknown, accepts) in [("reject", false), ("accept", true)] {
                let secret = secret(provider, &server.url, pem.as_deref());
                let verdict = verdict(provider, &secret, json!({"on_unknown": on_unknown})).await;
                assert_policy(&verdict, "tls_failed", accepts);
            }
            assert_eq!(server.received(), 0, "{provider}: {what}");
            let tried = 2 * at_first(provider);
            assert_eq!(server.connections.load(Ordering::SeqCst), tried, "{provider}: {what} is tried once a check");
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_gets_no_credential() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let mut received = Vec::new();
        // The client may reset what it has not read.
        let _ = stream.read_to_end(&mut received).await;
        received
    });
    let provider = canned::<CallTools>();
    let verdict = Desk::<CallTools>::sending_to(&url).ask(json!({})).await;
    assert_policy(&verdict, "tls_failed", false);
    let received = server.await.unwrap();
    assert!(!String::from_utf8_lossy(&received).contains(&provider.canary()));
}

#[tokio::test]
async fn a_customers_own_certificate_or_authority_is_accepted_where_the_secret_has_it() {
    let plain = for_names(&["127.0.0.1"]);
    let mut no_authority = plain.clone();
    no_authority.is_ca = IsCa::ExplicitNoCa;
    // What `openssl req -x509` writes: the server's certificate is an authority as well.
    let mut its_own_authority = plain.clone();
    its_own_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = plain.signed_by(&leaf_key, &Issuer::new(authority, &authority_key)).unwrap();
    let own = |params: &CertificateParams| {
        let (certificate, key) = self_signed(params);
        let pem = certificate.pem();
        (certificate, key, pem)
    };
    let several = format!("# the PBX\r\n{}\n{}", self_signed(&plain).0.pem(), authority_certificate.pem());
    for (what, (certificate, key, pem)) in [
        ("self-signed", own(&plain)),
        ("self-signed, no authority", own(&no_authority)),
        ("self-signed, an authority", own(&its_own_authority)),
        ("signed by an authority", (leaf, leaf_key, several)),
    ] {
        let server = TlsServer::start(&certificate, &key, ready).await;
        for provider in PROVIDERS {
            let verdict = verdict(provider, &secret(provider, &server.url, Some(&pem)), json!({})).await;
            assert_says(&format!("{provider}: {what}"), &verdict, &json!({"reason": "ok", "source": "live"}));
        }
    }
}

#[tokio::test]
async fn an_authority_of_its_own_still_has_to_be_valid_and_the_hosts() {
    let its_own_authority = |names: &[&str], until: i32| {
        let mut params = for_names(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(until, 1, 1));
        self_signed(&params)
    };
    for served in [its_own_authority(&["127.0.0.1"], 2020), its_own_authority(&["10.0.0.1"], 2120)] {
        let server = TlsServer::start(&served.0, &served.1, ready).await;
        let secret = secret(canned::<CallTools>(), &server.url, Some(&served.0.pem()));
        let verdict = Desk::<CallTools>::with(&secret).ask(json!({})).await;
        assert_policy(&verdict, "tls_failed", false);
        assert_eq!(server.received(), 0);
    }
}

#[tokio::test]
async fn a_customers_own_authority_vouches_for_its_own_connection_only() {
    let (certificate, key) = self_signed(&for_names(&["127.0.0.1"]));
    let server = TlsServer::start(&certificate, &key, ready).await;
    let provider = canned::<CallTools>();
    let desk = Desk::<CallTools>::with(&secret(provider, &server.url, Some(&certificate.pem())));
    assert_eq!(desk.ask(json!({})).await["reason"], "ok");
    desk.gate.put_secret("other", secret(provider, &server.url, None));
    let verdict = desk.ask(json!({"connection": "other"})).await;
    assert_policy(&verdict, "tls_failed", false);
}

#[tokio::test]
async fn a_next_link_over_plain_http_is_followed_on_the_credentials_own_origin() {
    let agent = json!({"status": "Available", "ready": true});
    let pages = move |origin: &str, target: &str| {
        let plain = origin.replace("https://", "http://");
        let next =
            if target.contains("page=2") { Value::Null } else { format!("{plain}/api/agentstatuses/?page=2").into() };
        json!({"count": 2, "next": next, "previous": null, "results": [agent]})
    };
    let (certificate, key) = self_signed(&for_names(&["127.0.0.1"]));
    let server = TlsServer::start(&certificate, &key, pages).await;
    let secret = secret(canned::<CallTools>(), &server.url, Some(&certificate.pem()));
    let question = json!({"acceptance": agents("available", "at_least", 2), "explain": true});
    let verdict = Desk::<CallTools>::with(&secret).ask(question).await;
    assert_says("http", &verdict, &json!({"reason": "ok", "available": 2, "counts_complete": true}));
    assert_eq!(verdict["trace"]["requests"][1]["url"], format!("{}/api/agentstatuses/?page=2", server.url));
}
