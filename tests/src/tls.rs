//! A certificate authority of the tests' own, and TLS in front of a service that speaks plain HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::{HarnessError, Result};

/// A certificate authority, and a server's certificate for `127.0.0.1` that it has signed.
#[derive(Debug, Clone)]
pub struct Authority {
    ca_pem: String,
    server: Arc<ServerConfig>,
}

impl Authority {
    /// Makes both, with new keys.
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "callgate's tests");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        Ok(Self { ca_pem: authority.pem(), server: Arc::new(server) })
    }

    /// The authority's certificate, as `ca_pem` and `AWS_CA_BUNDLE` want it.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What serves with the certificate for `127.0.0.1`.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.server))
    }

    /// What trusts this authority alone.
    ///
    /// # Errors
    /// When the certificate cannot be read again.
    pub fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(self.ca_pem.as_bytes());
        roots.add(certificate.map_err(|error| HarnessError::new(error.to_string()))?)?;
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(client))
    }
}

/// TLS in front of a plain service on this machine; dropping it ends it with all its connections.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Accepts on a loopback port the system picks, and passes on to `plain`, an address `host:port`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(authority: &Authority, plain: impl Into<String>) -> Result<Self> {
        let (acceptor, plain) = (authority.acceptor(), plain.into());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // Ends every connection together with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _peer)) = listener.accept().await {
                connections.spawn(pass_on(acceptor.clone(), stream, plain.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, task })
    }

    /// The `https` origin.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that refuses the certificate, and a side that hangs up, end the connection and nothing else.
async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, plain: String) {
    // A handshake has several small messages, and none may wait for the one before it to be confirmed.
    drop(stream.set_nodelay(true));
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let Ok(mut service) = TcpStream::connect(plain).await else { return };
    drop(service.set_nodelay(true));
    drop(copy_bidirectional(&mut client, &mut service).await);
}
