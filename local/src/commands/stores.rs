//! Where a command keeps secrets: the local store, or Secrets Manager.

use std::path::PathBuf;
use std::time::Duration;

use callgate::credentials::{
    OpenStore, SecretStore, SecretsManagerStore, StoreFailure, StoredSecret, WritableStore, Written,
};
use callgate::http::HttpClients;
use callgate::settings::{RoleCredentials, Settings, local_store};
use callgate_local::store::FileStore;
use clap::Args;
use secrecy::SecretString;

use super::Stopped;

/// The arguments that choose a store.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// Use AWS Secrets Manager, with the credentials and region in the environment.
    #[arg(long, conflicts_with = "store")]
    aws: bool,
    /// The file of the local store; without it `CALLGATE_STORE`, else .callgate/secrets.json in your home.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

/// A store that a command writes to.
pub(super) enum Store {
    Local(FileStore),
    Aws(SecretsManagerStore),
}

impl StoreArguments {
    /// Whether a store was named on the command line.
    pub(super) fn is_named(&self) -> bool {
        self.aws || self.store.is_some()
    }

    /// The store, and its name for people.
    pub(super) fn open(&self, http: &HttpClients) -> Result<(Store, String), Stopped> {
        if self.aws {
            let (settings, _) = Settings::from_environment();
            let region = settings.region.clone().ok_or_else(|| Stopped::bad_request("set AWS_REGION for --aws"))?;
            let role = RoleCredentials::from_environment();
            if role.is_none() {
                return Err(Stopped::bad_request("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for --aws"));
            }
            let store = SecretsManagerStore::new(&settings, role, http.aws(&settings));
            return Ok((Store::Aws(store), format!("Secrets Manager in {region}")));
        }
        let path = self.store.clone().or_else(local_store);
        let path = path.ok_or_else(|| Stopped::bad_request("there is no home folder; name a file with --store"))?;
        let name = path.display().to_string();
        Ok((Store::Local(FileStore::new(path)), name))
    }
}

impl SecretStore for Store {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        match self {
            Self::Local(store) => store.read(name).await,
            Self::Aws(store) => store.read(name).await,
        }
    }
}

impl WritableStore for Store {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreFailure> {
        match self {
            Self::Local(store) => store.list(prefix).await,
            Self::Aws(store) => store.list(prefix).await,
        }
    }

    async fn put(&self, name: &str, value: SecretString, request_id: &str) -> Result<Written, StoreFailure> {
        match self {
            Self::Local(store) => store.put(name, value, request_id).await,
            Self::Aws(store) => store.put(name, value, request_id).await,
        }
    }
}

impl OpenStore for Store {
    async fn store(&self, name: &str, value: SecretString) -> Result<(), StoreFailure> {
        match self {
            Self::Local(store) => store.store(name, value).await,
            Self::Aws(store) => store.store(name, value).await,
        }
    }
}

/// A store's failure for a person.
pub(super) fn store_failed(failure: StoreFailure) -> Stopped {
    Stopped::failed(match failure {
        StoreFailure::Missing => "the secret is not there".to_owned(),
        StoreFailure::Binary => "the secret is binary".to_owned(),
        StoreFailure::Unavailable(problem) => format!("the store does not answer: {problem}"),
    })
}

/// How long a command waits for a provider.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
