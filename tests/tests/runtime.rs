//! The function binaries as black boxes: what Lambda hands them, what they answer, and what they ask for meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use callgate_tests::Result;
use callgate_tests::events::{Event, GATEWAY_SHAPES};
use callgate_tests::providers::{AGENTS, PROVIDERS};
use callgate_tests::runtime_api::InvokeOptions;
use callgate_tests::secrets_manager::{Condition, SecretsManager};
use callgate_tests::sockets::{ProviderSocket, RefusingPort};
use callgate_tests::stage::{Stage, requests, start_function, upstream};
use callgate_tests::verdicts::{assert_accepts, assert_in_time, assert_names_every_fault, assert_policy};
use serde_json::json;
use tokio::time::timeout;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn every_gateway_event_gets_http_200_and_the_verdict() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        for shape in GATEWAY_SHAPES {
            let answer = stage.ask(shape, &provider.question()).await?.gateway()?;
            assert_eq!(answer.status, 200, "{provider} {shape}: {answer:?}");
            assert_eq!(answer.media_type(), "application/json", "{provider} {shape}: {answer:?}");
            assert_accepts(provider, shape, &answer.json()?);
        }
        assert_eq!(stage.secrets.refused(), [""; 0], "{provider}");
    }
    Ok(())
}

#[tokio::test]
async fn a_direct_invocation_gets_the_bare_verdict() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let verdict = stage.verdict(&provider.question()).await?;
        assert_accepts(provider, "direct", &verdict);
        assert_eq!(verdict.get("statusCode"), None, "{verdict}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_ready_is_a_reject_and_a_queue_with_everybody_ready_an_accept() -> Result<()> {
    for provider in PROVIDERS {
        for (ready, reason) in [(0, "condition_not_met"), (AGENTS, "ok")] {
            let upstream = upstream(provider, ready).await;
            let mut stage = Stage::start(provider, &upstream.uri()).await?;
            let verdict = stage.verdict(&provider.question()).await?;
            assert_eq!(verdict["reason"], reason, "{provider}: {verdict}");
            assert_eq!(verdict["accept"], ready > 0, "{provider}: {verdict}");
            assert_eq!(verdict["on_unknown_applied"], false, "{provider}: {verdict}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn as_bool_answers_with_one_character_of_plain_text() -> Result<()> {
    for provider in PROVIDERS {
        for (ready, body) in [(0, "0"), (2, "1")] {
            let upstream = upstream(provider, ready).await;
            let mut stage = Stage::start(provider, &upstream.uri()).await?;
            for shape in ["rest_api_get", "http_api_get"] {
                let question = provider.question_with(json!({"as": "bool"}));
                let answer = stage.ask(shape, &question).await?.gateway()?;
                assert_eq!(answer.status, 200, "{provider} {shape}: {answer:?}");
                assert_eq!(answer.media_type(), "text/plain", "{provider} {shape}: {answer:?}");
                assert_eq!(answer.body.trim_end(), body, "{provider} {shape}: {answer:?}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_invocations_in_a_row_use_one_process_and_one_reading_of_the_secret() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let process_id = stage.function.process_id();
        let first = stage.verdict(&provider.question()).await?;
        let second = stage.verdict(&provider.question()).await?;
        assert_accepts(provider, "first", &first);
        assert_accepts(provider, "second", &second);
        assert_ne!(first["decision_id"], second["decision_id"], "{provider}");
        assert_eq!(stage.function.process_id(), process_id);
        assert_eq!(stage.secrets.asked(), [provider.secret_name()], "{provider}");
    }
    Ok(())
}

#[tokio::test]
async fn warming_reads_the_secret_and_connects_without_an_authenticated_request() -> Result<()> {
    for provider in PROVIDERS {
        for shape in ["warm", "scheduled_warm"] {
            let socket = ProviderSocket::not_found().await?;
            let mut stage = Stage::start(provider, &socket.url()).await?;
            let answer = stage.function.invoke(Event::load(shape)?).await?.json()?;

            let connected = timeout(SOON, socket.seen_that(|seen| seen.connections > 0)).await;
            assert!(connected.is_ok(), "{provider} {shape}: no connection was opened: {answer}");
            let received = String::from_utf8_lossy(&socket.seen().received).to_ascii_lowercase();
            assert!(!received.contains("authorization"), "{provider} {shape}: {received}");
            assert_eq!(stage.secrets.asked(), [provider.secret_name()], "{provider} {shape}");
            for word in ["decision", "accept", "reason"] {
                assert_eq!(answer.get(word), None, "{provider} {shape}: a verdict: {answer}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_check_after_warming_reads_no_secret_again() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        stage.function.invoke(Event::load("warm")?).await?.json()?;
        let verdict = stage.verdict(&provider.question()).await?;
        assert_accepts(provider, "after warming", &verdict);
        assert_eq!(stage.secrets.asked(), [provider.secret_name()], "{provider}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_cannot_be_understood_gets_a_problem_that_names_every_fault() -> Result<()> {
    let plain = json!({"connection": "../x", "deadline_ms": 10, "max_age_ms": "soon", "on_unknown": "maybe"});
    let plain_faults = ["/connection", "/queue", "/deadline_ms", "/max_age_ms", "/on_unknown"];
    let mut nested = plain.clone();
    nested["options"] = json!({"nonsense": 1});
    nested["acceptance"] = json!({"parse_type": "json", "parse_field": "total", "condition": "bigger", "value": 0});
    let nested_faults = [&plain_faults[..], &["/options/nonsense", "/acceptance/condition"]].concat();

    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        for shape in GATEWAY_SHAPES {
            let get = shape.ends_with("_get");
            let (question, faults) = if get { (&plain, &plain_faults[..]) } else { (&nested, &nested_faults[..]) };
            let answer = stage.ask(shape, question).await?.gateway()?;
            assert_eq!(answer.status, 400, "{provider} {shape}: {answer:?}");
            assert_eq!(answer.media_type(), "application/problem+json", "{provider} {shape}: {answer:?}");
            assert_names_every_fault(&answer.json()?, faults);
        }
        let problem = stage.ask("direct", &nested).await?.json()?;
        assert_names_every_fault(&problem, &nested_faults);
        stage.assert_nothing_was_asked(&upstream).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_no_plain_name_is_refused_before_any_secret_is_asked_for() -> Result<()> {
    let too_long = "a".repeat(64);
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        for connection in ["../x", "acme/other", "acme%2Fother", "*", "ACME", "-acme", "ac me", "", &too_long] {
            let question = provider.question_with(json!({"connection": connection}));
            for shape in GATEWAY_SHAPES {
                let answer = stage.ask(shape, &question).await?.gateway()?;
                assert_eq!(answer.status, 400, "{provider} {shape} {connection:?}: {answer:?}");
                assert_names_every_fault(&answer.json()?, &["/connection"]);
            }
            let problem = stage.ask("direct", &question).await?.json()?;
            assert_names_every_fault(&problem, &["/connection"]);
        }
        stage.assert_nothing_was_asked(&upstream).await;
    }
    Ok(())
}

#[tokio::test]
async fn the_path_of_another_provider_is_not_found() -> Result<()> {
    for (index, provider) in PROVIDERS.into_iter().enumerate() {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let neighbour = PROVIDERS.iter().cycle().nth(index + 1).map_or("", |neighbour| neighbour.name);
        for other in ["acme-pbx", neighbour] {
            for shape in GATEWAY_SHAPES {
                let event = Event::load(shape)?.provider(other).asking(&provider.question());
                let answer = stage.function.invoke(event).await?.gateway()?;
                assert_eq!(answer.status, 404, "{provider} {shape} {other}: {answer:?}");
            }
        }
        stage.assert_nothing_was_asked(&upstream).await;
    }
    Ok(())
}

#[tokio::test]
async fn json_nested_100000_deep_is_a_problem_and_no_crash() -> Result<()> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let below_a_field = format!(r#"{{"connection": "acme", "queue": "1", "acceptance": {deep}}}"#);
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let process_id = stage.function.process_id();
        for body in [&deep, &below_a_field] {
            for shape in ["rest_api_post", "rest_api_post_base64", "http_api_post", "function_url_post"] {
                let event = Event::load(shape)?.provider(provider.name).body_text(body);
                let answer = stage.function.invoke(event).await?.gateway()?;
                assert_eq!(answer.status, 400, "{provider} {shape}: {answer:?}");
            }
            let problem = stage.function.invoke(Event::load("direct")?.body_text(body)).await?.json()?;
            assert_eq!(problem["status"], 400, "{provider}: {problem}");
        }
        assert_eq!(stage.function.process_id(), process_id);
        stage.assert_nothing_was_asked(&upstream).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_body_of_six_megabytes_is_refused() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let question = provider.question_with(json!({"destination": "x".repeat(6_000_000)}));
        for shape in ["rest_api_post", "http_api_post"] {
            let answer = stage.ask(shape, &question).await?.gateway()?;
            assert!([400, 413].contains(&answer.status), "{provider} {shape}: {}", answer.status);
        }
        let problem = stage.ask("direct", &question).await?.json()?;
        assert!(problem["status"] == 400 || problem["status"] == 413, "{provider}: {problem}");
        stage.assert_nothing_was_asked(&upstream).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_secret_is_auth_missing_and_policy_decides() -> Result<()> {
    for provider in PROVIDERS {
        let secrets = SecretsManager::start().await?;
        let mut stage = Stage::with(provider, secrets).await?;
        for (on_unknown, accept) in [(None, false), (Some("reject"), false), (Some("accept"), true)] {
            let question = on_unknown.map_or_else(
                || provider.question(),
                |on_unknown| provider.question_with(json!({"on_unknown": on_unknown})),
            );
            for shape in GATEWAY_SHAPES {
                let answer = stage.ask(shape, &question).await?.gateway()?;
                assert_eq!(answer.status, 200, "{provider} {shape}: {answer:?}");
                assert_policy(&answer.json()?, "auth_missing", accept);
            }
            assert_policy(&stage.verdict(&question).await?, "auth_missing", accept);
        }
        let asked: BTreeSet<_> = stage.secrets.asked().into_iter().collect();
        assert_eq!(asked, BTreeSet::from([provider.secret_name()]));
    }
    Ok(())
}

#[tokio::test]
async fn secrets_manager_down_is_secrets_unavailable_within_the_deadline() -> Result<()> {
    for provider in PROVIDERS {
        let question = provider.question_with(json!({"deadline_ms": ms(DEADLINE)}));
        for condition in [Condition::Unavailable, Condition::Throttled, Condition::Silent] {
            let secrets = SecretsManager::start().await?;
            secrets.set(condition);
            let mut stage = Stage::with(provider, secrets).await?;
            assert_eq!(stage.function.init_error(), None, "{provider} {condition:?}");
            let outcome = stage.ask("rest_api_post", &question).await?;
            assert_policy(&outcome.document()?, "secrets_unavailable", false);
            assert_in_time(&outcome, DEADLINE);
        }

        let refusing = RefusingPort::reserve()?;
        let mut function = start_function(provider, &refusing.url(), &[]).await?;
        assert_eq!(function.init_error(), None, "{provider}");
        let event = Event::load("rest_api_post")?.provider(provider.name).asking(&question);
        let outcome = function.invoke(event).await?;
        assert_policy(&outcome.document()?, "secrets_unavailable", false);
        assert_in_time(&outcome, DEADLINE);
    }
    Ok(())
}

#[tokio::test]
async fn a_provider_that_never_answers_is_provider_timeout_within_the_deadline() -> Result<()> {
    for provider in PROVIDERS {
        let socket = ProviderSocket::silent().await?;
        let mut stage = Stage::start(provider, &socket.url()).await?;
        let question = provider.question_with(json!({"deadline_ms": ms(DEADLINE)}));
        for shape in ["rest_api_get", "http_api_post", "direct"] {
            let outcome = stage.ask(shape, &question).await?;
            assert_policy(&outcome.document()?, "provider_timeout", false);
            assert_in_time(&outcome, DEADLINE);
        }
        let all_closed = socket.seen_that(|seen| seen.closed == seen.connections);
        assert!(timeout(SOON, all_closed).await.is_ok(), "{provider}: a request is left running");
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_of_lambda_nearer_than_the_requests_own_wins() -> Result<()> {
    for provider in PROVIDERS {
        let socket = ProviderSocket::silent().await?;
        let mut stage = Stage::start(provider, &socket.url()).await?;
        let question = provider.question_with(json!({"deadline_ms": 20_000}));
        let event = Event::load("rest_api_post")?.provider(provider.name).asking(&question);
        let outcome = stage.function.invoke_with(event, InvokeOptions::deadline_in(DEADLINE)).await?;
        assert_policy(&outcome.document()?, "provider_timeout", false);
        assert_in_time(&outcome, DEADLINE);
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_of_lambda_in_1970_is_ignored() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let event = Event::load("rest_api_post")?.provider(provider.name).asking(&provider.question());
        let options = InvokeOptions::deadline_at_epoch_ms(600_000);
        let outcome = stage.function.invoke_with(event, options).await?;
        assert_accepts(provider, "deadline in 1970", &outcome.document()?);
    }
    Ok(())
}

#[tokio::test]
async fn time_spent_before_the_function_counts_up_to_half_of_the_deadline() -> Result<()> {
    let deadline = 2 * DEADLINE;
    for provider in PROVIDERS {
        let question = provider.question_with(json!({"deadline_ms": ms(deadline)}));
        for shape in ["rest_api_post", "http_api_post"] {
            let event = Event::load(shape)?.provider(provider.name).asking(&question);
            let event = event.requested_before(Duration::from_hours(1))?;

            let upstream = upstream(provider, 2).await;
            let mut ready = Stage::start(provider, &upstream.uri()).await?;
            let verdict = ready.function.invoke(event.clone()).await?.gateway()?.json()?;
            assert_accepts(provider, shape, &verdict);

            let socket = ProviderSocket::silent().await?;
            let mut silent = Stage::start(provider, &socket.url()).await?;
            let outcome = silent.function.invoke(event).await?;
            assert_policy(&outcome.document()?, "provider_timeout", false);
            assert_in_time(&outcome, deadline / 2);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_the_secret_does_not_allow_is_forbidden() -> Result<()> {
    for provider in PROVIDERS {
        let upstream = upstream(provider, 2).await;
        let mut stage = Stage::start(provider, &upstream.uri()).await?;
        let mut secret = provider.secret(&upstream.uri());
        secret["allowed_api_key_ids"] = json!(["allowed1"]);
        stage.secrets.put(&provider.secret_name(), &secret);

        let event = Event::load("rest_api_post")?.provider(provider.name).asking(&provider.question());
        let forbidden = stage.function.invoke(event.clone().api_key_id("another1")).await?.gateway()?;
        assert_eq!(forbidden.status, 403, "{provider}: {forbidden:?}");
        assert!(forbidden.body.contains("caller_forbidden"), "{provider}: {forbidden:?}");
        assert_eq!(requests(&upstream).await, 0, "{provider}");

        let allowed = stage.function.invoke(event.api_key_id("allowed1")).await?.gateway()?;
        assert_eq!(allowed.status, 200, "{provider}: {allowed:?}");
        assert_accepts(provider, "allowed key", &allowed.json()?);
    }
    Ok(())
}

#[tokio::test]
async fn no_value_of_a_secret_appears_in_an_answer_or_in_the_output() -> Result<()> {
    let trace = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace")];
    for provider in PROVIDERS {
        let canary = provider.canary();
        let upstream = MockServer::start().await;
        let secrets = SecretsManager::start().await?;
        let mut function = start_function(provider, &secrets.url(), &trace).await?;
        let mut seen = String::new();

        let unusable = [
            format!(r#"{{"token": "{canary}", "access_token": "{canary}""#),
            format!(r#"["{canary}"]"#),
            json!({"token": {"nested": canary}, "access_token": [canary], "base_url": upstream.uri()}).to_string(),
            json!({"api_key": canary, "base_url": upstream.uri()}).to_string(),
        ];
        for (index, text) in unusable.into_iter().enumerate() {
            let connection = format!("unusable-{index}");
            secrets.put_text(&format!("callgate/{}/{connection}", provider.name), text);
            let question = provider.question_with(json!({"connection": connection, "explain": true}));
            let outcome = function.invoke(Event::load("direct")?.asking(&question)).await?;
            seen.push_str(&outcome.json()?.to_string());
        }

        secrets.put(&provider.secret_name(), &provider.secret(&upstream.uri()));
        let question = provider.question_with(json!({"explain": true, "deadline_ms": ms(DEADLINE)}));
        provider.mount(&upstream, 2).await;
        let outcome = function.invoke(Event::load("direct")?.asking(&question)).await?;
        assert_accepts(provider, "usable secret", &outcome.json()?);
        seen.push_str(&outcome.json()?.to_string());
        let elsewhere = ResponseTemplate::new(302).insert_header("location", "https://elsewhere.example/");
        // The last two end in a pause in which nothing is sent.
        let refusals = [400, 403, 404, 500, 401, 429].map(ResponseTemplate::new);
        for answer in std::iter::once(elsewhere).chain(refusals) {
            upstream.reset().await;
            Mock::given(any()).respond_with(answer).mount(&upstream).await;
            let outcome = function.invoke(Event::load("direct")?.asking(&question)).await?;
            seen.push_str(&outcome.json()?.to_string());
        }

        let output = function.finish().await?;
        seen.push_str(&output.stdout);
        seen.push_str(&output.stderr);
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{provider}: nothing was logged");
        assert!(!seen.contains(&canary), "{provider}: the secret leaked: {seen}");
    }
    Ok(())
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the requests that must not take long state as theirs.
const DEADLINE: Duration = Duration::from_millis(800);

/// How long what must happen by itself may take.
const SOON: Duration = Duration::from_secs(10);
