//! The one log line of a check: what was decided and why, never a body, a secret or a caller's number.

use std::io::Write;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::json;

use crate::clock::{millis_between, rfc3339};
use crate::providers::ProviderName;
use crate::refresh::Refreshed;
use crate::settings::Settings;
use crate::verdict::{Decision, Reason, Source, Verdict};

#[derive(Serialize)]
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
    on_unknown_applied: bool,
    data_age_ms: Option<u64>,
    upstream_requests: u32,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<&'a str>,
}

/// Writes a check's line to standard output, as one JSON object.
pub fn write(settings: &Settings, verdict: &Verdict) {
    if !settings.log_checks {
        return;
    }
    let line = Line {
        time: rfc3339(verdict.checked_at),
        event: "check",
        decision_id: &verdict.decision_id,
        decision: verdict.decision,
        reason: verdict.reason,
        provider: verdict.provider,
        connection: &verdict.connection,
        queue: &verdict.queue,
        template: verdict.template,
        source: verdict.source,
        available: verdict.available,
        on_unknown_applied: verdict.on_unknown_applied,
        data_age_ms: verdict.data_age_ms,
        upstream_requests: verdict.upstream_requests,
        elapsed_ms: verdict.elapsed_ms,
        destination: verdict.destination.as_deref(),
        call_id: verdict.call_id.as_deref(),
    };
    write_line(&line);
}

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
        "_aws": {
            "Timestamp": millis_between(SystemTime::UNIX_EPOCH, SystemTime::now()),
            "CloudWatchMetrics": [{
                "Namespace": "callgate",
                "Dimensions": [["provider", "connection"]],
                "Metrics": [{"Name": "minutes_left"}, {"Name": "refresh_failed", "Unit": "Count"}],
            }],
        },
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
