//! The two homes of shared state, for tests that mean the same in both.

use std::time::Duration;

use callgate::clock::Clock;
use callgate::freshness::state::{DynamoDbState, MemoryState};
use callgate::freshness::{Home, Shared};
use callgate::settings::{RoleCredentials, Settings};
use callgate_tests::dynamodb::{OneAtATime, create_table};
use callgate_tests::moto::Moto;
use callgate_tests::process::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};

use crate::desk::{HTTP, START_MS};

/// The table in every test.
pub(crate) const TABLE: &str = "callgate-state";

/// A home that several instances share.
pub(crate) enum Commons {
    Memory(MemoryState),
    Moto { _moto: Moto, way: OneAtATime },
}

impl Commons {
    /// This process's memory.
    pub(crate) fn memory(clock: &Clock) -> Self {
        Self::Memory(MemoryState::new(clock.clone()))
    }

    /// A table of moto's `DynamoDB`. `None`: moto is not set up here, and the test is left out.
    pub(crate) async fn moto() -> Option<Self> {
        let moto = Moto::start().unwrap()?;
        create_table(&HTTP.public(), moto.url(), TABLE).await.unwrap();
        let way = OneAtATime::before(moto.url(), HTTP.public()).await.unwrap();
        Some(Self::Moto { _moto: moto, way })
    }

    /// Another instance's way there. It waits as long as this machine may take: what is proved is not how fast moto is.
    pub(crate) fn shared(&self) -> Shared {
        let home = match self {
            Self::Memory(memory) => Home::Memory(memory.clone()),
            Self::Moto { way, .. } => Home::DynamoDb(table_at(&way.url())),
        };
        Shared::new(home, Duration::from_mins(1))
    }
}

/// The table of a `DynamoDB` at this address.
pub(crate) fn table_at(url: &str) -> DynamoDbState {
    let settings = Settings {
        region: Some(REGION.to_owned()),
        state_endpoint: Some(url.to_owned()),
        allow_loopback: true,
        ..Settings::default()
    };
    let role = RoleCredentials {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        session_token: Some(SESSION_TOKEN.to_owned()),
    };
    DynamoDbState::new(TABLE, &settings, Some(role), HTTP.public())
}

/// A clock that stands where the simulators' do.
pub(crate) fn stopped() -> Clock {
    Clock::stopped_at(START_MS)
}
