//! The token refresher as a black box: what it refreshes, what it writes and says, and what checks see of it.

use std::time::{Duration, SystemTime};

use callgate::clock::rfc3339;
use callgate_local::simulator::{Dialect, Failure, Fault, GenesysCloud, PortSip, Provider, RingCentral, Simulator};
use callgate_local::simulator::{genesys_cloud, portsip, ringcentral};
use callgate_tests::events::Event;
use callgate_tests::function::{Function, Output};
use callgate_tests::providers::{CONNECTION, PROVIDERS};
use callgate_tests::secrets_manager::{Condition, Role, SecretsManager};
use callgate_tests::sockets::RefusingPort;
use callgate_tests::stage::start_function;
use callgate_tests::{HarnessError, Result};
use serde_json::{Value, json};

const GENESYS: &str = "callgate/genesys-cloud/acme";
const GENESYS_GRANT: &str = "callgate-grant/genesys-cloud/acme";
const RINGCENTRAL: &str = "callgate/ringcentral/acme";
const RINGCENTRAL_GRANT: &str = "callgate-grant/ringcentral/acme";
const PORTSIP: &str = "callgate/portsip/acme";
const PORTSIP_GRANT: &str = "callgate-grant/portsip/acme";

/// The part that every credential of a grant has, and that must be found nowhere.
const CANARY: &str = "5up3r53cr3t";

/// So short a life that a token is due whenever it is looked at.
const ALWAYS_DUE: Duration = Duration::from_mins(4);

/// What the credential's holder is given by each endpoint.
const ISSUED: [&str; 6] = [
    "genesys-cloud-access-",
    "ringcentral-access-",
    "ringcentral-refresh-",
    "portsip-access-",
    "portsip-refresh-",
    CANARY,
];

fn queue(provider: &str) -> &'static str {
    PROVIDERS.iter().find(|known| known.name == provider).map_or("", |known| known.queue)
}

async fn genesys(life: Duration) -> Result<Simulator<GenesysCloud>> {
    let queue = queue("genesys-cloud");
    let agent = genesys_cloud::Agent::off_queue("3fa0c6ea-5b0a-4a35-9d2e-5d7b2a6d7f11", "Ada Byrne");
    let organisation = GenesysCloud::new(Dialect::Real).queue(queue, "sales").agent(queue, agent);
    Ok(Simulator::start(organisation.client("client", &secret("client")).token_life(life)).await?)
}

async fn ringcentral(life: Duration) -> Result<Simulator<RingCentral>> {
    let queue = queue("ringcentral");
    let agent = ringcentral::Agent::ready("979428000", "Ada Byrne", "101");
    let account = RingCentral::new(Dialect::Real).queue(queue, "sales").agent(queue, agent);
    let account = account.client("app", &secret("app")).jwt(&secret("jwt")).refresh_token(&secret("seed"));
    Ok(Simulator::start(account.token_life(life).token_requests_per_minute(100)).await?)
}

async fn portsip(life: Duration) -> Result<Simulator<PortSip>> {
    let queue = queue("portsip");
    let pbx = PortSip::new(Dialect::Real).queue(queue, "sales", "8001").agent(queue, portsip::Agent::ready("101", "A"));
    Ok(Simulator::start(pbx.user("gate", &secret("password")).token_life(life)).await?)
}

fn secret(name: &str) -> String {
    format!("{name}-{CANARY}")
}

fn genesys_grant(base_url: &str, client_secret: &str) -> Value {
    json!({"client_id": "client", "client_secret": client_secret, "base_url": base_url, "note": "kept"})
}

fn rotating_grant(base_url: &str) -> Value {
    json!({"grant_type": "refresh_token", "client_id": "app", "client_secret": secret("app"),
           "refresh_token": secret("seed"), "base_url": base_url})
}

/// A token secret whose token has this many minutes to live, of an hour.
fn token(base_url: &str, minutes: u64) -> Value {
    let now = SystemTime::now();
    let (past, left) = (Duration::from_mins(60 - minutes), Duration::from_mins(minutes));
    json!({"access_token": format!("old-{CANARY}"), "issued_at": rfc3339(now - past), "expires_at": rfc3339(now + left),
           "base_url": base_url, "defaults": {"deadline_ms": 5000}})
}

/// Secrets that the refresher may list and write.
async fn secrets() -> Result<SecretsManager> {
    let secrets = SecretsManager::start().await?;
    secrets.permit(Role::Refresher);
    Ok(secrets)
}

async fn refresher(secrets_url: &str) -> Result<Function> {
    let environment = [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_url),
        ("CALLGATE_ALLOW_LOOPBACK", "1"),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("RUST_LOG", "trace"),
    ];
    Function::start("callgate-token-refresh", &environment).await
}

/// Runs a refresh and gives the lines of the answer.
async fn refresh(function: &mut Function) -> Result<Vec<Value>> {
    let answer = function.invoke(Event::load("refresh")?).await?.json()?;
    let lines = answer.get("refreshed").and_then(Value::as_array);
    lines.cloned().ok_or_else(|| HarnessError::new(format!("no list of what was refreshed: {answer}")))
}

/// Provider and outcome of each line.
fn outcomes(lines: &[Value]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|line| (line["provider"].as_str().unwrap_or_default(), line["outcome"].as_str().unwrap_or_default()))
        .collect()
}

/// The log's lines about connections.
fn log_lines(output: &Output) -> Vec<Value> {
    let lines = output.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == "refresh").collect()
}

/// How many requests went to a token endpoint.
fn exchanges<P: Provider>(simulator: &Simulator<P>) -> usize {
    let endpoints = ["/oauth/token", "/restapi/oauth/token", "/api/auth/sign_in", "/api/auth/refresh_token"];
    simulator.requests().iter().filter(|request| endpoints.contains(&request.path.as_str())).count()
}

/// The `Authorization` headers of the requests that were no sign-ins.
fn bearers<P: Provider>(simulator: &Simulator<P>) -> Vec<String> {
    let requests = simulator.requests().into_iter().filter_map(|request| request.authorization);
    requests.filter(|authorization| authorization.starts_with("Bearer ")).collect()
}

#[tokio::test]
async fn what_is_due_is_refreshed_and_written_once_and_a_second_invocation_does_nothing() -> Result<()> {
    for (event, more) in
        [("refresh", None), ("scheduled_refresh", None), ("direct", Some(json!({"refresh": {"why": 1}, "x": [null]})))]
    {
        let life = Duration::from_hours(1);
        let (genesys, ringcentral, portsip) = (genesys(life).await?, ringcentral(life).await?, portsip(life).await?);
        let secrets = secrets().await?;
        // Six grants and tokens in pages of two.
        secrets.list_in_pages_of(2);
        secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
        secrets.put(GENESYS, &token(genesys.base_url(), 10));
        secrets.put(
            RINGCENTRAL_GRANT,
            &json!({"grant_type": "jwt-bearer", "client_id": "app", "client_secret": secret("app"),
                    "jwt": secret("jwt"), "base_url": ringcentral.base_url()}),
        );
        secrets.put(RINGCENTRAL, &json!({"base_url": ringcentral.base_url()}));
        secrets.put(
            PORTSIP_GRANT,
            &json!({"username": "gate", "password": secret("password"), "base_url": portsip.base_url()}),
        );
        secrets.put(PORTSIP, &token(portsip.base_url(), 0));

        let mut function = refresher(&secrets.url()).await?;
        let payload = match more {
            Some(payload) => Event::load(event)?.body(&payload),
            None => Event::load(event)?,
        };
        let answer = function.invoke(payload).await?.json()?;
        let lines = answer["refreshed"].as_array().cloned().unwrap_or_default();
        let refreshed = [("genesys-cloud", "refreshed"), ("portsip", "refreshed"), ("ringcentral", "refreshed")];
        assert_eq!(outcomes(&lines), refreshed, "{event}: {answer}");
        for line in &lines {
            assert_eq!((&line["connection"], &line["minutes_left"]), (&json!(CONNECTION), &json!(59)), "{line}");
            assert!(line["expires_at"].is_string() && line.get("cause").is_none(), "{line}");
        }
        let mut written = secrets.written();
        written.sort();
        // PortSIP's refresh token is kept beside the password.
        assert_eq!(written, [PORTSIP_GRANT, GENESYS, PORTSIP, RINGCENTRAL], "{event}");
        assert_eq!(secrets.current(GENESYS)["access_token"], "genesys-cloud-access-0001");
        assert_eq!(secrets.current(GENESYS)["defaults"], json!({"deadline_ms": 5000}), "others' fields are kept");
        assert_eq!(secrets.current(GENESYS_GRANT), genesys_grant(genesys.base_url(), &secret("client")));
        assert_eq!(secrets.current(RINGCENTRAL)["access_token"], "ringcentral-access-0001");
        assert_eq!(secrets.current(PORTSIP)["access_token"], "portsip-access-0001");
        assert_eq!(secrets.current(PORTSIP_GRANT)["refresh_token"], "portsip-refresh-0001");

        let again = refresh(&mut function).await?;
        let not_due = [("genesys-cloud", "not_due"), ("portsip", "not_due"), ("ringcentral", "not_due")];
        assert_eq!(outcomes(&again), not_due, "{event}");
        assert_eq!(secrets.written().len(), 4, "{event}");
        assert_eq!((exchanges(&genesys), exchanges(&ringcentral), exchanges(&portsip)), (1, 1, 1), "{event}");
        assert_eq!(secrets.refused(), [""; 0], "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn each_connection_has_one_log_line_with_its_metrics() -> Result<()> {
    let genesys = genesys(Duration::from_hours(24)).await?;
    let secrets = secrets().await?;
    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
    secrets.put(GENESYS, &token(genesys.base_url(), 5));
    secrets.put("callgate-grant/genesys-cloud/wrong", &genesys_grant(genesys.base_url(), &secret("wrong")));
    secrets.put("callgate/genesys-cloud/wrong", &token(genesys.base_url(), 5));
    secrets.put("callgate/portsip/pasted", &token("https://pbx.example.com:8887", 30));
    // Its key does not end; it is no matter.
    secrets.put("callgate/calltools/acme", &json!({"token": secret("key"), "silo": "east-1"}));

    let mut function = refresher(&secrets.url()).await?;
    let answered = refresh(&mut function).await?;
    let expected = [("genesys-cloud", "refreshed"), ("genesys-cloud", "rejected"), ("portsip", "no_grant")];
    assert_eq!(outcomes(&answered), expected);
    let logged = log_lines(&function.finish().await?);
    assert_eq!(outcomes(&logged), expected);
    for ((line, answered), failed) in logged.iter().zip(&answered).zip([0, 1, 1]) {
        for name in ["provider", "connection", "outcome", "minutes_left", "expires_at"] {
            assert_eq!(line[name], answered[name], "{name}: {line}");
        }
        assert_eq!(line["cause"], answered.get("cause").cloned().unwrap_or_default());
        assert_eq!(line["cause"].is_string(), failed == 1, "{line}");
        assert!(line["minutes_left"].is_i64(), "{line}");
        assert_eq!(line["refresh_failed"], failed, "{line}");
        assert!(line["_aws"]["Timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{line}");
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Namespace"], "callgate", "{line}");
        // By connection, and one metric over all of them for an alarm.
        assert_eq!(metrics["Dimensions"], json!([[], ["provider", "connection"]]), "{line}");
        // Each dimension and each metric is a field of the line.
        let dimensions = metrics["Dimensions"][1].as_array().cloned().unwrap_or_default();
        let named = metrics["Metrics"].as_array().into_iter().flatten().map(|metric| metric["Name"].clone());
        let fields: Vec<Value> = dimensions.into_iter().chain(named).collect();
        assert_eq!(fields, ["provider", "connection", "minutes_left", "refresh_failed"]);
        assert!(fields.iter().all(|field| field.as_str().is_some_and(|field| line.get(field).is_some())), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rejected_grant_is_left_alone_until_it_is_changed() -> Result<()> {
    let genesys = genesys(Duration::from_hours(24)).await?;
    let secrets = secrets().await?;
    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("wrong")));
    secrets.put(GENESYS, &token(genesys.base_url(), 5));
    let mut function = refresher(&secrets.url()).await?;

    let first = refresh(&mut function).await?;
    assert_eq!(outcomes(&first), [("genesys-cloud", "rejected")]);
    assert!(first[0]["cause"].as_str().is_some_and(|cause| cause.contains("invalid_client")), "{first:?}");
    assert_eq!(secrets.current(GENESYS)["access_token"], format!("old-{CANARY}"), "the token in hand is left alone");
    for _ in 0..2 {
        let next = refresh(&mut function).await?;
        assert_eq!(outcomes(&next), [("genesys-cloud", "still_rejected")]);
        assert_eq!(next[0]["minutes_left"], 4);
    }
    assert_eq!(exchanges(&genesys), 1);

    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
    assert_eq!(outcomes(&refresh(&mut function).await?), [("genesys-cloud", "refreshed")]);
    assert_eq!(secrets.current(GENESYS).get("grant_rejected"), None);
    Ok(())
}

#[tokio::test]
async fn a_provider_that_is_down_leaves_the_token_and_the_other_connections_alone() -> Result<()> {
    let life = Duration::from_hours(1);
    let (genesys, ringcentral) = (genesys(life).await?, ringcentral(life).await?);
    let secrets = secrets().await?;
    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
    secrets.put(GENESYS, &token(genesys.base_url(), 5));
    secrets.put(RINGCENTRAL_GRANT, &rotating_grant(ringcentral.base_url()));
    secrets.put(RINGCENTRAL, &json!({"base_url": ringcentral.base_url()}));
    secrets.put("callgate-grant/portsip/typing", &json!({"username": "gate", "base_url": ["x"]}));
    secrets.put("callgate/portsip/typing", &json!({}));
    let before = secrets.current(GENESYS);
    let mut function = refresher(&secrets.url()).await?;

    let failures = [Failure::Unavailable, Failure::Internal, Failure::RateLimited { retry_after_seconds: 60 }];
    let others = [Fault::html(200), Fault::truncated(20), Fault::disconnect(), Fault::answer(200, "{}")];
    for fault in failures.map(Fault::failure).into_iter().chain(others) {
        let described = format!("{fault:?}");
        genesys.faults().push(fault);
        let lines = refresh(&mut function).await?;
        assert_eq!(outcomes(&lines)[..2], [("genesys-cloud", "failed"), ("portsip", "failed")], "{described}");
        assert!(lines[0]["cause"].is_string() && lines[0]["minutes_left"] == 4, "{described}: {lines:?}");
        assert!(lines[1]["cause"].as_str().is_some_and(|cause| cause.contains("base_url")), "{lines:?}");
        assert!(["refreshed", "not_due"].contains(&outcomes(&lines)[2].1), "{described}");
        assert_eq!(secrets.current(GENESYS), before, "{described}");
    }
    assert_eq!(outcomes(&refresh(&mut function).await?)[0], ("genesys-cloud", "refreshed"));
    Ok(())
}

#[tokio::test]
async fn secrets_manager_down_is_an_answer_and_no_function_error() -> Result<()> {
    for condition in [Condition::Unavailable, Condition::Throttled, Condition::Silent] {
        let secrets = secrets().await?;
        secrets.set(condition);
        let mut function = refresher(&secrets.url()).await?;
        assert_eq!(function.init_error(), None, "{condition:?}");
        let answer = function.invoke(Event::load("refresh")?).await?.json()?;
        assert_eq!(answer["status"], 503, "{condition:?}: {answer}");
        assert!(answer["detail"].is_string(), "{condition:?}: {answer}");
        // It is up again: the same process goes on.
        secrets.set(Condition::Up);
        assert_eq!(refresh(&mut function).await?, [Value::Null; 0], "{condition:?}");
        let output = function.finish().await?;
        assert!(output.stdout.contains("nothing was refreshed"), "{condition:?}: {}", output.stdout);
    }
    let refusing = RefusingPort::reserve()?;
    let answer = refresher(&refusing.url()).await?.invoke(Event::load("refresh")?).await?.json()?;
    assert_eq!(answer["status"], 503, "{answer}");
    // A role without the permission.
    let secrets = SecretsManager::start().await?;
    let answer = refresher(&secrets.url()).await?.invoke(Event::load("refresh")?).await?.json()?;
    assert!(answer["status"] == 503 && answer.to_string().contains("AccessDenied"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn another_payload_is_told_what_to_send_and_no_secret_is_looked_at() -> Result<()> {
    let secrets = secrets().await?;
    secrets.put(GENESYS, &json!({}));
    let mut function = refresher(&secrets.url()).await?;
    for payload in ["{}", "null", "[]", "\"refresh\"", r#"{"warm": {"connections": ["acme"]}}"#, r#"{"Refresh": {}}"#] {
        let answer = function.invoke(Event::load("direct")?.body_text(payload)).await?.json()?;
        assert_eq!(answer["status"], 400, "{payload}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains(r#"{"refresh": {}}"#)), "{answer}");
    }
    for shape in ["rest_api_post", "http_api_get"] {
        assert_eq!(function.invoke(Event::load(shape)?).await?.json()?["status"], 400, "{shape}");
    }
    assert_eq!((secrets.asked(), secrets.written()), (Vec::new(), Vec::new()));
    Ok(())
}

#[tokio::test]
async fn a_check_uses_the_token_that_the_refresher_wrote() -> Result<()> {
    let provider = PROVIDERS[1];
    let genesys = genesys(Duration::from_hours(24)).await?;
    let secrets = secrets().await?;
    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
    secrets.put(GENESYS, &token(genesys.base_url(), 10));

    secrets.permit(Role::Check);
    let mut check = start_function(provider, &secrets.url(), &[]).await?;
    let question = Event::load("direct")?.asking(&provider.question());
    // The token in hand was never this organisation's.
    let verdict = check.invoke(question.clone()).await?.json()?;
    assert_eq!(verdict["reason"], "auth_expired", "{verdict}");

    secrets.permit(Role::Refresher);
    let mut function = refresher(&secrets.url()).await?;
    assert_eq!(outcomes(&refresh(&mut function).await?), [("genesys-cloud", "refreshed")]);

    secrets.permit(Role::Check);
    let verdict = check.invoke(question).await?.json()?;
    assert_eq!((&verdict["decision"], &verdict["reason"]), (&json!("accept"), &json!("ok")), "{verdict}");
    assert_eq!(bearers(&genesys).last().map(String::as_str), Some("Bearer genesys-cloud-access-0001"));
    assert_eq!(secrets.refused(), [""; 0], "the check function reads its own secret and writes none");
    Ok(())
}

#[tokio::test]
async fn a_chain_of_refresh_tokens_goes_on_and_checks_between_follow_it() -> Result<()> {
    let provider = PROVIDERS[2];
    let ringcentral = ringcentral(ALWAYS_DUE).await?;
    let secrets = secrets().await?;
    secrets.put(RINGCENTRAL_GRANT, &rotating_grant(ringcentral.base_url()));
    secrets.put(RINGCENTRAL, &json!({"base_url": ringcentral.base_url()}));
    let mut function = refresher(&secrets.url()).await?;
    let mut check = start_function(provider, &secrets.url(), &[]).await?;
    let question = Event::load("direct")?.asking(&provider.question());

    for generation in 1..=4 {
        secrets.permit(Role::Refresher);
        assert_eq!(outcomes(&refresh(&mut function).await?), [("ringcentral", "refreshed")], "{generation}");
        let (grant, token) = (secrets.current(RINGCENTRAL_GRANT), secrets.current(RINGCENTRAL));
        let access_token = format!("ringcentral-access-{generation:04}");
        assert_eq!(grant["refresh_token"], format!("ringcentral-refresh-{generation:04}"));
        assert_eq!(grant["generation"], generation);
        assert_eq!(grant.get("claimed"), None);
        assert_eq!((&grant["access_token"], &token["access_token"]), (&json!(access_token), &json!(access_token)));
        assert_eq!(token["rotates"], true);
        assert_eq!(token.get("refresh_token"), None, "what a check may read has no refresh token");

        // The warm function remembers the token before, which the provider no longer knows.
        secrets.permit(Role::Check);
        let verdict = check.invoke(question.clone()).await?.json()?;
        assert_eq!((&verdict["decision"], &verdict["reason"]), (&json!("accept"), &json!("ok")), "{verdict}");
        assert_eq!(bearers(&ringcentral).last(), Some(&format!("Bearer {access_token}")), "{generation}");
    }
    assert_eq!(exchanges(&ringcentral), 4);
    // Claimed, written with the new pair, and copied: each time.
    assert_eq!(secrets.written().len(), 12);
    assert_eq!(secrets.refused(), [""; 0]);
    let sessions = ringcentral.with(|account| account.sessions());
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    Ok(())
}

#[tokio::test]
async fn a_chain_survives_writes_whose_answers_are_lost() -> Result<()> {
    let ringcentral = ringcentral(ALWAYS_DUE).await?;
    let secrets = secrets().await?;
    secrets.put(RINGCENTRAL_GRANT, &rotating_grant(ringcentral.base_url()));
    secrets.put(RINGCENTRAL, &json!({"base_url": ringcentral.base_url()}));
    let mut function = refresher(&secrets.url()).await?;
    assert_eq!(outcomes(&refresh(&mut function).await?), [("ringcentral", "refreshed")]);

    secrets.set(Condition::WritesUnconfirmed);
    assert_eq!(outcomes(&refresh(&mut function).await?), [("ringcentral", "failed")]);
    // The claim may have been written: nobody uses the refresh token while that may be.
    assert_eq!(exchanges(&ringcentral), 1);
    secrets.set(Condition::Up);
    assert_eq!(outcomes(&refresh(&mut function).await?), [("ringcentral", "another_wrote")]);
    assert_eq!(exchanges(&ringcentral), 1);

    // The claim is over after a minute and a half; here it is taken back by hand.
    let mut grant = secrets.current(RINGCENTRAL_GRANT);
    grant["claimed"]["at"] = json!("2026-01-01T00:00:00Z");
    secrets.put(RINGCENTRAL_GRANT, &grant);
    assert_eq!(outcomes(&refresh(&mut function).await?), [("ringcentral", "refreshed")]);
    assert_eq!(secrets.current(RINGCENTRAL_GRANT)["refresh_token"], "ringcentral-refresh-0002");
    assert_eq!(secrets.current(RINGCENTRAL)["access_token"], "ringcentral-access-0002");

    // Cut between the grant and its copy: the next run copies, and asks nobody.
    let mut ahead = secrets.current(RINGCENTRAL_GRANT);
    ahead["access_token"] = json!("ringcentral-access-0003");
    ahead["issued_at"] = json!(rfc3339(SystemTime::now()));
    secrets.put(RINGCENTRAL_GRANT, &ahead);
    assert_eq!(outcomes(&refresh(&mut function).await?), [("ringcentral", "finished")]);
    assert_eq!(secrets.current(RINGCENTRAL)["access_token"], "ringcentral-access-0003");
    assert_eq!(exchanges(&ringcentral), 2);
    Ok(())
}

#[tokio::test]
async fn a_host_on_this_machine_is_refused_where_the_deployment_does_not_allow_it() -> Result<()> {
    let genesys = genesys(Duration::from_hours(24)).await?;
    let secrets = secrets().await?;
    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
    secrets.put(GENESYS, &token(genesys.base_url(), 5));
    let url = secrets.url();
    let mut function =
        Function::start("callgate-token-refresh", &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str())]).await?;
    let lines = refresh(&mut function).await?;
    assert_eq!(outcomes(&lines), [("genesys-cloud", "failed")]);
    assert!(lines[0]["cause"].as_str().is_some_and(|cause| cause.contains("base_url")), "{lines:?}");
    assert_eq!(genesys.requests().len(), 0);
    Ok(())
}

#[tokio::test]
async fn no_credential_appears_in_an_answer_or_in_the_output() -> Result<()> {
    let (genesys, ringcentral, portsip) =
        (genesys(ALWAYS_DUE).await?, ringcentral(ALWAYS_DUE).await?, portsip(ALWAYS_DUE).await?);
    let secrets = secrets().await?;
    secrets.put(GENESYS_GRANT, &genesys_grant(genesys.base_url(), &secret("client")));
    secrets.put(GENESYS, &token(genesys.base_url(), 10));
    secrets.put(RINGCENTRAL_GRANT, &rotating_grant(ringcentral.base_url()));
    secrets.put(RINGCENTRAL, &token(ringcentral.base_url(), 10));
    secrets.put(
        PORTSIP_GRANT,
        &json!({"username": "gate", "password": secret("password"), "base_url": portsip.base_url()}),
    );
    secrets.put(PORTSIP, &token(portsip.base_url(), 10));
    for (connection, text) in [
        ("no-json", format!(r#"{{"client_secret": "{CANARY}""#)),
        ("list", format!(r#"["{CANARY}"]"#)),
        ("nested", json!({"client_id": [CANARY], "client_secret": {"x": CANARY}}).to_string()),
        ("typo", json!({"client_id": "x", "client_secret": CANARY, "region": CANARY}).to_string()),
        ("elsewhere", json!({"client_id": "x", "client_secret": CANARY, "token_url": CANARY}).to_string()),
        ("refused", genesys_grant(genesys.base_url(), &secret("wrong")).to_string()),
    ] {
        secrets.put_text(&format!("callgate-grant/genesys-cloud/{connection}"), text.clone());
        secrets.put_text(&format!("callgate/genesys-cloud/{connection}"), text);
    }
    secrets.put_binary("callgate-grant/portsip/binary", CANARY);
    secrets.put_binary("callgate/portsip/binary", CANARY);

    let mut function = refresher(&secrets.url()).await?;
    let mut answered = Vec::new();
    for _ in 0..2 {
        answered.extend(refresh(&mut function).await?);
    }
    let echo = format!(r#"{{"error": "invalid_grant", "access_token": "{CANARY}", "refresh_token": ["{CANARY}"]}}"#);
    for fault in [Fault::failure(Failure::Unauthorized), Fault::answer(400, echo.clone()), Fault::answer(500, echo)] {
        genesys.faults().push(fault.clone());
        ringcentral.faults().push(fault.clone());
        portsip.faults().push(fault);
        answered.extend(refresh(&mut function).await?);
    }
    secrets.set(Condition::WritesUnconfirmed);
    answered.extend(refresh(&mut function).await?);

    let output = function.finish().await?;
    assert!(log_lines(&output).len() > 30, "{}", output.stdout);
    let seen = format!("{}\n{}\n{}", Value::from(answered), output.stdout, output.stderr);
    for secret in ISSUED {
        let found: Vec<&str> = seen.lines().filter(|line| line.contains(secret)).collect();
        assert!(found.is_empty(), "{secret} leaked: {found:#?}");
    }
    Ok(())
}
