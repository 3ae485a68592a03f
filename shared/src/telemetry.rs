//! The one log line of a check: what was decided and why, never a body, a secret or a caller's number.

use std::io::Write;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::{millis_between, rfc3339};
use crate::fault::Fault;
use crate::invocation::Invocation;
use crate::providers::ProviderName;
use crate::refresh::Refreshed;
use crate::settings::Settings;
use crate::verdict::{Decision, Reason, Source, Verdict};

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a log line is no state machine")]
struct Line<'a> {
    time: String,
    event: &'static str,
    decision_id: &'a str,
    decision: Decision,
    reason: Reason,
    provider: ProviderName,
    connection: &'a str,
    queue: &'a str,
    template: &'a str,
    source: Source,
    available: Option<i64>,
    counts: Value,
    counts_complete: bool,
    on_unknown_applied: bool,
    held_back: bool,
    data_age_ms: Option<u64>,
    upstream_requests: u32,
    upstream_status: Option<u16>,
    secret_ms: u64,
    provider_ms: u64,
    decide_ms: u64,
    elapsed_ms: u64,
    cold_start: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<&'a str>,
    checks: u8,
    accepted: u8,
    unknown: u8,
    accepted_by_policy: u8,
    rate_limited: u8,
    _aws: Value,
}

/// Writes a check's line to standard output, as one JSON object: for people and, in `CloudWatch`'s embedded format, for
/// its metrics.
pub fn write(settings: &Settings, verdict: &Verdict, invocation: &Invocation) {
    if settings.log_checks {
        write_line(&line(verdict, invocation));
    }
}

fn line<'a>(verdict: &'a Verdict, invocation: &'a Invocation) -> Line<'a> {
    let mut metrics = vec![
        ("checks", COUNT),
        ("accepted", COUNT),
        ("unknown", COUNT),
        ("accepted_by_policy", COUNT),
        ("rate_limited", COUNT),
        ("upstream_requests", COUNT),
        ("elapsed_ms", MILLISECONDS),
    ];
    // A metric without a value is a faulty line.
    if verdict.data_age_ms.is_some() {
        metrics.push(("data_age_ms", MILLISECONDS));
    }
    let measured = verdict.measured;
    Line {
        time: rfc3339(verdict.checked_at),
        event: "check",
        decision_id: &verdict.decision_id,
        decision: verdict.decision,
        reason: verdict.reason,
        provider: verdict.provider,
        connection: &verdict.connection,
        queue: &verdict.queue,
        template: &verdict.template,
        source: verdict.source,
        available: verdict.available,
        counts: verdict.counts.shown(),
        counts_complete: verdict.counts_complete,
        on_unknown_applied: verdict.on_unknown_applied,
        held_back: measured.held_back,
        data_age_ms: verdict.data_age_ms,
        upstream_requests: if measured.repeated { 0 } else { verdict.upstream_requests },
        upstream_status: measured.upstream_status,
        secret_ms: measured.secret_ms,
        provider_ms: measured.provider_ms,
        decide_ms: measured.decide_ms,
        elapsed_ms: verdict.elapsed_ms,
        cold_start: invocation.cold_start,
        trace_id: invocation.trace_id.as_deref(),
        hold_id: verdict.hold.as_ref().map(|hold| hold.id.as_str()),
        destination: verdict.destination.as_deref(),
        call_id: verdict.call_id.as_deref(),
        checks: 1,
        accepted: u8::from(verdict.accept),
        unknown: u8::from(verdict.on_unknown_applied),
        accepted_by_policy: u8::from(verdict.on_unknown_applied && verdict.accept),
        rate_limited: u8::from(verdict.reason == Reason::RateLimited || measured.held_back),
        _aws: embedded(verdict.checked_at, &[&["provider"], &["provider", "connection"]], &metrics),
    }
}

/// The part of a line that makes `CloudWatch` read metrics from it.
fn embedded(at: SystemTime, dimensions: &[&[&str]], metrics: &[(&str, &str)]) -> Value {
    let metrics: Vec<Value> = metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    json!({
        "Timestamp": millis_between(SystemTime::UNIX_EPOCH, at),
        "CloudWatchMetrics": [{"Namespace": "callgate", "Dimensions": dimensions, "Metrics": metrics}],
    })
}

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

/// Writes the line of a request that got no verdict: which fields are at fault, never what they hold.
pub fn write_refusal(
    settings: &Settings,
    provider: ProviderName,
    status: u16,
    faults: &[Fault],
    invocation: &Invocation,
) {
    if !settings.log_checks {
        return;
    }
    let pointers: Vec<&str> = faults.iter().take(MOST_POINTERS).map(|fault| fault.pointer.as_str()).collect();
    write_line(&json!({
        "time": rfc3339(SystemTime::now()),
        "event": "refusal",
        "provider": provider,
        "status": status,
        "faults": pointers,
        "cold_start": invocation.cold_start,
        "trace_id": invocation.trace_id,
    }));
}

const MOST_POINTERS: usize = 16;

/// Writes a connection's line after a refresh, with its metrics in `CloudWatch`'s embedded format.
pub fn write_refreshed(refreshed: &Refreshed) {
    write_line(&json!({
        "event": "refresh",
        "provider": refreshed.provider,
        "connection": refreshed.connection,
        "outcome": refreshed.outcome,
        "minutes_left": refreshed.minutes_left,
        "expires_at": refreshed.expires_at,
        "cause": refreshed.cause,
        "refresh_failed": u8::from(refreshed.outcome.is_alarming()),
        "_aws": embedded(
            SystemTime::now(),
            &[&[], &["provider", "connection"]],
            &[("minutes_left", "None"), ("refresh_failed", COUNT)],
        ),
    }));
}

/// Writes a remark on the deployment itself.
pub fn write_warning(warning: &str) {
    #[derive(Serialize)]
    struct Warning<'a> {
        event: &'static str,
        message: &'a str,
    }
    write_line(&Warning { event: "warning", message: warning });
}

fn write_line(line: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        // A log that cannot be written must not cost the call.
        let _ = std::io::stdout().lock().write_all(&text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::invocation::Invocation;
    use crate::verdict::Verdict;

    #[test]
    fn a_verdict_that_is_given_again_counts_its_requests_once() {
        let mut verdict: Verdict = serde_json::from_value(json!({
            "decision": "accept", "accept": true, "reason": "ok", "available": 1, "counts": {"available": 1},
            "counts_complete": true, "findings": [], "provider": "portsip", "connection": "acme", "queue": "8001",
            "template": "queue_agents", "source": "live", "data_age_ms": 6, "on_unknown_applied": false,
            "warnings": [], "message": "1 available; more than 0 needed", "decision_id": "1", "upstream_requests": 6,
            "elapsed_ms": 11, "checked_at": "2026-11-21T10:48:31.038Z", "call_id": "c1"
        }))
        .unwrap();
        for (repeated, expected) in [(false, 6), (true, 0)] {
            verdict.measured.repeated = repeated;
            let line = serde_json::to_value(super::line(&verdict, &Invocation::default())).unwrap();
            assert_eq!((&line["upstream_requests"], &line["checks"]), (&json!(expected), &json!(1)));
        }
    }
}
