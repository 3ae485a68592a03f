//! The built function in many processes at once over one table: one question, a process that is killed, and one agent.

use callgate_local::simulator::{CallTools, Clock, Fault, Simulator};
use callgate_tests::Result;
use callgate_tests::dynamodb::{OneAtATime, create_table};
use callgate_tests::function::Function;
use callgate_tests::moto::Moto;
use callgate_tests::secrets_manager::SecretsManager;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::desk::{CONNECTION, Centre, HTTP, TOKEN, agents, assert_says, merged, number_of, quota};
use crate::homes::TABLE;

/// What several processes work with.
struct Floor {
    _moto: Moto,
    table: OneAtATime,
    secrets: SecretsManager,
    simulator: Simulator<CallTools>,
}

impl Floor {
    /// With so many ready agents. `None`: moto is not set up here, and the test is left out.
    async fn with(ready: u64) -> Result<Option<Self>> {
        let Some(moto) = Moto::start()? else { return Ok(None) };
        create_table(&HTTP.public(), moto.url(), TABLE).await?;
        let simulator = Simulator::start(CallTools::staffed(ready, Clock::system())).await?;
        simulator.tokens().accept(TOKEN);
        let secrets = SecretsManager::start().await?;
        let secret = merged(json!({"token": TOKEN, "base_url": simulator.base_url()}), quota(1000, 60));
        secrets.put("callgate/calltools/acme", &secret);
        let table = OneAtATime::before(moto.url(), HTTP.public()).await?;
        Ok(Some(Self { _moto: moto, table, secrets, simulator }))
    }

    async fn function(&self) -> Result<Function> {
        let (secrets, table) = (self.secrets.url(), self.table.url());
        let environment = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.as_str()),
            ("AWS_ENDPOINT_URL_DYNAMODB", table.as_str()),
            ("CALLGATE_STATE_TABLE", TABLE),
            // moto answers slower than the service, and slower still while the machine is busy.
            ("CALLGATE_STATE_TIMEOUT_MS", "5000"),
            ("CALLGATE_ALLOW_LOOPBACK", "1"),
        ];
        Function::start("callgate-calltools", &environment).await
    }

    /// So many functions, started side by side.
    async fn functions(&self, number: usize) -> Result<Vec<Function>> {
        let mut functions = Vec::new();
        for _ in 0..number {
            functions.push(self.function().await?);
        }
        Ok(functions)
    }
}

fn question(more: Value) -> String {
    let question = json!({"connection": CONNECTION, "queue": CallTools::QUEUE, "deadline_ms": 20_000});
    merged(question, more).to_string()
}

/// Asks all functions at once.
async fn all_asked(functions: Vec<Function>, question: &str) -> Result<Vec<Value>> {
    let mut asked = JoinSet::new();
    for mut function in functions {
        let question = question.to_owned();
        asked.spawn(async move { function.invoke(question).await?.json() });
    }
    asked.join_all().await.into_iter().collect()
}

#[tokio::test]
async fn many_cold_processes_ask_once() -> Result<()> {
    let Some(floor) = Floor::with(3).await? else { return Ok(()) };
    let functions = floor.functions(PROCESSES).await?;
    let verdicts = all_asked(functions, &question(json!({"max_age_ms": 60_000}))).await?;
    assert_eq!(number_of(&verdicts, "reason", "ok"), PROCESSES);
    assert!(floor.simulator.requests().len() <= 2, "{} requests", floor.simulator.requests().len());
    for verdict in &verdicts {
        assert!(verdict["elapsed_ms"].as_u64().is_some_and(|elapsed| elapsed < 20_000), "{verdict:#}");
    }
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_asks_is_followed_by_another() -> Result<()> {
    let Some(floor) = Floor::with(3).await? else { return Ok(()) };
    let (mut lost, mut next) = (floor.function().await?, floor.function().await?);
    floor.simulator.faults().push(Fault::pass().held());
    let asking = tokio::spawn(async move {
        drop(lost.invoke(question(json!({"max_age_ms": 60_000}))).await);
    });
    floor.simulator.received(1).await;
    // Dropped with its task, the process is killed, request and lease in hand.
    asking.abort();
    assert!(asking.await.is_err_and(|ended| ended.is_cancelled()));
    let verdict = next.invoke(question(json!({"max_age_ms": 60_000}))).await?.json()?;
    assert_says("next", &verdict, &json!({"source": "live", "reason": "ok"}));
    assert_eq!(floor.simulator.requests().len(), 2);
    Ok(())
}

#[tokio::test]
async fn of_calls_in_several_processes_as_many_are_sent_as_there_are_agents() -> Result<()> {
    let Some(floor) = Floor::with(3).await? else { return Ok(()) };
    let functions = floor.functions(8).await?;
    let hold = merged(agents("available", "at_least", 1), json!({"hold_ms": 600_000}));
    let verdicts = all_asked(functions, &question(hold)).await?;
    assert_eq!(number_of(&verdicts, "decision", "accept"), 3);
    assert_eq!(number_of(&verdicts, "reason", "held_by_others"), 5);
    Ok(())
}

/// As many as two cores start within a test's patience.
const PROCESSES: usize = 40;
