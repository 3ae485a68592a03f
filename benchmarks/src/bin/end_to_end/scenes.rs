//! What is measured: each scene over all contenders, in turns, so that what disturbs the machine disturbs them all.

use std::time::Duration;

use callgate_benchmarks::answers::RECORDS;
use callgate_tests::function::Function;
use callgate_tests::secrets_manager::{Role, SecretsManager};
use callgate_tests::tls::TlsFront;
use callgate_tests::{HarnessError, Result};
use serde_json::{Value, json};

use crate::process::{cpu, freeze, peak_memory, thaw};
use crate::quota::Quota;
use crate::raw::RawGet;
use crate::stage::{CONNECTIONS, Contender, Stage, ask, question};

/// How often everything is done: enough for a median, on a machine with other work too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) cold_starts: usize,
    pub(crate) rounds: usize,
    pub(crate) thaws: usize,
}

/// A sandbox's first minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cold {
    /// From the start of the process until it asks for its first event.
    pub(crate) init: Duration,
    /// The first call, from its event to its answer.
    pub(crate) call: Duration,
    /// Processor time of both, in the quietest of the sandboxes.
    pub(crate) cpu: Duration,
    /// The most memory it had, in bytes.
    pub(crate) memory: u64,
}

/// The first minutes of several sandboxes.
#[derive(Clone, Debug, Default)]
struct Colds {
    inits: Vec<Duration>,
    calls: Vec<Duration>,
    cpus: Vec<Duration>,
    memory: u64,
}

impl Colds {
    /// Adds one whose first call took so long.
    async fn add(&mut self, function: &mut Function, call: Duration) -> Result<()> {
        function.idle().await?;
        self.inits.push(function.init());
        self.calls.push(call);
        self.cpus.push(cpu(function.process_id())?);
        self.memory = self.memory.max(peak_memory(function.process_id())?);
        Ok(())
    }

    fn median(self) -> Cold {
        Cold { init: median(self.inits), call: median(self.calls), cpu: quietest(self.cpus), memory: self.memory }
    }
}

/// Fresh processes, each asked once. With `limited` the call is under a quota, and what is before the call is not: Lambda
/// gives a whole processor to that. `None`: this machine has no quotas.
pub(crate) async fn cold(
    stage: &Stage,
    contenders: &[Contender],
    effort: Effort,
    limited: bool,
) -> Result<Option<Vec<Cold>>> {
    let (connection, _) = CONNECTIONS[0];
    let question = question(connection, RECORDS[0], 0);
    let mut measured = vec![Colds::default(); contenders.len()];
    for _ in 0..effort.cold_starts {
        for (contender, colds) in contenders.iter().zip(&mut measured) {
            let quota = if limited { Quota::new() } else { None };
            let mut function = stage.run(contender, connection).await?;
            match &quota {
                Some(quota) => quota.limit(function.process_id())?,
                None if limited => return Ok(None),
                None => {}
            }
            let call = ask(&mut function, &question, RECORDS[0], "live").await?;
            colds.add(&mut function, call).await?;
        }
    }
    Ok(Some(measured.into_iter().map(Colds::median).collect()))
}

/// One size of answer, asked for again and again.
#[derive(Clone, Debug)]
pub(crate) struct Warm {
    pub(crate) records: usize,
    /// A raw GET of the same answer: the median of the quietest round.
    pub(crate) raw: Duration,
    /// Of each contender.
    pub(crate) calls: Vec<Call>,
}

/// What one call costs one contender, in the quietest round: the processor time for each, and the median time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) cpu: Duration,
    pub(crate) elapsed: Duration,
}

/// All sizes in turn, in the same processes. Also says what memory each contender had at most, in bytes.
pub(crate) async fn warm(stage: &Stage, contenders: &[Contender], effort: Effort) -> Result<(Vec<Warm>, Vec<u64>)> {
    let (connection, _) = CONNECTIONS[0];
    let mut functions = Vec::new();
    for contender in contenders {
        functions.push(stage.run(contender, connection).await?);
    }
    let mut raw = RawGet::connect(&stage.authority, stage.provider()?)?;
    let mut sizes = Vec::new();
    for records in RECORDS {
        let question = question(connection, records, 0);
        let calls_in_a_round = if records > 1000 { 10 } else { 25 };
        let calls = u32::try_from(calls_in_a_round)?;
        let mut raws = Vec::new();
        let mut measured = vec![(Vec::new(), Vec::new()); functions.len()];
        // The first rounds are not counted: compilers at run time have something to learn.
        for round in 0..effort.rounds + UNCOUNTED_ROUNDS {
            if round == UNCOUNTED_ROUNDS {
                raws.clear();
                for (cpus, calls) in &mut measured {
                    cpus.clear();
                    calls.clear();
                }
            }
            let mut gets = Vec::new();
            for _ in 0..calls_in_a_round {
                gets.push(raw.get(records)?);
            }
            raws.push(median(gets));
            for (function, (cpus, elapsed)) in functions.iter_mut().zip(&mut measured) {
                let before = cpu(function.process_id())?;
                let mut asked = Vec::new();
                for _ in 0..calls_in_a_round {
                    asked.push(ask(function, &question, records, "live").await?);
                }
                elapsed.push(median(asked));
                function.idle().await?;
                cpus.push(cpu(function.process_id())?.saturating_sub(before) / calls);
            }
        }
        let calls = measured.into_iter().map(|(cpus, calls)| Call { cpu: quietest(cpus), elapsed: quietest(calls) });
        sizes.push(Warm { records, raw: quietest(raws), calls: calls.collect() });
    }
    let memory = functions.iter().map(|function| peak_memory(function.process_id())).collect::<Result<_>>()?;
    Ok((sizes, memory))
}

/// Processor time of a verdict from an answer that is remembered.
pub(crate) async fn cached(stage: &Stage, callgate: &Contender, effort: Effort) -> Result<Duration> {
    let (connection, _) = CONNECTIONS[0];
    let question = question(connection, RECORDS[1], 86_400_000);
    let mut function = stage.run(callgate, connection).await?;
    ask(&mut function, &question, RECORDS[1], "live").await?;
    let mut cpus = Vec::new();
    for round in 0..effort.rounds + UNCOUNTED_ROUNDS {
        function.idle().await?;
        let before = cpu(function.process_id())?;
        for _ in 0..CACHED_IN_A_ROUND {
            ask(&mut function, &question, RECORDS[1], "cached").await?;
        }
        function.idle().await?;
        if round >= UNCOUNTED_ROUNDS {
            cpus.push(cpu(function.process_id())?.saturating_sub(before) / CACHED_IN_A_ROUND);
        }
    }
    Ok(quietest(cpus))
}

/// Calls that went wrong after all connections had been ended while the process stood still: of each contender, for
/// each way of ending them.
pub(crate) async fn thawed(stage: &Stage, contenders: &[Contender], effort: Effort) -> Result<Vec<Vec<usize>>> {
    let mut wrong = Vec::new();
    for contender in contenders {
        let mut by_ending = Vec::new();
        for ((connection, _), provider) in CONNECTIONS.iter().zip(&stage.providers) {
            let question = question(connection, RECORDS[0], 0);
            let mut function = stage.run(contender, connection).await?;
            ask(&mut function, &question, RECORDS[0], "live").await?;
            let mut failed = 0;
            for _ in 0..effort.thaws {
                function.idle().await?;
                let process_id = function.process_id();
                freeze(process_id)?;
                provider.end_connections().await?;
                // The event is there when it wakes, as it is on Lambda.
                let (asked, thawed) =
                    tokio::join!(ask(&mut function, &question, RECORDS[0], "live"), async { thaw(process_id) });
                thawed?;
                failed += usize::from(asked.is_err());
            }
            by_ending.push(failed);
        }
        wrong.push(by_ending);
    }
    Ok(wrong)
}

/// The refresher's first run in a fresh process, over so many grants that are all due.
pub(crate) async fn refresh(stage: &Stage, refresher: &Contender, effort: Effort, grants: usize) -> Result<Cold> {
    let provider = stage.provider()?.url();
    let mut colds = Colds::default();
    for _ in 0..effort.cold_starts {
        let secrets = SecretsManager::start().await?;
        secrets.permit(Role::Refresher);
        for grant in 0..grants {
            let sign_in = json!({
                "username": format!("gate-{grant}"), "password": "benchmarks-password-0123456789",
                "base_url": provider, "ca_pem": stage.authority.ca_pem()
            });
            secrets.put(&format!("callgate-grant/portsip/g{grant}"), &sign_in);
            // The refresher writes tokens into secrets that `connect` has made.
            secrets.put(&format!("callgate/portsip/g{grant}"), &json!({"base_url": provider}));
        }
        let front = TlsFront::start(&stage.authority, secrets.address()).await?;
        let url = front.url();
        let environment = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str()),
            ("AWS_CA_BUNDLE", stage.bundle()),
            ("CALLGATE_ALLOW_LOOPBACK", "1"),
        ];
        let mut function = refresher.run(&environment).await?;
        let outcome = function.invoke(r#"{"refresh": {}}"#).await?;
        let answer = outcome.json()?;
        let done = answer.get("refreshed").and_then(Value::as_array).map_or(0, |lines| {
            lines.iter().filter(|line| line.get("outcome").is_some_and(|outcome| outcome == "refreshed")).count()
        });
        if done != grants {
            return Err(HarnessError::new(format!("of {grants} grants {done} were refreshed: {answer}")));
        }
        colds.add(&mut function, outcome.elapsed()).await?;
    }
    Ok(colds.median())
}

const UNCOUNTED_ROUNDS: usize = 2;
const CACHED_IN_A_ROUND: u32 = 100;

/// The least: other work on the machine can only add to a round. Of none, nothing.
fn quietest(rounds: Vec<Duration>) -> Duration {
    rounds.into_iter().min().unwrap_or_default()
}

/// The one in the middle; of none, nothing.
fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}
