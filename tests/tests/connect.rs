//! `callgate connect`, `connections` and `refresh` as a person runs them: what is stored, what is refused, and what is
//! printed.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use callgate::clock::rfc3339;
use callgate_local::simulator::{CallTools, Dialect, GenesysCloud, PortSip, RingCentral, Simulator};
use callgate_local::simulator::{calltools, genesys_cloud, portsip};
use callgate_tests::binaries::executable;
use callgate_tests::function::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN};
use callgate_tests::secrets_manager::{Condition, Role, SecretsManager};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_hours(1);
const GENESYS_QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";

/// The part that every credential has that a person types.
const CANARY: &str = "5up3r53cr3t";

/// What no command may print: what is typed, and what the simulators give out.
const SECRETS: [&str; 6] = [
    CANARY,
    "genesys-cloud-access-",
    "ringcentral-access-",
    "ringcentral-refresh-",
    "portsip-access-",
    "portsip-refresh-",
];

/// A person's machine: a home folder, and an environment.
struct Machine {
    home: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// How a command ended, and what it printed.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// With the credentials that `secrets` accepts.
    fn with_aws(secrets: &SecretsManager) -> Self {
        let mut machine = Self::new();
        machine.environment = vec![
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_SESSION_TOKEN", SESSION_TOKEN.to_owned()),
        ];
        machine
    }

    /// Runs the command with a text on standard input, which is no terminal. It never prints a secret.
    async fn run(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = Command::new(executable("callgate").unwrap());
        command.env_clear().env("HOME", self.home.path()).envs(self.environment.clone()).args(arguments);
        command.current_dir(self.home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = input.to_owned();
        // The simulators answer meanwhile.
        let run = move || {
            let mut child = command.spawn().unwrap();
            // A command that refuses its arguments does not wait for its input.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait_with_output().unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        for secret in SECRETS {
            assert!(!stdout.contains(secret) && !stderr.contains(secret), "{arguments:?}: {secret}\n{stdout}{stderr}");
        }
        Ended { code: output.status.code(), stdout, stderr }
    }

    /// Connects with fields from standard input.
    async fn connect(&self, provider: &str, name: &str, fields: &Value) -> Ended {
        self.run(&["connect", provider, name, "--fields", "-"], &fields.to_string()).await
    }

    fn store(&self) -> PathBuf {
        self.home.path().join(".callgate").join("secrets.json")
    }

    /// A stored secret; null where there is none.
    fn stored(&self, name: &str) -> Value {
        stored_in(&self.store(), name)
    }

    /// Replaces a stored secret by hand.
    fn replace(&self, name: &str, secret: &Value) {
        let text = std::fs::read_to_string(self.store()).unwrap();
        let mut all: Map<String, Value> = serde_json::from_str(&text).unwrap();
        all.insert(name.to_owned(), json!({"version": "by-hand", "value": secret.to_string()}));
        std::fs::write(self.store(), Value::Object(all).to_string()).unwrap();
    }
}

fn stored_in(path: &Path, name: &str) -> Value {
    let Ok(text) = std::fs::read_to_string(path) else { return Value::Null };
    let all: Value = serde_json::from_str(&text).unwrap();
    let text = all.get(name).and_then(|kept| kept.get("value")).and_then(Value::as_str);
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

#[track_caller]
fn assert_ended(ended: &Ended, code: i32, said: &[&str]) {
    let Ended { stdout, stderr, .. } = ended;
    assert_eq!(ended.code, Some(code), "{stdout}{stderr}");
    let (speaks, silent) = if code == 0 { (stdout, stderr) } else { (stderr, stdout) };
    assert!(silent.is_empty(), "{silent}");
    for words in said {
        assert!(speaks.contains(words), "{words:?} is not in: {speaks}");
    }
}

/// The row of a connection in a table.
#[track_caller]
fn row<'t>(table: &'t str, provider: &str, connection: &str) -> Vec<&'t str> {
    let mut rows = table.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    rows.find(|row| row.starts_with(&[provider, connection])).unwrap()
}

fn secret(name: &str) -> String {
    format!("{name}-{CANARY}")
}

async fn genesys(life: Duration) -> Simulator<GenesysCloud> {
    let agent = genesys_cloud::Agent::off_queue("3fa0c6ea-5b0a-4a35-9d2e-5d7b2a6d7f11", "Ada Byrne");
    let organisation = GenesysCloud::new(Dialect::Real).queue(GENESYS_QUEUE, "sales").agent(GENESYS_QUEUE, agent);
    Simulator::start(organisation.client("client", &secret("client")).token_life(life)).await.unwrap()
}

async fn ringcentral(life: Duration) -> Simulator<RingCentral> {
    let account = RingCentral::new(Dialect::Real).client("app", &secret("app")).jwt(&secret("jwt"));
    let account = account.refresh_token(&secret("seed")).token_requests_per_minute(100);
    Simulator::start(account.token_life(life)).await.unwrap()
}

async fn portsip(life: Duration) -> Simulator<PortSip> {
    let pbx = PortSip::new(Dialect::Real).user("gate", &secret("password"));
    let pbx = pbx.queue("8", "sales", "8001").agent("8", portsip::Agent::ready("101", "Ada Byrne"));
    Simulator::start(pbx.token_life(life)).await.unwrap()
}

async fn calltools() -> Simulator<CallTools> {
    let account = CallTools::new(Dialect::Real).token(&secret("key")).queue("5457", "sales");
    Simulator::start(account.agent("5457", calltools::Agent::ready(101, "Ada Byrne"))).await.unwrap()
}

fn genesys_fields(base_url: &str) -> Value {
    json!({"client_id": "client", "client_secret": secret("client"), "base_url": base_url})
}

fn rotating_fields(base_url: &str) -> Value {
    json!({"grant_type": "refresh_token", "client_id": "app", "client_secret": secret("app"),
           "refresh_token": secret("seed"), "base_url": base_url})
}

#[tokio::test]
async fn connecting_stores_the_token_and_the_grant_where_only_the_user_reads_them() {
    let genesys = genesys(HOUR).await;
    let machine = Machine::new();
    let fields = json!({
        "client_id": "client", "client_secret": secret("client"), "base_url": genesys.base_url(),
        "allowed_api_key_ids": ["k1"], "defaults": {"deadline_ms": 5000},
    });
    let ended = machine.connect("genesys-cloud", "acme", &fields).await;
    let names = "callgate/genesys-cloud/acme and callgate-grant/genesys-cloud/acme";
    assert_ended(&ended, 0, &["accepted by the provider; the token ends 20", names]);

    let token = machine.stored("callgate/genesys-cloud/acme");
    assert_eq!(token["access_token"], "genesys-cloud-access-0001");
    assert!(token["issued_at"].is_string() && token["expires_at"].is_string());
    for name in ["base_url", "allowed_api_key_ids", "defaults"] {
        assert_eq!(token[name], fields[name], "{name}");
    }
    for name in ["client_id", "client_secret", "refresh_token", "rotates"] {
        assert_eq!(token.get(name), None, "a check may not read {name}");
    }
    assert_eq!(machine.stored("callgate-grant/genesys-cloud/acme")["client_secret"], secret("client"));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&machine.store()), mode(machine.store().parent().unwrap())), (0o600, 0o700));
    assert_eq!(std::fs::read_dir(machine.store().parent().unwrap()).unwrap().count(), 1, "nothing else lies about");

    // The token is one that checks can use.
    let question = json!({"provider": "genesys-cloud", "connection": "acme", "queue": GENESYS_QUEUE}).to_string();
    let open_to_all = genesys_fields(genesys.base_url());
    assert_ended(&machine.connect("genesys-cloud", "acme", &open_to_all).await, 0, &["accepted"]);
    let checked = machine.run(&["check", "-", "--json"], &question).await;
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    assert_eq!(machine.stored("callgate/genesys-cloud/acme")["access_token"], "genesys-cloud-access-0002");
}

#[tokio::test]
async fn every_provider_is_connected_by_its_own_fields() {
    let (calltools, ringcentral, portsip) = (calltools().await, ringcentral(HOUR).await, portsip(HOUR).await);
    let machine = Machine::new();
    let path = machine.home.path().join("elsewhere").join("store.json");
    let store = path.to_str().unwrap();
    let set = |name: &str, value: &str| format!("--set={name}={value}");
    let base_url = set("base_url", calltools.base_url());
    let arguments = ["connect", "calltools", "acme", "--store", store, &base_url, "--fields", "-"];
    let ended = machine.run(&arguments, &json!({"token": secret("key")}).to_string()).await;
    assert_ended(&ended, 0, &["accepted by the provider\nstored callgate/calltools/acme in "]);

    // jwt-bearer is the grant where none is named.
    let (base_url, client) = (set("base_url", ringcentral.base_url()), set("client_id", "app"));
    let arguments = ["connect", "ringcentral", "acme", "--store", store, &base_url, &client, "--fields", "-"];
    let input = json!({"client_secret": secret("app"), "jwt": secret("jwt"), "client_id": "overridden"}).to_string();
    assert_ended(&machine.run(&arguments, &input).await, 0, &["accepted", "callgate-grant/ringcentral/acme"]);
    let grant = stored_in(&path, "callgate-grant/ringcentral/acme");
    assert_eq!((&grant["grant_type"], &grant["client_id"]), (&json!("jwt-bearer"), &json!("app")));

    let base_url = set("base_url", &format!("{}/api", portsip.base_url()));
    let arguments = ["connect", "portsip", "acme", "--store", store, &base_url, "--set=username=gate", "--fields", "-"];
    let ended = machine.run(&arguments, &json!({"password": secret("password")}).to_string()).await;
    assert_ended(&ended, 0, &["accepted", "callgate-grant/portsip/acme"]);
    assert_eq!(stored_in(&path, "callgate-grant/portsip/acme")["refresh_token"], "portsip-refresh-0001");

    let pasted = json!({"access_token": "portsip-access-0001", "base_url": portsip.base_url()}).to_string();
    let arguments = ["connect", "portsip", "pasted", "--pasted", "--store", store, "--fields", "-"];
    assert_ended(&machine.run(&arguments, &pasted).await, 0, &["stored callgate/portsip/pasted in "]);
    assert_eq!(stored_in(&path, "callgate-grant/portsip/pasted"), Value::Null);

    let listed = machine.run(&["connections", "--store", store], "").await;
    assert_ended(&listed, 0, &["minutes left"]);
    for (provider, name, left, renewed_by) in [
        ("calltools", "acme", "–", "nobody: the key does not end"),
        ("portsip", "acme", "59", "token-refresh"),
        ("portsip", "pasted", "–", "nobody: it was pasted"),
        ("ringcentral", "acme", "59", "token-refresh"),
    ] {
        assert_eq!(row(&listed.stdout, provider, name), [provider, name, left, renewed_by]);
    }
    assert!(!machine.store().exists(), "only the named file is used");
}

#[tokio::test]
async fn a_missing_field_is_named_where_nobody_can_be_asked() {
    let machine = Machine::new();
    for (provider, more, fields, missing) in [
        ("calltools", None, json!({"silo": "east-1"}), "token is missing: API key"),
        ("calltools", None, json!({"token": CANARY}), "silo is missing"),
        ("genesys-cloud", None, json!({}), "client_id is missing"),
        ("genesys-cloud", None, json!({"client_id": "x", "client_secret": " "}), "client_secret is missing"),
        ("genesys-cloud", None, json!({"client_id": "x", "client_secret": CANARY}), "region is missing"),
        ("genesys-cloud", Some("--pasted"), json!({"region": "us-east-1"}), "access_token is missing"),
        ("ringcentral", None, json!({"client_id": "x", "client_secret": CANARY}), "jwt is missing"),
        (
            "ringcentral",
            None,
            json!({"client_id": "x", "client_secret": CANARY, "grant_type": "refresh_token"}),
            "refresh_token is missing",
        ),
        ("portsip", None, json!({"username": "x", "password": CANARY}), "base_url is missing"),
        ("portsip", None, json!({"username": "x", "base_url": "https://pbx.example.com"}), "password is missing"),
    ] {
        let mut arguments = vec!["connect", provider, "acme", "--fields", "-"];
        arguments.extend(more);
        assert_ended(&machine.run(&arguments, &fields.to_string()).await, 64, &[missing]);
    }
    assert!(!machine.store().exists());
}

#[tokio::test]
async fn what_cannot_be_understood_exits_64_and_sends_nothing() {
    let genesys = genesys(HOUR).await;
    let machine = Machine::new();
    let fields = genesys_fields(genesys.base_url());
    for (arguments, named) in [
        (&["connect", "avaya", "acme", "--fields", "-"][..], "avaya is no provider; name one of calltools"),
        (&["connect", "genesys-cloud", "../x", "--fields", "-"], "../x is no connection name"),
        (&["connect", "genesys-cloud", "ACME", "--fields", "-"], "ACME is no connection name"),
        (&["connect", "genesys-cloud", "acme", "--set", "region"], "--set takes FIELD=VALUE"),
        (&["connect", "genesys-cloud", "acme", "--fields", "no-such-file"], "no-such-file cannot be read"),
        (&["connect", "genesys-cloud", "acme", "--fields", "-", "--aws"], "AWS_REGION"),
        (&["connect", "genesys-cloud"], "NAME"),
        (&["connect", "genesys-cloud", "acme", "--aws", "--store", "x"], "cannot be used with"),
        (&["connections", "--aws"], "AWS_REGION"),
        (&["refresh", "--aws"], "AWS_REGION"),
    ] {
        assert_ended(&machine.run(arguments, &fields.to_string()).await, 64, &[named]);
    }
    for (input, named) in [
        (format!(r#"{{"client_secret": "{CANARY}"#), "no JSON object (line 1"),
        (format!(r#"["{CANARY}"]"#), "no JSON object"),
        (json!({"client_id": "x", "client_secret": CANARY, "region": CANARY}).to_string(), "region"),
        (json!({"client_id": "x", "client_secret": CANARY, "base_url": "http://evil.example"}).to_string(), "base_url"),
    ] {
        let ended = machine.run(&["connect", "genesys-cloud", "acme", "--fields", "-"], &input).await;
        assert_ended(&ended, 64, &[named]);
    }
    assert_eq!(genesys.requests().len(), 0);
    assert!(!machine.store().exists());
}

#[tokio::test]
async fn a_wrong_secret_stores_nothing_and_says_why() {
    let (calltools, genesys) = (calltools().await, genesys(HOUR).await);
    let (ringcentral, portsip) = (ringcentral(HOUR).await, portsip(HOUR).await);
    let machine = Machine::new();
    let wrong = secret("wrong");
    let app = json!({"client_id": "app", "client_secret": secret("app"), "base_url": ringcentral.base_url()});
    let with = |name: &str, value: &str| {
        let mut app = app.clone();
        app[name] = json!(value);
        app
    };
    let mut wrong_grant = with("jwt", "x");
    wrong_grant["grant_type"] = json!("client_credentials");
    for (provider, fields, said) in [
        ("calltools", json!({"token": wrong, "base_url": calltools.base_url()}), "does not accept the token"),
        (
            "genesys-cloud",
            json!({"client_id": "client", "client_secret": wrong, "base_url": genesys.base_url()}),
            "invalid_client",
        ),
        ("ringcentral", with("jwt", &wrong), "OAU-213"),
        ("ringcentral", wrong_grant, "use jwt-bearer"),
        ("portsip", json!({"username": "gate", "password": wrong, "base_url": portsip.base_url()}), "UNAUTHORIZED"),
    ] {
        let ended = machine.connect(provider, "acme", &fields).await;
        assert_ended(&ended, 70, &["nothing was stored", said]);
    }
    assert!(!machine.store().exists());
    assert_eq!(portsip.with(|pbx| pbx.failed_sign_ins()), 1, "a refused password is not sent twice");
}

#[tokio::test]
async fn tokens_that_live_less_than_twenty_minutes_are_refused_with_the_way_to_raise_it() {
    let minutes = Duration::from_mins;
    let machine = Machine::new();
    let short = genesys(minutes(19)).await;
    let ended = machine.connect("genesys-cloud", "acme", &genesys_fields(short.base_url())).await;
    assert_ended(&ended, 70, &["nothing was stored", "live 19 minutes, and 20 are needed", "raise the token duration"]);

    let short = ringcentral(minutes(10)).await;
    let ended = machine.connect("ringcentral", "acme", &rotating_fields(short.base_url())).await;
    assert_ended(&ended, 70, &["nothing was stored", "live 10 minutes", "the refresh token is used up"]);
    assert!(!machine.store().exists());

    let enough = genesys(minutes(20)).await;
    assert_ended(&machine.connect("genesys-cloud", "acme", &genesys_fields(enough.base_url())).await, 0, &[]);
}

#[tokio::test]
async fn of_a_rotating_grant_the_next_refresh_token_is_stored_and_refresh_goes_on_with_it() {
    let ringcentral = ringcentral(Duration::from_mins(30)).await;
    let machine = Machine::new();
    let ended = machine.connect("ringcentral", "acme", &rotating_fields(ringcentral.base_url())).await;
    assert_ended(&ended, 0, &["accepted"]);
    let (token, grant) = ("callgate/ringcentral/acme", "callgate-grant/ringcentral/acme");
    assert_eq!(machine.stored(grant)["refresh_token"], "ringcentral-refresh-0001");
    assert_eq!(machine.stored(grant)["access_token"], "ringcentral-access-0001");
    assert_eq!(machine.stored(token)["rotates"], true);
    assert_eq!(machine.stored(token).get("refresh_token"), None);

    assert_ended(&machine.run(&["refresh"], "").await, 0, &["not_due"]);
    // An hour later, by the stored times.
    for name in [token, grant] {
        let mut aged = machine.stored(name);
        aged["issued_at"] = json!(rfc3339(SystemTime::now() - HOUR));
        aged["expires_at"] = json!(rfc3339(SystemTime::now() + Duration::from_mins(5)));
        machine.replace(name, &aged);
    }
    let ended = machine.run(&["refresh", "--json"], "").await;
    assert_ended(&ended, 0, &[r#""outcome":"refreshed""#]);
    assert_eq!(machine.stored(grant)["refresh_token"], "ringcentral-refresh-0002");
    assert_eq!(machine.stored(token)["access_token"], "ringcentral-access-0002");
    assert_eq!(ringcentral.with(|account| account.sessions()).len(), 1);
}

#[tokio::test]
async fn refresh_exits_1_where_somebody_must_act_and_70_where_the_store_is_of_no_use() {
    let genesys = genesys(HOUR).await;
    let machine = Machine::new();
    assert_ended(&machine.run(&["connections"], "").await, 0, &["no connections in ", "callgate connect"]);
    let empty = machine.run(&["refresh", "--json"], "").await;
    assert_ended(&empty, 0, &[]);
    assert_eq!(empty.stdout, "[]\n");
    assert!(!machine.store().exists(), "looking makes no store");

    for name in ["good", "bad"] {
        assert_ended(&machine.connect("genesys-cloud", name, &genesys_fields(genesys.base_url())).await, 0, &[]);
    }
    let mut grant = machine.stored("callgate-grant/genesys-cloud/bad");
    grant["client_secret"] = json!(secret("revoked"));
    machine.replace("callgate-grant/genesys-cloud/bad", &grant);
    // It has life enough: nobody needs to act yet.
    assert_ended(&machine.run(&["refresh"], "").await, 0, &["not_due"]);
    let mut token = machine.stored("callgate/genesys-cloud/bad");
    token["issued_at"] = json!(rfc3339(SystemTime::now() - HOUR));
    token["expires_at"] = json!(rfc3339(SystemTime::now() - Duration::from_mins(3)));
    machine.replace("callgate/genesys-cloud/bad", &token);

    let asked = genesys.requests().len();
    for outcome in ["rejected", "still_rejected"] {
        let ended = machine.run(&["refresh"], "").await;
        assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
        assert_eq!(row(&ended.stdout, "genesys-cloud", "good")[2..4], ["not_due", "59"]);
        assert_eq!(row(&ended.stdout, "genesys-cloud", "bad")[2..4], [outcome, "-3"]);
    }
    assert_eq!(genesys.requests().len(), asked + 1, "a rejected grant is not tried again");
    let listed = machine.run(&["connections"], "").await;
    assert_eq!(row(&listed.stdout, "genesys-cloud", "bad")[2], "ended");

    // Connected anew, it works again.
    assert_ended(&machine.connect("genesys-cloud", "bad", &genesys_fields(genesys.base_url())).await, 0, &[]);
    assert_ended(&machine.run(&["refresh"], "").await, 0, &["not_due"]);

    std::fs::write(machine.store(), format!(r#"{{"callgate/x": "{CANARY}""#)).unwrap();
    for arguments in [&["refresh"][..], &["connections"]] {
        assert_ended(&machine.run(arguments, "").await, 70, &["is no store (line 1"]);
    }
    let asked = genesys.requests().len();
    let ended = machine.connect("genesys-cloud", "acme", &genesys_fields(genesys.base_url())).await;
    assert_ended(&ended, 70, &["is no store (line 1"]);
    assert_eq!(genesys.requests().len(), asked, "nothing is asked for what cannot be kept");
}

#[tokio::test]
async fn with_aws_the_secrets_are_made_in_secrets_manager_and_written_anew_where_they_are() {
    let genesys = genesys(HOUR).await;
    let secrets = SecretsManager::start().await.unwrap();
    secrets.permit(Role::Keeper);
    secrets.list_in_pages_of(1);
    let machine = Machine::with_aws(&secrets);
    let arguments = ["connect", "genesys-cloud", "acme", "--aws", "--fields", "-"];
    let fields = genesys_fields(genesys.base_url()).to_string();
    let (token, grant) = ("callgate/genesys-cloud/acme", "callgate-grant/genesys-cloud/acme");
    for issued in 1..=2 {
        let ended = machine.run(&arguments, &fields).await;
        assert_ended(&ended, 0, &["accepted", "in Secrets Manager in us-east-1"]);
        assert_eq!(secrets.names(), [grant, token]);
        assert_eq!(secrets.current(grant)["client_secret"], secret("client"));
        assert_eq!(secrets.current(token)["access_token"], format!("genesys-cloud-access-{issued:04}"));
    }
    // The grant is written before the token.
    assert_eq!(secrets.written(), [grant, token, grant, token]);
    assert!(!machine.store().exists());

    secrets.put("callgate/calltools/acme", &json!({"token": secret("key"), "silo": "east-1"}));
    secrets.put_binary("callgate/portsip/binary", CANARY);
    secrets.put("callgate/avaya/acme", &json!({"token": CANARY}));
    secrets.put("callgate-other/portsip/acme", &json!({"token": CANARY}));
    secrets.permit(Role::Refresher);
    let listed = machine.run(&["connections", "--aws"], "").await;
    assert_ended(&listed, 0, &[]);
    assert_eq!(row(&listed.stdout, "genesys-cloud", "acme")[2..], ["59", "token-refresh"]);
    assert_eq!(row(&listed.stdout, "portsip", "binary")[2], "binary");
    assert!(!listed.stdout.contains("avaya"), "{}", listed.stdout);
    assert_ended(&machine.run(&["refresh", "--aws"], "").await, 0, &["not_due"]);
    assert_eq!(secrets.refused(), [""; 0]);

    // Without the permission to make secrets, and where the service is down: the reason, and nothing is written.
    let asked = genesys.requests().len();
    secrets.permit(Role::Check);
    assert_ended(&machine.run(&arguments, &fields).await, 70, &["AccessDeniedException"]);
    secrets.permit(Role::Keeper);
    secrets.set(Condition::Unavailable);
    assert_ended(&machine.run(&arguments, &fields).await, 70, &["the store does not answer"]);
    for arguments in [&["refresh", "--aws"][..], &["connections", "--aws"]] {
        assert_ended(&machine.run(arguments, "").await, 70, &["the store does not answer"]);
    }
    assert_eq!(genesys.requests().len(), asked);
    assert_eq!(secrets.written().len(), 4);
}
