//! A day on a clock that is moved: a check each minute, a run every five, and a token endpoint that is down a third of
//! the time.

use std::sync::Arc;
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::Gate;
use callgate::credentials::secret_name;
use callgate::grants::grant_name;
use callgate::http::HttpClients;
use callgate::providers::Provider;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use callgate_local::simulator::portsip::{Agent as PbxAgent, PortSip as Pbx, Status, Version};
use callgate_local::simulator::{
    Clock, Dialect, Failure, Fault, GenesysCloud as Organisation, Provider as Simulated, RingCentral as Account,
    Simulator,
};
use serde_json::json;

use crate::desk::{CLIENT_SECRET, CONNECTION, Desk, JWT, PASSWORD, REFRESH_TOKEN, provider, token_name};
use crate::store::{Put, Store};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const GENESYS_QUEUE: &str = "0c9a6f0e-7a1e-4d50-8b0f-5a0a6b7f8c90";

/// When the endpoint is down, by the minute of the day, and what its requests have in common.
struct Outages {
    is_down: fn(u64) -> bool,
    target: &'static str,
}

/// Lives through a day and checks that every check was answered with data.
async fn day<P: Provider, S: Simulated>(kind: &str, queue: &str, simulator: &Simulator<S>, outages: &Outages) {
    let desk = Desk::with(kind, simulator.base_url(), 0);
    assert!(desk.run_one().await.minutes_left >= Some(29));
    let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
    let http = Arc::new(HttpClients::new().unwrap());
    let gate = Gate::<P, Store>::with_clock(desk.store.clone(), http, settings, desk.clock.clone());
    let question = json!({"connection": CONNECTION, "queue": queue}).to_string();
    let check = CheckRequest::from_json::<P>(&question).unwrap();
    let mut was_down = false;
    for minute in 0..24 * 60 {
        let is_down = (outages.is_down)(minute);
        if is_down != was_down {
            simulator.faults().clear();
            if is_down {
                simulator.faults().push(Fault::failure(Failure::Unavailable).only(outages.target).always());
            }
            was_down = is_down;
        }
        if minute % 5 == 0 {
            desk.run().await;
        }
        let budget = Budget::start(Duration::from_secs(9), Duration::ZERO, None);
        let verdict = serde_json::to_value(gate.check(&check, None, budget).await.unwrap()).unwrap();
        assert_eq!(verdict["source"], "live", "{kind}, minute {minute}: {verdict:#}");
        assert_eq!(verdict["on_unknown_applied"], false, "{kind}, minute {minute}: {verdict:#}");
        desk.clock.advance(MINUTE);
        simulator.clock().advance(MINUTE);
    }
    for name in [token_name(kind), grant_name(provider(kind), CONNECTION)] {
        assert_sustained(&name, &desk.store.puts());
    }
    assert!(desk.store.versions(&secret_name(provider(kind), CONNECTION)) > 24);
}

/// A write for each ten minutes and no more: over two hours, wherever they begin.
fn assert_sustained(name: &str, puts: &[Put]) {
    let times: Vec<_> = puts.iter().filter(|put| put.name == name).map(|put| put.at).collect();
    for (index, first) in times.iter().enumerate() {
        let within = times[index..].iter().take_while(|at| at.duration_since(*first).unwrap() < 2 * HOUR).count();
        assert!(within <= 12, "{name}: {within} writes in two hours");
    }
    assert!(times.len() <= 144, "{name}: {} writes in a day", times.len());
}

const AT_THE_HOUR: fn(u64) -> bool = |minute| minute % 60 < 20;
const BEFORE_THE_HOUR: fn(u64) -> bool = |minute| minute % 60 >= 40;
const AT_HALF: fn(u64) -> bool = |minute| (27..47).contains(&(minute % 60));
/// For twenty minutes from the moment on at which the token got after the last outage falls due.
const WHEN_DUE: fn(u64) -> bool = |minute| minute % 50 >= 30;

#[tokio::test]
async fn genesys_cloud_for_a_day() {
    for is_down in [AT_THE_HOUR, WHEN_DUE] {
        let organisation = Organisation::new(Dialect::Real).with_clock(Clock::stopped()).token_life(HOUR);
        let organisation = organisation.queue(GENESYS_QUEUE, "Sales").client("app", CLIENT_SECRET);
        let simulator = organisation.start().await.unwrap();
        let outages = Outages { is_down, target: "/oauth/token" };
        day::<GenesysCloud, _>("genesys-cloud", GENESYS_QUEUE, &simulator, &outages).await;
    }
}

#[tokio::test]
async fn ringcentral_with_a_jwt_for_a_day() {
    ringcentral("jwt-bearer", &[BEFORE_THE_HOUR, WHEN_DUE]).await;
}

#[tokio::test]
async fn ringcentral_with_a_rotating_refresh_token_for_a_day() {
    ringcentral("refresh_token", &[AT_THE_HOUR, BEFORE_THE_HOUR, AT_HALF, WHEN_DUE]).await;
}

async fn ringcentral(kind: &str, outages: &[fn(u64) -> bool]) {
    for is_down in outages.iter().copied() {
        let account = Account::new(Dialect::Real).with_clock(Clock::stopped()).queue("1", "Sales");
        let account = account.client("app", CLIENT_SECRET).jwt(JWT).refresh_token(REFRESH_TOKEN);
        let simulator = account.start().await.unwrap();
        let outages = Outages { is_down, target: "/oauth/token" };
        day::<RingCentral, _>(kind, "1", &simulator, &outages).await;
    }
}

#[tokio::test]
async fn portsip_for_a_day() {
    for is_down in [AT_HALF, WHEN_DUE] {
        let pbx = Pbx::new(Dialect::Real).with_clock(Clock::stopped()).version(Version::V22_2);
        let pbx = pbx
            .user("gate", PASSWORD)
            .queue("7", "Sales", "8001")
            .agent("7", PbxAgent::new("101", "Ada", Status::Ready));
        let simulator = pbx.start().await.unwrap();
        let outages = Outages { is_down, target: "/auth/" };
        day::<PortSip, _>("portsip", "8001", &simulator, &outages).await;
    }
}
