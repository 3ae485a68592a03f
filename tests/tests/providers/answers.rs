//! What every provider's adapter makes of the same answers: refusals, failures, redirects, and what is no answer.

use std::time::{Duration, Instant};

use callgate_tests::providers::{PROVIDERS, Provider};
use callgate_tests::verdicts::assert_policy;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use crate::desk::{always, assert_says, own_server, requests, verdict_at};

/// Checks the reason of each refusal, both policies, and that only a 5xx is asked for again, once.
pub(crate) async fn assert_each_refusal(provider: Provider, cases: &[(u16, &str, &str)]) {
    for (status, body, reason) in cases {
        for (on_unknown, accepts) in [("reject", false), ("accept", true)] {
            let server = always(ResponseTemplate::new(*status).set_body_raw(*body, "application/json")).await;
            let verdict = verdict_at(provider, &server.uri(), json!({"on_unknown": on_unknown})).await;
            assert_policy(&verdict, reason, accepts);
            let sent = at_first(provider) * if *status >= 500 { 2 } else { 1 };
            assert_eq!(requests(&server).await.len(), sent, "{status} {body}");
            assert_eq!(verdict["upstream_requests"], sent, "{status} {body}");
            assert!(!verdict["message"].as_str().unwrap().is_empty());
        }
    }
}

/// How many requests a recipe opens with: `PortSIP` is asked for the queue's status and its agents side by side.
pub(crate) fn at_first(provider: Provider) -> usize {
    if provider.name == "portsip" { 2 } else { 1 }
}

/// The verdict of each provider's default recipe on one answer to everything, and how often each request is sent.
async fn assert_all(what: &str, answer: ResponseTemplate, reason: &str, times: usize) {
    for provider in PROVIDERS {
        let server = always(answer.clone()).await;
        let verdict = verdict_at(provider, &server.uri(), json!({})).await;
        let what = format!("{provider}: {what}");
        assert_says(&what, &verdict, &json!({"reason": reason, "accept": false, "on_unknown_applied": true}));
        assert_says(&what, &verdict, &json!({"source": "policy", "available": null, "counts": {}}));
        assert_eq!(requests(&server).await.len(), at_first(provider) * times, "{what}");
    }
}

#[tokio::test]
async fn a_server_error_is_asked_for_exactly_once_more() {
    for status in [500, 502, 503, 504] {
        assert_all("5xx", ResponseTemplate::new(status).set_body_string("<html>"), "provider_error", 2).await;
        for provider in PROVIDERS {
            let server = own_server().await;
            Mock::given(any()).respond_with(ResponseTemplate::new(status)).up_to_n_times(1).mount(&server).await;
            provider.mount(&server, 3).await;
            let verdict = verdict_at(provider, &server.uri(), json!({})).await;
            assert_says(provider.name, &verdict, &json!({"reason": "ok", "source": "live"}));
        }
    }
}

#[tokio::test]
async fn what_is_no_json_or_no_answer_is_never_a_count() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let deep_within = format!("{{\"count\": 5, \"total\": 5, \"status\": \"ONLINE\", \"records\": {deep}}}");
    let legal = r#"{"count": 5, "total": 5, "status": "ONLINE", "records": []"#;
    let utf16: Vec<u8> = format!("{legal}}}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (what, body) in [
        ("HTML", b"<!doctype html><title>Sign in</title>".to_vec()),
        ("nothing", Vec::new()),
        ("blanks", b" \r\n".to_vec()),
        ("null", b"null".to_vec()),
        ("text", b"\"5\"".to_vec()),
        ("a number", b"5".to_vec()),
        ("true", b"true".to_vec()),
        ("NaN", b"NaN".to_vec()),
        ("NaN in a field", br#"{"count": NaN, "total": NaN, "status": NaN}"#.to_vec()),
        ("truncated", legal.as_bytes().to_vec()),
        ("two documents", format!("{legal}}}{{}}").into_bytes()),
        ("too deep", deep.into_bytes()),
        ("too deep within", deep_within.into_bytes()),
        ("a byte order mark", format!("\u{feff}{legal}}}").into_bytes()),
        ("UTF-16", utf16),
        ("no UTF-8", format!("{legal}, \"x\": \"").into_bytes().into_iter().chain(*b"\xff\"}").collect()),
        ("a lone surrogate", format!("{legal}, \"x\": \"\\ud800\"}}").into_bytes()),
        ("a control character", format!("{legal}, \"x\": \"\n\"}}").into_bytes()),
    ] {
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        assert_all(what, answer, "unexpected_response", 1).await;
    }
}

#[tokio::test]
async fn a_bare_list_is_no_answer_of_a_provider_that_never_sends_one() {
    for provider in PROVIDERS.into_iter().filter(|provider| provider.name != "calltools") {
        for body in [json!([]), json!([{"acceptCurrentQueueCalls": true, "status": "READY"}])] {
            let server = always(ResponseTemplate::new(200).set_body_json(&body)).await;
            let verdict = verdict_at(provider, &server.uri(), json!({})).await;
            assert_policy(&verdict, "unexpected_response", false);
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_refused() {
    let body = format!("{{\"count\": 5, \"x\": \"{}\"}}", "x".repeat(9 << 20));
    assert_all("9 MiB", ResponseTemplate::new(200).set_body_string(body), "unexpected_response", 1).await;
}

#[tokio::test]
async fn a_status_that_is_no_answer_is_unexpected() {
    let legal = json!({"count": 5, "total": 5, "status": "ONLINE", "records": [], "items": []});
    for status in [201, 202, 204, 206, 207, 300, 304, 402, 405, 409, 410, 418] {
        let answer = ResponseTemplate::new(status).set_body_json(&legal);
        assert_all(&status.to_string(), answer, "unexpected_response", 1).await;
    }
}

#[tokio::test]
async fn compression_that_nobody_asked_for_is_refused() {
    for encoding in ["gzip", "zstd", "br", "deflate", "gzip, identity"] {
        let answer = ResponseTemplate::new(200)
            .insert_header("content-encoding", encoding)
            .set_body_raw(b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), "application/json");
        assert_all(encoding, answer, "unexpected_response", 1).await;
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let canary = always(ResponseTemplate::new(200).set_body_json(json!({"count": 5, "total": 5}))).await;
    for status in [301, 302, 303, 307, 308] {
        for to in [canary.uri(), "http://169.254.169.254/".to_owned(), "/elsewhere".to_owned()] {
            let answer = ResponseTemplate::new(status).insert_header("location", to.as_str());
            assert_all(&format!("{status} to {to}"), answer, "unexpected_response", 1).await;
        }
    }
    assert_eq!(requests(&canary).await, [""; 0]);
}

#[tokio::test]
async fn a_spent_quota_is_not_asked_again_whatever_retry_after_says() {
    let date = "Sun, 06 Nov 2044 08:49:37 GMT";
    for retry_after in ["60", date, "", "-1", "1e12", "soon", "99999999999999999999"] {
        let answer = ResponseTemplate::new(429).insert_header("retry-after", retry_after);
        assert_all(&format!("retry-after {retry_after}"), answer, "rate_limited", 1).await;
    }
    assert_all("no retry-after", ResponseTemplate::new(429), "rate_limited", 1).await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_costs_no_more_than_the_deadline() {
    let deadline = Duration::from_millis(800);
    for (on_unknown, accepts) in [("reject", false), ("accept", true)] {
        for provider in PROVIDERS {
            let server = always(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
            let asked = Instant::now();
            let verdict =
                verdict_at(provider, &server.uri(), json!({"deadline_ms": 800, "on_unknown": on_unknown})).await;
            assert!(asked.elapsed() < deadline, "{provider}: {:?}", asked.elapsed());
            assert_policy(&verdict, "provider_timeout", accepts);
            assert_eq!(requests(&server).await.len(), at_first(provider), "{provider}");
        }
    }
}

/// On a paused clock: time passes only while everybody waits, so these are exact.
#[tokio::test(start_paused = true)]
async fn every_deadline_is_kept_with_time_to_answer() {
    for provider in PROVIDERS {
        let server = always(ResponseTemplate::new(200).set_delay(Duration::from_mins(1))).await;
        for deadline_ms in [50, 200, 300, 1000, 10_000, 28_000] {
            let asked = tokio::time::Instant::now();
            let verdict = verdict_at(provider, &server.uri(), json!({"deadline_ms": deadline_ms})).await;
            let elapsed = asked.elapsed();
            assert!(elapsed < Duration::from_millis(deadline_ms), "{provider}: {elapsed:?} of {deadline_ms} ms");
            assert_policy(&verdict, "provider_timeout", false);
        }
    }
}

#[tokio::test]
async fn provider_text_in_a_message_is_one_short_printable_line() {
    let text = format!("\r\n\u{1b}[31m{{\"forged\": true}}{}", "x".repeat(10_000));
    let said = json!({
        "detail": text, "message": text, "code": text, "errorCode": text, "errors": [{"code": text, "message": text}]
    });
    for provider in PROVIDERS {
        for status in [400, 401, 403, 404, 429] {
            let server = always(ResponseTemplate::new(status).set_body_json(&said)).await;
            let verdict = verdict_at(provider, &server.uri(), json!({})).await;
            let message = verdict["message"].as_str().unwrap();
            assert!(message.len() < 400 && !message.contains(char::is_control), "{provider} {status}: {message}");
        }
    }
}

#[tokio::test]
async fn the_credential_is_in_no_verdict() {
    for provider in PROVIDERS {
        let echo = format!("your token {} is wrong", provider.canary());
        let said = json!({"detail": echo, "message": echo, "errors": [{"message": echo}]});
        for status in [200, 400, 401, 403, 404, 429, 500] {
            let server = always(ResponseTemplate::new(status).set_body_json(&said)).await;
            let verdict: Value = verdict_at(provider, &server.uri(), json!({"explain": true})).await;
            assert!(!verdict.to_string().contains(&provider.canary()), "{provider} {status}: {verdict:#}");
        }
    }
}
