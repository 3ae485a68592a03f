//! What the functions find: a contact centre on each simulator, its secrets and grants in moto.

use std::time::{Duration, SystemTime};

use callgate::clock::rfc3339;
use callgate::credentials::{OpenStore, SecretsManagerStore};
use callgate::http::HttpClients;
use callgate::settings::{RoleCredentials, Settings};
use callgate_local::simulator::{CallTools, Dialect, GenesysCloud, PortSip, RingCentral, Simulator};
use callgate_local::simulator::{calltools, genesys_cloud, portsip, ringcentral};
use callgate_tests::Result;
use callgate_tests::moto::Moto;
use callgate_tests::process::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};
use callgate_tests::providers::{CONNECTION, PROVIDERS, Provider};
use serde_json::{Value, json};

/// The four simulators and moto.
pub(crate) struct Desk {
    moto: Moto,
    calltools: Simulator<CallTools>,
    genesys_cloud: Simulator<GenesysCloud>,
    ringcentral: Simulator<RingCentral>,
    portsip: Simulator<PortSip>,
}

impl Desk {
    /// Starts everything. The tokens of the three providers that have grants have ended, so that nothing is answered
    /// before token-refresh has run. `None`: moto is not set up here, and the test is left out.
    pub(crate) async fn start() -> Result<Option<Self>> {
        let Some(moto) = Moto::start()? else { return Ok(None) };
        let desk = Self {
            moto,
            calltools: Simulator::start(calltools()).await?,
            genesys_cloud: Simulator::start(genesys_cloud()).await?,
            ringcentral: Simulator::start(ringcentral()).await?,
            portsip: Simulator::start(portsip()).await?,
        };
        desk.store_secrets().await;
        Ok(Some(desk))
    }

    /// What a function's environment has beyond Lambda's own.
    pub(crate) fn environment(&self) -> [(&str, &str); 2] {
        [("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.moto.url()), ("CALLGATE_ALLOW_LOOPBACK", "1")]
    }

    /// How many requests with a credential a provider's simulator has had.
    pub(crate) fn authorized_requests(&self, provider: Provider) -> usize {
        let requests = match provider.name {
            "calltools" => self.calltools.requests(),
            "genesys-cloud" => self.genesys_cloud.requests(),
            "ringcentral" => self.ringcentral.requests(),
            "portsip" => self.portsip.requests(),
            other => panic!("no simulator of {other}"),
        };
        requests.iter().filter(|request| request.authorization.is_some()).count()
    }

    async fn store_secrets(&self) {
        let grants = [
            ("genesys-cloud", json!({"client_id": "client", "client_secret": SECRET})),
            (
                "ringcentral",
                json!({"grant_type": "jwt-bearer", "client_id": "app", "client_secret": SECRET, "jwt": JWT}),
            ),
            ("portsip", json!({"username": "gate", "password": SECRET})),
        ];
        let ended = rfc3339(SystemTime::now() - Duration::from_mins(1));
        let store = self.store();
        for (provider, grant) in grants {
            let name = format!("callgate-grant/{provider}/{CONNECTION}");
            store.store(&name, self.addressed(provider, grant).to_string().into()).await.unwrap();
            let token = self.addressed(provider, json!({"access_token": "old", "expires_at": ended}));
            let name = format!("callgate/{provider}/{CONNECTION}");
            store.store(&name, token.to_string().into()).await.unwrap();
        }
        let key = self.addressed("calltools", json!({"token": KEY}));
        store.store(&format!("callgate/calltools/{CONNECTION}"), key.to_string().into()).await.unwrap();
    }

    /// A secret with the host that it may be sent to.
    fn addressed(&self, provider: &str, mut secret: Value) -> Value {
        let base_url = match provider {
            "calltools" => self.calltools.base_url(),
            "genesys-cloud" => self.genesys_cloud.base_url(),
            "ringcentral" => self.ringcentral.base_url(),
            _ => self.portsip.base_url(),
        };
        secret["base_url"] = json!(base_url);
        secret
    }

    fn store(&self) -> SecretsManagerStore {
        let settings = Settings {
            region: Some(REGION.to_owned()),
            secrets_endpoint: Some(self.moto.url().to_owned()),
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
}

/// Two of three agents ready.
fn calltools() -> CallTools {
    use calltools::Agent;
    let queue = queue("calltools");
    CallTools::new(Dialect::Real)
        .token(KEY)
        .queue(queue, "sales")
        .agent(queue, Agent::ready(101, "Ada Byrne"))
        .agent(queue, Agent::ready(102, "Ben Cole"))
        .agent(queue, Agent::on_call(103, "Cy Diaz"))
}

/// One agent idle, one in a conversation, one off the queue.
fn genesys_cloud() -> GenesysCloud {
    use genesys_cloud::Agent;
    let queue = queue("genesys-cloud");
    GenesysCloud::new(Dialect::Real)
        .client("client", SECRET)
        .queue(queue, "sales")
        .agent(queue, Agent::idle("3fa0c6ea-5b0a-4a35-9d2e-5d7b2a6d7f11", "Ada Byrne"))
        .agent(queue, Agent::interacting("8b1c0c2e-2a3f-4d39-a3c5-0f6c1a0b9c22", "Ben Cole"))
        .agent(queue, Agent::off_queue("c0ffee00-1111-4222-8333-444455556666", "Cy Diaz"))
}

/// Two of three members accept the queue's calls.
fn ringcentral() -> RingCentral {
    use ringcentral::Agent;
    let queue = queue("ringcentral");
    RingCentral::new(Dialect::Real)
        .client("app", SECRET)
        .jwt(JWT)
        .requests_per_minute(1000)
        .queue(queue, "sales")
        .agent(queue, Agent::ready("979428000", "Ada Byrne", "101"))
        .agent(queue, Agent::ready("979429000", "Ben Cole", "102"))
        .agent(queue, Agent::ready("979430000", "Cy Diaz", "103").out_of_queue())
}

/// One agent ready, one in a call of the queue, one at lunch.
fn portsip() -> PortSip {
    use portsip::{Agent, Status};
    let queue = queue("portsip");
    PortSip::new(Dialect::Real)
        .user("gate", SECRET)
        .queue(queue, "sales", "8001")
        .agent(queue, Agent::new("101", "Ada Byrne", Status::QueueCall))
        .agent(queue, Agent::ready("102", "Ben Cole"))
        .agent(queue, Agent::new("103", "Cy Diaz", Status::Lunch))
}

fn queue(provider: &str) -> &'static str {
    PROVIDERS.iter().find(|known| known.name == provider).unwrap().queue
}

const KEY: &str = "key-of-a-simulated-account";
const SECRET: &str = "secret-of-a-simulated-account";
const JWT: &str = "jwt.of-a-simulated.account";
