//! Whose certificates are accepted: the public authorities', or those alone that a customer's secret has.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Accepts what the public certificate authorities vouch for.
///
/// # Errors
/// The configuration is not accepted, or there are no random numbers: a fault of this build or of its machine.
pub(crate) fn public_authorities() -> Result<ClientConfig, Error> {
    public_authorities_by(ring::default_provider())
}

fn public_authorities_by(cryptography: CryptoProvider) -> Result<ClientConfig, Error> {
    // Whatever the first random number costs is paid here, before the first event, and not by a call that waits.
    cryptography.secure_random.fill(&mut [0; 32])?;
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(cryptography))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Accepts what the certificates in a PEM text vouch for, and those certificates themselves.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn own_certificates(pem: &str) -> Result<ClientConfig, String> {
    let unreadable = |_| "has a certificate that cannot be read".to_owned();
    let listed = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let listed = listed.map_err(|_| "is no PEM certificate".to_owned())?;
    if listed.is_empty() {
        return Err("has no certificate; paste it with its BEGIN CERTIFICATE line".to_owned());
    }
    let mut roots = RootCertStore::empty();
    for certificate in &listed {
        roots.add(certificate.clone()).map_err(unreadable)?;
    }
    let provider = Arc::new(ring::default_provider());
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|_| "has certificates that cannot be used".to_owned())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unreadable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OwnCertificates { chains, listed }))
        .with_no_client_auth();
    Ok(config)
}

/// Verifies as usual; only that the server's certificate may be one of those listed, although it is an authority's.
///
/// That is what common tools write as a self-signed certificate, and what is otherwise refused for a server.
#[derive(Debug)]
struct OwnCertificates {
    chains: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for OwnCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Its time was checked before its kind, and an expired one has an error of its own; its name is next.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if self.listed.contains(end_entity) => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};

    use super::public_authorities_by;

    #[derive(Debug)]
    struct Drawn(AtomicUsize);

    impl SecureRandom for Drawn {
        fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn the_first_random_number_is_drawn_while_the_client_is_made() {
        static DRAWN: Drawn = Drawn(AtomicUsize::new(0));
        public_authorities_by(CryptoProvider { secure_random: &DRAWN, ..ring::default_provider() }).unwrap();
        assert_eq!(DRAWN.0.load(Ordering::SeqCst), 1);
    }
}
