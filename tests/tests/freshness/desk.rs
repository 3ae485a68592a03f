//! A simulated contact centre, the instances of a gate that ask it, and the one clock they all go by.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use callgate::budget::Budget;
use callgate::check::Gate;
use callgate::clock::Clock;
use callgate::credentials::MemoryStore;
use callgate::freshness::Shared;
use callgate::http::HttpClients;
use callgate::providers::{Provider, calltools, genesys_cloud, portsip, ringcentral};
use callgate::request::CheckRequest;
use callgate::settings::Settings;
use callgate::verdict::Verdict;
use callgate_local::simulator::{self, CallTools, Dialect, GenesysCloud, PortSip, RingCentral, Simulator};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The connection that every question names.
pub(crate) const CONNECTION: &str = "acme";
/// The credential in every secret.
pub(crate) const TOKEN: &str = "canary-of-the-account";
/// Where the stopped clocks stand at first: 2026-11-20T15:04:05Z, as the simulators' does.
pub(crate) const START_MS: u64 = 1_795_187_045_000;

/// One set of clients for all: a client is made once in a process.
pub(crate) static HTTP: LazyLock<Arc<HttpClients>> = LazyLock::new(|| Arc::new(HttpClients::new().unwrap()));

/// A provider's simulator, and the adapter that asks it.
pub(crate) trait Centre: simulator::Provider + Sized {
    /// The adapter.
    type Adapter: Provider;
    /// The queue's id.
    const QUEUE: &'static str;

    /// With so many ready agents in the queue, on this clock, and no limit that a test reaches.
    fn staffed(ready: u64, clock: simulator::Clock) -> Self;
}

impl Centre for CallTools {
    type Adapter = calltools::CallTools;
    const QUEUE: &'static str = "5457";

    fn staffed(ready: u64, clock: simulator::Clock) -> Self {
        let account =
            Self::new(Dialect::Real).queue(Self::QUEUE, "sales").with_clock(clock).requests_per_hour(NO_LIMIT);
        (1..=ready).fold(account, |account, id| {
            account.agent(Self::QUEUE, simulator::calltools::Agent::ready(100 + id, "Ada Byrne"))
        })
    }
}

impl Centre for GenesysCloud {
    type Adapter = genesys_cloud::GenesysCloud;
    const QUEUE: &'static str = "12345678-1234-1234-1234-123456789abc";

    fn staffed(ready: u64, clock: simulator::Clock) -> Self {
        let account =
            Self::new(Dialect::Real).queue(Self::QUEUE, "sales").with_clock(clock).requests_per_minute(NO_LIMIT);
        (1..=ready).fold(account, |account, id| {
            let id = format!("00000000-0000-4000-8000-{id:012}");
            account.agent(Self::QUEUE, simulator::genesys_cloud::Agent::off_queue(&id, "Ada Byrne"))
        })
    }
}

impl Centre for RingCentral {
    type Adapter = ringcentral::RingCentral;
    const QUEUE: &'static str = "987654321";

    fn staffed(ready: u64, clock: simulator::Clock) -> Self {
        let account =
            Self::new(Dialect::Real).queue(Self::QUEUE, "sales").with_clock(clock).requests_per_minute(NO_LIMIT);
        (1..=ready).fold(account, |account, id| {
            let agent = simulator::ringcentral::Agent::ready(&format!("97942{id:04}"), "Ada Byrne", &format!("{id}"));
            account.agent(Self::QUEUE, agent)
        })
    }
}

impl Centre for PortSip {
    type Adapter = portsip::PortSip;
    const QUEUE: &'static str = "NzAwNTUxOTA5NzczMTQ4MTYw";

    fn staffed(ready: u64, clock: simulator::Clock) -> Self {
        let pbx = Self::new(Dialect::Real).queue(Self::QUEUE, "sales", "8001").with_clock(clock);
        (1..=ready).fold(pbx.requests_per_minute(NO_LIMIT), |pbx, number| {
            pbx.agent(Self::QUEUE, simulator::portsip::Agent::ready(&format!("{}", 100 + number), "Ada Byrne"))
        })
    }
}

const NO_LIMIT: u64 = 1_000_000;
const LONG_ENOUGH: Duration = Duration::from_mins(1);

/// A contact centre at work.
pub(crate) struct Site<C: Centre> {
    pub(crate) simulator: Simulator<C>,
    pub(crate) clock: Clock,
}

impl<C: Centre> Site<C> {
    /// With so many ready agents in its one queue.
    pub(crate) async fn with(ready: u64) -> Self {
        Self::of(C::staffed(ready, simulator::Clock::stopped())).await
    }

    /// With this state, whose clock is a stopped one.
    pub(crate) async fn of(centre: C) -> Self {
        let simulator = Simulator::start(centre).await.unwrap();
        simulator.tokens().accept(TOKEN);
        Self { simulator, clock: Clock::stopped_at(START_MS) }
    }

    /// Puts everybody's clock on.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.simulator.clock().advance(time);
    }

    /// The requests received so far.
    pub(crate) fn requests(&self) -> usize {
        self.simulator.requests().len()
    }

    /// Waits until so many requests have been received.
    pub(crate) async fn received(&self, count: usize) {
        let received = tokio::time::timeout(LONG_ENOUGH, self.simulator.received(count)).await;
        assert!(received.is_ok(), "{} requests came, and not {count}", self.requests());
    }

    /// The connection's secret, with the members of `more`.
    pub(crate) fn secret(&self, more: Value) -> Value {
        let secret = json!({"base_url": self.simulator.base_url(), "region": "mypurecloud.com"});
        merged(merged(secret, json!({C::Adapter::TOKEN_FIELD: TOKEN})), more)
    }

    /// An instance on its own whose account has no limit that a test reaches.
    pub(crate) fn instance(&self) -> Instance<C::Adapter> {
        self.instance_with(ample())
    }

    /// An instance on its own, with more in its secret.
    pub(crate) fn instance_with(&self, more: Value) -> Instance<C::Adapter> {
        Instance::new(&self.secret(more), C::QUEUE, &self.clock, None)
    }

    /// An instance that shares with others, whose account has no limit that a test reaches.
    pub(crate) fn sharing(&self, shared: Shared) -> Instance<C::Adapter> {
        self.sharing_with(shared, ample())
    }

    /// An instance that shares with others, with more in its secret.
    pub(crate) fn sharing_with(&self, shared: Shared, more: Value) -> Instance<C::Adapter> {
        Instance::new(&self.secret(more), C::QUEUE, &self.clock, Some(shared))
    }
}

/// A quota that no test uses up.
pub(crate) fn ample() -> Value {
    quota(1_000_000, 60)
}

/// A quota, as a secret states it.
pub(crate) fn quota(requests: u32, per_seconds: u32) -> Value {
    json!({"quota": {"requests": requests, "per_seconds": per_seconds}})
}

/// One instance of a function: its gate, and what that remembers.
pub(crate) struct Instance<P> {
    pub(crate) gate: Arc<Gate<P, MemoryStore>>,
    queue: &'static str,
}

impl<P> Clone for Instance<P> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), queue: self.queue }
    }
}

impl<P: Provider> Instance<P> {
    /// An instance with one connection.
    pub(crate) fn new(secret: &Value, queue: &'static str, clock: &Clock, shared: Option<Shared>) -> Self {
        let settings = Settings { allow_loopback: true, log_checks: false, ..Settings::default() };
        let gate = Gate::with_clock(MemoryStore::default(), Arc::clone(&HTTP), settings, clock.clone()).sharing(shared);
        gate.put_secret(CONNECTION, secret.to_string());
        Self { gate: Arc::new(gate), queue }
    }

    /// The verdict on the queue; `more` are further fields of the question.
    pub(crate) async fn ask(&self, more: Value) -> Value {
        self.check(&self.request(more)).await
    }

    /// A question about the queue, understood.
    pub(crate) fn request(&self, more: Value) -> CheckRequest {
        let question = merged(json!({"connection": CONNECTION, "queue": self.queue}), more).to_string();
        CheckRequest::from_json::<P>(&question).unwrap_or_else(|faults| panic!("{question}: {faults:?}"))
    }

    /// The verdict on a question.
    pub(crate) async fn check(&self, request: &CheckRequest) -> Value {
        serde_json::to_value(self.verdict(request).await).unwrap()
    }

    /// The same, not yet as it goes out.
    pub(crate) async fn verdict(&self, request: &CheckRequest) -> Verdict {
        let deadline = request.deadline.unwrap_or(self.gate.settings().deadline);
        let budget = Budget::start(deadline, Duration::ZERO, None);
        self.gate.check(request, None, budget).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// The same question, under way beside whatever else is done.
    pub(crate) fn asking(&self, more: Value) -> impl Future<Output = Value> + Send + 'static {
        let instance = self.clone();
        async move { instance.ask(more).await }
    }
}

/// Begins checks all at once; they go on by themselves.
pub(crate) fn all_at_once(checks: impl IntoIterator<Item = impl Future<Output = Value> + Send + 'static>) -> Checks {
    let mut under_way = JoinSet::new();
    for (place, check) in checks.into_iter().enumerate() {
        under_way.spawn(async move { (place, check.await) });
    }
    Checks(under_way)
}

/// Checks under way; they end with this.
pub(crate) struct Checks(JoinSet<(usize, Value)>);

impl Checks {
    /// Their verdicts, in the order in which the checks were given.
    pub(crate) async fn verdicts(self) -> Vec<Value> {
        let mut verdicts = self.0.join_all().await;
        verdicts.sort_by_key(|(place, _)| *place);
        verdicts.into_iter().map(|(_, verdict)| verdict).collect()
    }
}

/// An object with the members of another.
pub(crate) fn merged(mut object: Value, more: Value) -> Value {
    if let Value::Object(more) = more {
        object.as_object_mut().unwrap().extend(more);
    }
    object
}

/// Checks the fields of a verdict that `expected` has.
#[track_caller]
pub(crate) fn assert_says(what: &str, verdict: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&verdict[field], value, "{what}: {field} in {verdict:#}");
    }
}

/// Checks that a warning has these words.
#[track_caller]
pub(crate) fn assert_warns(verdict: &Value, words: &[&str]) {
    let mut warnings = verdict["warnings"].as_array().unwrap().iter().filter_map(Value::as_str);
    assert!(warnings.any(|warning| words.iter().all(|word| warning.contains(word))), "{words:?} in {verdict:#}");
}

/// How many verdicts have this value in a field.
pub(crate) fn number_of(verdicts: &[Value], field: &str, value: &str) -> usize {
    verdicts.iter().filter(|verdict| verdict[field] == value).count()
}

/// One criterion on a normalised count.
pub(crate) fn agents(count: &str, condition: &str, value: u32) -> Value {
    json!({"acceptance": {"parse_type": "agents", "parse_field": count, "condition": condition, "value": value}})
}
