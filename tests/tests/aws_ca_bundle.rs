//! `AWS_CA_BUNDLE`: whose certificates AWS's own endpoints may have, and that no provider is trusted by them.

use callgate_tests::Result;
use callgate_tests::providers::{CONNECTION, PROVIDERS};
use callgate_tests::secrets_manager::SecretsManager;
use callgate_tests::sockets::ProviderSocket;
use callgate_tests::stage::start_function;
use callgate_tests::tls::{Authority, TlsFront};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A function's secrets behind TLS, and its provider behind TLS by the same authority.
struct Behind {
    authority: Authority,
    secrets: SecretsManager,
    secrets_front: TlsFront,
    provider: ProviderSocket,
    provider_front: TlsFront,
}

impl Behind {
    async fn one_authority() -> Result<Self> {
        let authority = Authority::new()?;
        let secrets = SecretsManager::start().await?;
        let secrets_front = TlsFront::start(&authority, secrets.address()).await?;
        let provider = ProviderSocket::not_found().await?;
        let provider_front = TlsFront::start(&authority, provider.url().replace("http://", "")).await?;
        Ok(Self { authority, secrets, secrets_front, provider, provider_front })
    }

    /// The reason of a check by the first provider's function.
    async fn reason(&self, more: &[(&str, &str)]) -> Result<Value> {
        let provider = PROVIDERS[0];
        self.secrets.put_text(&provider.secret_name(), provider.secret(&self.provider_front.url()).to_string());
        let mut function = start_function(provider, &self.secrets_front.url(), more).await?;
        let question = json!({"connection": CONNECTION, "queue": "1", "deadline_ms": 5000});
        let verdict = function.invoke(question.to_string()).await?.json()?;
        Ok(verdict.get("reason").cloned().unwrap_or_default())
    }
}

#[tokio::test]
async fn secrets_are_read_where_the_bundle_vouches_for_the_endpoint_and_nowhere_else() -> Result<()> {
    let behind = Behind::one_authority().await?;
    assert_eq!(behind.reason(&[]).await?, "secrets_unavailable");
    assert_eq!(behind.secrets.asked(), [""; 0], "a request was sent to whom nobody vouches for");

    let bundle = NamedTempFile::new()?;
    std::fs::write(bundle.path(), behind.authority.ca_pem())?;
    let path = bundle.path().display().to_string();
    // The secret is read; and its provider, whom the same authority vouches for, is not trusted by that.
    assert_eq!(behind.reason(&[("AWS_CA_BUNDLE", &path)]).await?, "tls_failed");
    assert!(!behind.secrets.asked().is_empty());
    assert_eq!(behind.provider.seen().received, b"", "a credential was sent to whom nobody vouches for");
    Ok(())
}
