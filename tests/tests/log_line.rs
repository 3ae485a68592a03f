//! The log of the built functions: one line for each check, which is also metrics in `CloudWatch`'s embedded format.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callgate_tests::Result;
use callgate_tests::events::Event;
use callgate_tests::function::Output;
use callgate_tests::providers::{PROVIDERS, Provider};
use callgate_tests::sockets::RefusingPort;
use callgate_tests::stage::{Stage, upstream};
use serde_json::{Value, json};

/// Not asked for by any field: the number of whoever calls.
const CALLER: &str = "+15555550123";
/// The root of the trace in the `Lambda-Runtime-Trace-Id` of every invocation.
const TRACE: &str = "1-5bef4de7-ad49b0e87f6ef6c87fc2e700";

/// The units of the format, as its definition lists them.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];
const MAX_DIMENSIONS: usize = 30;
const MAX_METRICS: usize = 100;
const MAX_TEXT: usize = 1024;

/// Everything on standard output as JSON: one object a line, and no line that is none.
fn lines(output: &Output) -> Vec<Value> {
    let lines = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null));
    let lines: Vec<Value> = lines.collect();
    assert!(lines.iter().all(Value::is_object), "{}", output.stdout);
    lines
}

fn checks(output: &Output) -> Vec<Value> {
    lines(output).into_iter().filter(|line| line["event"] == "check").collect()
}

/// Checks a line against the definition of the embedded metric format.
#[track_caller]
fn assert_embedded_metrics(line: &Value, since: SystemTime) {
    let at = line["_aws"]["Timestamp"].as_u64().map(Duration::from_millis);
    let written = at.map(|at| UNIX_EPOCH + at);
    // To the millisecond, which is cut off.
    assert!(written.is_some_and(|at| at + Duration::from_millis(1) > since && at <= SystemTime::now()), "{line}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().cloned().unwrap_or_default();
    assert!(!directives.is_empty(), "{line}");
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap_or_default();
        assert!((1..=MAX_TEXT).contains(&namespace.len()), "{line}");
        let sets = directive["Dimensions"].as_array().cloned().unwrap_or_default();
        assert!(!sets.is_empty(), "{line}");
        for set in sets {
            let set = set.as_array().cloned().unwrap_or_else(|| panic!("a set of dimensions is a list: {line}"));
            assert!(set.len() <= MAX_DIMENSIONS, "{line}");
            for dimension in set {
                let value = dimension.as_str().and_then(|name| line[name].as_str()).unwrap_or_default();
                assert!((1..=MAX_TEXT).contains(&value.len()), "{dimension}: {line}");
            }
        }
        let metrics = directive["Metrics"].as_array().cloned().unwrap_or_default();
        assert!((1..=MAX_METRICS).contains(&metrics.len()), "{line}");
        let mut names: Vec<&str> = metrics.iter().filter_map(|metric| metric["Name"].as_str()).collect();
        for name in &names {
            assert!(line[*name].is_number(), "{name}: {line}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), metrics.len(), "each metric has a name of its own: {line}");
        for metric in &metrics {
            assert!(metric["Unit"].as_str().is_some_and(|unit| UNITS.contains(&unit)), "{metric}: {line}");
        }
    }
}

/// The metrics that a line names.
fn metrics(line: &Value) -> Vec<&str> {
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().into_iter().flatten();
    metrics.filter_map(|metric| metric["Name"].as_str()).collect()
}

/// A question with the labels that are logged, and a field that is nobody's.
fn labelled(provider: Provider) -> Value {
    provider.question_with(json!({
        "call_id": "call-7", "destination": "sales-west", "caller_number": CALLER, "stale_if_error_ms": 60_000
    }))
}

#[track_caller]
fn assert_nothing_leaks(provider: Provider, output: &Output) {
    let all = format!("{}{}", output.stdout, output.stderr);
    // The number, the key, and what is in the provider's answers alone.
    for canary in [CALLER, "5555550123", &provider.canary(), "Agent 1", "Inbound", "Main Site", "6a3af858"] {
        assert!(!all.contains(canary), "{provider}: {canary} in {all}");
    }
}

#[tokio::test]
async fn each_check_has_one_line_that_says_what_its_verdict_says() -> Result<()> {
    for provider in PROVIDERS {
        let since = SystemTime::now();
        let server = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &server.uri()).await?;
        let mut verdicts = Vec::new();
        for shape in ["direct", "rest_api_post", "http_api_get"] {
            verdicts.push(stage.ask(shape, &labelled(provider)).await?.document()?);
        }
        let output = stage.function.finish().await?;
        let lines = checks(&output);
        assert_eq!(lines.len(), 3, "{}", output.stdout);
        for (turn, (line, verdict)) in lines.iter().zip(&verdicts).enumerate() {
            assert_embedded_metrics(line, since);
            for field in [
                "decision_id",
                "decision",
                "reason",
                "provider",
                "connection",
                "queue",
                "template",
                "source",
                "available",
                "counts",
                "counts_complete",
                "on_unknown_applied",
                "data_age_ms",
                "upstream_requests",
                "elapsed_ms",
                "call_id",
                "destination",
            ] {
                assert_eq!(line[field], verdict[field], "{provider}: {field} of {line}");
            }
            assert_eq!(line["time"], verdict["checked_at"], "{line}");
            assert_eq!(line["cold_start"], turn == 0, "{line}");
            assert_eq!((&line["trace_id"], &line["upstream_status"]), (&json!(TRACE), &json!(200)), "{line}");
            for took in ["secret_ms", "provider_ms", "decide_ms"] {
                assert!(line[took].as_u64() <= line["elapsed_ms"].as_u64(), "{took}: {line}");
            }
            let marks = ["checks", "accepted", "unknown", "accepted_by_policy", "rate_limited"].map(|name| &line[name]);
            assert_eq!(marks, [1, 1, 0, 0, 0], "{line}");
            assert!(metrics(line).contains(&"data_age_ms"), "{line}");
        }
        assert_nothing_leaks(provider, &output);
    }
    Ok(())
}

#[tokio::test]
async fn a_check_that_policy_decides_has_a_line_without_what_it_does_not_know() -> Result<()> {
    for provider in PROVIDERS {
        let since = SystemTime::now();
        let port = RefusingPort::reserve()?;
        let mut stage = Stage::start(provider, &port.url()).await?;
        let mut question = labelled(provider);
        question["on_unknown"] = json!("accept");
        stage.verdict(&question).await?;
        let output = stage.function.finish().await?;
        let lines = checks(&output);
        let [line] = lines.as_slice() else { panic!("{}", output.stdout) };
        assert_embedded_metrics(line, since);
        assert_eq!((&line["reason"], &line["source"]), (&json!("provider_unreachable"), &json!("policy")), "{line}");
        assert_eq!([&line["data_age_ms"], &line["available"], &line["upstream_status"]], [&Value::Null; 3], "{line}");
        assert!(!metrics(line).contains(&"data_age_ms"), "a metric without a value is a faulty line: {line}");
        let marks = ["checks", "accepted", "unknown", "accepted_by_policy", "rate_limited"].map(|name| &line[name]);
        assert_eq!(marks, [1, 1, 1, 1, 0], "{line}");
        assert_nothing_leaks(provider, &output);
    }
    Ok(())
}

#[tokio::test]
async fn a_limit_that_was_met_is_marked_for_the_metric() -> Result<()> {
    let provider = PROVIDERS[0];
    let server = wiremock::MockServer::builder().start().await;
    let too_many = wiremock::ResponseTemplate::new(429).insert_header("Retry-After", "60");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(too_many).mount(&server).await;
    let mut stage = Stage::start(provider, &server.uri()).await?;
    for _ in 0..2 {
        stage.verdict(&provider.question()).await?;
    }
    let lines = checks(&stage.function.finish().await?);
    let said = |field: &str| lines.iter().map(|line| line[field].clone()).collect::<Vec<_>>();
    assert_eq!(said("reason"), ["rate_limited", "rate_limited"]);
    assert_eq!(said("rate_limited"), [1, 1]);
    // The first was refused by the provider, the second by what is known of the account.
    assert_eq!(said("upstream_status"), [json!(429), Value::Null]);
    assert_eq!(said("upstream_requests"), [1, 0]);
    assert_eq!(said("held_back"), [false, true]);
    Ok(())
}

#[tokio::test]
async fn a_refused_request_has_a_line_that_names_its_fields_and_not_what_they_hold() -> Result<()> {
    let canary = "canary-of-a-value";
    for provider in PROVIDERS {
        let server = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &server.uri()).await?;
        let faulty = provider.question_with(json!({
            "deadline_ms": canary, "template": canary, "caller_number": CALLER, "acceptance": {"value": [canary]}
        }));
        stage.ask("rest_api_post", &faulty).await?;
        let event = Event::load("rest_api_post")?.provider(provider.name).body_text(&format!("{{\"{canary}"));
        stage.function.invoke(event).await?;
        let output = stage.function.finish().await?;
        let lines: Vec<Value> = lines(&output);
        assert_eq!(lines.len(), 2, "{}", output.stdout);
        for (line, cold) in lines.iter().zip([true, false]) {
            assert_eq!((&line["event"], &line["status"]), (&json!("refusal"), &json!(400)), "{line}");
            assert_eq!((&line["provider"], &line["cold_start"]), (&json!(provider.name), &json!(cold)), "{line}");
            assert_eq!(line["trace_id"], TRACE, "{line}");
            assert!(line.get("_aws").is_none(), "it is no check: {line}");
        }
        let mut named: Vec<&str> =
            lines[0]["faults"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        named.sort_unstable();
        assert_eq!(named, ["/acceptance/value", "/deadline_ms", "/template"], "{provider}");
        assert!(!output.stdout.contains(canary) && !output.stderr.contains(canary), "{}", output.stdout);
        assert_nothing_leaks(provider, &output);
    }
    Ok(())
}
