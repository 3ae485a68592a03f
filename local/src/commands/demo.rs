//! The demonstration: checks over all four providers that end in accept, reject and unknown, as one table.

use std::process::ExitCode;
use std::time::Duration;

use callgate::providers::ProviderName::{self, CallTools, GenesysCloud, PortSip, RingCentral};
use callgate_local::sample::{CONNECTION, REVOKED, Sample, queues};
use callgate_local::simulator::{Dialect, Fault};
use serde_json::{Value, json};

use super::table::{cell, table};
use super::{Stopped, print};

/// One check of the demonstration.
struct Shown {
    provider: ProviderName,
    queue_name: &'static str,
    /// The request.
    body: Value,
    /// What the sample's agents make of it.
    expected: (&'static str, &'static str),
}

/// Runs the demonstration. Fails where a verdict is not what the sample's agents make it.
pub(super) async fn run() -> Result<ExitCode, Stopped> {
    let sample = Sample::start(Dialect::Real, false).await.map_err(Stopped::failed)?;
    // One queue of the PBX answers too late for its deadline, and RingCentral's quota is spent for one check.
    sample.portsip.faults().push(Fault::pass().delayed(Duration::from_secs(30)).always().only(SLOW_QUEUE));
    let mut rows = table(["provider", "queue", "decision", "reason", "available", "source", "ms"], &[4, 6]);
    let mut surprises = Vec::new();
    for check in checks() {
        let verdict = sample.gates.check(check.provider, &check.body.to_string()).await;
        let field = |name: &str| verdict.get(name).map_or_else(String::new, cell);
        rows.add_row([
            check.provider.to_string(),
            format!("{} {}", check.queue_name, shortened(&field("queue"))),
            match verdict.get("on_unknown_applied") {
                Some(Value::Bool(true)) => format!("unknown → {}", field("decision")),
                _ => field("decision"),
            },
            field("reason"),
            field("available"),
            field("source"),
            field("elapsed_ms"),
        ]);
        if (field("decision").as_str(), field("reason").as_str()) != check.expected {
            surprises.push(format!("{}: expected {:?}, came {verdict}", check.provider, check.expected));
        }
    }
    if !surprises.is_empty() {
        return Err(Stopped::failed(format!("the demonstration went wrong\n{}", surprises.join("\n"))));
    }
    print(&rows.to_string());
    print(
        "Simulated contact centres on this machine answered. A dash: this recipe does not say how many are free.\n\
         Try it yourself: `cargo run -- serve` prints requests to paste and shows how to flip a verdict.",
    );
    Ok(ExitCode::SUCCESS)
}

const SLOW_QUEUE: &str = "/call_queues/slow";

fn checks() -> Vec<Shown> {
    let check = |provider, queue_name, queue: &str, more: Value, expected| {
        let mut body = json!({"connection": CONNECTION, "queue": queue});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        Shown { provider, queue_name, body, expected }
    };
    let met = ("accept", "ok");
    let not_met = ("reject", "condition_not_met");
    let filters = json!({"options": {"agent_status_id": queues::CALLTOOLS_AVAILABLE, "ready": true}});
    let revoked = json!({"connection": REVOKED});
    let dropped_field = json!({"acceptance": {"parse_field": "pageCount"}});
    vec![
        check(CallTools, "sales", queues::CALLTOOLS_SALES, filters.clone(), met),
        check(CallTools, "support", queues::CALLTOOLS_SUPPORT, filters, not_met),
        check(CallTools, "sales", queues::CALLTOOLS_SALES, revoked, ("reject", "auth_expired")),
        check(GenesysCloud, "sales", queues::GENESYS_SALES, json!({}), met),
        check(GenesysCloud, "support", queues::GENESYS_SUPPORT, json!({}), not_met),
        check(GenesysCloud, "sales", queues::GENESYS_SALES, dropped_field, ("reject", "field_missing")),
        check(RingCentral, "sales", queues::RINGCENTRAL_SALES, json!({}), met),
        check(RingCentral, "support", queues::RINGCENTRAL_SUPPORT, json!({}), not_met),
        check(RingCentral, "unknown", "1", json!({"on_unknown": "accept"}), ("accept", "queue_not_found")),
        check(PortSip, "sales", queues::PORTSIP_SALES, json!({}), met),
        check(PortSip, "support", queues::PORTSIP_SUPPORT, json!({}), ("reject", "queue_closed")),
        check(PortSip, "slow", "slow", json!({"deadline_ms": 400}), ("reject", "provider_timeout")),
    ]
}

/// A queue id that fits a table; the verdict itself has it whole.
fn shortened(id: &str) -> String {
    const LONGEST: usize = 12;
    if id.chars().count() <= LONGEST { id.to_owned() } else { id.chars().take(LONGEST - 1).chain(['…']).collect() }
}
